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

/// On a terminal, which `script` is.
#[test]
fn a_long_import_shows_how_far_it_is() {
    let desk = Desk::new();
    let users: Vec<Value> = (0..40)
        .map(|number| json!({ "username": format!("u{number}"), "credentials": [{ "type": "password", "value": "Sesam1" }] }))
        .collect();
    // Hashing takes its time here, so that there is something to see.
    let policy = "hashAlgorithm(pbkdf2-sha512) and hashIterations(60000)";
    desk.write("realm.json", &json!({ "realm": "shop", "passwordPolicy": policy, "users": users }).to_string());
    let program = format!("{} import realm.json", env!("CARGO_BIN_EXE_keywright"));
    let mut command = std::process::Command::new("script");
    command
        .args(["-qec", &program, "/dev/null"])
        .current_dir(desk.path())
        .env_clear()
        .env("KEYWRIGHT_HASHING__THREADS", "1");
    let shown = super::Ended::from(command.stdin(Stdio::null()).output().expect("script is installed"));
    assert!(shown.code == Some(0) && shown.out.contains("imported realm shop with 40 users"), "{shown:?}");
    assert!(shown.out.contains("\r██████████████████████████████ shop: 40 of 40 users, "), "{shown:?}");
    let piped = desk.run("import realm.json --on-conflict overwrite");
    assert!(piped.code == Some(0) && !piped.log.contains('█') && !piped.log.contains('\r'), "{piped:?}");
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

/// Users are read, checked and written as they come: of a hundred thousand only names and ids are held.
#[test]
#[ignore = "a hundred thousand users: make test-all"]
fn a_hundred_thousand_users_stream_in_in_bounded_memory() {
    use std::io::Write as _;
    let desk = Desk::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(desk.path().join("realm.json")).unwrap());
    let hash = r#"{"value":"oGCIvZdU+PVmVtAeSTNZHtSLGlKvgqPvjqVmzJ5kCTA=","salt":"c2FsdHNhbHRzYWx0c2FsdA==","additionalParameters":{}}"#;
    let data = r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#;
    write!(file, r#"{{"realm":"big","enabled":true,"users":["#).unwrap();
    for number in 0..100_000 {
        let comma = if number == 0 { "" } else { "," };
        let credential = json!({ "type": "password", "secretData": hash, "credentialData": data });
        let user = json!({ "username": format!("user-{number}"), "email": format!("user-{number}@example.test"), "enabled": true,
            "firstName": "Some", "lastName": "Body", "attributes": { "team": [format!("t{}", number % 100)] }, "credentials": [credential] });
        write!(file, "{comma}{user}").unwrap();
    }
    write!(file, "]}}").unwrap();
    file.into_inner().unwrap().sync_all().unwrap();

    let mut child = desk.command("import realm.json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let most = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = peak.max(most.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = super::Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "imported realm big with 100000 users\n"), "{ended:?}");
    assert!(peak < 400 << 10, "{} MiB at most", peak >> 10);
}
