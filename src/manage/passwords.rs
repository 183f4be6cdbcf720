//! Setting passwords: what the realm's policy asks is asked before the transaction, because former passwords cost hashes and
//! blacklists are files. The transaction that stores the hash checks that what was asked about is still so.

use crate::base::env::Env;
use crate::base::id::{RealmId, UserId};
use crate::base::password_blacklist::Blacklists;
use crate::base::password_hash::{HashChoice, HashingPool, PasswordHash};
use crate::base::secret::Secret;
use crate::model::credential::{CredentialKind, Credentials};
use crate::model::password_policy::{MAX_HISTORY, MAX_PASSWORD, Owner, PasswordPolicy, Rule};
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::store::Store;
use crate::store::txn::Reader as _;

use super::error::ManageError;
use super::realms::Settings;
use super::users::{self, UserSettings};

const DAY_MILLIS: i64 = 86_400_000;
/// How often setting a password starts over because the user changed meanwhile.
const ATTEMPTS: usize = 3;

/// A password that may be stored. Whoever has one made from a plain password has had it judged.
#[derive(Clone, Debug)]
pub struct NewPassword {
    pub(super) hash: PasswordHash,
    pub(super) temporary: bool,
    judged: Option<Judged>,
}

/// What a password was held against.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judged {
    policy: Option<String>,
    username: String,
    email: Option<String>,
    /// Present and former passwords, where the policy asks about them.
    former: Option<Vec<PasswordHash>>,
}

impl NewPassword {
    /// A hash that was made elsewhere: an import, a first start. No policy is asked, as by Keycloak's import.
    pub fn stored(hash: PasswordHash, temporary: bool) -> Self {
        Self { hash, temporary, judged: None }
    }

    /// Refuses if the policy, the user's names or his passwords are no longer those that the password was held against.
    pub(super) fn check_current(&self, realm: &Realm, user: &User, credentials: &Credentials) -> Result<(), ManageError> {
        let Some(judged) = &self.judged else { return Ok(()) };
        let former = judged.former.as_ref().map(|_| hashes(credentials));
        let now = Judged { policy: realm.password_policy.clone(), username: user.username.clone(), email: user.email.clone(), former };
        if *judged == now { Ok(()) } else { Err(ManageError::user_changed_meanwhile()) }
    }
}

/// Judges and hashes passwords.
#[derive(Clone, Copy)]
pub struct Passwords<'a> {
    pub store: &'a Store,
    pub env: &'a Env,
    pub hashing: &'a HashingPool,
    pub blacklists: &'a Blacklists,
}

