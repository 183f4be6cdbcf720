//! `oidc-usermodel-property-mapper`: a field of the user's document.

use std::borrow::Cow;

use crate::compiled::mapper::{Claim, UserProperty};
use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(property: UserProperty, claim: &Claim, cx: &Context<'_>, claims: &mut Claims<'_>) {
    let user = &cx.subject.user;
    let text = |text: &Option<String>| text.clone().map(Cow::Owned);
    let flag = |flag: bool| Some(Cow::Borrowed(if flag { "true" } else { "false" }));
    let value: Option<Cow<'_, str>> = match property {
        UserProperty::Id => Some(Cow::Borrowed(user.id.as_str())),
        UserProperty::Username => Some(Cow::Borrowed(&user.username)),
        UserProperty::Email => text(&user.email),
        UserProperty::FirstName => text(&user.first_name),
        UserProperty::LastName => text(&user.last_name),
        UserProperty::EmailVerified => flag(user.email_verified),
        UserProperty::Enabled => flag(user.enabled),
        UserProperty::CreatedTimestamp => Some(Cow::Owned(user.created.millis().to_string())),
        UserProperty::ServiceAccountClientLink => user.service_account_client.as_ref().map(|client| Cow::Borrowed(client.as_str())),
    };
    claims.put_texts(claim, value.as_deref());
}
