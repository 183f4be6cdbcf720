//! Assertions of clients (RFC 7523), right ones and every kind of wrong one: what is signed is up to the test.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use keywright::base::clock::Timestamp;
use keywright::base::random::{Random, SystemRandom};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The RSA key of a client.
pub struct ClientKey(PKey<Private>);

impl ClientKey {
    pub fn generate() -> Self {
        Self(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap())
    }

    /// From base64 of PKCS#1.
    pub fn from_base64(text: &str) -> Self {
        Self(PKey::from_rsa(Rsa::private_key_from_der(&STANDARD.decode(text).unwrap()).unwrap()).unwrap())
    }

    pub fn jwk(&self, kid: &str) -> Value {
        let rsa = self.0.rsa().unwrap();
        json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()), "e": "AQAB"})
    }

    pub fn jwks(&self, kid: &str) -> String {
        json!({ "keys": [self.jwk(kid)] }).to_string()
    }

    pub fn private(&self) -> &PKey<Private> {
        &self.0
    }

    /// RS256, with a `kid` if it is not empty.
    pub fn sign(&self, kid: &str, claims: &Value) -> String {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if !kid.is_empty() {
            header["kid"] = json!(kid);
        }
        self.sign_with_header(&header, claims)
    }

    /// SHA-256 with RSA, whatever the header says.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0).unwrap();
        signer.update(message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signer.sign_to_vec().unwrap()))
    }
}

/// HS256.
pub fn hs256(secret: &[u8], claims: &Value) -> String {
    let message = message(&json!({"alg": "HS256", "typ": "JWT"}), claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// HS512.
pub fn hs512(secret: &[u8], claims: &Value) -> String {
    let message = message(&json!({"alg": "HS512", "typ": "JWT"}), claims);
    let mut mac = Hmac::<Sha512>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// `alg` none.
pub fn unsigned(claims: &Value) -> String {
    format!("{}.", message(&json!({"alg": "none"}), claims))
}

/// What a right assertion says; a test changes members, or takes them out with null.
pub fn claims(client_id: &str, audience: &str, now: Timestamp) -> Value {
    let (now, random): (_, &dyn Random) = (now.seconds(), &SystemRandom);
    json!({"iss": client_id, "sub": client_id, "aud": audience, "jti": random.uuid().to_string(), "iat": now, "exp": now + 60})
}

/// `claims` with `changes`; null takes a member out.
pub fn changed(mut claims: Value, changes: Value) -> Value {
    let all = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.remove(name);
        } else {
            all.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// The last characters replaced.
pub fn tampered(token: &str) -> String {
    format!("{}AAAAAA", &token[..token.len() - 6])
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}
