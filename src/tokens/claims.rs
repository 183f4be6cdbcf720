//! The claims of one token, in Keycloak's order: its own first, as declared, then everything that mappers add, in the order of
//! a Java `HashMap`. Clients exist that compare decoded tokens as text, and a diff against the old server should be empty.

use std::borrow::Cow;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::base::java_map;
use crate::compiled::claim_path::{ClaimName, ClaimPath, Target};

/// The size of a usual access token's claims.
const USUAL_BYTES: usize = 1536;

/// A token in the making.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    pub exp: Option<i64>,
    pub iat: Option<i64>,
    pub auth_time: Option<i64>,
    pub jti: Option<String>,
    pub iss: Option<Cow<'a, str>>,
    pub aud: Vec<Cow<'a, str>>,
    pub sub: Option<Cow<'a, str>>,
    pub typ: Option<Cow<'a, str>>,
    pub azp: Option<Cow<'a, str>>,
    pub nonce: Option<Cow<'a, str>>,
    pub sid: Option<Cow<'a, str>>,
    pub at_hash: Option<String>,
    pub c_hash: Option<String>,
    pub acr: Option<Cow<'a, str>>,
    pub s_hash: Option<String>,
    pub allowed_origins: Option<&'a [String]>,
    pub realm_access: Option<Vec<Arc<str>>>,
    pub resource_access: HashOrdered<Vec<Arc<str>>>,
    /// Roles at clients were taken out again: Keycloak then writes `resource_access` though it is empty.
    pub narrowed_resource_access: bool,
    pub scope: Option<Cow<'a, str>>,
    pub other: HashOrdered<Node>,
}

/// Entries that come out as `java.util.HashMap` would iterate over them: by bucket of a table that doubles when it is three
/// quarters full, within a bucket as inserted.
#[derive(Debug)]
pub struct HashOrdered<V> {
    entries: Vec<(ClaimName, V)>,
}

/// A claim's value, or an object made by a name with dots.
#[derive(Debug)]
pub enum Node {
    Value(Value),
    Nested(HashOrdered<Node>),
}

impl<'a> Claims<'a> {
    /// Adds an audience that is not there yet.
    pub fn add_audience(&mut self, audience: Cow<'a, str>) {
        if !self.aud.contains(&audience) {
            self.aud.push(audience);
        }
    }

    /// Keeps the audiences that `is_meant` names, and of the roles at clients those at these.
    pub fn retain_audience(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.aud.retain(|audience| is_meant(audience));
        self.narrowed_resource_access |= !self.resource_access.is_empty();
        self.resource_access.entries.retain(|(client, _)| is_meant(&client.text));
    }

    /// Writes a claim, over an earlier one of the same name.
    pub fn put(&mut self, path: &ClaimPath, value: Value) {
        match path.target {
            Target::Other => self.other.put_at(&path.segments, value),
            Target::Subject => self.sub = text(&value).map(Cow::Owned),
            Target::Acr => self.acr = text(&value).map(Cow::Owned),
            Target::AuthTime => self.auth_time = value.as_i64(),
            Target::Audience => texts(&value).into_iter().for_each(|audience| self.add_audience(Cow::Owned(audience))),
            Target::RealmRoles => self.realm_access.get_or_insert_default().extend(texts(&value).into_iter().map(Arc::from)),
            Target::ClientRoles => {
                let roles = texts(&value).into_iter().map(Arc::from);
                self.resource_access.entry(&path.segments[1]).extend(roles);
            }
            Target::Reserved => {}
        }
    }

    /// Adds roles to a claim; a list that another mapper put there is continued.
    pub fn add_roles(&mut self, path: &ClaimPath, roles: &[Arc<str>]) {
        match path.target {
            Target::RealmRoles => continue_list(self.realm_access.get_or_insert_default(), roles),
            Target::ClientRoles => self.add_client_roles(&path.segments[1], roles),
            _ => {
                let mut list = self.other.get(&path.segments).and_then(Value::as_array).cloned().unwrap_or_default();
                for role in roles.iter().map(|role| Value::from(&**role)) {
                    if !list.contains(&role) {
                        list.push(role);
                    }
                }
                self.put(path, Value::Array(list));
            }
        }
    }

    /// Adds roles to `resource_access.<client>.roles`.
    pub fn add_client_roles(&mut self, client: &ClaimName, roles: &[Arc<str>]) {
        continue_list(self.resource_access.entry(client), roles);
    }

    /// Makes the roles ordinary claims: only access tokens have a place of their own for them.
    pub fn demote_roles(&mut self) {
        let list = |roles: Vec<Arc<str>>| json!({ "roles": roles.iter().map(|role| &**role).collect::<Vec<_>>() });
        if let Some(roles) = self.realm_access.take() {
            self.other.put(&ClaimName::new("realm_access"), Node::Value(list(roles)));
        }
        if !self.resource_access.is_empty() {
            let mut clients = std::mem::take(&mut self.resource_access);
            clients.sort();
            let clients: Map<_, _> = clients.entries.into_iter().map(|(client, roles)| (client.text.to_string(), list(roles))).collect();
            self.other.put(&ClaimName::new("resource_access"), Node::Value(Value::Object(clients)));
        }
    }

