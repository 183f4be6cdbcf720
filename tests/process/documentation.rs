//! docs/cli.md and docs/backup.md: every line behind a `$` in a `console` block is run, one after the other, on one desk.

use std::process::{Command, Stdio};

use super::{Desk, Ended};

/// The commands of a page, with the exit code that a comment promises (`# exit code 3`).
fn commands(page: &str) -> Vec<(String, i32)> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            line if inside && line.starts_with("$ ") => {
                let code = line.split_once("# exit code ").and_then(|(_, code)| code.trim().parse().ok()).unwrap_or(0);
                commands.push((line[2..].to_owned(), code));
            }
            _ => {}
        }
    }
    commands
}

fn shell(desk: &Desk, line: &str, variables: &[(&str, String)]) -> Ended {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_keywright"));
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("it is in a directory").display());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(desk.path())
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", path)
        .env("HOME", desk.path());
    command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    Ended::from(command.output().expect("there is a shell"))
}

#[test]
fn the_examples_of_the_command_line_work_as_written() {
    run_page(include_str!("../../docs/cli.md"), 20);
}

#[test]
fn the_examples_of_the_backup_page_work_as_written() {
    run_page(include_str!("../../docs/backup.md"), 5);
}

/// Lines that need a server stand between `$ keywright serve &` and `$ kill %1`, which are done here.
fn run_page(page: &str, least: usize) {
    let desk = Desk::with_store();
    let (mut server, mut variables) = (None, Vec::new());
    let commands = commands(page);
    assert!(commands.len() >= least, "only {} commands were found", commands.len());
    for (line, code) in commands {
        match line.as_str() {
            "keywright serve &" => {
                let started = desk.serve("serve");
                variables = vec![
                    ("KEYWRIGHT_URL", started.base_url.clone()),
                    ("KEYWRIGHT_ISSUER", format!("{}/realms/master", started.base_url)),
                    ("KEYWRIGHT_MANAGEMENT_URL", format!("{}/auth", started.management)),
                ];
                server = Some(started);
            }
            "kill %1" => {
                server.take().expect("a server runs").stop();
                variables.clear();
            }
            line => {
                let ended = shell(&desk, line, &variables);
                assert_eq!(ended.code, Some(code), "{line}\n{ended:?}");
            }
        }
    }
}
