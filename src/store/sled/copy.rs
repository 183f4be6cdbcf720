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

/// Why a copy ends early: whoever takes it is slower than what changes meanwhile, and memory has an end.
pub(crate) const OUTRUN: &str =
    "the receiver is too slow: more than 64 MiB have changed behind the copy's back (take it at a quieter hour, or to a faster place)";

/// Bytes of changed documents that are kept for a copy at the most.
const KEPT_BYTES: usize = 64 << 20;
/// What an entry costs besides its bytes.
const ENTRY_BYTES: usize = 96;

/// A copy in the making.
#[derive(Debug)]
pub(super) struct Copying {
    copied_to: Vec<u8>,
    /// What was there at keys beyond, and has changed since.
    before: BTreeMap<Vec<u8>, Option<Stored>>,
    /// Bytes of `before`.
    kept: usize,
    limit: usize,
}

impl Copying {
    /// The document at `key` is about to change from what `row` begins.
    pub(super) fn changes(&mut self, tree: &::sled::Tree, key: &[u8], row: Option<&IVec>) -> Result<(), String> {
        if key > &*self.copied_to && !self.is_outrun() && !self.before.contains_key(key) {
            let old = row.map(|row| chunks::assemble(tree, key, row.clone())).transpose()?.flatten();
            self.kept += cost(key, old.as_ref());
            self.before.insert(key.to_vec(), old);
            if self.is_outrun() {
                self.before.clear();
            }
        }
        Ok(())
    }

    fn new(limit: usize) -> Self {
        Self { copied_to: Vec::new(), before: BTreeMap::new(), kept: 0, limit }
    }

    /// Whether too much had to be kept. Then the copy is lost, and commits go on as if there were none.
    fn is_outrun(&self) -> bool {
        self.kept > self.limit
    }
}

fn cost(key: &[u8], old: Option<&Stored>) -> usize {
    key.len() + old.map_or(0, |old| old.value.len()) + ENTRY_BYTES
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
            *copying = Some(Copying::new(KEPT_BYTES));
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
        if copying.is_outrun() {
            return Err(OUTRUN.to_owned());
        }
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
        copying.kept -= changed.iter().map(|(key, old)| cost(key, old.as_ref())).sum::<usize>();
        documents.extend(changed.into_iter().filter_map(|(key, old)| Some((key, old?))));
        Ok((documents, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What changes behind a slow receiver takes so much memory and no more; then the copy is given up and nothing is kept.
    #[test]
    fn what_a_copy_keeps_is_bounded() {
        let database = ::sled::Config::new().temporary(true).open().unwrap();
        let mut copying = Copying::new(100 * 1024);
        let mut most = 0;
        for number in 0..1000_u32 {
            let key = [FIRST_DOCUMENT_KEY, format!("session/r/{number:08}").as_bytes()].concat();
            let row = chunks::rows(&key, 1, &[7; 1024]).remove(0).1;
            copying.changes(&database, &key, Some(&IVec::from(row))).unwrap();
            most = most.max(copying.before.len());
            assert_eq!(copying.is_outrun(), number >= 89, "{number}");
        }
        assert!(most == 89 && copying.before.is_empty(), "{most}");
    }
}
