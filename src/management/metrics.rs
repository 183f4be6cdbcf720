//! `GET /metrics`: what is counted and measured, in the text format of Prometheus. Names that Keycloak has for the same thing are kept;
//! docs/metrics.md lists all of them.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use futures_util::future::{FutureExt as _, LocalBoxFuture};

use crate::app::App;
use crate::audit::metrics::{escaped, head};
use crate::store::backend::Class;

use super::health::Health;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything at this moment.
pub fn get(health: web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse> {
    async move {
        let mut out = String::with_capacity(16 << 10);
        let app = health.app();
        app.audit.metrics.write(&mut out);
        hashing(app, &mut out);
        store(app, &mut out);
        realms(app, &mut out);
        simple(&mut out, "keywright_events_waiting", "gauge", "User events that are not stored yet.", app.audit.pending());
        simple(
            &mut out,
            "keywright_events_dropped_total",
            "counter",
            "User events that were lost because too many waited.",
            app.audit.dropped(),
        );
        process(app, &mut out);
        HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_FORMAT)).body(out)
    }
    .boxed_local()
}

fn simple(out: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    head(out, name, kind, help);
    let _ = writeln!(out, "{name} {value}");
}

fn hashing(app: &App, out: &mut String) {
    let measures = app.hashing.measures();
    let name = "keycloak_credentials_password_hashing_validations_total";
    head(out, name, "counter", "Checks of passwords by their outcome.");
    for (outcome, counter) in [("invalid", &measures.wrong), ("valid", &measures.right)] {
        let _ = writeln!(out, "{name}{{outcome=\"{outcome}\"}} {}", counter.get());
    }
    let waiting = measures.waiting.load(Ordering::Relaxed);
    simple(out, "keywright_hashing_queue_length", "gauge", "Password checks that wait for a thread.", waiting);
    head(out, "keywright_hashing_wait_seconds", "histogram", "How long password checks waited for a thread.");
    measures.wait.write(out, "keywright_hashing_wait_seconds", "");
    let refused = measures.refused.get();
    simple(out, "keywright_hashing_refused_total", "counter", "Password checks that were refused because too many waited.", refused);
}

/// What only the embedded engine can tell; a store in memory has nothing to tell.
fn store(app: &App, out: &mut String) {
    let Some(engine) = app.store.sled() else { return };
    let classes = [("configuration", Class::Configuration), ("sessions", Class::Sessions)];
    head(out, "keywright_store_commit_seconds", "histogram", "Time from handing a commit over until it was durable.");
    for (name, class) in classes {
        engine.measures(class).seconds.write(out, "keywright_store_commit_seconds", &format!("class=\"{name}\""));
    }
    head(out, "keywright_store_commit_group_size", "histogram", "Commits that one sync of the disk made durable.");
    for (name, class) in classes {
        engine.measures(class).group.write(out, "keywright_store_commit_group_size", &format!("class=\"{name}\""));
    }
    head(out, "keywright_store_size_bytes", "gauge", "Size of the database on the disk.");
    for (name, class) in classes {
        if let Some(size) = engine.size(class) {
            let _ = writeln!(out, "keywright_store_size_bytes{{class=\"{name}\"}} {size}");
        }
    }
    head(out, "keywright_sessions", "gauge", "User sessions in the store, expired ones among them until they are purged.");
    let sessions = engine.measures(Class::Sessions);
    for (label, kind) in [("online", "session"), ("offline", "session.offline")] {
        let _ = writeln!(out, "keywright_sessions{{kind=\"{label}\"}} {}", sessions.rows(kind));
    }
    head(out, "keywright_documents", "gauge", "Documents in the store by kind.");
    for kind in ["client", "group", "realm", "role", "user"] {
        let _ = writeln!(out, "keywright_documents{{kind=\"{kind}\"}} {}", engine.measures(Class::Configuration).rows(kind));
    }
    let _ = writeln!(out, "keywright_documents{{kind=\"event\"}} {}", sessions.rows("event"));
}

fn realms(app: &App, out: &mut String) {
    let (realms, clients) = app.compiled.remembered();
    simple(out, "keywright_compiled_realms", "gauge", "Realms that are ready in memory.", realms);
    simple(out, "keywright_compiled_clients", "gauge", "Clients that are ready in memory.", clients);
    let name = "keywright_key_expiry_seconds";
    head(out, name, "gauge", "When the certificate of a signing key ends, in seconds since 1970, of realms in memory.");
    let mut realms = app.compiled.realms();
    realms.sort_by(|one, other| one.realm.name.cmp(&other.realm.name));
    for realm in realms.iter().take(app.config.management.metrics_realms) {
        for key in realm.keyring.keys() {
            if let Some(end) = key.valid_to() {
                let (realm, kid) = (escaped(&realm.realm.name), escaped(&key.kid));
                let _ =
                    writeln!(out, "{name}{{algorithm=\"{}\",kid=\"{kid}\",realm=\"{realm}\"}} {}", escaped(&key.algorithm), end.seconds());
            }
        }
    }
}

/// The process, as `/proc` tells; on other systems only what needs no `/proc`.
fn process(app: &App, out: &mut String) {
    let version = env!("CARGO_PKG_VERSION");
    head(out, "keywright_build_info", "gauge", "Which program this is; always 1.");
    let _ = writeln!(out, "keywright_build_info{{version=\"{version}\"}} 1");
    simple(out, "process_uptime_seconds", "gauge", "How long the server has been up.", app.started.elapsed().as_secs());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    simple(out, "system_cpu_count", "gauge", "Processors that the process may use.", cores);
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    // Fields after the name, which may contain anything but ends in the last parenthesis (proc_pid_stat(5)).
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    if let (Some(user), Some(system)) = (fields.get(USER_TICKS), fields.get(SYSTEM_TICKS)) {
        let nanoseconds = (user + system) * (1_000_000_000 / TICKS_PER_SECOND);
        simple(out, "process_cpu_time_ns_total", "counter", "CPU time of the process in nanoseconds.", nanoseconds);
    }
    let resident = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    if let Some(kibibytes) = resident {
        simple(out, "process_resident_memory_bytes", "gauge", "Memory of the process in RAM.", kibibytes * 1024);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        simple(out, "process_files_open_files", "gauge", "Open file descriptors.", files.count());
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(most) = most {
        simple(out, "process_files_max_files", "gauge", "The most file descriptors that may be open.", most);
    }
}

/// Places of `utime` and `stime` among the numbers behind the process state.
const USER_TICKS: usize = 10;
const SYSTEM_TICKS: usize = 11;
/// `USER_HZ`, which Linux keeps at 100 for everybody who looks from outside.
const TICKS_PER_SECOND: u64 = 100;
