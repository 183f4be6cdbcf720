//! What was acknowledged stays true: after SIGKILL, after a power cut, and when fifty callers want the same thing at once.
//! Always the real process on a real sled directory.

mod api;
mod configuration;
mod deletion;
mod power_loss;
mod realm;
mod rotation;
mod sigkill;
mod stalled;
mod strace;
mod writer;
