//! Users: names and addresses in lower case and unique, the realm's user profile, defaults at creation, credentials, roles,
//! groups, required actions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::env::Env;
use crate::base::id::{ClientId, CredentialId, GroupId, RealmId, RoleId, UserId};
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::base::spelling::of_name;
use crate::model::client::Client;
use crate::model::credential::{Credential, CredentialKind, Credentials, secret_identity};
use crate::model::login_failures::DISABLED_REASON;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::model::user_profile::{Editor, FIELDS, NOTED, Violation, kept_attributes};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
pub use super::passwords::NewPassword;
use super::{credentials, groups, realms, roles};

/// The required action of a temporary password.
pub const UPDATE_PASSWORD: &str = "UPDATE_PASSWORD";

/// What a user is to become, by the names of Keycloak's `UserRepresentation`. Absent fields get their default at creation and
/// stay at an update, with one exception: where `attributes` are given, absent e-mail address and names are removed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserSettings {
    pub username: Option<String>,
    /// Empty removes.
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub enabled: Option<bool>,
    pub email_verified: Option<bool>,
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    pub required_actions: Option<Vec<String>>,
}

/// A user to create.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    pub settings: UserSettings,
    /// Paths of groups to join besides the realm's default groups.
    pub groups: Vec<String>,
    pub password: Option<NewPassword>,
}

/// A one-time-password generator to give to a user.
#[derive(Clone, Debug)]
pub struct NewOtp {
    pub user_label: Option<String>,
    pub secret: Secret<String>,
    pub secret_encoding: Option<String>,
    /// `totp` or `hotp`.
    pub sub_type: String,
    pub digits: u32,
    pub period: u32,
    pub counter: u64,
    pub algorithm: String,
}

/// Creates a user, with the default role, the default groups and the default required actions of the realm. He is disabled
/// unless `enabled` says otherwise.
///
/// # Errors
/// No such realm or group, no name, name or address are taken, the user profile is not met.
pub async fn create(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &RealmId, new: &NewUser) -> Result<User, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let settings = &new.settings;
    let Some(username) = effective_names(&realm, settings).0 else { return Err(ManageError::username_missing()) };

    let mut user = blank(env, &realm, username);
    apply(txn, &realm, &mut user, settings).await?;
    check_free(txn, &realm, None, &user).await?;
    user.required_actions = merged(default_actions(txn, &realm.id).await?, settings.required_actions.as_deref());
    for path in &new.groups {
        let group = groups::by_path(txn, &realm.id, path).await?.ok_or_else(|| ManageError::group_path(path))?;
        add_missing(&mut user.groups, &[group.id]);
    }
    if let Some(password) = &new.password {
        // Here a permanent password frees nobody of an obligation that came along with it.
        if password.temporary {
            add_missing(&mut user.required_actions, &[UPDATE_PASSWORD.to_owned()]);
        }
        password.check_current(&realm, &user, &Credentials::default())?;
        credentials::put_password(txn, env, &realm, &user.id, &password.hash).await?;
    }
    txn.users().insert(&realm.id, &user, !realm.duplicate_emails_allowed);
    Ok(user)
}

/// Changes a user.
///
/// # Errors
/// No such user, the name may not change, name or address are taken, the user profile is not met.
pub async fn update(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, settings: &UserSettings) -> Result<User, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let old = existing(txn, &realm.id, id).await?;
    let mut user = old.clone();
    if let Some(username) = settings.username.as_deref().map(of_name).filter(|name| *name != old.username) {
        if !realm.edit_username_allowed {
            return check_free(txn, &realm, Some(&old), &User { username, ..old.clone() })
                .await
                .and(Err(ManageError::Profile(vec![Violation::new("username", "error-user-attribute-read-only", &[])])));
        }
        user.username = username;
    }
    apply(txn, &realm, &mut user, settings).await?;
    if !old.enabled && user.enabled {
        lift_lockout(&mut user);
    }
    check_free(txn, &realm, Some(&old), &user).await?;
    if let Some(actions) = &settings.required_actions {
        user.required_actions = merged(Vec::new(), Some(actions));
    }
    txn.users().put(&realm.id, &old, &user, !realm.duplicate_emails_allowed);
    Ok(user)
}

