//! HTTP/2 by hand, frame by frame: how many requests a connection may have open, and how long it may stand idle. No client library
//! would send what these send.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use super::certificates::Authority;
use crate::support::app::TestApp;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Kinds of frames (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

struct Connection(TlsStream<TcpStream>);

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
}

async fn server() -> (TestApp, Authority) {
    let authority = Authority::new();
    let (certificate, key) = authority.server("one", 30);
    let app = TestApp::builder().configure(move |config| {
        (config.https.certificate_file, config.https.certificate_key_file) = (Some(certificate), Some(key));
        config.https.port = 0;
        (config.http.body_timeout_seconds, config.http.keep_alive_seconds) = (20, 2);
    });
    (app.start().await, authority)
}

impl Connection {
    /// Speaks TLS and says hello; what the server says to that is left in the stream.
    async fn open(app: &TestApp, authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority.root()).expect("a certificate")).expect("a root");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(("127.0.0.1", app.keywright.app().config.https.port)).await.expect("it listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = Self(TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS"));
        connection.0.write_all(PREFACE).await.expect("sent");
        connection.send(SETTINGS, 0, 0, &[]).await;
        connection
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.0.write_all(&frame).await.ok();
    }

    /// A token request whose body does not come with it.
    async fn ask(&mut self, stream: u32) {
        let path = b"/auth/realms/master/protocol/openid-connect/token";
        let kind = b"application/x-www-form-urlencoded";
        let length = |text: &[u8]| u8::try_from(text.len()).expect("short");
        // RFC 7541 appendix A: 3 is `:method: POST`, 7 `:scheme: https`; 4 names `:path`, 1 `:authority`, 31 `content-type`.
        let head = [&[0x83, 0x87, 0x04, length(path)][..], path, &[0x01, 9], b"localhost", &[0x0f, 0x10, length(kind)], kind].concat();
        self.send(HEADERS, END_HEADERS, stream, &head).await;
    }

    /// The next frame; `None` when the server has closed.
    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).expect("24 bits");
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        if head[3] == PING && head[4] & ACK == 0 {
            // Whoever does not answer is taken for dead, and that is not what is tested here.
            self.send(PING, ACK, 0, &payload).await;
        }
        Some(Frame { kind: head[3], flags: head[4], stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) })
    }

    /// The streams besides `known` that are answered or refused, until there are `count` of them.
    async fn answered(&mut self, count: usize, known: &[u32]) -> Vec<u32> {
        let mut streams = Vec::new();
        let reading = async {
            while streams.len() < count {
                let frame = self.next().await.expect("the connection is open");
                let ends = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
                if (ends || frame.kind == RST_STREAM) && !streams.contains(&frame.stream) && !known.contains(&frame.stream) {
                    streams.push(frame.stream);
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), reading).await.expect("as many as expected");
        streams.sort_unstable();
        streams
    }

    /// Whether the server closes within `patience`.
    async fn closes(&mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, async { while self.next().await.is_some() {} }).await.is_ok()
    }
}

/// Requests beyond a hundred at once are refused at once, and the others are not harmed: they are answered when their bodies come.
#[tokio::test]
async fn a_connection_has_a_hundred_requests_open_and_no_more() {
    let (app, authority) = server().await;
    let mut connection = Connection::open(&app, &authority).await;
    let streams: Vec<u32> = (0..130).map(|number| 2 * number + 1).collect();
    for stream in &streams {
        connection.ask(*stream).await;
    }
    let refused = connection.answered(30, &[]).await;
    assert_eq!(refused, streams[100..], "those beyond the hundredth, and nobody else before his time");
    for stream in &streams[..100] {
        connection.send(DATA, END_STREAM, *stream, b"grant_type=password").await;
    }
    assert_eq!(connection.answered(100, &refused).await, streams[..100], "the others took no harm");
    app.get("/realms/master").await.ok();
}

/// Whoever goes on asking after a thousand refusals does not listen.
#[tokio::test]
async fn a_connection_that_ignores_refusals_is_closed() {
    let (app, authority) = server().await;
    let mut connection = Connection::open(&app, &authority).await;
    for number in 0..1200 {
        connection.ask(2 * number + 1).await;
    }
    assert!(connection.closes(Duration::from_secs(15)).await, "before any of its requests timed out");
    app.get("/realms/master").await.ok();
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (app, authority) = server().await;
    let mut connection = Connection::open(&app, &authority).await;
    assert!(!connection.closes(Duration::from_secs(1)).await, "it may stand idle for a while");
    assert!(connection.closes(Duration::from_secs(10)).await);
    app.get("/realms/master").await.ok();
}
