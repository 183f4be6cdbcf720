//! The management listener.

mod backup;
mod metrics;
mod openapi;
