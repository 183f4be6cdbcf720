//! What protocol mappers do to tokens: one file per type of mapper, one arm per file. The configuration was parsed before
//! ([`crate::compiled::mapper`]), so nothing here can fail.

mod acr;
mod address;
mod allowed_origins;
mod amr;
mod audience;
mod audience_resolve;
mod client_roles;
mod full_name;
mod group_membership;
mod hardcoded_claim;
mod hardcoded_role;
mod nonce;
mod organization;
pub mod pairwise_subject;
mod postgres_array;
mod realm_roles;
mod requested_claims;
mod role_name;
mod session_note;
mod session_state;
mod subject;
mod user_attribute;
mod user_property;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::compiled::claim_path::{ClaimName, ClaimPath};
use crate::compiled::mapper::{Claim, JsonType, ListSource, Mapper, RoleReference, Rule, TokenKind};
use crate::compiled::roles::RoleNames;
use crate::compiled::subject::Belonging;
use crate::compiled::{CompiledClient, CompiledRealm};

use super::authorization::SessionPart;
use super::claims::{Claims, Node};
use crate::compiled::Subject;

/// What mappers may know.
pub struct Context<'a> {
    pub realm: &'a CompiledRealm,
    pub client: &'a CompiledClient,
    pub subject: &'a Subject,
    pub session: Option<&'a SessionPart>,
    pub now: Timestamp,
    pub auth_time: Option<Timestamp>,
    pub nonce: Option<&'a str>,
    pub acr: &'a str,
    /// The address of a client that acts in its own name; `None` for users and after the request.
    pub caller: Option<String>,
    /// The organizations of the user that the grant is about.
    pub organizations: Arc<[Belonging]>,
}

/// The roles that may show in a token. Some mappers change them, later ones write them.
pub struct TokenRoles<'r>(Cow<'r, RoleNames>);

/// Whether one of the mappers that are switched on for `kinds` looks at roles.
pub fn read_roles(mappers: &[Arc<Mapper>], kinds: &[TokenKind]) -> bool {
    let reads = |rule: &Rule| match rule {
        Rule::AudienceResolve | Rule::RealmRoles { .. } | Rule::ClientRoles { .. } => true,
        Rule::PostgresArray { source, .. } => matches!(source, ListSource::RealmRoles | ListSource::ClientRoles(_)),
        _ => false,
    };
    mappers.iter().any(|mapper| reads(&mapper.rule) && kinds.iter().any(|kind| mapper.includes(*kind)))
}

/// Runs the mappers that are switched on for `kind`, in order.
pub fn run<'a>(mappers: &'a [Arc<Mapper>], kind: TokenKind, cx: &Context<'a>, roles: &RoleNames, claims: &mut Claims<'a>) {
    let mut roles = TokenRoles(Cow::Borrowed(roles));
    for mapper in mappers.iter().filter(|mapper| mapper.includes(kind)) {
        apply(&mapper.rule, kind, cx, &mut roles, claims);
    }
}

fn apply<'a>(rule: &'a Rule, kind: TokenKind, cx: &Context<'a>, roles: &mut TokenRoles<'_>, claims: &mut Claims<'a>) {
    match rule {
        Rule::UserAttribute { attribute, aggregate, claim } => user_attribute::apply(attribute, *aggregate, claim, cx, claims),
        Rule::UserProperty { property, claim } => user_property::apply(*property, claim, cx, claims),
        Rule::FullName => full_name::apply(cx, claims),
        Rule::Address { fields } => address::apply(fields, cx, claims),
        Rule::GroupMembership { full_path, claim } => group_membership::apply(*full_path, claim, cx, claims),
        Rule::Audience { audience } => audience::apply(audience, claims),
        Rule::AudienceResolve => audience_resolve::apply(roles, cx, claims),
        Rule::AllowedOrigins => allowed_origins::apply(cx, claims),
        Rule::HardcodedClaim { claim, value } => hardcoded_claim::apply(claim, value, claims),
        Rule::HardcodedRole { role } => hardcoded_role::apply(role, roles),
        Rule::RoleName { role, new } => role_name::apply(role, new, roles),
        Rule::RealmRoles { prefix, claim } => realm_roles::apply(prefix, claim, roles, claims),
        Rule::ClientRoles { client, prefix, claim } => client_roles::apply(client.as_deref(), prefix, claim, roles, claims),
        Rule::PostgresArray { source, claim } => postgres_array::apply(source, claim, cx, roles, claims),
        Rule::RequestedClaims => requested_claims::essential(kind, cx, claims),
        Rule::RequestedValue { name } => requested_claims::value(name, cx, claims),
        Rule::SessionNote { note, claim } => session_note::apply(note, claim, cx, claims),
        Rule::Acr => acr::apply(cx, claims),
        Rule::Amr => amr::apply(cx, claims),
        Rule::Subject => subject::apply(cx, claims),
        Rule::SessionState => session_state::apply(cx, claims),
        Rule::Nonce => nonce::apply(cx, claims),
        Rule::PairwiseSubject { sector_identifier_uri, salt } => {
            pairwise_subject::apply(sector_identifier_uri.as_deref(), salt, cx, claims);
        }
        Rule::OrganizationMembership { details, claim } => organization::membership(*details, claim, cx, claims),
        Rule::OrganizationGroups { claim } => organization::groups(claim, cx, claims),
    }
}

