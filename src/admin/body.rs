//! The JSON body of a request as a representation. Nesting is bounded by the parser, size by the row. Members that Keycloak's
//! representation does not have are refused, with Keycloak's text: a misspelt setting must not seem to be set.

use serde::de::DeserializeOwned;
use serde_ignored::Path;

use crate::web::administrator::AdminRequest;

use super::error::AdminError;

/// The names of the nested representations, by the member that holds them.
const NESTED: &[(&str, &str)] = &[
    ("credentials", "CredentialRepresentation"),
    ("federatedIdentities", "FederatedIdentityRepresentation"),
    ("clientConsents", "UserConsentRepresentation"),
    ("protocolMappers", "ProtocolMapperRepresentation"),
    ("composites", "RoleRepresentation$Composites"),
    ("subGroups", "GroupRepresentation"),
    ("profiles", "ClientProfileRepresentation"),
    ("executors", "ClientPolicyExecutorRepresentation"),
    ("policies", "ClientPolicyRepresentation"),
    ("conditions", "ClientPolicyConditionRepresentation"),
];

/// The body as a `T`, which Keycloak calls `name`.
///
/// # Errors
/// 415 for another content type, 400 for what is no such document.
pub fn read<T: DeserializeOwned>(cx: &AdminRequest, name: &'static str) -> Result<T, AdminError> {
    is_json(cx)?;
    parse(&cx.body, name, &[])
}

/// The body as a list of representations that Keycloak calls `name`.
///
/// # Errors
/// As [`read`].
pub fn list<T: DeserializeOwned>(cx: &AdminRequest, name: &'static str) -> Result<Vec<T>, AdminError> {
    is_json(cx)?;
    parse_any(&cx.body, name, &[])
}

/// As [`read`], of a representation with members that Keycloak has and we do not keep.
///
/// # Errors
/// As [`read`].
pub fn read_knowing<T: DeserializeOwned>(cx: &AdminRequest, name: &'static str, others: &[&str]) -> Result<T, AdminError> {
    is_json(cx)?;
    parse(&cx.body, name, others)
}

/// The body if there is one.
///
/// # Errors
/// As [`read`].
pub fn read_optional<T: DeserializeOwned>(cx: &AdminRequest, name: &'static str) -> Result<Option<T>, AdminError> {
    if cx.body.is_empty() { Ok(None) } else { read(cx, name).map(Some) }
}

/// The body as plain text.
///
/// # Errors
/// 400 for what is no UTF-8.
pub fn text(cx: &AdminRequest) -> Result<&str, AdminError> {
    std::str::from_utf8(&cx.body).map_err(|_| AdminError::described(400, "invalid_request", "Cannot read the text"))
}

/// Refuses another content type. A request without one is read as JSON.
///
/// # Errors
/// 415.
pub fn is_json(cx: &AdminRequest) -> Result<(), AdminError> {
    let media_type = cx.content_type().and_then(|value| value.split(';').next()).map(str::trim);
    match media_type {
        None => Ok(()),
        Some(json) if json.eq_ignore_ascii_case("application/json") => Ok(()),
        Some(_) => Err(AdminError::error(415, "The content-type header value did not match the value in @Consumes")),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8], name: &str, others: &[&str]) -> Result<T, AdminError> {
    // serde would take a list for the members of a struct in their order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(AdminError::described(400, "unknown_error", "Cannot parse the JSON"));
    }
    parse_any(body, name, others)
}

fn parse_any<T: DeserializeOwned>(body: &[u8], name: &str, others: &[&str]) -> Result<T, AdminError> {
    let mut unknown = None;
    let mut parser = serde_json::Deserializer::from_slice(body);
    let read = serde_ignored::deserialize(&mut parser, |path| {
        if unknown.is_none() {
            let is_other = |path: &Path<'_>| match path {
                Path::Map { parent: Path::Root, key } => others.contains(&key.as_str()),
                _ => false,
            };
            unknown = member(&path, name).filter(|_| !is_other(&path));
        }
    });
    let read: T = read.and_then(|read| parser.end().map(|()| read)).map_err(|error| {
        let code = if error.is_data() { "unknown_error" } else { "invalid_request" };
        AdminError::described(400, code, "Cannot parse the JSON")
    })?;
    match unknown {
        None => Ok(read),
        Some((member, within)) => Err(unrecognised(body, &member, &within)),
    }
}

