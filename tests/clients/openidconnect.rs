//! The `openidconnect` crate: discovery, the grants of machines and of direct logins, its own ID token verifier, userinfo and
//! introspection.

use openidconnect::core::{CoreClient, CoreProviderMetadata};
use openidconnect::reqwest;
use openidconnect::{
    AccessTokenHash, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, IntrospectionUrl, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, ResourceOwnerPassword, ResourceOwnerUsername, Scope, TokenIntrospectionResponse as _, TokenResponse as _,
};

use super::DevServer;

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A client as an application makes it: everything but id and secret comes from discovery. The crate reads no introspection
/// endpoint there, so that one is given.
async fn client(server: &DevServer, http: &reqwest::Client, id: &str, secret: Option<&str>) -> Client {
    let issuer = IssuerUrl::new(server.process.issuer("master")).expect("an issuer");
    let metadata = CoreProviderMetadata::discover_async(issuer.clone(), http).await.expect("discovery");
    assert_eq!(*metadata.issuer(), issuer);
    let introspection = format!("{}/protocol/openid-connect/token/introspect", server.process.issuer("master"));
    CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), secret.map(|secret| ClientSecret::new(secret.to_owned())))
        .set_introspection_url(IntrospectionUrl::new(introspection).expect("a URL"))
        .set_auth_uri(openidconnect::AuthUrl::new(server.process.issuer("master")).expect("a URL"))
}

fn jane() -> (ResourceOwnerUsername, ResourceOwnerPassword) {
    (ResourceOwnerUsername::new("jane@example.test".to_owned()), ResourceOwnerPassword::new("secret".to_owned()))
}

#[tokio::test]
async fn the_openidconnect_crate_signs_in_verifies_the_id_token_and_refreshes() {
    let (server, http) = (DevServer::start().await, reqwest::Client::new());
    let api = client(&server, &http, "api-client", Some(&server.secret)).await;
    let (username, password) = jane();

    let tokens = api
        .exchange_password(&username, &password)
        .expect("discovery named the token endpoint")
        .add_scope(Scope::new("openid".to_owned()))
        .request_async(&http)
        .await
        .expect("the password grant");
    let id_token = tokens.id_token().expect("scope openid gives an ID token");
    let verifier = api.id_token_verifier();
    let claims = id_token.claims(&verifier, |_: Option<&Nonce>| Ok(())).expect("a valid ID token");
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().expect("a known algorithm"),
        id_token.signing_key(&verifier).expect("a key of the JWKS"),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.expect("a hash")));
    assert_eq!(claims.email().map(|email| email.as_str()), Some("jane@example.test"));

    let info: openidconnect::core::CoreUserInfoClaims = api
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        .expect("discovery named the userinfo endpoint")
        .request_async(&http)
        .await
        .expect("userinfo of the same subject");
    assert_eq!(info.email_verified(), Some(true));

    let refreshed = api
        .exchange_refresh_token(tokens.refresh_token().expect("a refresh token"))
        .expect("discovery named the token endpoint")
        .request_async(&http)
        .await
        .expect("the refresh");
    let again = refreshed
        .id_token()
        .expect("scope openid is kept")
        .claims(&verifier, |_: Option<&Nonce>| Ok(()))
        .expect("valid");
    assert_eq!(again.subject(), claims.subject());
    assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
}

#[tokio::test]
async fn the_openidconnect_crate_gets_client_credentials_and_introspects_as_the_named_audience() {
    let (server, http) = (DevServer::start().await, reqwest::Client::new());
    let api = client(&server, &http, "api-client", Some(&server.secret)).await;
    let own = api
        .exchange_client_credentials()
        .expect("discovery named the token endpoint")
        .request_async(&http)
        .await
        .expect("client credentials");
    assert!(own.refresh_token().is_none());

    let (username, password) = jane();
    let orders = client(&server, &http, "orders-app", None).await;
    let tokens = orders
        .exchange_password(&username, &password)
        .expect("a token endpoint")
        .request_async(&http)
        .await
        .expect("the password grant");
    let resource_server = client(&server, &http, "resource-server", Some(&server.resource_server_secret)).await;
    let seen = resource_server.introspect(tokens.access_token()).request_async(&http).await.expect("introspection");
    assert!(seen.active());
    assert_eq!(seen.username(), Some("jane@example.test"));
    assert_eq!(seen.client_id().map(|id| id.as_str()), Some("orders-app"));
    // resource-server is not in the audience of api-client's own token, so it learns nothing about it.
    assert!(!resource_server.introspect(own.access_token()).request_async(&http).await.expect("introspection").active());
}

#[tokio::test]
async fn the_openidconnect_crate_reads_refusals_as_typed_errors() {
    let (server, http) = (DevServer::start().await, reqwest::Client::new());
    let orders = client(&server, &http, "orders-app", None).await;
    let (username, _) = jane();
    let wrong = ResourceOwnerPassword::new("wrong".to_owned());
    let refusal = orders
        .exchange_password(&username, &wrong)
        .expect("a token endpoint")
        .request_async(&http)
        .await
        .expect_err("refused");
    let openidconnect::RequestTokenError::ServerResponse(answer) = refusal else { panic!("not an OAuth error: {refusal:?}") };
    assert_eq!(answer.error().as_ref(), "invalid_grant");
    assert_eq!(answer.error_description().map(String::as_str), Some("Invalid user credentials"));
}
