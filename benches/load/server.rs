//! The process under test: `keywright serve` on sled with its normal logging, and what Linux says that it uses.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs `work` while this thread does not push the server aside whenever an answer is there for it (sched(7), `SCHED_BATCH`).
/// Callers elsewhere would not either, and the switches, 0.85 for each request with a signature, would count as the server's.
pub async fn as_if_remote<T>(work: impl Future<Output = T>) -> T {
    let schedule = |policy: &str| {
        let done = Command::new("chrt").args([policy, "--pid", "0", &std::process::id().to_string()]).status();
        assert!(done.is_ok_and(|status| status.success()), "chrt is installed (apt-get install util-linux)");
    };
    schedule("--batch");
    let result = work.await;
    schedule("--other");
    result
}

/// A running server. Killed when it is dropped, unless it was stopped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// What it logs, in a file of this start alone.
    pub log: PathBuf,
    /// From the start of the process to its first complete 200.
    pub until_first_answer: Duration,
}

impl Server {
    /// Starts `keywright serve` in the working directory `home`, where its `data` and `keys` are, and waits for the first 200
    /// from `path`. Its log goes to a file there, as JSON.
    pub async fn start(home: &Path, path: &str) -> Self {
        let address = address_of(home);
        let log_path = home.join(format!("server-{}.log", unused_number(home)));
        let log = File::create(&log_path).expect("the log file can be written");
        // After a large seeding sled's own threads let go of the files only some time after the store was closed.
        let patience = Instant::now() + Duration::from_mins(5);
        loop {
            let begin = Instant::now();
            let mut server = Self { child: spawn(home, address, &log), address, log: log_path.clone(), until_first_answer: Duration::ZERO };
            match server.wait_for_first_answer(path).await {
                Ok(()) => {
                    server.until_first_answer = begin.elapsed();
                    return server;
                }
                Err(said) if said.contains("is in use by another process") && Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(said) => panic!("the server ended at once:\n{said}"),
            }
        }
    }

    /// What the server said, if it ended instead.
    async fn wait_for_first_answer(&mut self, path: &str) -> Result<(), String> {
        let begin = Instant::now();
        loop {
            if let Ok(mut connection) = super::http::Connection::open(self.address).await
                && let Ok(answer) = connection.get(path).await
                && answer.status == 200
            {
                return Ok(());
            }
            if self.child.try_wait().expect("a child can be asked").is_some() {
                return Err(fs::read_to_string(&self.log).unwrap_or_default());
            }
            assert!(begin.elapsed() < Duration::from_mins(1), "the server gives no answer");
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, MiB.
    pub fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux names the resident size");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number of KiB") / 1024.0
    }

    /// Ends the server as an operator would, so that the store closes.
    pub fn stop(mut self) {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill is installed");
        let status = self.child.wait().expect("the server ends");
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// CPU microseconds that the threads of a process used so far, by thread.
pub struct Cpu(BTreeMap<OsString, f64>);

impl Cpu {
    pub fn of(pid: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").flatten();
        Self(tasks.filter_map(|task| Some((task.file_name(), schedstat(task.path().join("schedstat")).ok()?))).collect())
    }

    /// What was used since `before`. A thread that ended meanwhile takes all that it ever used out of the sum, so it does not count.
    pub fn since(&self, before: &Self) -> f64 {
        self.0.iter().map(|(thread, used)| used - before.0.get(thread).unwrap_or(&0.0)).sum()
    }
}

/// The first figure of a schedstat file, in microseconds.
pub fn schedstat(file: impl AsRef<Path>) -> io::Result<f64> {
    let text = fs::read_to_string(file)?;
    let nanoseconds: f64 = text.split(' ').next().and_then(|figure| figure.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(nanoseconds / 1000.0)
}

/// A number that no log in `home` has.
fn unused_number(home: &Path) -> usize {
    (1..usize::MAX)
        .find(|number| !home.join(format!("server-{number}.log")).exists())
        .expect("there are enough numbers")
}

fn spawn(home: &Path, address: SocketAddr, log: &File) -> Child {
    let output = || log.try_clone().expect("a file handle can be copied");
    Command::new(env!("CARGO_BIN_EXE_keywright"))
        .arg("serve")
        .args(["--http-host", "127.0.0.1", "--http-port", &address.port().to_string(), "--management-port", "off"])
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .expect("the server's binary was built with this bench")
}

/// The address of all servers in this working directory: the issuer names its port, and tokens outlive the process.
fn address_of(home: &Path) -> SocketAddr {
    let file = home.join("address");
    if let Some(address) = fs::read_to_string(&file).ok().and_then(|address| address.parse().ok()) {
        return address;
    }
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port is free");
    fs::write(file, address.to_string()).expect("a file can be written");
    address
}
