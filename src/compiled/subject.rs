//! The user whom a token is about. A service account asks for many tokens and hardly ever changes, so it is kept beside its
//! compiled client while nothing about the users of its realm changed.

use std::sync::{Arc, PoisonError, RwLock};

use crate::base::id::{GroupId, RealmId};
use crate::model::group::Group;
use crate::model::organization::Organization;
use crate::model::user::User;
use crate::store::txn::Reader;
use crate::store::{Store, StoreError};

use super::roles::RoleSet;
use super::{CompiledClient, CompiledRealm};

/// Levels of groups in an organization that a path shows.
const MAX_DEPTH: usize = 100;

/// The user of a token with what is known of him besides his document.
#[derive(Clone, Debug)]
pub struct Subject {
    pub user: User,
    /// His groups and all their ancestors, in no order.
    pub groups: Vec<Group>,
    /// The enabled organizations that he belongs to, by alias.
    pub organizations: Vec<Belonging>,
}

/// An organization of a user, with the paths of his groups in it.
#[derive(Clone, Debug)]
pub struct Belonging {
    pub organization: Organization,
    pub groups: Vec<String>,
}

impl Subject {
    /// Reads the groups of `user` and their ancestors. A group that is gone is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(reader: &mut impl Reader, realm: &RealmId, user: User) -> Result<Self, StoreError> {
        let mut groups: Vec<Group> = Vec::new();
        let mut pending = user.groups.clone();
        while let Some(id) = pending.pop() {
            if groups.iter().any(|group| group.id == id) {
                continue;
            }
            if let Some(group) = reader.groups().get(realm, &id).await? {
                pending.extend(group.parent.clone());
                groups.push(group);
            }
        }
        let mut organizations = Vec::with_capacity(user.organizations.len());
        for membership in &user.organizations {
            let organization = reader.organizations().get(realm, &membership.organization).await?;
            let Some(organization) = organization.filter(|organization| organization.enabled) else { continue };
            let mut paths = Vec::with_capacity(membership.groups.len());
            for group in &membership.groups {
                paths.extend(path(reader, realm, &organization, group).await?);
            }
            organizations.push(Belonging { organization, groups: paths });
        }
        organizations.sort_by(|a, b| a.organization.alias.cmp(&b.organization.alias));
        Ok(Self { user, groups, organizations })
    }

    /// All roles of the user: his own, those of his groups and their ancestors, and what they include.
    pub fn roles(&self, realm: &CompiledRealm) -> RoleSet {
        realm.roles.expand(self.user.roles.iter().chain(self.groups.iter().flat_map(|group| &group.roles)))
    }
}

/// The path of a group of an organization; `None` when it is gone.
async fn path(
    reader: &mut impl Reader,
    realm: &RealmId,
    organization: &Organization,
    group: &GroupId,
) -> Result<Option<String>, StoreError> {
    let (mut path, mut next) = (String::new(), Some(group.clone()));
    // Bounded: a circle, which no rule lets in, must not hang whoever looks.
    for _ in 0..MAX_DEPTH {
        let Some(id) = next else { return Ok(Some(path)) };
        let Some(group) = reader.organizations().group(realm, &organization.id, &id).await? else { return Ok(None) };
        path.insert_str(0, &format!("/{}", group.name));
        next = group.parent;
    }
    Ok(None)
}

/// The service account of a client as it was read at an epoch of its realm's users. Groups are compiled, so their changes
/// replace the client and this with it.
#[derive(Default)]
pub(super) struct KnownServiceAccount(RwLock<Option<(u64, Arc<Subject>)>>);

impl CompiledClient {
    /// The user in whose name the client asks for itself, current as of the call. `None`: it has none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn service_account(&self, store: &Store, realm: &CompiledRealm) -> Result<Option<Arc<Subject>>, StoreError> {
        // The epoch is taken before the read: whatever changes during it leaves what is kept stale.
        let epoch = store.users_epoch(realm.id());
        if let Some((at, known)) = &*self.known_service_account.0.read().unwrap_or_else(PoisonError::into_inner)
            && *at == epoch
        {
            return Ok(Some(Arc::clone(known)));
        }
        // Boxed, because hardly a request has to read it.
        let Some(subject) = Box::pin(self.read_service_account(store, realm)).await?.map(Arc::new) else { return Ok(None) };
        *self.known_service_account.0.write().unwrap_or_else(PoisonError::into_inner) = Some((epoch, Arc::clone(&subject)));
        Ok(Some(subject))
    }

    async fn read_service_account(&self, store: &Store, realm: &CompiledRealm) -> Result<Option<Subject>, StoreError> {
        let mut peek = store.peek();
        let Some(user) = peek.users().service_account(realm.id(), &self.client.id).await? else { return Ok(None) };
        Subject::load(&mut peek, realm.id(), user).await.map(Some)
    }
}
