//! A realm as its creation leaves it. Its representation is the administrator's; `tests/manage/fresh_realm.rs` compares the same
//! facts in the store.

use std::collections::BTreeMap;

use keywright::base::id::{ClientId, RoleId};
use keywright::model::role::{Role, RoleContainer};
use keywright::store::txn::Reader as _;
use serde_json::{Map, Value, json};

use super::replay::{Replay, Report};
use crate::support::app::TestApp;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("fresh-realm", app).await;
    run.oracle.create_realm("oracle-fresh", json!({"enabled": true})).await;
    let composites = composites(run.app()).await;
    run.observe("composites of built-in roles", json!({"body": composites})).await;
    run.finish().await
}

/// What each built-in composite role contains, in the recording's order.
async fn composites(app: &TestApp) -> Value {
    let store = &app.keywright.app().store;
    let realm = store.peek().realms().by_name("oracle-fresh").await.expect("a store").expect("the realm").id;
    let roles = store.peek().roles().list(&realm).await.expect("a store");
    let clients = store.peek().clients().list(&realm).await.expect("a store");
    let account: &ClientId = &clients.iter().find(|client| client.client_id == "account").expect("a client").id;
    let names: BTreeMap<&RoleId, &str> = roles.iter().map(|role| (&role.id, role.name.as_str())).collect();
    let contained = |role: &Role| {
        let mut contained: Vec<&str> = role.composites.iter().map(|id| names[id]).collect();
        contained.sort_unstable();
        json!(contained)
    };
    let of = |name: &str, account_role: bool| {
        let is_it = |role: &&Role| role.name == name && (role.container == RoleContainer::Client(account.clone())) == account_role;
        contained(roles.iter().find(is_it).unwrap_or_else(|| panic!("a role {name}")))
    };
    let mut all = Map::new();
    for name in ["realm-admin", "view-organizations", "view-users", "view-clients"] {
        all.insert(name.to_owned(), of(name, false));
    }
    for name in ["manage-consent", "manage-account"] {
        all.insert(format!("account:{name}"), of(name, true));
    }
    all.insert("default-roles".to_owned(), of("default-roles-oracle-fresh", false));
    Value::Object(all)
}