impl Passwords<'_> {
    /// A password for a user who is to be created with `settings`, for [`users::NewUser::password`].
    ///
    /// # Errors
    /// No such realm, the password breaks the policy, too many hashes are waiting.
    pub async fn for_new_user(
        &self,
        realm: &RealmId,
        settings: &UserSettings,
        password: Secret<String>,
        temporary: bool,
    ) -> Result<NewPassword, ManageError> {
        let realm = self.realm(realm).await?;
        let (username, email) = users::effective_names(&realm, settings);
        let judged = Judged { policy: realm.password_policy.clone(), username: username.unwrap_or_default(), email, former: None };
        self.judge(&realm, judged, &Credentials::default(), password, temporary).await
    }

    /// A password for an existing user, for [`users::set_password`].
    ///
    /// # Errors
    /// No such realm or user, the password breaks the policy, too many hashes are waiting.
    pub async fn for_user(
        &self,
        realm: &RealmId,
        user: &UserId,
        password: Secret<String>,
        temporary: bool,
    ) -> Result<NewPassword, ManageError> {
        self.for_changed_user(realm, user, &UserSettings::default(), password, temporary).await
    }

    /// A password for a user who is to get `settings` in the same transaction, before his password.
    ///
    /// # Errors
    /// As [`Passwords::for_user`].
    pub async fn for_changed_user(
        &self,
        realm: &RealmId,
        user: &UserId,
        settings: &UserSettings,
        password: Secret<String>,
        temporary: bool,
    ) -> Result<NewPassword, ManageError> {
        let realm = self.realm(realm).await?;
        let mut peek = self.store.peek();
        let user = peek.users().get(&realm.id, user).await?.ok_or_else(ManageError::no_user)?;
        let credentials = peek.credentials().get(&realm.id, &user.id).await?;
        let (username, email) = users::names_after(&realm, &user, settings);
        let judged = Judged { policy: realm.password_policy.clone(), username, email, former: None };
        self.judge(&realm, judged, &credentials, password, temporary).await
    }

    /// Replaces a user's password.
    ///
    /// # Errors
    /// As [`Passwords::for_user`]; the user keeps changing meanwhile.
    pub async fn set(&self, realm: &RealmId, user: &UserId, password: &Secret<String>, temporary: bool) -> Result<(), ManageError> {
        for _ in 0..ATTEMPTS {
            let new = self.for_user(realm, user, password.clone(), temporary).await?;
            let new = &new;
            match self.store.configuration(|txn| Box::pin(users::set_password(txn, self.env, realm, user, new))).await {
                Err(ManageError::Overtaken) => {}
                done => return done,
            }
        }
        Err(ManageError::Overtaken)
    }

    /// A plain password of an import: hashed as the realm wants it, but held against nothing. Keycloak's import asks no policy.
    ///
    /// # Errors
    /// It is empty or too long, too many hashes are waiting.
    pub async fn imported(&self, realm: &Realm, password: Secret<String>, temporary: bool) -> Result<NewPassword, ManageError> {
        check_size(&password)?;
        let hash = self.hashing.hash_as(password, policy(realm)?.hash).await?;
        Ok(NewPassword::stored(hash, temporary))
    }

    /// Whether the blacklists that the settings of a realm name can be read. A transaction cannot look.
    ///
    /// # Errors
    /// The policy is none, a list is missing.
    pub async fn check_settings(&self, settings: &Settings) -> Result<(), ManageError> {
        let Some(text) = settings.get("passwordPolicy").and_then(serde_json::Value::as_str) else { return Ok(()) };
        let policy = PasswordPolicy::parse(text).map_err(|problem| ManageError::password_policy(&problem))?;
        for rule in policy.rules() {
            if let Rule::Blacklist(name) = rule {
                self.blacklists.check(name).await.map_err(|error| ManageError::blacklist(&error))?;
            }
        }
        Ok(())
    }

    async fn realm(&self, id: &RealmId) -> Result<Realm, ManageError> {
        self.store.peek().realms().get(id).await?.ok_or_else(ManageError::no_realm)
    }

    async fn judge(
        &self,
        realm: &Realm,
        mut judged: Judged,
        credentials: &Credentials,
        password: Secret<String>,
        temporary: bool,
    ) -> Result<NewPassword, ManageError> {
        check_size(&password)?;
        let policy = policy(realm)?;
        for rule in policy.rules() {
            let owner = Owner { username: &judged.username, email: judged.email.as_deref() };
            let broken = match rule {
                Rule::Blacklist(name) => {
                    let listed = self.blacklists.contains(name, password.expose()).await.map_err(|error| ManageError::blacklist(&error))?;
                    listed.then(|| rule.refusal())
                }
                Rule::History(_) | Rule::Age(_) => {
                    judged.former = Some(hashes(credentials));
                    self.was_used(rule, credentials, &password).await?.then(|| rule.refusal())
                }
                plain => plain.broken_by(password.expose(), owner),
            };
            if let Some(broken) = broken {
                return Err(ManageError::password(broken));
            }
        }
        let hash = self.hashing.hash_as(password, policy.hash).await?;
        Ok(NewPassword { hash, temporary, judged: Some(judged) })
    }

    /// Whether the password is the present one or one of the former ones that the rule is about.
    async fn was_used(&self, rule: &Rule, credentials: &Credentials, password: &Secret<String>) -> Result<bool, ManageError> {
        let mut former: Vec<_> = credentials.0.iter().filter(|one| matches!(one.kind, CredentialKind::PasswordHistory { .. })).collect();
        former.sort_by_key(|credential| std::cmp::Reverse(credential.created));
        match rule {
            Rule::History(count) if *count < 0 => return Ok(false),
            Rule::History(count) => former.truncate(usize::try_from((count - 1).clamp(0, MAX_HISTORY)).unwrap_or(0)),
            Rule::Age(days) if *days < 0 => return Ok(false),
            Rule::Age(days) => {
                let since = self.env.now().millis().saturating_sub(days.saturating_mul(DAY_MILLIS));
                former.retain(|credential| credential.created.millis() > since);
            }
            _ => return Ok(false),
        }
        let former = former.into_iter().filter_map(|credential| match &credential.kind {
            CredentialKind::PasswordHistory { hash } => Some(hash),
            _ => None,
        });
        for hash in credentials.password().into_iter().chain(former) {
            if self.hashing.verify(password.clone(), Some(hash.clone()), HashChoice::default()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The policy of the realm. One that does not parse (an older version let it in) refuses every new password.
pub(super) fn policy(realm: &Realm) -> Result<PasswordPolicy, ManageError> {
    PasswordPolicy::parse(realm.password_policy.as_deref().unwrap_or_default()).map_err(|problem| ManageError::password_policy(&problem))
}

/// Present and former passwords.
fn hashes(credentials: &Credentials) -> Vec<PasswordHash> {
    let hashes = credentials.0.iter().filter_map(|credential| match &credential.kind {
        CredentialKind::Password { hash } | CredentialKind::PasswordHistory { hash } => Some(hash.clone()),
        CredentialKind::Otp { .. } | CredentialKind::Kept { .. } => None,
    });
    hashes.collect()
}

/// What no login could present.
fn check_size(password: &Secret<String>) -> Result<(), ManageError> {
    let length = password.expose().len();
    if password.expose().trim().is_empty() {
        return Err(ManageError::empty_password());
    }
    if length > MAX_PASSWORD {
        let most = i64::try_from(MAX_PASSWORD).unwrap_or(i64::MAX);
        return Err(ManageError::password(Rule::MaxLength(most).refusal()));
    }
    Ok(())
}
