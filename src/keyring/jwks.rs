//! The JWK set (RFC 7517) that `certs` answers: every enabled public key in the order of the key ring, members in Keycloak's
//! order (`kid kty alg use x5c x5t x5t#S256`, then those of the key type, RFC 7518 §6 and RFC 8037 §2).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::bn::{BigNum, BigNumContext};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use serde_json::{Map, Value, json};

use super::provider::Key;
use crate::base::digest;

/// The whole set, serialised.
pub(super) fn serialise<'a>(keys: impl Iterator<Item = &'a Key>) -> Vec<u8> {
    let keys: Vec<Value> = keys.filter_map(jwk).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

/// The public JWK of a key. `None` for secrets.
fn jwk(key: &Key) -> Option<Value> {
    let public = key.public_key.as_ref()?;
    let mut jwk = Map::new();
    jwk.insert("kid".to_owned(), key.kid.clone().into());
    jwk.insert("kty".to_owned(), key.key_type.as_str().into());
    jwk.insert("alg".to_owned(), key.algorithm.clone().into());
    jwk.insert("use".to_owned(), key.usage.as_jwk_use().into());
    if let Some(certificate) = &key.certificate {
        jwk.insert("x5c".to_owned(), json!([STANDARD.encode(certificate)]));
        jwk.insert("x5t".to_owned(), URL_SAFE_NO_PAD.encode(digest::sha1(certificate)).into());
        jwk.insert("x5t#S256".to_owned(), URL_SAFE_NO_PAD.encode(digest::sha256(certificate)).into());
    }
    for (name, value) in key_members(&public.key).ok()? {
        jwk.insert(name.to_owned(), value.into());
    }
    Some(Value::Object(jwk))
}

fn key_members(key: &PKey<Public>) -> Result<Vec<(&'static str, String)>, ErrorStack> {
    let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa()?;
            Ok(vec![("n", encode(rsa.n().to_vec())), ("e", encode(rsa.e().to_vec()))])
        }
        Id::EC => {
            let ec = key.ec_key()?;
            let (curve, length) = match ec.group().curve_name() {
                Some(Nid::X9_62_PRIME256V1) => ("P-256", 32),
                Some(Nid::SECP384R1) => ("P-384", 48),
                _ => ("P-521", 66),
            };
            let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
            ec.public_key().affine_coordinates(ec.group(), &mut x, &mut y, &mut *BigNumContext::new()?)?;
            // RFC 7518 §6.2.1.2: coordinates have the full length of the curve, leading zeros included.
            let (x, y) = (x.to_vec_padded(length)?, y.to_vec_padded(length)?);
            Ok(vec![("crv", curve.to_owned()), ("x", encode(x)), ("y", encode(y))])
        }
        id => {
            let curve = if id == Id::ED448 { "Ed448" } else { "Ed25519" };
            Ok(vec![("crv", curve.to_owned()), ("x", encode(key.raw_public_key()?))])
        }
    }
}
