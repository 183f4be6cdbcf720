//! Brute force protection: counts the failures of a user and locks him for a while or for good, by the realm's settings and
//! Keycloak's arithmetic. Counting and judging happen in one transaction on one document, so parallel attempts count exactly.
//! Disabling an account is configuration and so another commit; the intention stands in the document until it is done, and
//! locks as well.

use std::net::IpAddr;

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, UserId};
use crate::model::login_failures::LoginFailures;
use crate::model::realm::{BRUTE_FORCE_BY_ADDRESS, Realm};
use crate::store::txn::{Reader, Sessions, Txn};
use crate::store::{Store, StoreError};

/// Failures are remembered longer than they count, so that a lock never outlives its document.
const FORGET_GRACE_SECONDS: i64 = 3600;
/// Networks that one document tells apart.
const MAX_ADDRESSES: usize = 64;

/// How long the intention to disable an account is kept: until somebody tries to sign in, whenever that is.
const INTENTION_SECONDS: i64 = 10 * 365 * 86_400;

/// Whether a user may try to sign in now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    Open,
    /// Not for a while.
    ForNow,
    /// Never again, and his account is still to be disabled.
    ForGood,
}

/// A failure that was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    pub verdict: Verdict,
    /// How many there are now.
    pub count: i64,
    /// Until when this one locks.
    pub locked_until: Option<Timestamp>,
}

/// What a failure led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Counted,
    /// No login for a while.
    LockedTemporarily,
    /// The account must be disabled.
    LockedPermanently,
}

/// Which proof was wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factor {
    Password,
    /// A one-time password after the right password.
    Second,
}

/// Whether the user may not even try now. Tells nothing to the caller: a locked user looks like a wrong password.
///
/// # Errors
/// When the store fails.
pub async fn lock(reader: &mut impl Reader, realm: &Realm, user: &UserId, address: IpAddr, now: Timestamp) -> Result<Lock, StoreError> {
    if !realm.brute_force_protected {
        return Ok(Lock::Open);
    }
    Ok(match reader.login_failures().get(&realm.id, user).await? {
        Some(failures) if failures.to_disable => Lock::ForGood,
        Some(failures) if locked_at(counter_of(&failures, realm, address), now) => Lock::ForNow,
        _ => Lock::Open,
    })
}

/// Counts a failure. An attempt while locked does not count: `None`.
///
/// # Errors
/// When the store fails.
pub async fn fail(
    txn: &mut Txn<'_, Sessions>,
    realm: &Realm,
    user: &UserId,
    factor: Factor,
    address: IpAddr,
    now: Timestamp,
) -> Result<Option<Failure>, StoreError> {
    let mut failures = txn.login_failures().get(&realm.id, user).await?.unwrap_or_default();
    if failures.to_disable {
        return Ok(None);
    }
    let before = counter_of(&failures, realm, address).failed_login_not_before;
    let Some(verdict) = note(&mut failures, realm, factor, address, now) else { return Ok(None) };
    let counter = counter_of(&failures, realm, address);
    let locked_until = counter.failed_login_not_before.filter(|until| Some(*until) != before);
    let failure = Failure { verdict, count: counter.num_failures, locked_until };
    failures.to_disable = verdict == Verdict::LockedPermanently;
    let kept = if failures.to_disable { INTENTION_SECONDS } else { kept(realm) };
    txn.login_failures().put(&realm.id, user, &failures, now + kept);
    Ok(Some(failure))
}

/// The account is disabled now.
///
/// # Errors
/// When the store fails.
pub async fn disabled(txn: &mut Txn<'_, Sessions>, realm: &Realm, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
    if let Some(mut failures) = txn.login_failures().get(&realm.id, user).await?.filter(|failures| failures.to_disable) {
        failures.to_disable = false;
        txn.login_failures().put(&realm.id, user, &failures, now + kept(realm));
    }
    Ok(())
}