    /// The token's payload.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.sort();
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut bytes, &Sorted(&self)).expect("claims are JSON");
        bytes
    }

    /// The same as a value, for answers that are no token.
    pub fn into_map(mut self) -> Map<String, Value> {
        self.sort();
        match serde_json::to_value(Sorted(&self)) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("claims are a JSON object"),
        }
    }

    fn sort(&mut self) {
        self.resource_access.sort();
        self.other.sort_deep();
    }
}

/// Adds the roles that are not there yet; those of one mapper are distinct.
fn continue_list(list: &mut Vec<Arc<str>>, roles: &[Arc<str>]) {
    if list.is_empty() {
        list.extend_from_slice(roles);
        return;
    }
    for role in roles {
        if !list.contains(role) {
            list.push(Arc::clone(role));
        }
    }
}

/// A scalar as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One or more scalars as texts.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(text).collect(),
        single => text(single).into_iter().collect(),
    }
}

impl<V> Default for HashOrdered<V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<V> HashOrdered<V> {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn put(&mut self, name: &ClaimName, value: V) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.entries.push((name.clone(), value)),
        }
    }

    /// The value under `name`; an empty one is made.
    pub fn entry(&mut self, name: &ClaimName) -> &mut V
    where
        V: Default,
    {
        let position = self.entries.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.entries.push((name.clone(), V::default()));
            self.entries.len() - 1
        });
        &mut self.entries[position].1
    }

    fn sort(&mut self) {
        let size = java_map::table_size(self.entries.len());
        self.entries.sort_by_key(|(name, _)| name.hash & (size - 1));
    }
}

impl HashOrdered<Node> {
    /// Writes a value at a path; whatever stands in the way is replaced.
    pub fn put_at(&mut self, path: &[ClaimName], value: Value) {
        match path {
            [] => {}
            [name] => self.put(name, Node::Value(value)),
            [name, rest @ ..] => {
                let node = self.entry(name);
                if let Node::Value(_) = node {
                    *node = Node::Nested(Self::default());
                }
                if let Node::Nested(nested) = node {
                    nested.put_at(rest, value);
                }
            }
        }
    }

    /// The value that [`Self::put_at`] put there.
    pub fn value_at(&self, path: &[ClaimName]) -> Option<&Value> {
        self.get(path)
    }

    fn get(&self, path: &[ClaimName]) -> Option<&Value> {
        let (name, rest) = path.split_first()?;
        match (self.entries.iter().find(|(known, _)| known == name)?, rest) {
            ((_, Node::Value(value)), []) => Some(value),
            ((_, Node::Nested(nested)), rest) => nested.get(rest),
            _ => None,
        }
    }

    fn sort_deep(&mut self) {
        self.sort();
        for (_, node) in &mut self.entries {
            if let Node::Nested(nested) = node {
                nested.sort_deep();
            }
        }
    }

    /// As a JSON object.
    pub fn into_map(mut self) -> Map<String, Value> {
        self.sort_deep();
        self.entries.into_iter().map(|(name, node)| (name.text.to_string(), node.into_value())).collect()
    }

    /// Takes the entries of `other`, in the order in which that one iterates.
    pub fn extend(&mut self, mut other: Self) {
        other.sort_deep();
        for (name, node) in other.entries {
            self.put(&name, node);
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::Value(Value::Null)
    }
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Nested(nested) => Value::Object(nested.into_map()),
        }
    }
}

/// A value whose maps are in their final order.
struct Sorted<T>(T);

impl Serialize for Sorted<&Claims<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let claims = self.0;
        let mut map = serializer.serialize_map(None)?;
        macro_rules! write {
            ($($name:literal: $field:ident),+) => {$(
                if let Some(value) = &claims.$field {
                    map.serialize_entry($name, value)?;
                }
            )+};
        }
        write!("exp": exp, "iat": iat, "auth_time": auth_time, "jti": jti, "iss": iss);
        // RFC 7519 §4.1.3: one audience may be a string.
        match claims.aud.as_slice() {
            [] => {}
            [audience] => map.serialize_entry("aud", audience)?,
            audiences => map.serialize_entry("aud", audiences)?,
        }
        write!("sub": sub, "typ": typ, "azp": azp, "nonce": nonce, "sid": sid, "at_hash": at_hash, "c_hash": c_hash, "acr": acr);
        write!("s_hash": s_hash);
        write!("allowed-origins": allowed_origins);
        if let Some(roles) = &claims.realm_access {
            map.serialize_entry("realm_access", &Roles(roles))?;
        }
        if !claims.resource_access.is_empty() || claims.narrowed_resource_access {
            map.serialize_entry("resource_access", &Sorted(&claims.resource_access))?;
        }
        write!("scope": scope);
        for (name, node) in &claims.other.entries {
            map.serialize_entry(&*name.text, &Sorted(node))?;
        }
        map.end()
    }
}

impl Serialize for Sorted<&HashOrdered<Vec<Arc<str>>>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.entries.iter().map(|(client, roles)| (&*client.text, Roles(roles))))
    }
}

