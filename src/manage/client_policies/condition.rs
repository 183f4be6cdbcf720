//! Conditions of a client policy. Each one votes yes, no, or not at all when it has nothing to say about the occasion; a policy
//! is in force when somebody said yes and nobody no.

use std::net::IpAddr;

use serde_json::Value;

use crate::model::client::{Client, ClientKind};
use crate::model::client_policy::{ClientPolicy, Condition, Settings};

use super::{Occasion, Situation};

/// Whether the policy is in force for what is done with `client`, which may be about to become what it is.
pub(super) fn all_hold(policy: &ClientPolicy, situation: &Situation<'_>, client: &Client) -> bool {
    let votes = policy.conditions.iter().flatten().filter_map(|condition| vote(condition, situation, client));
    let mut said_yes = false;
    for vote in votes {
        if !vote {
            return false;
        }
        said_yes = true;
    }
    said_yes
}

fn vote(condition: &Condition, situation: &Situation<'_>, client: &Client) -> Option<bool> {
    let settings = condition.settings();
    let grant = match situation.occasion {
        Occasion::Grant(grant) => Some(grant),
        _ => None,
    };
    let holds = match condition.provider.as_deref()? {
        "any-client" => true,
        "client-access-type" => {
            let kind = match client.kind() {
                ClientKind::Public => "public",
                ClientKind::Confidential => "confidential",
                ClientKind::BearerOnly => "bearer-only",
            };
            settings.list("type").contains(&kind)
        }
        "client-type" => client.protocol.as_deref() == settings.text("protocol"),
        "client-attributes" => has_attributes(settings, client)?,
        "client-roles" => {
            situation.client?;
            settings.list("roles").iter().any(|role| situation.names.roles.iter().any(|own| own == role))
        }
        "client-scopes" => {
            grant?;
            asks_for(settings, situation)
        }
        "grant-type" => settings.list("grant_types").contains(&grant?.name()),
        "client-updater-context" => settings.list("update-client-source").contains(&situation.updater?.source),
        "client-updater-source-roles" => {
            let held = &situation.updater?.roles;
            settings.list("roles").iter().any(|role| held.iter().any(|one| one == role))
        }
        "client-updater-source-groups" => {
            let joined = &situation.updater?.groups;
            settings.list("groups").iter().any(|group| joined.iter().any(|one| one == group.trim_start_matches('/')))
        }
        "client-updater-source-host" => {
            situation.updater?;
            let sender = situation.address.to_canonical();
            settings
                .list("trusted-hosts")
                .iter()
                .any(|host| host.parse().is_ok_and(|host: IpAddr| host.to_canonical() == sender))
        }
        // They ask about a sign-in.
        _ => return None,
    };
    Some(holds != settings.flag("is-negative-logic"))
}

/// Keycloak keeps a map as the text of a list of `{"key", "value"}`.
fn has_attributes(settings: Settings<'_>, client: &Client) -> Option<bool> {
    let wanted: Value = match settings.get("attributes")? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    let has = |name: &str, value: &Value| client.attribute(name) == value.as_str();
    Some(match &wanted {
        Value::Array(pairs) => pairs.iter().all(|pair| pair["key"].as_str().is_some_and(|key| has(key, &pair["value"]))),
        Value::Object(map) => map.iter().all(|(key, value)| has(key, value)),
        _ => return None,
    })
}

/// A default scope comes unasked; an optional one has to be named.
fn asks_for(settings: Settings<'_>, situation: &Situation<'_>) -> bool {
    let wanted = settings.list("scopes");
    let named = |name: &str| situation.scope.is_some_and(|scope| scope.split(' ').any(|one| one == name));
    let names = situation.names;
    let default = wanted.iter().any(|scope| names.default_scopes.iter().any(|one| one == scope));
    let optional = wanted.iter().any(|scope| named(scope) && names.optional_scopes.iter().any(|one| one == scope));
    match settings.text("type") {
        Some("Default") => default,
        Some("Any") => default || optional || wanted.iter().any(|scope| named(scope)),
        _ => optional,
    }
}
