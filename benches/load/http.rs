//! A client that disturbs as little as possible: one thread, one keep-alive connection per caller, HTTP/1.1 by hand. It
//! understands just what this server sends, and refuses anything else instead of guessing.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer takes this long only when the server hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// One keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    head: usize,
}

/// A complete answer, borrowed from the connection until its next call.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::with_capacity(4096), answer: Vec::with_capacity(16 * 1024), head: 0 })
    }

    pub async fn get(&mut self, path: &str) -> io::Result<Answer<'_>> {
        self.request.clear();
        self.request
            .extend_from_slice(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n").as_bytes());
        self.call().await
    }

    /// Posts a form that is already percent-encoded; `authorization` is the value of that header.
    pub async fn post(&mut self, path: &str, authorization: Option<&str>, form: &str) -> io::Result<Answer<'_>> {
        self.request.clear();
        let authorization = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{authorization}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            form.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(form.as_bytes());
        self.call().await
    }

    async fn call(&mut self) -> io::Result<Answer<'_>> {
        tokio::time::timeout(PATIENCE, self.exchange()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn exchange(&mut self) -> io::Result<Answer<'_>> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let length = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = self.answer.windows(4).position(|window| window == b"\r\n\r\n") {
                self.head = end + 4;
                break content_length(&self.answer[..end])?;
            }
        };
        while self.answer.len() < self.head + length {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Answer { status: status(&self.answer)?, body: &self.answer[self.head..] })
    }
}

impl Answer<'_> {
    /// The string member `name` of a flat JSON body without escapes, which token answers are.
    pub fn member(&self, name: &str) -> Option<&str> {
        string_member(self.body, name)
    }

    /// For the message of a failed check.
    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(self.body))
    }
}

/// The value of the first `"name":"value"` in `json`.
pub fn string_member<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(json).ok()?;
    let start = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
    text[start..].split('"').next()
}

fn status(answer: &[u8]) -> io::Result<u16> {
    std::str::from_utf8(answer.get(9..12).unwrap_or_default())
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| io::Error::other("not an HTTP/1.1 status line"))
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(|| io::Error::other("an answer without a length"))
}
