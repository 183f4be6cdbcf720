//! A real HTTP server for the issuer to fetch from, plain or over TLS with a certificate authority of its own. It answers what
//! the test says and remembers what it was asked.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What to answer to one request.
#[derive(Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Time between two bytes of the body.
    pub pause: Duration,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }
    }

    pub fn redirect(to: impl Into<String>) -> Self {
        Self { status: 302, headers: vec![("Location".to_owned(), to.into())], ..Self::default() }
    }
}

/// One request as it came: head and body.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

type Answerer = dyn Fn(&Asked) -> Reply + Send + Sync;

/// Listens until the test ends.
pub struct Upstream {
    pub port: u16,
    scheme: &'static str,
    /// The certificate authority, PEM.
    pub authority: Option<Vec<u8>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Upstream {
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, answer)
    }

    /// Over TLS, as `localhost`.
    pub fn start_tls(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Some(certificate()), answer)
    }

    fn listen(tls: Option<Tls>, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (scheme, authority) = if let Some(tls) = &tls { ("https", Some(tls.authority.clone())) } else { ("http", None) };
        let (answer, log): (Arc<Answerer>, _) = (Arc::new(answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, log, tls) = (Arc::clone(&answer), Arc::clone(&log), tls.as_ref().map(|tls| Arc::clone(&tls.config)));
                thread::spawn(move || {
                    let _client_gone = match tls {
                        Some(config) => serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), &*answer, &log),
                        None => serve(stream, &*answer, &log),
                    };
                });
            }
        });
        Self { port, scheme, authority, asked }
    }

    /// `http://localhost:PORT{path}`
    pub fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.port)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: impl Read + Write, answer: &Answerer, log: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        received.extend_from_slice(&buffer[..read]);
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let length = head
        .to_ascii_lowercase()
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    while received.len() < end + 4 + length.unwrap_or(0) {
        let read = stream.read(&mut buffer)?;
        received.extend_from_slice(&buffer[..read]);
    }
    let asked = Asked { path: head.split(' ').nth(1).unwrap_or_default().to_owned(), head, body: received[end + 4..].to_vec() };
    log.lock().unwrap().push(asked.clone());
    let reply = answer(&asked);
    let mut out = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        out += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{out}\r\n").as_bytes())?;
    if reply.pause.is_zero() {
        stream.write_all(&reply.body)?;
    } else {
        for byte in reply.body {
            stream.write_all(&[byte])?;
            stream.flush()?;
            thread::sleep(reply.pause);
        }
    }
    stream.flush()
}

struct Tls {
    config: Arc<ServerConfig>,
    authority: Vec<u8>,
}

/// A certificate for `localhost` by an authority that exists for one test.
fn certificate() -> Tls {
    let (authority_key, key) = (ec_key(), ec_key());
    let authority = x509("Test authority", &authority_key, None);
    let leaf = x509("localhost", &key, Some((&authority, &authority_key)));
    let chain = vec![leaf.to_der().unwrap().into(), authority.to_der().unwrap().into()];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.private_key_to_pkcs8().unwrap()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    Tls { config: Arc::new(config), authority: authority.to_pem().unwrap() }
}

/// The same as PEM, for servers that are no Rust: authority, chain, key.
pub fn pem() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (authority_key, key) = (ec_key(), ec_key());
    let authority = x509("Test authority", &authority_key, None);
    let leaf = x509("localhost", &key, Some((&authority, &authority_key)));
    let chain = [leaf.to_pem().unwrap(), authority.to_pem().unwrap()].concat();
    (authority.to_pem().unwrap(), chain, key.private_key_to_pem_pkcs8().unwrap())
}

fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn x509(name: &str, key: &PKey<Private>, issuer: Option<(&X509, &PKey<Private>)>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder
        .set_serial_number(&BigNum::from_u32(if issuer.is_some() { 2 } else { 1 }).unwrap().to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |(issuer, _)| issuer.subject_name())).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    if issuer.is_none() {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    } else {
        let names = SubjectAlternativeName::new()
            .dns(name)
            .build(&builder.x509v3_context(issuer.map(|(x509, _)| &**x509), None))
            .unwrap();
        builder.append_extension(names).unwrap();
    }
    builder.sign(issuer.map_or(key, |(_, key)| key), MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A port of this machine on which nobody answers; connections are refused.
pub fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
