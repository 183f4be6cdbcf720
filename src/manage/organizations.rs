//! Organizations: unique by name, alias and domain; who belongs to them; which identity providers are theirs. A membership
//! stands in the user's document, so it ends with him, and what tokens say of it needs no search.

use std::collections::BTreeMap;

use crate::base::env::Env;
use crate::base::id::{OrganizationId, RealmId, UserId};
use crate::base::spelling::of_name;
use crate::model::identity_provider::IdentityProvider;
use crate::model::organization::{Membership, MembershipType, Organization, OrganizationDomain};
use crate::model::user::User;
use crate::store::txn::{Configuration, Reader, Txn};
use crate::store::{Store, StoreError};

use super::error::ManageError;
use super::{jobs, realms, user_search, users};

/// Documents that one step of a search reads.
const STEP: usize = 500;
/// An identity provider's configuration of the domain for whose users it stands.
const PROVIDER_DOMAIN: &str = "kc.org.domain";

/// What an organization is to become. What is absent is removed, except attributes and the alias.
#[derive(Clone, Debug, Default)]
pub struct OrganizationSettings {
    pub name: Option<String>,
    /// The name where a new organization has none.
    pub alias: Option<String>,
    pub enabled: Option<bool>,
    pub description: Option<String>,
    pub redirect_url: Option<String>,
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    pub domains: Vec<OrganizationDomain>,
}

/// Which organizations are asked for. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct OrganizationQuery {
    /// A part of the name or of a domain; the whole of one with `exact`.
    pub search: Option<String>,
    pub exact: bool,
    /// By [`user_search::attributes`].
    pub attributes: Vec<(String, String)>,
}

/// Which members of an organization are asked for.
#[derive(Clone, Debug, Default)]
pub struct MemberQuery {
    /// A part of user name, address, first or last name; the whole of one with `exact`.
    pub search: Option<String>,
    pub exact: bool,
    pub membership_type: Option<MembershipType>,
}

/// Creates an organization.
///
/// # Errors
/// No such realm, no name, name, alias or a domain are taken or cannot be one.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    settings: &OrganizationSettings,
) -> Result<Organization, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let organization = made(OrganizationId::random(env.random()), settings)?;
    if txn.organizations().by_name(&realm.id, &organization.name).await?.is_some() {
        return Err(ManageError::organization_exists());
    }
    if txn.organizations().by_alias(&realm.id, &organization.alias).await?.is_some() {
        return Err(ManageError::organization_alias_exists());
    }
    for domain in &organization.domains {
        check_domain_free(txn, (&realm.id, &realm.name), &organization.id, &domain.name).await?;
    }
    txn.organizations().insert(&realm.id, &organization);
    Ok(organization)
}

/// The organization that the settings make, as far as they say by themselves.
///
/// # Errors
/// No name, or something that cannot be one.
pub(super) fn made(id: OrganizationId, settings: &OrganizationSettings) -> Result<Organization, ManageError> {
    let name = checked_name(settings.name.as_deref())?;
    let alias = settings.alias.clone().filter(|alias| !alias.trim().is_empty()).unwrap_or_else(|| name.clone());
    check_alias(&alias)?;
    Ok(Organization {
        id,
        enabled: settings.enabled.unwrap_or(true),
        description: settings.description.clone(),
        redirect_url: checked_url(settings.redirect_url.as_deref())?,
        attributes: checked_attributes(settings.attributes.clone().unwrap_or_default())?,
        domains: checked_domains(&settings.domains)?,
        name,
        alias,
    })
}

/// Changes an organization. The alias stays, because tokens and scopes name it.
///
/// # Errors
/// No such organization, no name, another alias, name or a domain are taken.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &OrganizationId,
    settings: &OrganizationSettings,
) -> Result<(), ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let old = existing(txn, &realm.id, id).await?;
    let name = checked_name(settings.name.as_deref())?;
    if settings.alias.as_ref().is_some_and(|alias| *alias != old.alias) {
        return Err(ManageError::organization_alias_changed());
    }
    if name != old.name && txn.organizations().by_name(&realm.id, &name).await?.is_some() {
        return Err(ManageError::organization_exists());
    }
    let organization = Organization {
        name,
        enabled: settings.enabled.unwrap_or(true),
        description: settings.description.clone(),
        redirect_url: checked_url(settings.redirect_url.as_deref())?,
        attributes: checked_attributes(settings.attributes.clone().unwrap_or_else(|| old.attributes.clone()))?,
        domains: checked_domains(&settings.domains)?,
        ..old.clone()
    };
    for domain in organization.domains.iter().filter(|domain| old.domain(&domain.name).is_none()) {
        check_domain_free(txn, (&realm.id, &realm.name), id, &domain.name).await?;
    }
    // A provider must not stand for a domain that its organization gave up.
    for mut provider in providers(txn, &realm.id, id).await? {
        let gone = |domain: &String| old.domain(domain).is_some() && organization.domain(domain).is_none();
        if provider.config.get(PROVIDER_DOMAIN).is_some_and(gone) {
            provider.config.remove(PROVIDER_DOMAIN);
            txn.identity_providers().put(&realm.id, &provider);
        }
    }
    txn.organizations().put(&realm.id, &old, &organization);
    Ok(())
}

