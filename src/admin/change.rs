//! Every change is one transaction of the rules in [`crate::manage`], and writes the admin event that tells of it in the same
//! one. What happened follows from the request: its method, its path, its body. So no operation can forget to say it.

use std::sync::{Mutex, PoisonError};

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::app::App;
use crate::audit;
use crate::base::id::{AuthenticatorConfigId, ComponentId, ExecutionId, FlowId, ProtocolMapperId};
use crate::base::secret::Secret;
use crate::model::authentication::Execution;
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::event::{AdminEvent, AuthDetails, Operation, Resource};
use crate::model::group::Group;
use crate::model::identity_provider::IdentityProvider;
use crate::model::initial_access::InitialAccess;
use crate::model::organization::Organization;
use crate::model::realm::Realm;
use crate::model::role::Role;
use crate::model::user::User;
use crate::store::StoreError;
use crate::store::txn::{Configuration, Txn};
use crate::web::administrator::AdminRequest;

use super::error::AdminError;
use super::sent;

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
    /// Where what was sent was sent to, below the realm, and what it was.
    sent: Option<(&'a str, Value)>,
    recorded: Mutex<Option<AdminEvent>>,
}

/// Who can tell what he is doing.
pub trait Tells {
    fn telling(&self) -> Telling<'_>;
}

impl Tells for AdminRequest {
    fn telling(&self) -> Telling<'_> {
        // That a realm comes or goes is told in the realm of who does it: the other one is not there yet, or not any more.
        let own = &self.caller.realm.realm;
        let goes = self.has_realm() && self.path.is_empty() && self.method == Method::DELETE;
        let (realm, path) = match self.has_realm() {
            true if goes => (own, self.realm().name.clone()),
            true => (self.realm(), self.path.clone()),
            false => (own, String::new()),
        };
        let realm = Some(realm).filter(|realm| realm.admin_events_enabled);
        let draft = realm.and_then(|realm| {
            let (operation, resource) = happening(&self.method, &self.path)?;
            let event = self.app.audit.admin_event(&self.app.env, &self.actor(), &realm.id, operation, resource);
            Some(if path.is_empty() { event } else { event.at(path) })
        });
        // What is only done, and not set, may come with a password.
        let shows = draft.as_ref().is_some_and(|draft| draft.operation_type != Operation::Action);
        let sent = if shows { serde_json::from_slice::<Value>(&self.body).ok() } else { None };
        let sent = sent.filter(|sent| sent.is_object() || sent.is_array()).map(|sent| (self.path.as_str(), sent));
        Telling { app: &self.app, realm, draft, sent, recorded: Mutex::default() }
    }
}

impl AdminRequest {
    /// Who asks, for the event.
    fn actor(&self) -> AuthDetails {
        AuthDetails {
            realm_id: self.caller.realm.id().clone(),
            client_id: Some(self.caller.client.client.id.to_string()),
            user_id: Some(self.caller.user.id.clone()),
            ip_address: Some(self.client_address),
        }
    }
}

