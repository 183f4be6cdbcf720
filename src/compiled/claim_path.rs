//! Where a claim stands: `claim.name` of a protocol mapper split at its dots. Names carry their Java hash, because Keycloak
//! keeps such claims in a `HashMap` and therefore writes them in the order of their hashes.

use std::sync::Arc;

use crate::base::java_map;

/// The placeholder that the client role mapper fills in.
const CLIENT_ID: &str = "${client_id}";

/// Claims that the issuer vouches for, and those with a meaning that only whole paths of them have.
const RESERVED: [&str; 21] = [
    "exp",
    "iat",
    "nbf",
    "jti",
    "iss",
    "typ",
    "azp",
    "sid",
    "nonce",
    "scope",
    "at_hash",
    "c_hash",
    "s_hash",
    "cnf",
    "sub",
    "aud",
    "acr",
    "auth_time",
    "realm_access",
    "resource_access",
    "allowed-origins",
];

/// A claim name with its Java hash.
#[derive(Clone, Debug)]
pub struct ClaimName {
    pub text: Arc<str>,
    /// The hash as `HashMap` spreads it; the lowest bits choose the bucket.
    pub hash: u32,
}

impl ClaimName {
    pub fn new(text: &str) -> Self {
        Self { text: Arc::from(text), hash: java_map::spread_hash(text) }
    }
}

impl PartialEq for ClaimName {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}

impl Eq for ClaimName {}

/// What a path means in a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A claim of its own.
    Other,
    Subject,
    Audience,
    Acr,
    AuthTime,
    /// `realm_access.roles`
    RealmRoles,
    /// `resource_access.<client_id>.roles`
    ClientRoles,
    /// A claim that the issuer vouches for; a mapper must not forge it.
    Reserved,
}

/// A place in a token, never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimPath {
    pub segments: Box<[ClaimName]>,
    pub target: Target,
}

impl ClaimPath {
    /// Splits a `claim.name`: dots nest, a backslash makes the next character an ordinary one. `None` when nothing is left.
    pub fn parse(name: &str) -> Option<Self> {
        let (mut segments, mut segment, mut characters) = (Vec::new(), String::new(), name.chars());
        while let Some(character) = characters.next() {
            match character {
                '\\' => segment.extend(characters.next()),
                // An empty component ends the path, as in Keycloak.
                '.' if segment.is_empty() => break,
                '.' => segments.push(std::mem::take(&mut segment)),
                _ => segment.push(character),
            }
        }
        if !segment.is_empty() {
            segments.push(segment);
        }
        (!segments.is_empty()).then(|| Self::of(&segments))
    }

    /// Whether `${client_id}` stands for a whole name in the path.
    pub fn is_template(&self) -> bool {
        self.segments.iter().any(|segment| &*segment.text == CLIENT_ID)
    }

    /// The path with `${client_id}` replaced.
    #[must_use]
    pub fn for_client(&self, client_id: &str) -> Self {
        if !self.segments.iter().any(|segment| segment.text.contains(CLIENT_ID)) {
            return self.clone();
        }
        let segments: Vec<String> = self.segments.iter().map(|segment| segment.text.replace(CLIENT_ID, client_id)).collect();
        Self::of(&segments)
    }

    fn of(segments: &[String]) -> Self {
        let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let target = match texts.as_slice() {
            ["sub"] => Target::Subject,
            ["aud"] => Target::Audience,
            ["acr"] => Target::Acr,
            ["auth_time"] => Target::AuthTime,
            ["realm_access", "roles"] => Target::RealmRoles,
            ["resource_access", _, "roles"] => Target::ClientRoles,
            [first, ..] if RESERVED.contains(first) => Target::Reserved,
            _ => Target::Other,
        };
        Self { segments: texts.into_iter().map(ClaimName::new).collect(), target }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(name: &str) -> Vec<String> {
        ClaimPath::parse(name)
            .map(|path| path.segments.iter().map(|segment| segment.text.to_string()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn dots_nest_and_escaped_dots_do_not() {
        assert_eq!(texts("a.b.c"), ["a", "b", "c"]);
        assert_eq!(texts(r"https://hasura\.io/jwt/claims.x-hasura-user-id"), ["https://hasura.io/jwt/claims", "x-hasura-user-id"]);
        assert_eq!(texts(r"back\\slash"), [r"back\slash"]);
        assert_eq!(texts("end."), ["end"]);
        assert_eq!(texts("a..b"), ["a"]);
        assert_eq!(texts(""), [""; 0]);
        assert_eq!(texts("."), [""; 0]);
    }

    #[test]
    fn what_the_issuer_vouches_for_is_reserved() {
        for name in ["iss", "exp", "sid", "scope", "azp", "realm_access", "realm_access.x", "sub.x", "jti.a"] {
            assert_eq!(ClaimPath::parse(name).map(|path| path.target), Some(Target::Reserved), "{name}");
        }
        assert_eq!(
            ClaimPath::parse("resource_access.${client_id}.roles").map(|path| path.for_client("a.b")),
            ClaimPath::parse(r"resource_access.a\.b.roles")
        );
        assert_eq!(ClaimPath::parse(r"resource_access.a\.b.roles").map(|path| path.target), Some(Target::ClientRoles));
    }
}
