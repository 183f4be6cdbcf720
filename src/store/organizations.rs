//! Organizations: by id, name, alias and domain; their members by user name, their groups and invitations. Memberships stand in
//! the users' documents; the list of members and their number follow from those ([`super::users`]).

use crate::base::id::{GroupId, InvitationId, OrganizationId, RealmId, UserId};
use crate::model::group::Group;
use crate::model::organization::{Invitation, Organization};
use crate::model::user::User;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Peek, Reader, Txn};

pub struct Organizations<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Organizations<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &OrganizationId) -> Result<Option<Organization>, StoreError> {
        self.reader.read(&key::organization(realm, id)).await
    }

    pub async fn by_name(&mut self, realm: &RealmId, name: &str) -> Result<Option<Organization>, StoreError> {
        match self.reader.read(&key::organization_by_name(realm, name)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    pub async fn by_alias(&mut self, realm: &RealmId, alias: &str) -> Result<Option<Organization>, StoreError> {
        match self.reader.read(&key::organization_by_alias(realm, alias)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    /// `domain` in lower case.
    pub async fn by_domain(&mut self, realm: &RealmId, domain: &str) -> Result<Option<Organization>, StoreError> {
        match self.reader.read(&key::organization_by_domain(realm, domain)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    /// At most `limit` names after `after`, sorted, each with its organization.
    pub async fn names(&mut self, realm: &RealmId, after: Option<&str>, limit: usize) -> Result<Vec<(String, OrganizationId)>, StoreError> {
        self.reader.scan(&key::organizations_by_name(realm), after, limit).await
    }

    /// At most `limit` user names of members after `after`, sorted, each with its user.
    pub async fn members(
        &mut self,
        realm: &RealmId,
        id: &OrganizationId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, UserId)>, StoreError> {
        self.reader.scan(&key::organization_members(realm, id), after, limit).await
    }

    pub async fn group(&mut self, realm: &RealmId, id: &OrganizationId, group: &GroupId) -> Result<Option<Group>, StoreError> {
        self.reader.read(&key::organization_group(realm, id, group)).await
    }

    /// The group `name` under `parent`, or at the top.
    pub async fn group_by_name(
        &mut self,
        realm: &RealmId,
        id: &OrganizationId,
        parent: Option<&GroupId>,
        name: &str,
    ) -> Result<Option<Group>, StoreError> {
        match self.reader.read(&key::organization_group_by_name(realm, id, parent, name)).await? {
            Some(group) => self.group(realm, id, &group).await,
            None => Ok(None),
        }
    }

    pub async fn groups(&mut self, realm: &RealmId, id: &OrganizationId) -> Result<Vec<Group>, StoreError> {
        self.reader.scan_all(&key::organization_groups(realm, id)).await
    }

    pub async fn invitation(
        &mut self,
        realm: &RealmId,
        id: &OrganizationId,
        invitation: &InvitationId,
    ) -> Result<Option<Invitation>, StoreError> {
        self.reader.read(&key::organization_invitation(realm, id, invitation)).await
    }

    pub async fn invitations(&mut self, realm: &RealmId, id: &OrganizationId) -> Result<Vec<Invitation>, StoreError> {
        self.reader.scan_all(&key::organization_invitations(realm, id)).await
    }
}

impl Peek<'_> {
    /// How many organizations the realm has.
    ///
    /// # Errors
    /// When the engine failed.
    pub async fn organization_count(&self, realm: &RealmId) -> Result<i64, StoreError> {
        self.count(&key::organization_count(realm)).await
    }

    /// How many members the organization has.
    ///
    /// # Errors
    /// When the engine failed.
    pub async fn organization_member_count(&self, realm: &RealmId, id: &OrganizationId) -> Result<i64, StoreError> {
        self.count(&key::organization_member_count(realm, id)).await
    }
}

impl Organizations<'_, Txn<'_, Configuration>> {
    /// Id, name, alias and domains must be new.
    pub fn insert(&mut self, realm: &RealmId, organization: &Organization) {
        let id = &organization.id;
        self.reader.insert(&key::organization(realm, id), organization);
        self.reader.insert(&key::organization_by_name(realm, &organization.name), id);
        self.reader.insert(&key::organization_by_alias(realm, &organization.alias), id);
        for domain in &organization.domains {
            self.reader.insert(&key::organization_by_domain(realm, &domain.name), id);
        }
        self.reader.add(&key::organization_count(realm), 1);
    }

    /// Writes a changed organization; `old` is what was read, so that name and domains move their keys.
    pub fn put(&mut self, realm: &RealmId, old: &Organization, organization: &Organization) {
        let id = &organization.id;
        if old.name != organization.name {
            self.reader.delete(&key::organization_by_name(realm, &old.name));
            self.reader.insert(&key::organization_by_name(realm, &organization.name), id);
        }
        for domain in old.domains.iter().filter(|domain| organization.domain(&domain.name).is_none()) {
            self.reader.delete(&key::organization_by_domain(realm, &domain.name));
        }
        for domain in organization.domains.iter().filter(|domain| old.domain(&domain.name).is_none()) {
            self.reader.insert(&key::organization_by_domain(realm, &domain.name), id);
        }
        self.reader.put(&key::organization(realm, id), organization);
    }

    /// Takes it away with its names. Members, groups and invitations are left for [`Self::clear`].
    pub fn delete(&mut self, realm: &RealmId, organization: &Organization) {
        self.reader.delete(&key::organization(realm, &organization.id));
        self.reader.delete(&key::organization_by_name(realm, &organization.name));
        self.reader.delete(&key::organization_by_alias(realm, &organization.alias));
        for domain in &organization.domains {
            self.reader.delete(&key::organization_by_domain(realm, &domain.name));
        }
        self.reader.add(&key::organization_count(realm), -1);
    }

    /// Removes up to `limit` each of the groups and invitations that a deleted organization left; whether that was all.
    ///
    /// # Errors
    /// When the engine failed.
    pub async fn clear(&mut self, realm: &RealmId, id: &OrganizationId, limit: usize) -> Result<bool, StoreError> {
        let groups = self.reader.scan(&key::organization_groups(realm, id), None, limit).await?;
        let invitations = self.reader.scan(&key::organization_invitations(realm, id), None, limit).await?;
        let all = groups.len() < limit && invitations.len() < limit;
        for (_, group) in &groups {
            self.delete_group(realm, id, group);
        }
        for (_, invitation) in &invitations {
            self.delete_invitation(realm, invitation);
        }
        if all {
            self.reader.forget(&key::organization_member_count(realm, id));
        }
        Ok(all)
    }

    /// The id, and the name among its siblings, must be new.
    pub fn insert_group(&mut self, realm: &RealmId, id: &OrganizationId, group: &Group) {
        self.reader.insert(&key::organization_group(realm, id, &group.id), group);
        self.reader.insert(&key::organization_group_by_name(realm, id, group.parent.as_ref(), &group.name), &group.id);
    }

    pub fn put_group(&mut self, realm: &RealmId, id: &OrganizationId, old: &Group, group: &Group) {
        if (&old.parent, &old.name) != (&group.parent, &group.name) {
            self.reader.delete(&key::organization_group_by_name(realm, id, old.parent.as_ref(), &old.name));
            self.reader.insert(&key::organization_group_by_name(realm, id, group.parent.as_ref(), &group.name), &group.id);
        }
        self.reader.put(&key::organization_group(realm, id, &group.id), group);
    }

    pub fn delete_group(&mut self, realm: &RealmId, id: &OrganizationId, group: &Group) {
        self.reader.delete(&key::organization_group_by_name(realm, id, group.parent.as_ref(), &group.name));
        self.reader.delete(&key::organization_group(realm, id, &group.id));
    }

    pub fn insert_invitation(&mut self, realm: &RealmId, invitation: &Invitation) {
        self.reader.insert(&key::organization_invitation(realm, &invitation.organization, &invitation.id), invitation);
    }

    pub fn delete_invitation(&mut self, realm: &RealmId, invitation: &Invitation) {
        self.reader.delete(&key::organization_invitation(realm, &invitation.organization, &invitation.id));
    }

    /// Takes a name off the list of members behind which there is no membership.
    pub fn strike(&mut self, realm: &RealmId, id: &OrganizationId, username: &str) {
        self.reader.delete(&key::organization_member(realm, id, username));
    }

    /// Moves a user in the lists of members from where `old` stood to where `new` stands.
    pub(super) fn follow(&mut self, realm: &RealmId, old: Option<&User>, new: Option<&User>) {
        let memberships = |user: Option<&User>| -> Vec<(OrganizationId, String)> {
            let of = |user: &User| user.organizations.iter().map(|one| (one.organization.clone(), user.username.clone())).collect();
            user.map(of).unwrap_or_default()
        };
        let (before, after) = (memberships(old), memberships(new));
        for (organization, username) in before.iter().filter(|one| !after.contains(one)) {
            self.reader.delete(&key::organization_member(realm, organization, username));
            self.reader.add(&key::organization_member_count(realm, organization), -1);
        }
        let Some(user) = new else { return };
        for (organization, username) in after.iter().filter(|one| !before.contains(one)) {
            self.reader.insert(&key::organization_member(realm, organization, username), &user.id);
            self.reader.add(&key::organization_member_count(realm, organization), 1);
        }
    }
}
