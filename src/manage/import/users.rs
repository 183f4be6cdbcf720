//! Users: from the file's record to what is stored, with credentials as they are, or as passwords that are still to be hashed.

use std::collections::HashSet;

use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::base::digest;
use crate::base::env::Env;
use crate::base::id::{CredentialId, RealmId, UserId};
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::base::spelling::of_name;
use crate::manage::realms;
use crate::manage::representation::credential::{CredentialRepresentation, GivenCredential};
use crate::manage::representation::user::UserRepresentation;
use crate::model::consent::{Consent, Consents};
use crate::model::credential::{Credential, CredentialKind, secret_identity};
use crate::model::identity_provider::{IdentityLink, IdentityLinks};
use crate::model::user::User;

use super::draft::{Names, coerce, untaken};
use super::report::{Fate, Report};

/// Bytes of a user's attributes: the document is read at every token.
const MAX_ATTRIBUTES: usize = 256 * 1024;
const MAX_CREDENTIALS: usize = 200;

/// A user as he is going to be stored.
pub(super) struct ImportedUser {
    pub user: User,
    pub credentials: Vec<Pending>,
    pub links: IdentityLinks,
    pub consents: Consents,
}

/// A credential, or a password in clear that is hashed on the way.
pub(super) enum Pending {
    Ready(Credential),
    Clear { id: CredentialId, user_label: Option<String>, created: Timestamp, password: Secret<String> },
}

/// What reading a user needs.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub env: &'a Env,
    pub sealer: &'a Sealer,
    pub realm: &'a RealmId,
    pub names: &'a Names,
}

/// Role names that users have and the file does not define. Keycloak makes such roles.
#[derive(Default)]
pub(super) struct MissingRoles {
    pub realm: HashSet<String>,
    /// By `client_id`.
    pub client: HashSet<(String, String)>,
}