/// Switches a user on or off.
///
/// # Errors
/// No such user.
pub async fn set_enabled(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, enabled: bool) -> Result<(), ManageError> {
    change(txn, realm, id, |user| {
        user.enabled = enabled;
        if enabled {
            lift_lockout(user);
        }
    })
    .await
}

/// Who is enabled again was not disabled by brute force protection any more.
fn lift_lockout(user: &mut User) {
    let (name, reason) = DISABLED_REASON;
    if user.attributes.get(name).is_some_and(|reasons| reasons.iter().any(|text| text == reason)) {
        user.attributes.remove(name);
    }
}

/// Refuses every token of the user that was issued before this moment (whole seconds since 1970).
///
/// # Errors
/// No such user.
pub async fn set_not_before(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, not_before: i64) -> Result<(), ManageError> {
    change(txn, realm, id, |user| user.not_before = not_before).await
}

/// Deletes a user and his credentials.
///
/// # Errors
/// No such user.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId) -> Result<User, ManageError> {
    let user = existing(txn, realm, id).await?;
    txn.users().delete(realm, &user);
    Ok(user)
}

/// Replaces the password. A temporary one must be replaced by the user; a permanent one ends an obligation to replace it.
/// Most callers want [`super::passwords::Passwords::set`], which asks the policy and starts over when it must.
///
/// # Errors
/// No such user; [`ManageError::Overtaken`] if what the password was held against has changed.
pub async fn set_password(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    id: &UserId,
    password: &NewPassword,
) -> Result<(), ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let user = existing(txn, &realm.id, id).await?;
    let credentials = txn.credentials().get(&realm.id, id).await?;
    password.check_current(&realm, &user, &credentials)?;
    change(txn, &realm.id, id, |user| note_temporary(user, password.temporary)).await?;
    credentials::put_password(txn, env, &realm, id, &password.hash).await
}

/// Gives the user a one-time-password generator.
///
/// # Errors
/// No such user.
pub async fn add_otp(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    user: &UserId,
    new: &NewOtp,
) -> Result<CredentialId, ManageError> {
    existing(txn, realm, user).await?;
    let id = CredentialId::random(env.random());
    let kind = CredentialKind::Otp {
        secret: sealer.seal(env.random(), realm, &secret_identity(&id), new.secret.expose().as_bytes()),
        secret_encoding: new.secret_encoding.clone(),
        sub_type: new.sub_type.clone(),
        digits: new.digits,
        period: new.period,
        counter: new.counter,
        algorithm: new.algorithm.clone(),
    };
    let mut credentials = txn.credentials().get(realm, user).await?;
    credentials
        .0
        .push(Credential { id: id.clone(), user_label: new.user_label.clone(), created: env.now(), kind });
    txn.credentials().put(realm, user, &credentials);
    Ok(id)
}

/// Takes a credential away.
///
/// # Errors
/// No such user or credential.
pub async fn remove_credential(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
) -> Result<(), ManageError> {
    existing(txn, realm, user).await?;
    let mut credentials = txn.credentials().get(realm, user).await?;
    let index = credentials.0.iter().position(|credential| credential.id == *id).ok_or_else(ManageError::no_credential)?;
    credentials.0.remove(index);
    txn.credentials().put(realm, user, &credentials);
    Ok(())
}

/// Gives roles to a user; those that he has are ignored.
///
/// # Errors
/// No such user or role.
pub async fn add_roles(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, given: &[RoleId]) -> Result<(), ManageError> {
    roles::check_all(txn, realm, given).await?;
    change(txn, realm, id, |user| add_missing(&mut user.roles, given)).await
}

/// Takes roles from a user; those that he has not are ignored.
///
/// # Errors
/// No such user.
pub async fn remove_roles(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, taken: &[RoleId]) -> Result<(), ManageError> {
    change(txn, realm, id, |user| user.roles.retain(|role| !taken.contains(role))).await
}

/// Makes a user a member of a group.
///
/// # Errors
/// No such user or group.
pub async fn join_group(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, group: &GroupId) -> Result<(), ManageError> {
    txn.groups().get(realm, group).await?.ok_or_else(ManageError::no_such_group)?;
    change(txn, realm, id, |user| add_missing(&mut user.groups, std::slice::from_ref(group))).await
}

