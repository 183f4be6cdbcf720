//! Certificates made by the `openssl` program: a root, an intermediate that it signed, and server certificates by that one.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An authority of two levels with a directory to work in.
pub struct Authority {
    directory: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self { directory: tempfile::tempdir().expect("a directory") };
        authority
            .openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=root -keyout root.key -out root.pem");
        authority.issue("intermediate", "root", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign", 30);
        authority
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What clients trust.
    pub fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// Issues `{name}.pem` (with its chain) and `{name}.key` for localhost; `days` from now, in the past when negative.
    pub fn server(&self, name: &str, days: i32) -> (PathBuf, PathBuf) {
        self.issue(name, "intermediate", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth", days);
        let read = |file: &str| std::fs::read_to_string(self.path(file)).expect("just made");
        std::fs::write(self.path(&format!("{name}.chain")), read(&format!("{name}.pem")) + &read("intermediate.pem")).expect("ours");
        (self.path(&format!("{name}.chain")), self.path(&format!("{name}.key")))
    }

    fn issue(&self, name: &str, issuer: &str, extensions: &str, days: i32) {
        std::fs::write(self.path("extensions"), extensions).expect("ours");
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days {days} -extfile extensions -out {name}.pem"
        ));
    }

    fn openssl(&self, words: &str) {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(self.directory.path()).output();
        let output = output.expect("openssl is installed");
        assert!(output.status.success(), "openssl {words}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Replaces `file` by a copy of `new` at once, as renewal tools do.
pub fn replace(file: &Path, new: &Path) {
    let beside = file.with_extension("new");
    std::fs::copy(new, &beside).expect("copied");
    std::fs::rename(&beside, file).expect("renamed");
}
