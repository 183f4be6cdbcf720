//! `grant_type=password` (RFC 6749 §4.3): the client hands over a user's name and password, and a one-time password where the
//! user has a generator. The order of the refusals is Keycloak's: the state of an account shows only after the right password,
//! and a locked account looks like a wrong one. Every attempt costs one hash.

use std::borrow::Cow;
use std::sync::Arc;

use crate::authn::brute_force::{self, Factor, Lock, Verdict};
use crate::authn::otp::{self, Accepted};
use crate::authn::password::{self, Candidate};
use crate::authn::required_action;
use crate::base::id::{CredentialId, UserId};
use crate::base::password_hash::{Overloaded, PasswordHash};
use crate::compiled::CompiledClient;
use crate::compiled::Subject;
use crate::compiled::direct_grant::SecondFactor;
use crate::compiled::references;
use crate::model::credential::CredentialKind;
use crate::model::event::{Happening, detail};
use crate::model::login_failures::DISABLED_REASON;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::model::user_session::UserSession;
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::store::StoreError;
use crate::store::txn::{Configuration, Reader as _, Sessions, Txn};
use crate::tokens::authorization::{Authorization, FrontChannel, GrantKind};

use super::{GrantContext, Outcome, new_session, requested_scope};

/// How often a login starts over because the credentials changed while the hash was computed.
const ATTEMPTS: usize = 3;

pub(super) async fn prove(cx: &GrantContext<'_>, client: &Arc<CompiledClient>) -> Result<Authorization, OAuthError> {
    cx.event.fixed_detail(detail::AUTH_METHOD, "oauth_credentials");
    if !client.client.direct_access_grants_enabled {
        return Err(OAuthError::direct_grants_off());
    }
    if client.client.consent_required {
        return Err(OAuthError::consent_required());
    }
    let scope = requested_scope(cx, client).await?;
    cx.event.fixed_detail(detail::AUTH_METHOD, "openid-connect");
    let username = cx.params.get("username").ok_or_else(OAuthError::username_missing)?;
    cx.event.detail(detail::USERNAME, username);

    let flow = cx.realm.direct_grant(&client.client);
    if let Some(step) = &flow.impassable {
        return Err(OAuthError::invalid_user_credentials().because(format!("the direct-grant flow requires {step}, which nobody can pass")));
    }
    for _ in 0..ATTEMPTS {
        let candidate = right_password(cx, username).await?;
        let code = one_time_password(cx, flow.second_factor, &candidate).await?;
        let mut session = new_session(cx, client, &candidate.user.id, &scope);
        if let Some(noted) = completed(cx, client, flow.second_factor != SecondFactor::Never && candidate.credentials.has_otp()) {
            session.notes.insert(references::COMPLETED.to_owned(), noted);
        }
        let (known, new, code) = (&candidate, &session, code.as_ref());
        match cx.store.sessions(|txn| Box::pin(sign_in(txn, cx, known, code, new))).await? {
            Ok(SignIn::Started(subject)) => {
                upgrade(cx, &candidate).await;
                return Ok(Authorization {
                    realm: Arc::clone(cx.realm),
                    client: Arc::clone(client),
                    lightweight: client.lightweight,
                    subject: Arc::new(*subject),
                    session: sessions::part(&session, &client.client.id, sessions::first_of_chain(cx.env, &cx.realm.realm)),
                    scope,
                    grant: GrantKind::Password,
                    audience: Vec::new(),
                    exchange: None,
                    auth_time: None,
                    nonce: None,
                    front_channel: FrontChannel::default(),
                    acr: "1".to_owned(),
                    client_address: cx.client_address,
                });
            }
            Ok(SignIn::CodeUsed) => return Err(failed(cx, &candidate, Factor::Second, "the one-time password was used before").await?),
            Ok(SignIn::Changed) => {}
            Err(refused) => return Err(refused),
        }
    }
    Err(OAuthError::invalid_user_credentials().because("the credentials kept changing during the login"))
}

/// Which steps of the flow "direct grant" the user did, as far as tokens may tell.
fn completed(cx: &GrantContext<'_>, client: &CompiledClient, with_code: bool) -> Option<String> {
    let bound = client.client.authentication_flow_binding_overrides.get("direct_grant").filter(|id| !id.is_empty());
    let done = |authenticator: &str| match authenticator {
        "direct-grant-validate-username" | "direct-grant-validate-password" => true,
        "direct-grant-validate-otp" => with_code,
        _ => false,
    };
    cx.realm.references.completed(bound.map(String::as_str), &cx.realm.realm.direct_grant_flow, cx.now, done)
}