/// Ends a membership; no error if there is none.
///
/// # Errors
/// No such user.
pub async fn leave_group(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, group: &GroupId) -> Result<(), ManageError> {
    change(txn, realm, id, |user| user.groups.retain(|member_of| member_of != group)).await
}

/// Obliges a user to an action before he gets in again.
///
/// # Errors
/// No such user.
pub async fn add_required_action(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId, alias: &str) -> Result<(), ManageError> {
    change(txn, realm, id, |user| add_missing(&mut user.required_actions, &[alias.to_owned()])).await
}

/// Frees a user of an action.
///
/// # Errors
/// No such user.
pub async fn remove_required_action(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &UserId,
    alias: &str,
) -> Result<(), ManageError> {
    change(txn, realm, id, |user| user.required_actions.retain(|action| action != alias)).await
}

/// The user name of a client's service account.
pub fn service_account_name(client_id: &str) -> String {
    format!("service-account-{}", of_name(client_id))
}

/// Makes the user who stands for `client` in `client_credentials`, or renames him after his client.
pub(super) async fn ensure_service_account(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &Realm,
    client: &Client,
) -> Result<(), ManageError> {
    let username = service_account_name(&client.client_id);
    let existing = txn.users().service_account(&realm.id, &client.id).await?;
    if existing.as_ref().is_some_and(|user| user.username == username) {
        return Ok(());
    }
    if txn.users().by_username(&realm.id, &username).await?.is_some() {
        return Err(ManageError::username_taken());
    }
    if let Some(old) = existing {
        txn.users().put(&realm.id, &old, &User { username, ..old.clone() }, !realm.duplicate_emails_allowed);
    } else {
        let user = User { enabled: true, service_account_client: Some(client.id.clone()), ..blank(env, realm, username) };
        txn.users().insert(&realm.id, &user, !realm.duplicate_emails_allowed);
    }
    Ok(())
}

pub(super) async fn remove_service_account(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    client: &ClientId,
) -> Result<(), ManageError> {
    if let Some(user) = txn.users().service_account(realm, client).await? {
        txn.users().delete(realm, &user);
    }
    Ok(())
}

/// A user with nothing but the realm's defaults.
pub(super) fn blank(env: &Env, realm: &Realm, username: String) -> User {
    User {
        enabled: false,
        roles: vec![realm.default_role.clone()],
        groups: realm.default_groups.clone(),
        ..User::new(UserId::random(env.random()), username, env.now())
    }
}

/// Writes what an administrator gave into `user` and holds it against the user profile. The name is the caller's.
async fn apply(txn: &mut Txn<'_, Configuration>, realm: &Realm, user: &mut User, settings: &UserSettings) -> Result<(), ManageError> {
    let profile = txn.user_profiles().get(&realm.id).await?;
    let attributes = settings.attributes.as_ref();
    let field = |given: &Option<String>, name: &str| field(settings, given.as_ref(), name);
    let settle = |field: Option<String>, stored: &mut Option<String>| match field {
        Some(text) => *stored = Some(text).filter(|text| !text.is_empty()),
        None if attributes.is_some() => *stored = None,
        None => {}
    };
    settle(field(&settings.email, FIELDS[1]).map(|email| of_name(&email)), &mut user.email);
    settle(field(&settings.first_name, FIELDS[2]), &mut user.first_name);
    settle(field(&settings.last_name, FIELDS[3]), &mut user.last_name);
    if let Some(attributes) = attributes {
        check_bounds(attributes)?;
        let is_noted = |name: &str| NOTED.contains(&name);
        let noted: Vec<_> = user.attributes.extract_if(.., |name, _| is_noted(name)).collect();
        user.attributes = kept_attributes(&profile, attributes, Editor::Admin);
        user.attributes.retain(|name, _| !is_noted(name));
        user.attributes.extend(noted);
        // Not even unmanaged attributes may say it while the realm speaks one language.
        if !realm.internationalization_enabled {
            user.attributes.remove("locale");
        }
    }
    user.enabled = settings.enabled.unwrap_or(user.enabled);
    user.email_verified = settings.email_verified.unwrap_or(user.email_verified);
    if realm.registration_email_as_username && user.service_account_client.is_none() {
        user.username = user.email.clone().unwrap_or_else(|| user.username.clone());
    }
    // A service account is nobody who fills in a profile.
    let violations = if user.service_account_client.is_some() { Vec::new() } else { profile.violations(user, Editor::Admin) };
    if violations.is_empty() { Ok(()) } else { Err(ManageError::Profile(violations)) }
}

