//! The `keycloak` crate against the Admin REST API. What it parsed and writes again must be our answer, field for field: its
//! members are all optional, so that it accepted an answer says nothing.

mod reads;
mod world;

use std::collections::BTreeSet;

use keycloak::KeycloakError;
use keywright::routes;
use keywright::web::route::{Feature, Policy, Route};
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::support::app::{ADMINISTRATOR, ADMINISTRATOR_PASSWORD, TestApp};
use crate::support::payload;
use crate::support::process::install_tls;
use world::World;

/// What a Keycloak 26.7 sends and the crate's types do not have: how the path ends, the members (`*` is any place in a list), and
/// where it was seen.
const DROPPED: &[(&str, &[&str], &str)] = &[
    ("generate-example-access-token", &["/aud"], "admin-clients.json, \"evaluate: example access token\""),
    ("generate-example-id-token", &["/aud"], "admin-clients.json, \"evaluate: example id token\""),
    (
        "identity-provider/providers/{provider}",
        &["/name", "/id", "/configProperties", "/helpText", "/configMetadata"],
        "admin-scopes-idps-components.json, \"providers oidc\"",
    ),
    // Keycloak's OpenAPI document, which the crate is made from, calls the groups users.
    (
        "roles/{role}/groups",
        &["/*/name", "/*/path", "/*/description", "/*/subGroups"],
        "admin-roles-groups.json, \"groups in role\" (none there); what a group shows in a list is in admin-users.json, \"groups\"",
    ),
    ("roles/{client_role}/groups", &["/*/name", "/*/path", "/*/description", "/*/subGroups"], "as of a realm's role"),
];

/// Another value at every request.
const RANDOM: &[(&str, &[&str])] =
    &[("generate-example-access-token", &["/jti", "/sid"]), ("generate-example-id-token", &["/jti", "/sid"])];

/// Reads that have nothing to show: no user comes from a federation, no invitation was sent.
const EMPTY: &[&str] = &["configured-user-storage-credential-types", "invitations"];

/// Reads that the crate has no method for, and that of an invitation, which nobody can send.
const UNASKED: &[&str] = &["/admin/serverinfo", "/admin/{}/console/whoami", "/admin/realms/{}/organizations/{}/invitations/{}"];

/// The reads so far, and what was wrong with them.
pub struct Reading<'w> {
    world: &'w World,
    asked: BTreeSet<String>,
    /// Of [`DROPPED`], what was.
    dropped: BTreeSet<String>,
    wrong: Vec<String>,
}

/// A path without the names of its parameters and without its query.
fn anonymous(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

impl Reading<'_> {
    /// Compares what the crate made of the answer at `path` with the answer.
    async fn compare(&mut self, path: &str, parsed: Result<impl Serialize, KeycloakError>) {
        self.asked.insert(anonymous(path));
        let parsed = match parsed {
            Ok(parsed) => serde_json::to_value(parsed).expect("it writes what it read"),
            Err(error) => return self.wrong.push(format!("{path}: {error} ({error:?})")),
        };
        let answer = self.world.ask(Method::GET, &self.world.fill(path), None).await;
        let text = answer.text().await.expect("a body");
        // A text of a localization is the text itself.
        let ours: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let path = path.split('?').next().unwrap_or_default();
        let is_empty = ours.as_array().is_some_and(Vec::is_empty) || ours.as_object().is_some_and(serde_json::Map::is_empty);
        if is_empty != EMPTY.iter().any(|end| path.ends_with(end)) {
            self.wrong.push(format!("{path}: {ours} is there to compare"));
        }
        let mut found = Vec::new();
        differences(&ours, &parsed, String::new(), &mut found);
        for (place, difference) in found {
            let is_among = |end: &str, places: &[&str]| path.ends_with(end) && places.contains(&place.as_str());
            let is_known = match difference {
                Difference::Dropped => {
                    let known = DROPPED.iter().find(|(end, places, _)| is_among(end, places));
                    self.dropped.extend(known.map(|(end, ..)| format!("{end} {place}")));
                    known.is_some()
                }
                Difference::Changed(_) => RANDOM.iter().any(|(end, places)| is_among(end, places)),
                Difference::Invented => false,
            };
            if !is_known {
                self.wrong.push(format!("{path}: {place}: {difference:?}"));
            }
        }
    }

    /// An answer without content.
    fn is_empty(&mut self, path: &str, status: Result<u16, KeycloakError>) {
        self.asked.insert(anonymous(path));
        if !matches!(status, Ok(204)) {
            self.wrong.push(format!("{path}: {status:?}"));
        }
    }

    /// A feature that is switched off.
    async fn is_refused<T>(&mut self, path: &str, parsed: Result<T, KeycloakError>) {
        self.asked.insert(anonymous(path));
        match parsed {
            Err(KeycloakError::HttpFailure { status: 501, body: Some(body), .. }) if body.error.is_some() => {}
            Err(error) => self.wrong.push(format!("{path}: {error}")),
            Ok(_) => self.wrong.push(format!("{path}: there is no such feature")),
        }
    }
}

