//! What was recorded, newest first: user events beside the sessions, admin events beside what they tell of.

use crate::base::clock::Timestamp;
use crate::base::id::RealmId;
use crate::model::event::{AdminEvent, EventId, UserEvent};

use super::StoreError;
use super::key::{self, Prefix};
use super::txn::{Configuration, DataClass, Document, Reader, Sessions, Txn};

/// Rows that one step of a search reads.
const STEP: usize = 500;

/// What a search is after; a date without a bound is open. `first` skips, `max` limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// The earliest moment.
    pub from: Option<Timestamp>,
    /// The latest moment.
    pub to: Option<Timestamp>,
    pub first: usize,
    pub max: usize,
    pub direction: Direction,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    #[default]
    NewestFirst,
    /// Costs a look at every event up to `to`, because they are stored the other way round.
    OldestFirst,
}

impl Default for Page {
    fn default() -> Self {
        Self { from: None, to: None, first: 0, max: 100, direction: Direction::NewestFirst }
    }
}

pub struct UserEvents<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> UserEvents<'_, R> {
    /// The events that are `wanted`, page by page.
    pub async fn search(
        &mut self,
        realm: &RealmId,
        page: Page,
        wanted: impl Fn(&UserEvent) -> bool + Send,
    ) -> Result<Vec<UserEvent>, StoreError> {
        search(self.reader, &key::user_events(realm), page, |event| event.time, wanted).await
    }

    /// At most `limit` ids of events up to `until`, newest first.
    pub async fn up_to(&mut self, realm: &RealmId, until: Option<Timestamp>, limit: usize) -> Result<Vec<EventId>, StoreError> {
        up_to(self.reader, &key::user_events(realm), until, limit, |event| event.id).await
    }
}

impl UserEvents<'_, Txn<'_, Sessions>> {
    pub fn put(&mut self, event: &UserEvent) {
        self.reader.put(&key::user_event(&event.realm_id, &event.id), event);
    }

    pub fn delete(&mut self, realm: &RealmId, id: &EventId) {
        self.reader.delete(&key::user_event(realm, id));
    }
}

pub struct AdminEvents<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> AdminEvents<'_, R> {
    /// The events that are `wanted`, page by page.
    pub async fn search(
        &mut self,
        realm: &RealmId,
        page: Page,
        wanted: impl Fn(&AdminEvent) -> bool + Send,
    ) -> Result<Vec<AdminEvent>, StoreError> {
        search(self.reader, &key::admin_events(realm), page, |event| event.time, wanted).await
    }

    /// At most `limit` ids of events up to `until`, newest first.
    pub async fn up_to(&mut self, realm: &RealmId, until: Option<Timestamp>, limit: usize) -> Result<Vec<EventId>, StoreError> {
        up_to(self.reader, &key::admin_events(realm), until, limit, |event| event.id).await
    }
}

impl AdminEvents<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, event: &AdminEvent) {
        self.reader.put(&key::admin_event(&event.realm_id, &event.id), event);
    }

    pub fn delete(&mut self, realm: &RealmId, id: &EventId) {
        self.reader.delete(&key::admin_event(realm, id));
    }
}

async fn search<C: DataClass, T: Document>(
    reader: &mut impl Reader,
    prefix: &Prefix<C, T>,
    page: Page,
    time: impl Fn(&T) -> Timestamp + Send,
    wanted: impl Fn(&T) -> bool + Send,
) -> Result<Vec<T>, StoreError> {
    let oldest_first = page.direction == Direction::OldestFirst;
    let end = page.first.saturating_add(page.max);
    let mut found = std::collections::VecDeque::new();
    let mut after = page.to.map(EventId::after);
    'steps: while oldest_first || found.len() < end {
        let rows = reader.scan(prefix, after.as_deref(), STEP).await?;
        let full = rows.len() == STEP;
        after = rows.last().map(|(key, _)| key.clone());
        for (_, event) in rows {
            if page.from.is_some_and(|from| time(&event) < from) {
                break 'steps;
            }
            if wanted(&event) {
                found.push_back(event);
            }
            // Only the oldest ones will be asked for.
            if oldest_first && found.len() > end {
                found.pop_front();
            }
        }
        if !full {
            break;
        }
    }
    let page_of = |events: &mut dyn Iterator<Item = T>| events.skip(page.first).take(page.max).collect();
    Ok(if oldest_first { page_of(&mut found.into_iter().rev()) } else { page_of(&mut found.into_iter()) })
}

async fn up_to<C: DataClass, T: Document>(
    reader: &mut impl Reader,
    prefix: &Prefix<C, T>,
    until: Option<Timestamp>,
    limit: usize,
    id: impl Fn(&T) -> EventId + Send,
) -> Result<Vec<EventId>, StoreError> {
    let after = until.map(EventId::after);
    let rows = reader.scan(prefix, after.as_deref(), limit).await?;
    Ok(rows.iter().map(|(_, event)| id(event)).collect())
}
