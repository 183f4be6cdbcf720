//! What sled is taught on top of keeping documents: durability, noticing damage, opening after anything, plain sentences.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use futures_util::poll;
use keywright::base::clock::Timestamp;
use keywright::base::random::{Random, SeededRandom};
use keywright::store::backend::{Backend as _, Class, CommitError, Durability, Expectation, KeyRange, Write, WriteSet};
use keywright::store::sled::{Integrity, OpenError, Options, Sled};
use keywright::store::value;
use tempfile::{TempDir, tempdir};

const CLASSES: [Class; 2] = [Class::Configuration, Class::Sessions];

type Documents = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

fn put(class: Class, key: &str, text: &str) -> WriteSet {
    let value = value::encode(key.as_bytes(), &text, None).unwrap();
    let writes = vec![(key.as_bytes().to_vec(), Write::Put { value, expires_at: None })];
    WriteSet { class, durability: Durability::Acknowledged, expectations: Vec::new(), writes }
}

async fn read(db: &Sled, class: Class, key: &str) -> Option<String> {
    db.get(class, key.as_bytes())
        .await
        .unwrap()
        .map(|stored| value::decode(key.as_bytes(), &stored.value).unwrap())
}

fn open(directory: &Path) -> Sled {
    Sled::open(&Options::at(directory)).unwrap()
}

/// A closed store with a bit of everything: overwritten, deleted, large and small records.
async fn closed_store() -> TempDir {
    let directory = tempdir().unwrap();
    let db = open(directory.path());
    for class in CLASSES {
        for round in 0..3 {
            let sets = (0..300).map(|number| {
                let size = if number % 50 == 7 { 15_000 } else { 100 + number };
                put(class, &format!("user/r/{number}"), &format!("{round}{}", "x".repeat(size)))
            });
            for answer in futures_util::future::join_all(sets.map(|set| db.commit(set))).await {
                answer.unwrap();
            }
        }
        for number in (0..300).step_by(9) {
            let writes = vec![(format!("user/r/{number}").into_bytes(), Write::Delete)];
            db.commit(WriteSet { class, durability: Durability::Acknowledged, expectations: Vec::new(), writes })
                .await
                .unwrap();
        }
    }
    assert_eq!(db.checked().await, Integrity::Sound);
    db.close();
    drop(db);
    directory
}

