//! `keywright config`: find every mistake, see what holds and why, learn what a setting means, start a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::{Code, Failure};
use super::output::{Column, Output, Row, column};
use super::{examples, shown, sources};
use crate::config::load::{self, Loaded};
use crate::config::{Problems, SECRETS, TEMPLATE};

/// The file that is read from the working directory when none is named, and that `init` writes.
pub(super) const FILE: &str = "keywright.toml";

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright config init                    # keywright.toml with every setting explained",
    "keywright config check                   # name every problem at once",
    "keywright config explain http.port       # what it means, what holds, how to set it"
])]
pub(super) enum Command {
    /// Name every problem of file and environment
    #[command(before_help = examples![
        "keywright config check",
        "keywright config check --config /etc/keywright/keywright.toml",
        "keywright config check && keywright serve"
    ])]
    Check(Source),
    /// Print every setting with its value and where it comes from; secrets are masked
    #[command(before_help = examples![
        "keywright config show",
        "keywright config show --json",
        "keywright config show --config keywright.toml | grep http"
    ])]
    Show(Source),
    /// Say what a setting means, what holds now, and how to set it
    #[command(before_help = examples![
        "keywright config explain http.port",
        "keywright config explain store            # all settings of a section",
        "keywright config explain http.port --json"
    ])]
    Explain {
        /// A setting (http.port) or a section (http)
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        source: Source,
    },
    /// Write a file with every setting explained
    #[command(before_help = examples![
        "keywright config init",
        "keywright config init /etc/keywright/keywright.toml",
        "keywright config init && keywright serve"
    ])]
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

pub(super) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Check(source) => check(source, output),
        Command::Show(source) => show(source, output),
        Command::Explain { key, source } => explain(&key, source, output),
        Command::Init { file } => init(&file, output),
    }
}

fn check(source: Source, output: &Output) -> Result<(), Failure> {
    let loaded = load(source, output)?;
    output.line(&format!("the configuration is valid; the base URL is {}", loaded.config.base_url()));
    Ok(())
}

fn show(source: Source, output: &Output) -> Result<(), Failure> {
    let loaded = load(source, output)?;
    let row = |(key, value): (String, String)| {
        let origin = loaded.origins.get(&key).cloned().unwrap_or_else(|| "default".to_owned());
        Row { name: key.clone(), json: json!({ "key": key, "value": value, "origin": origin }), cells: vec![key, value, origin] }
    };
    let rows: Vec<_> = load::shown(&loaded.config).into_iter().map(row).collect();
    output.list(&[column("KEY"), column("VALUE"), column("ORIGIN")], &rows);
    Ok(())
}

fn explain(key: &str, source: Source, output: &Output) -> Result<(), Failure> {
    const COLUMNS: [Column; 6] =
        [column("SETTING"), column("MEANING"), column("DEFAULT"), column("NOW"), column("FROM"), column("VARIABLE")];
    let known = load::known();
    let keys: Vec<&String> = known.keys().filter(|known| *known == key || known.split('.').next() == Some(key)).collect();
    if keys.is_empty() {
        return Err(Failure::not_found(format!("there is no setting {key}"), key, known.keys().cloned())
            .advice_unless("keywright config show lists all of them"));
    }
    let loaded = load(source, output)?;
    let values = load::shown(&loaded.config);
    for (index, key) in keys.into_iter().enumerate() {
        let (meaning, default) = (meaning(key), if known[key].is_null() { "(none)".to_owned() } else { known[key].to_string() });
        let value = values.get(key).cloned().unwrap_or_default();
        let origin = loaded.origins.get(key).cloned().unwrap_or_else(|| "default".to_owned());
        let variable = load::variable_of(key);
        let secret = SECRETS.contains(&key.as_str());
        let json = json!({
            "key": key, "meaning": meaning, "default": default, "value": value, "origin": origin, "variable": variable, "secret": secret,
        });
        let variable = if secret { format!("{variable}, or {variable}_FILE with the name of a file") } else { variable };
        if index > 0 && !output.is_structured() {
            output.line("");
        }
        output.one(&COLUMNS, &Row { name: key.clone(), cells: vec![key.clone(), meaning, default, value, origin, variable], json });
    }
    Ok(())
}

/// The sentences of the template in front of a setting. Settings that stand together share them.
fn meaning(key: &str) -> String {
    let Some((section, name)) = key.split_once('.') else { return String::new() };
    let lines = TEMPLATE.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    let (mut words, mut behind_a_setting) = (Vec::new(), false);
    for line in lines.take_while(|line| !line.starts_with('[')) {
        let Some(text) = line.strip_prefix("# ") else { continue };
        match text.split_once(" = ").filter(|(name, _)| !name.contains(' ')) {
            Some((setting, _)) if setting == name => return words.join(" "),
            Some(_) => behind_a_setting = true,
            None => {
                if std::mem::take(&mut behind_a_setting) {
                    words.clear();
                }
                words.push(text);
            }
        }
    }
    String::new()
}

fn load(source: Source, output: &Output) -> Result<Loaded, Failure> {
    let loaded = load::load(&sources(source.config, Vec::new(), false))
        .map_err(|problems: Problems| Failure::new(Code::Problems, problems.to_string()))?;
    for sentence in loaded.notes.iter().chain(&loaded.config.warnings()) {
        output.note(sentence);
    }
    Ok(loaded)
}

fn init(file: &std::path::Path, output: &Output) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => {
            output.line(&format!("{} is written; every line in it shows a default", shown(file)));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Failure::new(Code::Conflict, format!("{} exists and is left as it is", shown(file))))
        }
        Err(error) => Err(Failure::failed(format!("{} cannot be written: {error}", shown(file)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_meaning() {
        for key in load::known().keys() {
            assert!(meaning(key).len() > 20, "{key}: {:?}", meaning(key));
        }
        assert!(meaning("http.port").starts_with("The address and port to listen on."));
        assert!(meaning("http.workers").starts_with("Threads that serve requests"));
    }
}
