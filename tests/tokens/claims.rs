//! Whole tokens and answers against the recordings of a real Keycloak: values, and the order of claims.

use std::collections::BTreeMap;

use keywright::base::clock::Timestamp;
use keywright::base::id::SessionId;
use keywright::compiled::Subject;
use keywright::sessions;
use keywright::store::txn::Reader as _;
use keywright::tokens::authorization::{Authorization, FrontChannel, GrantKind, RotationPart, SessionPart};
use keywright::tokens::issue::TokenResponse;
use keywright::tokens::userinfo::{self, Answer};
use keywright::tokens::{introspection, scope, verify};
use serde_json::{Map, Value, json};

use super::oracle::{ISSUER, NOW, Oracle, claims, header};

const TOKEN_SUCCESS: &str = include_str!("../fixtures/live/token-success.json");
const REFRESH: &str = include_str!("../fixtures/live/refresh.json");
const INTROSPECT: &str = include_str!("../fixtures/live/introspect.json");
const USERINFO: &str = include_str!("../fixtures/live/userinfo.json");

/// The recorded answer `name`.
fn recorded(topic: &str, name: &str) -> Value {
    let topic: Value = serde_json::from_str(topic).expect("a recording is JSON");
    let answers = topic["answers"].as_array().expect("answers");
    answers
        .iter()
        .find(|answer| answer["name"] == name)
        .unwrap_or_else(|| panic!("no recording {name:?}"))
        .clone()
}

/// A value as the recordings have it: volatile parts as placeholders, sets sorted.
fn normalise(name: &str, value: &Value, iat: i64, alice: &str) -> Value {
    let sorted = |values: &[Value]| {
        let mut values = values.to_vec();
        values.sort_by_key(Value::to_string);
        Value::Array(values)
    };
    match (name, value) {
        ("exp", Value::Number(exp)) => json!(format!("<iat+{}>", exp.as_i64().unwrap_or_default() - iat)),
        ("iat" | "auth_time", Value::Number(_)) => json!("<s>"),
        ("jti", Value::String(jti)) => match jti.split_once(':') {
            Some((prefix, _)) => json!(format!("{prefix}:<uuid>")),
            None => json!("<uuid>"),
        },
        ("sid" | "session_state", Value::String(_)) => json!("<sid>"),
        ("sub", Value::String(sub)) => json!(if sub == alice { "<id:user alice>" } else { "<uuid>" }),
        ("at_hash" | "reuse_id", Value::String(hash)) => json!(format!("<b64:{}>", hash.len())),
        ("access_token" | "refresh_token" | "id_token", Value::String(_)) => json!("<jwt>"),
        ("scope", Value::String(scope)) => {
            let mut names: Vec<&str> = scope.split(' ').collect();
            names.sort_unstable();
            json!(names.join(" "))
        }
        ("iss" | "aud", Value::String(issuer)) if issuer == ISSUER => json!("{BASE}/realms/oracle"),
        ("aud", Value::Array(values)) => {
            let values: Vec<Value> = values.iter().map(|value| normalise("aud", value, iat, alice)).collect();
            sorted(&values)
        }
        ("aud_x" | "roles" | "groups" | "allowed-origins", Value::Array(values)) => sorted(values),
        (_, Value::Object(members)) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), normalise(name, value, iat, alice))).collect())
        }
        _ => value.clone(),
    }
}

/// The names in order. Of two that share a bucket of Keycloak's map the one comes first that its mapper ran first for, and
/// Keycloak runs its mappers in the order of their random ids: such pairs are compared as sets.
fn names(claims: &Map<String, Value>) -> Vec<&str> {
    const TIES: [[&str; 2]; 2] = [["birthdate", "email_verified"], ["preferred_username", "team"]];
    let mut names: Vec<&str> = claims.keys().map(String::as_str).collect();
    for at in 1..names.len() {
        if TIES.iter().any(|[first, second]| names[at - 1] == *second && names[at] == *first) {
            names.swap(at - 1, at);
        }
    }
    names
}

