//! What is counted about requests, tokens and events. The numbers of labels are bounded: routes, grants and codes by the program,
//! realms by a setting.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use crate::base::id::RealmId;
use crate::base::metric::{Counter, Histogram, SECONDS};
use crate::model::event::{EventType, Happening};
use crate::model::realm::Realm;
use crate::oauth::grant_type::GrantType;

/// The label of all realms beyond the limit.
const OTHER_REALMS: &str = "_other";

/// Everything that is counted about one server.
pub struct Metrics {
    routes: OnceLock<Vec<RouteRequests>>,
    active: AtomicI64,
    /// By grant; confidential clients first, then public ones.
    tokens: Vec<[Counter; 2]>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    realms: RwLock<HashMap<RealmId, Arc<RealmEvents>>>,
    other_realms: Arc<RealmEvents>,
    most_realms: usize,
}

/// Requests to one URL by their outcome.
struct RouteRequests {
    method: String,
    uri: &'static str,
    by_outcome: [OnceLock<Box<Histogram>>; OUTCOMES.len()],
}

const OUTCOMES: [&str; 5] = ["INFORMATIONAL", "SUCCESS", "REDIRECTION", "CLIENT_ERROR", "SERVER_ERROR"];

/// The events of one realm.
struct RealmEvents {
    label: String,
    successes: Vec<AtomicU64>,
    failures: Mutex<BTreeMap<(Happening, &'static str), u64>>,
}

impl RealmEvents {
    fn new(label: &str) -> Self {
        let successes = Happening::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self { label: label.to_owned(), successes, failures: Mutex::default() }
    }
}

impl Metrics {
    /// Events of more than `most_realms` realms share a label.
    pub fn new(most_realms: usize) -> Self {
        Self {
            routes: OnceLock::new(),
            active: AtomicI64::new(0),
            tokens: GrantType::ALL.iter().map(|_| Default::default()).collect(),
            refusals: Mutex::default(),
            realms: RwLock::default(),
            other_realms: Arc::new(RealmEvents::new(OTHER_REALMS)),
            most_realms,
        }
    }

