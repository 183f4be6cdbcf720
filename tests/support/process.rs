//! A real `keywright serve` process on a real sled directory, for tests that kill, trace or restart it; and the same directory
//! opened in this process, for what such a test must prepare.
#![allow(clippy::disallowed_methods, reason = "a process starts and prints in real time")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keywright::config::Config;
use keywright::embed::Keywright;
use keywright::keyring::KeySource;

/// How long a process of the dev profile may take to start on the slowest machine that runs these tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Killed when it is dropped.
pub struct ServerProcess {
    child: Child,
    /// `http://localhost:PORT`, what the issuer begins with.
    pub url: String,
    output: Arc<Mutex<String>>,
}

impl ServerProcess {
    /// `keywright serve` in the working directory `home`, where `data` and `keys` are; ready to answer for `realm`.
    pub async fn start(home: &Path, realm: &str) -> Self {
        Self::start_with(&[], home, realm, &[]).await
    }

    /// `keywright serve --dev` in the working directory `home`.
    pub async fn start_dev(home: &Path) -> Self {
        Self::start_with(&[], home, "master", &["--dev"]).await
    }

    /// The same, run by another program: `wrapper` is put before the server's command line.
    pub async fn start_with(wrapper: &[&OsStr], home: &Path, realm: &str, arguments: &[&str]) -> Self {
        install_tls();
        let port = port_of(home);
        let mut words = wrapper.to_vec();
        words.push(OsStr::new(env!("CARGO_BIN_EXE_keywright")));
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .arg("serve")
            .args(arguments)
            .args(["--http-host", "127.0.0.1", "--http-port", &port.to_string(), "--management-port", "off"])
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|problem| panic!("{} does not start: {problem}", words[0].display()));
        let output = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("piped above"), output.clone());
        collect(child.stderr.take().expect("piped above"), output.clone());
        let mut server = Self { child, url: format!("http://localhost:{port}"), output };
        server.wait_until_ready(realm).await;
        server
    }

    /// `{url}/auth/realms/{realm}`
    pub fn issuer(&self, realm: &str) -> String {
        format!("{}/auth/realms/{realm}", self.url)
    }

    /// Everything that it printed so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line of its output that `wanted` accepts, which may still be on its way.
    pub async fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let output = self.output();
            if let Some(line) = output.lines().find(|line| wanted(line)) {
                return line.to_owned();
            }
            assert!(begin.elapsed() < PATIENCE, "it never printed the line that this test waits for:\n{output}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("an own child can be killed");
        self.child.wait().expect("an own child can be waited for");
    }

    /// SIGTERM, as an operator stops it.
    pub fn stop(mut self) -> ExitStatus {
        signal("-TERM", self.pid());
        self.child.wait().expect("an own child can be waited for")
    }

    /// Waits for the end of a process that somebody else ended.
    pub fn ended(mut self) {
        self.child.wait().expect("an own child can be waited for");
    }

    async fn wait_until_ready(&mut self, realm: &str) {
        let (begin, http) = (Instant::now(), reqwest::Client::new());
        loop {
            if let Ok(answer) = http.get(self.issuer(realm)).send().await
                && answer.status() == 200
            {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("an own child can be asked") {
                panic!("the server ended with {status}:\n{}", self.output());
            }
            assert!(begin.elapsed() < PATIENCE, "the server is not ready after {PATIENCE:?}:\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs `work` on an issuer in this process, in the working directory `home`, and closes its store.
pub fn in_process<T: Send>(home: &Path, work: impl AsyncFnOnce(&Keywright) -> T + Send) -> T {
    let mut config = Config::default();
    config.store.directory = home.join("data");
    config.keys.directory = home.join("keys");
    config.http.port = port_of(home);
    // A runtime of its own ends with everything that runs on it, so the store is closed when this returns.
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let keywright = Keywright::builder(config).key_source(KeySource::Fixed).build().await.expect("an issuer starts");
                let result = work(&keywright).await;
                keywright.close().await.expect("the store closes");
                result
            })
        });
        thread.join().expect("the work is done")
    })
}

/// `reqwest` does not come with cryptography of its own; a client of it asks the process for its default, even for plain HTTP.
pub fn install_tls() {
    // Another test may have been first.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
}

/// Sends a signal by its name (`-TERM`).
pub fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([name, &pid.to_string()]).status().expect("kill is installed");
    assert!(status.success(), "kill {name} {pid}: {status}");
}

fn collect(stream: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            into.push_str(&line);
            into.push('\n');
        }
    });
}

/// The port of all servers in this working directory: the issuer names it, and tokens outlive the process.
pub fn port_of(home: &Path) -> u16 {
    let file = home.join("port");
    if let Some(port) = fs::read_to_string(&file).ok().and_then(|port| port.parse().ok()) {
        return port;
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = listener.expect("a port is free").port();
    fs::create_dir_all(home).expect("a directory");
    fs::write(file, port.to_string()).expect("a file");
    port
}