impl Serialize for Sorted<&Node> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Node::Value(value) => value.serialize(serializer),
            Node::Nested(nested) => serializer.collect_map(nested.entries.iter().map(|(name, node)| (&*name.text, Sorted(node)))),
        }
    }
}

/// `{"roles": […]}`
struct Roles<'a>(&'a [Arc<str>]);

impl Serialize for Roles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct List<'a>(&'a [Arc<str>]);
        impl Serialize for List<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.iter().map(|role| &**role))
            }
        }
        serializer.collect_map([("roles", List(self.0))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(name: &str) -> ClaimPath {
        ClaimPath::parse(name).expect("a name")
    }

    fn text_of(claims: Claims<'_>) -> String {
        String::from_utf8(claims.into_bytes()).expect("JSON is UTF-8")
    }

    /// The order of the recorded token of a client with many mappers: 14 claims, so a table of 32 buckets.
    #[test]
    fn mapped_claims_come_in_the_order_of_a_java_map() {
        let recorded = [
            "a",
            "email_verified",
            "birthdate",
            "amr",
            "groups",
            "j",
            "preferred_username",
            "team",
            "given_name",
            "team_one",
            "name",
            "session_state",
            "family_name",
            "email",
        ];
        let mut claims = Claims::default();
        // Two pairs share a bucket and keep the order in which they were put.
        let inserted = [
            "email",
            "session_state",
            "name",
            "team_one",
            "preferred_username",
            "email_verified",
            "given_name",
            "team",
            "j",
            "groups",
            "amr",
            "birthdate",
            "a",
            "family_name",
        ];
        for name in inserted {
            claims.put(&path(name), Value::Null);
        }
        assert_eq!(claims.into_map().keys().collect::<Vec<_>>(), recorded);
    }

    #[test]
    fn fixed_claims_stand_first_and_in_their_order() {
        let claims = Claims {
            scope: Some("email".into()),
            sid: Some("s".into()),
            exp: Some(3),
            aud: vec!["a".into(), "b".into()],
            acr: Some("1".into()),
            realm_access: Some(vec![Arc::from("r")]),
            ..Claims::default()
        };
        assert_eq!(text_of(claims), r#"{"exp":3,"aud":["a","b"],"sid":"s","acr":"1","realm_access":{"roles":["r"]},"scope":"email"}"#);
        assert_eq!(text_of(Claims { aud: vec!["a".into()], ..Claims::default() }), r#"{"aud":"a"}"#);
    }

    #[test]
    fn a_mapper_cannot_forge_what_the_issuer_vouches_for() {
        let mut claims = Claims { iss: Some("https://issuer".into()), ..Claims::default() };
        for name in ["iss", "exp", "sid", "scope", "azp", "typ", "jti", "realm_access"] {
            claims.put(&path(name), json!("forged"));
        }
        assert_eq!(text_of(claims), r#"{"iss":"https://issuer"}"#);
    }

    #[test]
    fn names_with_dots_nest_and_meet_in_one_object() {
        let mut claims = Claims::default();
        claims.put(&path(r"https://hasura\.io/jwt/claims.x-hasura-default-role"), json!("user"));
        claims.put(&path(r"https://hasura\.io/jwt/claims.x-hasura-user-id"), json!("u1"));
        claims.put(&path("sub"), json!(7));
        claims.put(&path("aud"), json!(["x", "x"]));
        claims.add_roles(&path("resource_access.app.roles"), &[Arc::from("reader")]);
        claims.add_roles(&path("groups"), &[Arc::from("a")]);
        claims.add_roles(&path("groups"), &[Arc::from("a"), Arc::from("b")]);
        assert_eq!(
            Value::Object(claims.into_map()),
            json!({
                "aud": "x", "sub": "7", "resource_access": {"app": {"roles": ["reader"]}},
                "https://hasura.io/jwt/claims": {"x-hasura-user-id": "u1", "x-hasura-default-role": "user"}, "groups": ["a", "b"]
            })
        );
    }

    proptest! {
        /// Buckets ascend, ties keep their insertion order, nothing is lost, and the last value of a name wins.
        #[test]
        fn the_order_is_that_of_buckets(names in proptest::collection::vec("[a-z_]{1,8}", 0..60)) {
            let mut map = HashOrdered::default();
            for (position, name) in names.iter().enumerate() {
                map.put_at(&[ClaimName::new(name)], json!(position));
            }
            let mut first = Vec::new();
            for name in &names { if !first.contains(name) { first.push(name.clone()); } }
            let mut buckets = 16_usize;
            while first.len() * 4 > buckets * 3 { buckets *= 2; }
            let mut expected = first;
            expected.sort_by_key(|name| java_map::spread_hash(name) as usize & (buckets - 1));
            let map = map.into_map();
            prop_assert_eq!(map.keys().cloned().collect::<Vec<_>>(), expected);
            for (name, value) in &map {
                prop_assert_eq!(value, &json!(names.iter().rposition(|known| known == name)));
            }
        }
    }
}
