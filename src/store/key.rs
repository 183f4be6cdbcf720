//! THE key layout. Every key of both classes is made here and nowhere else, so this file is the map of the database.
//! A key is `kind/realm/rest`. Every part but the last has `/` escaped, so that no text can pretend to be another key's parts;
//! the last part stands as it is, so that a scan answers it.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::base::id::{
    ClientId, ClientScopeId, ComponentId, GroupId, InitialAccessId, InvitationId, OrganizationId, RealmId, RoleId, SessionId, UserId,
};
use crate::model::authentication::Authentication;
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::component::Component;
use crate::model::consent::Consents;
use crate::model::credential::Credentials;
use crate::model::event::{AdminEvent, EventId};
use crate::model::group::Group;
use crate::model::identity_provider::{IdentityLinks, IdentityProvider};
use crate::model::initial_access::InitialAccess;
use crate::model::login_failures::LoginFailures;
use crate::model::organization::{Invitation, Organization};
use crate::model::realm::Realm;
use crate::model::role::Role;
use crate::model::single_use::SingleUse;
use crate::model::user::User;
use crate::model::user_profile::UserProfile;
use crate::model::user_session::UserSession;

use super::backend::Class;
use super::events::UserEventBatch;
use super::job::Job;
use super::lease::Lease;
use super::localization::Texts;
use super::txn::{Configuration, DataClass, Sessions};

/// A key that knows the class it lives in and the type of its value.
pub struct Key<C: DataClass, T> {
    pub(super) bytes: Vec<u8>,
    marker: PhantomData<fn() -> (C, T)>,
}

impl<C: DataClass, T> Key<C, T> {
    fn new(parts: &[&str]) -> Self {
        let (last, parents) = parts.split_last().expect("a key has parts");
        let mut bytes = path(parents);
        bytes.extend_from_slice(last.as_bytes());
        Self { bytes, marker: PhantomData }
    }

    /// A key that was made here before and came back as text.
    pub(super) const fn raw(bytes: Vec<u8>) -> Self {
        Self { bytes, marker: PhantomData }
    }

    pub const fn class(&self) -> Class {
        C::CLASS
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// All keys that begin with one text: what a list scans.
pub struct Prefix<C: DataClass, T> {
    pub(super) bytes: Vec<u8>,
    marker: PhantomData<fn() -> (C, T)>,
}

impl<C: DataClass, T> Prefix<C, T> {
    fn new(parts: &[&str]) -> Self {
        Self { bytes: path(parts), marker: PhantomData }
    }
}

/// A number that transactions add to without reading it: additions commute, so they never conflict. Only a peek reads it.
pub struct Counter<C: DataClass> {
    pub(super) bytes: Vec<u8>,
    marker: PhantomData<fn() -> C>,
}

impl<C: DataClass> Counter<C> {
    fn new(parts: &[&str]) -> Self {
        let Key { bytes, .. } = Key::<C, i64>::new(parts);
        Self { bytes, marker: PhantomData }
    }
}

/// All keys of one class that begin with one text, whatever their values are: what a deletion removes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Branch {
    pub(super) class: Class,
    pub(super) prefix: String,
}

/// Everything that hangs under a realm besides its own document and its name. A new kind of key belongs into this list.
pub fn branches_of_realm(realm: &RealmId) -> Vec<Branch> {
    const KINDS: &[(Class, &[&str])] = &[
        (
            Class::Configuration,
            &[
                "admin_event",
                "carried",
                "client",
                "client.client_id",
                "client_scope",
                "client_scope.name",
                "component",
                "consents",
                "credentials",
                "group",
                "group.name",
                "identity_links",
                "initial_access",
                "identity_provider",
                "organization",
                "organization.name",
                "organization.alias",
                "organization.domain",
                "organization.member",
                "organization.group",
                "organization.group.name",
                "organization.invitation",
                "organization.count",
                "role",
                "role.realm",
                "role.client",
                "user",
                "user.username",
                "user.email",
                "user.unique_email",
                "user.service_account",
            ],
        ),
        (
            Class::Sessions,
            &["session", "session.user", "session.offline", "session.offline.user", "login_failures", "single_use", "counter", "event"],
        ),
    ];
    let branch = |class, parts: &[&str]| Branch { class, prefix: String::from_utf8_lossy(&path(parts)).into_owned() };
    let mut branches = Vec::new();
    for (class, kinds) in KINDS {
        branches.extend(kinds.iter().map(|kind| branch(*class, &[kind, realm.as_str()])));
    }
    // Documents that a realm has one of.
    for key in [authentication(realm).bytes, localization(realm).bytes, user_profile(realm).bytes] {
        branches.push(Branch { class: Class::Configuration, prefix: String::from_utf8_lossy(&key).into_owned() });
    }
    branches
}

/// The parts, escaped, each followed by `/`.
fn path(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(96);
    for part in parts {
        for byte in part.bytes() {
            match byte {
                b'/' => bytes.extend_from_slice(b"%2F"),
                b'%' => bytes.extend_from_slice(b"%25"),
                byte => bytes.push(byte),
            }
        }
        bytes.push(b'/');
    }
    bytes
}

/// What a change of one configuration key makes stale.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concerns {
    /// Which realms there are and how they are called.
    Realms,
    /// What is compiled from this realm.
    Realm(RealmId),
    /// A user of this realm.
    Users(RealmId),
    NothingCompiled,
}

