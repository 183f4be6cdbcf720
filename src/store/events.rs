//! What was recorded, newest first: user events beside the sessions, several in one document, and admin events beside what
//! they tell of, each in its own.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::RealmId;
use crate::model::event::{AdminEvent, EventId, UserEvent};

use super::key::{self, Prefix};
use super::txn::{Configuration, DataClass, Document, Reader, Sessions, Txn};
use super::{Store, StoreError};

/// Rows that one step of a search reads.
const STEP: usize = 100;
/// Events that are stored together. In documents of their own three quarters of what an event costs would be the store's.
const BATCH: usize = 16;
/// How far those may lie apart, in seconds.
const SPAN: i64 = 1;

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

/// User events of one realm that were stored together, newest first, under the key of the newest. Never empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct UserEventBatch(Vec<UserEvent>);

/// What may be read in the place of a batch.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Batch(Vec<UserEvent>),
    /// As user events were stored at first.
    Single(Box<UserEvent>),
}

impl From<Stored> for UserEventBatch {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Batch(events) => Self(events),
            Stored::Single(event) => Self(vec![*event]),
        }
    }
}

impl UserEventBatch {
    /// Events of any realms, in any order, as batches.
    pub fn of(mut events: Vec<UserEvent>) -> Vec<Self> {
        events.sort_by(|a, b| (&a.realm_id, b.id).cmp(&(&b.realm_id, a.id)));
        let mut batches: Vec<Self> = Vec::new();
        for event in events {
            match batches.last_mut().filter(|batch| batch.takes(&event)) {
                Some(batch) => batch.0.push(event),
                None => batches.push(Self(vec![event])),
            }
        }
        batches
    }

    /// The events again.
    pub fn into_events(self) -> Vec<UserEvent> {
        self.0
    }

    fn takes(&self, event: &UserEvent) -> bool {
        let newest = &self.0[0];
        newest.realm_id == event.realm_id && self.0.len() < BATCH && event.time + SPAN >= newest.time
    }
}

/// Stores batches, all of them or none.
///
/// # Errors
/// When the store fails.
pub async fn store_batches(store: &Store, batches: &[UserEventBatch]) -> Result<(), StoreError> {
    let put = store.sessions(|txn| {
        Box::pin(async move {
            for batch in batches {
                txn.user_events().put(batch);
            }
            Ok(())
        })
    });
    put.await
}

/// A row of recorded events.
trait Row: Document {
    type Event: Send;

    /// Its events, newest first.
    fn events(self) -> Vec<Self::Event>;
    fn id(event: &Self::Event) -> EventId;
    fn time(event: &Self::Event) -> Timestamp;
}

impl Row for UserEventBatch {
    type Event = UserEvent;

    fn events(self) -> Vec<UserEvent> {
        self.0
    }

    fn id(event: &UserEvent) -> EventId {
        event.id
    }

    fn time(event: &UserEvent) -> Timestamp {
        event.time
    }
}

impl Row for AdminEvent {
    type Event = Self;

    fn events(self) -> Vec<Self> {
        vec![self]
    }

    fn id(event: &Self) -> EventId {
        event.id
    }

    fn time(event: &Self) -> Timestamp {
        event.time
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
        search(self.reader, &key::user_events(realm), page, wanted).await
    }

    /// The keys of at most `limit` batches that hold nothing from after `until`, newest first.
    pub async fn up_to(&mut self, realm: &RealmId, until: Option<Timestamp>, limit: usize) -> Result<Vec<EventId>, StoreError> {
        up_to(self.reader, &key::user_events(realm), until, limit).await
    }
}

impl UserEvents<'_, Txn<'_, Sessions>> {
    pub fn put(&mut self, batch: &UserEventBatch) {
        let newest = &batch.0[0];
        self.reader.put(&key::user_event_batch(&newest.realm_id, &newest.id), batch);
    }

    /// Deletes a batch.
    pub fn delete(&mut self, realm: &RealmId, newest: &EventId) {
        self.reader.delete(&key::user_event_batch(realm, newest));
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
        search(self.reader, &key::admin_events(realm), page, wanted).await
    }

