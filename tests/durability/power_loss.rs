//! A power cut takes back nothing that was acknowledged. Linux cannot be unplugged in a test, so two things stand for it: the
//! order of system calls that a real server makes, and a database rebuilt from only the bytes that were synced.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::process::{ServerProcess, signal};

use super::api::Api;
use super::realm;
use super::strace::{self, Call};
use super::writer::{Session, Writer};

const WRITERS: u64 = 8;
const ACKNOWLEDGEMENTS: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_leaves_before_its_write_is_synced_and_synced_bytes_alone_hold_every_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let (home, rebuilt, trace) = (directory.path().join("home"), directory.path().join("rebuilt"), directory.path().join("trace"));
    realm::create(&home);
    copy(&home, &rebuilt);

    let sessions = write_under_strace(&home, &trace).await;
    let calls = strace::read(&trace);
    let db = home.join("data/sessions/db");
    let checked = check_order(&calls, &db).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(checked >= ACKNOWLEDGEMENTS, "only {checked} answers were found in the trace");
    let unsynced: Vec<Call> = calls.iter().filter(|call| !call.is_sync_of(&db)).cloned().collect();
    assert!(check_order(&unsynced, &db).is_err(), "this check would not notice a server that never syncs");

    for database in ["sessions", "configuration"] {
        keep_only_synced_bytes(&calls, &home.join("data").join(database), &rebuilt.join("data").join(database));
    }
    let server = ServerProcess::start(&rebuilt, realm::NAME).await;
    let api = Api::new(&server.issuer(realm::NAME));
    let presented = sessions.len();
    for (n, mut session) in sessions.into_iter().enumerate() {
        session.is_as_acknowledged(&api, n % 2 == 0).await;
    }
    println!("{checked} answers came after their sync; {presented} sessions live in a database of synced bytes only");
}

/// Lets writers work until enough was acknowledged, then kills the server at once. What they were told.
async fn write_under_strace(home: &Path, trace: &Path) -> Vec<Session> {
    let wrapper = strace::wrapper(trace);
    let server = ServerProcess::start_with(&strace::words(&wrapper), home, realm::NAME, &[]).await;
    let api = Api::new(&server.issuer(realm::NAME));
    let count = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..WRITERS)
        .map(|n| {
            let (mut writer, api) = (Writer::new(n, Vec::new(), count.clone()), api.clone());
            tokio::spawn(async move {
                writer.write(&api, ACKNOWLEDGEMENTS).await;
                writer.sessions
            })
        })
        .collect();
    let mut sessions = Vec::new();
    for task in tasks {
        sessions.extend(task.await.expect("every answer was right"));
    }
    assert!(count.load(Ordering::Relaxed) >= ACKNOWLEDGEMENTS);
    signal("-KILL", strace::traced_child(server.pid()));
    server.ended();
    sessions
}

/// For every answered POST: after the last byte of the request was read and before the first byte of its answer was written,
/// the bytes of its session went to `db`, and a sync of `db` began after them and ended. How many answers were checked.
///
/// The end of a session may be written as its leaf without it, so there the ledger is looked for, which every commit writes;
/// that the session is gone from the synced bytes is seen afterwards, in the database that is rebuilt from them.
fn check_order(calls: &[Call], db: &Path) -> Result<usize, String> {
    let mut checked = 0;
    for answer in calls.iter().filter(|call| call.is_output() && call.data.starts_with(b"HTTP/1.1 2")) {
        let request = request_of(calls, answer);
        let Some(session) = session_of(&request.0, &body_of(calls, answer)) else { continue };
        let ends = ["/logout", "/revoke"].iter().any(|end| request.0.lines().next().is_some_and(|line| line.contains(end)));
        let mark = if ends { b"\0ledger".as_slice() } else { &session.as_bytes()[session.len() - 12..] };
        let between = || calls.iter().filter(|call| call.begin > request.1 && call.end < answer.begin);
        let Some(write) = between().find(|call| call.is_write_to(db) && call.contains(mark)) else {
            return Err(format!("nothing of session {session} was written before its answer at {}", answer.begin));
        };
        if !between().any(|call| call.is_sync_of(db) && call.begin > write.end) {
            return Err(format!("the answer of session {session} at {} left before its write was synced", answer.begin));
        }
        checked += 1;
    }
    Ok(checked)
}

/// The text of the request that `answer` answers, and the place where its last byte was read.
fn request_of(calls: &[Call], answer: &Call) -> (String, usize) {
    let same = |call: &&Call| call.descriptor == answer.descriptor && call.path == answer.path;
    let earlier = calls
        .iter()
        .filter(|call| same(call) && call.is_output() && call.end < answer.begin)
        .map(|call| call.end)
        .max();
    let parts = calls
        .iter()
        .filter(same)
        .filter(|call| call.is_input() && call.begin < answer.begin && earlier.is_none_or(|end| call.begin > end));
    let (mut text, mut last) = (Vec::new(), 0);
    for part in parts {
        text.extend(&part.data);
        last = last.max(part.end);
    }
    (String::from_utf8_lossy(&text).into_owned(), last)
}

/// The answer's bytes: its head may have gone out in a call of its own.
fn body_of(calls: &[Call], answer: &Call) -> String {
    let next_input = calls
        .iter()
        .filter(|call| call.descriptor == answer.descriptor && call.is_input() && call.begin > answer.end)
        .map(|call| call.begin)
        .min();
    let same = calls
        .iter()
        .filter(|call| call.descriptor == answer.descriptor && call.path == answer.path && call.is_output());
    let parts = same.filter(|call| call.begin >= answer.begin && next_input.is_none_or(|next| call.end < next));
    String::from_utf8_lossy(&parts.flat_map(|call| call.data.clone()).collect::<Vec<_>>()).into_owned()
}

/// Which session a POST was about: the one of its refresh token, or the one that the answer began. `None` for other requests.
fn session_of(request: &str, answer: &str) -> Option<String> {
    let (_, form) = request.strip_prefix("POST ")?.split_once("\r\n\r\n")?;
    let token = form.split('&').find_map(|pair| pair.strip_prefix("refresh_token=").or_else(|| pair.strip_prefix("token=")));
    if let Some(token) = token {
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        return serde_json::from_slice::<Value>(&claims).ok()?["sid"].as_str().map(str::to_owned);
    }
    let (_, rest) = answer.split_once("\"session_state\":\"")?;
    rest.split('"').next().map(str::to_owned)
}

/// Makes `copy`, which is the state before the trace, what the disk holds after a power cut in the moment after the last sync
/// of `original/db`: the bytes whose write had ended when that sync began, and no other.
pub(super) fn keep_only_synced_bytes(calls: &[Call], original: &Path, copy: &Path) {
    let (db, target) = (original.join("db"), copy.join("db"));
    let Some(sync) = calls.iter().rfind(|call| call.is_sync_of(&db)) else { return };
    let file = fs::File::options().write(true).open(&target).expect("the copy has a database");
    for call in calls.iter().filter(|call| call.path == db && call.end < sync.begin) {
        match call.name.as_str() {
            "pwrite64" => file.write_all_at(&call.data, call.last_number.expect("pwrite64 names its offset")).expect("a write"),
            "ftruncate" => file.set_len(call.last_number.expect("ftruncate names a length")).expect("a length"),
            "pwritev" | "pwritev2" | "write" | "writev" | "fallocate" => {
                panic!("teach this test what {} does to {}", call.name, db.display())
            }
            _ => {}
        }
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let (from, to): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to) } else { fs::copy(&from, &to).map(drop).expect("a file can be copied") }
    }
}
