//! Tokens that come back: what is believed, and why something is not.

use keywright::base::id::RealmId;
use keywright::tokens::verify::{self, Rejected};

use super::oracle::{ISSUER, NOW, Oracle};

#[tokio::test]
async fn what_was_minted_verifies_with_its_claims() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("api-client", Some("openid offline_access")).await;
    let response = oracle.issue(&proved);
    let session = proved.session.as_ref().expect("a session");

    let access = verify::access_token(&proved.realm, ISSUER, &response.access_token, NOW).expect("believed");
    assert_eq!(access.sub.as_ref(), Some(&proved.subject.user.id));
    assert_eq!((access.sid.as_ref(), access.azp.as_str(), access.iat), (Some(&session.id), "api-client", NOW));
    assert_eq!((access.offline, access.lightweight, access.aud), (true, false, vec!["account".to_owned()]));
    assert_eq!(access.claims["email"], "alice@example.org");

    let refresh = verify::refresh_token(&proved.realm, ISSUER, response.refresh_token.as_deref().expect("one"), NOW).expect("believed");
    assert_eq!((refresh.session, refresh.offline, refresh.client.as_str()), (session.id.clone(), true, "api-client"));
    assert_eq!((refresh.exp, refresh.generation, refresh.reuse_id), (None, 0, None));
    assert_eq!(refresh.scope, proved.scope.full_text());
}

#[tokio::test]
async fn a_token_is_believed_as_what_it_is_only() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("api-client", Some("openid")).await;
    let response = oracle.issue(&proved);
    let (access, id, refresh) = (response.access_token, response.id_token.expect("one"), response.refresh_token.expect("one"));
    let wrong = |typ: &str| Some(Rejected::WrongType(typ.to_owned()));
    assert_eq!(verify::access_token(&proved.realm, ISSUER, &id, NOW).err(), wrong("ID"));
    assert_eq!(verify::access_token(&proved.realm, ISSUER, &refresh, NOW).err(), wrong("Refresh"));
    assert_eq!(verify::refresh_token(&proved.realm, ISSUER, &access, NOW).err(), wrong("Bearer"));
    assert_eq!(verify::refresh_token(&proved.realm, ISSUER, &id, NOW).err(), wrong("ID"));
    assert!(verify::any_token(&proved.realm, ISSUER, &id, NOW).is_ok());
}

#[tokio::test]
async fn time_issuer_and_not_before_are_checked_to_the_second() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("public-client", None).await;
    let response = oracle.issue(&proved);
    let check = |issuer: &str, now| verify::access_token(&proved.realm, issuer, &response.access_token, now).err();
    assert_eq!(check(ISSUER, NOW + 299), None);
    assert_eq!(check(ISSUER, NOW + 300), Some(Rejected::Expired));
    assert_eq!(check("http://localhost/auth/realms/other", NOW), Some(Rejected::Issuer(ISSUER.to_owned())));

    let refresh = response.refresh_token.as_deref().expect("one");
    assert_eq!(verify::refresh_token(&proved.realm, ISSUER, refresh, NOW + 1800).err(), Some(Rejected::Expired));
    oracle.change_realm(|realm| realm.not_before = NOW.seconds()).await;
    assert!(verify::refresh_token(&*oracle.realm().await, ISSUER, refresh, NOW).is_ok());
    oracle.change_realm(|realm| realm.not_before = NOW.seconds() + 1).await;
    assert_eq!(verify::refresh_token(&*oracle.realm().await, ISSUER, refresh, NOW).err(), Some(Rejected::Stale));
}

#[tokio::test]
async fn tampered_and_foreign_tokens_are_malformed() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("public-client", None).await;
    let token = oracle.issue(&proved).access_token;
    let (head, signature) = token.rsplit_once('.').expect("a JWS");
    let (header, payload) = head.split_once('.').expect("a JWS");
    let flipped = |part: &str| part.chars().rev().collect::<String>();
    for tampered in [
        format!("{head}.{}", flipped(signature)),
        format!("{header}.{}.{signature}", flipped(payload)),
        format!("{head}."),
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{payload}."),
        String::new(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
    ] {
        let refused = verify::access_token(&proved.realm, ISSUER, &tampered, NOW);
        assert!(matches!(refused, Err(Rejected::Malformed(_))), "{tampered}: {refused:?}");
    }
    let other = Oracle::new().await;
    assert_eq!(other.realm, RealmId::from("oracle-id"));
    assert!(verify::access_token(&*other.realm().await, ISSUER, &token, NOW).is_ok(), "the fixed keys are the same everywhere");
}