/// Deletes an organization. Its members may be too many for one transaction: a membership that is left in a user means nothing,
/// and a job takes it away, and managed members with it.
///
/// # Errors
/// No such organization.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &OrganizationId) -> Result<(), ManageError> {
    let organization = existing(txn, realm, id).await?;
    for mut provider in providers(txn, realm, id).await? {
        release(&mut provider);
        txn.identity_providers().put(realm, &provider);
    }
    txn.organizations().delete(realm, &organization);
    jobs::disband(txn, realm, id);
    Ok(())
}

/// The organization with this id.
///
/// # Errors
/// There is none.
pub async fn existing(reader: &mut impl Reader, realm: &RealmId, id: &OrganizationId) -> Result<Organization, ManageError> {
    reader.organizations().get(realm, id).await?.ok_or_else(ManageError::no_organization)
}

/// The organizations that `query` asks for, by name.
///
/// # Errors
/// When the store fails.
pub async fn find(
    reader: &mut impl Reader,
    realm: &RealmId,
    query: &OrganizationQuery,
    (first, max): (usize, Option<usize>),
) -> Result<Vec<Organization>, StoreError> {
    let max = max.unwrap_or(usize::MAX);
    let (mut found, mut skipped, mut after) = (Vec::new(), 0, None::<String>);
    while found.len() < max {
        let names = reader.organizations().names(realm, after.as_deref(), STEP).await?;
        let full = names.len() == STEP;
        after = names.last().map(|(name, _)| name.clone());
        for (_, id) in names {
            if found.len() == max {
                break;
            }
            // Without a question the names alone say what comes before the page.
            if query.is_everything() && skipped < first {
                skipped += 1;
                continue;
            }
            match reader.organizations().get(realm, &id).await?.filter(|one| query.matches(one)) {
                Some(_) if skipped < first => skipped += 1,
                one => found.extend(one),
            }
        }
        if !full {
            break;
        }
    }
    Ok(found)
}

/// How many organizations match; the number of all is kept, not counted.
///
/// # Errors
/// When the store fails.
pub async fn count(store: &Store, realm: &RealmId, query: &OrganizationQuery) -> Result<usize, StoreError> {
    if query.is_everything() {
        return Ok(usize::try_from(store.peek().organization_count(realm).await?).unwrap_or(0));
    }
    Ok(find(&mut store.peek(), realm, query, (0, None)).await?.len())
}

