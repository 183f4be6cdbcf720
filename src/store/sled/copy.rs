//! A consistent copy of a running database: everything as it was at one sequence, while commits go on. A commit that changes
//! what was not copied yet leaves the old document here first.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ::sled::IVec;

use crate::store::backend::{Class, Stored};

use super::chunks::{self, FIRST_DOCUMENT_KEY};
use super::{Database, Sled, guarded};

const STEP: usize = 500;

/// Why a copy does not begin: there is one already.
pub(crate) const BUSY: &str = "another copy is under way";

/// A copy in the making.
#[derive(Debug, Default)]
pub(super) struct Copying {
    copied_to: Vec<u8>,
    /// What was there at keys beyond, and has changed since.
    before: BTreeMap<Vec<u8>, Option<Stored>>,
}

impl Copying {
    /// The document at `key` is about to change from what `row` begins.
    pub(super) fn changes(&mut self, tree: &::sled::Tree, key: &[u8], row: Option<&IVec>) -> Result<(), String> {
        if key > &*self.copied_to && !self.before.contains_key(key) {
            let old = row.map(|row| chunks::assemble(tree, key, row.clone())).transpose()?.flatten();
            self.before.insert(key.to_vec(), old);
        }
        Ok(())
    }
}

impl Sled {
    /// The newest sequence of a class.
    pub(crate) fn sequence(&self, class: Class) -> u64 {
        self.database(class).visible.load(Ordering::SeqCst)
    }

    /// Hands every document of a class to `each`, in key order and as it was at one moment; the sequence of that moment. Blocks.
    ///
    /// # Errors
    /// What `each` answers, that the engine failed, or that another copy is under way.
    pub(crate) fn copy(&self, class: Class, mut each: impl FnMut(&[u8], &Stored) -> Result<(), String>) -> Result<u64, String> {
        let database = self.database(class);
        let sequence = {
            let mut copying = database.copying.lock().unwrap_or_else(PoisonError::into_inner);
            if copying.is_some() {
                return Err(BUSY.to_owned());
            }
            *copying = Some(Copying::default());
            // No batch is applied while the lock is held, so the number and the data agree.
            database.visible.load(Ordering::SeqCst)
        };
        let result = guarded(|| {
            loop {
                let (documents, more) = database.copy_step()?;
                for (key, stored) in &documents {
                    each(key, stored)?;
                }
                if !more {
                    return Ok(sequence);
                }
            }
        });
        *database.copying.lock().unwrap_or_else(PoisonError::into_inner) = None;
        result
    }
}

impl Database {
    /// The next documents as they were at the beginning, and whether there are more.
    fn copy_step(&self) -> Result<(BTreeMap<Vec<u8>, Stored>, bool), String> {
        let mut guard = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        let copying = guard.as_mut().expect("only the end of the copy takes it away");
        let start = copying.copied_to.clone().max(FIRST_DOCUMENT_KEY.to_vec());
        let (mut documents, mut last, mut rows) = (BTreeMap::new(), None, 0);
        for row in self.tree.range((Bound::Excluded(start), Bound::<Vec<u8>>::Unbounded)).take(STEP) {
            let (key, row) = row.map_err(|error| error.to_string())?;
            rows += 1;
            if !copying.before.contains_key(&*key)
                && let Some(stored) = chunks::assemble(&self.tree, &key, row)?
            {
                documents.insert(key.to_vec(), stored);
            }
            last = Some(key.to_vec());
        }
        let more = rows == STEP;
        let changed = match last.filter(|_| more) {
            Some(last) => {
                copying.copied_to.clone_from(&last);
                let beyond = copying.before.split_off(&[&*last, &[0]].concat());
                std::mem::replace(&mut copying.before, beyond)
            }
            None => std::mem::take(&mut copying.before),
        };
        documents.extend(changed.into_iter().filter_map(|(key, old)| Some((key, old?))));
        Ok((documents, more))
    }
}
