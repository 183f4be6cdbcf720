//! `/users`: who is there, found by a search grammar; created, read, changed, deleted. What hangs on one user has a file each.

pub mod consents;
pub mod credentials;
pub mod federated_identity;
pub mod groups;
pub mod impersonation;
pub mod messages;
pub mod profile;
pub mod sessions;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::authn::brute_force;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::manage::error::ManageError;
use crate::manage::representation::credential::GivenCredential;
use crate::manage::representation::user::UserRepresentation;
use crate::manage::user_search::{self, UserQuery};
use crate::manage::users::{self, NewOtp, NewPassword, NewUser, UserSettings};
use crate::model::identity_provider::IdentityLink;
use crate::model::user::User;
use crate::model::user_profile::UserProfile;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::{DeletedUser, change};
use super::error::AdminError;
use super::paging::Page;

/// What lets a caller see users.
pub const VIEW: &[&str] = &["view-users", "manage-users"];
/// Entries of a list when the request does not say how many.
const DEFAULT_MAX: usize = 100;
/// Users with links that one step reads.
const LINK_STEP: usize = 500;
/// Credentials in one request.
const MAX_CREDENTIALS: usize = 64;

/// `GET …/users`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(VIEW) {
        // Who may only ask for users gets those that he may see: none, as long as no finer permissions are enforced.
        return Ok(answer::document(&json!([])));
    }
    let page = Page::of(&cx, Some(DEFAULT_MAX))?;
    let query = query(&cx).await?;
    let realm = &cx.realm().id;
    let found = user_search::find(&cx.app.store, realm, &query, (page.first, page.max)).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(false);
    let access = Map::from_iter([("manage".to_owned(), json!(cx.may(&["manage-users"])))]);
    let mut shown = represent_all(&cx, &found, brief).await?;
    for one in &mut shown {
        one.access = Some(access.clone());
    }
    Ok(answer::document(&shown))
}

/// `GET …/users/count`
pub async fn count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(VIEW) {
        return Ok(answer::document(&0));
    }
    let query = query(&cx).await?;
    let count = user_search::count(&cx.app.store, &cx.realm().id, &query).await?;
    Ok(answer::document(&count))
}

/// `POST …/users`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: UserRepresentation = body::read(&cx, "UserRepresentation")?;
    let settings = given.settings();
    let wanted = wanted_credentials(&cx, &given, &settings, None).await?;
    let new = NewUser { settings, groups: given.groups.clone().unwrap_or_default(), password: wanted.password };
    let (app, realm, new, generators) = (&cx.app, &cx.realm().id, &new, &wanted.generators);
    let user = change!(cx, |txn| async {
        let user = users::create(txn, &app.env, realm, new).await?;
        for generator in generators {
            users::add_otp(txn, &app.env, &app.sealer, realm, &user.id, generator).await?;
        }
        Ok(user)
    })?;
    Ok(answer::created(&cx, &["users", user.id.as_str()]))
}

/// `GET …/users/{user-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = visible(&cx).await?;
    let mut representation = represent(&cx, &user, false).await?;
    if cx.flag("userProfileMetadata").unwrap_or(false) {
        let profile = cx.app.store.peek().user_profiles().get(&cx.realm().id).await?;
        representation.user_profile_metadata = Some(profile::metadata(cx.realm(), &profile, true));
    }
    let manage = cx.may(&["manage-users"]);
    let access = [
        ("manageGroupMembership", manage),
        ("resetPassword", manage),
        ("view", true),
        ("mapRoles", manage),
        ("impersonate", cx.may(&["impersonation"])),
        ("manage", manage),
    ];
    representation.access = Some(access.into_iter().map(|(name, may)| (name.to_owned(), Value::Bool(may))).collect());
    Ok(answer::document(&representation))
}

