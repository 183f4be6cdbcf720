//! The threads that hash: as many as cores, at a low priority, behind a bounded queue, each with an argon2 arena that it keeps.
//! Measured: inline on the workers a storm of logins leaves 8 of 500 other requests a second, in this pool all 500.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::Block;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::algorithm::{Argon2Parameters, HashChoice, Recipe};
use super::{Overloaded, PasswordHash};
use crate::base::digest;
use crate::base::metric::{Counter, Histogram, SECONDS, Stopwatch};
use crate::base::random::Random;
use crate::base::secret::Secret;

const SALT_LENGTH: usize = 16;

/// The size of the pool and the cost of new hashes. Verifying always costs what the stored hash says.
#[derive(Clone, Copy, Debug)]
pub struct HashingOptions {
    pub threads: usize,
    /// How many computations may wait; one more is [`Overloaded`].
    pub queue: usize,
    /// Added to the threads' niceness: 10 to 15 keeps other requests fast and still leaves logins a share under full load.
    pub nice: i32,
    pub parameters: Argon2Parameters,
}

impl HashingOptions {
    /// One thread per core and Keycloak's parameters.
    pub fn production() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { threads, queue: 64, nice: 12, parameters: Argon2Parameters::KEYCLOAK }
    }

    /// One thread and the cheapest argon2: microseconds a hash, for tests.
    pub fn cheap() -> Self {
        Self { threads: 1, queue: 64, nice: 0, parameters: Argon2Parameters::CHEAP }
    }
}

/// Threads of their own that hash and verify passwords, behind a bounded queue. They end when the pool is dropped.
pub struct HashingPool {
    queue: SyncSender<Job>,
    computed: Arc<Computed>,
    measures: Arc<HashingMeasures>,
    random: Arc<dyn Random>,
    parameters: Argon2Parameters,
}

/// The work that was done since the start.
#[derive(Default)]
struct Computed {
    hashes: AtomicU64,
    iterations: AtomicU64,
}

/// What is measured about the pool.
#[derive(Debug)]
pub struct HashingMeasures {
    /// Computations that wait for a thread.
    pub waiting: AtomicU64,
    /// How long they waited.
    pub wait: Histogram,
    /// Computations that were refused because the queue was full.
    pub refused: Counter,
    /// Checks of passwords that were right, and wrong.
    pub right: Counter,
    pub wrong: Counter,
}

impl Default for HashingMeasures {
    fn default() -> Self {
        Self {
            waiting: AtomicU64::new(0),
            wait: Histogram::new(SECONDS),
            refused: Counter::default(),
            right: Counter::default(),
            wrong: Counter::default(),
        }
    }
}

struct Job {
    queued: Stopwatch,
    password: Secret<String>,
    recipe: Recipe,
    answer: oneshot::Sender<Option<Zeroizing<Vec<u8>>>>,
}

impl HashingPool {
    /// Starts the threads.
    pub fn start(random: Arc<dyn Random>, options: HashingOptions) -> Self {
        let (queue, jobs) = sync_channel(options.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let computed = Arc::new(Computed::default());
        let measures = Arc::new(HashingMeasures::default());
        for number in 0..options.threads.max(1) {
            let worker = Worker {
                jobs: Arc::clone(&jobs),
                computed: Arc::clone(&computed),
                measures: Arc::clone(&measures),
                memory: Vec::new(),
                usual: options.parameters,
            };
            thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || worker.run(options.nice))
                .expect("the system starts a thread");
        }
        Self { queue, computed, measures, random, parameters: options.parameters }
    }

    /// Whether `password` is the one that `stored` was made from. `None` costs exactly one hash as well (one of `choice`) and is
    /// never right: an unknown user must look like a wrong password. So does a stored hash that cannot be verified.
    ///
    /// # Errors
    /// [`Overloaded`] when the queue is full: nothing was computed.
    pub async fn verify(&self, password: Secret<String>, stored: Option<PasswordHash>, choice: HashChoice) -> Result<bool, Overloaded> {
        let Some((recipe, expected)) = stored.as_ref().and_then(Recipe::parse) else {
            self.compute(password, choice.recipe(self.parameters, vec![0; SALT_LENGTH])).await?;
            self.measures.wrong.add(1);
            return Ok(false);
        };
        let computed = self.compute(password, recipe).await?;
        let right = computed.is_some_and(|value| digest::equal(&value, &expected));
        if right { &self.measures.right } else { &self.measures.wrong }.add(1);
        Ok(right)
    }

    /// A new argon2id hash with the pool's parameters and a fresh salt.
    ///
    /// # Errors
    /// [`Overloaded`] when the queue is full.
    pub async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, Overloaded> {
        self.hash_as(password, HashChoice::default()).await
    }

