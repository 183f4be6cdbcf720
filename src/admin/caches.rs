//! `clear-realm-cache`, `clear-user-cache`, `clear-keys-cache`, `clear-crl-cache`: what is cached here is never older than the
//! store, so there is nothing to do.

use actix_web::HttpResponse;

use crate::web::administrator::AdminRequest;

use super::answer;
use super::error::AdminError;

/// `POST …/clear-…-cache`
pub async fn clear(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::done())
}