    /// At most `limit` ids of events up to `until`, newest first.
    pub async fn up_to(&mut self, realm: &RealmId, until: Option<Timestamp>, limit: usize) -> Result<Vec<EventId>, StoreError> {
        up_to(self.reader, &key::admin_events(realm), until, limit).await
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

async fn search<C: DataClass, T: Row>(
    reader: &mut impl Reader,
    prefix: &Prefix<C, T>,
    page: Page,
    wanted: impl Fn(&T::Event) -> bool + Send,
) -> Result<Vec<T::Event>, StoreError> {
    let mut found = Found { page, events: VecDeque::new() };
    // Newest first: what was read, but may stand behind an event of a later row.
    let mut read: Vec<T::Event> = Vec::new();
    // A row whose newest event is too new may hold others.
    let mut after = page.to.map(|to| EventId::after(to + SPAN));
    loop {
        let rows = reader.scan(prefix, after.as_deref(), STEP).await?;
        let full = rows.len() == STEP;
        after = rows.last().map(|(key, _)| key.clone());
        for (_, row) in rows {
            let events = row.events();
            let Some(newest) = events.first().map(T::id) else { continue };
            // Rows come by their newest event, so nothing that follows is newer.
            let settled = read.partition_point(|event| T::id(event) > newest);
            if found.take::<T>(read.drain(..settled), &wanted).is_break() {
                return Ok(found.into_page());
            }
            read.extend(events);
            read.sort_by_key(|event| std::cmp::Reverse(T::id(event)));
        }
        if !full {
            let _all = found.take::<T>(read.into_iter(), &wanted);
            return Ok(found.into_page());
        }
    }
}

/// What a search has found.
struct Found<E> {
    page: Page,
    /// Newest first; of a search from the other end only the oldest ones that the page needs.
    events: VecDeque<E>,
}

impl<E> Found<E> {
    /// Takes events that are older than those before. Stops when nothing more is needed.
    fn take<T: Row<Event = E>>(&mut self, events: impl Iterator<Item = E>, wanted: &impl Fn(&E) -> bool) -> ControlFlow<()> {
        let oldest_first = self.page.direction == Direction::OldestFirst;
        let end = self.page.first.saturating_add(self.page.max);
        for event in events {
            if self.page.from.is_some_and(|from| T::time(&event) < from) || (!oldest_first && self.events.len() >= end) {
                return ControlFlow::Break(());
            }
            if self.page.to.is_none_or(|to| T::time(&event) <= to) && wanted(&event) {
                self.events.push_back(event);
            }
            if oldest_first && self.events.len() > end {
                self.events.pop_front();
            }
        }
        ControlFlow::Continue(())
    }

    fn into_page(self) -> Vec<E> {
        let page = |events: &mut dyn Iterator<Item = E>| events.skip(self.page.first).take(self.page.max).collect();
        match self.page.direction {
            Direction::NewestFirst => page(&mut self.events.into_iter()),
            Direction::OldestFirst => page(&mut self.events.into_iter().rev()),
        }
    }
}

async fn up_to<C: DataClass, T: Row>(
    reader: &mut impl Reader,
    prefix: &Prefix<C, T>,
    until: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<EventId>, StoreError> {
    let after = until.map(EventId::after);
    let rows = reader.scan(prefix, after.as_deref(), limit).await?;
    Ok(rows.into_iter().filter_map(|(_, row)| row.events().first().map(T::id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;
    use crate::model::event::{EventType, Happening};

    /// An event of every given millisecond.
    fn events(realm: &str, times: impl IntoIterator<Item = i64>) -> Vec<UserEvent> {
        let random = SeededRandom::new(1);
        let event = |(counter, millis)| UserEvent {
            id: EventId::new(Timestamp(millis), counter, &random),
            time: Timestamp(millis),
            event_type: EventType { happening: Happening::Login, failed: false },
            realm_id: RealmId::from(realm),
            client_id: None,
            user_id: None,
            session_id: None,
            ip_address: [127, 0, 0, 1].into(),
            error: None,
            details: crate::model::event::Details::default(),
        };
        (0..).zip(times).map(event).collect()
    }

    /// The times of a page.
    async fn page(store: &Store, page: Page) -> Vec<i64> {
        let found = store.peek().user_events().search(&RealmId::from("r"), page, |_| true).await.unwrap();
        found.iter().map(|event| event.time.millis()).collect()
    }

    /// Stores every list as a flush would.
    async fn store(lists: impl IntoIterator<Item = Vec<UserEvent>>) -> Store {
        let store = Store::memory();
        for list in lists {
            store_batches(&store, &UserEventBatch::of(list)).await.unwrap();
        }
        store
    }

    #[test]
    fn a_batch_is_of_one_realm_and_neither_long_nor_wide() {
        let mut all = events("r", [5, 7000, 6, 6500, 5990]);
        all.extend(events("q", [6]));
        all.extend(events("s", 0..40));
        let times = UserEventBatch::of(all)
            .into_iter()
            .map(|batch| (batch.0[0].realm_id.to_string(), batch.0.iter().map(|event| event.time.millis()).collect::<Vec<_>>()))
            .collect::<Vec<_>>();
        let of = |realm: &str, times: Vec<i64>| (realm.to_owned(), times);
        let down = |from: i64, to: i64| (to..=from).rev().collect::<Vec<_>>();
        let expected = [
            of("q", vec![6]),
            of("r", vec![7000, 6500]),
            of("r", vec![5990]),
            of("r", vec![6, 5]),
            of("s", down(39, 24)),
            of("s", down(23, 8)),
            of("s", down(7, 0)),
        ];
        assert_eq!(times, expected);
    }

    /// A slow request reports an event of earlier behind faster ones, so batches overlap.
    #[tokio::test]
    async fn a_search_sees_events_in_their_order_whatever_they_were_stored_with() {
        let store = store([events("r", [100, 900, 1000, 1040]), events("r", [500, 950, 1030, 1400]), events("r", [200, 990])]).await;
        let all = [1400, 1040, 1030, 1000, 990, 950, 900, 500, 200, 100];
        assert_eq!(page(&store, Page::default()).await, all);
        let oldest = Page { direction: Direction::OldestFirst, first: 1, max: 4, ..Page::default() };
        assert_eq!(page(&store, oldest).await, [200, 500, 900, 950]);
        for (first, max) in [(0, 3), (2, 5), (8, 9), (10, 1), (0, 0)] {
            let expected = &all[first..all.len().min(first + max)];
            assert_eq!(page(&store, Page { first, max, ..Page::default() }).await, expected);
        }
        // Both ends lie within batches.
        let between = Page { from: Some(Timestamp(500)), to: Some(Timestamp(1000)), ..Page::default() };
        assert_eq!(page(&store, between).await, [1000, 990, 950, 900, 500]);
        assert_eq!(page(&store, Page { direction: Direction::OldestFirst, ..between }).await, [500, 900, 950, 990, 1000]);
        assert_eq!(page(&store, Page { to: Some(Timestamp(i64::MAX)), ..Page::default() }).await, all);
    }

    #[tokio::test]
    async fn only_batches_that_are_old_as_a_whole_are_up_to_a_moment() {
        let store = store([events("r", [100, 900]), events("r", [500, 1400])]).await;
        let up_to = async |until| store.peek().user_events().up_to(&RealmId::from("r"), until, 10).await.unwrap().len();
        assert_eq!(up_to(Some(Timestamp(899))).await, 0);
        assert_eq!(up_to(Some(Timestamp(900))).await, 1);
        assert_eq!(up_to(None).await, 2);
    }

    #[test]
    fn an_event_by_itself_is_a_batch_too() {
        let single = events("r", [7]).remove(0);
        let batch: UserEventBatch = serde_json::from_value(serde_json::to_value(&single).unwrap()).unwrap();
        assert_eq!(batch.clone().into_events(), [single]);
        let again: UserEventBatch = serde_json::from_value(serde_json::to_value(&batch).unwrap()).unwrap();
        assert_eq!(again.into_events(), batch.into_events());
    }
}
