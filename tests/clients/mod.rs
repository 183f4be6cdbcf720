//! Third-party software against a real `keywright serve --dev`: what does not work here does not work for users. Python and
//! node packages come from `tests/clients/setup.sh` (`make test` runs it); a missing one is a failure, never a skip.

mod keycloak;
mod node;
mod openidconnect;
mod python;
mod schemathesis;
mod wallaroo;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::process::{ServerProcess, in_process};

/// A development server and the secrets that it printed.
struct DevServer {
    process: ServerProcess,
    /// Of `api-client`.
    secret: String,
    resource_server_secret: String,
    _home: tempfile::TempDir,
}

impl DevServer {
    async fn start() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let development = in_process(home.path(), async |keywright| {
            keywright.first_start().await.expect("the first start makes master");
            keywright.development().await.expect("the development clients are made")
        });
        let process = ServerProcess::start_dev(home.path()).await;
        let secret = printed_secret(&process.line(|line| line.starts_with("curl ")).await);
        assert_eq!(secret, *development.api_client_secret.expose(), "what is printed is what is stored");
        Self { process, secret, resource_server_secret: development.resource_server_secret.expose().clone(), _home: home }
    }
}

/// The secret in a line `curl … -u api-client:SECRET …`.
fn printed_secret(line: &str) -> String {
    let (_, rest) = line.split_once("api-client:").unwrap_or_else(|| panic!("no secret in: {line}"));
    rest.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// Runs a client to its end. Its standard output must end with `ok`: a script that stops early has not proved anything.
async fn run(mut command: Command, script: &Path) {
    let script = std::fs::File::open(script).unwrap_or_else(|problem| panic!("{}: {problem}", script.display()));
    let output = tokio::task::spawn_blocking(move || {
        let program = command.get_program().to_owned();
        command
            .stdin(Stdio::from(script))
            .output()
            .unwrap_or_else(|problem| panic!("{}: {problem}; run tests/clients/setup.sh", program.display()))
    })
    .await
    .expect("the client was run");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim_end().ends_with("ok"), "{}\n{stdout}\n{stderr}", output.status);
}

/// Where `setup.sh` installs.
pub fn installed(path: &str) -> PathBuf {
    // The test's own directory for files lies in the target directory, beside `clients`.
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients").join(path)
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(path)
}
