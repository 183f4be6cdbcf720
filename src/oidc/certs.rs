//! `GET …/protocol/openid-connect/certs`: the public keys of the realm (RFC 7517 §5). Resource servers ask for nothing else,
//! so the answer is made once per realm.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;

use crate::web::realm::RealmRequest;

const JSON: &str = "application/json";
/// RFC 7517 §8.5.2; only for those who ask for it.
const JWK_SET: &str = "application/jwk-set+json";

pub fn get(cx: &RealmRequest) -> HttpResponse {
    let body = cx.prepared().jwks.get_or_init(|| Bytes::from_owner(Arc::clone(cx.realm.keyring.jwks())));
    let asked = cx.accept().is_some_and(|accept| accept.contains(JWK_SET));
    let mut response = HttpResponse::Ok().body(body.clone());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(if asked { JWK_SET } else { JSON }));
    response
}