/// A kind that is not named here concerns its realm: forgetting to name a new one costs a recompilation, never a stale answer.
pub(super) fn concerns(key: &[u8]) -> Concerns {
    let mut parts = key.split(|byte| *byte == b'/');
    let (kind, realm) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match kind {
        b"realm.name" => Concerns::Realms,
        // What tokens say about a user's organizations is read with him.
        b"user" | b"user.service_account" | b"organization" | b"organization.group" => Concerns::Users(RealmId::from(unescaped(realm))),
        b"organization.name"
        | b"organization.alias"
        | b"organization.domain"
        | b"organization.member"
        | b"organization.group.name"
        | b"organization.invitation"
        | b"organization.count"
        | b"user.username"
        | b"user.email"
        | b"user.unique_email"
        | b"credentials"
        | b"consents"
        | b"identity_links"
        | b"carried"
        | b"initial_access"
        | b"admin_event"
        | b"counter"
        | b"job"
        | b"lease" => Concerns::NothingCompiled,
        // Kinds whose realm id stands last, unescaped.
        b"realm" | b"authentication" | b"localization" | b"user_profile" => {
            Concerns::Realm(RealmId::from(&*String::from_utf8_lossy(&key[kind.len() + 1..])))
        }
        _ => Concerns::Realm(RealmId::from(unescaped(realm))),
    }
}

fn unescaped(part: &[u8]) -> String {
    String::from_utf8_lossy(part).replace("%2F", "/").replace("%25", "%")
}

type Conf<T> = Key<Configuration, T>;
type Sess<T> = Key<Sessions, T>;

pub fn realm(id: &RealmId) -> Conf<Realm> {
    Key::new(&["realm", id.as_str()])
}
pub fn realms() -> Prefix<Configuration, Realm> {
    Prefix::new(&["realm"])
}
pub fn realm_by_name(name: &str) -> Conf<RealmId> {
    Key::new(&["realm.name", name])
}

/// Flows, authenticator configurations and required actions: a document of its own, because the realm's is read more often.
pub fn authentication(realm: &RealmId) -> Conf<Authentication> {
    Key::new(&["authentication", realm.as_str()])
}
pub fn user_profile(realm: &RealmId) -> Conf<UserProfile> {
    Key::new(&["user_profile", realm.as_str()])
}
/// The realm's own texts.
pub fn localization(realm: &RealmId) -> Conf<Texts> {
    Key::new(&["localization", realm.as_str()])
}
/// By which a start recognises the key-encryption key that this store was written under.
pub fn key_check() -> Conf<String> {
    Key::new(&["meta", "key_check"])
}

pub fn client(realm: &RealmId, id: &ClientId) -> Conf<Client> {
    Key::new(&["client", realm.as_str(), id.as_str()])
}
pub fn clients(realm: &RealmId) -> Prefix<Configuration, Client> {
    Prefix::new(&["client", realm.as_str()])
}
pub fn client_by_client_id(realm: &RealmId, client_id: &str) -> Conf<ClientId> {
    Key::new(&["client.client_id", realm.as_str(), client_id])
}
pub fn clients_by_client_id(realm: &RealmId) -> Prefix<Configuration, ClientId> {
    Prefix::new(&["client.client_id", realm.as_str()])
}

