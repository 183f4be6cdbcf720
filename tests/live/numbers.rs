//! Lifetimes and other numbers. The one row also holds cookies and implicit tokens, so it waits as a whole; what needs no browser
//! is compared all the same.

use serde_json::{Value, json};

use super::normalise::claims;
use super::oracle::Form;
use super::recording::Recording;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::http::Answer;

pub async fn replay(app: TestApp) -> Report {
    let run = Replay::start("numbers", app).await;
    let recorded = Recording::load("numbers").row("numbers").answer["body"].clone();
    // The client of the recordings gives its access tokens an hour; this one leaves everything to the realm.
    let alice = run.token(&Form::password("alice").by("other-client").scope("openid")).await;
    let lifetime = |answer: &Answer, name: &str| {
        let claims = claims(&token_of(answer, name));
        json!(claims["exp"].as_i64().expect("a time") - claims["iat"].as_i64().expect("a time"))
    };
    for (name, token) in [("access token", "access_token"), ("refresh token", "refresh_token"), ("id token", "id_token")] {
        assert_eq!(lifetime(&alice, token), recorded[name], "{name}");
    }
    let admin = run.oracle.administrator().await;
    assert_eq!(lifetime(&admin, "access_token"), recorded["access token of admin-cli in master"]);
    let realm = run.app().keywright.app().compiled.realm("oracle").await.expect("a store").expect("the realm");
    let realm: Value = serde_json::to_value(&realm.realm).expect("a realm is JSON");
    for (setting, number) in recorded["fresh realm"].as_object().expect("settings") {
        assert_eq!(realm[setting], *number, "{setting}");
    }
    run.finish().await
}
