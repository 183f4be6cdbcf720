//! Secrets at rest: AES-256-GCM under a data key per realm, the record's identity as associated data.
//!
//! The data key is derived from the key-encryption key and the realm's id (HKDF, RFC 5869) and not a random one that is
//! stored wrapped beside the realm: it can neither be lost, nor raced for at a first start, nor restored from another backup
//! than the records that it opens, and a realm still cannot open what another one sealed. The price is that a change of the
//! key-encryption key seals records anew; the id in each sealed text says which ones are still to do.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, general_purpose};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::digest;
use super::id::RealmId;
use super::random::Random;
use super::secret::Secret;

/// Length of the key-encryption key in bytes.
pub const KEY_LENGTH: usize = 32;
const FORMAT: &str = "kw1";
const EXTRACTION_SALT: &[u8] = b"keywright sealing 1";
const NONCE_LENGTH: usize = 12;
const LENIENT: GeneralPurposeConfig = general_purpose::NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Seals and opens the secrets of all realms. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    inner: Arc<Inner>,
}

struct Inner {
    /// What HKDF extracts from the key-encryption key: all that is ever needed of it.
    extracted: Zeroizing<[u8; KEY_LENGTH]>,
    id: String,
}

/// Why a sealed value does not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a sealed value does not open: it was sealed with another key or for another record")]
pub struct CannotOpen;

/// Why there is no usable key-encryption key. The messages are for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum KeyEncryptionKeyError {
    #[error(
        "the key-encryption key {} is missing, but the store already holds secrets that only it opens: restore the file; \
         a new key is never made over existing data", .0.display()
    )]
    Missing(PathBuf),
    #[error("the key-encryption key {0} is not 32 bytes in base64 (`openssl rand -base64 32` makes one)")]
    Malformed(String),
    #[error(
        "the store was written under the key-encryption key {stored}, but the one given is {given}: start with the key that belongs to this data"
    )]
    Wrong { stored: String, given: String },
    #[error("the key-encryption key {}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl Sealer {
    /// A sealer under this key-encryption key.
    pub fn from_key(key: [u8; KEY_LENGTH]) -> Self {
        let key = Zeroizing::new(key);
        let extracted = hmac(EXTRACTION_SALT, &*key);
        let id = URL_SAFE_NO_PAD.encode(&expand(&extracted, &["key id"])[..6]);
        Self { inner: Arc::new(Inner { extracted, id }) }
    }

    /// A sealer under the key in `text`: 32 bytes in base64 or base64url, with or without padding, white space around it
    /// allowed. `source` names the setting in the error.
    ///
    /// # Errors
    /// [`KeyEncryptionKeyError::Malformed`].
    pub fn from_text(text: &str, source: &str) -> Result<Self, KeyEncryptionKeyError> {
        let text = text.trim();
        let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let bytes = GeneralPurpose::new(alphabet, LENIENT).decode(text).map(Zeroizing::new);
        match bytes.ok().and_then(|bytes| <[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).ok()) {
            Some(key) => Ok(Self::from_key(key)),
            None => Err(KeyEncryptionKeyError::Malformed(source.to_owned())),
        }
    }

    /// The id of the key-encryption key: 8 characters that stand in every sealed text and tell nothing about the key.
    pub fn key_id(&self) -> &str {
        &self.inner.id
    }

    /// What the first start stores, so that every later one recognises its key ([`Sealer::check`]).
    pub fn check_value(&self) -> String {
        format!("{FORMAT}.{}.{}", self.inner.id, URL_SAFE_NO_PAD.encode(*expand(&self.inner.extracted, &["check value"])))
    }

    /// Whether `stored` is the check value of this key: a start under another one must stop here.
    ///
    /// # Errors
    /// [`KeyEncryptionKeyError::Wrong`], with the ids of both keys.
    pub fn check(&self, stored: &str) -> Result<(), KeyEncryptionKeyError> {
        if digest::equal(stored.as_bytes(), self.check_value().as_bytes()) {
            return Ok(());
        }
        let stored = stored.split('.').nth(1).unwrap_or("of an unknown format").to_owned();
        Err(KeyEncryptionKeyError::Wrong { stored, given: self.inner.id.clone() })
    }

    /// A credential for `purpose` that everybody can compute who has the key-encryption key, and nobody else. It tells nothing
    /// about the key.
    pub fn credential(&self, purpose: &str) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(*expand(&self.inner.extracted, &["credential", purpose])))
    }

    /// Seals `plain` for the record `identity` (for example `client/<id>/secret`) of `realm`. The answer is text that can
    /// stand in a JSON document: `kw1.<key id>.<base64url of nonce, ciphertext and tag>`.
    pub fn seal(&self, random: &dyn Random, realm: &RealmId, identity: &str, plain: &[u8]) -> String {
        let nonce = random.bytes::<NONCE_LENGTH>();
        let payload = Payload { msg: plain, aad: identity.as_bytes() };
        let ciphertext = self.data_key(realm).encrypt(&nonce.into(), payload).expect("AES-GCM takes any secret below 64 GiB");
        let mut text = format!("{FORMAT}.{}.", self.inner.id);
        URL_SAFE_NO_PAD.encode_string([&nonce[..], &ciphertext].concat(), &mut text);
        text
    }

    /// Opens what [`Sealer::seal`] made for the same realm and identity.
    ///
    /// # Errors
    /// When key, realm or identity differ, or the text was changed.
    pub fn open(&self, realm: &RealmId, identity: &str, sealed: &str) -> Result<Secret<Vec<u8>>, CannotOpen> {
        let body = sealed.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix('.')).ok_or(CannotOpen)?;
        let body = body.strip_prefix(self.key_id()).and_then(|rest| rest.strip_prefix('.')).ok_or(CannotOpen)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| CannotOpen)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(CannotOpen)?;
        let payload = Payload { msg: ciphertext, aad: identity.as_bytes() };
        self.data_key(realm).decrypt(nonce.into(), payload).map(Secret::new).map_err(|_| CannotOpen)
    }

    fn data_key(&self, realm: &RealmId) -> Aes256Gcm {
        Aes256Gcm::new((&*expand(&self.inner.extracted, &["data key", realm.as_str()])).into())
    }
}

