//! The same two proofs of a power cut for the database of realms, clients and users. No request writes to it before the
//! administration does, so a process of our own does: this test binary again, which answers on standard output what it was
//! asked on standard input.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use keywright::manage::error::ManageError;
use keywright::manage::users::{self, NewUser};
use keywright::store::txn::Reader as _;

use crate::support::process::{in_process, signal};

use super::power_loss::{copy, keep_only_synced_bytes};
use super::strace::{self, Call};
use super::{realm, strace::wrapper};

/// Where the asked process finds its store.
const HOME: &str = "KEYWRIGHT_TEST_HOME";

const USERS: usize = 40;

#[test]
fn a_user_is_acknowledged_after_the_sync_and_lives_in_synced_bytes_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let (home, rebuilt, trace) = (directory.path().join("home"), directory.path().join("rebuilt"), directory.path().join("trace"));
    realm::create(&home);
    copy(&home, &rebuilt);

    let names: Vec<String> = (0..USERS).map(|n| format!("somebody-{n:012}")).collect();
    ask(&home, &trace, &names);
    let calls = strace::read(&trace);
    let db = home.join("data/configuration/db");
    for name in &names {
        check_order(&calls, &db, name);
    }
    keep_only_synced_bytes(&calls, &home.join("data/configuration"), &rebuilt.join("data/configuration"));
    in_process(&rebuilt, async |keywright| {
        let app = keywright.app();
        let realm = app.store.peek().realms().by_name(realm::NAME).await.expect("the store reads").expect("the realm is there");
        for name in &names {
            let found = app.store.peek().users().by_username(&realm.id, name).await.expect("the store reads");
            assert!(found.is_some(), "{name} was acknowledged and is lost");
        }
    });
}

/// Has a traced process create users, one question and answer each, and kills it after the last answer.
fn ask(home: &Path, trace: &Path, names: &[String]) {
    let wrapper = wrapper(trace);
    let mut child = Command::new(&wrapper[0])
        .args(&wrapper[1..])
        .arg(std::env::current_exe().expect("a program knows its own path"))
        .args(["--exact", "durability::configuration::answers_questions", "--ignored", "--nocapture"])
        .env(HOME, home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("strace is installed (apt-get install strace)");
    let mut questions = child.stdin.take().expect("piped above");
    let mut answers = BufReader::new(child.stdout.take().expect("piped above")).lines();
    for name in names {
        writeln!(questions, "{name}").expect("the process reads");
        let answered = answers.by_ref().map_while(Result::ok).any(|line| line == format!("created {name}"));
        assert!(answered, "the process ended before it created {name}");
    }
    signal("-KILL", strace::traced_child(child.id()));
    child.wait().expect("an own child can be waited for");
}

/// Between the question that names the user and the answer stand the write of his document and a sync after it.
fn check_order(calls: &[Call], db: &Path, name: &str) {
    let said = |call: &&Call| call.contains(name.as_bytes());
    let question = calls.iter().find(|call| call.is_input() && said(call)).unwrap_or_else(|| panic!("no question names {name}"));
    let answer = calls.iter().find(|call| call.is_output() && said(call)).unwrap_or_else(|| panic!("no answer names {name}"));
    let between = || calls.iter().filter(|call| call.begin > question.end && call.end < answer.begin);
    let write = between()
        .find(|call| call.is_write_to(db) && said(call))
        .unwrap_or_else(|| panic!("{name} was answered before it was written"));
    assert!(between().any(|call| call.is_sync_of(db) && call.begin > write.end), "{name} was answered before it was synced");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how a test asks itself in another process")]
#[ignore = "the other half of a_user_is_acknowledged_after_the_sync_…, run by it"]
fn answers_questions() {
    let Some(home) = std::env::var_os(HOME) else { return };
    in_process(Path::new(&home), async |keywright| {
        let app = keywright.app();
        let realm = app.store.peek().realms().by_name(realm::NAME).await.expect("the store reads").expect("the realm is there");
        let mut questions = BufReader::new(fs::File::open("/dev/stdin").expect("standard input")).lines();
        while let Some(Ok(name)) = questions.next() {
            let user = NewUser { settings: realm::complete_user(&name), groups: Vec::new(), password: None };
            let (realm, user) = (&realm.id, &user);
            app.store
                .configuration::<_, ManageError, _>(|txn| {
                    Box::pin(async move { users::create(txn, &app.env, realm, user).await.map(drop) })
                })
                .await
                .expect("the user is new");
            let mut out = fs::File::options().write(true).open("/dev/stdout").expect("standard output");
            out.write_all(format!("created {name}\n").as_bytes()).expect("somebody listens");
        }
    });
}
