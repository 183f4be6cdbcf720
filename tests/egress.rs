//! What the issuer fetches and what it must not: a real server answers, over TLS too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use keywright::base::clock::SettableClock;
use keywright::base::env::Env;
use keywright::config;
use keywright::egress::cache::MIN_INTERVAL;
use keywright::egress::{Egress, EgressError, Request};

use crate::support::app::START;
use crate::support::upstream::{Reply, Upstream, closed_port};

struct Fetching {
    egress: Egress,
    clock: Arc<SettableClock>,
}

/// An egress whose `allow` names these.
fn fetching(allow: &[&str], change: impl FnOnce(&mut config::Egress)) -> Fetching {
    let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
    let mut settings = config::Egress { allow, ..config::Egress::default() };
    change(&mut settings);
    let clock = Arc::new(SettableClock::at(START));
    let env = Env { clock: Arc::clone(&clock) as _, ..Env::system() };
    Fetching { egress: Egress::new(&settings, env).unwrap(), clock }
}

impl Fetching {
    async fn get(&self, url: &str) -> Result<String, EgressError> {
        let response = self.egress.fetch(&Request::get(url, "*/*")).await?;
        Ok(String::from_utf8(response.body).unwrap())
    }

    async fn document(&self, url: &str) -> Result<String, EgressError> {
        let document = self.egress.document(url, "*/*").await?;
        Ok(String::from_utf8(document.body.clone()).unwrap())
    }
}

fn is_forbidden(fetched: Result<String, EgressError>) -> bool {
    matches!(fetched, Err(EgressError::Forbidden(_)))
}

#[tokio::test]
async fn get_and_post_say_what_they_should() {
    let upstream = Upstream::start(|asked| Reply {
        headers: vec![("Content-Type".to_owned(), "Application/JSON; charset=utf-8".to_owned())],
        ..Reply::ok(asked.body.clone())
    });
    let fetching = fetching(&["localhost"], |_| {});
    let response = fetching.egress.fetch(&Request::post(&upstream.url("/a?b=c"), "text/plain", b"hello".to_vec())).await.unwrap();
    assert_eq!((response.status, response.media_type.as_deref(), &*response.body), (200, Some("application/json"), &b"hello"[..]));
    fetching.egress.fetch(&Request::get(&upstream.url("/k"), "application/json")).await.unwrap();
    let [post, get] = upstream.asked().try_into().unwrap();
    assert_eq!(post.path, "/a?b=c");
    assert!(post.head.starts_with("POST ") && post.head.contains("content-type: text/plain"), "{}", post.head);
    assert!(get.head.starts_with("GET ") && get.head.contains("accept: application/json") && get.head.contains("user-agent: Keywright/"));
    assert!(!get.head.contains("referer"), "{}", get.head);
}

/// A server that listens on loopback is the prize of every forged URL.
#[tokio::test]
async fn an_address_that_is_not_public_is_reached_by_permission_only() {
    let upstream = Upstream::start(|_| Reply::ok("secret"));
    let port = upstream.port;
    let nothing = fetching(&[], |_| {});
    for host in
        ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"]
    {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            assert!(is_forbidden(nothing.get(&url).await), "{url}");
        }
    }
    assert!(is_forbidden(nothing.get("http://169.254.169.254/latest/meta-data/").await));
    assert!(is_forbidden(nothing.get("http://8.8.8.8/").await), "plain http needs permission even to a public address");
    assert_eq!(fetching(&["127.0.0.0/8", "::1"], |_| {}).get(&upstream.url("/")).await.unwrap(), "secret");
    assert_eq!(fetching(&["localhost"], |_| {}).get(&upstream.url("/")).await.unwrap(), "secret");
    assert!(is_forbidden(fetching(&["other.internal"], |_| {}).get(&upstream.url("/")).await));
    assert_eq!(upstream.asked().len(), 2, "nobody was connected who may not be");
}

