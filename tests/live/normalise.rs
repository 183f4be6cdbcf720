//! What is volatile in an answer becomes a placeholder, by the rules with which the recordings were made: ids, tokens, times and
//! key ids go, everything else stands as the server sent it. Sets are sorted; objects keep their order.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use super::page;
use crate::support::http::Answer;

/// The browser security headers, which the recordings name once per answer instead of repeating their values.
pub const SECURITY_HEADERS: [&str; 7] = [
    "content-security-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-robots-tag",
    "x-xss-protection",
];

const TRANSPORT_HEADERS: [&str; 6] = ["date", "connection", "content-length", "keep-alive", "server", "transfer-encoding"];

/// Arrays under these names are sets.
const SETS: &[&str] = &[
    "roles",
    "allowed-origins",
    "aud",
    "aud_x",
    "realmRoles",
    "scopes",
    "redirectUris",
    "webOrigins",
    "defaultClientScopes",
    "optionalClientScopes",
    "requiredActions",
    "disableableCredentialTypes",
    "defaultDefaultClientScopes",
    "defaultOptionalClientScopes",
    "enabledEventTypes",
    "supportedLocales",
    "grantedClientScopes",
    "groups",
    "eventsListeners",
    "defaultRoles",
    "ids",
    "featuresNames",
];

/// Neighbours that share a bucket of Keycloak's map: which of them comes first follows from random ids of mappers, and differs
/// between the recordings.
const UNORDERED: [(&str, &str); 2] = [("birthdate", "email_verified"), ("preferred_username", "team")];

/// Text under these names is reduced to its length.
const BASE64: &[&str] = &[
    "n",
    "x",
    "y",
    "x5t",
    "x5t#S256",
    "publicKey",
    "certificate",
    "public_key",
    "x5c",
    "privateKey",
    "at_hash",
    "c_hash",
    "s_hash",
    "reuse_id",
    "qrCode",
];

const ONE_TIME: &[&str] = &[
    "device_code",
    "user_code",
    "session_code",
    "totpSecret",
    "stateChecker",
    "state_checker",
    "asid",
    "totp",
    "otp",
    "registration_access_token",
    "registrationAccessToken",
];

static UUID: LazyLock<Regex> = LazyLock::new(|| regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\.[A-Za-z0-9_-]{20,40}\\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    )
});
static JWT: LazyLock<Regex> =
    LazyLock::new(|| regex("eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*(?:\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*)?"));
static VOLATILE_PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "((?:^|[?&#]|&amp;)(session_code|tab_id|client_data|code|session_state|auth_session_id|key|code_challenge|code_verifier|user_code|device_code|\
     access_token|id_token|refresh_token|client_assertion|logout_token|stateChecker|id_token_hint|nonce|state)=)([^&#\\s\"'<>]+)",
    )
});
static ERROR_ID: LazyLock<Regex> = LazyLock::new(|| regex("(Error id [0-9a-f-]{36})-\\d+"));
static SESSION_ID: LazyLock<Regex> = LazyLock::new(|| regex("^[A-Za-z0-9_-]{24}$"));
static GENERATED_SECRET: LazyLock<Regex> = LazyLock::new(|| regex("^[A-Za-z0-9]{32,}$"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is constant")
}

/// Whether `text` is a compact JWS or JWE and nothing else.
pub fn is_jwt(text: &str) -> bool {
    JWT.find(text).is_some_and(|found| found.start() == 0 && found.end() == text.len())
}

/// The claims of a token, its signature unchecked.
pub fn claims(token: &str) -> Map<String, Value> {
    segment(token, 1).and_then(|claims| claims.as_object().cloned()).unwrap_or_default()
}

fn segment(token: &str, index: usize) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index)?).ok()?).ok()
}

/// The names that one server gave to what the recordings call by placeholders.
#[derive(Default)]
pub struct Normaliser {
    /// Server root including the prefix, without a slash at the end: `{BASE}`.
    pub base: String,
    /// The same without the prefix: `{ORIGIN}`.
    pub origin: String,
    ids: BTreeMap<String, String>,
    keys: Vec<(String, String)>,
    sessions: Vec<String>,
    secrets: Vec<(String, String)>,
    addresses: Vec<(String, String)>,
}