/// The organizations of a user, by name.
///
/// # Errors
/// When the store fails.
pub async fn of_user(reader: &mut impl Reader, realm: &RealmId, user: &User) -> Result<Vec<Organization>, StoreError> {
    let mut found = Vec::with_capacity(user.organizations.len());
    for membership in &user.organizations {
        found.extend(reader.organizations().get(realm, &membership.organization).await?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Makes a user a member.
///
/// # Errors
/// No such organization or user, he is a member already.
pub async fn add_member(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &OrganizationId,
    user: &UserId,
    membership_type: MembershipType,
) -> Result<User, ManageError> {
    hold(txn, realm, id).await?;
    let old = txn.users().get(realm, user).await?.ok_or_else(ManageError::no_user_to_add)?;
    if membership(&old, id).is_some() {
        return Err(ManageError::member_already());
    }
    let mut user = old.clone();
    user.organizations.push(Membership { organization: id.clone(), membership_type, groups: Vec::new() });
    txn.users().put(realm, &old, &user, false);
    Ok(user)
}

/// Ends a membership. The account of a managed member is the organization's, so it goes.
///
/// # Errors
/// No such organization, he is no member.
pub async fn remove_member(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &OrganizationId,
    user: &UserId,
) -> Result<(), ManageError> {
    existing(txn, realm, id).await?;
    let user = member(txn, realm, id, user).await?;
    part(txn, realm, id, &user).await
}

/// A member of the organization.
///
/// # Errors
/// He is none.
pub async fn member(reader: &mut impl Reader, realm: &RealmId, id: &OrganizationId, user: &UserId) -> Result<User, ManageError> {
    let user = reader.users().get(realm, user).await?;
    user.filter(|user| membership(user, id).is_some()).ok_or_else(ManageError::no_member)
}

/// The members that `query` asks for, by user name.
///
/// # Errors
/// When the store fails.
pub async fn find_members(
    reader: &mut impl Reader,
    (realm, id): (&RealmId, &OrganizationId),
    query: &MemberQuery,
    (first, max): (usize, Option<usize>),
) -> Result<Vec<User>, StoreError> {
    let max = max.unwrap_or(usize::MAX);
    let (mut found, mut skipped, mut after) = (Vec::new(), 0, None::<String>);
    while found.len() < max {
        let names = reader.organizations().members(realm, id, after.as_deref(), STEP).await?;
        let full = names.len() == STEP;
        after = names.last().map(|(name, _)| name.clone());
        for (_, user) in names {
            if found.len() == max {
                break;
            }
            if query.is_everybody() && skipped < first {
                skipped += 1;
                continue;
            }
            match reader.users().get(realm, &user).await?.filter(|user| query.matches(user, id)) {
                Some(_) if skipped < first => skipped += 1,
                user => found.extend(user),
            }
        }
        if !full {
            break;
        }
    }
    Ok(found)
}

/// The user's place in the organization.
pub fn membership<'u>(user: &'u User, id: &OrganizationId) -> Option<&'u Membership> {
    user.organizations.iter().find(|membership| membership.organization == *id)
}

/// The identity providers of the organization, by alias.
///
/// # Errors
/// When the store fails.
pub async fn providers(reader: &mut impl Reader, realm: &RealmId, id: &OrganizationId) -> Result<Vec<IdentityProvider>, StoreError> {
    let mut providers = reader.identity_providers().list(realm).await?;
    providers.retain(|provider| provider.organization_id.as_deref() == Some(id.as_str()));
    Ok(providers)
}

/// Gives an identity provider, by alias or internal id, to the organization.
///
/// # Errors
/// No such organization or provider, it belongs to this organization or to another one.
pub async fn link_provider(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &OrganizationId, name: &str) -> Result<(), ManageError> {
    hold(txn, realm, id).await?;
    let provider = match txn.identity_providers().by_alias(realm, name).await? {
        None => {
            let all = txn.identity_providers().list(realm).await?;
            let alias = all.into_iter().find(|provider| provider.internal_id == name).map(|provider| provider.alias);
            txn.identity_providers().by_alias(realm, &alias.unwrap_or_default()).await?
        }
        found => found,
    };
    let mut provider = provider.ok_or_else(ManageError::no_provider_to_link)?;
    match provider.organization_id.as_deref().filter(|owner| !owner.is_empty()) {
        Some(owner) if owner == id.as_str() => Err(ManageError::provider_linked_already()),
        Some(_) => Err(ManageError::provider_of_another_organization()),
        None => {
            provider.organization_id = Some(id.to_string());
            txn.identity_providers().put(realm, &provider);
            Ok(())
        }
    }
}

/// Takes an identity provider from the organization; the provider stays.
///
/// # Errors
/// It is not the organization's.
pub async fn unlink_provider(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &OrganizationId,
    alias: &str,
) -> Result<(), ManageError> {
    let provider = txn.identity_providers().by_alias(realm, alias).await?;
    let provider = provider.filter(|provider| provider.organization_id.as_deref() == Some(id.as_str()));
    let mut provider = provider.ok_or_else(ManageError::no_provider_to_unlink)?;
    release(&mut provider);
    txn.identity_providers().put(realm, &provider);
    Ok(())
}

/// Ends the membership of `user`, as it was read in this transaction.
pub(super) async fn part(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &OrganizationId, user: &User) -> Result<(), ManageError> {
    if membership(user, id).is_some_and(|membership| membership.membership_type == MembershipType::Managed) {
        return users::delete(txn, realm, &user.id).await.map(drop);
    }
    let mut parted = user.clone();
    parted.organizations.retain(|membership| membership.organization != *id);
    txn.users().put(realm, user, &parted, false);
    Ok(())
}

/// Makes a concurrent deletion of the organization, which cannot see what is being added to it, lose or win as a whole: the
/// commit fails if the document was changed since it was read here.
pub(super) async fn hold(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &OrganizationId) -> Result<(), ManageError> {
    existing(txn, realm, id).await.map(|_| ())
}

fn release(provider: &mut IdentityProvider) {
    provider.organization_id = None;
    provider.config.retain(|key, _| !key.starts_with("kc.org."));
}

impl OrganizationQuery {
    fn is_everything(&self) -> bool {
        self.search.is_none() && self.attributes.is_empty()
    }

    fn matches(&self, organization: &Organization) -> bool {
        let has = |key: &str, value: &str| organization.attributes.get(key).is_some_and(|values| values.iter().any(|one| one == value));
        let mut texts = std::iter::once(&organization.name).chain(organization.domains.iter().map(|domain| &domain.name));
        let found = self.search.as_deref().is_none_or(|search| {
            texts.any(|text| if self.exact { text == search } else { text.to_lowercase().contains(&search.to_lowercase()) })
        });
        found && self.attributes.iter().all(|(key, value)| has(key, value))
    }
}

impl MemberQuery {
    fn is_everybody(&self) -> bool {
        self.search.is_none() && self.membership_type.is_none()
    }

    fn matches(&self, user: &User, organization: &OrganizationId) -> bool {
        let Some(membership) = membership(user, organization) else { return false };
        self.membership_type.is_none_or(|wanted| wanted == membership.membership_type)
            && self.search.as_deref().is_none_or(|search| user_search::has_text(user, search, self.exact))
    }
}

fn checked_name(name: Option<&str>) -> Result<String, ManageError> {
    match name {
        Some(name) if name.len() > 255 => Err(ManageError::too_large("Organization name")),
        Some(name) if !name.trim().is_empty() => Ok(name.to_owned()),
        _ => Err(ManageError::organization_name_missing()),
    }
}

/// It becomes a part of scopes, which have no such characters (RFC 6749 §3.3).
fn check_alias(alias: &str) -> Result<(), ManageError> {
    if alias.len() > 255 {
        return Err(ManageError::too_large("Organization alias"));
    }
    match alias.chars().find(|c| c.is_control() || matches!(c, '"' | '\\' | '*' | '/')) {
        Some(character) => Err(ManageError::reserved_character(character)),
        None => Ok(()),
    }
}

/// A browser is sent there: nothing but the web.
fn checked_url(url: Option<&str>) -> Result<Option<String>, ManageError> {
    let Some(url) = url.filter(|url| !url.trim().is_empty()) else { return Ok(None) };
    let lower = url.to_ascii_lowercase();
    let is_web = lower.starts_with("https://") || lower.starts_with("http://");
    if !is_web || url.len() > 2048 || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(ManageError::organization_redirect_url());
    }
    Ok(Some(url.to_owned()))
}