    /// Which URLs there are, by method and template, in the order by which [`Metrics::request`] names them. Counts once.
    pub fn set_routes(&self, routes: impl Iterator<Item = (String, &'static str)>) {
        let unknown = [(String::new(), "UNKNOWN")];
        let routes = routes.chain(unknown).map(|(method, uri)| RouteRequests { method, uri, by_outcome: Default::default() });
        let _ = self.routes.set(routes.collect());
    }

    pub fn request_begins(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub fn request_ends(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// The template of a route.
    pub fn uri(&self, route: Option<usize>) -> &'static str {
        self.routes.get().and_then(|routes| routes.get(route?)).map_or("UNKNOWN", |route| route.uri)
    }

    /// A request was answered; `None` if no route was meant.
    pub fn request(&self, route: Option<usize>, status: u16, took: Duration) {
        let Some(routes) = self.routes.get() else { return };
        let Some(route) = route.and_then(|at| routes.get(at)).or(routes.last()) else { return };
        let outcome = usize::from(status / 100).clamp(1, OUTCOMES.len()) - 1;
        route.by_outcome[outcome].get_or_init(|| Box::new(Histogram::new(SECONDS))).observe_time(took);
    }

    pub fn issued(&self, grant: GrantType, public_client: bool) {
        if let Some(at) = GrantType::ALL.iter().position(|known| *known == grant) {
            self.tokens[at][usize::from(public_client)].add(1);
        }
    }

    /// A protocol endpoint refused with this code.
    pub fn refused(&self, code: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    /// Something happened in `realm`.
    pub fn event(&self, realm: &Realm, event: EventType, error: Option<&'static str>) {
        let events = self.of_realm(realm);
        match error {
            None => {
                events.successes[event.happening as usize].fetch_add(1, Ordering::Relaxed);
            }
            Some(error) => {
                let mut failures = events.failures.lock().unwrap_or_else(PoisonError::into_inner);
                *failures.entry((event.happening, error)).or_default() += 1;
            }
        }
    }

    fn of_realm(&self, realm: &Realm) -> Arc<RealmEvents> {
        let known = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = known.get(&realm.id) {
            return Arc::clone(events);
        }
        let room = known.len() < self.most_realms;
        drop(known);
        if !room {
            return Arc::clone(&self.other_realms);
        }
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(realms.entry(realm.id.clone()).or_insert_with(|| Arc::new(RealmEvents::new(&realm.name))))
    }

    /// The lines of the text format.
    pub fn write(&self, out: &mut String) {
        head(out, "http_server_requests_seconds", "histogram", "Requests by URL, method and outcome, with the time until their answer.");
        for route in self.routes.get().into_iter().flatten() {
            for (outcome, histogram) in OUTCOMES.iter().zip(&route.by_outcome) {
                if let Some(histogram) = histogram.get() {
                    let labels = format!("method=\"{}\",outcome=\"{outcome}\",uri=\"{}\"", route.method, route.uri);
                    histogram.write(out, "http_server_requests_seconds", &labels);
                }
            }
        }
        head(out, "http_server_active_requests", "gauge", "Requests that are being answered.");
        let _ = writeln!(out, "http_server_active_requests {}", self.active.load(Ordering::Relaxed));

        head(out, "keywright_tokens_issued_total", "counter", "Token answers by grant and kind of client.");
        for (grant, kinds) in GrantType::ALL.iter().zip(&self.tokens) {
            for (kind, counter) in ["confidential", "public"].iter().zip(kinds) {
                let name = escaped(grant.name());
                let _ = writeln!(out, "keywright_tokens_issued_total{{client_type=\"{kind}\",grant_type=\"{name}\"}} {}", counter.get());
            }
        }
        head(out, "keywright_refusals_total", "counter", "Refusals of protocol endpoints by their error code.");
        for (code, count) in &*self.refusals.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "keywright_refusals_total{{error=\"{}\"}} {count}", escaped(code));
        }
        self.write_events(out);
    }

    fn write_events(&self, out: &mut String) {
        head(out, "keycloak_user_events_total", "counter", "User events, also those that no realm stores.");
        let mut realms: Vec<_> = self.realms.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        realms.push(Arc::clone(&self.other_realms));
        realms.sort_by(|one, other| one.label.cmp(&other.label));
        for events in realms {
            let realm = escaped(&events.label);
            for happening in Happening::ALL {
                let name = happening.type_name(false).to_ascii_lowercase();
                let count = events.successes[*happening as usize].load(Ordering::Relaxed);
                if count > 0 {
                    let _ = writeln!(out, "keycloak_user_events_total{{error=\"\",event=\"{name}\",realm=\"{realm}\"}} {count}");
                }
            }
            for ((happening, error), count) in &*events.failures.lock().unwrap_or_else(PoisonError::into_inner) {
                let name = happening.type_name(false).to_ascii_lowercase();
                let _ = writeln!(out, "keycloak_user_events_total{{error=\"{error}\",event=\"{name}\",realm=\"{realm}\"}} {count}");
            }
        }
    }
}

/// What a metric is, in front of its lines.
pub fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// The text of a label (Prometheus text format 0.0.4).
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms_beyond_the_limit_share_a_label() {
        let metrics = Metrics::new(2);
        let login = EventType { happening: Happening::Login, failed: false };
        for name in ["one", "tw\"o", "three", "four"] {
            metrics.event(&Realm { id: RealmId::from(name), name: name.to_owned(), ..Realm::default() }, login, None);
        }
        let mut text = String::new();
        metrics.write(&mut text);
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("keycloak_user_events_total{")).collect();
        assert_eq!(
            lines,
            [
                r#"keycloak_user_events_total{error="",event="login",realm="_other"} 2"#,
                r#"keycloak_user_events_total{error="",event="login",realm="one"} 1"#,
                r#"keycloak_user_events_total{error="",event="login",realm="tw\"o"} 1"#,
            ]
        );
    }
}
