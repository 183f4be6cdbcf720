//! A panic is a mistake of ours that one request found: it is answered 500, logged once with a reference that the answer names,
//! and nobody else notices. Without this the connection would just end.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// Whether what runs now is caught, so that the hook leaves the log to whoever catches it.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last caught panic was, as the hook saw it.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What somebody panicked with, for the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

/// The hook of the standalone server: panics go to the log, those of a request once and with its reference.
pub fn log_all() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if CAUGHT.get() {
            PLACE.set(Some(place));
        } else {
            tracing::error!(place, cause = message(info.payload()), "a thread panicked");
        }
    }));
}

/// Runs `work`.
///
/// # Errors
/// It panicked. What it shares with others must be usable all the same: our locks pass their poison over, and a transaction
/// that was not committed leaves nothing.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    result.map_err(|payload| {
        let place = PLACE.take().unwrap_or_default();
        Panicked(format!("panicked at {place}: {}", message(&*payload)).replace("at :", ":"))
    })
}

/// A future whose panics are results: see [`caught`].
pub struct Guarded<F>(pub F);

impl<F: Future + Unpin> Future for Guarded<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = &mut self.get_mut().0;
        match caught(|| Pin::new(future).poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_result_with_its_message() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| panic!("no {}", "way")), Err::<(), _>(Panicked("panicked : no way".to_owned())));
        let later = Guarded(Box::pin(async {
            tokio::task::yield_now().await;
            panic!("later")
        }));
        assert_eq!(later.await, Err::<(), _>(Panicked("panicked : later".to_owned())));
        assert!(!CAUGHT.get());
    }
}