fn assert_same(what: &str, ours: &Map<String, Value>, recorded: &Value, alice: &str) {
    let iat = ours.get("iat").and_then(Value::as_i64).unwrap_or_default();
    let ours = normalise("", &Value::Object(ours.clone()), iat, alice);
    let (ours, recorded) = (ours.as_object().expect("an object"), recorded.as_object().expect("an object"));
    assert_eq!(json!(ours), json!(recorded), "{what}");
    assert_eq!(names(ours), names(recorded), "{what}: order");
}

/// Compares an answer and all tokens in it with a recording.
fn assert_recorded(topic: &str, name: &str, response: &TokenResponse, alice: &str) {
    let recorded = recorded(topic, name);
    let answer = serde_json::to_value(response).expect("an answer is JSON");
    if recorded["body"].is_object() {
        assert_same(&format!("{name}: the answer"), answer.as_object().expect("an object"), &recorded["body"], alice);
    }
    let tokens = recorded["decoded"].as_object().expect("tokens");
    for (kind, token) in tokens {
        let ours = answer[kind].as_str().unwrap_or_else(|| panic!("{name}: no {kind}"));
        assert_same(&format!("{name}: {kind}"), &claims(ours), &token["claims"], alice);
        assert_eq!(header(ours).keys().collect::<Vec<_>>(), ["alg", "typ", "kid"], "{name}");
        assert_eq!(header(ours)["alg"], token["header"]["alg"], "{name}: {kind}");
        assert_eq!(header(ours)["typ"], token["header"]["typ"], "{name}: {kind}");
    }
    assert_eq!(answer.get("id_token").is_some(), tokens.contains_key("id_token"), "{name}");
    assert_eq!(answer.get("refresh_token").is_some(), tokens.contains_key("refresh_token"), "{name}");
}

#[tokio::test]
async fn password_tokens_are_those_of_a_real_keycloak() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await.user.id.to_string();
    for (name, client, scope) in [
        ("password, no scope", "api-client", None),
        ("password, scope openid", "api-client", Some("openid")),
        (
            "password, openid profile email address phone",
            "api-client",
            Some("address email microprofile-jwt openid organization phone profile"),
        ),
        ("password, public client", "public-client", Some("openid")),
        ("password, mappers", "mapper-client", Some("openid")),
        ("password, lightweight access token", "light-client", Some("openid")),
        ("password, use.refresh.tokens=false", "norefresh-client", Some("openid")),
        ("password, admin-cli of the realm", "admin-cli", None),
        ("password, access and id token ES256", "es256-client", Some("openid")),
        ("password, access and id token EdDSA", "eddsa-client", Some("openid")),
        ("password, access and id token HS256", "hs256-client", Some("openid")),
        ("password, offline_access", "api-client", Some("offline_access openid")),
        ("password, offline_access without openid", "api-client", Some("offline_access")),
        ("password, short lifespans", "short-client", None),
    ] {
        let proved = oracle.alice(client, scope).await;
        assert_recorded(TOKEN_SUCCESS, name, &oracle.issue(&proved), &alice);
    }
}

#[tokio::test]
async fn client_credentials_tokens_are_those_of_a_real_keycloak() {
    let oracle = Oracle::new().await;
    for (name, client, scope) in [
        ("client_credentials", "api-client", None),
        ("client_credentials, scope openid", "api-client", Some("openid")),
        ("client_credentials, offline_access", "api-client", Some("offline_access")),
        ("client_credentials, lightweight", "light-client", None),
    ] {
        let proved = oracle.service_account(client, scope).await;
        assert_recorded(TOKEN_SUCCESS, name, &oracle.issue(&proved), "");
    }
    let proved = oracle.service_account("ccrefresh-client", None).await;
    let with_session = oracle.authorization("ccrefresh-client", None, "service-account-ccrefresh-client").await;
    let proved = Authorization { session: with_session.session, ..proved };
    assert_recorded(TOKEN_SUCCESS, "client_credentials, use_refresh_token=true, lower-case bearer", &oracle.issue(&proved), "");
    let proved = Authorization { grant: GrantKind::RefreshToken, ..proved };
    assert_recorded(TOKEN_SUCCESS, "refresh of a client_credentials token", &oracle.issue(&proved), "");
}

