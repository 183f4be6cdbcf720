//! The store: what every engine must keep (`conformance`), and what sled is taught on top (`sled`).

mod background;
mod backups;
mod conformance;
mod engines;
mod epochs;
mod formats;
mod jobs;
mod sled;
mod snapshots;
mod transactions;
