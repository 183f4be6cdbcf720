//! `keywright doctor`: what an operator would look at first, each with a mark and one line of advice. Changes nothing but, with
//! `--fix`, the modes of files that others can read.

mod mail;
mod proxy;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::api::Api;
use super::failure::{Code, Failure};
use super::local::{self, Local, Place};
use super::login::Session;
use super::output::{Colour, Output, Row, column, duration, on_one_line};
use super::trust::Trust;
use super::{block_on, examples, shown, sources};
use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::config::load::{self, Flag};
use crate::config::{Config, Engine, ManagementPort};
use crate::egress::operator::OperatorClient;
use crate::embed::start::key_file;
use crate::embed::tls::Tls;
use crate::keyring::{KeyStatus, KeyUse, Keyring};
use crate::model::realm::Realm;
use crate::notify::Mailer;
use crate::store::sled::Integrity;
use crate::store::txn::Reader as _;

/// A key that signs longer than this should have a successor (NIST SP 800-57 part 1, §5.3.6: one to three years).
const KEY_YEAR_SECONDS: i64 = 365 * 86_400;
/// Clocks that differ by more make tokens look as if they were from the future.
const CLOCK_SECONDS: i64 = 5;
/// A certificate that ends sooner should have been renewed.
const RENEWAL_SECONDS: i64 = 14 * 86_400;
/// Less free room than this is soon none.
const ROOM: u64 = 1 << 30;
/// The permissions of the file's group, and of everybody else.
const GROUP: u32 = 0o070;
const OTHERS: u32 = 0o007;
/// Files that are no connections of clients, as the server counts them.
const OTHER_FILES: u64 = 512;

#[derive(Args)]
#[command(before_help = examples![
    "keywright doctor",
    "keywright doctor --fix                                   # takes away file modes that let others read",
    "keywright doctor --config /etc/keywright/keywright.toml --json"
])]
pub(super) struct Arguments {
    /// Correct the modes of the key's and the store's files
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Warning,
    Problem,
}

/// What was looked at, how it is, and what to do about it.
struct Finding {
    check: &'static str,
    state: State,
    detail: String,
    advice: Option<String>,
}

fn good(check: &'static str, detail: impl Into<String>) -> Finding {
    Finding { check, state: State::Good, detail: detail.into(), advice: None }
}

fn warning(check: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { check, state: State::Warning, detail: detail.into(), advice: Some(advice.into()) }
}

fn problem(check: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { check, state: State::Problem, detail: detail.into(), advice: Some(advice.into()) }
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let data = arguments.place.data.clone().map(|text| Flag { key: "store.directory", name: "--data", text });
    let findings = match load::load(&sources(arguments.place.config.clone(), data.into_iter().collect(), false)) {
        Err(problems) => vec![problem("settings", problems.to_string(), "keywright config explain KEY says what a setting means")],
        Ok(loaded) => {
            let mut findings: Vec<_> = loaded
                .config
                .warnings()
                .into_iter()
                .map(|sentence| warning("settings", sentence, "keywright config show says where each value comes from"))
                .collect();
            if findings.is_empty() {
                findings.push(good("settings", format!("valid; issuers begin with {}", loaded.config.base_url())));
            }
            findings.extend(examine(&loaded.config, arguments)?);
            findings
        }
    };
    report(&findings, output)
}

fn report(findings: &[Finding], output: &Output) -> Result<(), Failure> {
    let word = |state| match state {
        State::Good => "ok",
        State::Warning => "warning",
        State::Problem => "problem",
    };
    if matches!(output.format, super::output::Format::Table | super::output::Format::Wide) {
        for Finding { check, state, detail, advice } in findings {
            let mark = match state {
                State::Good => output.paint(Colour::Good, "✔"),
                State::Warning => output.paint(Colour::Warning, "!"),
                State::Problem => output.paint(Colour::Bad, "✘"),
            };
            output.line(&format!("{mark} {check}: {}", on_one_line(detail)));
            if let Some(advice) = advice {
                output.line(&format!("    {}", on_one_line(advice)));
            }
        }
    } else {
        let rows: Vec<Row> = findings
            .iter()
            .map(|Finding { check, state, detail, advice }| Row {
                name: (*check).to_owned(),
                cells: vec![(*check).to_owned(), word(*state).to_owned(), detail.clone(), advice.clone().unwrap_or_default()],
                json: json!({ "check": check, "state": word(*state), "detail": detail, "advice": advice }),
            })
            .collect();
        output.list(&[column("CHECK"), column("STATE"), column("DETAIL"), column("ADVICE")], &rows);
    }
    match findings.iter().filter(|finding| finding.state == State::Problem).count() {
        0 => Ok(()),
        1 => Err(Failure::new(Code::Problems, "there is a problem")),
        count => Err(Failure::new(Code::Problems, format!("there are {count} problems"))),
    }
}

