//! `POST /backup`: a backup of the running server, streamed while it is taken. It contains everything, so the port alone is no
//! permission: the caller proves with a bearer credential that he has the key-encryption key, with which he could read the store's
//! secrets anyway. `?sessions=false` leaves the sessions out.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::app::App;
use crate::base::digest;
use crate::store::backup::BackupError;

/// What the credential is derived for ([`crate::base::seal::Sealer::credential`]).
pub const PURPOSE: &str = "backup";

/// One piece of the answer.
const PIECE: usize = 64 << 10;
/// Pieces that wait for the network at the most.
const PIECES: usize = 16;
/// How long a receiver may stand still: what changes meanwhile is kept in memory.
const PATIENCE: Duration = Duration::from_mins(1);

pub fn post(app: web::Data<App>, request: HttpRequest) -> LocalBoxFuture<'static, HttpResponse> {
    async move { take(app, &request).await }.boxed_local()
}

async fn take(app: web::Data<App>, request: &HttpRequest) -> HttpResponse {
    if !is_allowed(&app, request) {
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "a backup needs the credential that `keywright backup key` prints");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, actix_web::http::header::HeaderValue::from_static("Bearer"));
        return refusal;
    }
    let with_sessions = match request.query_string() {
        "" | "sessions=true" => true,
        "sessions=false" => false,
        _ => return refuse(StatusCode::BAD_REQUEST, "the query is sessions=true or sessions=false"),
    };
    let (sender, mut receiver) = channel(PIECES);
    let out = BufWriter::with_capacity(PIECE, Pipe { sender: sender.clone(), runtime: Handle::current() });
    let work = {
        let app = app.clone();
        async move { app.store.backup(out, with_sessions, app.env.now()).await.map(|(summary, _)| summary) }
    };
    // The answer begins when there is something to say: until then a refusal still has a status of its own.
    let (failed, failure) = tokio::sync::oneshot::channel::<BackupError>();
    actix_web::rt::spawn(async move {
        match work.await {
            Ok(summary) => tracing::info!(bytes = summary.bytes, "a backup was taken"),
            Err(error) => {
                tracing::error!(%error, "a backup failed");
                // A broken stream: nobody takes the rest for the whole.
                let _ = sender.send(Err(io::Error::other("the backup failed"))).await;
                let _ = failed.send(error);
            }
        }
    });
    match receiver.recv().await {
        Some(Ok(first)) => HttpResponse::Ok()
            .content_type("application/x-ndjson")
            .insert_header((CACHE_CONTROL, "no-store"))
            .streaming(stream::unfold((Some(first), receiver), next)),
        _ => match failure.await {
            Ok(BackupError::Busy) => refuse(StatusCode::CONFLICT, &BackupError::Busy.to_string()),
            Ok(BackupError::NothingToKeep) => refuse(StatusCode::NOT_IMPLEMENTED, &BackupError::NothingToKeep.to_string()),
            _ => refuse(StatusCode::INTERNAL_SERVER_ERROR, "the backup failed; the server's log says why"),
        },
    }
}

type Pieces = (Option<Bytes>, Receiver<io::Result<Bytes>>);

async fn next((first, mut rest): Pieces) -> Option<(io::Result<Bytes>, Pieces)> {
    let piece = match first {
        Some(first) => Ok(first),
        None => rest.recv().await?,
    };
    Some((piece, (None, rest)))
}

fn is_allowed(app: &App, request: &HttpRequest) -> bool {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    digest::equal(given.as_bytes(), app.sealer.credential(PURPOSE).expose().as_bytes())
}

fn refuse(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "error": why }))
}

/// Brings what a blocking writer writes to an answer that is sent meanwhile.
struct Pipe {
    sender: Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl Write for Pipe {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.sender.send(Ok(Bytes::copy_from_slice(piece)));
        match self.runtime.block_on(async { tokio::time::timeout(PATIENCE, sent).await }) {
            Ok(Ok(())) => Ok(piece.len()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the receiver went away")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the receiver takes nothing any more")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
