//! A row of the route table and the table that finds it. A request reaches a handler only through a row, so method, policy,
//! body limit, CORS and cache class of every URL stand in one place; `OPTIONS`, `HEAD` and 405 follow from the rows.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, PRAGMA};
use actix_web::web::Bytes;
use futures_util::future::LocalBoxFuture;
use percent_encoding::percent_decode_str;

use super::administrator::{AdminRequest, Admission};
use super::cors::Cors;
use super::query::Query;
use super::realm::RealmRequest;
use super::server::ServerRequest;

/// One URL with one method.
pub struct Route {
    pub method: Method,
    /// Segments below the base path; `{name}` stands for one segment, `{name*}` at the end for one or more. A trailing slash in
    /// a request does not matter.
    pub path: &'static str,
    pub policy: Policy,
    /// Bytes of request body that the handler may see; a longer one is refused with 413.
    pub body_limit: usize,
    /// What the handler sees of the query string. Only operations of the Admin REST API take any by way of their row.
    pub query: Query,
    pub cors: Cors,
    pub cache: Cache,
    pub handler: Handler,
    pub feature: Feature,
}

/// Whether what a row is for is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feature {
    On,
    /// Some requests need what is not there.
    Partial,
    /// Switched off, which is all that the handler says.
    Off,
}

/// What a request must bring before the handler sees it. The order of refusals is Keycloak's: transport, then realm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Nothing: also a disabled realm and plain HTTP are answered.
    Open,
    /// HTTPS where the realm requires it. A disabled realm still answers: what verifies its old tokens stays readable.
    Public,
    /// HTTPS and an enabled realm; the handler authenticates the client.
    Client,
    /// HTTPS and an enabled realm; the handler verifies a bearer token.
    Bearer,
    /// An administrator with these roles ([`super::administrator`]).
    Admin(Admission),
}

impl Policy {
    /// Whether errors have the shape of RFC 6749 §5.2.
    pub(super) const fn speaks_oauth(self) -> bool {
        matches!(self, Self::Client | Self::Bearer)
    }
}

/// What caches may do with an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cache {
    /// Nothing said.
    Unset,
    /// Successful answers must be revalidated.
    NoCache,
    /// Discovery documents.
    Document,
    /// Tokens and their refusals (RFC 6749 §5.1).
    NoStore,
    /// Userinfo, which names both directives in headers of their own.
    NoStoreNoCache,
}

