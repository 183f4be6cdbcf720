//! Where the process writes about its work: standard error, text for a terminal, one JSON object a line for everything else.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process.
pub(super) fn start(log: &Log) {
    let filter = EnvFilter::new(log.level.filter());
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A process has one log; whoever set another one before us (a test) keeps it.
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.with_ansi(terminal).try_init() };
}

/// The same for a command that is no server: only what went wrong, as text.
pub(super) fn start_quietly() {
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("warn")).with_writer(std::io::stderr);
    let _ = lines.with_ansi(std::io::stderr().is_terminal()).without_time().with_target(false).try_init();
}
