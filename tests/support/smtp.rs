//! A real mail server (aiosmtpd, installed by `tests/clients/setup.sh`) that keeps what it is sent.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::upstream;

/// Runs until the test ends.
pub struct MailServer {
    pub port: u16,
    /// The certificate authority of a server with TLS, as a PEM file.
    pub ca_file: std::path::PathBuf,
    process: Child,
    mails: Receiver<Value>,
    _files: TempDir,
}

impl MailServer {
    /// Without TLS; whoever knows the port may send.
    pub fn start() -> Self {
        Self::run("plain", None)
    }

    /// With STARTTLS, as `localhost`.
    pub fn start_tls_on_demand(credentials: Option<(&str, &str)>) -> Self {
        Self::run("starttls", credentials)
    }

    /// With TLS from the first byte on, as `localhost`.
    pub fn start_tls(credentials: Option<(&str, &str)>) -> Self {
        Self::run("tls", credentials)
    }

    fn run(mode: &str, credentials: Option<(&str, &str)>) -> Self {
        let files = tempfile::tempdir().unwrap();
        let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients").join("smtp/bin/python");
        let mut command = Command::new(installed);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/smtp/sink.py")).arg(mode);
        let (authority, chain, key) = upstream::pem();
        let ca_file = files.path().join("ca.pem");
        std::fs::write(&ca_file, authority).unwrap();
        if mode != "plain" {
            for (name, content) in [("chain.pem", chain), ("key.pem", key)] {
                std::fs::write(files.path().join(name), content).unwrap();
                command.arg(files.path().join(name));
            }
        }
        if let Some((user, password)) = credentials {
            command.args([user, password]);
        }
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the mail server starts; run tests/clients/setup.sh");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .next()
            .and_then(|line| line.strip_prefix("port ")?.parse().ok())
            .expect("the mail server tells its port");
        let (sender, mails) = channel();
        thread::spawn(move || lines.try_for_each(|line| sender.send(serde_json::from_str(&line).unwrap()).map_err(drop)));
        Self { port, ca_file, process, mails, _files: files }
    }

    /// The next mail: `from`, `to`, `data`, `tls`, `user`.
    pub fn mail(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(20)).expect("a mail arrives")
    }

    /// Whether nothing has arrived that [`MailServer::mail`] did not give.
    pub fn is_empty(&self) -> bool {
        self.mails.try_recv().is_err()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
