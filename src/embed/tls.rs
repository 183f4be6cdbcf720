//! TLS of the standalone server: a certificate and its key from PEM files, read again when they change. A connection keeps what
//! it was opened with; new ones get what was read last and was good. An embedder's TLS is his own business.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

use crate::base::clock::{Clock, Timestamp};
use crate::base::digest;
use crate::config::{Https, TlsVersion};
use crate::keyring::certificate;

/// How often the time is asked whether the files are due for a look.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Days before its end from which on a certificate is worth a warning.
const WARN_DAYS: i64 = 14;
const DAY: i64 = 86_400;

/// The certificate of a server and what it is made from.
pub struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    minimum_version: TlsVersion,
    reload_seconds: i64,
    current: ArcSwap<Loaded>,
    /// Digest of what the files said when they were last read, good or not: a bad file is complained of once.
    seen: Mutex<[u8; 32]>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    valid_to: Timestamp,
}

/// What a look at the files led to.
#[derive(Debug)]
pub enum Reload {
    Unchanged,
    Replaced,
    /// The files are not usable; the certificate of before is still in use.
    Kept(TlsError),
}

/// Why a certificate cannot be used. The messages are for the operator; none shows the key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{key}: {file} cannot be read: {error}")]
    Unreadable { key: &'static str, file: PathBuf, error: std::io::Error },
    #[error("https.certificate_file: {0} has no certificate in PEM")]
    NoCertificate(PathBuf),
    #[error("https.certificate_key_file: {0} has no private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)")]
    NoKey(PathBuf),
    #[error("https.certificate_key_file: the certificate and the key cannot be used together: {0}")]
    Refused(rustls::Error),
    #[error("https.certificate_file: {0} has a certificate that cannot be read")]
    Malformed(PathBuf),
    #[error("https.certificate_file: the certificate in {0} has expired")]
    Expired(PathBuf),
}

struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads what `https` names; `None` when it names nothing.
    ///
    /// # Errors
    /// The files are missing or do not fit. An expired certificate is no error here: a server that was restarted is worth
    /// more than one that was not.
    pub fn open(https: &Https) -> Result<Option<Arc<Self>>, TlsError> {
        let (Some(certificate_file), Some(key_file)) = (https.certificate_file.clone(), https.certificate_key_file.clone()) else {
            return Ok(None);
        };
        let files = Files::read(&certificate_file, &key_file)?;
        let loaded = load(&files, &certificate_file, &key_file, https.minimum_version)?;
        Ok(Some(Arc::new(Self {
            certificate_file,
            key_file,
            minimum_version: https.minimum_version,
            reload_seconds: i64::try_from(https.reload_seconds).unwrap_or(i64::MAX),
            current: ArcSwap::from_pointee(loaded),
            seen: Mutex::new(files.digest()),
        })))
    }

    /// What a new connection is accepted with.
    /// When the certificate that is used now ends.
    pub fn valid_to(&self) -> Timestamp {
        self.current.load().valid_to
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Looks at the files and says in the log what came of it. Blocks for as long as reading two small files takes.
    pub fn reload(&self, now: Timestamp) -> Reload {
        let reload = self.read_again(now);
        match &reload {
            Reload::Unchanged => {}
            Reload::Replaced => {
                tracing::info!(file = %self.certificate_file.display(), "the TLS certificate was replaced");
                self.warn_of_end(now);
            }
            Reload::Kept(error) => tracing::error!(%error, "the new TLS certificate is not usable; the one of before stays in use"),
        }
        reload
    }

    fn read_again(&self, now: Timestamp) -> Reload {
        let files = match Files::read(&self.certificate_file, &self.key_file) {
            Ok(files) => files,
            // Whoever replaces a file may have removed it first: that alone is said once, too.
            Err(error) => return if self.is_news([0; 32]) { Reload::Kept(error) } else { Reload::Unchanged },
        };
        if !self.is_news(files.digest()) {
            return Reload::Unchanged;
        }
        match load(&files, &self.certificate_file, &self.key_file, self.minimum_version) {
            Ok(loaded) if loaded.valid_to <= now => Reload::Kept(TlsError::Expired(self.certificate_file.clone())),
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                Reload::Replaced
            }
            Err(error) => Reload::Kept(error),
        }
    }

    fn is_news(&self, digest: [u8; 32]) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, digest) != digest
    }

    /// Looks at the files every `https.reload_seconds` of `clock` and warns once a day of a certificate that ends soon.
    pub(super) async fn watch(self: Arc<Self>, clock: Arc<dyn Clock>) {
        let (mut looked, mut warned) = (clock.now(), clock.now());
        self.warn_of_end(warned);
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let now = clock.now();
            if self.reload_seconds > 0 && now - looked >= self.reload_seconds {
                looked = now;
                let tls = Arc::clone(&self);
                // A file on a network may hang; the accepting thread must not.
                let _ended = tokio::task::spawn_blocking(move || tls.reload(now)).await;
            }
            if now - warned >= DAY {
                warned = now;
                self.warn_of_end(now);
            }
        }
    }

    fn warn_of_end(&self, now: Timestamp) {
        let left = self.current.load().valid_to - now;
        let file = self.certificate_file.display();
        if left <= 0 {
            tracing::error!(%file, "the TLS certificate has expired: clients refuse to connect");
        } else if left < WARN_DAYS * DAY {
            tracing::warn!(%file, days = left / DAY, "the TLS certificate ends soon");
        }
    }
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |setting, file: &Path| {
            std::fs::read(file).map_err(|error| TlsError::Unreadable { key: setting, file: file.to_path_buf(), error })
        };
        Ok(Self { certificate: read("https.certificate_file", certificate)?, key: read("https.certificate_key_file", key)? })
    }

    fn digest(&self) -> [u8; 32] {
        let mut both = [0; 64];
        both[..32].copy_from_slice(&digest::sha256(&self.certificate));
        both[32..].copy_from_slice(&digest::sha256(&self.key));
        digest::sha256(&both)
    }
}

/// Wipes the key; rustls has its own copy of what it needs.
impl Drop for Files {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

fn load(files: &Files, certificate_file: &Path, key_file: &Path, minimum: TlsVersion) -> Result<Loaded, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&files.certificate).collect::<Result<_, _>>().unwrap_or_default();
    let leaf = chain.first().ok_or_else(|| TlsError::NoCertificate(certificate_file.to_path_buf()))?;
    let valid_to = certificate::valid_to(leaf).map_err(|_| TlsError::Malformed(certificate_file.to_path_buf()))?;
    let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|_| TlsError::NoKey(key_file.to_path_buf()))?;

    let versions: &[&rustls::SupportedProtocolVersion] = match minimum {
        TlsVersion::V1_2 => &[&TLS13, &TLS12],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Refused)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Clients resume without any memory of ours; the keys of the tickets rotate by themselves.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Refused)?;
    Ok(Loaded { config: Arc::new(config), valid_to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_named_by_its_setting_and_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("the directory is ours");
            path
        };
        let https = |certificate: PathBuf, key: PathBuf| Https {
            certificate_file: Some(certificate),
            certificate_key_file: Some(key),
            ..Https::default()
        };
        let missing = directory.path().join("missing.pem");
        let error = |https: &Https| Tls::open(https).map(|_| ()).expect_err("refused").to_string();
        assert!(error(&https(missing.clone(), missing)).starts_with("https.certificate_file: "));
        let empty = file("empty.pem", "");
        assert!(error(&https(empty.clone(), empty.clone())).ends_with("empty.pem has no certificate in PEM"));
        let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(error(&https(broken, empty)).contains("cannot be read"));
        assert!(matches!(Tls::open(&Https::default()), Ok(None)));
    }
}