/// An administrator lets the user in again.
///
/// # Errors
/// When the store fails.
pub async fn forget(store: &Store, realm: &RealmId, user: &UserId) -> Result<(), StoreError> {
    let forgotten = store.sessions(|txn| {
        txn.login_failures().delete(realm, user);
        Box::pin(std::future::ready(Ok(())))
    });
    forgotten.await
}

/// Seconds that failures are remembered.
fn kept(realm: &Realm) -> i64 {
    realm.max_delta_time_seconds.max(realm.max_failure_wait_seconds).max(0) + FORGET_GRACE_SECONDS
}

/// Forgets the failures after a login: where addresses are locked, those of this address.
///
/// # Errors
/// When the store fails.
pub async fn succeed(txn: &mut Txn<'_, Sessions>, realm: &Realm, user: &UserId, address: IpAddr, now: Timestamp) -> Result<(), StoreError> {
    if !realm.brute_force_protected {
        return Ok(());
    }
    let Some(known) = txn.login_failures().get(&realm.id, user).await? else { return Ok(()) };
    let mut addresses = known.addresses;
    addresses.remove(&network(address));
    // A login from home must not give the rest of the world new attempts.
    if realm.flag(BRUTE_FORCE_BY_ADDRESS) && !addresses.is_empty() {
        txn.login_failures()
            .put(&realm.id, user, &LoginFailures { addresses, ..LoginFailures::default() }, now + kept(realm));
    } else {
        txn.login_failures().delete(&realm.id, user);
    }
    Ok(())
}

/// Counts where the realm counts. `None`: it was locked, nothing changed.
fn note(failures: &mut LoginFailures, realm: &Realm, factor: Factor, address: IpAddr, now: Timestamp) -> Option<Verdict> {
    if locked_at(counter_of(failures, realm, address), now) {
        return None;
    }
    if !realm.flag(BRUTE_FORCE_BY_ADDRESS) {
        return Some(count(failures, realm, realm.permanent_lockout, factor, address, now));
    }
    let network = network(address);
    failures
        .addresses
        .retain(|known, counter| *known == network || locked_at(counter, now) || !is_forgotten(counter, realm, now));
    if !failures.addresses.contains_key(&network) && failures.addresses.len() >= MAX_ADDRESSES {
        return Some(count(failures, realm, realm.permanent_lockout, factor, address, now));
    }
    // The sum of all addresses is what an administrator sees; nobody is disabled by somebody else's failures.
    failures.num_failures += 1;
    (failures.last_failure, failures.last_ip_failure) = (Some(now), address.to_string());
    let counter = failures.addresses.entry(network).or_default();
    Some(count(counter, realm, false, factor, address, now))
}

/// What decides about an attempt from `address`: the account's counter, or where addresses are locked, that of the address.
/// Beyond [`MAX_ADDRESSES`] networks at a time the account's counter decides about all others.
fn counter_of<'a>(failures: &'a LoginFailures, realm: &Realm, address: IpAddr) -> &'a LoginFailures {
    if !realm.flag(BRUTE_FORCE_BY_ADDRESS) {
        return failures;
    }
    failures.addresses.get(&network(address)).unwrap_or(failures)
}

/// An IPv4 address, or the /64 that a connection commands in IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn locked_at(failures: &LoginFailures, now: Timestamp) -> bool {
    failures.failed_login_not_before.is_some_and(|until| now < until)
}

fn is_forgotten(failures: &LoginFailures, realm: &Realm, now: Timestamp) -> bool {
    let since_last = failures.last_failure.map(|last| now.millis() - last.millis());
    since_last.is_none_or(|millis| millis > realm.max_delta_time_seconds.saturating_mul(1000))
}

