//! `keywright config`: find every mistake, see what holds and why, start a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, answer, shown, sources, tell};
use crate::config::load::{self, Loaded};
use crate::config::{Problems, TEMPLATE};

/// The file that is read from the working directory when none is named, and that `init` writes.
pub(super) const FILE: &str = "keywright.toml";

#[derive(Subcommand)]
pub(super) enum Command {
    /// Name every problem of file and environment
    Check(Source),
    /// Print every setting with its value and where it comes from; secrets are masked
    Show(Source),
    /// Write a file with every setting explained
    Init {
        /// Where to
        #[arg(value_name = "FILE", default_value = FILE)]
        file: PathBuf,
    },
}

#[derive(Args)]
pub(super) struct Source {
    /// The TOML file [default: $KEYWRIGHT_CONFIG, or keywright.toml if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(source) => check(source),
        Command::Show(source) => show(source),
        Command::Init { file } => init(&file),
    }
}

fn check(source: Source) -> Result<(), Failure> {
    let loaded = load(source)?;
    answer(&format!("the configuration is valid; the base URL is {}", loaded.config.base_url()));
    Ok(())
}

fn show(source: Source) -> Result<(), Failure> {
    let loaded = load(source)?;
    let settings = load::shown(&loaded.config);
    let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let keys = width(&mut settings.keys().map(String::len));
    // A long list is not worth a column as wide as it.
    let values = width(&mut settings.values().map(String::len).filter(|length| *length <= 32));
    let line = |(key, value): (&String, &String)| {
        let origin = loaded.origins.get(key).map_or("default", String::as_str);
        format!("{key:keys$}  {value:values$}  {origin}")
    };
    answer(&settings.iter().map(line).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn load(source: Source) -> Result<Loaded, Failure> {
    let loaded = load::load(&sources(source.config, Vec::new(), false)).map_err(|problems: Problems| {
        tell(&problems.to_string());
        Failure::Problems
    })?;
    for sentence in loaded.notes.iter().chain(&loaded.config.warnings()) {
        tell(sentence);
    }
    Ok(loaded)
}

fn init(file: &std::path::Path) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => {
            answer(&format!("{} is written; every line in it shows a default", shown(file)));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            tell(&format!("{} exists and is left as it is", shown(file)));
            Err(Failure::Conflict)
        }
        Err(error) => {
            tell(&format!("{} cannot be written: {error}", shown(file)));
            Err(Failure::Failed)
        }
    }
}