fn examine(config: &Config, arguments: &Arguments) -> Result<Vec<Finding>, Failure> {
    let client = arguments.trust.client()?;
    let mut findings = Vec::new();
    let serving = block_on(async { Ok(server(config, &client, &mut findings).await) })?;
    if !serving {
        findings.push(port(config));
    }
    findings.extend(files(config, arguments.fix));
    findings.extend(certificate(config));
    findings.push(proxy::finding(config));
    findings.push(open_files(config));
    findings.extend(room(config));
    findings.extend(if serving { mail_of_server(config, &arguments.trust) } else { store(config) });
    findings.push(snapshots(config));
    Ok(findings)
}

/// The running server, as its clients see it; whether there is one.
async fn server(config: &Config, client: &OperatorClient, findings: &mut Vec<Finding>) -> bool {
    let issuer = format!("{}/realms/{}", config.base_url(), Realm::MASTER);
    let now = Env::system().now();
    let serving = match management(config) {
        Some(url) => match client.get(&format!("{url}/health/ready"), None).await {
            Ok(answer) if answer.status == 200 => {
                findings.push(good("server", format!("ready, its store is whole ({url})")));
                true
            }
            Ok(answer) => {
                let detail = format!("not ready: {url}/health/ready answers {}", answer.status);
                findings.push(problem("server", detail, "its log says why; a damaged store is replaced with keywright backup restore"));
                true
            }
            Err(_) => false,
        },
        None => false,
    };
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    match client.get(&discovery, None).await {
        Ok(answer) if answer.status == 200 => {
            let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let said = document["issuer"].as_str().unwrap_or("nothing");
            findings.push(if said == issuer {
                good("issuer", format!("{issuer} is reached and calls itself so"))
            } else {
                problem("issuer", format!("{issuer} calls itself {said}"), "hostname.url must be the address that clients use")
            });
            findings.extend(answer.date.as_deref().and_then(|date| clock(date, now)));
            true
        }
        Ok(answer) => {
            let advice = "does hostname.url (with its path) lead here, through the proxy if there is one?";
            findings.push(problem("issuer", format!("{discovery} answers {}", answer.status), advice));
            serving
        }
        Err(error) if serving => {
            let advice = "does hostname.url lead here, through the proxy if there is one?";
            findings.push(problem("issuer", format!("{issuer} is not reached: {error}"), advice));
            true
        }
        Err(_) => {
            findings.push(warning("server", "none is running with these settings", "keywright serve starts it"));
            false
        }
    }
}

/// The store is the server's, so the realms are asked of it by whoever is signed in.
fn mail_of_server(config: &Config, trust: &Trust) -> Vec<Finding> {
    let base = config.base_url();
    let Ok(session) = Session::of(&base) else {
        let advice = format!("keywright login --url {base} --user NAME, then again; or stop the server first");
        return vec![warning("mail", "the mail settings of the running server were not looked at", advice)];
    };
    let looked = block_on(async {
        let host = config.hostname.url.as_ref().map_or("localhost", |url| url.host());
        let mailer = Mailer::new(config.egress.ca_file.as_deref(), host).map_err(Failure::failed)?;
        mail::findings(&Api::Server(Box::new(session.remote(trust).await?)), &mailer).await
    });
    looked.unwrap_or_else(|failure| {
        vec![warning("mail", failure.what, failure.advice.unwrap_or_else(|| format!("keywright login --url {base}")))]
    })
}

/// The root of the management listener, from this machine.
fn management(config: &Config) -> Option<String> {
    super::backup::management_url(config).ok()
}

