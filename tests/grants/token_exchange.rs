//! Token exchange as a real Keycloak answered it (recordings `modern`, part "exchange"): a token for another client, never with
//! more than that client may have, and never longer alive than the session behind it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keywright::keyring::Algorithm;
use keywright::manage::clients::{self, ClientSettings, NewClient};
use keywright::manage::protocol_mappers::NewMapper;
use keywright::manage::users::{self, UserSettings};
use keywright::model::consent::{Consent, Consents};
use keywright::store::StoreError;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};
use serde_json::{Value, json};

use crate::support::http::{Answer, Request};

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const REFRESH: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// `front` signs users in for `plain`, `other` and `xr`; `xr` may go on to `plain`, `other` and `dpop`, and refresh.
async fn issuer() -> TestIssuer {
    let issuer = TestIssuer::start().await;
    client(&issuer, "front", &["plain", "other", "xr"], &[]).await;
    client(&issuer, "xr", &["plain", "other", "dpop"], &["SAME_SESSION"]).await;
    for name in ["plain", "other"] {
        client(&issuer, name, &[], &[""]).await;
    }
    client(&issuer, "dpop", &[], &[]).await;
    issuer.user("alice", "pw").await;
    issuer
}

/// A confidential client with audience mappers; `exchange` holds its refresh setting if it may exchange at all.
async fn client(issuer: &TestIssuer, client_id: &str, audiences: &[&str], exchange: &[&str]) {
    let mapper = |audience: &&str| -> NewMapper {
        serde_json::from_value(json!({"name": format!("aud {audience}"), "protocol": "openid-connect",
            "protocolMapper": "oidc-audience-mapper",
            "config": {"included.client.audience": audience, "access.token.claim": "true", "introspection.token.claim": "true"}}))
        .unwrap()
    };
    let mut attributes = vec![];
    if let Some(refresh) = exchange.first() {
        attributes.push(("standard.token.exchange.enabled", "true"));
        attributes.push(("standard.token.exchange.enableRefreshRequestedTokenType", refresh));
    }
    let settings = ClientSettings {
        client_id: Some(client_id.to_owned()),
        secret: Some(format!("{client_id}-secret").as_str().into()),
        public_client: Some(false),
        service_accounts_enabled: Some(true),
        direct_access_grants_enabled: Some(true),
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect(),
        protocol_mappers: Some(audiences.iter().map(mapper).collect()),
        ..ClientSettings::default()
    };
    issuer.client(NewClient { id: None, settings }).await;
}

