//! Lists of passwords that nobody may choose: text files with one password a line, in a directory of the operator. A list is
//! kept as sorted 64-bit digests, eight bytes an entry, and read again when its file changes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::digest::sha256;

/// A list of more bytes is refused: ten million passwords fit.
const MAX_FILE: u64 = 256 << 20;

/// Why a list cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum BlacklistError {
    #[error("the password blacklist {0:?} is no plain file name")]
    Name(String),
    #[error("the password blacklist {name:?} cannot be read: {reason}")]
    Unreadable { name: String, reason: String },
}

/// The lists of one directory, each read when it is first asked.
#[derive(Debug)]
pub struct Blacklists {
    directory: PathBuf,
    read: Arc<Mutex<HashMap<String, Read>>>,
}

/// What was read, and of which state of the file.
#[derive(Clone, Debug)]
struct Read {
    size: u64,
    modified: Option<SystemTime>,
    digests: Arc<[u64]>,
}

impl Blacklists {
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, read: Arc::default() }
    }

    /// Whether `password` is on the list, in any case of letters.
    ///
    /// # Errors
    /// There is no such file, or it is too large.
    pub async fn contains(&self, name: &str, password: &str) -> Result<bool, BlacklistError> {
        let digest = entry(password);
        Ok(self.list(name).await?.binary_search(&digest).is_ok())
    }

    /// Whether the list can be asked; reads it.
    ///
    /// # Errors
    /// There is no such file, or it is too large.
    pub async fn check(&self, name: &str) -> Result<(), BlacklistError> {
        self.list(name).await.map(drop)
    }

    async fn list(&self, name: &str) -> Result<Arc<[u64]>, BlacklistError> {
        if !is_file_name(name) {
            return Err(BlacklistError::Name(name.to_owned()));
        }
        let (path, read, owned) = (self.directory.join(name), Arc::clone(&self.read), name.to_owned());
        let listed = tokio::task::spawn_blocking(move || {
            let metadata = std::fs::metadata(&path)?;
            let (size, modified) = (metadata.len(), metadata.modified().ok());
            let known = read.lock().unwrap_or_else(PoisonError::into_inner).get(&owned).cloned();
            if let Some(known) = known.filter(|known| known.size == size && known.modified == modified) {
                return Ok(known.digests);
            }
            if !metadata.is_file() || size > MAX_FILE {
                return Err(std::io::Error::other("it is no file, or larger than 256 MiB"));
            }
            let digests = digests(File::open(&path)?)?;
            let fresh = Read { size, modified, digests: Arc::clone(&digests) };
            read.lock().unwrap_or_else(PoisonError::into_inner).insert(owned, fresh);
            Ok(digests)
        });
        let unreadable = |reason: String| BlacklistError::Unreadable { name: name.to_owned(), reason };
        listed.await.map_err(|error| unreadable(error.to_string()))?.map_err(|error| unreadable(error.to_string()))
    }
}

/// Whether `name` names a file in a directory and nothing outside of it.
pub fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._- ".contains(c);
    (1..=128).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('.')
}

fn digests(file: File) -> std::io::Result<Arc<[u64]>> {
    let mut lines = BufReader::new(file.take(MAX_FILE));
    let (mut digests, mut line) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let password = text.trim_end_matches(['\n', '\r']);
        if !password.is_empty() {
            digests.push(entry(password));
        }
        line.clear();
    }
    digests.sort_unstable();
    digests.dedup();
    Ok(digests.into())
}

/// Two passwords of a million share a digest in one case of ten million: a password too many is refused, never one too few.
fn entry(password: &str) -> u64 {
    let digest = sha256(password.to_lowercase().as_bytes());
    digest.iter().take(8).fold(0, |entry, byte| entry << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_is_asked_in_any_case_and_read_again_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("worst.txt");
        std::fs::write(&file, "123456\r\nPassword\n\nhunter2").unwrap();
        let lists = Blacklists::new(directory.path().to_owned());
        for (password, listed) in
            [("password", true), ("PASSWORD", true), ("123456", true), ("hunter2", true), ("hunter3", false), ("", false)]
        {
            assert_eq!(lists.contains("worst.txt", password).await.unwrap(), listed, "{password}");
        }
        std::fs::write(&file, "hunter3, and a longer file").unwrap();
        assert!(!lists.contains("worst.txt", "hunter2").await.unwrap());
    }

    #[tokio::test]
    async fn a_list_that_is_missing_or_elsewhere_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let lists = Blacklists::new(directory.path().join("lists"));
        std::fs::write(directory.path().join("outside"), "x").unwrap();
        assert!(matches!(lists.check("nope.txt").await, Err(BlacklistError::Unreadable { .. })));
        for name in ["../outside", "/etc/passwd", "a/b", "..", ".hidden", "", "a\\b", "a\0"] {
            assert!(matches!(lists.check(name).await, Err(BlacklistError::Name(_))), "{name:?}");
        }
    }
}
