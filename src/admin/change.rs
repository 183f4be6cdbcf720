//! Every change is one transaction of the rules in [`crate::manage`], and writes the admin event that tells of it in the same
//! one. What happened follows from the request: its method, its path, its body. So no operation can forget to say it.

use std::sync::{Mutex, PoisonError};

use actix_web::http::Method;
use serde_json::Value;

use crate::app::App;
use crate::audit;
use crate::base::id::ProtocolMapperId;
use crate::base::secret::Secret;
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::event::{AdminEvent, AuthDetails, Operation, Resource};
use crate::model::group::Group;
use crate::model::realm::Realm;
use crate::model::role::Role;
use crate::model::user::User;
use crate::store::txn::{Configuration, Txn};
use crate::web::administrator::AdminRequest;

/// Runs an expression on a transaction: `change!(cx, |txn| users::delete(txn, realm, id))`. What the expression names must be
/// references or `Copy`, because a transaction may run more than once.
macro_rules! change {
    ($cx:expr, |$txn:ident| $body:expr) => {{
        use $crate::admin::change::Tells as _;
        let telling = $cx.telling();
        let told = &telling;
        let made = $cx
            .app
            .store
            .configuration(|$txn| {
                Box::pin(async move {
                    let made: Result<_, $crate::manage::error::ManageError> = $body.await;
                    if let Ok(made) = &made {
                        told.record($txn, made);
                    }
                    made
                })
            })
            .await;
        if made.is_ok() {
            telling.tell();
        }
        made
    }};
}

pub(super) use change;

/// The admin event of a request that is about to change something.
pub struct Telling<'a> {
    app: &'a App,
    realm: Option<&'a Realm>,
    /// `None`: what happens is not told, as in Keycloak.
    draft: Option<AdminEvent>,
    recorded: Mutex<Option<AdminEvent>>,
}

/// Who can tell what he is doing.
pub trait Tells {
    fn telling(&self) -> Telling<'_>;
}

impl Tells for AdminRequest {
    fn telling(&self) -> Telling<'_> {
        let realm = self.has_realm().then(|| self.realm()).filter(|realm| realm.admin_events_enabled);
        let draft = realm.and_then(|realm| {
            let (operation, resource) = happening(&self.method, &self.path)?;
            let actor = AuthDetails {
                realm_id: self.caller.realm.id().clone(),
                client_id: Some(self.caller.client.client.id.to_string()),
                user_id: Some(self.caller.user.id.clone()),
                ip_address: Some(self.client_address),
            };
            let event = self.app.audit.admin_event(&self.app.env, &actor, &realm.id, operation, resource);
            let event = if self.path.is_empty() { event } else { event.at(self.path.clone()) };
            // What is only done, and not set, may come with a password.
            let sent = serde_json::from_slice::<Value>(&self.body).ok().filter(|_| operation != Operation::Action);
            Some(match sent.filter(|sent| sent.is_object() || sent.is_array()) {
                Some(sent) => event.representing(&sent),
                None => event,
            })
        });
        Telling { app: &self.app, realm, draft, recorded: Mutex::default() }
    }
}

impl Telling<'_> {
    /// Writes the event beside the change. Of something new it names the id that it got.
    pub fn record(&self, txn: &mut Txn<'_, Configuration>, made: &impl Made) {
        let (Some(realm), Some(draft)) = (self.realm, &self.draft) else { return };
        if made.is_nothing() {
            return;
        }
        let new = made.name().filter(|_| draft.operation_type == Operation::Create);
        let event = match (new, &draft.resource_path) {
            (Some(name), Some(path)) => draft.clone().at(format!("{path}/{name}")),
            _ => draft.clone(),
        };
        audit::admin::record(txn, realm, &event);
        *self.recorded.lock().unwrap_or_else(PoisonError::into_inner) = Some(event);
    }

    /// Tells the listeners what was committed.
    pub fn tell(&self) {
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(realm), Some(event)) = (self.realm, recorded) {
            self.app.audit.administered(realm, &event);
        }
    }
}

/// What a change may make: the last part of its address.
pub trait Made {
    fn name(&self) -> Option<String>;

    /// Whether there was nothing to change after all.
    fn is_nothing(&self) -> bool {
        false
    }
}