/// The user whose password was presented.
async fn right_password(cx: &GrantContext<'_>, username: &str) -> Result<Candidate, OAuthError> {
    let realm = &cx.realm.realm;
    let mut peek = cx.store.peek();
    let candidate = password::candidate(&mut peek, realm, username).await?;
    let lock = match &candidate {
        Some(candidate) => {
            let lock = brute_force::lock(&mut peek, realm, &candidate.user.id, cx.client_address, cx.now).await?;
            if lock == Lock::ForGood {
                disable(cx, candidate, None).await?;
            }
            if lock == Lock::Open && locked_for_good(realm, &candidate.user) { Lock::ForGood } else { lock }
        }
        None => Lock::Open,
    };
    let locked = lock != Lock::Open;
    let judged = candidate.as_ref().filter(|_| !locked);
    let right = password::verify(cx.hashing, judged, cx.params.get("password"), cx.realm.password_policy.hash)
        .await
        .map_err(|Overloaded| OAuthError::overloaded())?;
    match candidate {
        Some(candidate) if right => Ok(candidate),
        Some(candidate) if locked => {
            cx.event.user(&candidate.user.id);
            Err(locked_out(&candidate.user, lock))
        }
        Some(candidate) => Err(failed(cx, &candidate, Factor::Password, "wrong password").await?),
        None => Err(OAuthError::invalid_user_credentials().because("unknown user").event("user_not_found")),
    }
}

/// The one-time password, where the flow asks this user for one; `None` otherwise. A HOTP counter has moved when this returns.
async fn one_time_password(cx: &GrantContext<'_>, asked: SecondFactor, candidate: &Candidate) -> Result<Option<Accepted>, OAuthError> {
    if asked == SecondFactor::Never || !candidate.user.enabled {
        return Ok(None);
    }
    if !candidate.credentials.has_otp() {
        return match asked {
            SecondFactor::Always => Err(failed(cx, candidate, Factor::Second, "the flow requires a one-time password").await?),
            _ => Ok(None),
        };
    }
    let presented = cx.params.get("otp").or_else(|| cx.params.get("totp")).unwrap_or_default();
    match otp::check(cx.sealer, &cx.realm.realm, &candidate.credentials, presented, cx.now) {
        Some(Accepted::Hotp { credential, next }) => {
            let (credential, checked) = (&credential, candidate);
            let moved = cx.store.configuration(|txn| Box::pin(move_counter(txn, cx, checked, credential, next))).await?;
            if moved { Ok(None) } else { Err(OAuthError::invalid_user_credentials().because("the HOTP counter moved meanwhile")) }
        }
        Some(accepted) => Ok(Some(accepted)),
        None => Err(failed(cx, candidate, Factor::Second, "wrong or missing one-time password").await?),
    }
}

/// Moves a HOTP counter past the code that was presented. `false`: the credentials are no longer what was checked.
async fn move_counter(
    txn: &mut Txn<'_, Configuration>,
    cx: &GrantContext<'_>,
    checked: &Candidate,
    generator: &CredentialId,
    next: u64,
) -> Result<bool, StoreError> {
    let (realm, user) = (&cx.realm.realm.id, &checked.user.id);
    let mut credentials = txn.credentials().get(realm, user).await?;
    if credentials != checked.credentials {
        return Ok(false);
    }
    for credential in credentials.0.iter_mut().filter(|credential| credential.id == *generator) {
        if let CredentialKind::Otp { counter, .. } = &mut credential.kind {
            *counter = next;
        }
    }
    txn.credentials().put(realm, user, &credentials);
    Ok(true)
}

/// The refusal of a locked account, which only the event log tells from a wrong password.
fn locked_out(user: &User, lock: Lock) -> OAuthError {
    let event = if user.enabled && lock == Lock::ForNow { "user_temporarily_disabled" } else { "user_disabled" };
    OAuthError::invalid_user_credentials().because("locked by brute force protection").event(event)
}

/// Hashes the password anew after a login, where the stored hash is not what the realm's policy asks for. It costs the first
/// login after an import or a change of policy a second hash, and never the login itself.
async fn upgrade(cx: &GrantContext<'_>, candidate: &Candidate) {
    let choice = cx.realm.password_policy.hash;
    let Some(old) = candidate.credentials.password().filter(|stored| cx.hashing.needs_upgrade(stored, choice)) else { return };
    let password = cx.params.get("password").unwrap_or_default();
    let Ok(new) = cx.hashing.hash_as(password.into(), choice).await else { return };
    let (user, new) = (&candidate.user.id, &new);
    if let Err(error) = cx.store.configuration(|txn| Box::pin(replace_hash(txn, cx, user, old, new))).await {
        tracing::warn!(%error, "a password hash was not upgraded");
    }
}

