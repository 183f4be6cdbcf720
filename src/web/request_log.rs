//! What is noted about each request: how many, how long, and one line of the log. No query string, because it may carry a code
//! or a token, and no body.

use std::net::IpAddr;

use actix_web::HttpRequest;

use crate::app::App;
use crate::audit::trace::Span;
use crate::base::metric::Stopwatch;
use crate::config::RequestLog;

/// The header in which a proxy tells its own id of a request.
const REQUEST_ID: &str = "x-request-id";
/// The span of the caller (W3C Trace Context).
const TRACE_PARENT: &str = "traceparent";
/// Characters of a foreign id that are believed.
const LONGEST_ID: usize = 64;

/// A request that is being answered. It also ends when its client goes away.
pub struct RequestNote<'a> {
    app: &'a App,
    route: Option<usize>,
    span: Option<Span>,
    watch: Stopwatch,
}

impl<'a> RequestNote<'a> {
    pub fn begin(app: &'a App, request: &HttpRequest) -> Self {
        app.audit.metrics.request_begins();
        let span = app.audit.traces.begin(&app.env, || request.headers().get(TRACE_PARENT)?.to_str().ok());
        Self { app, route: None, span, watch: Stopwatch::start() }
    }

    /// It means this route, by its place in the table.
    pub fn is_for(&mut self, route: Option<usize>) {
        self.route = route;
    }

    /// Its outcome. `address` is known unless the request was refused at once.
    pub fn answered(&self, request: &HttpRequest, address: Option<IpAddr>, status: u16) {
        let took = self.watch.elapsed();
        self.app.audit.metrics.request(self.route, status, took);
        if let Some(span) = &self.span {
            let route = self.app.audit.metrics.uri(self.route);
            self.app.audit.traces.end(span, request.method().as_str(), route, status, took);
        }
        let (method, path) = (request.method().as_str(), request.path());
        let milliseconds = took.as_secs_f64() * 1e3;
        macro_rules! line {
            ($level:ident) => {{
                let (id, address) = (id(request, self.app), address.map(|address| address.to_string()));
                tracing::$level!(target: "keywright::request", id, method, path, status, milliseconds, address, "answered");
            }};
        }
        match self.app.config.log.requests {
            RequestLog::Info if tracing::enabled!(target: "keywright::request", tracing::Level::INFO) => line!(info),
            RequestLog::Debug if tracing::enabled!(target: "keywright::request", tracing::Level::DEBUG) => line!(debug),
            _ => {}
        }
    }
}

impl Drop for RequestNote<'_> {
    fn drop(&mut self) {
        self.app.audit.metrics.request_ends();
    }
}

/// The proxy's id of the request if it is one, a fresh one otherwise.
fn id(request: &HttpRequest, app: &App) -> String {
    let sane = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let told = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    told.map_or_else(|| app.env.random().base64url::<9>(), str::to_owned)
}