async fn post(issuer: &TestIssuer, endpoint: &str, client: &str, form: &[(&str, &str)]) -> Answer {
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/{endpoint}");
    let request = Request::new("POST", path).basic(client, &format!("{client}-secret")).form(form);
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

async fn signed_in(issuer: &TestIssuer, client: &str, scope: &str) -> Answer {
    let form = [("grant_type", "password"), ("username", "alice"), ("password", "pw"), ("scope", scope)];
    post(issuer, "token", client, &form).await.ok()
}

async fn exchange(issuer: &TestIssuer, client: &str, subject: &str, more: &[(&str, &str)]) -> Answer {
    let form = [&[("grant_type", EXCHANGE), ("subject_token", subject), ("subject_token_type", ACCESS)], more].concat();
    post(issuer, "token", client, &form).await
}

async fn introspected(issuer: &TestIssuer, client: &str, token: &str) -> Value {
    post(issuer, "token/introspect", client, &[("token", token)]).await.ok().json().unwrap()
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn sorted(audience: &Value) -> Vec<&str> {
    let mut all: Vec<&str> = match audience {
        Value::String(one) => vec![one.as_str()],
        many => many.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect(),
    };
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_token_is_exchanged_for_one_of_the_client_in_the_same_session() {
    let issuer = issuer().await;
    let front = signed_in(&issuer, "front", "openid").await;
    let subject = front.field("access_token");
    let answer = exchange(&issuer, "xr", &subject, &[]).await.ok();
    let body = answer.json().unwrap();
    let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "access_token",
            "expires_in",
            "refresh_expires_in",
            "token_type",
            "not-before-policy",
            "session_state",
            "scope",
            "issued_token_type"
        ]
    );
    assert_eq!((&body["issued_token_type"], &body["refresh_expires_in"]), (&json!(ACCESS), &json!(0)));
    let token = claims(&answer.field("access_token"));
    assert!(token["jti"].as_str().unwrap().starts_with("ntrtte:"));
    assert_eq!((&token["azp"], &token["sid"]), (&json!("xr"), &claims(&subject)["sid"]));
    assert_eq!(token["sub"], claims(&subject)["sub"]);
    assert_eq!(sorted(&token["aud"]), ["account", "dpop", "other", "plain"]);
    assert!(token.get("act").is_none() && token.get("may_act").is_none());
    assert_eq!(introspected(&issuer, "plain", &answer.field("access_token")).await["active"], true);

    let openid = exchange(&issuer, "xr", &subject, &[("scope", "openid")]).await.ok();
    let id_token = claims(&openid.field("id_token"));
    assert_eq!((&id_token["aud"], &id_token["typ"]), (&json!("xr"), &json!("ID")));
    assert!(id_token["at_hash"].is_string());
}

#[tokio::test]
async fn an_audience_narrows_the_token_and_what_introspection_says_of_it() {
    let issuer = issuer().await;
    let subject = signed_in(&issuer, "front", "openid").await.field("access_token");
    let one = exchange(&issuer, "xr", &subject, &[("audience", "other")]).await.ok().field("access_token");
    assert_eq!((&claims(&one)["aud"], &claims(&one)["resource_access"]), (&json!("other"), &json!({})));
    let seen = introspected(&issuer, "other", &one).await;
    assert_eq!((&seen["active"], &seen["aud"]), (&json!(true), &json!("other")));
    assert_eq!(introspected(&issuer, "plain", &one).await["active"], false, "it is not for plain");

    let two = exchange(&issuer, "xr", &subject, &[("audience", "other"), ("audience", "plain"), ("audience", "other")])
        .await
        .ok();
    assert_eq!(sorted(&claims(&two.field("access_token"))["aud"]), ["other", "plain"]);
    for (audience, error, description) in [
        ("front", "invalid_request", "Requested audience not available: front"),
        ("xr", "invalid_request", "Requested audience not available: xr"),
        ("nope", "invalid_client", "Audience not found"),
        ("", "invalid_client", "Audience not found"),
    ] {
        exchange(&issuer, "xr", &subject, &[("audience", "other"), ("audience", audience)])
            .await
            .is_refused(error, description);
    }
}

#[tokio::test]
async fn a_refresh_token_joins_the_session_and_keeps_the_audience() {
    let issuer = issuer().await;
    let front = signed_in(&issuer, "front", "openid").await;
    let subject = front.field("access_token");
    let answer = exchange(&issuer, "xr", &subject, &[("requested_token_type", REFRESH)]).await.ok();
    assert_eq!(answer.field("issued_token_type"), REFRESH);
    assert!(claims(&answer.field("access_token"))["jti"].as_str().unwrap().starts_with("onrtte:"));
    let refresh = answer.field("refresh_token");
    assert_eq!((&claims(&refresh)["sid"], &claims(&refresh)["typ"]), (&claims(&subject)["sid"], &json!("Refresh")));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let refreshed = post(&issuer, "token", "xr", &form).await.ok();
    assert_eq!(sorted(&claims(&refreshed.field("access_token"))["aud"]), ["account", "dpop", "other", "plain"]);
    // Now the client is a part of the session.
    let later = exchange(&issuer, "xr", &subject, &[]).await.ok().field("access_token");
    assert!(claims(&later)["jti"].as_str().unwrap().starts_with("onrtte:"));

    let narrow = exchange(&issuer, "xr", &subject, &[("requested_token_type", REFRESH), ("audience", "other")]).await.ok();
    for _ in 0..3 {
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*narrow.field("refresh_token"))];
        let refreshed = post(&issuer, "token", "xr", &form).await.ok();
        assert_eq!(claims(&refreshed.field("access_token"))["aud"], "other", "a refresh gives no more than the exchange");
    }
    // Logging out at one ends it for all.
    let form = [("refresh_token", &*front.field("refresh_token"))];
    assert_eq!(post(&issuer, "logout", "front", &form).await.status, 204);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    post(&issuer, "token", "xr", &form).await.is_refused("invalid_grant", "Session not active");
}

#[tokio::test]
async fn an_id_token_stands_in_the_place_of_the_access_token() {
    let issuer = issuer().await;
    let subject = signed_in(&issuer, "front", "openid").await.field("access_token");
    let answer = exchange(&issuer, "xr", &subject, &[("requested_token_type", ID)]).await.ok();
    assert_eq!((answer.field("token_type").as_str(), answer.field("issued_token_type").as_str()), ("N_A", ID));
    let token = claims(&answer.field("access_token"));
    assert_eq!((&token["typ"], &token["aud"]), (&json!("ID"), &json!("xr")));
    assert!(token.get("at_hash").is_none() && answer.json().unwrap().get("id_token").is_none());
}

