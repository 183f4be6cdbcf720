//! The command line. Results go to standard output, everything else to standard error; exit codes say what kind of failure
//! it was. One file per noun; `main` only calls [`run`].

mod admin;
mod api;
mod backup;
mod client;
mod completions;
mod config;
mod doctor;
mod export;
mod failure;
mod group;
mod import;
mod kcadm;
mod key;
mod local;
mod log;
mod login;
mod output;
mod prompt;
mod realm;
mod role;
mod serve;
mod session;
mod settings;
mod token;
mod trust;
mod user;
mod yaml;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::load::{CONFIG_VARIABLE, Flag, Sources};

use failure::{Code, Failure};
use output::{Output, OutputArguments, tell};

/// The examples at the top of a command's help. A test parses each of them with the commands as they are.
macro_rules! examples {
    ($first:literal $(, $line:literal)*) => {
        concat!("Examples:\n  ", $first $(, "\n  ", $line)*)
    };
}
use examples;

/// An embedded OpenID Connect identity provider that speaks Keycloak's HTTP surface.
#[derive(Parser)]
#[command(name = "keywright", version, before_help = EXAMPLES, after_help = CODES, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    output: OutputArguments,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = examples![
    "keywright serve --dev                    # a server for trying out, with sample clients",
    "keywright config init                    # write keywright.toml with every setting explained",
    "keywright serve --config keywright.toml  # a server with your settings"
];

const CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 exists already, 5 not allowed, 6 unreachable, 7 a check found
problems, 130 interrupted. Results go to standard output, everything else to standard error.";

#[derive(Subcommand)]
enum Command {
    /// Start the server
    Serve(serve::Arguments),
    /// Check, show, explain or write the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Bring realms in from Keycloak's export files
    Import(import::Arguments),
    /// Write a realm out in Keycloak's format
    Export(export::Arguments),
    /// Sign in at a server, for commands with --url
    Login(Box<login::Arguments>),
    /// Forget the tokens of a login
    Logout(login::LogoutArguments),
    /// Keycloak's administration tool, for runbooks that were written for it
    Kcadm(kcadm::Arguments),
    /// Realms, of a server (--url) or of a stopped server's store
    Realm(realm::Noun),
    /// Clients of a realm and their secrets
    Client(local::Noun<client::Verb>),
    /// Users of a realm
    User(local::Noun<user::Verb>),
    /// Roles, and who has them
    Role(local::Noun<role::Verb>),
    /// Groups and their members
    Group(local::Noun<group::Verb>),
    /// Who is signed in
    Session(local::Noun<session::Verb>),
    /// The keys that sign tokens
    Key(local::Noun<key::Verb>),
    /// Copy everything, check a copy, bring it back
    #[command(subcommand)]
    Backup(backup::Command),
    /// Look at everything that usually goes wrong; exit code 7 when something is
    Doctor(doctor::Arguments),
    /// The administrator, for an operator who lost his password
    Admin(admin::Noun),
    /// Get tokens, look into them, verify them
    #[command(subcommand)]
    Token(token::Command),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Print the manual page, or write one page per command
    Man(completions::ManArguments),
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
            return if error.use_stderr() { Failure::said(Code::Usage).into() } else { ExitCode::SUCCESS };
        }
    };
    let output = Output::new(&arguments.output);
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Config(command) => config::run(command, &output),
        Command::Import(arguments) => import::run(&arguments, &output),
        Command::Export(arguments) => export::run(&arguments, &output),
        Command::Login(arguments) => login::run(&arguments, &output),
        Command::Logout(arguments) => login::logout(&arguments, &output),
        Command::Kcadm(arguments) => kcadm::run(&arguments, &output),
        Command::Realm(noun) => realm::run(noun, &output),
        Command::Client(noun) => client::run(noun, &output),
        Command::User(noun) => user::run(noun, &output),
        Command::Role(noun) => role::run(noun, &output),
        Command::Group(noun) => group::run(noun, &output),
        Command::Session(noun) => session::run(noun, &output),
        Command::Key(noun) => key::run(noun, &output),
        Command::Backup(command) => backup::run(command, &output),
        Command::Doctor(arguments) => doctor::run(&arguments, &output),
        Command::Admin(noun) => admin::run(noun, &output),
        Command::Token(command) => token::run(command, &output),
        Command::Completions(arguments) => {
            completions::run(&arguments, Arguments::command());
            Ok(())
        }
        Command::Man(arguments) => completions::man(&arguments, Arguments::command()),
    };
    outcome.map_or_else(
        |failure| {
            report(&failure);
            failure.into()
        },
        |()| ExitCode::SUCCESS,
    )
}