async fn everything(db: &Sled) -> Result<Documents, String> {
    let mut documents = Documents::new();
    for (class, name) in CLASSES.into_iter().zip(["configuration", "sessions"]) {
        let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
        for (key, stored) in db.scan(class, all, 10_000).await.map_err(|error| error.to_string())? {
            value::body(&key, &stored.value).map_err(|error| error.to_string())?;
            documents.insert((name, key), [&stored.version.to_le_bytes()[..], &stored.value].concat());
        }
    }
    Ok(documents)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

// ---- durability ------------------------------------------------------------------------------------------------------------

/// A disk that answers when it is told to.
#[derive(Default)]
struct Disk {
    stalled: Mutex<bool>,
    moved: Condvar,
    asked: AtomicUsize,
}

impl Disk {
    fn hook(self: &Arc<Self>, class: Class) -> keywright::store::sled::SyncHook {
        let disk = Arc::clone(self);
        Arc::new(move |of| {
            if of == class {
                disk.asked.fetch_add(1, Ordering::SeqCst);
                drop(disk.moved.wait_while(disk.stalled.lock().unwrap(), |stalled| *stalled).unwrap());
            }
        })
    }

    fn stall(&self, stalled: bool) {
        *self.stalled.lock().unwrap() = stalled;
        self.moved.notify_all();
    }

    async fn is_asked(&self, before: usize) {
        while self.asked.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn nobody_is_told_what_a_power_cut_can_take_back() {
    let (directory, disk) = (tempdir().unwrap(), Arc::new(Disk::default()));
    let db = Sled::open(&Options { before_sync: Some(disk.hook(Class::Sessions)), ..Options::at(directory.path()) }).unwrap();
    db.commit(put(Class::Sessions, "s/1", "before")).await.unwrap();
    let version = db.get(Class::Sessions, b"s/1").await.unwrap().unwrap().version;

    disk.stall(true);
    let asked = disk.asked.load(Ordering::SeqCst);
    let mut first = db.commit(put(Class::Sessions, "s/1", "after"));
    assert!(poll!(&mut first).is_pending());
    disk.is_asked(asked).await;

    // A second reader sees the effect, so it gets no answer; nor does one who lost against it, nor one who comes later.
    assert_eq!(read(&db, Class::Sessions, "s/1").await.unwrap(), "after");
    let mut reader = db.settle(Class::Sessions);
    let loser = WriteSet { expectations: vec![(b"s/1".to_vec(), Expectation::Version(version))], ..put(Class::Sessions, "s/1", "lost") };
    let mut loser = db.commit(loser);
    let mut later = db.commit(put(Class::Sessions, "s/2", "later"));
    for _ in 0..1_000 {
        assert!(poll!(&mut first).is_pending() && poll!(&mut reader).is_pending());
        assert!(poll!(&mut loser).is_pending() && poll!(&mut later).is_pending());
        tokio::task::yield_now().await;
    }
    db.settle(Class::Configuration).await.expect("the other database has a disk of its own");
    db.commit(put(Class::Configuration, "c/1", "works")).await.unwrap();

    disk.stall(false);
    let (first, reader, loser, later) = futures_util::join!(first, reader, loser, later);
    assert!(first.unwrap() < later.unwrap());
    reader.unwrap();
    assert_eq!(loser, Err(CommitError::Conflict));
}

#[tokio::test]
async fn a_transaction_that_only_reads_waits_for_what_it_saw() {
    use keywright::base::id::RealmId;
    use keywright::model::single_use::SingleUse;
    use keywright::store::txn::Reader as _;
    use keywright::store::{Store, StoreError};

    let (directory, disk) = (tempdir().unwrap(), Arc::new(Disk::default()));
    let db = Sled::open(&Options { before_sync: Some(disk.hook(Class::Sessions)), ..Options::at(directory.path()) }).unwrap();
    let store = Store::new(Arc::new(db));
    let realm = &RealmId::from("r");
    disk.stall(true);
    let mut writer = Box::pin(store.sessions::<_, StoreError, _>(|txn| {
        Box::pin(async move {
            txn.single_use().insert(realm, "p", "1", &SingleUse { at: Timestamp(0) }, Timestamp(9));
            Ok(())
        })
    }));
    assert!(poll!(&mut writer).is_pending());
    disk.is_asked(0).await;

    let seen = &AtomicUsize::new(0);
    let mut reader = Box::pin(store.sessions::<_, StoreError, _>(|txn| {
        Box::pin(async move {
            seen.fetch_add(usize::from(txn.single_use().get(realm, "p", "1").await?.is_some()), Ordering::SeqCst);
            Ok(())
        })
    }));
    // Even a configuration transaction that only peeked, and one that refuses.
    let mut refusing = Box::pin(store.configuration::<(), StoreError, _>(|txn| {
        Box::pin(async move {
            seen.fetch_add(usize::from(txn.single_use().get(realm, "p", "1").await?.is_some()), Ordering::SeqCst);
            Err(StoreError::Contention)
        })
    }));
    for _ in 0..1_000 {
        assert!(poll!(&mut reader).is_pending() && poll!(&mut refusing).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.load(Ordering::SeqCst), 2, "both saw it");
    disk.stall(false);
    let (writer, reader, refusing) = futures_util::join!(writer, reader, refusing);
    writer.unwrap();
    reader.unwrap();
    assert!(matches!(refusing, Err(StoreError::Contention)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commits_share_their_syncs() {
    let (directory, disk) = (tempdir().unwrap(), Arc::new(Disk::default()));
    let db = Sled::open(&Options { before_sync: Some(disk.hook(Class::Sessions)), ..Options::at(directory.path()) }).unwrap();
    disk.stall(true);
    let mut first = db.commit(put(Class::Sessions, "s/first", "x"));
    assert!(poll!(&mut first).is_pending());
    disk.is_asked(0).await;
    let rest: Vec<_> = (0..500).map(|number| db.commit(put(Class::Sessions, &format!("s/{number}"), "x"))).collect();
    disk.stall(false);
    first.await.unwrap();
    let mut versions: Vec<_> = futures_util::future::join_all(rest).await.into_iter().map(Result::unwrap).collect();
    assert!(versions.is_sorted(), "in the order in which they came");
    versions.dedup();
    assert_eq!(versions.len(), 500);
    assert!(disk.asked.load(Ordering::SeqCst) <= 3, "{} syncs", disk.asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_is_left_behind_is_saved_when_the_store_closes() {
    let directory = tempdir().unwrap();
    let db = open(directory.path());
    db.commit(WriteSet { durability: Durability::WithinAMinute, ..put(Class::Sessions, "s/1", "behind") })
        .await
        .unwrap();
    db.close();
    assert!(
        matches!(db.commit(put(Class::Sessions, "s/2", "late")).await, Err(CommitError::Poisoned(reason)) if reason.contains("closed"))
    );
    drop(db);
    assert_eq!(read(&open(directory.path()), Class::Sessions, "s/1").await.unwrap(), "behind");
}

#[tokio::test]
async fn the_sequence_goes_on_after_a_restart() {
    let directory = tempdir().unwrap();
    let db = open(directory.path());
    let first = db.commit(put(Class::Sessions, "s/1", "x")).await.unwrap();
    drop(db);
    let db = open(directory.path());
    assert!(db.commit(put(Class::Sessions, "s/1", "y")).await.unwrap() > first);
    assert_eq!(db.checked().await, Integrity::Sound);
}

/// The check runs while the store works: whatever it has read already may change under it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_check_does_not_mistake_new_commits_for_damage() {
    let directory = closed_store().await;
    for round in 0..5 {
        let db = open(directory.path());
        let mut number = 0;
        while db.integrity() == Integrity::Checking {
            number += 7;
            let text = "y".repeat(if number % 3 == 0 { 9_000 } else { 10 });
            db.commit(put(Class::Configuration, &format!("user/r/{}", number % 400), &text)).await.unwrap();
            db.commit(put(Class::Sessions, &format!("user/s{round}/{number}"), &text)).await.unwrap();
        }
        assert_eq!(db.checked().await, Integrity::Sound);
        db.ping().await.unwrap();
    }
}

// ---- damage ----------------------------------------------------------------------------------------------------------------

/// What opening a damaged copy led to.
enum Found {
    Refused(String),
    Reported(String),
    Harmless,
    Missed(String),
}

fn open_and_compare(directory: PathBuf, intact: Arc<Documents>) -> Found {
    let (answer, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let db = match Sled::open(&Options::at(&directory)) {
                Ok(db) => db,
                Err(error) => return Found::Refused(error.to_string()),
            };
            match db.checked().await {
                Integrity::Damaged(text) => {
                    assert!(db.ping().await.is_err());
                    return Found::Reported(text);
                }
                integrity => assert_eq!(integrity, Integrity::Sound),
            }
            match everything(&db).await {
                Ok(found) if found == *intact => Found::Harmless,
                Ok(found) => Found::Missed(format!("{} documents instead of {}, or others", found.len(), intact.len())),
                Err(error) => Found::Missed(error),
            }
        });
        let _ = answer.send(found);
    });
    receiver
        .recv_timeout(Duration::from_mins(1))
        .unwrap_or_else(|_| Found::Missed("it hung or panicked".to_owned()))
}

/// sled alone opened 23 of 60 such files "fine" with records missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_flipped_bits_are_harmless_or_reported_before_ready() {
    let pristine = closed_store().await;
    let intact = Arc::new({
        let directory = tempdir().unwrap();
        copy(pristine.path(), directory.path());
        everything(&open(directory.path())).await.unwrap()
    });
    assert_eq!(intact.len(), 2 * (300 - 34));
    let seeded = SeededRandom::new(0x0b17);
    let random: &dyn Random = &seeded;
    let number = |below: usize| usize::try_from(u64::from_le_bytes(random.bytes()) % below as u64).unwrap();

    let mut counts = [0; 3];
    for trial in 0..60 {
        let directory = tempdir().unwrap();
        copy(pristine.path(), directory.path());
        // Every fourth hits one of the small files, the others the data where there is some.
        let files: Vec<_> = files(directory.path()).into_iter().filter(|file| (trial % 4 == 0) != file.ends_with("db")).collect();
        let file = &files[number(files.len())];
        let mut bytes = fs::read(file).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |last| last + 1);
        let bit = number(used * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(file, bytes).unwrap();
        let (path, hit) = (directory.path().to_path_buf(), file.strip_prefix(directory.path()).unwrap().display().to_string());
        match open_and_compare(path, Arc::clone(&intact)) {
            Found::Refused(text) => {
                assert!(text.contains("damaged") || text.contains("newer"), "{text}");
                counts[0] += 1;
            }
            Found::Reported(text) => {
                assert!(text.contains("restore the newest snapshot or backup"), "{text}");
                counts[1] += 1;
            }
            Found::Harmless => counts[2] += 1,
            Found::Missed(what) => panic!("trial {trial}, bit {bit} of {hit}: {what}"),
        }
    }
    println!("of 60 flipped bits {} refused to open, {} were reported by the check, {} were harmless", counts[0], counts[1], counts[2]);
    assert!(counts[0] + counts[1] > 20, "the flips hit data: {counts:?}");
}

/// Changes a closed store with sled itself, as no program of ours would.
fn tamper(directory: &Path, class: &str, change: impl FnOnce(&::sled::Db)) {
    let db = ::sled::open(directory.join(class)).unwrap();
    change(&db);
    db.flush().unwrap();
}

#[tokio::test]
async fn the_check_names_what_is_missing_and_what_is_changed() {
    let directory = closed_store().await;
    tamper(directory.path(), "sessions", |db| drop(db.remove("user/r/1").unwrap().unwrap()));
    let Integrity::Damaged(text) = open(directory.path()).checked().await else { panic!("not noticed") };
    assert!(text.contains("sessions: of kind \"user\" there should be 266 records, but there are 265"), "{text}");

    let directory = closed_store().await;
    tamper(directory.path(), "configuration", |db| {
        let other = db.get("user/r/2").unwrap().unwrap();
        db.insert("user/r/1", other).unwrap();
    });
    let Integrity::Damaged(text) = open(directory.path()).checked().await else { panic!("not noticed") };
    assert!(text.contains("the record at user/r/1 cannot be read: its checksum is wrong"), "{text}");

    let directory = closed_store().await;
    tamper(directory.path(), "configuration", |db| {
        let old = db.get("user/r/1").unwrap().unwrap();
        let version: Vec<u8> = old.iter().enumerate().map(|(at, byte)| if at == 1 { byte ^ 1 } else { *byte }).collect();
        db.insert("user/r/1", version).unwrap();
    });
    let Integrity::Damaged(text) = open(directory.path()).checked().await else { panic!("not noticed") };
    assert!(text.contains("a record among the 266 of kind \"user\" is not what was written"), "{text}");

    let directory = closed_store().await;
    tamper(directory.path(), "sessions", |db| {
        let piece = db.range([1_u8]..[2_u8]).keys().next().unwrap().unwrap();
        db.remove(piece).unwrap();
    });
    let db = open(directory.path());
    let Integrity::Damaged(text) = db.checked().await else { panic!("not noticed") };
    assert!(text.contains("a part of the record at user/r/"), "{text}");
    assert_eq!(db.ping().await.unwrap_err().0, text, "readiness is red");
}

/// A torn end of the log takes the ledger of the last batches with it; the note of the close remembers them.
#[tokio::test]
async fn lost_batches_at_the_end_are_noticed() {
    let directory = tempdir().unwrap();
    let db = open(directory.path());
    db.commit(put(Class::Sessions, "s/1", "x")).await.unwrap();
    drop(db);
    let before = tempdir().unwrap();
    copy(directory.path(), before.path());
    let db = open(directory.path());
    db.commit(put(Class::Sessions, "s/2", "x")).await.unwrap();
    db.commit(put(Class::Sessions, "s/3", "x")).await.unwrap();
    drop(db);
    for file in files(&before.path().join("sessions")).iter().filter(|file| !file.ends_with("closed")) {
        fs::copy(file, directory.path().join("sessions").join(file.file_name().unwrap())).unwrap();
    }
    for file in files(&directory.path().join("sessions"))
        .iter()
        .filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with("snap"))
    {
        fs::remove_file(file).unwrap();
    }
    let Integrity::Damaged(text) = open(directory.path()).checked().await else { panic!("not noticed") };
    assert!(text.contains("lacks the last 2 changes before it was closed"), "{text}");
}

// ---- opening ---------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_crash_during_opening_does_no_harm() {
    let directory = closed_store().await;
    for class in ["configuration", "sessions"] {
        fs::write(directory.path().join(class).join("snap.FFFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    }
    let db = open(directory.path());
    assert_eq!(db.checked().await, Integrity::Sound);
    drop(db);
    // A snapshot that a power cut left empty is only a shortcut.
    for file in files(directory.path()).iter().filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with("snap")) {
        fs::write(file, b"").unwrap();
    }
    let db = open(directory.path());
    assert_eq!(db.checked().await, Integrity::Sound);
    assert!(read(&db, Class::Sessions, "user/r/1").await.is_some());
}

#[tokio::test]
async fn a_second_opening_in_the_same_process_is_refused_too() {
    let directory = tempdir().unwrap();
    let first = open(directory.path());
    let second = Sled::open(&Options::at(directory.path())).unwrap_err();
    assert!(matches!(&second, OpenError::InUse { .. }), "{second}");
    drop(first);
    open(directory.path());
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let directory = tempdir().unwrap();
    let _first = open(directory.path());
    let output = child("opens_and_tells", directory.path(), "").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = format!("{} is in use by another process ({}): stop that one", directory.path().display(), std::process::id());
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_wrong_path_is_explained() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let say = |path: &Path| Sled::open(&Options::at(path)).unwrap_err().to_string();
    assert!(say(&file).contains("is a file; store.directory must name a directory"));
    assert!(say(&file.join("below")).contains("is a file; store.directory must name a directory"));

    drop(open(directory.path()));
    let inside = directory.path().join("configuration");
    assert!(say(&inside).contains("is the inside of a database; store.directory must name the directory above it"));
}

/// root may write everywhere, so the thread that tries becomes somebody else.
#[test]
fn a_directory_that_may_only_be_read_is_explained() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let path = directory.path().to_path_buf();
    let answer = std::thread::spawn(move || {
        if rustix::process::geteuid().is_root() {
            rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
        }
        Sled::open(&Options::at(path.join("data"))).map(drop)
    });
    let said = answer.join().unwrap().unwrap_err().to_string();
    assert!(said.contains("cannot be written") && said.contains("needs a directory of its own there"), "{said}");
}

#[tokio::test]
async fn a_newer_store_is_left_alone() {
    let directory = closed_store().await;
    tamper(directory.path(), "configuration", |db| {
        let mut ledger = db.get(b"\0ledger").unwrap().unwrap().to_vec();
        ledger[0] += 1;
        db.insert(b"\0ledger", ledger).unwrap();
    });
    let error = Sled::open(&Options::at(directory.path())).unwrap_err();
    assert!(error.to_string().contains("was written by a newer version of Keywright (store format 2): start that version"), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_commits_and_keeps_answering_reads() {
    let directory = tempdir().unwrap();
    let db = open(directory.path());
    db.commit(put(Class::Sessions, "s/1", "kept")).await.unwrap();
    drop(db);
    let db = Sled::open(&Options { reserve: u64::MAX, ..Options::at(directory.path()) }).unwrap();
    let Err(CommitError::Refused(said)) = db.commit(put(Class::Sessions, "s/2", "x")).await else { panic!("not refused") };
    assert!(said.contains("is full: nothing can be saved until there is room again"), "{said}");
    assert_eq!(read(&db, Class::Sessions, "s/1").await.unwrap(), "kept");
    assert_eq!(read(&db, Class::Sessions, "s/2").await, None);
    db.settle(Class::Sessions).await.unwrap();
    assert_eq!(db.checked().await, Integrity::Sound);
    drop(db);
    open(directory.path()).commit(put(Class::Sessions, "s/2", "x")).await.expect("there is room again");
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_alone() {
    let directory = tempdir().unwrap();
    let db = open(directory.path());
    let Err(CommitError::Refused(said)) = db.commit(put(Class::Sessions, "s/1", &"x".repeat(65 << 20))).await else {
        panic!("not refused")
    };
    assert!(said.contains("is too large to be saved"), "{said}");
    db.commit(put(Class::Sessions, "s/1", "small")).await.unwrap();
}

/// A limit that cannot be foreseen, as a quota is: the write itself fails. Nothing that was acknowledged may be lost by it.
#[test]
fn a_write_that_fails_stops_the_store_with_everything_acknowledged_in_it() {
    let directory = tempdir().unwrap();
    let mut child = child("writes_until_it_fails", directory.path(), "trap '' XFSZ; ulimit -f 3000;")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<_> = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    child.wait().unwrap();
    let acknowledged: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("saved ")).collect();
    let said = lines.iter().find_map(|line| line.strip_prefix("failed: ")).unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(said.contains("is full, or its quota used up: make room and start again"), "{said}");
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());

    let db = open(directory.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for key in acknowledged {
            assert!(read(&db, Class::Sessions, key).await.is_some(), "{key} is lost");
        }
        assert_eq!(db.checked().await, Integrity::Sound);
        db.commit(put(Class::Sessions, "s/again", "x")).await.unwrap();
    });
}

// ---- child processes -------------------------------------------------------------------------------------------------------

const DIRECTORY: &str = "KEYWRIGHT_TEST_STORE";

/// This test binary again, running one of the tests below on `directory`, after a line of shell.
fn child(test: &str, directory: &Path, preparation: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{preparation} exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("store::sled::{test}"), "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory);
    command
}

#[allow(clippy::disallowed_methods, reason = "how a parent test tells its child the directory")]
fn directory_of_the_parent() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

#[test]
#[ignore = "the body of a child process"]
fn opens_and_tells() {
    let Some(directory) = directory_of_the_parent() else { return };
    match Sled::open(&Options::at(directory)) {
        Ok(_) => println!("opened"),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
#[ignore = "the body of a child process"]
async fn writes_until_it_fails() {
    let Some(directory) = directory_of_the_parent() else { return };
    let db = open(&directory);
    for number in 0..100_000 {
        let key = format!("s/{number}");
        match db.commit(put(Class::Sessions, &key, &"x".repeat(5_000))).await {
            Ok(_) => println!("saved {key}"),
            Err(error) => {
                println!("failed: {error}");
                assert!(matches!(db.commit(put(Class::Sessions, "s/late", "x")).await, Err(CommitError::Poisoned(_))));
                assert!(db.ping().await.is_err());
                return;
            }
        }
    }
}
