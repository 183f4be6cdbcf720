//! What the administration API asks of recorded events. Every given filter must match; a list matches when one of it does.

use std::net::IpAddr;

use crate::base::id::{RealmId, UserId};
use crate::model::event::{AdminEvent, EventType, Operation, Resource, UserEvent};
use crate::store::events::Page;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

use super::Audit;

/// Which user events.
#[derive(Clone, Debug, Default)]
pub struct UserEventQuery {
    /// Empty for all.
    pub types: Vec<EventType>,
    /// The public `client_id`.
    pub client: Option<String>,
    pub user: Option<UserId>,
    pub address: Option<IpAddr>,
}

/// Which admin events.
#[derive(Clone, Debug, Default)]
pub struct AdminEventQuery {
    /// Empty for all.
    pub operations: Vec<Operation>,
    /// Empty for all.
    pub resources: Vec<Resource>,
    /// `*` stands for any text: `users/*`.
    pub path: Option<String>,
    pub auth_realm: Option<RealmId>,
    pub auth_client: Option<String>,
    pub auth_user: Option<UserId>,
    pub auth_address: Option<IpAddr>,
}

impl Audit {
    /// User events of a realm, among them what was reported a moment ago.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user_events(
        &self,
        store: &Store,
        realm: &RealmId,
        query: &UserEventQuery,
        page: Page,
    ) -> Result<Vec<UserEvent>, StoreError> {
        self.flush(store).await?;
        store.peek().user_events().search(realm, page, |event| query.matches(event)).await
    }

    /// Admin events of a realm.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn admin_events(
        &self,
        store: &Store,
        realm: &RealmId,
        query: &AdminEventQuery,
        page: Page,
    ) -> Result<Vec<AdminEvent>, StoreError> {
        let events = store.peek().admin_events().search(realm, page, |event| query.matches(event)).await?;
        store.settle().await?;
        Ok(events)
    }
}

impl UserEventQuery {
    fn matches(&self, event: &UserEvent) -> bool {
        (self.types.is_empty() || self.types.contains(&event.event_type))
            && self.client.as_ref().is_none_or(|client| event.client_id.as_ref() == Some(client))
            && self.user.as_ref().is_none_or(|user| event.user_id.as_ref() == Some(user))
            && self.address.is_none_or(|address| event.ip_address == address)
    }
}

impl AdminEventQuery {
    fn matches(&self, event: &AdminEvent) -> bool {
        let by = &event.auth_details;
        (self.operations.is_empty() || self.operations.contains(&event.operation_type))
            && (self.resources.is_empty() || self.resources.contains(&event.resource_type))
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| event.resource_path.as_ref().is_some_and(|path| is_like(path, pattern)))
            && self.auth_realm.as_ref().is_none_or(|realm| by.realm_id == *realm)
            && self.auth_client.as_ref().is_none_or(|client| by.client_id.as_ref() == Some(client))
            && self.auth_user.as_ref().is_none_or(|user| by.user_id.as_ref() == Some(user))
            && self.auth_address.is_none_or(|address| by.ip_address == Some(address))
    }
}

/// Whether `text` is `pattern`, in which every `*` may be any text. Greedy without going back further than the last `*`, so the
/// time is at most the product of both lengths.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut t, mut p, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            t += 1;
            p += 1;
        } else if let Some((after, from)) = star {
            p = after + 1;
            t = from + 1;
            star = Some((after, t));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_path_is_any_text() {
        for (path, pattern) in
            [("users/1", "users/*"), ("users/1", "*"), ("users/1", "users/1"), ("users/1/groups/2", "*/groups/*"), ("ab", "a*b")]
        {
            assert!(is_like(path, pattern), "{path} {pattern}");
        }
        for (path, pattern) in [("users/1", "users/"), ("users", "users/*"), ("clients/1", "users/*"), ("", "a"), ("abc", "a*b")] {
            assert!(!is_like(path, pattern), "{path} {pattern}");
        }
    }
}