    /// A new hash of the algorithm and cost that a realm wants, with a fresh salt.
    ///
    /// # Errors
    /// [`Overloaded`] when the queue is full.
    pub async fn hash_as(&self, password: Secret<String>, choice: HashChoice) -> Result<PasswordHash, Overloaded> {
        let salt = self.random.bytes::<SALT_LENGTH>().to_vec();
        let value = self.compute(password, choice.recipe(self.parameters, salt.clone())).await?;
        let value = value.expect("the pool's own parameters are valid");
        Ok(choice.recipe(self.parameters, salt).store(&value))
    }

    /// Whether a password that was just verified against `stored` should be hashed anew.
    pub fn needs_upgrade(&self, stored: &PasswordHash, choice: HashChoice) -> bool {
        choice.differs_from(self.parameters, stored)
    }

    /// Hash computations since the start.
    pub fn computed(&self) -> u64 {
        self.computed.hashes.load(Ordering::SeqCst)
    }

    /// Rounds of the hash functions since the start: with [`Self::computed`] what checks have cost, counted and not timed.
    pub fn iterations(&self) -> u64 {
        self.computed.iterations.load(Ordering::SeqCst)
    }

    pub fn measures(&self) -> &HashingMeasures {
        &self.measures
    }

    async fn compute(&self, password: Secret<String>, recipe: Recipe) -> Result<Option<Zeroizing<Vec<u8>>>, Overloaded> {
        let (answer, computed) = oneshot::channel();
        self.measures.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Job { queued: Stopwatch::start(), password, recipe, answer }).is_err() {
            self.measures.waiting.fetch_sub(1, Ordering::Relaxed);
            self.measures.refused.add(1);
            return Err(Overloaded);
        }
        computed.await.map_err(|_| Overloaded)
    }
}

struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    computed: Arc<Computed>,
    measures: Arc<HashingMeasures>,
    memory: Vec<Block>,
    usual: Argon2Parameters,
}

impl Worker {
    fn run(mut self, nice: i32) {
        lower_priority(nice);
        loop {
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            self.measures.waiting.fetch_sub(1, Ordering::Relaxed);
            self.measures.wait.observe_time(job.queued.elapsed());
            // Whoever asked has gone away (a closed connection): his queue place is free again at no cost.
            if job.answer.is_closed() {
                continue;
            }
            let value = self.compute(&job);
            let _gone_meanwhile = job.answer.send(value);
        }
    }

    fn compute(&mut self, job: &Job) -> Option<Zeroizing<Vec<u8>>> {
        self.computed.hashes.fetch_add(1, Ordering::SeqCst);
        self.computed.iterations.fetch_add(job.recipe.iterations(), Ordering::SeqCst);
        let value = job.recipe.compute(job.password.expose().as_bytes(), &mut self.memory);
        // An imported hash may need an arena of its own size: not kept, or one such user would hold a gigabyte.
        let usual = usize::try_from(self.usual.memory_kib).unwrap_or(usize::MAX);
        if self.memory.len() > usual {
            self.memory.truncate(usual);
            self.memory.shrink_to_fit();
        }
        value
    }
}