#[tokio::test]
async fn only_http_urls_without_credentials_are_fetched() {
    let fetching = fetching(&["localhost"], |_| {});
    let long = format!("http://localhost/{}", "x".repeat(3000));
    for url in ["file:///etc/passwd", "ftp://localhost/", "gopher://localhost/", "data:text/plain,x", "localhost", "", "http://", &long] {
        assert!(matches!(fetching.get(url).await, Err(EgressError::Url(..))), "{url}");
    }
    for url in ["http://user@localhost/", "http://user:password@localhost/"] {
        let error = fetching.get(url).await.unwrap_err();
        assert!(matches!(error, EgressError::Url(..)) && !error.to_string().contains("password"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_and_judged_like_a_url_of_its_own() {
    let hidden = Upstream::start(|_| Reply::ok("hidden"));
    let inside = format!("http://127.0.0.1:{}/", hidden.port);
    let upstream = Upstream::start(move |asked| match &*asked.path {
        "/relative" => Reply::redirect("/end"),
        "/inside" => Reply::redirect(&inside),
        "/file" => Reply::redirect("file:///etc/passwd"),
        "/loop" => Reply::redirect("/loop"),
        _ => Reply::ok("end"),
    });
    let fetching = fetching(&["localhost"], |_| {});
    assert_eq!(fetching.get(&upstream.url("/relative")).await.unwrap(), "end");
    assert!(is_forbidden(fetching.get(&upstream.url("/inside")).await));
    assert!(hidden.asked().is_empty());
    assert!(matches!(fetching.get(&upstream.url("/file")).await, Err(EgressError::Url(..))));
    assert_eq!(fetching.get(&upstream.url("/loop")).await, Err(EgressError::Redirects));
    let post = Request::post(&upstream.url("/relative"), "text/plain", b"token".to_vec()).url.to_owned();
    let answer = fetching.egress.fetch(&Request::post(&post, "text/plain", b"token".to_vec())).await.unwrap();
    assert_eq!(answer.status, 302, "a body goes to nobody but the one it is for");
}

#[tokio::test]
async fn size_and_time_are_bounded() {
    let upstream = Upstream::start(|asked| match &*asked.path {
        "/large" => Reply::ok(vec![b'x'; 2 << 10]),
        "/slow" => Reply { pause: Duration::from_millis(200), ..Reply::ok("x".repeat(100)) },
        _ => Reply::ok(vec![b'x'; 1 << 10]),
    });
    let fetching = fetching(&["localhost"], |settings| (settings.max_body_kib, settings.timeout_seconds) = (1, 1));
    assert_eq!(fetching.get(&upstream.url("/")).await.unwrap().len(), 1 << 10);
    assert_eq!(fetching.get(&upstream.url("/large")).await, Err(EgressError::TooLarge(1 << 10)));
    assert_eq!(fetching.get(&upstream.url("/slow")).await, Err(EgressError::Timeout(Duration::from_secs(1))));
}

#[tokio::test]
async fn tls_needs_a_trusted_authority_and_the_right_name() {
    let upstream = Upstream::start_tls(|_| Reply::ok("over TLS"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), upstream.authority.as_ref().unwrap()).unwrap();
    let allow = ["127.0.0.0/8", "::1"];
    let trusting = fetching(&allow, |settings| settings.ca_file = Some(file.path().to_owned()));
    assert_eq!(trusting.get(&upstream.url("/")).await.unwrap(), "over TLS");
    let refused =
        |fetched: Result<String, EgressError>| matches!(fetched, Err(EgressError::Failed(reason)) if reason.contains("certificate"));
    assert!(refused(trusting.get(&format!("https://127.0.0.1:{}/", upstream.port)).await), "the certificate is for localhost");
    assert!(refused(fetching(&allow, |_| {}).get(&upstream.url("/")).await), "the authority is unknown");
    assert_eq!(upstream.asked().len(), 1);

    std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for path in [file.path(), "/nowhere/ca.pem".as_ref()] {
        let settings = config::Egress { ca_file: Some(path.to_owned()), ..config::Egress::default() };
        assert_eq!(Egress::new(&settings, Env::system()).err().unwrap().key, "egress.ca_file");
    }
}

#[tokio::test]
async fn fifty_who_want_a_document_fetch_it_once() {
    let upstream = Upstream::start(|_| Reply { pause: Duration::from_millis(20), ..Reply::ok("keys") });
    let fetching = Arc::new(fetching(&["localhost"], |_| {}));
    let url = upstream.url("/certs");
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (fetching, url) = (Arc::clone(&fetching), url.clone());
            tokio::spawn(async move { fetching.document(&url).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "keys");
    }
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_document_is_fetched_again_when_it_is_old_or_lacks_something_but_not_at_anybodys_pleasure() {
    let upstream = Upstream::start(|_| Reply::ok("keys"));
    let Fetching { egress, clock } = fetching(&["localhost"], |settings| settings.cache_seconds = 100);
    let url = upstream.url("/certs");
    let seen = egress.document(&url, "*/*").await.unwrap();
    for _ in 0..20 {
        assert_eq!(egress.newer_document(&url, "*/*", &seen).await.unwrap(), seen, "too early");
    }
    assert_eq!(upstream.asked().len(), 1);
    clock.advance_seconds(MIN_INTERVAL);
    let newer = egress.newer_document(&url, "*/*", &seen).await.unwrap();
    assert!(newer.fetched > seen.fetched && upstream.asked().len() == 2);
    assert_eq!(egress.newer_document(&url, "*/*", &seen).await.unwrap(), newer, "somebody fetched it meanwhile");
    clock.advance_seconds(99);
    egress.document(&url, "*/*").await.unwrap();
    assert_eq!(upstream.asked().len(), 2);
    clock.advance_seconds(1);
    egress.document(&url, "*/*").await.unwrap();
    assert_eq!(upstream.asked().len(), 3);
}

#[tokio::test]
async fn a_host_that_fails_is_asked_rarely_and_its_last_document_is_used_for_a_day() {
    let status = Arc::new(AtomicU16::new(500));
    let answering = Arc::clone(&status);
    let upstream = Upstream::start(move |_| Reply { status: answering.load(Ordering::SeqCst), ..Reply::ok("keys") });
    let fetching = fetching(&["localhost"], |settings| settings.cache_seconds = 100);
    let url = upstream.url("/certs");
    for _ in 0..5 {
        assert_eq!(fetching.document(&url).await, Err(EgressError::Status(500)));
    }
    assert_eq!(upstream.asked().len(), 1);
    status.store(200, Ordering::SeqCst);
    fetching.clock.advance_seconds(MIN_INTERVAL);
    assert_eq!(fetching.document(&url).await.unwrap(), "keys");
    status.store(503, Ordering::SeqCst);
    fetching.clock.advance_seconds(24 * 3600 - 1);
    assert_eq!(fetching.document(&url).await.unwrap(), "keys");
    fetching.clock.advance_seconds(1);
    assert_eq!(fetching.document(&url).await, Err(EgressError::Status(503)));
    let nobody = format!("http://localhost:{}/", closed_port());
    assert!(matches!(fetching.document(&nobody).await, Err(EgressError::Failed(_))));
}

/// Whoever breaks off his request in the middle must not spoil the answer for those who wait.
#[tokio::test]
async fn a_caller_who_goes_away_leaves_the_fetch_running() {
    let upstream = Upstream::start(|_| Reply { pause: Duration::from_millis(50), ..Reply::ok("keys") });
    let fetching = Arc::new(fetching(&["localhost"], |_| {}));
    let url = upstream.url("/certs");
    let given_up = tokio::time::timeout(Duration::from_millis(60), fetching.document(&url)).await;
    assert!(given_up.is_err());
    assert_eq!(fetching.document(&url).await.unwrap(), "keys");
    assert_eq!(upstream.asked().len(), 1);
}
