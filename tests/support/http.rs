//! A client that sends exactly what it is told: odd paths, repeated headers and broken bodies go out byte for byte, and the
//! answer comes back with its headers in order. One connection per request; redirects are not followed.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One request. `target` is what stands in the request line.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One answer. Header names are in lower case.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self { method: method.to_owned(), target: target.into(), ..Self::default() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The body as a form; sets the content type unless one is there.
    #[must_use]
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        self.body = form_urlencoded(pairs).into_bytes();
        self.or_content_type("application/x-www-form-urlencoded")
    }

    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.or_content_type("application/json")
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// HTTP Basic with both parts form-encoded (RFC 6749 §2.3.1).
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        use base64::Engine as _;
        let credentials = format!("{}:{}", percent(user), percent(password));
        self.header("Authorization", format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials)))
    }

    fn or_content_type(self, content_type: &str) -> Self {
        if self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            return self;
        }
        self.header("Content-Type", content_type)
    }

    /// Sends the request to `address` and reads the whole answer.
    pub async fn send(&self, address: &str) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&self.head(address)).await?;
        // A server that refuses early may close before the body is out; its answer counts all the same.
        let sent = stream.write_all(&self.body).await;
        let mut received = Vec::new();
        match stream.read_to_end(&mut received).await {
            Err(error) if received.is_empty() => return Err(sent.err().unwrap_or(error)),
            _ => {}
        }
        parse(&received, self.method == "HEAD")
            .ok_or_else(|| io::Error::other(format!("no HTTP answer: {:?}", String::from_utf8_lossy(&received))))
    }

    fn head(&self, address: &str) -> Vec<u8> {
        let given = |name: &str| self.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !given("host") {
            head += &format!("Host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if (!self.body.is_empty() || self.method == "POST" || self.method == "PUT") && !given("content-length") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "Connection: close\r\n\r\n";
        head.into_bytes()
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A string field of a JSON body; fails the test when it is not there.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        match self.json().as_ref().and_then(|body| body[name].as_str()) {
            Some(value) => value.to_owned(),
            None => panic!("the answer has no {name}: {} {}", self.status, self.text()),
        }
    }

    /// The answer itself, if its status is 2xx; fails the test otherwise.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "refused: {} {}", self.status, self.text());
        self
    }

    /// Asserts an OAuth error (RFC 6749 §5.2) by code and description.
    #[track_caller]
    pub fn is_refused(&self, error: &str, description: &str) {
        let body = self.json().unwrap_or_default();
        let got = (body["error"].as_str(), body["error_description"].as_str());
        assert_eq!(got, (Some(error), Some(description)), "status {}: {}", self.status, self.text());
    }
}

fn parse(received: &[u8], head_only: bool) -> Option<Answer> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    if status == 100 {
        return parse(&received[end + 4..], head_only);
    }
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
    let body = match &received[end + 4..] {
        _ if head_only => Vec::new(),
        body if chunked => unchunk(body)?,
        body => body.to_vec(),
    };
    Some(Answer { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// A form body, every byte but unreserved ones escaped.
pub fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name), percent(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// `text` with everything escaped that is not unreserved (RFC 3986 §2.3).
pub fn percent(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

#[test]
fn chunked_and_plain_bodies_are_read() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    assert_eq!(parse(chunked, false).expect("an answer").body, b"abcde");
    let plain = b"HTTP/1.1 404 Not Found\r\nX-A: b\r\n\r\nxy";
    let answer = parse(plain, false).expect("an answer");
    assert_eq!((answer.status, answer.header("x-a"), answer.body.as_slice()), (404, Some("b"), &b"xy"[..]));
}
