//! Which scopes a request gets (RFC 6749 §3.3): the client's default scopes always, its optional ones when they are named.

use std::sync::Arc;

use crate::base::id::ClientScopeId;
use crate::compiled::mapper::{Mapper, TokenKind};
use crate::compiled::roles::{RoleNames, RoleSet};
use crate::compiled::scope::ScopePlan;
use crate::compiled::{CompiledClient, CompiledRealm};

use super::mappers;
use super::organization::{Asked, ORGANIZATION};
use crate::compiled::Subject;
use crate::compiled::subject::Belonging;

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
    organization: OrganizationPart,
}

/// What of a grant is about organizations. Which ones, only the user decides ([`GrantedScope::for_subject`]).
#[derive(Clone, Debug, Default)]
struct OrganizationPart {
    granted: Option<Asked>,
    effective: Option<Asked>,
    picked: Arc<[Belonging]>,
    /// `scope` of access and refresh token, where they differ from those of the plans.
    texts: Option<(String, String)>,
}

/// A scope was named that the client does not have; carries the whole requested text, which the answer repeats.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Invalid scopes: {0}")]
pub struct InvalidScope(pub String);

/// Resolves the `scope` parameter of a request.
///
/// # Errors
/// When it names a scope that the client does not have.
pub fn resolve(realm: &CompiledRealm, client: &CompiledClient, requested: Option<&str>) -> Result<GrantedScope, InvalidScope> {
    let requested = requested.unwrap_or_default();
    let names = named(realm, client, requested);
    if names.unknown {
        return Err(InvalidScope(requested.to_owned()));
    }
    Ok(GrantedScope::new(client, requested, &names))
}

/// Resolves the scope of an earlier grant (a refresh token, a client session): names that the client has lost since are
/// left out.
pub fn resolve_granted(realm: &CompiledRealm, client: &CompiledClient, granted: &str) -> GrantedScope {
    GrantedScope::new(client, granted, &named(realm, client, granted))
}

/// What a text names.
struct Named {
    openid: bool,
    /// Positions among the client's scopes.
    positions: Vec<u16>,
    organization: Option<Asked>,
    unknown: bool,
}

fn named(realm: &CompiledRealm, client: &CompiledClient, text: &str) -> Named {
    let mut named = Named { openid: false, positions: Vec::new(), organization: None, unknown: false };
    for name in text.split_ascii_whitespace() {
        if name == OPENID {
            named.openid = true;
        } else if let Some(position) = client.scope_position(name) {
            named.positions.push(position);
            if name == ORGANIZATION {
                named.organization.get_or_insert(Asked::Only);
            }
        } else if let Some(asked) = Asked::parse(name).filter(|_| client.scope_position(ORGANIZATION).is_some()) {
            // Where there are none, all of nothing may be asked for and no other.
            named.unknown |= !realm.realm.organizations_enabled && asked != Asked::All;
            named.organization.get_or_insert(asked);
        } else {
            named.unknown = true;
        }
    }
    named
}

/// The plan for the default scopes and `named` ones, without that of organizations.
fn plan(client: &CompiledClient, openid: bool, named: &[u16]) -> Arc<ScopePlan> {
    let granted = (0_u16..)
        .zip(&client.scopes)
        .filter(|(position, available)| (available.default || named.contains(position)) && !available.scope.organization);
    client.plan(openid, granted.map(|(position, _)| position).collect())
}

impl GrantedScope {
    fn new(client: &CompiledClient, requested: &str, named: &Named) -> Self {
        let granted = plan(client, named.openid, &named.positions);
        let by_default = client.scopes.iter().any(|available| available.default && available.scope.organization);
        let asked = named.organization.clone().or(by_default.then_some(Asked::Only));
        let organization = OrganizationPart { granted: asked.clone(), effective: asked, ..OrganizationPart::default() };
        Self { requested: requested.to_owned(), effective: Arc::clone(&granted), granted, organization }
    }

    /// The alias that the request names. Whether there is such an organization, the caller must see.
    pub fn named_organization(&self) -> Option<&str> {
        match &self.organization.granted {
            Some(Asked::One(alias)) => Some(alias),
            _ => None,
        }
    }

    /// The organizations that tokens of this request are about; none before [`GrantedScope::for_subject`].
    pub fn organizations(&self) -> Arc<[Belonging]> {
        Arc::clone(&self.organization.picked)
    }

