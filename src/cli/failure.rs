//! Why a command ended without a result: an exit code that says what kind of failure it was, and for people what happened, why,
//! and what to do about it.

use std::process::ExitCode;

use crate::base::password_hash::Overloaded;
use crate::base::seal::KeyEncryptionKeyError;
use crate::config::Problems;
use crate::embed::BuildError;
use crate::embed::manage::ManagementError;
use crate::manage::bootstrap::BootstrapError;
use crate::manage::error::ManageError;
use crate::store::StoreError;
use crate::store::sled::OpenError;

/// What the process ends with. docs/cli.md lists them; scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// It was tried and did not work.
    Failed = 1,
    /// It was asked for in a wrong way.
    Usage = 2,
    /// What it is about does not exist.
    NotFound = 3,
    /// What it would make exists already.
    Conflict = 4,
    /// Whoever asks may not.
    NotAllowed = 5,
    /// The server or the store cannot be reached.
    Unreachable = 6,
    /// A check found problems.
    Problems = 7,
    /// Somebody pressed Ctrl-C.
    Interrupted = 130,
}

/// A command without a result.
#[derive(Debug)]
pub(super) struct Failure {
    pub code: Code,
    /// What happened, and why. Empty when everything was said already.
    pub what: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Failure {
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), advice: None }
    }

    /// It was tried and did not work.
    pub fn failed(what: impl std::fmt::Display) -> Self {
        Self::new(Code::Failed, what.to_string())
    }

    /// It was asked for in a wrong way.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Code::Usage, what)
    }

    /// There is nothing with this name; `known` are the names that there are.
    pub fn not_found(what: impl Into<String>, name: &str, known: impl IntoIterator<Item = String>) -> Self {
        let failure = Self::new(Code::NotFound, what);
        match nearest(name, known) {
            Some(known) => failure.advice(format!("did you mean {known}?")),
            None => failure,
        }
    }

    /// Everything was said already.
    pub const fn said(code: Code) -> Self {
        Self { code, what: String::new(), advice: None }
    }

    /// The same where there is no better advice yet.
    #[must_use]
    pub fn advice_unless(self, advice: &str) -> Self {
        if self.advice.is_some() { self } else { self.advice(advice) }
    }

    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure.code as u8)
    }
}

/// The name that `name` is most likely a slip of.
pub(super) fn nearest(name: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    let likeness = |candidate: &String| strsim::jaro_winkler(&candidate.to_lowercase(), &name.to_lowercase());
    let best = known.into_iter().map(|candidate| (likeness(&candidate), candidate)).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness > 0.85).map(|(_, candidate)| candidate)
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        let text = error.to_string();
        match error {
            ManageError::NotFound(_) => Self::new(Code::NotFound, text),
            ManageError::Conflict(_) => Self::new(Code::Conflict, text),
            ManageError::Profile(violations) => {
                let lines: Vec<_> = violations.iter().map(|violation| format!("{}: {}", violation.field, violation.message)).collect();
                Self::failed(format!("the realm's user profile is not met: {}", lines.join(", ")))
            }
            ManageError::Store(error) => error.into(),
            _ => Self::failed(text),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { .. } => Self::failed(error).advice("restore the newest snapshot or backup: keywright backup restore"),
            StoreError::BeingDeleted { .. } | StoreError::Exists { .. } => Self::new(Code::Conflict, error.to_string()),
            error => Self::failed(error),
        }
    }
}

impl From<ManagementError> for Failure {
    fn from(error: ManagementError) -> Self {
        match error {
            ManagementError::NoRealm(name) => Self::new(Code::NotFound, format!("there is no realm {name}")),
            ManagementError::Refused(error) => error.into(),
            ManagementError::Store(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::InUse { directory, process } => {
                let what = format!("the store {} is in use by another process{process}", directory.display());
                Self::new(Code::Unreachable, what).advice("stop the server first: this command opens the store itself")
            }
            OpenError::NotWritable { .. } => Self::new(Code::NotAllowed, error.to_string()),
            error => Self::failed(error),
        }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Open(error) => error.into(),
            BuildError::Store(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Manage(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

impl From<KeyEncryptionKeyError> for Failure {
    fn from(error: KeyEncryptionKeyError) -> Self {
        Self::failed(error)
    }
}

impl From<Overloaded> for Failure {
    fn from(error: Overloaded) -> Self {
        Self::failed(error)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::usage(problems.to_string()).advice("keywright config init writes a file with every setting explained")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_that_was_meant_and_a_different_name_finds_none() {
        let known = || ["master", "api-client", "Resource-Server"].map(str::to_owned);
        assert_eq!(nearest("api-cleint", known()).as_deref(), Some("api-client"));
        assert_eq!(nearest("resource-serve", known()).as_deref(), Some("Resource-Server"));
        assert_eq!(nearest("qqq", known()), None);
    }
}
