//! What can only be judged when everything has run. libtest starts tests in the order of their names, so this comes last; it waits
//! until no other test watches the log any more. In a run of a selection there is nothing to judge.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::app::TestApp;
use crate::support::log;

/// Log only what the system refuses, which no test provokes.
const ONLY_FAULTS: [&str; 1] = ["keywright::base::password_hash::pool"];

/// Without this the watch over secrets could watch an empty log.
#[tokio::test]
async fn every_module_that_logs_was_heard_and_none_told_a_token() {
    if is_selection() {
        return;
    }
    log::wait_for_others();
    let app = TestApp::builder().sled().start().await;
    app.administrator().await;
    drop(app);

    let heard = log::targets();
    let silent: Vec<String> = modules_that_log()
        .into_iter()
        .filter(|module| !heard.contains(module) && !ONLY_FAULTS.contains(&&**module))
        .collect();
    assert!(silent.is_empty(), "these modules log, but no test made them: {silent:?}");
    assert!(log::lines_with_tokens().is_empty(), "the log tells tokens: {:?}", log::lines_with_tokens());
}

/// Whether the run was told to leave tests out.
fn is_selection() -> bool {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--test-threads" | "--format" | "--color" | "--logfile" => drop(arguments.next()),
            "--exact" | "--skip" | "--ignored" => return true,
            flag if flag.starts_with('-') => {}
            _ => return true,
        }
    }
    false
}

/// The library's modules with a line below warnings: those are written in an ordinary run. The command line has a process of
/// its own.
fn modules_that_log() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = BTreeSet::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the source is there").flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "cli" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source is text");
                if ["tracing::trace!", "tracing::debug!", "tracing::info!"].iter().any(|line| text.contains(line)) {
                    modules.insert(module_name(path.strip_prefix(&source).expect("a file of the source")));
                }
            }
        }
    }
    modules
}

fn module_name(file: &Path) -> String {
    let path: PathBuf = if file.ends_with("mod.rs") { file.parent().unwrap_or(file).to_owned() } else { file.with_extension("") };
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).filter(|part| part != "lib").collect();
    std::iter::once("keywright").chain(parts.iter().map(|part| &**part)).collect::<Vec<_>>().join("::")
}

#[test]
fn a_module_is_named_after_its_file() {
    for (file, module) in [("lib.rs", "keywright"), ("embed.rs", "keywright::embed"), ("store/sled/mod.rs", "keywright::store::sled")] {
        assert_eq!(module_name(Path::new(file)), module);
    }
    assert!(modules_that_log().contains("keywright::web::oauth_response"));
}