impl Normaliser {
    pub fn new(base: &str, origin: &str) -> Self {
        Self { base: base.to_owned(), origin: origin.to_owned(), ..Self::default() }
    }

    /// From now on `id` reads `<id:NAME>`.
    pub fn learn_id(&mut self, id: &str, name: &str) {
        self.ids.insert(id.to_owned(), format!("<id:{name}>"));
    }

    /// From now on the key id reads `<kid:NAME>`. The first name stays.
    pub fn learn_key(&mut self, kid: &str, name: &str) {
        if !self.keys.iter().any(|(known, _)| known == kid) {
            self.keys.push((kid.to_owned(), format!("<kid:{name}>")));
        }
    }

    /// From now on `secret` reads `<secret of CLIENT>`.
    pub fn learn_secret(&mut self, secret: &str, client: &str) {
        self.secrets.push((secret.to_owned(), format!("<secret of {client}>")));
    }

    /// From now on this host and port read `placeholder`.
    pub fn learn_address(&mut self, address: &str, placeholder: &str) {
        self.addresses.push((address.to_owned(), placeholder.to_owned()));
    }

    /// The id that reads `<id:NAME>`.
    pub fn id(&self, name: &str) -> Option<&str> {
        let placeholder = format!("<id:{name}>");
        self.ids.iter().find(|(_, known)| **known == placeholder).map(|(id, _)| id.as_str())
    }

    pub fn secret(&self, client: &str) -> Option<&str> {
        let placeholder = format!("<secret of {client}>");
        self.secrets.iter().find(|(_, known)| *known == placeholder).map(|(secret, _)| secret.as_str())
    }

    pub fn text(&self, text: &str) -> String {
        let host = self.origin.split("//").nth(1).unwrap_or_default();
        let mut text = CODE.replace_all(&JWT.replace_all(text, "<jwt>"), "<code>").into_owned();
        for (from, to) in [
            (&*self.base, "{BASE}"),
            (&percent(&self.base), "{BASE%}"),
            (&self.origin, "{ORIGIN}"),
            (&percent(&self.origin), "{ORIGIN%}"),
            (host, "{HOST}"),
        ] {
            if !from.is_empty() {
                text = text.replace(from, to);
            }
        }
        for (from, to) in self.secrets.iter().chain(&self.keys).chain(&self.addresses) {
            text = text.replace(from, to);
        }
        text = VOLATILE_PARAMETER
            .replace_all(&text, |found: &Captures<'_>| {
                if found[3].starts_with("test-") || found[3].starts_with("kept-") {
                    found[0].to_owned()
                } else {
                    format!("{}<{}>", &found[1], &found[2])
                }
            })
            .into_owned();
        text = ERROR_ID.replace_all(&text, "$1-<n>").into_owned();
        for session in &self.sessions {
            text = text.replace(session, "<sid>");
        }
        UUID.replace_all(&text, |found: &Captures<'_>| self.ids.get(&found[0]).cloned().unwrap_or_else(|| "<uuid>".to_owned()))
            .into_owned()
    }

    /// A JSON value; `key` is the name under which it stands.
    pub fn value(&self, value: &Value, key: &str) -> Value {
        self.value_among(value, key, None)
    }