#[tokio::test]
async fn what_cannot_be_exchanged_is_refused_in_keycloaks_words() {
    let issuer = issuer().await;
    let front = signed_in(&issuer, "front", "openid").await;
    let subject = front.field("access_token");
    let refused = async |client: &str, subject: &str, more: &[(&str, &str)], error: &str, description: &str| {
        exchange(&issuer, client, subject, more).await.is_refused(error, description);
    };
    let unsupported = "requested_token_type unsupported";
    for name in ["urn:foo", "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:saml2", ""] {
        refused("xr", &subject, &[("requested_token_type", name)], "invalid_request", unsupported).await;
    }
    refused("plain", &subject, &[("requested_token_type", REFRESH)], "invalid_request", unsupported).await;
    let offline = [("scope", "offline_access"), ("requested_token_type", REFRESH)];
    refused("xr", &subject, &offline, "invalid_request", "Scope offline_access not allowed for token exchange").await;
    refused("xr", &subject, &[("scope", "nope")], "invalid_scope", "Invalid scopes: nope").await;
    let disabled = "Standard token exchange is not enabled for the requested client";
    refused("dpop", &subject, &[], "invalid_request", disabled).await;
    refused("front", &subject, &[], "invalid_request", disabled).await;
    for name in ["requested_subject", "subject_issuer", "requested_issuer"] {
        let description = format!("Parameter '{name}' is not supported for standard token exchange");
        refused("xr", &subject, &[(name, "bob")], "invalid_request", &description).await;
    }
    for name in ["refresh_token", "id_token"] {
        refused("xr", &front.field(name), &[], "invalid_request", "Invalid token").await;
    }
    for garbage in ["", "x.y.z", "garbage", &format!("{subject}x")] {
        refused("xr", garbage, &[], "invalid_request", "Invalid token").await;
    }
    // A token that was not meant for the client.
    let own = signed_in(&issuer, "plain", "openid").await.field("access_token");
    let stranger = exchange(&issuer, "other", &own, &[]).await;
    assert_eq!(stranger.status, 403);
    stranger.is_refused("access_denied", "Client is not within the token audience");
    // A parameter twice is refused, but for those that an exchange may repeat.
    exchange(&issuer, "xr", &subject, &[("resource", "https://a"), ("resource", "https://b")]).await.ok();
    refused("xr", &subject, &[("scope", "openid"), ("scope", "email")], "invalid_request", "duplicated parameter").await;
}

#[tokio::test]
async fn an_exchanged_token_goes_on_to_the_next_and_ends_with_the_session() {
    let issuer = issuer().await;
    let front = signed_in(&issuer, "front", "openid").await;
    let first = exchange(&issuer, "xr", &front.field("access_token"), &[("audience", "other")])
        .await
        .ok()
        .field("access_token");
    let second = exchange(&issuer, "other", &first, &[]).await.ok().field("access_token");
    assert_eq!((&claims(&second)["azp"], &claims(&second)["sid"]), (&json!("other"), &claims(&first)["sid"]));
    exchange(&issuer, "plain", &first, &[])
        .await
        .is_refused("access_denied", "Client is not within the token audience");

    let form = [("refresh_token", &*front.field("refresh_token"))];
    assert_eq!(post(&issuer, "logout", "front", &form).await.status, 204);
    assert_eq!(introspected(&issuer, "other", &first).await["active"], false);
    for (client, token) in [("xr", front.field("access_token")), ("other", first), ("other", second)] {
        exchange(&issuer, client, &token, &[]).await.is_refused("invalid_request", "Invalid token");
    }
}

#[tokio::test]
async fn a_disabled_user_and_a_revoked_token_exchange_nothing() {
    let issuer = issuer().await;
    let (one, two) = (signed_in(&issuer, "front", "openid").await, signed_in(&issuer, "front", "openid").await);
    let revoked = one.field("access_token");
    assert_eq!(post(&issuer, "revoke", "front", &[("token", &revoked)]).await.status, 200);
    exchange(&issuer, "xr", &revoked, &[]).await.is_refused("invalid_request", "Invalid token");

    let app = issuer.keywright().app();
    let realm = app.compiled.realm(REALM).await.unwrap().unwrap().realm.id.clone();
    let user = app.store.peek().users().by_username(&realm, "alice").await.unwrap().unwrap().id;
    let off = UserSettings { enabled: Some(false), ..UserSettings::default() };
    let (realm, user, off) = (&realm, &user, &off);
    app.store.configuration(|txn| Box::pin(users::update(txn, realm, user, off))).await.unwrap();
    exchange(&issuer, "xr", &two.field("access_token"), &[]).await.is_refused("invalid_request", "Invalid token");
}