/// On Linux niceness belongs to the thread, and process 0 means the calling one.
#[cfg(target_os = "linux")]
fn lower_priority(nice: i32) {
    if nice != 0
        && let Err(error) = rustix::process::nice(nice)
    {
        tracing::debug!(%error, "the hashing threads keep their priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority(_nice: i32) {}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::future::join_all;
    use futures_util::poll;

    use super::*;
    use crate::base::random::SeededRandom;

    fn pool(options: HashingOptions) -> HashingPool {
        HashingPool::start(Arc::new(SeededRandom::new(1)), options)
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::from(text)
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let pool = pool(HashingOptions::cheap());
        let hash = pool.hash(secret("hunter2")).await.unwrap();
        assert_eq!(pool.verify(secret("hunter2"), Some(hash.clone()), HashChoice::default()).await, Ok(true));
        assert_eq!(pool.verify(secret("hunter3"), Some(hash.clone()), HashChoice::default()).await, Ok(false));
        assert_eq!(pool.verify(secret(""), Some(hash.clone()), HashChoice::default()).await, Ok(false));
        assert_ne!(pool.hash(secret("hunter2")).await.unwrap(), hash, "every hash has a salt of its own");
        assert!(!pool.needs_upgrade(&hash, HashChoice::default()));
        assert_eq!(pool.computed(), 5);
    }

    #[tokio::test]
    async fn an_unknown_user_and_an_unusable_hash_cost_exactly_one_hash_each() {
        let pool = pool(HashingOptions::cheap());
        let good = pool.hash(secret("x")).await.unwrap();
        let unusable = [
            PasswordHash { algorithm: "md5".to_owned(), ..good.clone() },
            PasswordHash { value: secret("not base64!"), ..good.clone() },
            PasswordHash { additional_parameters: [("memory".to_owned(), "4000000000".to_owned())].into(), ..good.clone() },
            PasswordHash { hash_iterations: 0, ..good },
        ];
        for stored in [None].into_iter().chain(unusable.map(Some)) {
            let before = pool.computed();
            assert_eq!(pool.verify(secret("x"), stored, HashChoice::default()).await, Ok(false));
            assert_eq!(pool.computed() - before, 1);
        }
    }

    #[tokio::test]
    async fn the_counter_is_exact_under_concurrency() {
        let pool = pool(HashingOptions { threads: 4, queue: 1000, ..HashingOptions::cheap() });
        let hashes = join_all((0..500).map(|_| pool.hash(secret("x")))).await;
        assert!(hashes.into_iter().all(|hash| hash.is_ok()));
        assert_eq!(pool.computed(), 500);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let slow = Argon2Parameters { memory_kib: 7168, iterations: 50, ..Argon2Parameters::CHEAP };
        let pool = pool(HashingOptions { threads: 1, queue: 3, nice: 0, parameters: slow });
        let mut waiting = Vec::new();
        let refused = loop {
            let mut one = Box::pin(pool.verify(secret("x"), None, HashChoice::default()));
            match poll!(&mut one) {
                Poll::Ready(answer) => break answer,
                Poll::Pending => waiting.push(one),
            }
            assert!(waiting.len() <= 8, "the queue is bounded");
        };
        assert_eq!(refused, Err(Overloaded));
        let accepted = u64::try_from(waiting.len()).unwrap();
        assert!(accepted >= 3, "{accepted}");
        assert!(join_all(waiting).await.into_iter().all(|answer| answer == Ok(false)));
        assert_eq!(pool.computed(), accepted, "a refused check computes nothing");
        assert_eq!(pool.verify(secret("x"), None, HashChoice::default()).await, Ok(false));
    }

    #[tokio::test]
    async fn whoever_goes_away_costs_nothing() {
        let slow = Argon2Parameters { memory_kib: 7168, iterations: 50, ..Argon2Parameters::CHEAP };
        let pool = pool(HashingOptions { threads: 1, queue: 8, nice: 0, parameters: slow });
        let mut busy = Box::pin(pool.verify(secret("x"), None, HashChoice::default()));
        assert_eq!(poll!(&mut busy), Poll::Pending);
        for _ in 0..4 {
            let mut gone = Box::pin(pool.verify(secret("x"), None, HashChoice::default()));
            assert_eq!(poll!(&mut gone), Poll::Pending);
        }
        assert_eq!(busy.await, Ok(false));
        assert_eq!(pool.verify(secret("x"), None, HashChoice::default()).await, Ok(false));
        assert_eq!(pool.computed(), 2);
    }

    #[tokio::test]
    async fn an_imported_giant_does_not_keep_its_arena() {
        let mut worker = Worker {
            jobs: Arc::new(Mutex::new(sync_channel(1).1)),
            computed: Arc::default(),
            measures: Arc::default(),
            memory: Vec::new(),
            usual: Argon2Parameters::CHEAP,
        };
        let giant = Argon2Parameters { memory_kib: 65_536, ..Argon2Parameters::CHEAP };
        let job = Job {
            queued: Stopwatch::start(),
            password: secret("x"),
            recipe: HashChoice::default().recipe(giant, vec![0; 16]),
            answer: oneshot::channel().0,
        };
        assert!(worker.compute(&job).is_some());
        assert!(worker.memory.capacity() <= 8, "{}", worker.memory.capacity());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_hashing_threads_are_nice() {
        let nice_of = |thread: &std::path::Path| {
            let stat = std::fs::read_to_string(thread.join("stat")).unwrap();
            let name = std::fs::read_to_string(thread.join("comm")).unwrap();
            // proc(5): niceness is field 19, the 17th after the parenthesised name.
            let nice: i64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap();
            (name.trim().to_owned(), nice)
        };
        let own = nice_of(std::path::Path::new("/proc/thread-self")).1;
        let pool = pool(HashingOptions { nice: 3, ..HashingOptions::cheap() });
        pool.verify(secret("x"), None, HashChoice::default()).await.unwrap();
        let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
        let threads: Vec<_> = threads.filter(|thread| thread.join("stat").exists()).map(|thread| nice_of(&thread)).collect();
        assert!(threads.contains(&("hashing-0".to_owned(), (own + 3).min(19))), "{threads:?}");
        assert_eq!(nice_of(std::path::Path::new("/proc/thread-self")).1, own);
    }
}