fn count(failures: &mut LoginFailures, realm: &Realm, permanent: bool, factor: Factor, address: IpAddr, now: Timestamp) -> Verdict {
    let permanent_only = permanent && realm.max_temporary_lockouts == 0;
    let since_last = failures.last_failure.map(|last| now.millis() - last.millis());
    if !permanent_only && since_last.is_some() && is_forgotten(failures, realm, now) {
        *failures = LoginFailures { addresses: std::mem::take(&mut failures.addresses), ..LoginFailures::default() };
    }
    failures.last_failure = Some(now);
    failures.last_ip_failure = address.to_string();
    failures.num_failures += 1;
    let second_exhausted = factor == Factor::Second && {
        failures.num_secondary_auth_failures += 1;
        realm.max_secondary_auth_failures > 0 && failures.num_secondary_auth_failures >= realm.max_secondary_auth_failures
    };

    let mut wait = if permanent_only { 0 } else { wait_seconds(realm, failures.num_failures) };
    if second_exhausted && !permanent_only {
        wait = wait.max(realm.wait_increment_seconds);
    }
    let too_quick = wait == 0 && since_last.is_some_and(|millis| millis < realm.quick_login_check_milli_seconds);
    if too_quick {
        wait = realm.minimum_quick_login_wait_seconds;
    } else if wait > 0 {
        failures.num_temporary_lockouts += 1;
    }
    let lockouts_left = !permanent || failures.num_temporary_lockouts <= realm.max_temporary_lockouts;
    let wait = wait.min(realm.max_failure_wait_seconds);
    let locks = wait > 0 && (too_quick || lockouts_left);
    if locks {
        failures.failed_login_not_before = Some(Timestamp::from_seconds(now.seconds() + wait));
    }
    let for_good = if permanent_only { second_exhausted || failures.num_failures >= realm.failure_factor } else { !lockouts_left };
    if permanent && for_good {
        Verdict::LockedPermanently
    } else if locks {
        Verdict::LockedTemporarily
    } else {
        Verdict::Counted
    }
}

