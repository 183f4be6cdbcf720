//! `keywright config` and what a command line can get wrong.

use keywright::config::{SECRETS, keycloak, load};
use serde_json::Value;

use super::Desk;

#[test]
fn a_written_file_is_valid_changes_nothing_and_is_never_overwritten() {
    let desk = Desk::new();
    let before = desk.run("config show");
    let written = desk.run("config init");
    assert_eq!(written.code, Some(0), "{written:?}");
    assert_eq!(desk.run("config show").out, before.out);
    assert_eq!(desk.run("config check").code, Some(0));

    desk.write("keywright.toml", "[http]\nport = 1\n");
    let refused = desk.run("config init");
    assert_eq!((refused.code, refused.out.as_str()), (Some(4), ""), "{refused:?}");
    assert!(desk.run("config show").out.contains("keywright.toml:2"), "the file was overwritten");
    assert_eq!(desk.run("config init other.toml").code, Some(0));
    assert!(desk.run("config check --config other.toml").out.contains("http://localhost:8080/auth"));
}

#[test]
fn every_problem_is_named_at_once_and_nothing_starts() {
    let desk = Desk::new();
    desk.write("keywright.toml", "[http]\nprot = 8080\n[log]\nlevel = \"loud\"\n");
    for (words, code) in [("config check", 7), ("config show", 7), ("serve", 2)] {
        let refused = desk.run(&format!("KEYWRIGHT_STORE__ENGINE=paper KC_HTTP_PORT=99999 {words}"));
        assert_eq!((refused.code, refused.out.as_str()), (Some(code), ""), "{words}: {refused:?}");
        for expected in [
            "the configuration has 4 problems:",
            "http.prot (keywright.toml:2): there is no such setting; did you mean http.port?",
            "log.level (keywright.toml:4): \"loud\" is not a level",
            "store.engine (KEYWRIGHT_STORE__ENGINE): unknown variant `paper`, expected `sled` or `memory`",
            "http.port (KC_HTTP_PORT): ",
        ] {
            assert!(refused.log.contains(expected), "{words}: {expected} is missing in\n{}", refused.log);
        }
    }
    assert!(!desk.path().join("data").exists() && !desk.path().join("keys").exists());
}

#[test]
fn a_file_is_found_by_flag_by_variable_or_by_name() {
    let desk = Desk::new();
    desk.write("a.toml", "[http]\nport = 1\n");
    desk.write("b.toml", "[http]\nport = 2\n");
    let port = |words: &str| {
        desk.run(&format!("{words} "))
            .out
            .lines()
            .find(|line| line.starts_with("http.port"))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(port("config show").contains("8080"));
    assert!(port("KEYWRIGHT_CONFIG=a.toml config show").contains("a.toml:2"));
    assert!(port("KEYWRIGHT_CONFIG=a.toml config show --config b.toml").contains("b.toml:2"));
    let missing = desk.run("config check --config c.toml");
    assert_eq!(missing.code, Some(7));
    assert!(missing.log.contains("c.toml: cannot be read"), "{missing:?}");
}

#[test]
fn secrets_are_never_shown() {
    let desk = Desk::new();
    let shown = desk.run("KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD=hunter2 config show");
    assert!(shown.out.contains("********") && !format!("{shown:?}").contains("hunter2"), "{shown:?}");
    let refused = desk.run("KEYWRIGHT_KEYS__KEY_ENCRYPTION_KEY=hunter2 config check");
    assert_eq!(refused.code, Some(7));
    assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
}

#[test]
fn a_wrong_command_line_is_refused_with_a_suggestion() {
    let desk = Desk::new();
    for (words, suggestion) in [("serv", "serve"), ("serve --http-prot 1", "--http-port"), ("config chek", "check"), ("", "Usage")] {
        let refused = desk.run(words);
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{words}: {refused:?}");
        assert!(refused.log.contains(suggestion), "{words}: {refused:?}");
    }
    let help = desk.run("--help");
    assert_eq!(help.code, Some(0));
    assert!(help.out.starts_with("Examples:"), "{}", help.out);
}

#[test]
fn the_documentation_has_every_setting_with_its_default_and_every_variable() {
    let text = include_str!("../../docs/configuration.md");
    for (key, default) in load::known() {
        let shown = if default == Value::Null { "none".to_owned() } else { format!("`{default}`") };
        let row = format!("| `{key}` | {shown} | ");
        let line = text
            .lines()
            .find(|line| line.starts_with(&row))
            .unwrap_or_else(|| panic!("docs/configuration.md lacks the row\n{row}"));
        assert_eq!(line.contains("**Secret.**"), SECRETS.contains(&key.as_str()), "{key}");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `") && line.contains('.') && !line.starts_with("| `K")).count();
    assert_eq!(rows, load::known().len(), "docs/configuration.md has a setting that does not exist");
    for name in keycloak::names() {
        assert!(text.contains(&format!("`{name}`")), "docs/configuration.md lacks {name}");
    }
}