impl TokenRoles<'_> {
    fn add(&mut self, role: &RoleReference) {
        let names = self.0.to_mut();
        let list = match &role.client {
            None => &mut names.realm,
            Some(client) => {
                let position = names.clients.iter().position(|(known, _)| *known.text == **client).unwrap_or_else(|| {
                    names.clients.push((ClaimName::new(client), Vec::new()));
                    names.clients.len() - 1
                });
                &mut names.clients[position].1
            }
        };
        if !list.iter().any(|known| **known == *role.name) {
            list.push(Arc::from(role.name.as_str()));
        }
    }

    /// Whether the role was there.
    fn remove(&mut self, role: &RoleReference) -> bool {
        let names = self.0.to_mut();
        let list = match &role.client {
            None => Some(&mut names.realm),
            Some(client) => names.clients.iter_mut().find(|(known, _)| *known.text == **client).map(|(_, roles)| roles),
        };
        let Some(list) = list else { return false };
        let before = list.len();
        list.retain(|known| **known != *role.name);
        list.len() < before
    }
}

impl Claims<'_> {
    /// Writes texts as a claim of its type. Empty ones and those that are not of the type are left out; without any there is
    /// no claim.
    fn put_texts<'t>(&mut self, claim: &Claim, texts: impl IntoIterator<Item = &'t str>) {
        let mut values = texts.into_iter().filter(|text| !text.is_empty()).filter_map(|text| claim.json_type.value(text));
        if !claim.multivalued {
            if let Some(value) = values.next() {
                self.put(&claim.path, value);
            }
            return;
        }
        let values: Vec<Value> = values.collect();
        if !values.is_empty() {
            self.put(&claim.path, Value::Array(values));
        }
    }
}

impl Context<'_> {
    /// A note of the user session, or what stands for it: the time of the sign-in, and who acts in his own name.
    fn note(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(note) = self.session.and_then(|session| session.notes.get(name)) {
            return Some(Cow::Borrowed(note));
        }
        match name {
            "AUTH_TIME" => self.auth_time.map(|time| Cow::Owned(time.seconds().to_string())),
            "clientHost" | "clientAddress" => self.caller.as_deref().map(Cow::Borrowed),
            "client_id" | "clientId" => self.caller.as_ref().map(|_| Cow::Borrowed(self.client.client.client_id.as_str())),
            _ => None,
        }
    }
}

impl Claims<'_> {
    /// Writes a claim whose name the type of mapper fixes.
    fn put_fixed(&mut self, name: &str, value: Value) {
        self.other.put(&ClaimName::new(name), Node::Value(value));
    }
}

/// Roles as a claim at `path`: a list of the claim's type, or Java's rendering of it where the mapper is not multivalued.
fn put_roles(claims: &mut Claims<'_>, path: &ClaimPath, claim: &Claim, prefix: &str, roles: &[Arc<str>]) {
    let prefixed: Vec<Arc<str>>;
    let roles = if prefix.is_empty() {
        roles
    } else {
        prefixed = roles.iter().map(|role| Arc::from(format!("{prefix}{role}"))).collect();
        &prefixed
    };
    if !claim.multivalued {
        claims.put(path, Value::from(format!("[{}]", roles.join(", "))));
    } else if matches!(claim.json_type, JsonType::Unset | JsonType::String) {
        claims.add_roles(path, roles);
    } else {
        claims.put(path, roles.iter().filter_map(|role| claim.json_type.value(role)).collect());
    }
}