#[tokio::test]
async fn code_and_device_tokens_have_time_and_nonce_of_the_sign_in() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await.user.id.to_string();
    let signed_in = |proved: Authorization, grant| Authorization { auth_time: Some(NOW), grant, ..proved };
    let code = signed_in(oracle.alice("api-client", Some("openid")).await, GrantKind::AuthorizationCode);
    let with_nonce = Authorization { nonce: Some("test-nonce".to_owned()), ..code };
    assert_recorded(TOKEN_SUCCESS, "code, with nonce", &oracle.issue(&with_nonce), &alice);
    let through_cookie = Authorization { nonce: None, acr: "0".to_owned(), ..with_nonce };
    assert_recorded(TOKEN_SUCCESS, "code, second login through the SSO cookie (acr)", &oracle.issue(&through_cookie), &alice);
    let device = signed_in(oracle.alice("public-client", Some("openid")).await, GrantKind::DeviceCode);
    assert_recorded(TOKEN_SUCCESS, "device code, granted", &oracle.issue(&device), &alice);
}

/// OIDC Core §3.3.2.11: an ID token beside a code vouches for it by a hash; `s_hash` is that of FAPI 1.0 part 2 §5.2.2.1. The names
/// and their places are those of the recorded hybrid answers ("response_type=code id_token token").
#[tokio::test]
async fn an_id_token_of_the_front_channel_vouches_for_code_and_state() {
    let oracle = Oracle::new().await;
    let mut proved = oracle.alice("api-client", Some("openid")).await;
    let bare = claims(oracle.issue(&proved).id_token.as_deref().expect("an ID token"));
    assert!(bare.contains_key("at_hash") && !bare.contains_key("c_hash") && !bare.contains_key("s_hash"));
    proved.front_channel = FrontChannel { code: Some("code".to_owned()), state: Some("test-state".to_owned()) };
    let both = claims(oracle.issue(&proved).id_token.as_deref().expect("an ID token"));
    let names: Vec<_> = both.keys().map(String::as_str).skip_while(|name| *name != "sid").take(5).collect();
    assert_eq!(names, ["sid", "at_hash", "c_hash", "acr", "s_hash"]);
    // printf code (and test-state) | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
    assert_eq!((&both["c_hash"], &both["s_hash"]), (&json!("VpTQii5T_8rgwxA-Wtb2Bw"), &json!("GWIA5Mjxjqp61nfio4QhAw")));
}

/// Mints what the refresh token of `response` proves, as the grant does.
async fn refreshed(oracle: &Oracle, proved: &Authorization, response: &TokenResponse, requested: Option<&str>) -> TokenResponse {
    let (realm, client) = oracle.client(&proved.client.client.client_id).await;
    let token = response.refresh_token.as_deref().expect("a refresh token");
    let token = verify::refresh_token(&realm, ISSUER, token, oracle.env.now()).expect("fresh");
    let scope = scope::resolve_granted(&realm, &client, &token.scope)
        .narrow(&realm, &client, requested)
        .expect("known scopes");
    let session = proved.session.clone();
    oracle.issue(&Authorization {
        scope,
        session,
        realm,
        lightweight: client.lightweight,
        client,
        subject: proved.subject.clone(),
        grant: GrantKind::RefreshToken,
        audience: Vec::new(),
        exchange: None,
        auth_time: None,
        nonce: None,
        front_channel: FrontChannel::default(),
        acr: "1".to_owned(),
        client_address: proved.client_address,
    })
}

