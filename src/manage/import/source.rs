//! Which files an import reads: one file (a realm or a list of realms), or a directory as Keycloak's `export --dir` writes it, where
//! `NAME-users-0.json` and so on belong to the realm NAME.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of an import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub(super) files: Vec<RealmFile>,
}

/// A file with one or more realms, and files with users of its realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RealmFile {
    pub path: PathBuf,
    /// The content, where it is no file; `path` then only names it.
    pub text: Option<Arc<[u8]>>,
    pub users: Vec<PathBuf>,
}

const USERS: [&str; 2] = ["-users-", "-federated-users-"];

impl Source {
    /// A document that is no file. Complaints call it `name`.
    pub fn text(name: &str, text: &[u8]) -> Self {
        Self { files: vec![RealmFile { path: PathBuf::from(name), text: Some(text.into()), users: Vec::new() }] }
    }

    /// # Errors
    /// The file or directory cannot be read, or has nothing to import.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            fs::File::open(path)?;
            return Ok(Self { files: vec![RealmFile { path: path.to_path_buf(), text: None, users: Vec::new() }] });
        }
        let (mut realms, mut users) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(path)? {
            let file = entry?.path();
            let Some(name) = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json")) else { continue };
            match users_of(name) {
                Some(realm) => users.push((realm.to_owned(), number(name), file.clone())),
                None => drop(realms.insert(name.strip_suffix("-realm").unwrap_or(name).to_owned(), file.clone())),
            }
        }
        users.sort_by(|a, b| (&a.0, a.1, &a.2).cmp(&(&b.0, b.1, &b.2)));
        if let Some((realm, _, file)) = users.iter().find(|(realm, _, _)| !realms.contains_key(realm)) {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{} belongs to {realm}-realm.json, which is not there", file.display()),
            ));
        }
        if realms.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no realm file (*.json) in {}", path.display())));
        }
        let files = realms.into_iter().map(|(realm, path)| {
            let users = users.iter().filter(|(of, _, _)| *of == realm).map(|(_, _, file)| file.clone()).collect();
            RealmFile { path, text: None, users }
        });
        Ok(Self { files: files.collect() })
    }
}

/// The realm that the file of this name (without `.json`) has users of.
fn users_of(name: &str) -> Option<&str> {
    if let Some(realm) = name.strip_suffix("-users") {
        return Some(realm);
    }
    let (front, number) = name.rsplit_once('-')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    let front = format!("{front}-");
    let realm = USERS.iter().rev().find_map(|ending| front.strip_suffix(ending))?.len();
    Some(&name[..realm])
}

fn number(name: &str) -> u64 {
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_users_belong_to_their_realm_in_the_order_of_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a-realm.json",
            "a-users-10.json",
            "a-users-9.json",
            "a-federated-users-0.json",
            "b.json",
            "notes.txt",
            "a-b-realm.json",
            "a-b-users-0.json",
        ] {
            fs::write(dir.path().join(name), "{}").unwrap();
        }
        let source = Source::open(dir.path()).unwrap();
        let names = |paths: &[PathBuf]| paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>();
        let files: Vec<_> = source.files.iter().map(|file| (names(std::slice::from_ref(&file.path)), names(&file.users))).collect();
        assert_eq!(
            files[0],
            (
                vec!["a-realm.json".to_owned()],
                vec!["a-federated-users-0.json".to_owned(), "a-users-9.json".into(), "a-users-10.json".into()]
            )
        );
        assert_eq!(files[1], (vec!["a-b-realm.json".to_owned()], vec!["a-b-users-0.json".to_owned()]));
        assert_eq!(files[2], (vec!["b.json".to_owned()], vec![]));
    }

    #[test]
    fn users_without_their_realm_and_an_empty_directory_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Source::open(dir.path()).unwrap_err().to_string().contains("no realm file"));
        fs::write(dir.path().join("x-users-0.json"), "{}").unwrap();
        assert!(Source::open(dir.path()).unwrap_err().to_string().contains("x-realm.json"));
        assert!(Source::open(&dir.path().join("nope.json")).is_err());
    }
}
