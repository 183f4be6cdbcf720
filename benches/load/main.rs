//! The load harness behind `make bench`: a release server on sled, 1 000 clients, 10 000 users, and the CPU that each kind of
//! request costs the server, as a multiple of what this machine needs for the bare cryptography (docs: README, Performance).
//!
//! ```text
//! cargo bench --bench load [-- [--scale] [--quick] [--seed N] [--only NAME,…]]
//! ```
//! Names: `import start client_credentials jwks refresh introspection userinfo password storm rotating`. `--scale` measures instead how the cost of a token,
//! the start and the memory grow with the number of `realms`, `clients`, `users` and `sessions` (all: `growth`), and what an administrator waits for there
//! (`administration`; `make bench-scale`).
//! `--quick` proves in a minute that the harness and the answers are right; its figures mean nothing. Ends with 1 when a limit
//! is exceeded (never with `--quick`) and panics at the first wrong answer.
#![allow(clippy::print_stdout, reason = "the table is this program's result")]
#![allow(clippy::disallowed_methods, reason = "measures real time and real processes")]
#![allow(clippy::cast_precision_loss, reason = "counts of requests fit an f64")]

mod administration;
mod bare;
mod http;
mod import;
mod measure;
mod report;
mod scale;
mod scenario;
mod seed;
mod server;
mod storm;
mod yardstick;

use std::process::ExitCode;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Options {
    pub quick: bool,
    pub scale: bool,
    pub seed: u64,
    pub only: Vec<String>,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { quick: false, scale: false, seed: 20_261_122, only: Vec::new() };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--quick" => options.quick = true,
                "--scale" => options.scale = true,
                "--seed" => options.seed = arguments.next().and_then(|value| value.parse().ok()).ok_or("--seed needs a number")?,
                "--only" => options.only = arguments.next().ok_or("--only needs names")?.split(',').map(str::to_owned).collect(),
                other => return Err(format!("unknown argument {other}")),
            }
        }
        Ok(options)
    }

    /// Whether the measurement called `name` is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// `full`, or `quick` in a quick run.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|argument| argument == bare::COMMAND) {
        let length = arguments.nth(1).and_then(|length| length.parse().ok()).expect("the harness passes a length");
        return if bare::run(length).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::from(2);
        }
    };
    println!("{}", report::machine());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    if options.scale {
        runtime.block_on(scale::run(&options));
        if options.wants("administration") {
            runtime.block_on(administration::run(&options));
        }
        return ExitCode::SUCCESS;
    }
    let rows = runtime.block_on(measure::run(&options));
    println!("\n{}", report::table(&rows));
    if options.quick {
        println!("(quick: the answers were checked, the figures mean nothing)");
        return ExitCode::SUCCESS;
    }
    if rows.iter().any(report::Row::is_over) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
