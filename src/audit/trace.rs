//! A span for each request, sent to a collector by OTLP over HTTP in JSON (OpenTelemetry protocol 1.3). A caller's `traceparent` (W3C Trace
//! Context) is gone on with, and his decision whether to trace is ours. A span tells method, route and status: no path, no
//! parameter, no name of anybody.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::config::Tracing;
use crate::egress::{Egress, EgressError, Request};

/// Spans that wait for the collector at the most; the oldest go first.
const WAITING: usize = 8192;
/// Spans of one message.
const STEP: usize = 512;
/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// Collects spans.
pub struct Traces {
    /// With `/v1/traces`.
    url: Option<String>,
    settings: Tracing,
    waiting: Mutex<VecDeque<Value>>,
}

/// A request that is traced.
pub struct Span {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    start: Timestamp,
}

impl Traces {
    pub fn new(settings: &Tracing) -> Self {
        let url = settings.endpoint.as_ref().map(|endpoint| format!("{}/v1/traces", endpoint.trim_end_matches('/')));
        Self { url, settings: settings.clone(), waiting: Mutex::default() }
    }

    /// The span of a request that begins, if it is traced. `traceparent` is the header of that name.
    pub fn begin<'h>(&self, env: &Env, traceparent: impl FnOnce() -> Option<&'h str>) -> Option<Span> {
        self.url.as_ref()?;
        let random = || u64::from_be_bytes(env.random().bytes());
        let span = |trace, parent| Span { trace, id: random(), parent, start: env.now() };
        match traceparent().and_then(parse) {
            Some((trace, parent, true)) => Some(span(trace, Some(parent))),
            Some((_, _, false)) => None,
            None => {
                let trace = u128::from_be_bytes(env.random().bytes());
                (trace % 100 < u128::from(self.settings.sample_percent)).then(|| span(trace, None))
            }
        }
    }

    /// The request was answered.
    pub fn end(&self, span: &Span, method: &str, route: &str, status: u16, took: Duration) {
        let start = i128::from(span.start.millis()) * 1_000_000;
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let mut ended = json!({
            "traceId": format!("{:032x}", span.trace),
            "spanId": format!("{:016x}", span.id),
            "name": format!("{method} {route}"),
            "kind": SERVER,
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + i128::try_from(took.as_nanos()).unwrap_or(0)).to_string(),
            "attributes": [
                text("http.request.method", method),
                text("http.route", route),
                {"key": "http.response.status_code", "value": {"intValue": status.to_string()}},
            ],
            "status": if status >= 500 { json!({"code": ERROR}) } else { json!({}) },
        });
        if let Some(parent) = span.parent {
            ended["parentSpanId"] = format!("{parent:016x}").into();
        }
        let mut waiting = self.waiting();
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back(ended);
    }

    /// Sends what waits. What the collector does not take is lost.
    ///
    /// # Errors
    /// The collector cannot be reached or refuses.
    pub async fn flush(&self, egress: &Egress) -> Result<(), EgressError> {
        let Some(url) = &self.url else { return Ok(()) };
        loop {
            let spans: Vec<Value> = {
                let mut waiting = self.waiting();
                let count = waiting.len().min(STEP);
                waiting.drain(..count).collect()
            };
            if spans.is_empty() {
                return Ok(());
            }
            let message = json!({"resourceSpans": [{
                "resource": {"attributes": [
                    {"key": "service.name", "value": {"stringValue": self.settings.service_name}},
                    {"key": "service.version", "value": {"stringValue": env!("CARGO_PKG_VERSION")}},
                ]},
                "scopeSpans": [{"scope": {"name": "keywright"}, "spans": spans}],
            }]});
            let answer = egress.fetch(&Request::post(url, "application/json", message.to_string().into_bytes())).await?;
            if !(200..300).contains(&answer.status) {
                return Err(EgressError::Status(answer.status));
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Trace, parent and whether the caller traces (W3C Trace Context §3.2). `None` for what is malformed: then it counts as absent.
fn parse(header: &str) -> Option<(u128, u64, bool)> {
    let mut parts = header.trim().split('-');
    let hex = |part: Option<&str>, length: usize| {
        part.filter(|text| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
            .map(str::to_owned)
    };
    let version = hex(parts.next(), 2)?;
    let trace = u128::from_str_radix(&hex(parts.next(), 32)?, 16).ok()?;
    let parent = u64::from_str_radix(&hex(parts.next(), 16)?, 16).ok()?;
    let flags = u8::from_str_radix(&hex(parts.next(), 2)?, 16).ok()?;
    // Version 0 has four parts; later ones may have more. Zeros are no ids.
    let known = version != "ff" && (version != "00" || parts.next().is_none());
    (known && trace != 0 && parent != 0).then_some((trace, parent, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_understood_or_absent() {
        let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let good = |flags: &str| parse(&format!("00-{trace}-{parent}-{flags}"));
        assert_eq!(good("01"), Some((0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331, true)));
        assert_eq!(good("00").map(|(_, _, sampled)| sampled), Some(false));
        assert!(parse(&format!("01-{trace}-{parent}-01-more")).is_some());
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            "garbage".to_owned(),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-01-more"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{zeros}-{parent}-01"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{trace}-{parent}-é1"),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }
}
