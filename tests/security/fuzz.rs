//! Replays the corpus of `fuzz/` and mutates it, from seeds that repeat (see `fuzz/README.md`), and sends the kinds of input
//! that only a server reads to one. Security class 51: no input makes a panic.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use keywright::base::clock::Clock as _;
use keywright::base::random::{Random, SeededRandom};
use keywright::config::ProxyHeaders;
use keywright::testing::{REALM, TestIssuer};

use crate::grants::CLIENT;
use crate::support::http::Request;
use bodies::{BODIES, World};

/// What `make test` runs, over all targets.
const MUTATIONS: usize = 20_000;
/// Requests to a server among them: each costs a connection.
const REQUESTS: usize = 1_500;
/// Targets of which each try writes and reads a file of the operator's own; they are tried less.
const WITH_FILES: [&str; 2] = ["configuration", "import"];
const FILES: usize = 500;

/// What mutations insert.
const DICTIONARY: [&str; 34] = [
    "\0",
    "%",
    "%00",
    "%ff",
    "&",
    "=",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "null",
    "-1",
    "0",
    "18446744073709551616",
    "1e999",
    "..",
    "../",
    "${ENV}",
    "${client_id}",
    " and ",
    "(",
    ")",
    "regexPattern(",
    "\u{feff}",
    "\u{202e}",
    "İ",
    "e\u{301}",
    "\r\n",
    ".",
    "=====",
];

struct Mutator<'a> {
    random: &'a dyn Random,
}

impl Mutator<'_> {
    fn below(&self, limit: usize) -> usize {
        let number = u64::from_le_bytes(self.random.bytes::<8>());
        usize::try_from(number % u64::try_from(limit.max(1)).expect("small")).expect("small")
    }

    /// One to four changes of a seed.
    fn mutate(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(64 * 1024);
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below((bytes.len() - at).min(64) + 1);
        match self.below(9) {
            0 if !bytes.is_empty() => {
                let place = at.min(bytes.len() - 1);
                bytes[place] ^= 1 << self.below(8);
            }
            1 if !bytes.is_empty() => {
                let place = at.min(bytes.len() - 1);
                bytes[place] = self.random.bytes::<1>()[0];
            }
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => bytes.truncate(at),
            5 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            // Depth and length are where parsers die.
            6 => {
                let unit = bytes[at..end].to_vec();
                let times = 1 + self.below(4_000 / unit.len().max(1));
                bytes.splice(at..at, unit.repeat(times));
            }
            7 => bytes.splice(at..at, std::iter::repeat_n(b"[{(\"%a"[self.below(6)], self.below(3_000))).for_each(drop),
            _ => {
                let word = DICTIONARY[self.below(DICTIONARY.len())];
                bytes.splice(at..end, word.bytes()).for_each(drop);
            }
        }
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    let seeds: Vec<_> = files.iter().map(|file| fs::read(file.path()).expect("readable")).collect();
    assert!(!seeds.is_empty(), "{target} has no corpus");
    seeds
}

/// Runs every body on its corpus and on mutations of it.
async fn run(mutations: usize, seed: u64) {
    let issuer = TestIssuer::start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer.user("alice", "right").await;
    let tokens = issuer.password_tokens(CLIENT, ("alice", "right"), "openid").await;
    let app = issuer.keywright().app();
    let directory = tempfile::tempdir().expect("a directory");
    let world = World {
        realm: app.compiled.realm(REALM).await.expect("readable").expect("there"),
        issuer: issuer.issuer(),
        now: issuer.clock().now(),
        directory: directory.path().to_owned(),
        app: issuer.keywright().clone(),
    };
    for (target, body) in BODIES {
        let mut seeds = seeds(target);
        for bytes in &seeds {
            judge(target, 0, body, &world, bytes);
        }
        if target == "jwt" {
            // Good ones to begin with; mutated once too often to be replayed as they are.
            let good = serde_json::to_value(&tokens).expect("tokens are JSON");
            seeds.extend(
                ["access_token", "refresh_token", "id_token"]
                    .iter()
                    .filter_map(|name| good[name].as_str().map(|text| text.as_bytes().to_vec())),
            );
        }
        let random = SeededRandom::new(seed ^ target.len() as u64);
        let mutator = Mutator { random: &random };
        let few = mutations.min(FILES);
        let count = if WITH_FILES.contains(&target) { few } else { (mutations - few).div_ceil(BODIES.len() - WITH_FILES.len()) };
        for _ in 0..count {
            let bytes = mutator.mutate(&seeds);
            if target == "jwt" && (seeds.contains(&bytes) || is_respelled(&bytes, &seeds)) {
                continue;
            }
            judge(target, seed, body, &world, &bytes);
        }
    }
}

