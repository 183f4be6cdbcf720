//! `keywright token inspect`: what a token says, offline. It says at every turn that nothing was verified.

use clap::Args;

use super::jwt::Jwt;
use super::token_from;
use crate::base::env::Env;
use crate::cli::examples;
use crate::cli::failure::Failure;
use crate::cli::output::{Colour, Output};

#[derive(Args)]
#[command(before_help = examples![
    "keywright token inspect eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "keywright token get --client app --user anna | keywright token inspect",
    "keywright token inspect - --json < token.txt"
])]
pub(in crate::cli) struct Arguments {
    /// The token, or - for standard input; a whole answer of a token endpoint does as well
    #[arg(value_name = "JWT")]
    token: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let jwt = Jwt::parse(&token_from(arguments.token.as_deref())?)?;
    let now = Env::system().now();
    if output.is_structured() {
        output.object(&jwt.json(now, false));
        return Ok(());
    }
    jwt.show(output, now);
    let warning = "Nothing was verified: anybody could have written this. keywright token verify checks it.";
    output.note(&output.paint(Colour::Warning, warning));
    Ok(())
}
