//! What every engine must keep. A new engine adds a line to [`suites_on`]; a new promise of [`Backend`] adds a suite.

use std::ops::Bound;
use std::sync::Arc;

use keywright::base::clock::Timestamp;
use keywright::store::backend::{Backend, Class, CommitError, Durability, Expectation, KeyRange, Stored, Write, WriteSet};
use keywright::store::value;

use super::engines::Engine;

macro_rules! suites_on {
    ($($engine:ident),+) => {$(
        mod $engine {
            use super::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn crud() { super::crud(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn uniqueness() { super::uniqueness(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn expiry() { super::expiry(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn paging() { super::paging(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn conflict() { super::conflict(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn parallel() { super::parallel(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn large_values() { super::large_values(Engine::$engine()).await }
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn behind() { super::behind(Engine::$engine()).await }
        }
    )+};
}
suites_on!(memory, sled);

const CLASSES: [Class; 2] = [Class::Configuration, Class::Sessions];

async fn crud(engine: Engine) {
    let db = &*engine.backend;
    for class in CLASSES {
        assert_eq!(get(db, class, "a").await, None);

        let first = put(db, class, "a", &"one", None).await.unwrap();
        let stored = get(db, class, "a").await.unwrap();
        assert_eq!((stored.version, text("a", &stored)), (first, "one".to_owned()));
        assert_eq!(stored.expires_at, None);

        let second = put(db, class, "a", &"two", Some(Timestamp(5))).await.unwrap();
        let stored = get(db, class, "a").await.unwrap();
        assert!(second > first, "versions grow");
        assert_eq!((stored.version, text("a", &stored), stored.expires_at), (second, "two".to_owned(), Some(Timestamp(5))));

        delete(db, class, "a").await.unwrap();
        delete(db, class, "a").await.expect("deleting what is not there is no error");
        assert_eq!(get(db, class, "a").await, None);
        let third = put(db, class, "a", &"three", None).await.unwrap();
        assert!(third > second, "no version comes twice, not even for a key that was deleted");

        assert_eq!(count(db, class, "counter/c").await, 0);
        for delta in [5, -2] {
            commit(db, class, &[], &[("counter/c", Write::Add(delta))]).await.unwrap();
        }
        assert_eq!(count(db, class, "counter/c").await, 3);
    }
    delete(db, Class::Sessions, "a").await.unwrap();
    assert!(get(db, Class::Configuration, "a").await.is_some(), "the classes share no keys");
    db.ping().await.or_else(|error| if error.0.contains("checked") { Ok(()) } else { Err(error) }).unwrap();
}

async fn uniqueness(engine: Engine) {
    let db = &engine.backend;
    let insert = |who: usize| {
        let db = Arc::clone(db);
        async move {
            let (document, index) = (format!("user/{who}"), "user.username/jane");
            let writes = [(&*document, write(&document, &who, None)), (index, write(index, &who, None))];
            commit(&*db, Class::Configuration, &[(&document, Expectation::Absent), (index, Expectation::Absent)], &writes).await
        }
    };
    let winners: Vec<_> = spread(32, insert).await.into_iter().enumerate().filter(|(_, answer)| answer.is_ok()).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");

    let users = rows(&**db, "user/", None, 100).await;
    assert_eq!(users, [format!("user/{}", winners[0].0)], "a loser leaves nothing");
    assert_eq!(insert(99).await, Err(CommitError::Conflict));

    delete(&**db, Class::Configuration, "user.username/jane").await.unwrap();
    insert(99).await.expect("the name is free again");
}

async fn expiry(engine: Engine) {
    let db = &*engine.backend;
    for (number, expires_at) in [(0, None), (1, Some(10)), (2, Some(20)), (3, Some(10)), (4, Some(10))] {
        put(db, Class::Sessions, &format!("s/{number}"), &number, expires_at.map(Timestamp)).await.unwrap();
    }
    assert!(get(db, Class::Sessions, "s/1").await.is_some(), "only a purge deletes");
    assert_eq!(purge_all(db, Timestamp(10), 100).await, 0, "a value lives through the moment of its expiry");
    assert_eq!(db.purge(Class::Sessions, Timestamp(11), 2).await.unwrap(), 2, "no more than the limit");
    assert_eq!(purge_all(db, Timestamp(11), 1).await, 1);
    assert_eq!(db.purge(Class::Configuration, Timestamp(11), 100).await.unwrap(), 0);
    assert!(get(db, Class::Sessions, "s/0").await.is_some());
    assert!(get(db, Class::Sessions, "s/2").await.is_some());

    // More values than one call looks at: repeated calls come around.
    for number in 0..1_500 {
        let durability = if number == 1_499 { Durability::Acknowledged } else { Durability::WithinASecond };
        let key = format!("t/{number:04}");
        let writes = vec![(key.clone().into_bytes(), write(&key, &number, Some(Timestamp(10))))];
        db.commit(WriteSet { class: Class::Sessions, durability, expectations: Vec::new(), writes }).await.unwrap();
    }
    assert_eq!(purge_all(db, Timestamp(11), 7).await, 1_500);
    assert_eq!(purge_all(db, Timestamp(21), 7).await, 1);
}

async fn paging(engine: Engine) {
    let db = &*engine.backend;
    let mut expected = Vec::new();
    for number in 0..1_203 {
        expected.push(format!("k/r/{number:05}"));
    }
    // In another order than they are asked for.
    for chunk in expected.iter().rev().collect::<Vec<_>>().chunks(200) {
        let writes: Vec<_> = chunk.iter().map(|key| (&***key, write(key, key, None))).collect();
        commit(db, Class::Configuration, &[], &writes).await.unwrap();
    }
    for neighbour in ["k", "k/", "k/r", "k/q/1", "k/r0", "k/s/1", "k.x/r/1"] {
        put(db, Class::Configuration, neighbour, &0, None).await.unwrap();
    }
    for step in [1_203, 500, 401] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = rows(db, "k/r/", after.as_deref(), step).await;
            let Some(last) = page.last() else { break };
            after = Some(last["k/r/".len()..].to_owned());
            found.extend(page);
        }
        assert_eq!(found, expected, "in steps of {step}");
    }
    assert_eq!(rows(db, "k/r/", Some("01202"), 10).await, [] as [&str; 0]);
    assert_eq!(rows(db, "k/r/", None, 0).await, [] as [&str; 0]);
    assert_eq!(rows(db, "nothing/", None, 10).await, [] as [&str; 0]);
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    assert_eq!(
        db.scan(Class::Configuration, all.clone(), 5_000).await.unwrap().len(),
        1_203 + 7,
        "documents and nothing of the engine's own"
    );
    assert_eq!(db.scan(Class::Sessions, all, 5_000).await.unwrap(), []);
    let backwards = KeyRange { start: Bound::Included(b"z".to_vec()), end: Bound::Excluded(b"a".to_vec()) };
    assert_eq!(db.scan(Class::Configuration, backwards, 10).await.unwrap(), []);
}

async fn conflict(engine: Engine) {
    let db = &*engine.backend;
    let class = Class::Sessions;
    let first = put(db, class, "a", &1, None).await.unwrap();
    let second = put(db, class, "a", &2, None).await.unwrap();

    let stale = [("b", write("b", &0, None)), ("a", write("a", &3, None)), ("counter/c", Write::Add(1))];
    assert_eq!(commit(db, class, &[("a", Expectation::Version(first))], &stale).await, Err(CommitError::Conflict));
    assert_eq!(get(db, class, "b").await, None, "a set applies wholly or not at all");
    assert_eq!(count(db, class, "counter/c").await, 0);
    assert_eq!(get(db, class, "a").await.unwrap().version, second);

    commit(db, class, &[("a", Expectation::Version(second))], &stale).await.unwrap();
    assert_eq!(count(db, class, "counter/c").await, 1);

    // What was only read must still be there, too.
    let b = get(db, class, "b").await.unwrap().version;
    delete(db, class, "b").await.unwrap();
    assert_eq!(commit(db, class, &[("b", Expectation::Version(b))], &[("x", write("x", &1, None))]).await, Err(CommitError::Conflict));
    put(db, class, "b", &0, None).await.unwrap();
    let again = commit(db, class, &[("b", Expectation::Version(b))], &[("x", write("x", &1, None))]).await;
    assert_eq!(again, Err(CommitError::Conflict), "deleted and made again is not the same");
    assert_eq!(get(db, class, "x").await, None);
}

async fn parallel(engine: Engine) {
    let db = &engine.backend;
    for round in 0..20 {
        let key = format!("code/{round}");
        let version = put(&**db, Class::Sessions, &key, &"issued", None).await.unwrap();
        let answers = spread(50, |_| {
            let (db, key) = (Arc::clone(db), key.clone());
            async move {
                let writes = [(&*key, write(&key, &"consumed", None)), ("counter/redeemed", Write::Add(1))];
                commit(&*db, Class::Sessions, &[(&key, Expectation::Version(version))], &writes).await
            }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(CommitError::Conflict))));
    }
    assert_eq!(count(&**db, Class::Sessions, "counter/redeemed").await, 20);

    let answers = spread(64, |_| {
        let db = Arc::clone(db);
        async move { commit(&*db, Class::Sessions, &[], &[("counter/c", Write::Add(3))]).await }
    })
    .await;
    let mut versions: Vec<_> = answers.into_iter().map(|answer| answer.expect("additions never conflict")).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 64, "every commit has a sequence of its own");
    assert_eq!(count(&**db, Class::Sessions, "counter/c").await, 192);
}

async fn large_values(engine: Engine) {
    let db = &engine.backend;
    let class = Class::Configuration;
    let large = |letter: &str, length: usize| letter.repeat(length);
    for length in [5_900, 6_100, 6_131, 6_132, 6_140, 8_200, 100_000, 1_000_000] {
        put(&**db, class, "realm/r", &large("x", length), None).await.unwrap();
        assert_eq!(text("realm/r", &get(&**db, class, "realm/r").await.unwrap()).len(), length);
    }
    put(&**db, class, "realm/s", &large("y", 20_000), Some(Timestamp(1))).await.unwrap();
    let found = db.scan(class, KeyRange::under(b"realm/", None), 10).await.unwrap();
    assert_eq!(
        found.iter().map(|(key, stored)| text(std::str::from_utf8(key).unwrap(), stored).len()).collect::<Vec<_>>(),
        [1_000_000, 20_000]
    );
    assert_eq!(purge_class(&**db, class, Timestamp(2), 10).await, 1);
    put(&**db, class, "realm/r", &"small", None).await.unwrap();
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    assert_eq!(db.scan(class, all, 100).await.unwrap().len(), 1, "nothing of the large values is left over");

    // A reader never sees half of one and half of another.
    let writer = {
        let db = Arc::clone(db);
        tokio::spawn(async move {
            for round in 0..60 {
                let letter = ["a", "b", "c"][round % 3];
                put(&*db, class, "realm/r", &letter.repeat(5_000 + 7_000 * (round % 5)), None).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        let seen = text("realm/r", &get(&**db, class, "realm/r").await.unwrap());
        assert!(seen.bytes().all(|byte| byte == seen.as_bytes()[0]) || seen == "small");
    }
    writer.await.unwrap();
}

/// Sets that nobody waits for are applied soon, in the order of their class, or dropped.
async fn behind(engine: Engine) {
    let db = &*engine.backend;
    let version = put(db, Class::Sessions, "s/1", &"read", None).await.unwrap();
    let later = |text: &str| WriteSet {
        class: Class::Sessions,
        durability: Durability::WithinAMinute,
        expectations: vec![(b"s/1".to_vec(), Expectation::Version(version))],
        writes: vec![(b"s/1".to_vec(), write("s/1", &text, None))],
    };
    db.commit(later("stamped")).await.unwrap();
    // Any commit takes along what is behind.
    put(db, Class::Sessions, "other", &0, None).await.unwrap();
    assert_eq!(text("s/1", &get(db, Class::Sessions, "s/1").await.unwrap()), "stamped");

    let _ = db.commit(later("stamped again")).await;
    put(db, Class::Sessions, "other", &1, None).await.unwrap();
    assert_eq!(text("s/1", &get(db, Class::Sessions, "s/1").await.unwrap()), "stamped", "its expectation does not hold any more");
    db.settle(Class::Sessions).await.unwrap();
}

async fn get(db: &dyn Backend, class: Class, key: &str) -> Option<Stored> {
    db.get(class, key.as_bytes()).await.unwrap()
}

async fn put<T: serde::Serialize>(
    db: &dyn Backend,
    class: Class,
    key: &str,
    document: &T,
    expires_at: Option<Timestamp>,
) -> Result<u64, CommitError> {
    commit(db, class, &[], &[(key, write(key, document, expires_at))]).await
}

async fn delete(db: &dyn Backend, class: Class, key: &str) -> Result<u64, CommitError> {
    commit(db, class, &[], &[(key, Write::Delete)]).await
}

fn write<T: serde::Serialize>(key: &str, document: &T, expires_at: Option<Timestamp>) -> Write {
    Write::Put { value: value::encode(key.as_bytes(), document, expires_at).unwrap(), expires_at }
}

async fn commit(db: &dyn Backend, class: Class, expected: &[(&str, Expectation)], writes: &[(&str, Write)]) -> Result<u64, CommitError> {
    let expectations = expected.iter().map(|(key, expectation)| (key.as_bytes().to_vec(), *expectation)).collect();
    let writes = writes.iter().map(|(key, write)| (key.as_bytes().to_vec(), write.clone())).collect();
    db.commit(WriteSet { class, durability: Durability::Acknowledged, expectations, writes }).await
}

async fn count(db: &dyn Backend, class: Class, key: &str) -> i64 {
    get(db, class, key).await.map_or(0, |stored| value::decode(key.as_bytes(), &stored.value).unwrap())
}

fn text(key: &str, stored: &Stored) -> String {
    value::decode(key.as_bytes(), &stored.value).unwrap()
}

async fn rows(db: &dyn Backend, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let range = KeyRange::under(prefix.as_bytes(), after.map(str::as_bytes));
    let rows = db.scan(Class::Configuration, range, limit).await.unwrap();
    rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

async fn purge_all(db: &dyn Backend, now: Timestamp, limit: usize) -> usize {
    purge_class(db, Class::Sessions, now, limit).await
}

/// Purges until nothing was found for a while.
async fn purge_class(db: &dyn Backend, class: Class, now: Timestamp, limit: usize) -> usize {
    let (mut all, mut idle) = (0, 0);
    while idle < 10 {
        let deleted = db.purge(class, now, limit).await.unwrap();
        assert!(deleted <= limit);
        idle = if deleted == 0 { idle + 1 } else { 0 };
        all += deleted;
    }
    all
}

/// Runs `work` that many times at once.
async fn spread<T: Send + 'static, F: Future<Output = T> + Send + 'static>(times: usize, work: impl Fn(usize) -> F) -> Vec<T> {
    let tasks: Vec<_> = (0..times).map(|number| tokio::spawn(work(number))).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
