//! `keywright token`: get one from an issuer, look into one, find out whether one holds. Works with every OpenID Connect issuer
//! that has Keycloak's paths or a discovery document; a server of ours is only the nearest.

mod get;
mod inspect;
mod jwt;
mod verify;

use std::io::{IsTerminal as _, Read as _, stdin};

use clap::Subcommand;
use serde_json::Value;

use super::failure::Failure;
use super::output::Output;
use super::trust::{Trust, unreachable};
use super::{block_on, examples};
use crate::egress::operator::Answer;

/// More than any token.
const LONGEST: u64 = 1 << 20;

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright token get --client api-client --secret-file secret   # a token for the client itself",
    "keywright token get --client app --user anna --decode          # asks for the password, shows what is inside",
    "keywright token get --client app --user anna | keywright token verify - --url http://localhost:8080/auth/realms/master"
])]
pub(super) enum Command {
    /// Get a token from an issuer
    Get(Box<get::Arguments>),
    /// Show what a token says, without asking anybody; nothing is verified
    Inspect(inspect::Arguments),
    /// Check signature, issuer, times and audience of a token; exit code 7 when it does not hold
    Verify(verify::Arguments),
}

pub(super) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Get(arguments) => block_on(get::run(*arguments, output)),
        Command::Inspect(arguments) => inspect::run(&arguments, output),
        Command::Verify(arguments) => block_on(verify::run(arguments, output)),
    }
}

/// A token from an argument, from `-`, or from standard input where something is piped into it. The answer of a token endpoint
/// and an `Authorization` header are understood as well.
fn token_from(argument: Option<&str>) -> Result<String, Failure> {
    let text = match argument {
        Some("-") => from_stdin()?,
        None if !stdin().is_terminal() => from_stdin()?,
        Some(text) => text.to_owned(),
        None => return Err(Failure::usage("there is no token").advice("give it as an argument, or - to read it from standard input")),
    };
    let text = text.trim();
    let text = text.strip_prefix("Authorization:").unwrap_or(text).trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let answered = serde_json::from_str::<Value>(text).ok();
    let token = answered
        .as_ref()
        .and_then(|answer| answer.as_str().or_else(|| answer["access_token"].as_str()))
        .unwrap_or(text);
    if token.is_empty() { Err(Failure::usage("there is no token: standard input is empty")) } else { Ok(token.to_owned()) }
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// The answer as JSON, whatever its status.
fn json(answer: &Answer, url: &str) -> Result<Value, Failure> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        Failure::failed(format!("{url} answers {} and no JSON", answer.status))
            .advice("is this the URL of an issuer? Keywright's end with /auth by default, http://localhost:8080/auth")
    })
}