/// What became of a member.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Difference {
    Dropped,
    Invented,
    Changed(String),
}

/// Where two documents differ, and how.
fn differences(ours: &Value, theirs: &Value, place: String, found: &mut Vec<(String, Difference)>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (name, value) in ours {
                let place = format!("{place}/{name}");
                match theirs.get(name) {
                    Some(other) => differences(value, other, place, found),
                    None => found.push((place, Difference::Dropped)),
                }
            }
            for name in theirs.keys().filter(|name| !ours.contains_key(*name)) {
                found.push((format!("{place}/{name}"), Difference::Invented));
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut inner = Vec::new();
            for (ours, theirs) in ours.iter().zip(theirs) {
                differences(ours, theirs, format!("{place}/*"), &mut inner);
            }
            inner.sort();
            inner.dedup();
            found.extend(inner);
        }
        _ if ours == theirs => {}
        _ => found.push((place, Difference::Changed(format!("{ours} became {theirs}")))),
    }
}

async fn start() -> (TestApp, World) {
    install_tls();
    let app = TestApp::new().await;
    let world = World::build(&app.base, ADMINISTRATOR, ADMINISTRATOR_PASSWORD).await;
    (app, world)
}

#[tokio::test]
async fn what_the_crate_reads_and_writes_again_is_our_answer() {
    let (_app, world) = start().await;
    let mut reading = Reading { world: &world, asked: BTreeSet::new(), dropped: BTreeSet::new(), wrong: Vec::new() };
    reads::realms(&mut reading).await;
    reads::authentication(&mut reading).await;
    reads::clients(&mut reading).await;
    reads::client_scopes(&mut reading).await;
    reads::roles(&mut reading).await;
    reads::users(&mut reading).await;
    reads::organizations(&mut reading).await;
    reads::documents(&mut reading).await;
    reads::switched_off(&mut reading).await;
    assert!(reading.wrong.is_empty(), "{}", reading.wrong.join("\n"));

    let rows = routes::public();
    // A switched-off row for whatever is left of a path stands for reads that would say the same.
    let is_read = |row: &&Route| row.method == Method::GET.as_str() && !(row.feature == Feature::Off && row.path.ends_with("*}"));
    let served = rows.iter().filter(|row| matches!(row.policy, Policy::Admin(_))).filter(is_read);
    let left: Vec<String> = served
        .map(|row| anonymous(row.path))
        .filter(|path| !reading.asked.contains(path) && !UNASKED.contains(&path.as_str()))
        .collect();
    assert!(left.is_empty(), "the crate was not asked for {left:#?}");
    let listed = DROPPED.iter().flat_map(|(end, places, _)| places.iter().map(move |place| format!("{end} {place}")));
    assert_eq!(listed.collect::<BTreeSet<_>>(), reading.dropped, "what is listed as dropped is dropped");
}

#[tokio::test]
async fn what_the_crate_made_shows_in_a_token() {
    let (_app, world) = start().await;
    let tokens = world.sign_in("openid").await;
    let claims = payload(tokens["access_token"].as_str().expect("a token"));
    assert_eq!((&claims["preferred_username"], &claims["email"]), (&"alice".into(), &"alice@acme.org".into()));
    assert_eq!(claims["azp"], "app");
    let roles = |container: &Value| -> BTreeSet<String> { serde_json::from_value(container["roles"].clone()).expect("names") };
    let realm = roles(&claims["realm_access"]);
    // Hers, what is in it, and what the group gives.
    assert!(["boss", "reader", "auditor"].iter().all(|role| realm.contains(*role)), "{realm:?}");
    assert_eq!(roles(&claims["resource_access"]["app"]), ["editor", "writer"].map(str::to_owned).into());
}
