//! Client scopes as tokens need them, and the plan for one selection of them: which mappers run, which roles may show, what
//! the `scope` claims say.

use std::sync::Arc;

use crate::base::id::ClientScopeId;
use crate::model::client_scope::ClientScope;
use crate::model::protocol_mapper::ProtocolMapper;

use super::mapper::{Mapper, Rule};
use super::roles::{RoleGraph, RoleSet};

/// The scope that makes a session an offline one (OIDC Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// A client scope with its mappers parsed.
#[derive(Debug)]
pub struct CompiledScope {
    pub id: ClientScopeId,
    pub name: String,
    /// Whether the name stands in the access token's `scope`.
    pub in_token_scope: bool,
    /// Whether a client that must ask the user asks him for it.
    pub on_consent_screen: bool,
    pub mappers: Vec<Arc<Mapper>>,
    /// Names and reasons of mappers without effect.
    pub skipped: Vec<(String, String)>,
    /// The roles that it brings into tokens of clients without full scope. `None` when it names none.
    pub roles: Option<RoleSet>,
    /// It speaks of organizations: a user without one does not get it, and its name may carry an alias.
    pub organization: bool,
}

impl CompiledScope {
    pub(super) fn new(scope: &ClientScope, graph: &RoleGraph) -> Self {
        let (mappers, skipped) = compile_mappers(&scope.protocol_mappers);
        let about_organizations =
            |mapper: &Arc<Mapper>| matches!(mapper.rule, Rule::OrganizationMembership { .. } | Rule::OrganizationGroups { .. });
        let organization = scope.name == "organization" && mappers.iter().any(about_organizations);
        Self {
            id: scope.id.clone(),
            name: scope.name.clone(),
            on_consent_screen: scope.on_consent_screen(),
            in_token_scope: scope.in_token_scope(),
            mappers,
            skipped,
            roles: (!scope.scope_mappings.is_empty()).then(|| graph.expand(&scope.scope_mappings)),
            organization,
        }
    }

    /// Whether a user with these effective roles may have the scope: it names no role, or the user has one that it names.
    pub fn is_permitted(&self, user_roles: &RoleSet) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.intersects(user_roles))
    }
}

/// Parses the OpenID Connect mappers among `mappers`; the others come back with the reason.
pub(super) fn compile_mappers(mappers: &[ProtocolMapper]) -> (Vec<Arc<Mapper>>, Vec<(String, String)>) {
    let (mut compiled, mut skipped) = (Vec::new(), Vec::new());
    for mapper in mappers.iter().filter(|mapper| mapper.protocol == "openid-connect") {
        match Mapper::compile(mapper) {
            Ok(mapper) => compiled.push(Arc::new(mapper)),
            Err(reason) => skipped.push((mapper.name.clone(), reason)),
        }
    }
    (compiled, skipped)
}

/// Everything that one selection of scopes means for a client's tokens.
#[derive(Debug)]
pub struct ScopePlan {
    /// Positions in the client's available scopes, ascending.
    pub selected: Box<[u16]>,
    pub openid: bool,
    pub offline: bool,
    /// In the order in which they run.
    pub mappers: Box<[Arc<Mapper>]>,
    /// What may show in tokens; `None` means every role that the user has.
    pub allowed_roles: Option<RoleSet>,
    /// The `scope` of the answer and of the access token.
    pub token_scope: String,
    /// The `scope` of the refresh token.
    pub full_scope: String,
    /// One of the scopes demands a role of the user.
    pub guarded: bool,
}

impl ScopePlan {
    pub(super) fn new<'a>(
        (openid, selected): (bool, Box<[u16]>),
        scopes: &(impl Iterator<Item = &'a CompiledScope> + Clone),
        own_mappers: &[Arc<Mapper>],
        own_roles: Option<&RoleSet>,
    ) -> Self {
        let mut mappers: Vec<Arc<Mapper>> = scopes.clone().flat_map(|scope| &scope.mappers).chain(own_mappers).cloned().collect();
        mappers.sort_by_key(|mapper| mapper.priority);
        let allowed_roles = own_roles.map(|own| {
            let mut allowed = own.clone();
            scopes.clone().filter_map(|scope| scope.roles.as_ref()).for_each(|roles| allowed.extend(roles));
            allowed
        });
        let names = |filter: fn(&CompiledScope) -> bool| {
            let names = scopes.clone().filter(|scope| filter(scope)).map(|scope| scope.name.as_str());
            openid.then_some("openid").into_iter().chain(names).collect::<Vec<_>>().join(" ")
        };
        Self {
            selected,
            openid,
            offline: scopes.clone().any(|scope| scope.name == OFFLINE_ACCESS),
            mappers: mappers.into(),
            allowed_roles,
            token_scope: names(|scope| scope.in_token_scope),
            full_scope: names(|_| true),
            guarded: scopes.clone().any(|scope| scope.roles.is_some()),
        }
    }
}