/// `PUT …/users/{user-id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: UserRepresentation = body::read(&cx, "UserRepresentation")?;
    let user = existing(&cx).await?;
    let settings = given.settings();
    let wanted = wanted_credentials(&cx, &given, &settings, Some(&user.id)).await?;
    let (app, realm, id, settings) = (&cx.app, &cx.realm().id, &user.id, &settings);
    let (password, generators) = (wanted.password.as_ref(), &wanted.generators);
    change!(cx, |txn| async {
        users::update(txn, realm, id, settings).await?;
        if let Some(password) = password {
            users::set_password(txn, &app.env, realm, id, password).await?;
        }
        for generator in generators {
            users::add_otp(txn, &app.env, &app.sealer, realm, id, generator).await?;
        }
        Ok(())
    })?;
    if !user.enabled && settings.enabled == Some(true) {
        // Or the next wrong password would lock him out again.
        brute_force::forget(&app.store, realm, id).await?;
    }
    Ok(answer::done())
}

/// `DELETE …/users/{user-id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &UserId::from(cx.parameter("user-id")));
    change!(cx, |txn| async { Ok(DeletedUser(users::delete(txn, realm, id).await?)) })?;
    // Without their user they are worth nothing already; this only frees their place.
    for offline in [false, true] {
        crate::sessions::end_sessions_of(&cx.app.store, realm, id, offline).await?;
    }
    Ok(answer::done())
}

/// The user in the URL.
///
/// # Errors
/// There is none.
pub async fn existing(cx: &AdminRequest) -> Result<User, AdminError> {
    let id = UserId::from(cx.parameter("user-id"));
    let user = cx.app.store.peek().users().get(&cx.realm().id, &id).await?;
    Ok(user.ok_or_else(ManageError::no_user)?)
}

/// The user in the URL, for whom the caller needs a role to see him: who may only ask for users learns that he is not there, or
/// that he may not see him.
///
/// # Errors
/// There is none; the caller may not see him.
async fn visible(cx: &AdminRequest) -> Result<User, AdminError> {
    let user = existing(cx).await?;
    if cx.may(VIEW) { Ok(user) } else { Err(AdminError::Forbidden) }
}

/// A user as the realm's user profile lets administrators see him.
///
/// # Errors
/// When the store fails.
pub async fn represent(cx: &AdminRequest, user: &User, brief: bool) -> Result<UserRepresentation, AdminError> {
    Ok(represent_all(cx, std::slice::from_ref(user), brief).await?.remove(0))
}

/// The same of several.
///
/// # Errors
/// When the store fails.
pub async fn represent_all(cx: &AdminRequest, users: &[User], brief: bool) -> Result<Vec<UserRepresentation>, AdminError> {
    let (mut peek, realm) = (cx.app.store.peek(), &cx.realm().id);
    let with_attributes = !brief && users.iter().any(|user| !user.attributes.is_empty());
    let profile = if with_attributes { peek.user_profiles().get(realm).await? } else { UserProfile::default() };
    let mut all = Vec::with_capacity(users.len());
    for user in users {
        let federation = peek.identity_providers().links(realm, &user.id).await?.federation;
        if brief {
            all.push(UserRepresentation::brief(user).from_federation(federation));
            continue;
        }
        let has_otp = peek.credentials().get(realm, &user.id).await?.has_otp();
        let client = match &user.service_account_client {
            Some(client) => peek.clients().get(realm, client).await?.map(|client| client.client_id),
            None => None,
        };
        let shown = profile::shown(&profile, &user.attributes);
        let attributes = Some(shown).filter(|shown| !shown.is_empty());
        let full = UserRepresentation { attributes, ..UserRepresentation::full(user, has_otp, client.as_deref()) };
        all.push(full.from_federation(federation));
    }
    Ok(all)
}

/// What a request's list of credentials comes to.
#[derive(Default)]
struct Wanted {
    password: Option<NewPassword>,
    generators: Vec<NewOtp>,
}

