//! The event of one request, from its beginning to its outcome. What becomes known on the way is noted here, and only as far
//! as somebody listens; a request that nobody wants to hear about costs two comparisons.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::{SessionId, UserId};
use crate::model::event::{Details, EventType, Happening, UserEvent, detail};
use crate::model::realm::Realm;
use crate::oauth::grant_type::GrantType;

use super::{Audit, listener};

/// Bytes of a detail that are kept: requests are larger than what anybody reads of them.
const DETAIL_BYTES: usize = 4096;

/// What one request does, as its event will tell it.
pub struct Report<'a> {
    audit: &'a Audit,
    env: &'a Env,
    realm: &'a Realm,
    address: IpAddr,
    time: Timestamp,
    listens: bool,
    noted: Mutex<Noted>,
}

/// What is known so far.
#[derive(Default)]
struct Noted {
    happening: Option<Happening>,
    client: Option<String>,
    user: Option<UserId>,
    session: Option<SessionId>,
    details: Details,
}

impl<'a> Report<'a> {
    /// A request to `realm` by `address`. It has no event before [`Report::begin`].
    pub fn new(audit: &'a Audit, env: &'a Env, realm: &'a Realm, address: IpAddr, time: Timestamp) -> Self {
        let listens = realm.events_enabled || listener::listens(realm);
        Self { audit, env, realm, address, time, listens, noted: Mutex::default() }
    }

    /// What the request is about to do. Calling it again changes one's mind.
    pub fn begin(&self, happening: Happening) {
        self.noted().happening = Some(happening);
    }

    /// The public id of the client that asks.
    pub fn client(&self, client_id: &str) {
        if self.listens {
            self.noted().client = Some(shortened(Cow::Borrowed(client_id)).into_owned());
        }
    }

    pub fn user(&self, user: &UserId) {
        if self.listens {
            self.noted().user = Some(user.clone());
        }
    }

    pub fn session(&self, session: &SessionId) {
        if self.listens {
            self.noted().session = Some(session.clone());
        }
    }

    /// A detail by its name in [`detail`]. What stood there by that name is replaced.
    pub fn detail(&self, name: &'static str, value: &str) {
        if self.listens {
            self.noted().details.insert(name, shortened(Cow::Owned(value.to_owned())));
        }
    }

    /// A detail that is always the same text.
    pub fn fixed_detail(&self, name: &'static str, value: &'static str) {
        if self.listens {
            self.noted().details.insert(name, value);
        }
    }

    /// The request did what it began. `complete` notes what is only known now; it is not called when nobody listens.
    pub fn succeed(&self, complete: impl FnOnce(&Self)) {
        let Some(event_type) = self.event_type(false) else { return };
        self.audit.metrics.event(self.realm, event_type, None);
        if self.stores(event_type) || listener::wants(self.realm, event_type) {
            complete(self);
            self.tell(event_type, None);
        }
    }

    /// The request failed with this code of the event log. `reason` becomes a detail.
    pub fn fail(&self, code: &'static str, reason: Option<&str>) {
        let Some(event_type) = self.event_type(true) else { return };
        self.audit.metrics.event(self.realm, event_type, Some(code));
        if self.stores(event_type) || listener::wants(self.realm, event_type) {
            if let Some(reason) = reason {
                self.detail(detail::REASON, reason);
            }
            self.tell(event_type, Some(code));
        }
    }

    /// Something that the request brought about for a user, beside what it is itself: an event of its own, without a client.
    pub fn consequence(&self, happening: Happening, user: &UserId, details: impl IntoIterator<Item = (&'static str, Cow<'static, str>)>) {
        let event_type = EventType { happening, failed: false };
        self.audit.metrics.event(self.realm, event_type, None);
        if self.stores(event_type) || listener::wants(self.realm, event_type) {
            let mut noted = Noted { user: Some(user.clone()), ..Noted::default() };
            details.into_iter().for_each(|(name, value)| noted.details.insert(name, value));
            self.record(event_type, None, noted);
        }
    }

    /// Counts tokens that were issued.
    pub fn issued(&self, grant: GrantType, public_client: bool) {
        self.audit.metrics.issued(grant, public_client);
    }

    /// Counts a refusal by the code that the caller reads.
    pub fn refused(&self, code: &'static str) {
        self.audit.metrics.refused(code);
    }

    fn event_type(&self, failed: bool) -> Option<EventType> {
        self.noted().happening.map(|happening| EventType { happening, failed })
    }

    fn stores(&self, event_type: EventType) -> bool {
        let named = &self.realm.enabled_event_types;
        self.realm.events_enabled
            && if named.is_empty() { event_type.is_stored_by_default() } else { named.iter().any(|name| name == event_type.name()) }
    }

    fn tell(&self, event_type: EventType, error: Option<&'static str>) {
        let noted = std::mem::take(&mut *self.noted());
        self.record(event_type, error, noted);
    }

    fn record(&self, event_type: EventType, error: Option<&'static str>, noted: Noted) {
        let event = UserEvent {
            id: self.audit.next_id(self.env, self.time),
            time: self.time,
            event_type,
            realm_id: self.realm.id.clone(),
            client_id: noted.client,
            user_id: noted.user,
            session_id: noted.session,
            ip_address: self.address,
            error: error.map(Cow::Borrowed),
            details: noted.details,
        };
        if listener::wants(self.realm, event_type) {
            listener::hear(self.realm, &event);
        }
        if self.stores(event_type) {
            self.audit.store_later(event);
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a text, cut between two characters.
fn shortened(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= DETAIL_BYTES {
        return text;
    }
    let end = (0..=DETAIL_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(text[..end].to_owned())
}
