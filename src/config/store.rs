//! `[store]`: where realms and sessions are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    pub engine: Engine,
    /// The directory of the databases; made at the first start. Relative to the working directory.
    pub directory: PathBuf,
    /// MiB of memory for the pages of realms, clients and users. The process uses two to three times as much.
    pub configuration_cache_mib: u64,
    /// MiB of memory for the pages of sessions.
    pub sessions_cache_mib: u64,
}

/// What keeps the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// An embedded database in `directory`; an answer is sent only when it would survive a power cut.
    #[default]
    Sled,
    /// Memory: gone when the process ends.
    Memory,
}

impl Default for Store {
    fn default() -> Self {
        Self { engine: Engine::Sled, directory: PathBuf::from("data"), configuration_cache_mib: 6, sessions_cache_mib: 3 }
    }
}

impl Store {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        if self.engine == Engine::Sled && self.directory.as_os_str().is_empty() {
            problems.push(Problem::new("store.directory", "is empty"));
        }
        for (key, mib) in
            [("store.configuration_cache_mib", self.configuration_cache_mib), ("store.sessions_cache_mib", self.sessions_cache_mib)]
        {
            if !(1..=1_048_576).contains(&mib) {
                problems.push(Problem::new(key, format!("is {mib}, but must be from 1 to 1048576")));
            }
        }
    }
}
