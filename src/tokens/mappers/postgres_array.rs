//! `keywright-postgres-array-mapper`, which Keycloak lacks: a list as an array literal of PostgreSQL (`{a,"b c"}`), as Hasura
//! wants it for session variables that are compared with array columns (`x-hasura-user-groups`). Without elements it is `{}`,
//! so that a rule which needs the variable finds it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::id::GroupId;
use crate::compiled::claim_path::ClaimPath;
use crate::compiled::mapper::ListSource;
use crate::tokens::claims::Claims;

use super::{Context, TokenRoles, group_membership, user_attribute};

pub fn apply(source: &ListSource, claim: &ClaimPath, cx: &Context<'_>, roles: &TokenRoles<'_>, claims: &mut Claims<'_>) {
    let of_client = |client: &String| roles.0.clients.iter().find(|(id, _)| *id.text == **client).map(|(_, roles)| roles.as_slice());
    let literal = match source {
        ListSource::GroupPaths => literal(group_membership::names(true, cx)),
        ListSource::GroupNames => literal(group_membership::names(false, cx)),
        ListSource::GroupIds => literal(cx.subject.user.groups.iter().map(GroupId::as_str)),
        ListSource::RealmRoles => literal(&roles.0.realm),
        ListSource::ClientRoles(client) => literal(of_client(client).unwrap_or_default()),
        ListSource::Attribute(attribute) => literal(user_attribute::values(cx.subject, attribute, false)),
    };
    claims.put(claim, Value::from(literal));
}

/// PostgreSQL 18, §8.15.2: elements between commas, quoted where they could be read as something else.
fn literal<T: AsRef<str>>(elements: impl IntoIterator<Item = T>) -> String {
    let mut literal = String::from("{");
    for element in elements {
        let element = element.as_ref();
        if literal.len() > 1 {
            literal.push(',');
        }
        if is_plain(element) {
            literal.push_str(element);
        } else {
            let escaped = element.replace('\\', r"\\").replace('"', r#"\""#);
            write!(literal, "\"{escaped}\"").expect("a string takes it");
        }
    }
    literal.push('}');
    literal
}

fn is_plain(element: &str) -> bool {
    let special = |character: char| matches!(character, '{' | '}' | ',' | '"' | '\\') || character.is_whitespace();
    !element.is_empty() && !element.eq_ignore_ascii_case("null") && !element.contains(special)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_read_as_something_else_is_quoted() {
        assert_eq!(literal([""; 0]), "{}");
        assert_eq!(literal(["a", "/staff/night", "b-1"]), "{a,/staff/night,b-1}");
        assert_eq!(
            literal(["a b", "x,y", "{", r#"q"q"#, r"back\slash", "", "NULL", "nullable"]),
            r#"{"a b","x,y","{","q\"q","back\\slash","","NULL",nullable}"#
        );
    }
}
