//! `keywright import` and `export` as an operator runs them; what SIGKILL in the middle leaves.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::Desk;

const EXPORT: &str = include_str!("../fixtures/keycloak-export/realm.json");

#[test]
fn an_export_moves_in_and_out_by_the_command_line() {
    let desk = Desk::new();
    desk.write("realm.json", EXPORT);
    let plan = desk.run("import realm.json --dry-run");
    assert_eq!(
        (plan.code, plan.out.lines().next()),
        (Some(0), Some("realm migration would be created, with the id 4228932e-184c-415f-be1b-2e4f1a9e5fcf")),
        "{plan:?}"
    );
    assert!(plan.out.contains("identity provider ext: kept without effect"), "{plan:?}");
    assert!(!desk.path().join("data").join("configuration").exists(), "a dry run makes no store");

    let done = desk.run("import realm.json");
    assert_eq!((done.code, done.out.as_str()), (Some(0), "imported realm migration with 13 users\n"), "{done:?}");
    assert!(done.log.contains("migration: identity provider ext: kept without effect"), "{done:?}");
    assert_eq!(desk.run("import realm.json").code, Some(4), "it exists");
    assert_eq!(desk.run("import realm.json --on-conflict skip").out, "realm migration exists and was left as it is\n");
    assert_eq!(desk.run("import nowhere.json").code, Some(3));
    desk.write("bad.json", r#"{"realm": "bad", "clients": [{"clientId": "x", "clientId": "y"}]}"#);
    let bad = desk.run("import bad.json --dry-run");
    assert_eq!(bad.code, Some(7), "{bad:?}");
    assert!(bad.log.contains("bad.json: clients[0]: the name \"clientId\" stands twice in one object"), "{bad:?}");

    let masked = desk.run("export migration");
    assert_eq!(masked.code, Some(0), "{masked:?}");
    assert!(!masked.out.contains("api-client-secret-0123456789abcdef"));
    let whole = desk.run("export migration --with-secrets --dir out --users-per-file 5");
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let users = |number: u32| -> Value {
        serde_json::from_slice(&std::fs::read(desk.path().join(format!("out/migration-users-{number}.json"))).unwrap()).unwrap()
    };
    assert_eq!([0, 1, 2].map(|number| users(number)["users"].as_array().unwrap().len()), [5, 5, 3]);
    let again = desk.run("import out --data other");
    assert_eq!((again.code, again.out.as_str()), (Some(0), "imported realm migration with 13 users\n"), "{again:?}");
}

#[test]
fn serve_imports_new_realms_at_its_start_and_leaves_others_alone() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path().join("data/import")).unwrap();
    desk.write("data/import/shop.json", r#"{"realm": "shop", "enabled": true, "users": [{"username": "u"}]}"#);
    for expected in ["imported a realm", "the realm exists and was not imported"] {
        let mut server = desk.serve("serve --import-realm");
        server.wait_for_log(expected);
    }
}

#[test]
fn an_import_that_was_killed_is_never_seen_and_the_next_one_succeeds() {
    let desk = Desk::new();
    let users: Vec<Value> = (0..3000)
        .map(|number| json!({"username": format!("user{number}"), "id": format!("id-{number}"), "enabled": true}))
        .collect();
    desk.write("big.json", &json!({"realm": "big", "id": "big-id", "users": users}).to_string());
    assert_eq!(desk.run("realm list").code, Some(3), "there is no store yet");
    let mut killed = 0;
    let mut finished = false;
    for milliseconds in [150, 300, 600, 1200] {
        let mut child = desk.command("import big.json").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        finished = child.try_wait().unwrap().is_some();
        if finished {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        let realms = desk.run("realm list -o name");
        assert!(!realms.out.contains("big"), "{realms:?}");
    }
    assert!(killed > 0, "at least one was killed in the middle");
    if !finished {
        let done = desk.run("import big.json");
        assert_eq!((done.code, done.out.as_str()), (Some(0), "imported realm big with 3000 users\n"), "{done:?}");
    }
    assert!(desk.run("realm get big --json").out.contains("\"id\": \"big-id\""), "with the id of the file");
}