#[tokio::test]
async fn a_service_account_and_an_offline_session_exchange_without_refresh() {
    let issuer = issuer().await;
    let own = post(&issuer, "token", "plain", &[("grant_type", "client_credentials")]).await.ok().field("access_token");
    let answer = exchange(&issuer, "plain", &own, &[]).await.ok();
    let token = claims(&answer.field("access_token"));
    assert!(token["jti"].as_str().unwrap().starts_with("trrtte:") && token.get("sid").is_none());
    assert!(token.get("clientAddress").is_none() && answer.json().unwrap().get("session_state").is_none());
    exchange(&issuer, "other", &own, &[])
        .await
        .is_refused("access_denied", "Client is not within the token audience");

    let offline = signed_in(&issuer, "front", "openid offline_access").await.field("access_token");
    let token = exchange(&issuer, "xr", &offline, &[]).await.ok().field("access_token");
    assert!(claims(&token)["jti"].as_str().unwrap().starts_with("ftrtte:"));
    assert_eq!(introspected(&issuer, "plain", &token).await["active"], true);
    exchange(&issuer, "xr", &offline, &[("requested_token_type", REFRESH)])
        .await
        .is_refused("invalid_request", "Refresh token not valid as requested_token_type because creating a new session is needed");
}

/// RFC 9449 §5, security class 26: nobody turns a token that is bound to a key into one that is not. The other client is told
/// what a real Keycloak says (recording `modern`, "exchange: bound subject token, no proof").
#[tokio::test]
async fn a_subject_token_that_is_bound_to_a_key_is_refused() {
    let issuer = issuer().await;
    let token = signed_in(&issuer, "front", "openid").await.field("access_token");
    // As the old server of an imported realm issued it.
    let mut bound = claims(&token);
    bound["typ"] = json!("DPoP");
    bound["cnf"] = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "kc-jkt-type": "DPoP"});
    bound["azp"] = json!("xr");
    let sign = async |claims: &Value| {
        let realm = issuer.keywright().app().compiled.realm(REALM).await.unwrap().unwrap();
        realm.keyring.sign(Algorithm::Rs256, "JWT", &serde_json::to_vec(claims).unwrap()).unwrap()
    };
    exchange(&issuer, "xr", &sign(&bound).await, &[]).await.is_refused("invalid_request", "Invalid token");
    bound["azp"] = json!("front");
    let description = "Sender-constrained token exchange rejected as the token was not issued for the requesting client";
    exchange(&issuer, "xr", &sign(&bound).await, &[]).await.is_refused("invalid_request", description);
    exchange(&issuer, "xr", &format!("{}x", sign(&bound).await), &[])
        .await
        .is_refused("invalid_request", "Invalid token");
    // One of a client certificate (RFC 8705 §3) keeps `Bearer`.
    bound["typ"] = json!("Bearer");
    exchange(&issuer, "xr", &sign(&bound).await, &[]).await.is_refused("invalid_request", description);
    bound.as_object_mut().unwrap().remove("cnf");
    exchange(&issuer, "xr", &sign(&bound).await, &[]).await.ok();
}

/// A client that must ask the user gets no more by an exchange than he allowed it before.
#[tokio::test]
async fn an_exchange_for_a_client_that_must_ask_needs_the_consent_that_it_has() {
    let issuer = issuer().await;
    let app = issuer.keywright().app();
    let realm = app.compiled.realm(REALM).await.unwrap().unwrap().realm.id.clone();
    let client = app.store.peek().clients().by_client_id(&realm, "xr").await.unwrap().unwrap().id;
    let settings = ClientSettings { consent_required: Some(true), ..ClientSettings::default() };
    app.store
        .configuration(|txn| Box::pin(clients::update(txn, &app.env, &app.sealer, &realm, &client, &settings)))
        .await
        .unwrap();
    let subject = signed_in(&issuer, "front", "openid").await.field("access_token");
    let refusal = "Missing consents for Token Exchange in client xr";
    exchange(&issuer, "xr", &subject, &[]).await.is_refused("invalid_scope", refusal);

    let alice = app.store.peek().users().by_username(&realm, "alice").await.unwrap().unwrap().id;
    let scopes = app.store.peek().client_scopes().list(&realm).await.unwrap();
    let ids = |names: &[&str]| scopes.iter().filter(|scope| names.contains(&scope.name.as_str())).map(|scope| scope.id.clone()).collect();
    let allow = async |names: &[&str]| {
        let now = app.env.now();
        let consents = Consents(vec![Consent { client: client.clone(), scopes: ids(names), created: now, updated: now }]);
        let (realm, alice, consents) = (&realm, &alice, &consents);
        let put = app.store.configuration(|txn| {
            txn.consents().put(realm, alice, consents);
            Box::pin(std::future::ready(Ok::<_, StoreError>(())))
        });
        put.await.unwrap();
    };
    allow(&["profile", "email"]).await;
    exchange(&issuer, "xr", &subject, &[]).await.is_refused("invalid_scope", refusal);
    allow(&["profile", "email", "roles"]).await;
    exchange(&issuer, "xr", &subject, &[]).await.ok();
    exchange(&issuer, "xr", &subject, &[("scope", "phone")]).await.is_refused("invalid_scope", refusal);
}