/// Puts `new` in the place of `old`; nothing if the password is another one by now.
async fn replace_hash(
    txn: &mut Txn<'_, Configuration>,
    cx: &GrantContext<'_>,
    user: &UserId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<(), StoreError> {
    let realm = &cx.realm.realm.id;
    let mut credentials = txn.credentials().get(realm, user).await?;
    let stored = credentials.0.iter_mut().find_map(|credential| match &mut credential.kind {
        CredentialKind::Password { hash } if hash == old => Some(hash),
        _ => None,
    });
    if let Some(stored) = stored {
        stored.clone_from(new);
        txn.credentials().put(realm, user, &credentials);
    }
    Ok(())
}

/// Counts a failure of a known user; the refusal to answer with.
async fn failed(cx: &GrantContext<'_>, candidate: &Candidate, factor: Factor, cause: &'static str) -> Result<OAuthError, StoreError> {
    let (realm, user) = (&cx.realm.realm, &candidate.user.id);
    cx.event.user(user);
    if realm.brute_force_protected {
        let counted = cx
            .store
            .sessions(|txn| Box::pin(async move { brute_force::fail(txn, realm, user, factor, cx.client_address, cx.now).await }))
            .await?;
        if let Some(failure) = counted {
            if let Some(until) = failure.locked_until {
                let details = [attack(), failures(failure.count), (detail::NOT_BEFORE, Cow::Owned(until.to_local_date_time()))];
                cx.event.consequence(Happening::UserDisabledByTemporaryLockout, user, details);
            }
            if failure.verdict == Verdict::LockedPermanently {
                disable(cx, candidate, Some(failure.count)).await?;
            }
        }
    }
    Ok(OAuthError::invalid_user_credentials().because(cause))
}

const fn attack() -> (&'static str, Cow<'static, str>) {
    (detail::REASON, Cow::Borrowed("brute_force_attack detected"))
}

fn failures(count: i64) -> (&'static str, Cow<'static, str>) {
    (detail::NUM_FAILURES, Cow::Owned(count.to_string()))
}

/// Whether the account was disabled by brute force protection, which says so as little as a temporary lock does.
fn locked_for_good(realm: &Realm, user: &User) -> bool {
    let (name, reason) = DISABLED_REASON;
    let reasons = user.attributes.get(name).map(Vec::as_slice).unwrap_or_default();
    realm.brute_force_protected && !user.enabled && reasons.iter().any(|text| text == reason)
}

/// Permanent lockout: the account is disabled until an administrator enables it. A server that stopped between the failure that
/// decided it and this does it at the next attempt, which cannot say the count.
async fn disable(cx: &GrantContext<'_>, candidate: &Candidate, count: Option<i64>) -> Result<(), StoreError> {
    let (realm, user) = (&cx.realm.realm, &candidate.user.id);
    if cx.store.configuration(|txn| Box::pin(disable_account(txn, realm, user))).await? {
        let details = [Some(attack()), count.map(failures)].into_iter().flatten();
        cx.event.consequence(Happening::UserDisabledByPermanentLockout, user, details);
    }
    cx.store.sessions(|txn| Box::pin(brute_force::disabled(txn, realm, user, cx.now))).await
}

/// `false`: it is disabled already, or gone.
async fn disable_account(txn: &mut Txn<'_, Configuration>, realm: &Realm, user: &UserId) -> Result<bool, StoreError> {
    let Some(old) = txn.users().get(&realm.id, user).await?.filter(|user| user.enabled) else { return Ok(false) };
    let mut user = old.clone();
    user.enabled = false;
    user.attributes.insert(DISABLED_REASON.0.to_owned(), vec![DISABLED_REASON.1.to_owned()]);
    txn.users().put(&realm.id, &old, &user, !realm.duplicate_emails_allowed);
    Ok(true)
}

/// What came of [`sign_in`].
enum SignIn {
    Started(Box<Subject>),
    /// The user or his password is no longer what was checked.
    Changed,
    /// Somebody presented the one-time password before.
    CodeUsed,
}

/// Starts the session if the account allows it.
async fn sign_in(
    txn: &mut Txn<'_, Sessions>,
    cx: &GrantContext<'_>,
    checked: &Candidate,
    code: Option<&Accepted>,
    session: &UserSession,
) -> Outcome<SignIn> {
    let realm = &cx.realm.realm;
    let Some(user) = txn.users().get(&realm.id, &checked.user.id).await? else { return Ok(Ok(SignIn::Changed)) };
    let credentials = txn.credentials().get(&realm.id, &user.id).await?;
    if user != checked.user || credentials.password() != checked.credentials.password() {
        return Ok(Ok(SignIn::Changed));
    }
    let lock = brute_force::lock(txn, realm, &user.id, cx.client_address, cx.now).await?;
    if lock != Lock::Open {
        cx.event.user(&user.id);
        return Ok(Err(locked_out(&user, lock)));
    }
    if !user.enabled {
        cx.event.user(&user.id);
        return Ok(Err(OAuthError::account_disabled()));
    }
    if let Some(Accepted::Totp { step, until }) = code
        && !otp::spend(txn, realm, step, *until, cx.now).await?
    {
        return Ok(Ok(SignIn::CodeUsed));
    }
    brute_force::succeed(txn, realm, &user.id, cx.client_address, cx.now).await?;
    if required_action::is_pending(cx.realm, &user, &credentials, cx.now) {
        return Ok(Err(OAuthError::account_not_set_up()));
    }
    sessions::insert(txn, realm, session);
    Ok(Ok(SignIn::Started(Box::new(Subject::load(txn, &realm.id, user).await?))))
}
