//! The `keywright` program: the command line and the allocator that suits it.

use std::process::ExitCode;

// Measured: a fifth less CPU on the storage path than the system's, at the same resident size.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    keywright::cli::run()
}