/// Whether the bytes are a good token after all: base64url without padding has bits to spare in its last character.
fn is_respelled(bytes: &[u8], seeds: &[Vec<u8>]) -> bool {
    seeds.iter().any(|seed| seed.len() == bytes.len() && seed[..seed.len() - 1] == bytes[..bytes.len() - 1])
}

fn judge(target: &str, seed: u64, body: bodies::Body, world: &World, bytes: &[u8]) {
    let held = catch_unwind(AssertUnwindSafe(|| body(world, bytes))).is_ok();
    assert!(held, "fuzz target {target}, seed {seed}: {}", bytes.escape_ascii());
}

#[tokio::test]
async fn class_51_the_corpus_and_twenty_thousand_mutations_make_no_parser_panic() {
    run(MUTATIONS - REQUESTS, 1).await;
}

/// Header fields are read by the server itself: whatever stands in them, the answer is a refusal or the thing asked for.
#[tokio::test]
async fn class_51_no_header_or_parameter_makes_the_server_fail() {
    let issuer = TestIssuer::builder().configure(|config| config.http.proxy_headers = ProxyHeaders::Xforwarded).start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer.change_realm(|realm| realm.ssl_required = keywright::model::realm::SslRequired::None).await;
    let (random, seeds) = (SeededRandom::new(1), seeds("header"));
    let mutator = Mutator { random: &random };
    let address = issuer.address().to_string();
    let token = format!("/auth/realms/{REALM}/protocol/openid-connect/token");
    for round in 0..REQUESTS {
        let bytes = mutator.mutate(&seeds);
        // What HTTP itself refuses is hyper's and actix's business.
        let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).take(4_000).collect();
        let request = Request::new("POST", &token);
        let request = match round % 6 {
            0 => request.header("Authorization", &text).form(&[("grant_type", "client_credentials")]),
            1 => request
                .header("X-Forwarded-For", &text)
                .header("X-Forwarded-Proto", "https")
                .form(&[("grant_type", "password")]),
            2 => request.header("Forwarded", &text).header("X-Forwarded-Host", &text).form(&[("grant_type", "password")]),
            3 => Request::new("GET", format!("/auth/realms/{REALM}/nothing-here"))
                .header("Accept", &text)
                .header("Origin", &text),
            4 => request.form(&[
                ("grant_type", "client_credentials"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &text),
            ]),
            _ => request.basic(CLIENT.0, CLIENT.1).form(&[
                ("grant_type", &text),
                ("scope", &text),
                ("refresh_token", &text),
                ("username", &text),
            ]),
        };
        let answer = request.send(&address).await.unwrap_or_else(|error| panic!("round {round}: {error}: {text:?}"));
        assert!(answer.status < 500, "round {round}: {} to {text:?}: {}", answer.status, answer.text());
    }
}

/// The long run; see `fuzz/README.md`.
#[tokio::test]
#[ignore = "minutes: make test-all"]
#[allow(clippy::disallowed_methods, reason = "how much and with which seed is the caller's choice")]
async fn fuzz_long() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let mutations = usize::try_from(number("KEYWRIGHT_FUZZ_MUTATIONS", 500_000)).expect("a number of this machine");
    run(mutations, number("KEYWRIGHT_FUZZ_SEED", 2)).await;
}
