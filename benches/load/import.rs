//! A large realm moves in: `keywright import` of a file with many users, whose passwords are hashed already, into an empty store on
//! sled. What counts is the time and that the memory does not grow with the file.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Options;
use super::report::Row;

/// Milliseconds that a thousand users may take: 2 000 users a second.
const LIMIT_MILLISECONDS: f64 = 500.0;
/// MiB that the process may hold at the most, however many users there are.
const LIMIT_MEBIBYTES: f64 = 256.0;

/// Writes the file, imports it and says what that cost.
pub fn run(options: &Options) -> Vec<Row> {
    let users = options.pick(100_000, 500);
    let home = tempfile::Builder::new()
        .prefix("import-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a directory for the store");
    let file = home.path().join("realm.json");
    write_realm(&file, users);
    let size = fs::metadata(&file).expect("just written").len() >> 20;

    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_keywright"))
        .arg("import")
        .arg(&file)
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program was built with this bench");
    let mut peak = 0.0_f64;
    let status = loop {
        peak = peak.max(peak_of(child.id()));
        if let Some(status) = child.try_wait().expect("an own child") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = begin.elapsed().as_secs_f64();
    let said = std::io::read_to_string(child.stdout.take().expect("piped above")).expect("text");
    assert!(status.success() && said.contains(&format!("with {users} users")), "{status}: {said}");

    let note = format!("{:.0} users/s, a file of {size} MiB with {users} users", f64::from(users) / seconds);
    vec![
        Row {
            name: "import, 1 000 users with stored hashes",
            measured: seconds * 1e6 / f64::from(users),
            unit: "ms",
            yardstick: 1.0,
            limit: LIMIT_MILLISECONDS,
            note,
        },
        Row {
            name: "import, memory",
            measured: peak,
            unit: "MiB",
            yardstick: 1.0,
            limit: LIMIT_MEBIBYTES,
            note: "the most at any time".to_owned(),
        },
    ]
}

/// The most memory that a process has had, MiB; 0 when it is gone.
fn peak_of(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// A realm as Keycloak exports it, with users who have what users have: attributes, roles, a group, an argon2 hash.
fn write_realm(file: &Path, users: u32) {
    let mut out = BufWriter::new(File::create(file).expect("the directory is ours"));
    let head =
        r#"{"realm":"large","enabled":true,"roles":{"realm":[{"name":"reader"}]},"groups":[{"name":"staff","path":"/staff"}],"users":["#;
    out.write_all(head.as_bytes()).expect("written");
    for number in 0..users {
        let comma = if number == 0 { "" } else { "," };
        writeln!(
            out,
            r#"{comma}{{"id":"00000000-0000-4000-8000-{number:012}","username":"user{number}","email":"user{number}@example.org","emailVerified":true,"enabled":true,"createdTimestamp":1700000000000,"firstName":"Some","lastName":"Body {number}","attributes":{{"department":["{}"],"phone":["+49 30 {number:07}"]}},"credentials":[{{"type":"password","createdDate":1700000000000,"secretData":"{{\"value\":\"2zVbkh4VdVnR9mVTvRtj5X4kbQWD2Fn0OL4jzmpT1VQ=\",\"salt\":\"{number:022}==\",\"additionalParameters\":{{}}}}","credentialData":"{{\"hashIterations\":5,\"algorithm\":\"argon2\",\"additionalParameters\":{{\"hashLength\":[\"32\"],\"memory\":[\"7168\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}}}"}}],"realmRoles":["reader","default-roles-large"],"groups":["/staff"]}}"#,
            number % 50
        )
        .expect("written");
    }
    out.write_all(b"]}").expect("written");
    out.flush().expect("written");
}