impl Cache {
    pub(super) fn apply(self, response: &mut HttpResponse) {
        let good = response.status().is_success() || response.status().is_redirection();
        let headers = response.headers_mut();
        let set = match self {
            Self::NoCache if good => "no-cache",
            Self::Document if good => "no-cache, must-revalidate, no-transform, no-store",
            Self::NoStore | Self::NoStoreNoCache => "no-store",
            Self::Unset | Self::NoCache | Self::Document => return,
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(set));
        if set == "no-store" {
            headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        }
        if self == Self::NoStoreNoCache && good {
            headers.append(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
    }
}

/// The answer of a handler that waits for something.
pub type Answer = LocalBoxFuture<'static, HttpResponse>;

/// Who answers.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Needs no realm.
    Server(fn(&ServerRequest<'_>) -> HttpResponse),
    /// A realm's document, ready in memory.
    Document(fn(&RealmRequest) -> HttpResponse),
    /// A realm's endpoint.
    Realm(fn(RealmRequest, Bytes) -> Answer),
    /// An operation of the Admin REST API.
    Admin(fn(AdminRequest) -> Answer),
}

/// The rows of one listener as a tree of segments.
#[derive(Default)]
pub struct Table {
    rows: Vec<Route>,
    root: Node,
}

#[derive(Default)]
struct Node {
    literals: Vec<(&'static str, Node)>,
    parameter: Option<Box<Node>>,
    /// Rows for whatever is left of the path.
    tail: Vec<usize>,
    /// Indices into [`Table::rows`], one per method.
    rows: Vec<usize>,
}

/// The rows at a path.
pub struct Match<'a> {
    table: &'a Table,
    rows: &'a [usize],
}

impl Table {
    /// # Panics
    /// When two rows have the same method and path: a mistake in the table, found by every test that starts a server.
    pub fn new(rows: Vec<Route>) -> Self {
        let mut table = Self { rows, root: Node::default() };
        for (index, row) in table.rows.iter().enumerate() {
            let mut node = &mut table.root;
            let mut is_tail = false;
            for segment in segments(row.path) {
                if segment.ends_with("*}") {
                    is_tail = true;
                    break;
                }
                node = if segment.starts_with('{') {
                    node.parameter.get_or_insert_default()
                } else {
                    let at = node.literals.iter().position(|(literal, _)| *literal == segment).unwrap_or_else(|| {
                        node.literals.push((segment, Node::default()));
                        node.literals.len() - 1
                    });
                    &mut node.literals[at].1
                };
            }
            let here = if is_tail { &mut node.tail } else { &mut node.rows };
            assert!(here.iter().all(|other| table.rows[*other].method != row.method), "{} {} stands twice", row.method, row.path);
            here.push(index);
        }
        table
    }

    pub fn rows(&self) -> &[Route] {
        &self.rows
    }

    /// The rows whose path is `path`. A literal segment wins over a parameter.
    pub fn find(&self, path: &str) -> Option<Match<'_>> {
        self.root.find(segments(path)).map(|rows| Match { table: self, rows })
    }
}

impl Node {
    fn find<'p>(&self, mut path: impl Iterator<Item = &'p str> + Clone) -> Option<&[usize]> {
        let Some(segment) = path.next() else { return (!self.rows.is_empty()).then_some(&self.rows[..]) };
        let literal = self.literals.iter().find(|(literal, _)| *literal == segment);
        let found = literal.and_then(|(_, node)| node.find(path.clone()));
        let found = found.or_else(|| self.parameter.as_ref()?.find(path));
        found.or_else(|| (!self.tail.is_empty()).then_some(&self.tail[..]))
    }
}

impl<'a> Match<'a> {
    fn rows(&self) -> impl Iterator<Item = &'a Route> + use<'a> {
        let table = self.table;
        self.rows.iter().map(move |index| &table.rows[*index])
    }

    /// The place of [`Match::row`] in [`Table::rows`].
    pub fn index(&self, method: &Method) -> Option<usize> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.rows.iter().copied().find(|index| self.table.rows[*index].method == *method)
    }

    /// The row for `method`; `HEAD` is served by the row for `GET`.
    pub fn row(&self, method: &Method) -> Option<&'a Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.rows().find(|row| row.method == *method)
    }

    /// The methods of the path for an `Allow` header: HEAD first, OPTIONS last, as Keycloak writes them.
    pub fn allow(&self) -> String {
        let names: Vec<&str> = ["POST", "GET", "PUT", "DELETE", "PATCH"]
            .into_iter()
            .filter(|name| self.rows().any(|row| row.method.as_str() == *name))
            .collect();
        format!("HEAD, {}, OPTIONS", names.join(", "))
    }

    /// Whether a discovery document stands here.
    pub fn is_document(&self) -> bool {
        self.rows().any(|row| row.cache == Cache::Document)
    }

    /// The CORS class of the path, for its preflight: the widest one of its rows.
    pub fn cors(&self) -> Cors {
        self.rows().map(|row| row.cors).find(|cors| *cors != Cors::Refused).unwrap_or(Cors::Refused)
    }
}

impl Route {
    /// The row with these parameters in its query string.
    #[must_use]
    pub fn taking(mut self, query: Query) -> Self {
        self.query = query;
        self
    }

    /// The row of a feature that is there in part.
    #[must_use]
    pub fn partly(mut self) -> Self {
        self.feature = Feature::Partial;
        self
    }

    /// Whether the path has parameters besides the name of the realm.
    pub(super) fn has_parameters_below_realm(&self) -> bool {
        self.path.matches('{').count() > 1
    }

