//! `[https]`: TLS without a proxy in front. It is on when a certificate is named; what the connections have in common with
//! those of plain HTTP stands in `[http]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Http, Problem};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Https {
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// PEM: the server's certificate, then those that lead from it to a root.
    pub certificate_file: Option<PathBuf>,
    /// PEM: the certificate's private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
    pub certificate_key_file: Option<PathBuf>,
    /// The oldest version of TLS that is spoken.
    pub minimum_version: TlsVersion,
    /// Seconds between two looks at the files; 0 leaves it to SIGHUP.
    pub reload_seconds: u64,
}

/// A version of TLS. Older ones are forbidden (RFC 8996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

impl Default for Https {
    fn default() -> Self {
        Self { port: 8443, certificate_file: None, certificate_key_file: None, minimum_version: TlsVersion::default(), reload_seconds: 60 }
    }
}

impl Https {
    /// Whether the server speaks TLS.
    pub const fn is_on(&self) -> bool {
        self.certificate_file.is_some()
    }

    pub(super) fn validate(&self, http: &Http, problems: &mut Vec<Problem>) {
        let mut problem = |key: &str, reason: String| problems.push(Problem::new(key, reason));
        if self.certificate_file.is_some() && self.certificate_key_file.is_none() {
            problem("https.certificate_key_file", "is missing, but https.certificate_file names a certificate".to_owned());
        }
        if self.certificate_key_file.is_some() && self.certificate_file.is_none() {
            problem("https.certificate_file", "is missing, but https.certificate_key_file names a key".to_owned());
        }
        if !http.enabled && !self.is_on() {
            problem("http.enabled", "is off and https.certificate_file names no certificate: nothing would be served".to_owned());
        }
        if self.is_on() && http.enabled && self.port != 0 && self.port == http.port {
            problem("https.port", format!("is {}, as http.port: the two listeners need ports of their own", http.port));
        }
    }
}