/// What happened and why, then what to do.
fn report(failure: &Failure) {
    if !failure.what.is_empty() {
        tell(&format!("error: {}", failure.what));
    }
    if let Some(advice) = &failure.advice {
        tell(&format!("  {advice}"));
    }
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

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(work)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Every command with the words that lead to it.
    fn commands() -> Vec<(String, clap::Command)> {
        fn collect(path: &str, command: &clap::Command, all: &mut Vec<(String, clap::Command)>) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                collect(&path, sub, all);
                all.push((path, sub.clone()));
            }
        }
        let mut root = Arguments::command();
        root.build();
        let mut all = vec![("keywright".to_owned(), root.clone())];
        collect("keywright", &root, &mut all);
        all
    }

    /// The words of a line as a shell would make them, up to a pipe, a redirection or a comment.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        for c in line.chars() {
            match (c, quote) {
                (c, Some(open)) if c == open => quote = None,
                ('\'' | '"', None) => quote = Some(c),
                (' ' | '|' | '<' | '>' | '#' | '&', None) => {
                    if !word.is_empty() {
                        words.push(std::mem::take(&mut word));
                    }
                    if c != ' ' {
                        return words;
                    }
                }
                (c, _) => word.push(c),
            }
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        words
    }

    #[test]
    fn every_help_begins_with_examples_that_the_commands_understand() {
        for (path, command) in commands() {
            let text = command.get_before_help().map(ToString::to_string).unwrap_or_default();
            let lines: Vec<_> = text.lines().skip(1).collect();
            assert!(text.starts_with("Examples:\n") && lines.len() >= 3, "{path} has no three examples:\n{text}");
            for line in lines {
                let commands: Vec<_> = line.split(" | ").flat_map(|part| part.split(" && ")).map(str::trim).collect();
                let ours: Vec<_> = commands.iter().filter(|part| part.starts_with("keywright ")).map(|part| words(part)).collect();
                assert!(ours.iter().any(|words| words.join(" ").starts_with(&path)), "{path}: {line} is about something else");
                for words in ours {
                    if let Err(error) = Arguments::try_parse_from(&words) {
                        panic!("{path}: {line}\n{error}");
                    }
                }
            }
        }
    }

    /// Every 64th kid and session begins with a hyphen, and people paste them as the lists print them.
    #[test]
    fn an_id_that_begins_with_a_hyphen_is_not_taken_for_an_option() {
        let asks_for_an_id =
            |argument: &clap::Arg| argument.get_value_names().is_some_and(|names| ["KID", "SESSION"].contains(&&*names[0]));
        let all = commands();
        let with_an_id: Vec<_> = all
            .iter()
            .filter_map(|(path, command)| Some((path, command.get_positionals().find(|a| asks_for_an_id(a))?)))
            .collect();
        assert_eq!(with_an_id.len(), 6, "{with_an_id:?}");
        for (path, argument) in with_an_id {
            for line in
                [format!("{path} -Gx9 --realm acme"), format!("{path} -q --realm acme -Gx9"), format!("{path} --realm acme -- -Gx9")]
            {
                let matches = Arguments::command().try_get_matches_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}\n{error}"));
                let (_, noun) = matches.subcommand().expect("a noun");
                let (_, verb) = noun.subcommand().expect("a verb");
                let read = |id: &str| verb.get_one::<String>(id).map(String::as_str);
                assert_eq!((read(argument.get_id().as_str()), read("realm")), (Some("-Gx9"), Some("acme")), "{line}");
            }
        }
    }

    /// Every command with its arguments and options, as docs/cli.md lists them.
    fn reference() -> String {
        let mut text = String::new();
        for (path, command) in commands().into_iter().filter(|(_, command)| command.get_subcommands().next().is_none()) {
            let positionals: Vec<_> = command.get_positionals().map(ToString::to_string).collect();
            let heading = format!("{path} {}", positionals.join(" "));
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = write!(text, "{}\n    {about}\n", heading.trim_end());
            let own = command
                .get_arguments()
                .filter(|argument| !argument.is_positional() && !["help", "version"].contains(&argument.get_id().as_str()));
            let (store, own): (Vec<_>, Vec<_>) = own
                .filter(|argument| argument.get_help_heading() != Some("Output"))
                .partition(|argument| argument.get_help_heading() == Some("Store"));
            for argument in own {
                let short = argument.get_short().map_or_else(String::new, |short| format!("-{short}, "));
                let long = argument.get_long().unwrap_or_default();
                let value = argument
                    .get_action()
                    .takes_values()
                    .then(|| argument.get_value_names().unwrap_or_default().join(" "))
                    .map_or_else(String::new, |name| format!(" {name}"));
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let _ = writeln!(text, "  {short}--{long}{value}: {help}");
            }
            if !store.is_empty() {
                let names: Vec<_> = store.iter().filter_map(|argument| argument.get_long()).map(|name| format!("--{name}")).collect();
                let _ = writeln!(text, "  and {}", names.join(", "));
            }
        }
        text
    }

    #[test]
    fn the_documentation_lists_every_command_and_option_as_it_is() {
        let reference = reference();
        if !include_str!("../../docs/cli.md").contains(&reference) {
            let place = std::env::temp_dir().join("keywright-cli-reference.txt");
            std::fs::write(&place, &reference).unwrap();
            panic!("the reference in docs/cli.md is not that of the commands; it should be {}", place.display());
        }
        for (path, command) in commands() {
            let silent = command.get_arguments().find(|argument| !argument.is_positional() && argument.get_help().is_none());
            assert!(silent.is_none(), "{path}: {} says nothing about itself", silent.map(ToString::to_string).unwrap_or_default());
        }
    }

    #[test]
    fn the_definition_of_the_commands_is_consistent() {
        Arguments::command().debug_assert();
    }
}