#[tokio::test]
async fn a_refresh_narrows_the_access_token_and_keeps_the_grant() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await.user.id.to_string();
    let proved = oracle.alice("api-client", Some("openid")).await;
    let first = oracle.issue(&proved);
    for (topic, name, requested) in [
        (TOKEN_SUCCESS, "refresh, no scope", None),
        (TOKEN_SUCCESS, "refresh, narrower scope", Some("email openid")),
        (TOKEN_SUCCESS, "refresh, scope without openid", Some("email")),
        (REFRESH, "wider scope than granted", Some("openid phone")),
        (REFRESH, "offline_access asked at refresh", Some("offline_access openid")),
    ] {
        assert_recorded(topic, name, &refreshed(&oracle, &proved, &first, requested).await, &alice);
    }
    let proved = oracle.alice("api-client", Some("offline_access openid")).await;
    let first = oracle.issue(&proved);
    assert_recorded(TOKEN_SUCCESS, "refresh of an offline token", &refreshed(&oracle, &proved, &first, None).await, &alice);
}

#[tokio::test]
async fn a_rotating_token_names_its_chain_last() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await.user.id.to_string();
    let mut proved = oracle.alice("api-client", Some("openid")).await;
    let reuse_id = oracle.env.random().uuid().to_string();
    let session = proved.session.take().expect("a session");
    proved.session = Some(SessionPart { rotation: Some(RotationPart { reuse_id: reuse_id.clone(), generation: 41 }), ..session });
    let response = oracle.issue(&proved);
    assert_recorded(REFRESH, "rotation on, reuse 0: login", &response, &alice);
    let token = verify::refresh_token(&proved.realm, ISSUER, &response.refresh_token.expect("one"), NOW).expect("fresh");
    assert_eq!((token.generation, token.reuse_id), (41, Some(reuse_id)));
}

/// What introspection answers for a token that was issued to alice.
async fn introspected(oracle: &Oracle, client_id: &str, token: &str) -> Map<String, Value> {
    let (realm, client) = oracle.client(client_id).await;
    let token = verify::any_token(&realm, ISSUER, token, oracle.env.now()).expect("fresh");
    let scope = scope::resolve_granted(&realm, &client, &token.scope);
    let mut peek = oracle.store.peek();
    let user = match &token.sub {
        Some(sub) => peek.users().get(&oracle.realm, sub).await.expect("the store works").expect("the user is there"),
        None => oracle.subject("alice").await.user,
    };
    let subject = Subject::load(&mut peek, &oracle.realm, user).await.expect("the store works");
    let session = token.sid.as_ref().map(session_part);
    let claims = introspection::claims(&realm, &client, &token, &subject, session.as_ref(), &scope, NOW);
    introspection::active(claims, &token, &subject)
}

fn session_part(id: &SessionId) -> SessionPart {
    SessionPart {
        id: id.clone(),
        offline: false,
        remember_me: false,
        started: NOW,
        client_started: NOW,
        notes: BTreeMap::new(),
        rotation: None,
    }
}

#[tokio::test]
async fn introspection_answers_as_a_real_keycloak() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await.user.id.to_string();
    let check = async |name: &str, client: &str, token: &str| {
        assert_same(name, &introspected(&oracle, client, token).await, &recorded(INTROSPECT, name)["body"], &alice);
    };
    let response = oracle.issue(&oracle.alice("selfaud-client", Some("openid")).await);
    check("own access token, own client in aud (audience mapper)", "selfaud-client", &response.access_token).await;
    let response = oracle.issue(&oracle.service_account("selfaud-client", None).await);
    check("own client_credentials token, own client in aud", "selfaud-client", &response.access_token).await;
    let response = oracle.issue(&oracle.alice("mapper-client", Some("openid")).await);
    check("access token of another client (in aud)", "mapper-client", &response.access_token).await;
    let response = oracle.issue(&oracle.alice("api-client", Some("openid")).await);
    check("refresh token, hint refresh_token", "api-client", response.refresh_token.as_deref().expect("one")).await;
    check("id token", "api-client", response.id_token.as_deref().expect("one")).await;
    let response = oracle.issue(&oracle.alice("api-client", Some("offline_access openid")).await);
    check("own offline token with hint refresh_token", "api-client", response.refresh_token.as_deref().expect("one")).await;
}

