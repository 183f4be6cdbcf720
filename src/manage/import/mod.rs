//! Realms from Keycloak's export files. First a plan: the whole file is read, bounded and checked, and what cannot be imported as it
//! stands is listed. Then the plan is carried out under an id that nobody can see, and one commit makes the realm appear. What
//! fails or is killed before that commit leaves nothing but hidden records, which a job removes.

mod apply;
mod authentication;
mod clients;
mod components;
mod contents;
mod document;
mod draft;
mod organizations;
mod partial;
mod placeholders;
mod plan;
mod report;
mod roles;
mod source;
mod users;

use std::io;
use std::path::PathBuf;

use crate::base::env::Env;
use crate::base::id::UserId;
use crate::base::password_hash::{HashingPool, Overloaded};
use crate::base::seal::Sealer;
use crate::keyring::KeySource;
use crate::manage::error::ManageError;
use crate::store::{Store, StoreError};

pub use apply::{Outcome, abandon_unfinished, register};
pub use components::{USER_PROFILE_CONFIG, USER_PROFILE_PROVIDER};
pub use partial::{Happened, IfExists, Imported, PartialError, PartialPlan};
pub use placeholders::Lookup;
pub use plan::{Action, Plan, Summary};
pub use report::{Fate, Note, Report};
pub use source::Source;

/// What an import works with.
#[derive(Clone)]
pub struct Importer<'a> {
    pub store: &'a Store,
    pub env: &'a Env,
    pub sealer: &'a Sealer,
    pub hashing: &'a HashingPool,
    /// Where the keys of a realm come from whose file has none.
    pub keys: KeySource,
    /// The values of `${NAME}` in the file.
    pub lookup: Lookup,
    /// A name of this process that no other has ([`crate::store::job::owner`]).
    pub owner: &'a str,
    /// The user of `master` who gets all roles over a new realm; `None` where whoever imports has them anyway.
    pub creator: Option<&'a UserId>,
}

/// What happens to a realm that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnConflict {
    /// It stays as it is, and the file's is not imported.
    Skip,
    /// It is replaced as a whole, with its users, in one commit.
    Overwrite,
    /// The import is refused.
    #[default]
    Fail,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{}: {error}", .path.display())]
    Read { path: PathBuf, error: io::Error },
    /// The file is no realm file, or is wrong in these places.
    #[error("{}: {}", .path.display(), problems.join("\n  "))]
    Wrong { path: PathBuf, problems: Vec<String> },
    #[error("there is a realm {0} already; import it with --on-conflict skip or overwrite")]
    Exists(String),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error(transparent)]
    Hashing(#[from] Overloaded),
    #[error(transparent)]
    Store(#[from] StoreError),
}