impl Reading<'_> {
    /// Reads one user. With `missing`, unknown roles are noted there; without, they are errors.
    pub fn user(self, mut value: Value, report: &mut Report, mut missing: Option<&mut MissingRoles>) -> Result<ImportedUser, String> {
        coerce(&mut value, &serde_json::json!({ "enabled": true, "emailVerified": true, "notBefore": 0, "createdTimestamp": 0 }));
        let given: UserRepresentation = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let username = of_name(given.username.as_deref().unwrap_or_default());
        if username.is_empty() || username.len() > 255 {
            return Err("a user name has 1 to 255 bytes".to_owned());
        }
        for name in untaken(&value, &given).keys() {
            if !["access", "self", "origin", "userProfileMetadata"].contains(&name.as_str()) {
                report.add(Fate::Dropped, "member of a user", format!("{username}.{name}"), "no user has it here");
            }
        }
        let wrong = |reason: String| format!("user {username:?}: {reason}");
        let id = given.id.clone().map_or_else(|| UserId::random(self.env.random()), UserId::from);
        realms::check_id(id.as_str()).map_err(|error| wrong(format!("the id {:?} cannot be kept: {error}", id.as_str())))?;
        let created = given.created_timestamp.map_or_else(|| self.env.now(), Timestamp);
        let mut user = User {
            first_name: given.first_name.clone(),
            last_name: given.last_name.clone(),
            email: given.email.as_deref().map(of_name).filter(|email| !email.is_empty()),
            email_verified: given.email_verified.unwrap_or(false),
            enabled: given.enabled.unwrap_or(false),
            attributes: given.attributes.clone().unwrap_or_default(),
            required_actions: given.required_actions.clone().unwrap_or_default(),
            not_before: given.not_before.unwrap_or(0),
            ..User::new(id, username.clone(), created)
        };
        if user.email.as_ref().is_some_and(|email| email.len() > 255) {
            return Err(wrong("the e-mail address is longer than 255 bytes".to_owned()));
        }
        let size: usize = user.attributes.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>()).sum();
        if size > MAX_ATTRIBUTES {
            return Err(wrong(format!("its attributes have more than {MAX_ATTRIBUTES} bytes")));
        }
        self.link_roles(&given, &mut user, &mut missing).map_err(wrong)?;
        for path in given.groups.iter().flatten() {
            let id = self.names.groups.get(path).ok_or_else(|| wrong(format!("there is no group {path:?}")))?;
            user.groups.push(id.clone());
        }
        user.organizations = self.names.memberships.get(&user.username).cloned().unwrap_or_default();
        if let Some(client) = &given.service_account_client_id {
            let id = self.names.clients.get(client).ok_or_else(|| wrong(format!("there is no client {client:?}")))?;
            user.service_account_client = Some(id.clone());
        }
        let credentials = self.credentials(given.credentials.unwrap_or_default(), &mut user, report).map_err(wrong)?;
        let links = IdentityLinks {
            accounts: given.federated_identities.iter().flatten().filter_map(link).collect(),
            federation: given.federation_link,
        };
        if links.federation.is_some() {
            let effect = "the user came from a user federation, which is not there: only credentials in the file let the user in";
            report.add(Fate::Kept, "federation link of user", &username, effect);
        }
        if !links.accounts.is_empty() {
            report.add(Fate::Kept, "identity provider link of user", &username, "nobody can sign in through a provider yet");
        }
        let consents = Consents(
            given
                .client_consents
                .iter()
                .flatten()
                .filter_map(|consent| self.consent(consent, &username, report))
                .collect(),
        );
        Ok(ImportedUser { user, credentials, links, consents })
    }

    fn link_roles(self, given: &UserRepresentation, user: &mut User, missing: &mut Option<&mut MissingRoles>) -> Result<(), String> {
        for role in given.realm_roles.iter().flatten() {
            match (self.names.realm_roles.get(role), missing.as_mut()) {
                (Some(id), _) => user.roles.push(id.clone()),
                (None, Some(missing)) => drop(missing.realm.insert(role.clone())),
                (None, None) => return Err(format!("there is no realm role {role:?}")),
            }
        }
        for (client, roles) in given.client_roles.iter().flatten() {
            if !self.names.clients.contains_key(client) {
                return Err(format!("there is no client {client:?}"));
            }
            for role in roles {
                match (self.names.client_role(client, role), missing.as_mut()) {
                    (Some(id), _) => user.roles.push(id.clone()),
                    (None, Some(missing)) => drop(missing.client.insert((client.clone(), role.clone()))),
                    (None, None) => return Err(format!("client {client:?} has no role {role:?}")),
                }
            }
        }
        Ok(())
    }

    fn credentials(self, given: Vec<CredentialRepresentation>, user: &mut User, report: &mut Report) -> Result<Vec<Pending>, String> {
        if given.len() > MAX_CREDENTIALS {
            return Err(format!("it has more than {MAX_CREDENTIALS} credentials"));
        }
        let mut credentials = Vec::with_capacity(given.len());
        for given in given {
            let id = given.id.clone().map_or_else(|| CredentialId::random(self.env.random()), CredentialId::from);
            realms::check_id(id.as_str()).map_err(|error| format!("the credential id {:?} cannot be kept: {error}", id.as_str()))?;
            let (user_label, created) = (given.user_label.clone(), given.created_date.map_or_else(|| self.env.now(), Timestamp));
            let kind = match given.given() {
                GivenCredential::Password { value, temporary } => {
                    oblige(user, temporary);
                    credentials.push(Pending::Clear { id, user_label, created, password: value });
                    continue;
                }
                GivenCredential::Hash { hash, temporary } => {
                    oblige(user, temporary);
                    if !hash.is_verifiable() {
                        let effect = format!("nobody here verifies {}: the user cannot sign in with it", hash.algorithm);
                        report.add(Fate::Kept, "password of user", &user.username, effect);
                    }
                    CredentialKind::Password { hash }
                }
                GivenCredential::FormerHash(hash) => CredentialKind::PasswordHistory { hash },
                GivenCredential::Otp(otp) => CredentialKind::Otp {
                    secret: self.seal(&id, otp.secret.expose()),
                    secret_encoding: otp.secret_encoding,
                    sub_type: otp.sub_type,
                    digits: otp.digits,
                    period: otp.period,
                    counter: otp.counter,
                    algorithm: otp.algorithm,
                },
                GivenCredential::Unknown(of) => match (&given.secret_data, &given.credential_data) {
                    (secret, Some(data)) if !["password", "password-history", "otp"].contains(&of.as_str()) => {
                        report.add(Fate::Kept, "credential of user", format!("{}/{of}", user.username), "nobody can sign in with it yet");
                        let secret_data = self.seal(&id, secret.as_ref().map_or("{}", |secret| secret.expose()));
                        CredentialKind::Kept { of, secret_data, credential_data: data.clone() }
                    }
                    _ => {
                        let effect = "it is incomplete or masked in the file: the user must be given a new one";
                        report.add(Fate::Dropped, "credential of user", format!("{}/{of}", user.username), effect);
                        continue;
                    }
                },
            };
            credentials.push(Pending::Ready(Credential { id, user_label, created, kind }));
        }
        Ok(credentials)
    }

    fn seal(self, id: &CredentialId, secret: &str) -> String {
        self.sealer.seal(self.env.random(), self.realm, &secret_identity(id), secret.as_bytes())
    }

    fn consent(
        self,
        given: &crate::manage::representation::user::UserConsentRepresentation,
        username: &str,
        report: &mut Report,
    ) -> Option<Consent> {
        let client_id = given.client_id.as_deref().unwrap_or_default();
        let Some(client) = self.names.clients.get(client_id) else {
            report.add(Fate::Dropped, "consent of user", format!("{username}/{client_id}"), "there is no such client");
            return None;
        };
        let mut scopes = Vec::new();
        for name in given.granted_client_scopes.iter().flatten() {
            match self.names.scopes.get(name) {
                Some(id) => scopes.push(id.clone()),
                None => {
                    report.add(Fate::Dropped, "consent of user", format!("{username}/{client_id}/{name}"), "there is no such client scope");
                }
            }
        }
        let created = given.created_date.map_or_else(|| self.env.now(), Timestamp);
        Some(Consent { client: client.clone(), scopes, created, updated: given.last_updated_date.map_or(created, Timestamp) })
    }
}