fn clock(date: &str, now: Timestamp) -> Option<Finding> {
    let there = OffsetDateTime::parse(date, &Rfc2822).ok()?.unix_timestamp();
    let apart = (there - now.seconds()).abs();
    Some(if apart <= CLOCK_SECONDS {
        good("clock", "agrees with that of the issuer's address")
    } else {
        problem("clock", format!("{} apart from that of the issuer's address", duration(apart)), "let NTP set both clocks")
    })
}

/// The certificate of `[https]`.
fn certificate(config: &Config) -> Option<Finding> {
    const CHECK: &str = "certificate";
    let now = Env::system().now();
    let advice = "renew it; a running server reads the new file by itself";
    Some(match Tls::open(&config.https) {
        Ok(tls) => match tls?.valid_to() - now {
            left if left <= 0 => problem(CHECK, format!("expired {} ago", duration(-left)), advice),
            left if left < RENEWAL_SECONDS => warning(CHECK, format!("expires in {}", duration(left)), advice),
            left => good(CHECK, format!("valid for {}", duration(left))),
        },
        Err(error) => problem(CHECK, error.to_string(), "https.certificate_file and https.certificate_key_file name PEM files"),
    })
}

fn port(config: &Config) -> Finding {
    let mut addresses = Vec::new();
    if config.http.enabled {
        addresses.push(("http.port", SocketAddr::new(config.http.host, config.http.port)));
    }
    if config.https.is_on() {
        addresses.push(("https.port", SocketAddr::new(config.http.host, config.https.port)));
    }
    if let ManagementPort::On(port) = config.management.port {
        addresses.push(("management.port", SocketAddr::new(config.management.host, port)));
    }
    let taken = addresses
        .iter()
        .find_map(|(key, address)| TcpListener::bind(address).err().map(|error| (key, address, error)));
    match taken {
        None => good("port", addresses.iter().map(|(_, address)| format!("{address} is free")).collect::<Vec<_>>().join(", ")),
        Some((key, address, error)) => {
            problem("port", format!("{address} ({key}) cannot be opened: {error}"), "stop the other program, or choose another port")
        }
    }
}

/// What others on this machine must not read.
fn files(config: &Config, fix: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.keys.key_encryption_key.is_none() {
        let key = key_file(config);
        findings.push(if key.is_file() {
            private("key file", &key, 0o600, fix)
        } else if config.store.directory.join("configuration").is_dir() {
            let advice = "restore the file: without it nothing secret in the store opens";
            problem("key file", format!("{} is missing, and there is a store", shown(&key)), advice)
        } else {
            good("key file", format!("{} is made at the first start", shown(&key)))
        });
    }
    if config.store.engine == Engine::Sled && config.store.directory.is_dir() {
        findings.push(private("store directory", &config.store.directory, 0o700, fix));
    }
    findings
}

fn private(check: &'static str, path: &Path, wanted: u32, fix: bool) -> Finding {
    let mode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) => {
            return problem(check, format!("{} cannot be read: {error}", shown(path)), "run doctor as the user that runs the server");
        }
    };
    if mode & (GROUP | OTHERS) == 0 {
        return good(check, format!("{} is its owner's alone", shown(path)));
    }
    if fix {
        return match std::fs::set_permissions(path, std::fs::Permissions::from_mode(wanted)) {
            Ok(()) => good(check, format!("{} had mode {mode:03o} and has {wanted:03o} now", shown(path))),
            Err(error) => problem(check, format!("{} has mode {mode:03o}: {error}", shown(path)), "run doctor --fix as its owner"),
        };
    }
    let advice = format!("chmod {wanted:03o} {}, or keywright doctor --fix", shown(path));
    let detail = format!("{} has mode {mode:03o}", shown(path));
    // Containers mount secrets group-readable; everybody else reading them is another matter.
    if mode & OTHERS == 0 { warning(check, detail, advice) } else { problem(check, detail, advice) }
}

fn open_files(config: &Config) -> Finding {
    let wanted = config.http.max_connections.get() as u64 + OTHER_FILES;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    match limit.maximum.or(limit.current) {
        Some(allowed) if allowed < wanted => {
            let advice = format!("raise LimitNOFILE (systemd) or ulimit -n to {wanted}, or lower http.max_connections");
            warning("open files", format!("{allowed} allowed, {wanted} needed for all connections"), advice)
        }
        Some(allowed) => good("open files", format!("{allowed} allowed")),
        None => good("open files", "without limit"),
    }
}

