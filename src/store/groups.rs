//! Groups: by id and by name among their siblings.

use crate::base::id::{GroupId, RealmId};
use crate::model::group::Group;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct Groups<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Groups<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &GroupId) -> Result<Option<Group>, StoreError> {
        self.reader.read(&key::group(realm, id)).await
    }

    /// The group `name` under `parent`, or at the top.
    pub async fn by_name(&mut self, realm: &RealmId, parent: Option<&GroupId>, name: &str) -> Result<Option<Group>, StoreError> {
        match self.reader.read(&key::group_by_name(realm, parent, name)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<Group>, StoreError> {
        self.reader.scan_all(&key::groups(realm)).await
    }
}

impl Groups<'_, Txn<'_, Configuration>> {
    /// The id, and the name among its siblings, must be new.
    pub fn insert(&mut self, realm: &RealmId, group: &Group) {
        self.reader.insert(&key::group(realm, &group.id), group);
        self.reader.insert(&key::group_by_name(realm, group.parent.as_ref(), &group.name), &group.id);
    }

    pub fn put(&mut self, realm: &RealmId, old: &Group, group: &Group) {
        if (&old.parent, &old.name) != (&group.parent, &group.name) {
            self.reader.delete(&key::group_by_name(realm, old.parent.as_ref(), &old.name));
            self.reader.insert(&key::group_by_name(realm, group.parent.as_ref(), &group.name), &group.id);
        }
        self.reader.put(&key::group(realm, &group.id), group);
    }

    pub fn delete(&mut self, realm: &RealmId, group: &Group) {
        self.reader.delete(&key::group_by_name(realm, group.parent.as_ref(), &group.name));
        self.reader.delete(&key::group(realm, &group.id));
    }
}