    fn value_among(&self, value: &Value, key: &str, siblings: Option<&Map<String, Value>>) -> Value {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<(String, Value)> =
                    fields.iter().map(|(name, inner)| (self.text(name), self.value_among(inner, name, Some(fields)))).collect();
                for (first, second) in UNORDERED {
                    let place = |name: &str| fields.iter().position(|(known, _)| known == name);
                    if let (Some(first), Some(second)) = (place(first), place(second))
                        && second + 1 == first
                    {
                        fields.swap(first, second);
                    }
                }
                Value::Object(fields.into_iter().collect())
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.value_among(item, key, None)).collect();
                if (SETS.contains(&key) || key.ends_with("_supported")) && items.iter().all(Value::is_string) {
                    items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                }
                Value::Array(items)
            }
            Value::Number(number) => number.as_i64().map_or_else(|| value.clone(), |number| time(number, key, siblings)),
            Value::String(text) if key == "representation" && text.starts_with(['{', '[']) => match serde_json::from_str(text) {
                Ok(document) => json!({ "(JSON text)": self.value(&document, "") }),
                Err(_) => Value::String(self.text(text)),
            },
            Value::String(text) => Value::String(self.string(text, key)),
            Value::Bool(_) | Value::Null => value.clone(),
        }
    }

    fn string(&self, text: &str, key: &str) -> String {
        match key {
            "secret" if GENERATED_SECRET.is_match(text) && !self.secrets.iter().any(|(secret, _)| secret == text) => {
                format!("<generated secret, {} characters>", text.len())
            }
            "sid" | "session_state" | "sessionId" | "id" | "auth_session_id" | "code_id" if SESSION_ID.is_match(text) => "<sid>".to_owned(),
            _ if BASE64.contains(&key) && text.len() > 15 && !text.starts_with(['{', '<']) => format!("<b64:{}>", text.len()),
            _ if ONE_TIME.contains(&key) && text.len() > 5 => format!("<{key}>"),
            "scope" if text.contains(' ') => {
                let mut scopes: Vec<&str> = text.split(' ').collect();
                scopes.sort_unstable();
                scopes.join(" ")
            }
            "state" if text.starts_with("test-") => text.to_owned(),
            _ => self.text(text),
        }
    }

    /// Header and claims of a token in the order sent; remembers the session that it belongs to. `None` when it is no JWT.
    pub fn decode(&mut self, token: &str) -> Option<Value> {
        let header = self.value(&segment(token, 0)?, "");
        let parts: Vec<&str> = token.split('.').collect();
        if parts.len() == 5 {
            return Some(json!({"header": header, "jwe": true}));
        }
        let Some(claims) = segment(token, 1) else { return Some(json!({"header": header, "payload": "<opaque>"})) };
        if let Some(session) = claims["sid"].as_str() {
            self.learn_session(session);
        }
        let signature = URL_SAFE_NO_PAD.decode(parts.get(2)?).map_or(0, |signature| signature.len());
        Some(json!({"header": header, "claims": self.value(&claims, ""), "signature_bytes": signature}))
    }

    fn learn_session(&mut self, session: &str) {
        if !UUID.is_match(session) && !self.sessions.iter().any(|known| known == session) {
            self.sessions.push(session.to_owned());
        }
    }

    /// An answer in the form of the recordings: `status`, `headers`, `security`, `body`, `decoded`, `redirect`. With
    /// `all_headers` the security headers stand among the others; `view` reduces a JSON body before it is normalised.
    pub fn answer(&mut self, answer: &Answer, all_headers: bool, view: impl Fn(&Value) -> Value) -> Map<String, Value> {
        let body = json_body(answer);
        let decoded: Map<String, Value> = body
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .filter_map(|(name, value)| Some((name, value.as_str()?)))
            .filter(|(name, value)| *name != "public_key" && is_jwt(value))
            .filter_map(|(name, value)| Some((name.clone(), self.decode(value)?)))
            .collect();
        if let Some(session) = body.as_ref().and_then(|body| body["session_state"].as_str()) {
            self.learn_session(session);
        }
        let mut row = Map::new();
        row.insert("status".to_owned(), json!(answer.status));
        row.insert("headers".to_owned(), self.headers(answer, all_headers));
        let security: Vec<&str> = SECURITY_HEADERS.into_iter().filter(|name| answer.header(name).is_some()).collect();
        if !security.is_empty() && !all_headers {
            row.insert("security".to_owned(), json!(security.join(",")));
        }
        row.insert("body".to_owned(), self.body(answer, body.as_ref().map(view)));
        if !decoded.is_empty() {
            row.insert("decoded".to_owned(), Value::Object(decoded));
        }
        row
    }

    fn headers(&self, answer: &Answer, all: bool) -> Value {
        let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, value) in &answer.headers {
            let left_out = TRANSPORT_HEADERS.contains(&&**name) || (!all && SECURITY_HEADERS.contains(&&**name));
            if !left_out {
                headers.entry(name).or_default().push(self.text(value));
            }
        }
        let one_or_many = |mut values: Vec<String>| if values.len() == 1 { json!(values.remove(0)) } else { json!(values) };
        headers.into_iter().map(|(name, values)| (name.to_owned(), one_or_many(values))).collect()
    }

    fn body(&mut self, answer: &Answer, json: Option<Value>) -> Value {
        if answer.body.is_empty() {
            return Value::Null;
        }
        if let Some(json) = json {
            return self.value(&json, "");
        }
        let text = answer.text();
        if answer.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html")) {
            return json!({"html": page::view(&text, &|text| self.text(text))});
        }
        if is_jwt(text.trim()) {
            return json!({"jwt": self.decode(text.trim())});
        }
        if text.len() < 600 {
            Value::String(self.text(&text))
        } else {
            Value::String(format!("{}... <long text>", self.text(&text[..300])))
        }
    }
}

