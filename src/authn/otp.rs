//! One-time passwords for grants without a browser: TOTP with look-around, HOTP with look-ahead. A code is good once: a TOTP
//! step is marked in the transaction that starts the session, a HOTP counter moves before it.

use crate::base::clock::Timestamp;
use crate::base::digest;
use crate::base::id::CredentialId;
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::base::totp;
use crate::model::credential::{Credential, CredentialKind, Credentials};
use crate::model::realm::Realm;
use crate::model::single_use::SingleUse;
use crate::store::StoreError;
use crate::store::txn::{Reader as _, Sessions, Txn};

/// What [`spend`] marks.
const USED_CODE: &str = "otp";

/// A code that fits, and what must happen so that it fits only once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// The time step is to be marked until it can no longer be presented.
    Totp { step: String, until: Timestamp },
    /// The counter of the credential moves to `next`.
    Hotp { credential: CredentialId, next: u64 },
}

/// Whether `presented` is a code of one of the user's generators now.
pub fn check(sealer: &Sealer, realm: &Realm, credentials: &Credentials, presented: &str, now: Timestamp) -> Option<Accepted> {
    credentials.0.iter().find_map(|credential| check_one(sealer, realm, credential, presented, now))
}

fn check_one(sealer: &Sealer, realm: &Realm, credential: &Credential, presented: &str, now: Timestamp) -> Option<Accepted> {
    let CredentialKind::Otp { secret, secret_encoding, sub_type, digits, period, counter, algorithm } = &credential.kind else {
        return None;
    };
    let seed = seed(sealer, realm, credential, secret, secret_encoding.as_deref())?;
    let window = u64::try_from(realm.otp_policy_look_ahead_window).unwrap_or(0).min(100);
    let fits = |counter: u64| {
        totp::code(algorithm, seed.expose(), *digits, counter).is_some_and(|code| digest::equal(code.as_bytes(), presented.as_bytes()))
    };
    if sub_type == "hotp" {
        let matched = (*counter..=counter.saturating_add(window)).find(|counter| fits(*counter))?;
        return Some(Accepted::Hotp { credential: credential.id.clone(), next: matched + 1 });
    }
    let period = u64::from((*period).max(1));
    let current = u64::try_from(now.seconds()).ok()? / period;
    let matched = (current.saturating_sub(window)..=current + window).find(|step| fits(*step))?;
    let until = i64::try_from((matched + window + 1).saturating_mul(period)).ok()?;
    Some(Accepted::Totp { step: format!("{}.{matched}", credential.id), until: Timestamp::from_seconds(until) })
}

/// The HMAC key: the bytes of the seed's text, or what Base32 text stands for.
fn seed(sealer: &Sealer, realm: &Realm, credential: &Credential, sealed: &str, encoding: Option<&str>) -> Option<Secret<Vec<u8>>> {
    let opened = sealer.open(&realm.id, &credential.secret_identity(), sealed).ok()?;
    match encoding {
        Some("BASE32") => totp::base32(opened.expose()).map(Secret::new),
        _ => Some(opened),
    }
}

/// Marks a TOTP step as used. `false`: somebody used it before.
///
/// # Errors
/// When the store fails.
pub async fn spend(txn: &mut Txn<'_, Sessions>, realm: &Realm, step: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    if realm.otp_policy_code_reusable {
        return Ok(true);
    }
    // A tracked read and a put: of concurrent presentations one commits, the others run again and find the mark.
    if txn.single_use().get(&realm.id, USED_CODE, step).await?.is_some() {
        return Ok(false);
    }
    txn.single_use().insert(&realm.id, USED_CODE, step, &SingleUse { at: now }, until);
    Ok(true)
}