/// What a user may carry along at the most, whatever the profile allows: his document is read at every token.
fn check_bounds(attributes: &BTreeMap<String, Vec<String>>) -> Result<(), ManageError> {
    let size: usize = attributes.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>()).sum();
    if size > 64 * 1024 { Err(ManageError::too_large("The set of attributes")) } else { Ok(()) }
}

/// Name and address must not belong to somebody else.
async fn check_free(txn: &mut Txn<'_, Configuration>, realm: &Realm, old: Option<&User>, user: &User) -> Result<(), ManageError> {
    if old.is_none_or(|old| old.username != user.username) && txn.users().by_username(&realm.id, &user.username).await?.is_some() {
        return Err(ManageError::username_taken());
    }
    let Some(email) = user.email.as_ref().filter(|email| old.is_none_or(|old| old.email.as_ref() != Some(*email))) else { return Ok(()) };
    if realm.duplicate_emails_allowed {
        return Ok(());
    }
    // The index key decides between concurrent callers; the list knows those who came while the realm allowed duplicates.
    let owner = txn.users().owner_of_email(&realm.id, email).await?.is_some_and(|owner| owner != user.id);
    let others = txn.users().by_email(&realm.id, email, 2).await?.iter().any(|other| other.id != user.id);
    if owner || others { Err(ManageError::email_taken()) } else { Ok(()) }
}

/// The name and the address that a new user with these settings gets. The name is `None` if there is none.
pub(super) fn effective_names(realm: &Realm, settings: &UserSettings) -> (Option<String>, Option<String>) {
    let email = field(settings, settings.email.as_ref(), FIELDS[1])
        .map(|email| of_name(&email))
        .filter(|email| !email.is_empty());
    let username = match &settings.username {
        _ if realm.registration_email_as_username && email.is_some() => email.clone(),
        name => name.as_deref().map(of_name),
    };
    (username.filter(|name| !name.is_empty()), email)
}

/// The name and the address that `user` has after [`update`] with these settings.
pub(super) fn names_after(realm: &Realm, user: &User, settings: &UserSettings) -> (String, Option<String>) {
    let (username, email) = effective_names(realm, settings);
    let given = settings.email.is_some() || settings.attributes.is_some();
    let email = if given { email } else { user.email.clone() };
    let follows = realm.registration_email_as_username && user.service_account_client.is_none();
    let username = email.clone().filter(|_| follows).or(username).unwrap_or_else(|| user.username.clone());
    (username, email)
}

/// A field may also come as an attribute of its name; the field itself wins.
fn field(settings: &UserSettings, given: Option<&String>, name: &str) -> Option<String> {
    let text = given.or_else(|| settings.attributes.as_ref()?.get(name)?.first());
    text.map(|text| text.trim().to_owned())
}

async fn default_actions(txn: &mut Txn<'_, Configuration>, realm: &RealmId) -> Result<Vec<String>, ManageError> {
    let authentication = txn.authentication().get(realm).await?;
    let actions = authentication.required_actions.into_iter().filter(|action| action.enabled && action.default_action);
    Ok(actions.map(|action| action.alias).collect())
}

fn merged(mut actions: Vec<String>, given: Option<&[String]>) -> Vec<String> {
    add_missing(&mut actions, given.unwrap_or_default());
    actions
}

fn add_missing<T: Clone + PartialEq>(list: &mut Vec<T>, items: &[T]) {
    for item in items {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

fn note_temporary(user: &mut User, temporary: bool) {
    user.required_actions.retain(|action| action != UPDATE_PASSWORD);
    if temporary {
        user.required_actions.push(UPDATE_PASSWORD.to_owned());
    }
}

pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &UserId) -> Result<User, ManageError> {
    txn.users().get(realm, id).await?.ok_or_else(ManageError::no_user)
}

/// A change that touches neither name nor address.
async fn change(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &UserId,
    edit: impl FnOnce(&mut User) + Send,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut user = old.clone();
    edit(&mut user);
    txn.users().put(realm, &old, &user, false);
    Ok(())
}
