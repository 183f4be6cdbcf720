//! The watch over the log. Everything that the process logs at TRACE is kept; each [`Watch`] knows the secrets, passwords, tokens
//! and codes of one test's run and, when it goes, fails the test if a line written meanwhile has one of them.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Shorter ones, and plain words, stand in a log for other reasons too.
const SHORTEST: usize = 8;

struct Kept {
    lines: Vec<u8>,
    /// Bytes that were let go before `lines`, when nobody was watching.
    forgotten: usize,
    watches: usize,
    targets: BTreeSet<String>,
    /// Lines with a token in them, watched or not.
    tokens: Vec<String>,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept { lines: Vec::new(), forgotten: 0, watches: 0, targets: BTreeSet::new(), tokens: Vec::new() });
static INSTALL: Once = Once::new();
/// Notified when the last watch goes.
static UNWATCHED: Condvar = Condvar::new();

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Knows what must not be logged from its start to its drop.
pub struct Watch {
    from: usize,
    secrets: Mutex<BTreeSet<String>>,
}

impl Watch {
    pub fn start() -> Self {
        INSTALL.call_once(install);
        let mut kept = kept();
        kept.watches += 1;
        Self { from: kept.forgotten + kept.lines.len(), secrets: Mutex::default() }
    }

    /// From now on, and looking back, no line may contain `secret`. The signature of a token counts on its own as well.
    pub fn secret(&self, secret: &str) {
        let signature = secret.rsplit_once('.').map(|(_, signature)| signature);
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        for text in [Some(secret), signature].into_iter().flatten() {
            if text.len() >= SHORTEST && !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                secrets.insert(text.to_owned());
            }
        }
    }

    /// The lines since the start that contain a secret.
    pub fn leaks(&self) -> Vec<String> {
        let kept = kept();
        let lines = &kept.lines[self.from.saturating_sub(kept.forgotten)..];
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_beginning = HashMap::<&[u8], Vec<&[u8]>>::new();
        for secret in &*secrets {
            by_beginning.entry(&secret.as_bytes()[..SHORTEST]).or_default().push(secret.as_bytes());
        }
        let mut leaks = BTreeSet::new();
        for (at, beginning) in lines.windows(SHORTEST).enumerate() {
            if by_beginning
                .get(beginning)
                .is_some_and(|secrets| secrets.iter().any(|secret| lines[at..].starts_with(secret)))
            {
                let start = lines[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
                let end = lines[at..].iter().position(|byte| *byte == b'\n').map_or(lines.len(), |length| at + length);
                leaks.insert(String::from_utf8_lossy(&lines[start..end]).into_owned());
            }
        }
        leaks.into_iter().collect()
    }

    /// The text logged since the start.
    pub fn text(&self) -> String {
        let kept = kept();
        String::from_utf8_lossy(&kept.lines[self.from.saturating_sub(kept.forgotten)..]).into_owned()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let leaks = self.leaks();
        {
            let mut kept = kept();
            kept.watches -= 1;
            if kept.watches == 0 {
                kept.forgotten += kept.lines.len();
                kept.lines = Vec::new();
                UNWATCHED.notify_all();
            }
        }
        if !std::thread::panicking() {
            assert!(leaks.is_empty(), "the log tells secrets:\n{}", leaks.join("\n"));
        }
    }
}

/// The lines so far that hold something in the form of a JWT, whoever's it was.
pub fn lines_with_tokens() -> Vec<String> {
    kept().tokens.clone()
}

/// Whether a header of a JWT and its dot are in `line`: base64url of `{"` and what follows.
fn has_token(line: &[u8]) -> bool {
    let base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    line.windows(3).enumerate().filter(|(_, start)| *start == b"eyJ").any(|(at, _)| {
        let length = line[at..].iter().take_while(|byte| base64url(byte)).count();
        length >= 16 && line.get(at + length) == Some(&b'.')
    })
}

/// Returns when nobody watches any more.
pub fn wait_for_others() {
    drop(UNWATCHED.wait_while(kept(), |kept| kept.watches > 0).unwrap_or_else(PoisonError::into_inner));
}

/// The modules (`tracing` targets) that have logged at least one line so far.
pub fn targets() -> BTreeSet<String> {
    kept().targets.clone()
}

fn install() {
    // sled logs every tree operation at TRACE, keys and values as bytes in debug notation, which no search for text could judge.
    let filter = || Targets::new().with_default(LevelFilter::TRACE).with_target("sled", LevelFilter::INFO);
    let text = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Writer).with_filter(filter());
    tracing_subscriber::registry().with(text).with(Seen.with_filter(filter())).init();
}

/// Appends to [`KEPT`].
struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = kept();
        kept.lines.extend_from_slice(bytes);
        if has_token(bytes) {
            kept.tokens.push(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        Self
    }
}

/// Notes which modules log.
struct Seen;

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target();
        let mut kept = kept();
        if !kept.targets.contains(target) {
            kept.targets.insert(target.to_owned());
        }
    }
}

#[test]
fn a_secret_in_the_log_is_found_wherever_it_came_from() {
    let planted = "planted-0123456789";
    let watch = Watch::start();
    watch.secret("kept-0123456789");
    watch.secret(planted);
    tracing::trace!(target: "plant", field = planted, "a field");
    tracing::trace!(target: "plant", "the message says {planted}!");
    tracing::trace!(target: "plant", "nothing to see");
    let leaks = watch.leaks();
    assert_eq!(leaks.len(), 2, "{leaks:?}");
    assert!(targets().contains("plant"));
    watch.secrets.lock().expect("nobody panicked").remove(planted);
}

#[test]
#[should_panic(expected = "the log tells secrets")]
fn a_watch_fails_the_test_whose_secret_was_logged() {
    let watch = Watch::start();
    watch.secret("dropped-0123456789");
    tracing::trace!(target: "plant", "dropped-0123456789");
}

#[test]
fn a_token_is_known_by_its_form() {
    assert!(has_token(b"token=eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjF9.c2ln"));
    assert!(!has_token(b"the word eyJ, and eyJhbGciOiJub25lIn0 alone"));
}