fn link(given: &crate::manage::representation::user::FederatedIdentityRepresentation) -> Option<IdentityLink> {
    Some(IdentityLink {
        identity_provider: given.identity_provider.clone()?,
        user_id: given.user_id.clone()?,
        user_name: given.user_name.clone(),
    })
}

fn oblige(user: &mut User, temporary: bool) {
    const UPDATE_PASSWORD: &str = "UPDATE_PASSWORD";
    if temporary && !user.required_actions.iter().any(|action| action == UPDATE_PASSWORD) {
        user.required_actions.push(UPDATE_PASSWORD.to_owned());
    }
}

/// Whether ids, names and addresses of the users so far were all different. Keeps 16 bytes of each, so that 100 000 users fit.
#[derive(Default)]
pub(super) struct Uniqueness {
    seen: HashSet<[u8; 16]>,
}

impl Uniqueness {
    /// Notes a user.
    ///
    /// # Errors
    /// What he shares with one before.
    pub fn note(&mut self, user: &User, unique_email: bool) -> Result<(), String> {
        let mut claim = |what: &str, value: &str| {
            let hash = digest::sha256(format!("{what}\0{value}").as_bytes());
            let mut key = [0; 16];
            key.copy_from_slice(&hash[..16]);
            if self.seen.insert(key) { Ok(()) } else { Err(format!("user {:?}: its {what} {value:?} is there twice", user.username)) }
        };
        claim("user name", &user.username)?;
        claim("id", user.id.as_str())?;
        if let Some(client) = &user.service_account_client {
            claim("service account of client", client.as_str())?;
        }
        match &user.email {
            Some(email) if unique_email => claim("e-mail address", email),
            _ => Ok(()),
        }
    }
}