/// Whether `text` has the form of a sealed value. An imported clear text never has it by chance: it would need our prefix.
pub fn is_sealed(text: &str) -> bool {
    text.strip_prefix(FORMAT).is_some_and(|rest| rest.starts_with('.') && rest.len() > 2)
}

/// The sealer under the key in the file `path`. A missing file is made when `store_is_empty` (a first start), in a directory
/// of mode 0700, with mode 0600, and is on the disk before this returns; of two racing first starts both get the winner's.
///
/// # Errors
/// [`KeyEncryptionKeyError::Missing`] when there is data but no key; `Malformed` and `Io`.
pub fn load_or_create(path: &Path, store_is_empty: bool, random: &dyn Random) -> Result<Sealer, KeyEncryptionKeyError> {
    match load(path) {
        Err(KeyEncryptionKeyError::Missing(_)) if store_is_empty => {
            create(path, random).map_err(|error| KeyEncryptionKeyError::Io { path: path.to_owned(), error })?;
            load(path)
        }
        loaded => loaded,
    }
}

/// The sealer under the key in a file that somebody else provides (a mounted secret, a systemd credential): never makes one.
///
/// # Errors
/// [`KeyEncryptionKeyError::Missing`], `Malformed` and `Io`.
pub fn load(path: &Path) -> Result<Sealer, KeyEncryptionKeyError> {
    warn_if_world_readable(path);
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => Sealer::from_text(&text, &path.display().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(KeyEncryptionKeyError::Missing(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyEncryptionKeyError::Malformed(path.display().to_string())),
        Err(error) => Err(KeyEncryptionKeyError::Io { path: path.to_owned(), error }),
    }
}

/// A warning and no refusal: mounted secrets of containers often have such modes, and whoever may read them is inside.
fn warn_if_world_readable(path: &Path) {
    #[cfg(unix)]
    if fs::metadata(path).is_ok_and(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o007 != 0) {
        tracing::warn!(path = %path.display(), "the key-encryption key is readable by every user of this machine");
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Writes a temporary file and links it to its name, so that the name never shows half a key and never replaces one.
fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let directory = parent(path);
    create_private_directory(directory)?;
    let text = Zeroizing::new(format!("{}\n", URL_SAFE_NO_PAD.encode(*Zeroizing::new(random.bytes::<KEY_LENGTH>()))));
    let temporary = directory.join(format!(".key-{}.tmp", random.uuid()));
    let linked = write_private_file(&temporary, text.as_bytes()).and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    fs::remove_file(&temporary)?;
    linked?;
    File::open(directory)?.sync_all()
}

/// A directory that a power cut takes back would take the key with it, so the entry of each new one is synchronised too.
fn create_private_directory(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    missing.into_iter().try_for_each(|created| File::open(parent(created))?.sync_all())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// HKDF-Expand with SHA-256 and one block of output (RFC 5869 §2.3). `info` is unambiguous because every part carries its length.
fn expand(extracted: &[u8; KEY_LENGTH], info: &[&str]) -> Zeroizing<[u8; KEY_LENGTH]> {
    let mut text = Vec::new();
    for part in info {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    text.push(1);
    hmac(extracted, &text)
}

fn hmac(key: &[u8], message: &[u8]) -> Zeroizing<[u8; KEY_LENGTH]> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::super::random::SeededRandom;
    use super::*;

    fn realm(id: &str) -> RealmId {
        RealmId::from(id)
    }

    #[test]
    fn a_sealed_value_opens_only_with_its_key_realm_and_identity() {
        let (random, sealer): (&dyn Random, _) = (&SeededRandom::new(1), Sealer::from_key([7; 32]));
        let sealed = sealer.seal(random, &realm("a"), "client/1/secret", b"hunter2");
        assert_eq!(sealer.open(&realm("a"), "client/1/secret", &sealed).unwrap().expose(), b"hunter2");
        assert_eq!(sealer.open(&realm("b"), "client/1/secret", &sealed), Err(CannotOpen));
        assert_eq!(sealer.open(&realm("a"), "client/2/secret", &sealed), Err(CannotOpen));
        assert_eq!(Sealer::from_key([8; 32]).open(&realm("a"), "client/1/secret", &sealed), Err(CannotOpen));
    }

    #[test]
    fn no_change_of_a_sealed_text_goes_unnoticed() {
        let sealer = Sealer::from_key([7; 32]);
        let sealed = sealer.seal(&SeededRandom::new(1), &realm("a"), "x", b"hunter2");
        assert!(is_sealed(&sealed) && !sealed.contains("hunter2"));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealer.open(&realm("a"), "x", &String::from_utf8(changed).unwrap()), Err(CannotOpen), "position {position}");
            assert_eq!(sealer.open(&realm("a"), "x", &sealed[..position]), Err(CannotOpen), "length {position}");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_text() {
        let (random, sealer) = (SeededRandom::new(1), Sealer::from_key([7; 32]));
        assert_ne!(sealer.seal(&random, &realm("a"), "x", b"v"), sealer.seal(&random, &realm("a"), "x", b"v"));
    }

    #[test]
    fn hkdf_agrees_with_openssl() {
        // What `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt salt:… -kdfopt key:… -kdfopt info:… HKDF` prints.
        let mut expected = [0; 32];
        let mut context = openssl::pkey_ctx::PkeyCtx::new_id(openssl::pkey::Id::HKDF).unwrap();
        context.derive_init().unwrap();
        context.set_hkdf_md(openssl::md::Md::sha256()).unwrap();
        context.set_hkdf_salt(EXTRACTION_SALT).unwrap();
        context.set_hkdf_key(&[7; 32]).unwrap();
        context.add_hkdf_info(b"\0\0\0\0\0\0\0\x06key id").unwrap();
        context.derive(Some(&mut expected)).unwrap();
        assert_eq!(*expand(&hmac(EXTRACTION_SALT, &[7; 32]), &["key id"]), expected);
    }

    #[test]
    fn a_key_is_read_in_every_usual_spelling_of_base64() {
        let id = Sealer::from_key([251; 32]).key_id().to_owned();
        let standard = base64::engine::general_purpose::STANDARD.encode([251; 32]);
        let url = URL_SAFE_NO_PAD.encode([251; 32]);
        for text in [standard.as_str(), standard.trim_end_matches('='), &url, &format!(" {url}=\n")] {
            assert_eq!(Sealer::from_text(text, "test").unwrap().key_id(), id, "{text}");
        }
        for text in
            ["", "short", &URL_SAFE_NO_PAD.encode([0; 31]), &URL_SAFE_NO_PAD.encode([0; 33]), "not base64 at all, not at all, not at all!!"]
        {
            assert!(matches!(Sealer::from_text(text, "test"), Err(KeyEncryptionKeyError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn another_key_is_told_apart_by_the_check_value() {
        let (right, wrong) = (Sealer::from_key([7; 32]), Sealer::from_key([8; 32]));
        assert!(right.check(&right.check_value()).is_ok());
        let message = wrong.check(&right.check_value()).unwrap_err().to_string();
        assert!(message.contains(right.key_id()) && message.contains(wrong.key_id()), "{message}");
        assert!(right.check("").is_err() && right.check("kw1").is_err());
    }

    #[test]
    fn a_first_start_makes_a_private_key_file_and_later_ones_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a").join("keys").join("kek");
        let first = load_or_create(&path, true, &SeededRandom::new(1)).unwrap();
        let second = load_or_create(&path, false, &SeededRandom::new(2)).unwrap();
        assert_eq!(first.key_id(), second.key_id());
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["kek"], "no temporary file stays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_lost_key_is_never_replaced_over_existing_data() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kek");
        assert!(matches!(load_or_create(&path, false, &SeededRandom::new(1)), Err(KeyEncryptionKeyError::Missing(_))));
        assert!(!path.exists());
    }

    #[test]
    fn of_two_racing_first_starts_both_get_the_same_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kek");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|seed| {
                    let path = &path;
                    scope.spawn(move || load_or_create(path, true, &SeededRandom::new(seed)).unwrap().key_id().to_owned())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_broken_key_file_is_an_error_and_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kek");
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(load_or_create(&path, true, &SeededRandom::new(1)), Err(KeyEncryptionKeyError::Malformed(_))));
        assert_eq!(fs::read(&path).unwrap(), b"\xff\xfe");
    }
}