    /// The parameters in `path` (raw), which is known to be of this row, decoded.
    pub(super) fn parameters(&self, path: &str) -> Vec<(&'static str, String)> {
        let decode = |raw: &str| percent_decode_str(raw).decode_utf8_lossy().into_owned();
        let mut given = segments(path);
        let mut parameters = Vec::new();
        for segment in segments(self.path) {
            match segment.strip_prefix('{').map(|name| name.trim_end_matches('}')) {
                None => drop(given.next()),
                Some(name) => match name.strip_suffix('*') {
                    None => parameters.push((name, decode(given.next().unwrap_or_default()))),
                    Some(name) => parameters.push((name, given.by_ref().map(decode).collect::<Vec<_>>().join("/"))),
                },
            }
        }
        parameters
    }
}

/// The segments of a path, without the empty ones at its ends.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> + Clone {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    // The root has none.
    let mut rest = (!path.is_empty()).then_some(path);
    std::iter::from_fn(move || {
        let left = rest?;
        // Byte by byte, not `str::split`: for segments so short its search is several times dearer, and each request has six of these.
        let (segment, after) = match left.bytes().position(|byte| byte == b'/') {
            Some(end) => (&left[..end], Some(&left[end + 1..])),
            None => (left, None),
        };
        rest = after;
        Some(segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::oauth_response::empty;

    fn row(method: Method, path: &'static str) -> Route {
        Route {
            method,
            path,
            policy: Policy::Open,
            body_limit: 0,
            query: &[],
            cors: Cors::Refused,
            cache: Cache::Unset,
            handler: Handler::Server(|_| empty(200)),
            feature: Feature::On,
        }
    }

    #[test]
    fn literals_win_over_parameters_and_a_dead_end_is_left_again() {
        let table =
            Table::new(vec![row(Method::GET, "/a/{x}"), row(Method::GET, "/a/b/c"), row(Method::GET, "/a/{x}/d"), row(Method::GET, "/")]);
        let path_of = |path| table.find(path).and_then(|found| Some(found.row(&Method::GET)?.path));
        assert_eq!(path_of("/a/b/c"), Some("/a/b/c"));
        assert_eq!(path_of("/a/b/d"), Some("/a/{x}/d"));
        assert_eq!(path_of("/a/b"), Some("/a/{x}"));
        assert_eq!(path_of("/a/%C3%A9/"), Some("/a/{x}"));
        assert_eq!(path_of(""), Some("/"));
        assert_eq!(path_of("/a/b/e"), None);
        assert_eq!(path_of("/a"), None);
    }

    #[test]
    fn head_is_served_by_get_and_other_methods_have_no_row() {
        let table = Table::new(vec![row(Method::GET, "/a"), row(Method::POST, "/a"), row(Method::POST, "/b")]);
        let a = table.find("/a").expect("listed");
        assert_eq!(a.row(&Method::HEAD).map(|row| &row.method), Some(&Method::GET));
        assert!(a.row(&Method::PUT).is_none());
        assert_eq!(a.allow(), "HEAD, POST, GET, OPTIONS");
        let b = table.find("/b").expect("listed");
        assert!(b.row(&Method::HEAD).is_none());
        assert_eq!(b.allow(), "HEAD, POST, OPTIONS");
    }

    #[test]
    fn a_tail_takes_what_is_left_and_parameters_are_decoded_once() {
        let table = Table::new(vec![row(Method::GET, "/a/{x}/by/{path*}"), row(Method::GET, "/a/{x}/by")]);
        let parameters = |path: &str| table.find(path).and_then(|found| Some(found.row(&Method::GET)?.parameters(path)));
        let texts =
            |pairs: &[(&'static str, &str)]| Some(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>());
        assert_eq!(parameters("/a/%252F%C3%BC/by/g%2F1/c"), texts(&[("x", "%2F\u{fc}"), ("path", "g/1/c")]));
        assert_eq!(parameters("/a/b/by"), texts(&[("x", "b")]));
        assert_eq!(parameters("/a/b/of/c"), None);
    }

    #[test]
    #[should_panic(expected = "stands twice")]
    fn a_row_stands_once() {
        let _ = Table::new(vec![row(Method::GET, "/a"), row(Method::GET, "/a/")]);
    }
}