fn json_body(answer: &Answer) -> Option<Value> {
    let says_json = answer.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    (says_json || answer.body.starts_with(b"{") || answer.body.starts_with(b"[")).then(|| answer.json())?
}

fn time(number: i64, key: &str, siblings: Option<&Map<String, Value>>) -> Value {
    let issued = siblings.and_then(|claims| claims.get("iat")).and_then(Value::as_i64);
    match issued {
        Some(issued) if matches!(key, "exp" | "nbf") && number > 1_000_000 => json!(format!("<iat+{}>", number - issued)),
        _ if number > 100_000_000_000 => json!("<ms>"),
        _ if number > 1_500_000_000 && number < 5_000_000_000 => json!("<s>"),
        _ => json!(number),
    }
}

fn percent(text: &str) -> String {
    crate::support::http::percent(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::recording::{Recording, TOPICS};

    #[test]
    fn normalising_a_recorded_answer_changes_nothing_but_the_order_of_sets() {
        let normaliser = Normaliser::default();
        let letters = |value: &Value| {
            let mut letters = value.to_string().into_bytes();
            letters.sort_unstable();
            letters
        };
        for topic in TOPICS {
            for row in &Recording::load(topic).rows {
                for part in ["headers", "body", "decoded"] {
                    let recorded = &row.answer[part];
                    if recorded.get("html").is_some() {
                        continue; // a page is reduced by its own rules
                    }
                    let normalised = normaliser.value(recorded, "");
                    assert_eq!(letters(&normalised), letters(recorded), "{topic}: {}: {part}", row.name);
                    assert_eq!(normaliser.value(&normalised, "").to_string(), normalised.to_string(), "{topic}: {}: {part}", row.name);
                }
            }
        }
    }

    #[test]
    fn ids_times_and_sets_become_placeholders() {
        let mut normaliser = Normaliser::new("http://127.0.0.1:1/auth", "http://127.0.0.1:1");
        normaliser.learn_id("0b0b0b0b-0000-4000-8000-000000000001", "user alice");
        let claims = json!({"iat": 1_800_000_000, "exp": 1_800_003_600, "iss": "http://127.0.0.1:1/auth/realms/oracle",
            "sub": "0b0b0b0b-0000-4000-8000-000000000001", "jti": "onrtro:0b0b0b0b-0000-4000-8000-000000000002", "roles": ["b", "a"], "scope": "b a",
            "order": ["b", "a"], "sid": "abcdefghijklmnopqrstuvwx", "at_hash": "abcdefghijklmnopqrstuv"});
        let token = format!(
            "{}.{}.{}",
            URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"),
            URL_SAFE_NO_PAD.encode(claims.to_string()),
            URL_SAFE_NO_PAD.encode([0; 64])
        );
        assert!(is_jwt(&token));
        assert_eq!(
            normaliser.decode(&token).expect("a token").to_string(),
            json!({"header": {"alg": "none"}, "claims": {"iat": "<s>", "exp": "<iat+3600>", "iss": "{BASE}/realms/oracle", "sub": "<id:user alice>",
                "jti": "onrtro:<uuid>", "roles": ["a", "b"], "scope": "a b", "order": ["b", "a"], "sid": "<sid>", "at_hash": "<b64:22>"}, "signature_bytes": 64})
            .to_string()
        );
        assert_eq!(
            normaliser.text("of abcdefghijklmnopqrstuvwx at http://127.0.0.1:1/x?code=1&state=test-1"),
            "of <sid> at {ORIGIN}/x?code=<code>&state=test-1"
        );
    }
}
