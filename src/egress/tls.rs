//! Whom a fetch over TLS trusts: the certificate authorities of the operating system and those of `egress.ca_file`.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, crypto};

/// What the operator added.
pub(super) struct Trust {
    added: Vec<CertificateDer<'static>>,
}

impl Trust {
    pub(super) fn read(file: Option<&Path>) -> Result<Self, String> {
        let Some(path) = file else { return Ok(Self { added: Vec::new() }) };
        let text = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let added: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match added {
            Ok(added) if !added.is_empty() && added.iter().all(|one| RootCertStore::empty().add(one.clone()).is_ok()) => Ok(Self { added }),
            Ok(_) => Err(format!("{} holds no usable certificate", path.display())),
            Err(error) => Err(format!("{} is not PEM: {error}", path.display())),
        }
    }

    /// TLS 1.2 and 1.3 by aws-lc-rs, certificates checked against names.
    pub(super) fn client_config(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "a certificate authority of the operating system was not read");
        }
        // Old authorities that rustls does not understand are no reason to trust none.
        roots.add_parsable_certificates(system.certs);
        roots.add_parsable_certificates(self.added.iter().cloned());
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}