impl Made for bool {
    fn name(&self) -> Option<String> {
        None
    }

    fn is_nothing(&self) -> bool {
        !self
    }
}

macro_rules! made {
    ($($made:ty => |$one:ident| $name:expr;)+) => {$(
        impl Made for $made {
            fn name(&self) -> Option<String> {
                let $one = self;
                $name
            }
        }
    )+};
}

made! {
    () => |_one| None;
    Realm => |_one| None;
    Secret<String> => |_one| None;
    Option<Group> => |_one| None;
    User => |user| Some(user.id.to_string());
    Group => |group| Some(group.id.to_string());
    Role => |role| Some(role.name.clone());
    Client => |client| Some(client.id.to_string());
    ClientScope => |scope| Some(scope.id.to_string());
    ProtocolMapperId => |id| Some(id.to_string());
}

/// What a request with this method does to what stands at `path` below the realm. `None` for what nobody is told.
fn happening(method: &Method, path: &str) -> Option<(Operation, Resource)> {
    let parts: Vec<&str> = path.split('/').collect();
    let of_method = match *method {
        Method::POST => Operation::Create,
        Method::PUT => Operation::Update,
        Method::DELETE => Operation::Delete,
        // Looking a path up is a transaction, too.
        _ => return None,
    };
    // A PUT that adds a member to a set.
    let added = if of_method == Operation::Update { Operation::Create } else { of_method };
    let action = Operation::Action;
    Some(match parts.as_slice() {
        ["users", "profile"] => (of_method, Resource::Realm),
        ["users" | "groups", _, "role-mappings", "realm"] => (of_method, Resource::RealmRoleMapping),
        ["users" | "groups", _, "role-mappings", "clients", _] => (of_method, Resource::ClientRoleMapping),
        ["users", _, "groups", _] => (added, Resource::GroupMembership),
        ["users"] | ["users", _] | ["users", _, "federated-identity", _] => (of_method, Resource::User),
        ["users", _, ..] => (action, Resource::User),
        ["groups", ..] => (of_method, Resource::Group),
        ["default-groups", _] => (added, Resource::Group),
        ["roles" | "roles-by-id", ..] => (of_method, Resource::RealmRole),
        ["clients", _, "roles", ..] => (of_method, Resource::ClientRole),
        ["clients" | "client-scopes" | "client-templates", _, "protocol-mappers", ..] => (of_method, Resource::ProtocolMapper),
        ["clients" | "client-scopes" | "client-templates", _, "scope-mappings", "realm"] => (of_method, Resource::RealmScopeMapping),
        ["clients" | "client-scopes" | "client-templates", _, "scope-mappings", ..] => (of_method, Resource::ClientScopeMapping),
        ["clients", _, "default-client-scopes" | "optional-client-scopes", _] => (added, Resource::ClientScopeClientMapping),
        ["clients", _, "client-secret", ..] => (action, Resource::Client),
        ["clients", ..] => (of_method, Resource::Client),
        ["client-scopes" | "client-templates", ..] => (of_method, Resource::ClientScope),
        ["default-default-client-scopes" | "default-optional-client-scopes", _] => (added, Resource::ClientScope),
        ["components", ..] => (of_method, Resource::Component),
        _ => (of_method, Resource::Realm),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_follows_from_method_and_path() {
        for (method, path, operation, resource) in [
            (Method::PUT, "", Operation::Update, Resource::Realm),
            (Method::POST, "users", Operation::Create, Resource::User),
            (Method::PUT, "users/u/groups/g", Operation::Create, Resource::GroupMembership),
            (Method::DELETE, "users/u/groups/g", Operation::Delete, Resource::GroupMembership),
            (Method::PUT, "users/u/reset-password", Operation::Action, Resource::User),
            (Method::POST, "groups/g/role-mappings/realm", Operation::Create, Resource::RealmRoleMapping),
            (Method::DELETE, "clients/c/roles/r", Operation::Delete, Resource::ClientRole),
            (Method::POST, "clients/c/protocol-mappers/models", Operation::Create, Resource::ProtocolMapper),
        ] {
            assert_eq!(happening(&method, path), Some((operation, resource)), "{method} {path}");
        }
        assert_eq!(happening(&Method::GET, "group-by-path/a"), None);
    }
}
