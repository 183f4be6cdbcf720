//! How many files the system lets the process open, which bounds its connections. A process starts with a low limit that it
//! may raise by itself (`RLIMIT_NOFILE`, setrlimit(2)).

#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(target_os = "linux")]
/// Files that are no connections of clients: the store, listeners, pipes, connections to other servers, refusals.
const OTHERS: u64 = 512;

/// Raises the limit as far as `wanted` connections need it; answers how many fit, and says so in the log when they are fewer.
#[cfg(target_os = "linux")]
pub(super) fn connections(wanted: usize) -> usize {
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    let unlimited = |files: Option<u64>| files.unwrap_or(u64::MAX);
    if unlimited(limit.current) >= needed {
        return wanted;
    }
    let raised = needed.min(unlimited(limit.maximum));
    let files = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(_) => unlimited(limit.current),
    };
    let fit = fitting(files, wanted);
    if fit < wanted {
        tracing::warn!(
            http_max_connections = wanted,
            open_files = files,
            connections = fit,
            "the system allows fewer open files than http.max_connections needs (ulimit -n, LimitNOFILE); more connections are refused"
        );
    }
    fit
}

/// Elsewhere the limit is the operator's business.
#[cfg(not(target_os = "linux"))]
pub(super) const fn connections(wanted: usize) -> usize {
    wanted
}

/// At least half of a small limit is for connections.
#[cfg(target_os = "linux")]
fn fitting(files: u64, wanted: usize) -> usize {
    let fit = files.saturating_sub(OTHERS).max(files / 2);
    usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, wanted)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_connections_leave_room_for_other_files() {
        assert_eq!(fitting(20_000, 16_384), 16_384);
        assert_eq!(fitting(4096, 16_384), 3584);
        assert_eq!(fitting(256, 16_384), 128);
    }
}
