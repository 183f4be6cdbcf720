//! `oidc-usermodel-attribute-mapper`: an attribute of the user or, where he has none, of his groups.

use crate::compiled::Subject;
use crate::compiled::mapper::Claim;
use crate::model::group::Group;
use crate::model::user::User;
use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(attribute: &str, aggregate: bool, claim: &Claim, cx: &Context<'_>, claims: &mut Claims<'_>) {
    claims.put_texts(claim, values(cx.subject, attribute, aggregate));
}

/// The values of the user; with `aggregate`, or where he has none, also those of his groups, a group without the attribute
/// standing for its nearest ancestor that has it.
pub(super) fn values<'a>(subject: &'a Subject, attribute: &str, aggregate: bool) -> Vec<&'a str> {
    let mut values = own(&subject.user, attribute);
    if !aggregate && !values.is_empty() {
        return values;
    }
    for id in &subject.user.groups {
        let mut group = subject.groups.iter().find(|group| group.id == *id);
        // More steps upwards than groups would be a cycle.
        for _ in 0..subject.groups.len() {
            let Some(current) = group else { break };
            if let Some(found) = current.attributes.get(attribute).filter(|found| !found.is_empty()) {
                for value in found {
                    if !values.contains(&value.as_str()) {
                        values.push(value);
                    }
                }
                break;
            }
            group = parent(subject, current);
        }
        if !aggregate && !values.is_empty() {
            break;
        }
    }
    values
}

/// Name, e-mail and username are attributes of every user, although they are fields of the document.
fn own<'a>(user: &'a User, attribute: &str) -> Vec<&'a str> {
    let field = match attribute {
        "username" => Some(&user.username),
        "email" => user.email.as_ref(),
        "firstName" => user.first_name.as_ref(),
        "lastName" => user.last_name.as_ref(),
        _ => return user.attributes.get(attribute).into_iter().flatten().map(String::as_str).collect(),
    };
    field.into_iter().map(String::as_str).collect()
}

fn parent<'a>(subject: &'a Subject, group: &Group) -> Option<&'a Group> {
    let parent = group.parent.as_ref()?;
    subject.groups.iter().find(|candidate| candidate.id == *parent)
}