/// The refusal of a member of representation `name`.
pub fn unrecognised(body: &[u8], member: &str, name: &str) -> AdminError {
    let (line, column) = place(body, member);
    let text = format!("Invalid json representation for {name}. Unrecognized field \"{member}\" at line {line} column {column}.");
    AdminError::error(400, text)
}

/// The member at the end of `path`, and the representation that does not have it.
fn member(path: &Path<'_>, name: &str) -> Option<(String, String)> {
    let Path::Map { parent, key } = path else { return None };
    let mut above = *parent;
    loop {
        above = match above {
            Path::Root => return Some((key.clone(), name.to_owned())),
            Path::Map { key: holder, .. } => {
                let nested = NESTED.iter().find(|(member, _)| member == holder).map_or(holder.as_str(), |(_, name)| name);
                return Some((key.clone(), nested.to_owned()));
            }
            Path::Seq { parent, .. } | Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => parent,
        };
    }
}

/// Where Keycloak's parser stands when it has seen the value of a member that it does not know: behind a number or a word, but
/// only behind the first character of anything longer.
fn place(body: &[u8], member: &str) -> (usize, usize) {
    let name = serde_json::to_string(member).unwrap_or_default();
    let after_name = body.windows(name.len()).enumerate().filter(|(_, window)| *window == name.as_bytes()).find_map(|(at, _)| {
        let rest = &body[at + name.len()..];
        let colon = rest.iter().position(|byte| !byte.is_ascii_whitespace()).filter(|colon| rest[*colon] == b':')?;
        Some(at + name.len() + colon + 1)
    });
    let mut end = after_name.unwrap_or(0);
    end += body[end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    end += match body.get(end) {
        Some(b'"' | b'{' | b'[') | None => 1,
        Some(_) => body[end..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
            .count(),
    };
    let end = end.min(body.len());
    let line = body[..end].split(|byte| *byte == b'\n').count();
    let column = end - body[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (line, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::representation::user::UserRepresentation;

    fn refusal(body: &str) -> String {
        parse::<UserRepresentation>(body.as_bytes(), "UserRepresentation", &["other"])
            .expect_err("it is refused")
            .to_string()
    }

    #[test]
    fn an_unknown_member_is_refused_with_keycloaks_text_and_place() {
        let text = "400: Invalid json representation for UserRepresentation. Unrecognized field \"nope\" at line 1 column 30.";
        assert_eq!(refusal("{\"username\": \"zoe\", \"nope\": 1}"), text);
        assert!(refusal("{\n  \"nope\": {\"a\": 1}}").contains("line 2 column 12"));
        let nested = refusal("{\"credentials\": [{\"type\": \"password\", \"nope\": true}]}");
        assert!(nested.contains("for CredentialRepresentation. Unrecognized field \"nope\""), "{nested}");
    }

    #[test]
    fn what_is_no_json_and_what_is_of_the_wrong_type_are_told_apart() {
        for malformed in ["{", "", "{\"username\": \"a\"} x", "\u{1}"] {
            assert_eq!(refusal(malformed), "400: invalid_request: Cannot parse the JSON", "{malformed:.20}");
        }
        for wrong in ["[]", &"[".repeat(10_000), "{\"enabled\": \"perhaps\"}", "{\"username\": {}}", "7"] {
            assert_eq!(refusal(wrong), "400: unknown_error: Cannot parse the JSON", "{wrong:.20}");
        }
        assert!(parse::<UserRepresentation>(b"{\"username\": \"\xff\"}", "UserRepresentation", &[]).is_err());
    }
}