pub fn client_scope(realm: &RealmId, id: &ClientScopeId) -> Conf<ClientScope> {
    Key::new(&["client_scope", realm.as_str(), id.as_str()])
}
pub fn client_scopes(realm: &RealmId) -> Prefix<Configuration, ClientScope> {
    Prefix::new(&["client_scope", realm.as_str()])
}
pub fn client_scope_by_name(realm: &RealmId, name: &str) -> Conf<ClientScopeId> {
    Key::new(&["client_scope.name", realm.as_str(), name])
}

pub fn role(realm: &RealmId, id: &RoleId) -> Conf<Role> {
    Key::new(&["role", realm.as_str(), id.as_str()])
}
pub fn roles(realm: &RealmId) -> Prefix<Configuration, Role> {
    Prefix::new(&["role", realm.as_str()])
}
pub fn realm_role_by_name(realm: &RealmId, name: &str) -> Conf<RoleId> {
    Key::new(&["role.realm", realm.as_str(), name])
}
pub fn client_role_by_name(realm: &RealmId, client: &ClientId, name: &str) -> Conf<RoleId> {
    Key::new(&["role.client", realm.as_str(), client.as_str(), name])
}

pub fn group(realm: &RealmId, id: &GroupId) -> Conf<Group> {
    Key::new(&["group", realm.as_str(), id.as_str()])
}
pub fn groups(realm: &RealmId) -> Prefix<Configuration, Group> {
    Prefix::new(&["group", realm.as_str()])
}
/// `parent` is the empty text for a top-level group.
pub fn group_by_name(realm: &RealmId, parent: Option<&GroupId>, name: &str) -> Conf<GroupId> {
    Key::new(&["group.name", realm.as_str(), parent.map_or("", GroupId::as_str), name])
}

pub fn user(realm: &RealmId, id: &UserId) -> Conf<User> {
    Key::new(&["user", realm.as_str(), id.as_str()])
}
pub fn users(realm: &RealmId) -> Prefix<Configuration, User> {
    Prefix::new(&["user", realm.as_str()])
}
/// `username` in its stored form, lower case.
pub fn user_by_username(realm: &RealmId, username: &str) -> Conf<UserId> {
    Key::new(&["user.username", realm.as_str(), username])
}
pub fn users_by_username(realm: &RealmId) -> Prefix<Configuration, UserId> {
    Prefix::new(&["user.username", realm.as_str()])
}
/// One key per user, so that a realm may allow the same address twice. `email` in lower case.
pub fn user_by_email(realm: &RealmId, email: &str, user: &UserId) -> Conf<UserId> {
    Key::new(&["user.email", realm.as_str(), email, user.as_str()])
}
pub fn users_by_email(realm: &RealmId, email: &str) -> Prefix<Configuration, UserId> {
    Prefix::new(&["user.email", realm.as_str(), email])
}
/// Uniqueness of an e-mail address where the realm forbids duplicates.
pub fn unique_email(realm: &RealmId, email: &str) -> Conf<UserId> {
    Key::new(&["user.unique_email", realm.as_str(), email])
}
pub fn service_account(realm: &RealmId, client: &ClientId) -> Conf<UserId> {
    Key::new(&["user.service_account", realm.as_str(), client.as_str()])
}
pub fn credentials(realm: &RealmId, user: &UserId) -> Conf<Credentials> {
    Key::new(&["credentials", realm.as_str(), user.as_str()])
}

