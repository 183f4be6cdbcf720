//! The program as an operator has it: command lines, settings, standard output, exit codes, signals.

#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod administration;
mod backup;
mod completions;
mod config;
mod doctor;
mod documentation;
mod import;
mod kcadm;
mod packaging;
mod remote;
mod serve;
mod token;

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a process of the dev profile may take for one step on the slowest machine that runs these tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// A working directory with the program in it: `./data` and `./keys` are its own, its environment is empty.
struct Desk {
    directory: TempDir,
}

impl Desk {
    fn new() -> Self {
        crate::support::process::install_tls();
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("the directory is ours");
    }

    /// The program with these words; `NAME=value` in front of them sets its environment.
    fn command(&self, words: &str) -> Command {
        let is_variable =
            |word: &&str| word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        let words: Vec<&str> = words.split_whitespace().collect();
        let variables = words.iter().take_while(|word| is_variable(word)).count();
        let mut command = Command::new(env!("CARGO_BIN_EXE_keywright"));
        command
            .env_clear()
            .envs(words[..variables].iter().filter_map(|word| word.split_once('=')))
            .args(&words[variables..]);
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command that ends by itself.
    fn run(&self, words: &str) -> Ended {
        Ended::from(self.command(words).output().expect("the program starts"))
    }

    /// Runs a command whose words may have spaces in them, with something on its standard input.
    fn feed(&self, words: &[&str], input: &str) -> Ended {
        let mut command = self.command("");
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A command that reads nothing may have closed its end.
        child.stdin.take().expect("piped").write_all(input.as_bytes()).ok();
        Ended::from(child.wait_with_output().expect("the program ends"))
    }

    /// Runs a command that must succeed; its standard output.
    fn done(&self, words: &[&str]) -> String {
        let ended = self.feed(words, "");
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        ended.out
    }

    /// The same, as JSON.
    fn json(&self, words: &[&str]) -> serde_json::Value {
        let out = self.done(words);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?} answers no JSON ({error}): {out}"))
    }

    /// A store with realm master and administrator admin, password `first`; nobody serves it.
    fn with_store() -> Self {
        let desk = Self::new();
        let ended = desk.serve("KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD=first serve").stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        desk
    }

    /// Starts a server on ports that the system chooses and waits until it serves.
    fn serve(&self, words: &str) -> Server {
        let mut server = self.start(words);
        let line = server.wait_for_log("\"message\":\"serving\"");
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name} in {line}"));
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        server.base_url = field("base_url");
        let port = field("address").rsplit(':').next().unwrap_or_default().to_owned();
        server.address = format!("127.0.0.1:{port}");
        server.management = format!("http://127.0.0.1:{}", field("management_port"));
        server
    }

    /// Starts a server and waits for nothing.
    fn start(&self, words: &str) -> Server {
        let fixed =
            "KEYWRIGHT_HTTP__HOST=127.0.0.1 KEYWRIGHT_MANAGEMENT__HOST=127.0.0.1 KEYWRIGHT_HTTP__PORT=0 KEYWRIGHT_MANAGEMENT__PORT=0";
        let mut child = self
            .command(&format!("{fixed} {words}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (out, log) = (Lines::default(), Lines::default());
        let readers = [out.collect(child.stdout.take().expect("piped")), log.collect(child.stderr.take().expect("piped"))];
        let unknown = String::new;
        Server { child, out, log, readers: readers.into(), base_url: unknown(), address: unknown(), management: unknown() }
    }
}

/// What a command left behind.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    log: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes text");
        Self { code: output.status.code(), out: text(output.stdout), log: text(output.stderr) }
    }
}

/// A running server. Killed when it is dropped.
struct Server {
    child: Child,
    out: Lines,
    log: Lines,
    readers: Vec<std::thread::JoinHandle<()>>,
    /// What its issuers begin with.
    base_url: String,
    /// Where it listens.
    address: String,
    /// The root of its management listener.
    management: String,
}

impl Server {
    /// The first log line that contains `text`.
    fn wait_for_log(&mut self, text: &str) -> String {
        let log = self.log.clone();
        self.wait_for(&log, text)
    }

    /// What standard output has when a line of it contains `text`. It is a pipe of its own: it may come later than the log.
    fn wait_for_out(&mut self, text: &str) -> String {
        let out = self.out.clone();
        self.wait_for(&out, text);
        out.text()
    }

    fn wait_for(&mut self, lines: &Lines, text: &str) -> String {
        let begin = Instant::now();
        loop {
            if let Some(line) = lines.text().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let ended = self.child.try_wait().expect("an own child can be asked");
            assert!(
                ended.is_none() && begin.elapsed() < PATIENCE,
                "no {text:?} ({ended:?}) in\n{}\nlog:\n{}",
                lines.text(),
                self.log.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill is installed");
        assert!(status.success(), "kill {name}: {status}");
    }

    /// Waits for its end.
    fn end(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("an own child can be asked") {
                self.readers.drain(..).for_each(|reader| reader.join().expect("a reader reads to the end"));
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end:\n{}", self.log.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM, and what it says until it is gone.
    fn stop(mut self) -> Ended {
        self.signal("-TERM");
        let status = self.end();
        Ended { code: status.code(), out: self.out.text(), log: self.log.text() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a process writes, while it writes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Lines {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn collect(&self, stream: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&line);
                text.push('\n');
            }
        })
    }
}