/// How long the n-th failure locks, before the cap: in steps of whole factors, or growing with each failure.
fn wait_seconds(realm: &Realm, failures: i64) -> i64 {
    let factor = realm.failure_factor.max(1);
    if failures < factor {
        return 0;
    }
    let times = if realm.brute_force_strategy == "LINEAR" { 1 + failures - factor } else { failures / factor };
    realm.wait_increment_seconds.saturating_mul(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RoleId;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn realm(change: impl FnOnce(&mut Realm)) -> Realm {
        let mut realm = Realm::new(RealmId::from("r"), "r", RoleId::from("d"));
        (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 2, 0);
        change(&mut realm);
        realm
    }

    /// The verdicts of failures that are `gap` milliseconds apart, and what is known in the end.
    fn fail_times(realm: &Realm, times: i64, gap: i64) -> (Vec<Verdict>, LoginFailures) {
        let mut failures = LoginFailures::default();
        let address = IpAddr::from([127, 0, 0, 1]);
        let verdicts = (0..times)
            .map(|n| count(&mut failures, realm, realm.permanent_lockout, Factor::Password, address, Timestamp(NOW.0 + n * gap)))
            .collect();
        (verdicts, failures)
    }

    #[test]
    fn the_second_failure_locks_for_a_minute_as_recorded() {
        let (verdicts, failures) = fail_times(&realm(|_| {}), 2, 10);
        assert_eq!(verdicts, [Verdict::Counted, Verdict::LockedTemporarily]);
        assert_eq!((failures.num_failures, failures.num_temporary_lockouts), (2, 1));
        assert_eq!(failures.failed_login_not_before, Some(NOW + 60));
    }

    #[test]
    fn two_failures_in_quick_succession_lock_without_counting_as_a_lockout() {
        let realm = realm(|realm| {
            (realm.failure_factor, realm.quick_login_check_milli_seconds, realm.minimum_quick_login_wait_seconds) = (30, 100_000, 7);
        });
        let (verdicts, failures) = fail_times(&realm, 2, 10);
        assert_eq!(verdicts, [Verdict::Counted, Verdict::LockedTemporarily]);
        assert_eq!((failures.num_temporary_lockouts, failures.failed_login_not_before), (0, Some(NOW + 7)));
    }

    #[test]
    fn permanent_lockout_comes_at_the_factor() {
        let (verdicts, failures) = fail_times(&realm(|realm| realm.permanent_lockout = true), 2, 10);
        assert_eq!(verdicts, [Verdict::Counted, Verdict::LockedPermanently]);
        assert_eq!(failures.num_temporary_lockouts, 0);
    }

    #[test]
    fn mixed_lockout_becomes_permanent_after_the_allowed_temporary_ones() {
        use Verdict::{Counted, LockedPermanently, LockedTemporarily};

        let realm = realm(|realm| (realm.permanent_lockout, realm.max_temporary_lockouts) = (true, 1));
        let (verdicts, _) = fail_times(&realm, 4, 10_000);
        assert_eq!(verdicts, [Counted, LockedTemporarily, LockedPermanently, LockedPermanently]);
    }

    #[test]
    fn the_wait_grows_by_the_strategy_and_is_capped() {
        let multiple = realm(|_| {});
        assert_eq!([1, 2, 3, 4].map(|n| wait_seconds(&multiple, n)), [0, 60, 60, 120]);
        let linear = realm(|realm| "LINEAR".clone_into(&mut realm.brute_force_strategy));
        assert_eq!([1, 2, 3, 4].map(|n| wait_seconds(&linear, n)), [0, 60, 120, 180]);
        let (_, failures) = fail_times(&realm(|realm| realm.max_failure_wait_seconds = 30), 2, 10);
        assert_eq!(failures.failed_login_not_before, Some(NOW + 30));
    }

    #[test]
    fn old_failures_do_not_count() {
        let (verdicts, failures) = fail_times(&realm(|realm| realm.max_delta_time_seconds = 5), 3, 6_000);
        assert_eq!((verdicts.last(), failures.num_failures), (Some(&Verdict::Counted), 1));
    }

    #[test]
    fn second_factors_have_a_limit_of_their_own_beside_the_common_one() {
        let realm = realm(|realm| (realm.failure_factor, realm.max_secondary_auth_failures) = (30, 3));
        let mut failures = LoginFailures::default();
        let address = IpAddr::from([127, 0, 0, 1]);
        let mut fail = |factor, n: i64| count(&mut failures, &realm, false, factor, address, Timestamp(NOW.0 + n * 10_000));
        assert_eq!((0..5).map(|n| fail(Factor::Password, n)).collect::<Vec<_>>(), [Verdict::Counted; 5]);
        let second: Vec<_> = (5..8).map(|n| fail(Factor::Second, n)).collect();
        assert_eq!(second, [Verdict::Counted, Verdict::Counted, Verdict::LockedTemporarily]);
        assert_eq!((failures.num_failures, failures.num_secondary_auth_failures), (8, 3));
    }

    #[test]
    fn where_addresses_are_locked_the_others_stay_free_until_there_are_too_many() {
        let realm = realm(|realm| {
            realm.permanent_lockout = true;
            realm.attributes.insert(BRUTE_FORCE_BY_ADDRESS.to_owned(), "true".to_owned());
        });
        let mut failures = LoginFailures::default();
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let is_locked = |failures: &LoginFailures, address| locked_at(counter_of(failures, &realm, address), NOW);
        for n in 0..64 {
            assert_eq!(note(&mut failures, &realm, Factor::Password, address(n), NOW), Some(Verdict::Counted));
            assert_eq!(note(&mut failures, &realm, Factor::Password, address(n), NOW), Some(Verdict::LockedTemporarily));
            assert_eq!(note(&mut failures, &realm, Factor::Password, address(n), NOW), None, "locked ones do not count");
            assert!(is_locked(&failures, address(n)) && !is_locked(&failures, address(n + 1)));
        }
        let one_too_many = note(&mut failures, &realm, Factor::Password, address(64), NOW);
        assert_eq!((one_too_many, failures.addresses.len()), (Some(Verdict::LockedPermanently), 64));
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
