//! A user name and a password (Keycloak's flow "direct grant"). Every attempt costs exactly one hash, whether the user is
//! unknown, disabled or has no password, and the state of an account shows only after the right password.

use crate::base::password_hash::{HashChoice, HashingPool, Overloaded};
use crate::base::secret::Secret;
use crate::model::credential::Credentials;
use crate::model::password_policy::MAX_PASSWORD;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::store::StoreError;
use crate::store::txn::Reader;

/// Longer names belong to nobody; the bound keeps key lookups cheap.
const MAX_USERNAME: usize = 255;

/// The user that `name` means: by e-mail where the realm allows it, else by user name. `None` when nobody or more than one fits.
///
/// # Errors
/// When the store fails.
pub async fn identify(reader: &mut impl Reader, realm: &Realm, name: &str) -> Result<Option<User>, StoreError> {
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_USERNAME {
        return Ok(None);
    }
    if realm.login_with_email_allowed && name.contains('@') {
        let mut users = reader.users().by_email(&realm.id, name, 2).await?;
        if users.len() > 1 {
            return Ok(None);
        }
        if let Some(user) = users.pop() {
            return Ok(Some(user));
        }
    }
    reader.users().by_username(&realm.id, name).await
}

/// A user with the credentials that a password was checked against, to notice later that they changed meanwhile.
pub struct Candidate {
    pub user: User,
    pub credentials: Credentials,
}

/// Reads who `name` means and what he can prove himself with.
///
/// # Errors
/// When the store fails.
pub async fn candidate(reader: &mut impl Reader, realm: &Realm, name: &str) -> Result<Option<Candidate>, StoreError> {
    let Some(user) = identify(reader, realm, name).await? else { return Ok(None) };
    let credentials = reader.credentials().get(&realm.id, &user.id).await?;
    Ok(Some(Candidate { user, credentials }))
}

/// Whether `password` is the candidate's. One hash, always; where there is none to verify against, one of `choice`.
///
/// # Errors
/// When too many checks are waiting.
pub async fn verify(
    hashing: &HashingPool,
    candidate: Option<&Candidate>,
    password: Option<&str>,
    choice: HashChoice,
) -> Result<bool, Overloaded> {
    let password = password.filter(|password| password.len() <= MAX_PASSWORD);
    let stored = candidate.and_then(|candidate| candidate.credentials.password()).filter(|_| password.is_some()).cloned();
    hashing.verify(Secret::from(password.unwrap_or_default()), stored, choice).await
}
