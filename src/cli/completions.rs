//! `keywright completions` and `keywright man`: what a package installs beside the program, made from the commands as they are.

use std::io::{Write as _, stdout};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;
use super::{examples, shown};

#[derive(Args)]
#[command(before_help = examples![
    "keywright completions bash > /etc/bash_completion.d/keywright",
    "keywright completions zsh > /usr/local/share/zsh/site-functions/_keywright",
    "keywright completions fish > ~/.config/fish/completions/keywright.fish"
])]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Args)]
#[command(before_help = examples![
    "keywright man | man -l -",
    "keywright man > /usr/local/share/man/man1/keywright.1",
    "keywright man --directory /usr/local/share/man/man1"
])]
pub(super) struct ManArguments {
    /// Write a page for every command into this directory instead
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, mut command: Command) {
    // Into memory first: the generator panics when a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "keywright", &mut script);
    let _ = stdout().write_all(&script);
}

pub(super) fn man(arguments: &ManArguments, mut command: Command) -> Result<(), Failure> {
    command.build();
    match &arguments.directory {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page).map_err(Failure::failed)?;
            let _ = stdout().write_all(&page);
            Ok(())
        }
        Some(directory) => clap_mangen::generate_to(command, directory)
            .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", shown(directory)))),
    }
}