fn room(config: &Config) -> Option<Finding> {
    let directory = existing(&config.store.directory)?;
    let disk = rustix::fs::statvfs(&directory).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let detail = format!("{} MiB free for {}", free >> 20, shown(&config.store.directory));
    Some(if free < ROOM { warning("disk", detail, "make room: a full disk makes the store read-only") } else { good("disk", detail) })
}

/// The directory, or the nearest one above it.
fn existing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find(|ancestor| ancestor.is_dir()).map(Path::to_owned)
}

/// The store of a stopped server: whether it opens with this key, is whole, and what its keys are.
fn store(config: &Config) -> Vec<Finding> {
    if config.store.engine == Engine::Memory {
        return vec![warning("store", "in memory: it is gone when the process ends", "store.engine = \"sled\" keeps it")];
    }
    if !config.store.directory.join("configuration").is_dir() {
        return vec![good("store", format!("{} is made at the first start", shown(&config.store.directory)))];
    }
    let config = config.clone();
    let looked = local::open(config, async |local| {
        let mut findings = vec![match local.app().store.checked().await {
            Integrity::Sound => good("store", "whole: every record is there and has its checksum"),
            Integrity::Checking => warning("store", "the check did not end", "run doctor again"),
            Integrity::Damaged(why) => problem("store", why, "keywright backup restore FILE --data NEW_DIRECTORY"),
        }];
        findings.extend(keys(local).await?);
        findings.extend(mail::findings(&Api::Store(local), &local.app().mailer).await?);
        Ok(findings)
    });
    looked.unwrap_or_else(|failure| {
        vec![problem("store", failure.what, failure.advice.unwrap_or_else(|| "keywright backup restore brings a backup back".to_owned()))]
    })
}

async fn keys(local: &Local) -> Result<Vec<Finding>, Failure> {
    let app = local.app();
    let (mut peek, now) = (app.store.peek(), app.env.now());
    let (mut findings, mut youngest_enough) = (Vec::new(), 0);
    for realm in peek.realms().list().await? {
        let components = peek.components().list(&realm.id).await?;
        let keyring = match Keyring::open(&realm.id, &components, &app.sealer) {
            Ok(keyring) => keyring,
            Err(error) => {
                findings.push(problem("keys", format!("realm {}: {error}", realm.name), "is this the key-encryption key of this store?"));
                continue;
            }
        };
        let signing = keyring.keys().iter().filter(|key| key.status == KeyStatus::Active && key.usage == KeyUse::Signature);
        for key in signing {
            let Some(age) = key.valid_from().map(|from| now - from) else { continue };
            if age <= KEY_YEAR_SECONDS {
                youngest_enough += 1;
                continue;
            }
            let detail = format!("realm {}: the {} key is {} old", realm.name, key.algorithm, duration(age));
            findings.push(warning("keys", detail, format!("keywright key rotate {} --realm {}", key.algorithm, realm.name)));
        }
    }
    if findings.is_empty() {
        findings.push(good("keys", format!("{youngest_enough} keys with certificates sign, none older than a year")));
    }
    Ok(findings)
}

fn snapshots(config: &Config) -> Finding {
    const CHECK: &str = "snapshots";
    let directory = config.store.directory.join("snapshots");
    let newest = std::fs::read_dir(&directory).ok().and_then(|entries| {
        let times = entries.flatten().filter_map(|entry| entry.metadata().ok()?.modified().ok());
        times.max()?.duration_since(UNIX_EPOCH).ok()
    });
    let now = Env::system().now().seconds();
    match newest.and_then(|newest| i64::try_from(newest.as_secs()).ok()) {
        Some(newest) => good(CHECK, format!("the newest is {} old; it has the configuration, no sessions", duration(now - newest))),
        None if config.store.engine == Engine::Memory => good(CHECK, "there is nothing to keep"),
        None => warning(CHECK, "there is none yet", "a server takes one in its first minute; keywright backup create takes a whole backup"),
    }
}