pub fn consents(realm: &RealmId, user: &UserId) -> Conf<Consents> {
    Key::new(&["consents", realm.as_str(), user.as_str()])
}
/// The accounts elsewhere that a user is linked with.
pub fn identity_links(realm: &RealmId, user: &UserId) -> Conf<IdentityLinks> {
    Key::new(&["identity_links", realm.as_str(), user.as_str()])
}
pub fn all_identity_links(realm: &RealmId) -> Prefix<Configuration, IdentityLinks> {
    Prefix::new(&["identity_links", realm.as_str()])
}
pub fn identity_provider(realm: &RealmId, alias: &str) -> Conf<IdentityProvider> {
    Key::new(&["identity_provider", realm.as_str(), alias])
}
pub fn identity_providers(realm: &RealmId) -> Prefix<Configuration, IdentityProvider> {
    Prefix::new(&["identity_provider", realm.as_str()])
}
/// What lets somebody register clients.
pub fn initial_access(realm: &RealmId, id: &InitialAccessId) -> Conf<InitialAccess> {
    Key::new(&["initial_access", realm.as_str(), id.as_str()])
}
pub fn initial_accesses(realm: &RealmId) -> Prefix<Configuration, InitialAccess> {
    Prefix::new(&["initial_access", realm.as_str()])
}
/// A sealed JSON text that nothing here uses ([`super::carried`]).
pub fn carried(realm: &RealmId, name: &str) -> Conf<String> {
    Key::new(&["carried", realm.as_str(), name])
}
pub fn carried_in(realm: &RealmId) -> Prefix<Configuration, String> {
    Prefix::new(&["carried", realm.as_str()])
}

pub fn organization(realm: &RealmId, id: &OrganizationId) -> Conf<Organization> {
    Key::new(&["organization", realm.as_str(), id.as_str()])
}
pub fn organization_by_name(realm: &RealmId, name: &str) -> Conf<OrganizationId> {
    Key::new(&["organization.name", realm.as_str(), name])
}
pub fn organizations_by_name(realm: &RealmId) -> Prefix<Configuration, OrganizationId> {
    Prefix::new(&["organization.name", realm.as_str()])
}
pub fn organization_by_alias(realm: &RealmId, alias: &str) -> Conf<OrganizationId> {
    Key::new(&["organization.alias", realm.as_str(), alias])
}
/// `domain` in lower case.
pub fn organization_by_domain(realm: &RealmId, domain: &str) -> Conf<OrganizationId> {
    Key::new(&["organization.domain", realm.as_str(), domain])
}
/// By user name, so that a list of members is a part of this one.
pub fn organization_member(realm: &RealmId, organization: &OrganizationId, username: &str) -> Conf<UserId> {
    Key::new(&["organization.member", realm.as_str(), organization.as_str(), username])
}
pub fn organization_members(realm: &RealmId, organization: &OrganizationId) -> Prefix<Configuration, UserId> {
    Prefix::new(&["organization.member", realm.as_str(), organization.as_str()])
}
pub fn organization_group(realm: &RealmId, organization: &OrganizationId, id: &GroupId) -> Conf<Group> {
    Key::new(&["organization.group", realm.as_str(), organization.as_str(), id.as_str()])
}
pub fn organization_groups(realm: &RealmId, organization: &OrganizationId) -> Prefix<Configuration, Group> {
    Prefix::new(&["organization.group", realm.as_str(), organization.as_str()])
}
/// `parent` is the empty text for a top-level group.
pub fn organization_group_by_name(realm: &RealmId, organization: &OrganizationId, parent: Option<&GroupId>, name: &str) -> Conf<GroupId> {
    let parent = parent.map_or("", GroupId::as_str);
    Key::new(&["organization.group.name", realm.as_str(), organization.as_str(), parent, name])
}
pub fn organization_invitation(realm: &RealmId, organization: &OrganizationId, id: &InvitationId) -> Conf<Invitation> {
    Key::new(&["organization.invitation", realm.as_str(), organization.as_str(), id.as_str()])
}
pub fn organization_invitations(realm: &RealmId, organization: &OrganizationId) -> Prefix<Configuration, Invitation> {
    Prefix::new(&["organization.invitation", realm.as_str(), organization.as_str()])
}
/// How many organizations a realm has.
pub fn organization_count(realm: &RealmId) -> Counter<Configuration> {
    Counter::new(&["organization.count", realm.as_str(), "", "organizations"])
}
/// How many members an organization has.
pub fn organization_member_count(realm: &RealmId, organization: &OrganizationId) -> Counter<Configuration> {
    Counter::new(&["organization.count", realm.as_str(), organization.as_str(), "members"])
}
pub fn component(realm: &RealmId, id: &ComponentId) -> Conf<Component> {
    Key::new(&["component", realm.as_str(), id.as_str()])
}
pub fn components(realm: &RealmId) -> Prefix<Configuration, Component> {
    Prefix::new(&["component", realm.as_str()])
}

