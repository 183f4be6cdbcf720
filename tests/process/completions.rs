//! `keywright completions` and `keywright man`: what they print is what their readers understand, and says the truth about the commands.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Desk, Ended};

/// What bash would complete after these words, by the script that the program prints.
fn completed(desk: &Desk, line: &str) -> Vec<String> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let ask = format!(
        "source ./keywright.bash; COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); _keywright keywright \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" ")
    );
    let output = Command::new("bash").args(["--norc", "-c", &ask]).current_dir(desk.path()).output().expect("there is bash");
    let ended = Ended::from(output);
    assert_eq!((ended.code, ended.log.as_str()), (Some(0), ""), "{line}");
    ended.out.lines().map(str::to_owned).collect()
}

#[test]
fn a_shell_completes_nouns_verbs_and_options() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.done(&["completions", shell]);
        assert!(["session", "rotate", "ca-file"].iter().all(|word| script.contains(word)), "{shell}");
    }
    desk.write("keywright.bash", &desk.done(&["completions", "bash"]));
    assert_eq!(completed(&desk, "keywright ses"), ["session"]);
    assert_eq!(completed(&desk, "keywright key ro"), ["rotate"]);
    assert_eq!(completed(&desk, "keywright session list --ca"), ["--ca-file"]);
    let closed = Command::new("bash")
        .args(["-c", &format!("{} completions bash | head -1", env!("CARGO_BIN_EXE_keywright"))])
        .output()
        .expect("there is bash");
    assert!(closed.stderr.is_empty(), "a closed pipe is no accident: {}", String::from_utf8_lossy(&closed.stderr));
}

#[test]
fn the_manual_has_a_page_for_every_command_that_a_formatter_reads_without_complaint() {
    let desk = Desk::new();
    let page = desk.done(&["man"]);
    assert!(page.contains(".TH keywright 1") && ["session", "doctor", "kcadm"].iter().all(|noun| page.contains(noun)));
    std::fs::create_dir(desk.path().join("man1")).expect("ours");
    desk.done(&["man", "--directory", "man1"]);
    for (name, words) in [("keywright.1", "Exit codes"), ("keywright-key-rotate.1", "ALGORITHM"), ("keywright-session-list.1", "ca\\-file")]
    {
        let page = std::fs::read_to_string(desk.path().join("man1").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(words), "{name} has no {words}:\n{page}");
    }
    let mut groff = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("groff is installed");
    groff.stdin.take().expect("piped").write_all(page.as_bytes()).expect("it reads");
    let formatted = Ended::from(groff.wait_with_output().expect("it ends"));
    assert_eq!((formatted.code, formatted.log.as_str()), (Some(0), ""));
    assert!(formatted.out.contains("keywright"));
}
