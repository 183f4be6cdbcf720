//! The command line. Results go to standard output, everything else to standard error; exit codes say what kind of failure
//! it was. `main` only calls [`run`].

mod config;
mod log;
mod serve;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::load::{CONFIG_VARIABLE, Flag, Sources};

/// An embedded OpenID Connect identity provider that speaks Keycloak's HTTP surface.
#[derive(Parser)]
#[command(name = "keywright", version, before_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  keywright serve --dev                    a server for trying out, with sample clients
  keywright config init                    write keywright.toml with every setting explained
  keywright serve --config keywright.toml  a server with your settings";

#[derive(Subcommand)]
enum Command {
    /// Start the server
    Serve(serve::Arguments),
    /// Check, show or write the settings
    #[command(subcommand)]
    Config(config::Command),
}

/// Why a command ended without a result, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It was tried and did not work.
    Failed = 1,
    /// It was asked for in a wrong way.
    Usage = 2,
    /// What it would make exists already.
    Conflict = 4,
    /// A check found problems.
    Problems = 7,
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure as u8)
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Failure::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Config(command) => config::run(command),
    };
    outcome.map_or_else(ExitCode::from, |()| ExitCode::SUCCESS)
}

/// Where settings come from: the named file, else the one that `KEYWRIGHT_CONFIG` names, else `keywright.toml` in the
/// working directory if there is one; then the environment, then `flags`.
fn sources(file: Option<PathBuf>, flags: Vec<Flag>, development: bool) -> Sources {
    let environment: Vec<_> = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect();
    let named = || {
        environment
            .iter()
            .find(|(name, text)| name == CONFIG_VARIABLE && !text.is_empty())
            .map(|(_, text)| PathBuf::from(text))
    };
    let nearby = || Some(PathBuf::from(config::FILE)).filter(|path| path.exists());
    Sources { file: file.or_else(named).or_else(nearby), environment, flags, development }
}

/// A result for standard output. A reader that went away is not our problem.
fn answer(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// What people should know, for standard error.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