pub fn user_session(realm: &RealmId, id: &SessionId) -> Sess<UserSession> {
    Key::new(&["session", realm.as_str(), id.as_str()])
}
/// All sessions of a realm that are online, or all that are offline.
pub fn user_sessions(realm: &RealmId, offline: bool) -> Prefix<Sessions, UserSession> {
    Prefix::new(&[if offline { "session.offline" } else { "session" }, realm.as_str()])
}
pub fn offline_session(realm: &RealmId, id: &SessionId) -> Sess<UserSession> {
    Key::new(&["session.offline", realm.as_str(), id.as_str()])
}
/// An empty index key per session: the sessions of a user.
pub fn session_of_user(realm: &RealmId, user: &UserId, offline: bool, id: &SessionId) -> Sess<()> {
    Key::new(&[if offline { "session.offline.user" } else { "session.user" }, realm.as_str(), user.as_str(), id.as_str()])
}
pub fn sessions_of_user(realm: &RealmId, user: &UserId, offline: bool) -> Prefix<Sessions, ()> {
    Prefix::new(&[if offline { "session.offline.user" } else { "session.user" }, realm.as_str(), user.as_str()])
}
pub fn login_failures(realm: &RealmId, user: &UserId) -> Sess<LoginFailures> {
    Key::new(&["login_failures", realm.as_str(), user.as_str()])
}
pub fn login_failures_in(realm: &RealmId) -> Prefix<Sessions, LoginFailures> {
    Prefix::new(&["login_failures", realm.as_str()])
}
/// Something that may happen once: a revoked token id, a used assertion.
pub fn single_use(realm: &RealmId, purpose: &str, id: &str) -> Sess<SingleUse> {
    Key::new(&["single_use", realm.as_str(), purpose, id])
}
/// The newest event of a realm stands first; `newest` is that of the batch.
pub fn user_event_batch(realm: &RealmId, newest: &EventId) -> Sess<UserEventBatch> {
    Key::new(&["event", realm.as_str(), &newest.newest_first()])
}
pub fn user_events(realm: &RealmId) -> Prefix<Sessions, UserEventBatch> {
    Prefix::new(&["event", realm.as_str()])
}
/// The newest event of a realm stands first.
pub fn admin_event(realm: &RealmId, id: &EventId) -> Conf<AdminEvent> {
    Key::new(&["admin_event", realm.as_str(), &id.newest_first()])
}
pub fn admin_events(realm: &RealmId) -> Prefix<Configuration, AdminEvent> {
    Prefix::new(&["admin_event", realm.as_str()])
}
/// Long work ([`super::job`]).
pub fn job(id: &str) -> Conf<Job> {
    Key::new(&["job", id])
}
pub fn jobs() -> Prefix<Configuration, Job> {
    Prefix::new(&["job"])
}
/// Who does something that only one may do ([`super::lease`]).
pub fn lease(name: &str) -> Conf<Lease> {
    Key::new(&["lease", name])
}
/// A count of something that happened in a realm.
pub fn counter(realm: &RealmId, name: &str) -> Counter<Sessions> {
    Counter::new(&["counter", realm.as_str(), name])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_slashes_never_reaches_into_another_keys_place() {
        let (realm, user) = (RealmId::from("r"), UserId::from("u"));
        let crafted = user_by_email(&realm, "a/b@example.test", &user);
        assert!(!crafted.as_bytes().starts_with(&users_by_email(&realm, "a").bytes));
        assert!(crafted.as_bytes().starts_with(&users_by_email(&realm, "a/b@example.test").bytes));
    }

    #[test]
    fn users_make_no_realm_stale_and_everything_else_does() {
        let realm_id = RealmId::from("a/b%2Fc");
        assert_eq!(concerns(user(&realm_id, &UserId::from("u")).as_bytes()), Concerns::Users(realm_id.clone()));
        assert_eq!(concerns(credentials(&realm_id, &UserId::from("u")).as_bytes()), Concerns::NothingCompiled);
        assert_eq!(concerns(client(&realm_id, &ClientId::from("c")).as_bytes()), Concerns::Realm(realm_id.clone()));
        assert_eq!(concerns(realm(&realm_id).as_bytes()), Concerns::Realm(realm_id));
        assert_eq!(concerns(realm_by_name("x").as_bytes()), Concerns::Realms);
        assert_eq!(concerns(b"invented/r/x"), Concerns::Realm(RealmId::from("r")));
    }
}
