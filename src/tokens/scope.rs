//! Which scopes a request gets (RFC 6749 §3.3): the client's default scopes always, its optional ones when they are named.

use std::sync::Arc;

use crate::compiled::mapper::{Mapper, TokenKind};
use crate::compiled::roles::{RoleNames, RoleSet};
use crate::compiled::scope::ScopePlan;
use crate::compiled::{CompiledClient, CompiledRealm};

use super::mappers;
use crate::compiled::Subject;

/// The scope that makes a request one of OpenID Connect (OIDC Core §3.1.2.1).
const OPENID: &str = "openid";

/// The scopes of an authorization.
#[derive(Clone, Debug)]
pub struct GrantedScope {
    requested: String,
    /// What was granted; the refresh token keeps it.
    granted: Arc<ScopePlan>,
    /// What the tokens of this request get; less than granted after a narrowing refresh.
    effective: Arc<ScopePlan>,
}

/// A scope was named that the client does not have; carries the whole requested text, which the answer repeats.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Invalid scopes: {0}")]
pub struct InvalidScope(pub String);

/// Resolves the `scope` parameter of a request.
///
/// # Errors
/// When it names a scope that the client does not have.
pub fn resolve(_realm: &CompiledRealm, client: &CompiledClient, requested: Option<&str>) -> Result<GrantedScope, InvalidScope> {
    let requested = requested.unwrap_or_default();
    let names = named(client, requested);
    if names.unknown {
        return Err(InvalidScope(requested.to_owned()));
    }
    Ok(GrantedScope::new(client, requested, &names))
}

/// Resolves the scope of an earlier grant (a refresh token, a client session): names that the client has lost since are
/// left out.
pub fn resolve_granted(_realm: &CompiledRealm, client: &CompiledClient, granted: &str) -> GrantedScope {
    GrantedScope::new(client, granted, &named(client, granted))
}

/// What a text names.
struct Named {
    openid: bool,
    /// Positions among the client's scopes.
    positions: Vec<u16>,
    unknown: bool,
}

fn named(client: &CompiledClient, text: &str) -> Named {
    let mut named = Named { openid: false, positions: Vec::new(), unknown: false };
    for name in text.split_ascii_whitespace() {
        if name == OPENID {
            named.openid = true;
        } else if let Some(position) = client.scope_position(name) {
            named.positions.push(position);
        } else {
            // A member of an organisation may ask for all of his; nobody is one here, so nothing is granted by it.
            named.unknown |= name != "organization:*" || client.scope_position("organization").is_none();
        }
    }
    named
}

/// The plan for the default scopes and `named` ones.
fn plan(client: &CompiledClient, openid: bool, named: &[u16]) -> Arc<ScopePlan> {
    let granted = (0_u16..)
        .zip(&client.scopes)
        .filter(|(position, available)| (available.default || named.contains(position)) && !available.scope.organization);
    client.plan(openid, granted.map(|(position, _)| position).collect())
}

impl GrantedScope {
    fn new(client: &CompiledClient, requested: &str, named: &Named) -> Self {
        let granted = plan(client, named.openid, &named.positions);
        Self { requested: requested.to_owned(), effective: Arc::clone(&granted), granted }
    }

    /// Whether `openid` was granted: the answer carries an ID token.
    pub fn is_openid(&self) -> bool {
        self.granted.openid
    }

    /// Whether `offline_access` was granted: the session is an offline one.
    pub fn is_offline(&self) -> bool {
        self.granted.offline
    }

    /// The `scope` of the answer and of the access token.
    pub fn response_text(&self) -> &str {
        &self.effective.token_scope
    }

    /// The `scope` of the refresh token: all granted scopes, those that hide from the access token too.
    pub fn full_text(&self) -> &str {
        &self.granted.full_scope
    }

    /// What was asked for, as the client session keeps it.
    pub fn requested(&self) -> &str {
        &self.requested
    }

    /// The scope of a refresh that names `requested` itself (RFC 6749 §6): never more than was granted. The refresh token keeps the
    /// whole grant, and the ID token comes as granted, both as in Keycloak.
    ///
    /// # Errors
    /// When it names a scope that the client does not have.
    pub fn narrow(&self, _realm: &CompiledRealm, client: &CompiledClient, requested: Option<&str>) -> Result<Self, InvalidScope> {
        let Some(requested) = requested.filter(|requested| !requested.trim().is_empty()) else { return Ok(self.clone()) };
        let mut named = named(client, requested);
        if named.unknown {
            return Err(InvalidScope(requested.to_owned()));
        }
        named.positions.retain(|position| self.granted.selected.contains(position));
        let effective = plan(client, named.openid && self.granted.openid, &named.positions);
        Ok(Self { effective, ..self.clone() })
    }

    /// Without the scopes that demand a role which the user does not have: `offline_access` in a realm that gives it to some
    /// users only. `roles` are the user's effective roles ([`Subject::roles`]).
    #[must_use]
    pub fn permitted(&self, client: &CompiledClient, roles: &RoleSet) -> Self {
        let permit = |plan: &Arc<ScopePlan>| {
            if !plan.guarded {
                return Arc::clone(plan);
            }
            let is_permitted =
                |position: &u16| client.scopes.get(usize::from(*position)).is_some_and(|available| available.scope.is_permitted(roles));
            client.plan(plan.openid, plan.selected.iter().copied().filter(is_permitted).collect())
        };
        Self { requested: self.requested.clone(), granted: permit(&self.granted), effective: permit(&self.effective) }
    }

    /// The mappers that fill the tokens, in order.
    pub fn mappers(&self) -> &[Arc<Mapper>] {
        &self.effective.mappers
    }

    /// Keeps of `roles` those that the client's tokens may carry under this scope.
    pub fn retain_allowed(&self, roles: &mut RoleSet) {
        if let Some(allowed) = &self.effective.allowed_roles {
            roles.retain(allowed);
        }
    }

    /// What the tokens of a user get: the scopes that he may have, and of his effective roles those that may show. No roles
    /// when nothing of `kinds` would say them: an administrator of many realms has thousands.
    pub fn for_subject(&self, realm: &CompiledRealm, client: &CompiledClient, subject: &Subject, kinds: &[TokenKind]) -> (Self, RoleNames) {
        let wanted = mappers::read_roles(&self.effective.mappers, kinds);
        if !wanted && !self.granted.guarded {
            return (self.clone(), RoleNames::default());
        }
        let mut roles = subject.roles(realm);
        let permitted = self.permitted(client, &roles);
        if !wanted {
            return (permitted, RoleNames::default());
        }
        if let Some(allowed) = &permitted.effective.allowed_roles {
            roles.retain(allowed);
        }
        let names = realm.roles.names(&roles);
        (permitted, names)
    }
}