impl Telling<'_> {
    /// Writes the event beside the change. Of something new it names the id that it got.
    pub fn record(&self, txn: &mut Txn<'_, Configuration>, made: &impl Made) {
        let (Some(realm), Some(draft)) = (self.realm, &self.draft) else { return };
        if made.is_nothing() {
            return;
        }
        let is_new = draft.operation_type == Operation::Create;
        let event = match (made.name().filter(|_| is_new), &draft.resource_path) {
            (Some(name), Some(path)) => draft.clone().at(format!("{path}/{name}")),
            (Some(name), None) => draft.clone().at(name),
            _ => draft.clone(),
        };
        let event = match (&self.sent, made.shown()) {
            (Some((path, given)), shown) => {
                let mut given = given.clone();
                if let (Value::Object(given), Some(Value::Object(shown)), true) = (&mut given, shown, is_new) {
                    given.extend(shown);
                }
                event.representing(&sent::as_read(path, given))
            }
            (None, Some(shown)) if draft.operation_type == Operation::Delete => event.representing(&shown),
            _ => event,
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

/// Tells of something that is done already and was no change of the configuration: sessions ended, a realm was imported. `name` is that
/// of something new, `result` what there is to show.
///
/// # Errors
/// When the store fails.
pub async fn told(cx: &AdminRequest, name: Option<&str>, result: Option<&Value>) -> Result<(), AdminError> {
    let mut telling = cx.telling();
    if let Some(result) = result {
        telling.sent = None;
        telling.draft = telling.draft.map(|draft| draft.representing(result));
    }
    let (telling, made) = (&telling, &Done(name.map(str::to_owned)));
    let told = cx.app.store.configuration(|txn| {
        Box::pin(async move {
            telling.record(txn, made);
            Ok::<(), StoreError>(())
        })
    });
    told.await?;
    telling.tell();
    Ok(())
}

/// The admin events of a request that does several things: what, to which kind of thing, at which path. Who does them records and tells
/// them himself.
pub fn events(cx: &AdminRequest, things: impl Iterator<Item = (Operation, Resource, String)>) -> Vec<AdminEvent> {
    let (app, actor) = (&cx.app, cx.actor());
    things
        .map(|(operation, resource, path)| app.audit.admin_event(&app.env, &actor, &cx.realm().id, operation, resource).at(path))
        .collect()
}

/// Something that was done, with the name of what came of it.
struct Done(Option<String>);

impl Made for Done {
    fn name(&self) -> Option<String> {
        self.0.clone()
    }
}

/// What a change may make: the last part of its address.
pub trait Made {
    fn name(&self) -> Option<String>;

    /// What the event shows of something that came, beside what was sent for it, or that went.
    fn shown(&self) -> Option<Value> {
        None
    }

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
    ($($made:ty => |$one:ident| $name:expr $(, $shown:expr)?;)+) => {$(
        impl Made for $made {
            fn name(&self) -> Option<String> {
                let $one = self;
                $name
            }

            $(fn shown(&self) -> Option<Value> {
                let $one = self;
                Some($shown)
            })?
        }
    )+};
}

made! {
    () => |_one| None;
    Realm => |realm| Some(realm.name.clone());
    Secret<String> => |_one| None;
    Option<Group> => |_one| None;
    User => |user| Some(user.id.to_string());
    // A child is told at the address of its parent.
    Group => |group| Some(group.id.to_string()).filter(|_| group.parent.is_none()), json!({ "id": group.id });
    Organization => |organization| Some(organization.id.to_string());
    Role => |role| Some(role.name.clone()), json!({ "id": role.id });
    Client => |client| Some(client.id.to_string()), json!({ "id": client.id });
    IdentityProvider => |provider| Some(provider.alias.clone()), json!({ "internalId": provider.internal_id });
    ClientScope => |scope| Some(scope.id.to_string());
    InitialAccess => |access| Some(access.id.to_string());
    ProtocolMapperId => |id| Some(id.to_string());
    String => |name| Some(name.clone());
    ComponentId => |id| Some(id.to_string());
    FlowId => |id| Some(id.to_string());
    AuthenticatorConfigId => |id| Some(id.to_string());
    Execution => |step| Some(step.id.to_string());
    // Added by way of a flow: the event has the address of the flow.
    ExecutionId => |_one| None;
}

/// A user who is gone.
pub struct DeletedUser(pub User);

impl Made for DeletedUser {
    fn name(&self) -> Option<String> {
        None
    }

    fn shown(&self) -> Option<Value> {
        Some(json!({ "id": self.0.id, "username": self.0.username }))
    }
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
        ["users", "profile"] => (of_method, Resource::UserProfile),
        ["sessions", _] => (of_method, Resource::UserSession),
        ["attack-detection", ..] => (of_method, Resource::UserLoginFailure),
        ["logout-all" | "push-revocation"] | ["user-storage", ..] => (action, Resource::Realm),
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
        ["clients", _, "client-secret" | "certificates" | "registration-access-token" | "push-revocation", ..] => {
            (action, Resource::Client)
        }
        ["clients", _, "nodes", ..] => (of_method, Resource::ClusterNode),
        ["clients", ..] => (of_method, Resource::Client),
        ["clients-initial-access", ..] => (of_method, Resource::ClientInitialAccessModel),
        ["client-scopes" | "client-templates", ..] => (of_method, Resource::ClientScope),
        ["default-default-client-scopes" | "default-optional-client-scopes", _] => (added, Resource::ClientScope),
        ["organizations", _, "members", "invite-user" | "invite-existing-user"] | ["organizations", _, "invitations", _, "resend"] => {
            (action, Resource::OrganizationMembership)
        }
        ["organizations", _, "members" | "invitations", ..] => (of_method, Resource::OrganizationMembership),
        ["organizations", _, "groups", _, "members", _] => (added, Resource::OrganizationGroupMembership),
        ["organizations", _, "groups", ..] => (of_method, Resource::OrganizationGroup),
        ["organizations", ..] => (of_method, Resource::Organization),
        ["components", ..] => (of_method, Resource::Component),
        ["authentication", of_authentication @ ..] => authentication(of_method, of_authentication),
        ["identity-provider", "instances", _, "mappers", ..] => (of_method, Resource::IdentityProviderMapper),
        ["identity-provider", ..] => (of_method, Resource::IdentityProvider),
        _ => (of_method, Resource::Realm),
    })
}

