//! Verification of compact JWS (RFC 7515 §7.1). The algorithm belongs to the key: a header may only agree with it, so neither
//! `none` nor an RSA key used as an HMAC secret is ever considered (RFC 8725 §3.1).

use std::iter;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self as aws, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::JwsVerifier;
use josekit::jws::alg::eddsa::EddsaJwsAlgorithm;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::RsaRef;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::signer::hmac_key;
use super::{InvalidToken, VerifiedToken};

/// The primes modulo which 65537 generates few residues: a random modulus passes all of them once in 2^27.
const ROCA_PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
/// Longer tokens are refused before anything is decoded.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// A parsed key that checks signatures of exactly one algorithm.
pub(super) struct Verifier {
    pub algorithm: Algorithm,
    key: VerifyingKey,
}

enum VerifyingKey {
    Public(ParsedPublicKey),
    Hmac(Box<hmac::Key>),
    /// Ed448, which aws-lc does not have.
    Josekit(Box<dyn JwsVerifier>),
}

impl Verifier {
    /// The verifier of a public key, or why it does not fit the algorithm.
    pub fn asymmetric(algorithm: Algorithm, key: &PKey<Public>) -> Result<Self, &'static str> {
        let spki = key.public_key_to_der().map_err(|_| "the public key cannot be encoded")?;
        if algorithm == Algorithm::EdDsa && key.id() == Id::ED448 {
            let verifier = EddsaJwsAlgorithm::Eddsa.verifier_from_der(&spki).map_err(|_| "not an Ed448 public key")?;
            return Ok(Self { algorithm, key: VerifyingKey::Josekit(Box::new(verifier)) });
        }
        let verification: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Rs256 => &aws::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &aws::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &aws::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &aws::RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &aws::RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &aws::RSA_PSS_2048_8192_SHA512,
            Algorithm::Es256 => &aws::ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &aws::ECDSA_P384_SHA384_FIXED,
            Algorithm::Es512 => &aws::ECDSA_P521_SHA512_FIXED,
            Algorithm::EdDsa => &aws::ED25519,
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return Err("an HMAC algorithm needs a secret"),
        };
        if key.id() == Id::RSA {
            check_rsa(&*key.rsa().map_err(|_| "not an RSA public key")?)?;
        }
        let key = ParsedPublicKey::new(verification, spki).map_err(|_| "the public key does not fit the algorithm")?;
        Ok(Self { algorithm, key: VerifyingKey::Public(key) })
    }

    /// The verifier of an HMAC secret.
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, &'static str> {
        Ok(Self { algorithm, key: VerifyingKey::Hmac(Box::new(hmac_key(algorithm, secret)?)) })
    }

    /// Whether `signature` is the one of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            VerifyingKey::Public(key) => key.verify_sig(message, signature).is_ok(),
            VerifyingKey::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            VerifyingKey::Josekit(verifier) => verifier.verify(message, signature).is_ok(),
        }
    }
}

/// What a compact JWS says before anybody has checked it: enough to find out whose key has to. Never a reason to do anything.
pub struct Unverified {
    /// As in the header; `none` and names that nobody knows included.
    pub algorithm: Option<String>,
    pub kid: Option<String>,
    pub claims: Map<String, Value>,
}

impl Unverified {
    /// # Errors
    /// [`InvalidToken`] when it is no compact JWS of a JSON object. An empty signature is none here.
    pub fn read(token: &str) -> Result<Self, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken("the token is too long"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidToken("not a compact JWS"));
        };
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken("not three parts of base64url"))?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).map_err(|_| InvalidToken("header or payload is no JSON object"))
        };
        let (header, claims) = (object(header)?, object(payload)?);
        let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self { algorithm: text("alg"), kid: text("kid"), claims })
    }
}

/// A compact JWS taken apart. Nothing in it is believed yet.
pub(super) struct Parts<'a> {
    pub header: Map<String, Value>,
    pub algorithm: Algorithm,
    /// The whole, as it was sent.
    pub token: &'a str,
    message: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    /// Splits and decodes the three parts; what the payload says is read by [`Parts::believed`] only.
    pub fn parse(token: &'a str) -> Result<Self, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken("the token is too long"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(InvalidToken("not a compact JWS"))?;
        let (header, payload) = message.split_once('.').ok_or(InvalidToken("not a compact JWS"))?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken("not three parts of base64url"));
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| InvalidToken("the header is no JSON object"))?;
        // RFC 7515 §4.1.11: an extension that must be understood, and we understand none (`b64` neither).
        if header.contains_key("crit") {
            return Err(InvalidToken("the header has critical extensions"));
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(|name| name.parse().ok());
        let algorithm = algorithm.ok_or(InvalidToken("the algorithm is unknown or none"))?;
        Ok(Self { header, algorithm, token, message: message.as_bytes(), payload, signature })
    }

    /// The token, once `verifier` has confirmed its signature.
    pub fn verify(self, verifier: &Verifier) -> Result<VerifiedToken, InvalidToken> {
        if !self.is_signed_by(verifier) {
            return Err(InvalidToken("the signature does not match"));
        }
        self.believed()
    }

    pub fn is_signed_by(&self, verifier: &Verifier) -> bool {
        self.algorithm == verifier.algorithm && verifier.verifies(self.message, &self.signature)
    }

    /// Decodes the claims. The caller has just checked the signature.
    pub fn believed(self) -> Result<VerifiedToken, InvalidToken> {
        let claims = serde_json::from_slice(&self.payload).map_err(|_| InvalidToken("the payload is no JSON object"))?;
        Ok(VerifiedToken { header: self.header, claims, algorithm: self.algorithm })
    }
}

/// What a parser accepts and nobody should: an even or tiny exponent, and moduli of the library that CVE-2017-15361 (ROCA)
/// names. Their primes are powers of 65537 modulo small primes, and so is the modulus.
fn check_rsa(key: &RsaRef<Public>) -> Result<(), &'static str> {
    if !key.e().is_bit_set(0) || key.e().num_bits() < 2 {
        return Err("the RSA key has an unusable exponent");
    }
    let is_power = |prime: u32, residue: u64| {
        let powers = iter::successors(Some(1), |power| Some(power * 65_537 % u64::from(prime)));
        powers.take(prime as usize).any(|power| power == residue)
    };
    if ROCA_PRIMES.iter().all(|prime| key.n().mod_word(*prime).is_ok_and(|residue| is_power(*prime, residue))) {
        return Err("the RSA key comes from a generator with a known flaw");
    }
    Ok(())
}