fn checked_attributes(attributes: BTreeMap<String, Vec<String>>) -> Result<BTreeMap<String, Vec<String>>, ManageError> {
    let size: usize = attributes.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>()).sum();
    if size > 64 * 1024 { Err(ManageError::too_large("The set of attributes")) } else { Ok(attributes) }
}

/// Blank names count for nothing; of one name the last entry wins, as in a map.
fn checked_domains(domains: &[OrganizationDomain]) -> Result<Vec<OrganizationDomain>, ManageError> {
    let mut checked: BTreeMap<String, bool> = BTreeMap::new();
    for domain in domains.iter().filter(|domain| !domain.name.trim().is_empty()) {
        let name = of_name(&domain.name);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // `*.example.org` stands for everything below it.
        if name.len() > 253 || !name.strip_prefix("*.").unwrap_or(&name).split('.').all(is_label) {
            return Err(ManageError::organization_domain_invalid(&domain.name));
        }
        checked.insert(name, domain.verified);
    }
    if checked.len() > 1000 {
        return Err(ManageError::too_large("The list of domains"));
    }
    Ok(checked.into_iter().map(|(name, verified)| OrganizationDomain { name, verified }).collect())
}

async fn check_domain_free(
    txn: &mut Txn<'_, Configuration>,
    (realm, realm_name): (&RealmId, &str),
    id: &OrganizationId,
    domain: &str,
) -> Result<(), ManageError> {
    match txn.organizations().by_domain(realm, domain).await? {
        Some(owner) if owner.id != *id => Err(ManageError::organization_domain_taken(domain, &owner.name, realm_name)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(names: &[&str]) -> Result<Vec<String>, ManageError> {
        let given: Vec<_> = names.iter().map(|name| OrganizationDomain { name: (*name).to_owned(), verified: false }).collect();
        Ok(checked_domains(&given)?.into_iter().map(|domain| domain.name).collect())
    }

    #[test]
    fn domains_are_host_names_in_one_spelling() {
        assert_eq!(
            domains(&["B.Example", " ", "a.example", "*.c.example", "b.example"]).unwrap(),
            ["*.c.example", "a.example", "b.example"]
        );
        for wrong in ["a b", "a..b", "-a.b", "a/b", "a@b.c", &"a".repeat(64)] {
            assert!(domains(&[wrong]).is_err(), "{wrong:.20}");
        }
    }

    #[test]
    fn aliases_and_addresses_are_what_scopes_and_browsers_can_carry() {
        assert!(check_alias("acme.org-1").is_ok());
        for wrong in ["a*", "a/b", "a\"b", "a\nb", &"a".repeat(256)] {
            assert!(check_alias(wrong).is_err(), "{wrong:.20}");
        }
        for wrong in ["javascript:alert(1)", "/home", "https://a b", "data:text/html,x"] {
            assert!(checked_url(Some(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(checked_url(Some(" ")).unwrap(), None);
        assert!(checked_url(Some("https://acme.example/welcome")).unwrap().is_some());
    }
}