fn authentication(of_method: Operation, path: &[&str]) -> (Operation, Resource) {
    match path {
        ["executions" | "required-actions", _, "raise-priority" | "lower-priority"] => {
            (Operation::Update, if path[0] == "executions" { Resource::AuthExecution } else { Resource::RequiredAction })
        }
        ["flows", _, "executions", "flow"] => (of_method, Resource::AuthExecutionFlow),
        ["flows", _, "executions", ..] | ["executions", ..] => (of_method, Resource::AuthExecution),
        ["flows", ..] => (of_method, Resource::AuthFlow),
        ["config", ..] => (of_method, Resource::AuthenticatorConfig),
        ["required-actions", _, "config"] => (of_method, Resource::RequiredActionConfig),
        _ => (of_method, Resource::RequiredAction),
    }
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
            (Method::POST, "organizations/o/members", Operation::Create, Resource::OrganizationMembership),
            (Method::POST, "organizations/o/members/invite-user", Operation::Action, Resource::OrganizationMembership),
            (Method::PUT, "organizations/o/groups/g/members/u", Operation::Create, Resource::OrganizationGroupMembership),
            (Method::POST, "organizations/o/identity-providers", Operation::Create, Resource::Organization),
            (Method::POST, "clients/c/nodes", Operation::Create, Resource::ClusterNode),
            (Method::DELETE, "clients/c/client-secret/rotated", Operation::Action, Resource::Client),
            (Method::POST, "clients/c/certificates/jwt.credential/generate", Operation::Action, Resource::Client),
            (Method::POST, "clients/c/protocol-mappers/models", Operation::Create, Resource::ProtocolMapper),
            (Method::POST, "authentication/executions/e/raise-priority", Operation::Update, Resource::AuthExecution),
            (Method::POST, "authentication/flows/f/executions/flow", Operation::Create, Resource::AuthExecutionFlow),
            (Method::PUT, "authentication/required-actions/A/config", Operation::Update, Resource::RequiredActionConfig),
            (Method::POST, "authentication/register-required-action", Operation::Create, Resource::RequiredAction),
            (Method::DELETE, "identity-provider/instances/i/mappers/m", Operation::Delete, Resource::IdentityProviderMapper),
        ] {
            assert_eq!(happening(&method, path), Some((operation, resource)), "{method} {path}");
        }
        assert_eq!(happening(&Method::GET, "group-by-path/a"), None);
    }
}
