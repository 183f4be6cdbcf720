//! What a user must do before he may be signed in. A grant without a browser cannot ask for it, so it refuses.

use crate::base::clock::Timestamp;
use crate::compiled::CompiledRealm;
use crate::model::credential::{CredentialKind, Credentials};
use crate::model::user::User;

const DAY_MILLIS: i64 = 86_400_000;

/// Whether something stands between the user and his tokens: an action that was asked of him, or one that the realm asks of
/// everybody in his situation. Keycloak counts what stands on the user even if the realm has switched that action off; the
/// second kind only while it is on.
pub fn is_pending(realm: &CompiledRealm, user: &User, credentials: &Credentials, now: Timestamp) -> bool {
    let asks = |alias: &str| realm.enabled_actions.contains(alias);
    !user.required_actions.is_empty()
        || (asks("VERIFY_PROFILE") && realm.profile.missing_required(user, false))
        || (asks("VERIFY_EMAIL") && realm.realm.verify_email && !user.email_verified)
        || (asks("UPDATE_PASSWORD") && password_expired(realm, credentials, now))
}

/// Whether the policy's `forceExpiredPasswordChange` asks for a new password.
fn password_expired(realm: &CompiledRealm, credentials: &Credentials, now: Timestamp) -> bool {
    let Some(days) = realm.password_policy.expires_after_days else { return false };
    let set_at = credentials.0.iter().find(|credential| matches!(credential.kind, CredentialKind::Password { .. }));
    set_at.is_some_and(|password| now.millis() - password.created.millis() > days.saturating_mul(DAY_MILLIS))
}

#[cfg(test)]
mod tests {
    use super::is_pending as is_pending_with;
    use super::{CompiledRealm, Credentials, Timestamp, User};
    use crate::base::env::Env;
    use crate::base::seal::Sealer;
    use crate::compiled::RealmParts;
    use crate::manage::defaults::{authentication, user_profile};

    fn realm(change: impl FnOnce(&mut RealmParts)) -> CompiledRealm {
        let authentication = authentication::all(Env::system().random(), false);
        let mut parts = RealmParts { authentication, profile: user_profile::profile(false), ..RealmParts::default() };
        change(&mut parts);
        CompiledRealm::new(parts, &Sealer::from_key([0; 32]), 0).unwrap()
    }

    fn is_pending(realm: &CompiledRealm, user: &User) -> bool {
        is_pending_with(realm, user, &Credentials::default(), Timestamp(0))
    }

    fn switch_off(parts: &mut RealmParts, alias: &str) {
        parts.authentication.required_actions.iter_mut().find(|action| action.alias == alias).unwrap().enabled = false;
    }

    fn complete() -> User {
        serde_json::from_value(serde_json::json!({
            "id": "u", "username": "alice", "email": "alice@example.org", "firstName": "Alice", "lastName": "Example",
            "enabled": true, "createdTimestamp": 0,
        }))
        .unwrap()
    }

    #[test]
    fn an_incomplete_profile_counts_only_while_the_realm_verifies_profiles() {
        let nameless = User { first_name: None, ..complete() };
        assert!(!is_pending(&realm(|_| {}), &complete()));
        assert!(is_pending(&realm(|_| {}), &nameless));
        assert!(!is_pending(&realm(|parts| switch_off(parts, "VERIFY_PROFILE")), &nameless));
    }

    #[test]
    fn an_unverified_address_counts_only_where_the_realm_verifies_addresses() {
        let verifies = |parts: &mut RealmParts| parts.realm.verify_email = true;
        assert!(is_pending(&realm(verifies), &complete()));
        assert!(!is_pending(&realm(verifies), &User { email_verified: true, ..complete() }));
        let off = |parts: &mut RealmParts| {
            verifies(parts);
            switch_off(parts, "VERIFY_EMAIL");
        };
        assert!(!is_pending(&realm(off), &complete()));
    }

    #[test]
    fn what_stands_on_the_user_counts_in_any_case() {
        let asked = User { required_actions: vec!["UPDATE_PASSWORD".to_owned()], ..complete() };
        assert!(is_pending(&realm(|parts| switch_off(parts, "UPDATE_PASSWORD")), &asked));
    }

    #[test]
    fn a_password_that_the_policy_calls_too_old_counts_while_the_realm_updates_passwords() {
        let stored = serde_json::json!([{
            "id": "c", "userLabel": null, "createdDate": 1000, "type": "password",
            "hash": {"algorithm": "argon2", "hash_iterations": 5, "value": "dg==", "salt": "cw=="},
        }]);
        let credentials: Credentials = serde_json::from_value(stored).unwrap();
        let expires = |parts: &mut RealmParts| parts.realm.password_policy = Some("forceExpiredPasswordChange(2)".to_owned());
        let pending = |realm: &CompiledRealm, millis| is_pending_with(realm, &complete(), &credentials, Timestamp(millis));
        let two_days = 2 * 86_400_000 + 1000;
        assert!(!pending(&realm(expires), two_days));
        assert!(pending(&realm(expires), two_days + 1));
        assert!(!pending(&realm(|_| {}), two_days + 1));
        let off = |parts: &mut RealmParts| {
            expires(parts);
            switch_off(parts, "UPDATE_PASSWORD");
        };
        assert!(!pending(&realm(off), two_days + 1));
    }
}