    /// The alias, if they are about one only.
    pub fn organization_alias(&self) -> Option<&str> {
        match &*self.organization.picked {
            [one] => Some(&one.organization.alias),
            _ => None,
        }
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
        self.organization.texts.as_ref().map_or(&self.effective.token_scope, |(token, _)| token)
    }

    /// The `scope` of the refresh token: all granted scopes, those that hide from the access token too.
    pub fn full_text(&self) -> &str {
        self.organization.texts.as_ref().map_or(&self.granted.full_scope, |(_, full)| full)
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
    pub fn narrow(&self, realm: &CompiledRealm, client: &CompiledClient, requested: Option<&str>) -> Result<Self, InvalidScope> {
        let Some(requested) = requested.filter(|requested| !requested.trim().is_empty()) else { return Ok(self.clone()) };
        let mut named = named(realm, client, requested);
        if named.unknown {
            return Err(InvalidScope(requested.to_owned()));
        }
        named.positions.retain(|position| self.granted.selected.contains(position));
        let effective = plan(client, named.openid && self.granted.openid, &named.positions);
        let asked = named.organization.zip(self.organization.granted.as_ref());
        let organization = asked.and_then(|(asked, granted)| asked.within(granted));
        let organization = OrganizationPart { effective: organization, ..self.organization.clone() };
        Ok(Self { effective, organization, ..self.clone() })
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
        Self { granted: permit(&self.granted), effective: permit(&self.effective), ..self.clone() }
    }

    /// The granted scopes that a user is asked for, where the client must ask him.
    pub fn on_consent_screen<'a>(&'a self, client: &'a CompiledClient) -> impl Iterator<Item = &'a ClientScopeId> {
        let granted = self.granted.selected.iter().filter_map(|position| client.scopes.get(usize::from(*position)));
        granted.filter(|available| available.scope.on_consent_screen).map(|available| &available.scope.id)
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
        if self.organization.granted.is_some() && realm.realm.organizations_enabled && !subject.organizations.is_empty() {
            let (mut scope, roles) = self.with_organizations(client, subject).for_roles(realm, client, subject, kinds);
            scope.name_organizations();
            return (scope, roles);
        }
        self.for_roles(realm, client, subject, kinds)
    }

    /// With the scope of organizations where the user has those that are asked for.
    fn with_organizations(&self, client: &CompiledClient, subject: &Subject) -> Self {
        let position = client.scopes.iter().position(|available| available.scope.organization);
        let Some(position) = position.and_then(|position| u16::try_from(position).ok()) else { return self.clone() };
        let picked = |asked: &Option<Asked>| asked.as_ref().map(|asked| asked.pick(subject)).unwrap_or_default();
        let extend = |plan: &Arc<ScopePlan>, picked: &[Belonging]| {
            if picked.is_empty() {
                return Arc::clone(plan);
            }
            let mut selected = plan.selected.to_vec();
            selected.push(position);
            selected.sort_unstable();
            client.plan(plan.openid, selected)
        };
        let (granted, effective) = (picked(&self.organization.granted), picked(&self.organization.effective));
        Self {
            requested: self.requested.clone(),
            granted: extend(&self.granted, &granted),
            effective: extend(&self.effective, &effective),
            organization: OrganizationPart { picked: effective, ..self.organization.clone() },
        }
    }

    /// Writes into the `scope` texts which organizations were asked for.
    fn name_organizations(&mut self) {
        let spelled = |text: &str, asked: &Option<Asked>| {
            let Some(asked) = asked.as_ref().filter(|asked| **asked != Asked::Only) else { return text.to_owned() };
            let word = |word: &str| if word == ORGANIZATION { asked.text() } else { word.to_owned() };
            text.split(' ').map(word).collect::<Vec<_>>().join(" ")
        };
        let part = &self.organization;
        if [&part.granted, &part.effective].iter().any(|asked| asked.as_ref().is_some_and(|asked| *asked != Asked::Only)) {
            let token = spelled(&self.effective.token_scope, &part.effective);
            self.organization.texts = Some((token, spelled(&self.granted.full_scope, &part.granted)));
        }
    }

    fn for_roles(&self, realm: &CompiledRealm, client: &CompiledClient, subject: &Subject, kinds: &[TokenKind]) -> (Self, RoleNames) {
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
