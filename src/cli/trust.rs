//! Servers that a command speaks to: whose certificates it believes, and what it says when it cannot reach one.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Code, Failure};
use crate::egress::EgressError;
use crate::egress::operator::OperatorClient;

/// Which certificates are believed.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Trust {
    /// Certificate authorities to trust besides the system's (PEM)
    // The alias is the word of kcadm.sh.
    #[arg(long, alias = "truststore", value_name = "FILE", global = true, env = "KEYWRIGHT_CA_FILE")]
    ca_file: Option<PathBuf>,
}

impl Trust {
    pub fn client(&self) -> Result<OperatorClient, Failure> {
        OperatorClient::new(self.ca_file.as_deref()).map_err(|why| Failure::usage(why).advice("--ca-file names a file of PEM certificates"))
    }

    /// The same, or what was trusted before.
    #[must_use]
    pub fn or(&self, before: Option<&Path>) -> Self {
        Self { ca_file: self.ca_file.clone().or_else(|| before.map(Path::to_owned)) }
    }

    /// The file, by a name that means the same in every directory.
    pub fn file(&self) -> Option<PathBuf> {
        self.ca_file.as_deref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }
}

/// Nobody answered at `url`, or nobody who could be believed.
pub(super) fn unreachable(url: &str, error: &EgressError) -> Failure {
    let text = error.to_string();
    let failure = Failure::new(Code::Unreachable, format!("{url} cannot be reached: {text}"));
    if text.contains("UnknownIssuer") || text.contains("CaUsedAsEndEntity") {
        return failure.advice("nobody vouches for its certificate: --ca-file FILE names the authority that issued it (PEM), KEYWRIGHT_CA_FILE for every command");
    }
    if text.contains("not valid for name") {
        return failure.advice("its certificate is for another name: is this the address that the server calls itself?");
    }
    if text.contains("Connection refused") {
        return failure.advice("does the server run, and at this port?");
    }
    failure
}
