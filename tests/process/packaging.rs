//! What `packaging/` gives to operators, looked at by the programs that will read it.

use std::process::Command;

/// The unit is one that systemd understands without a complaint, and gives the service little to do harm with.
#[test]
#[ignore = "needs systemd: make test-all"]
fn the_systemd_unit_is_understood_and_confines_the_service() {
    let directory = tempfile::tempdir().expect("a directory");
    // The program and its user are not installed here; everything else is the file as it is.
    let program = format!("ExecStart={}", env!("CARGO_BIN_EXE_keywright"));
    let unit = include_str!("../../packaging/keywright.service")
        .replace("ExecStart=/usr/bin/keywright", &program)
        .replace("User=keywright", "User=daemon");
    assert!(unit.contains(&program) && unit.contains("User=daemon"));
    let file = directory.path().join("keywright.service");
    std::fs::write(&file, unit).expect("ours");
    let analyze = |words: &[&str]| {
        let output = Command::new("systemd-analyze").args(words).arg(&file).output().expect("systemd-analyze is installed");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    assert_eq!(analyze(&["verify", "--man=no"]), (true, String::new()));
    // 10 is a service without any confinement; in tenths.
    let (confined, why) = analyze(&["security", "--offline=true", "--threshold=25", "--no-pager"]);
    assert!(confined, "{why}");
}