/// Hashes come before the transaction. `user` is the one who is to change; a new one without.
async fn wanted_credentials(
    cx: &AdminRequest,
    given: &UserRepresentation,
    settings: &UserSettings,
    user: Option<&UserId>,
) -> Result<Wanted, AdminError> {
    let (passwords, realm) = (cx.app.passwords(), &cx.realm().id);
    let credentials = given.credentials.as_deref().unwrap_or_default();
    if credentials.len() > MAX_CREDENTIALS {
        return Err(ManageError::too_large("The list of credentials").into());
    }
    let mut wanted = Wanted::default();
    for credential in credentials {
        match credential.given() {
            GivenCredential::Password { value, temporary } => {
                wanted.password = Some(match user {
                    Some(user) => passwords.for_changed_user(realm, user, settings, value, temporary).await?,
                    None => passwords.for_new_user(realm, settings, value, temporary).await?,
                });
            }
            GivenCredential::Hash { hash, temporary } => wanted.password = Some(NewPassword::stored(hash, temporary)),
            GivenCredential::Otp(generator) => wanted.generators.push(generator),
            _ => {}
        }
    }
    Ok(wanted)
}

async fn query(cx: &AdminRequest) -> Result<UserQuery, AdminError> {
    let text = |name: &str| cx.argument(name).map(str::to_owned);
    Ok(UserQuery {
        search: text("search"),
        username: text("username"),
        email: text("email"),
        first_name: text("firstName"),
        last_name: text("lastName"),
        exact: cx.flag("exact").unwrap_or(false),
        enabled: cx.flag("enabled"),
        email_verified: cx.flag("emailVerified"),
        attributes: cx.argument("q").map(user_search::attributes).unwrap_or_default(),
        created_after: moment(cx, "createdAfter", false)?,
        created_before: moment(cx, "createdBefore", true)?,
        among: linked(cx).await?,
    })
}

/// The users who are linked as `idpAlias` and `idpUserId` say; `None` when neither is given.
async fn linked(cx: &AdminRequest) -> Result<Option<Vec<UserId>>, AdminError> {
    let (alias, account) = (cx.argument("idpAlias"), cx.argument("idpUserId"));
    if alias.is_none() && account.is_none() {
        return Ok(None);
    }
    let (mut peek, realm) = (cx.app.store.peek(), &cx.realm().id);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let step = peek.identity_providers().linked(realm, after.as_ref(), LINK_STEP).await?;
        let full = step.len() == LINK_STEP;
        after = step.last().map(|(id, _)| id.clone());
        let matches = |link: &IdentityLink| {
            alias.is_none_or(|alias| link.identity_provider == alias) && account.is_none_or(|account| link.user_id == account)
        };
        found.extend(step.into_iter().filter(|(_, links)| links.accounts.iter().any(matches)).map(|(id, _)| id));
        if !full {
            return Ok(Some(found));
        }
    }
}

/// A date or the milliseconds since 1970.
///
/// # Errors
/// It is neither.
pub fn moment(cx: &AdminRequest, name: &str, end_of_day: bool) -> Result<Option<Timestamp>, AdminError> {
    let Some(text) = cx.argument(name) else { return Ok(None) };
    if let Ok(millis) = text.parse::<i64>() {
        return Ok(Some(Timestamp(millis)));
    }
    let mut parts = text.splitn(3, '-').map(str::parse::<u16>);
    let date = match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) => {
            let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
            let day = u8::try_from(day).ok();
            month.zip(day).and_then(|(month, day)| time::Date::from_calendar_date(i32::from(year), month, day).ok())
        }
        _ => None,
    };
    let Some(date) = date else {
        let text = format!("Invalid value for '{name}', expected format is yyyy-MM-dd or an Epoch timestamp");
        return Err(AdminError::error(400, text));
    };
    let seconds = date.midnight().assume_utc().unix_timestamp();
    Ok(Some(Timestamp(seconds * 1000 + if end_of_day { 86_400_000 - 1 } else { 0 })))
}
