//! The engines that the conformance suites run on, each on an empty store.

use std::sync::Arc;

use keywright::store::Store;
use keywright::store::backend::Backend;
use keywright::store::memory::Memory;
use keywright::store::sled::{Options, Sled};
use tempfile::TempDir;

/// An engine and what it needs to live.
pub struct Engine {
    pub backend: Arc<dyn Backend>,
    _directory: Option<TempDir>,
}

impl Engine {
    pub fn memory() -> Self {
        Self { backend: Arc::new(Memory::new()), _directory: None }
    }

    pub fn sled() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Sled::open(&Options::at(directory.path())).unwrap();
        Self { backend: Arc::new(engine), _directory: Some(directory) }
    }

    pub fn store(&self) -> Store {
        Store::new(Arc::clone(&self.backend))
    }
}