#[tokio::test]
async fn introspection_restores_what_a_lightweight_token_lacks() {
    let oracle = Oracle::new().await;
    let token = oracle.issue(&oracle.alice("light-client", Some("openid")).await).access_token;
    assert!(!claims(&token).contains_key("email") && !claims(&token).contains_key("sub"));
    let answer = introspected(&oracle, "light-client", &token).await;
    assert_eq!(answer["email"], "alice@example.org");
    assert_eq!(answer["sub"], oracle.subject("alice").await.user.id.as_str());
    assert_eq!(answer["resource_access"]["api-client"]["roles"], json!(["api-role"]));
}

#[tokio::test]
async fn userinfo_answers_as_a_real_keycloak() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await;
    let answer = async |client: &str, subject: &Subject, granted: &str| {
        let (realm, client) = oracle.client(client).await;
        let scope = scope::resolve_granted(&realm, &client, granted);
        let session = session_part(&SessionId::from("sid"));
        match userinfo::answer(&realm, &client, subject, Some(&session), &scope, (ISSUER, NOW)).expect("nothing to sign or encrypt") {
            Answer::Json(claims) => claims,
            Answer::Jwt(_) => panic!("the client wants no token"),
        }
    };
    let all = "openid email profile address phone microprofile-jwt";
    for (name, client, granted) in
        [("GET", "api-client", "openid"), ("GET, all scopes", "api-client", all), ("mappers", "mapper-client", "openid")]
    {
        let ours = answer(client, &alice, granted).await;
        assert_same(name, &ours, &recorded(USERINFO, name)["body"], alice.user.id.as_str());
    }
    let account = oracle.subject("service-account-api-client").await;
    let ours = answer("api-client", &account, "openid").await;
    assert_same("service account", &ours, &recorded(USERINFO, "client_credentials token with openid")["body"], "");
}

#[tokio::test]
async fn a_client_may_have_its_userinfo_signed() {
    let oracle = Oracle::new().await;
    let alice = oracle.subject("alice").await;
    let (realm, client) = oracle.client("signed-userinfo-client").await;
    let scope = scope::resolve_granted(&realm, &client, "openid");
    let Ok(Answer::Jwt(token)) = userinfo::answer(&realm, &client, &alice, None, &scope, (ISSUER, NOW)) else {
        panic!("the client wants a token")
    };
    let recorded = recorded(USERINFO, "signed answer (user.info.response.signature.alg)");
    assert_same("signed", &claims(&token), &recorded["body"]["jwt"]["claims"], alice.user.id.as_str());
}

/// What `sessions` hands to the mint is what the tests here hand to it.
#[tokio::test]
async fn the_part_of_a_stored_session_mints_the_same_tokens() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("api-client", None).await;
    let new = sessions::NewSession {
        realm: &proved.realm.realm,
        user: &proved.subject.user.id,
        client: &proved.client.client.id,
        scope: proved.scope.requested(),
        offline: false,
        address: proved.client_address,
    };
    let session = sessions::start(&oracle.env, &new);
    let part = sessions::part(&session, &proved.client.client.id, None);
    let response = oracle.issue(&Authorization { session: part, ..proved });
    assert_eq!(response.session_state.as_deref(), Some(session.id.as_str()));
    assert_eq!(Timestamp::from_seconds(response.expires_in), Timestamp::from_seconds(3600));
}
