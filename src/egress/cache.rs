//! Documents that are asked for again and again, such as the keys of a client. Whoever comes while one is fetched waits for that
//! fetch; nobody can make the server ask a host more often than every [`MIN_INTERVAL`] seconds, whatever he presents.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::base::clock::Timestamp;

use super::{Egress, EgressError, Request};

/// Seconds between two fetches of a document, failed ones included.
pub const MIN_INTERVAL: i64 = 10;
/// Seconds that a document is used on while its host does not answer.
const MAX_STALE: i64 = 24 * 3600;
/// Documents that are kept. URLs come from settings, so this is more than any installation has.
const MAX_DOCUMENTS: usize = 1024;

/// A fetched document.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    pub body: Vec<u8>,
    pub fetched: Timestamp,
}

pub(super) struct Cache {
    max_age: i64,
    entries: Mutex<HashMap<String, Entry>>,
}

/// Its lock is held while it is fetched: that is the single flight.
type Entry = Arc<AsyncMutex<State>>;

#[derive(Default)]
struct State {
    document: Option<Arc<Document>>,
    /// The last attempt and why it failed, if it did.
    last: Option<(Timestamp, Option<EgressError>)>,
}

impl Cache {
    pub(super) fn new(max_age: i64) -> Self {
        Self { max_age, entries: Mutex::default() }
    }

    fn entry(&self, url: &str) -> Entry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_DOCUMENTS && !entries.contains_key(url) {
            // Those in use are held by their users as well.
            entries.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(entries.entry(url.to_owned()).or_default())
    }
}

impl Egress {
    /// The document at a URL, at most `egress.cache_seconds` old; older only while its host does not answer.
    ///
    /// # Errors
    /// It never was fetched and cannot be, or its host answered another status than 200.
    pub async fn document(&self, url: &str, accept: &str) -> Result<Arc<Document>, EgressError> {
        self.cached(url, accept, None).await
    }

    /// The same document again, because what the caller looks for is not in `seen`. It is fetched at most every
    /// [`MIN_INTERVAL`] seconds: the answer may be `seen` itself.
    ///
    /// # Errors
    /// As [`Egress::document`].
    pub async fn newer_document(&self, url: &str, accept: &str, seen: &Document) -> Result<Arc<Document>, EgressError> {
        self.cached(url, accept, Some(seen)).await
    }

    async fn cached(&self, url: &str, accept: &str, seen: Option<&Document>) -> Result<Arc<Document>, EgressError> {
        let state = self.cache.entry(url).lock_owned().await;
        let now = self.env.now();
        let age = |document: &Document| now - document.fetched;
        if let Some(document) = &state.document {
            let is_newer = seen.is_none_or(|seen| document.fetched > seen.fetched);
            if is_newer && (0..self.cache.max_age).contains(&age(document)) {
                return Ok(Arc::clone(document));
            }
        }
        let usable = state.document.clone().filter(|document| age(document) < MAX_STALE);
        let fetched = match &state.last {
            Some((at, failure)) if (0..MIN_INTERVAL).contains(&(now - *at)) => Err(failure.clone().unwrap_or(EgressError::TooOften)),
            // In a task of its own: a caller who goes away in the middle has used up the interval, so the others must get the answer.
            _ => {
                let (egress, url, accept) = (self.clone(), url.to_owned(), accept.to_owned());
                let fetching = tokio::spawn(async move { egress.renew(state, &url, &accept, now).await });
                fetching.await.unwrap_or_else(|failed| Err(EgressError::Failed(failed.to_string())))
            }
        };
        fetched.or_else(|error| usable.ok_or(error))
    }

    async fn renew(
        &self,
        mut state: OwnedMutexGuard<State>,
        url: &str,
        accept: &str,
        now: Timestamp,
    ) -> Result<Arc<Document>, EgressError> {
        let error = match self.fetch(&Request::get(url, accept)).await {
            Ok(response) if response.status == 200 => {
                let document = Arc::new(Document { body: response.body, fetched: now });
                *state = State { document: Some(Arc::clone(&document)), last: Some((now, None)) };
                return Ok(document);
            }
            Ok(response) => EgressError::Status(response.status),
            Err(error) => error,
        };
        tracing::warn!(url, %error, "a document could not be fetched");
        state.last = Some((now, Some(error.clone())));
        Err(error)
    }
}
