//! The hash functions themselves: argon2 (RFC 9106) in all its types and PBKDF2 (RFC 8018 §5.2) as Keycloak stores them, and
//! bcrypt for hashes that come from elsewhere. A stored hash is parsed into a [`Recipe`], which refuses costs that nobody means.

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use openssl::hash::MessageDigest;
use zeroize::Zeroizing;

use super::PasswordHash;
use crate::base::secret::Secret;

/// A check must not take the machine down, whatever an imported credential asks for: 1 GiB, and some seconds.
const MAX_MEMORY_KIB: u32 = 1 << 20;
const MAX_ARGON2_ITERATIONS: u32 = 100;
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;
const HASH_LENGTHS: std::ops::RangeInclusive<usize> = 4..=512;
/// From the least that bcrypt allows to about two seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=15;
/// bcrypt reads no further; a NUL ends the password and counts.
const BCRYPT_PASSWORD: usize = 72;
/// Keycloak's PBKDF2 providers make 64 bytes whatever the digest.
const PBKDF2_LENGTH: usize = 64;

/// What makes new hashes: the algorithms that Keycloak has. Others are only verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HashAlgorithm {
    #[default]
    Argon2,
    Pbkdf2,
    Pbkdf2Sha256,
    Pbkdf2Sha512,
}

impl HashAlgorithm {
    const ALL: [Self; 4] = [Self::Argon2, Self::Pbkdf2, Self::Pbkdf2Sha256, Self::Pbkdf2Sha512];

    /// By Keycloak's name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Argon2 => "argon2",
            Self::Pbkdf2 => "pbkdf2",
            Self::Pbkdf2Sha256 => "pbkdf2-sha256",
            Self::Pbkdf2Sha512 => "pbkdf2-sha512",
        }
    }
}

/// Which hash a realm wants for new passwords. The default is argon2id with the pool's parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HashChoice {
    pub algorithm: HashAlgorithm,
    /// `None`: the algorithm's default.
    pub iterations: Option<u32>,
}

impl HashChoice {
    /// More iterations than this nobody computes, whatever the policy says.
    pub const MAX_ITERATIONS: u32 = MAX_PBKDF2_ITERATIONS;

    /// The algorithm and its cost. A number beyond argon2's range was left behind by a PBKDF2 policy: Keycloak ignores it, too.
    fn function(self, usual: Argon2Parameters) -> Function {
        let pbkdf2 =
            |digest, default| Function::Pbkdf2 { digest, iterations: self.iterations.unwrap_or(default).min(MAX_PBKDF2_ITERATIONS) };
        match self.algorithm {
            HashAlgorithm::Argon2 => {
                let iterations = self.iterations.filter(|count| *count <= MAX_ARGON2_ITERATIONS).unwrap_or(usual.iterations);
                let cost = Argon2Parameters { iterations, ..usual };
                Function::Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, cost }
            }
            HashAlgorithm::Pbkdf2 => pbkdf2(Pbkdf2::SHA1, 1_300_000),
            HashAlgorithm::Pbkdf2Sha256 => pbkdf2(Pbkdf2::SHA256, 600_000),
            HashAlgorithm::Pbkdf2Sha512 => pbkdf2(Pbkdf2::SHA512, 210_000),
        }
    }

    /// A new hash, still to be computed.
    pub(super) fn recipe(self, usual: Argon2Parameters, salt: Vec<u8>) -> Recipe {
        let length = if self.algorithm == HashAlgorithm::Argon2 { usual.hash_length } else { PBKDF2_LENGTH };
        Recipe { function: self.function(usual), salt, length }
    }

    /// Whether `stored` was made with other parameters or by another algorithm than new hashes are.
    pub(super) fn differs_from(self, usual: Argon2Parameters, stored: &PasswordHash) -> bool {
        match self.function(usual) {
            Function::Argon2 { cost, .. } => cost.differ_from(stored),
            Function::Pbkdf2 { digest, iterations } => {
                let length = STANDARD.decode(stored.value.expose()).map(|value| value.len());
                stored.algorithm != digest.name || stored.hash_iterations != iterations || length != Ok(PBKDF2_LENGTH)
            }
            Function::Bcrypt { .. } => true,
        }
    }
}

/// What a new argon2id hash costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Argon2Parameters {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    pub hash_length: usize,
}

impl Argon2Parameters {
    /// Keycloak's defaults since version 25.
    pub const KEYCLOAK: Self = Self { memory_kib: 7168, iterations: 5, parallelism: 1, hash_length: 32 };
    /// The least that argon2 allows: for tests, which hash in microseconds with it.
    pub const CHEAP: Self = Self { memory_kib: 8, iterations: 1, parallelism: 1, hash_length: 32 };
}

/// How to compute one hash.
pub(super) struct Recipe {
    function: Function,
    salt: Vec<u8>,
    length: usize,
}

enum Function {
    Argon2 { algorithm: Algorithm, version: Version, cost: Argon2Parameters },
    Pbkdf2 { digest: Pbkdf2, iterations: u32 },
    Bcrypt { cost: u32 },
}

/// The digest under PBKDF2 and Keycloak's name of the two together.
#[derive(Clone, Copy)]
struct Pbkdf2 {
    name: &'static str,
    digest: fn() -> MessageDigest,
}

impl Pbkdf2 {
    const SHA1: Self = Self { name: HashAlgorithm::Pbkdf2.name(), digest: MessageDigest::sha1 };
    const SHA256: Self = Self { name: HashAlgorithm::Pbkdf2Sha256.name(), digest: MessageDigest::sha256 };
    const SHA512: Self = Self { name: HashAlgorithm::Pbkdf2Sha512.name(), digest: MessageDigest::sha512 };
}

impl Recipe {
    /// The recipe and the expected value of a stored hash. `None` if it is malformed, unknown or absurdly expensive.
    pub(super) fn parse(stored: &PasswordHash) -> Option<(Self, Zeroizing<Vec<u8>>)> {
        if stored.algorithm == "bcrypt" {
            return bcrypt_recipe(stored.value.expose());
        }
        let value = Zeroizing::new(STANDARD.decode(stored.value.expose()).ok()?);
        let salt = STANDARD.decode(stored.salt.expose()).ok()?;
        if !HASH_LENGTHS.contains(&value.len()) || stored.hash_iterations == 0 {
            return None;
        }
        let pbkdf2 = |digest| {
            let iterations = stored.hash_iterations;
            (iterations <= MAX_PBKDF2_ITERATIONS).then_some(Function::Pbkdf2 { digest, iterations })
        };
        let function = match stored.algorithm.as_str() {
            "argon2" => argon2_function(stored, value.len())?,
            "pbkdf2" => pbkdf2(Pbkdf2::SHA1)?,
            "pbkdf2-sha256" => pbkdf2(Pbkdf2::SHA256)?,
            "pbkdf2-sha512" => pbkdf2(Pbkdf2::SHA512)?,
            _ => return None,
        };
        // The length is the stored value's: Keycloak keeps 64 bytes even for pbkdf2-sha256.
        Some((Self { function, salt, length: value.len() }, value))
    }

    /// Computes the hash. `memory` is kept between calls, because fresh pages cost more than the hash at ≥ 46 MiB.
    /// `None` when the library refuses the parameters.
    pub(super) fn compute(&self, password: &[u8], memory: &mut Vec<Block>) -> Option<Zeroizing<Vec<u8>>> {
        let mut output = Zeroizing::new(vec![0; self.length]);
        match &self.function {
            Function::Argon2 { algorithm, version, cost } => {
                let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(self.length)).ok()?;
                let blocks = params.block_count();
                if memory.len() < blocks {
                    memory.resize(blocks, Block::default());
                }
                let argon2 = Argon2::new(*algorithm, *version, params);
                argon2.hash_password_into_with_memory(password, &self.salt, &mut output, &mut memory[..blocks]).ok()?;
            }
            Function::Pbkdf2 { digest, iterations } => {
                let iterations = usize::try_from(*iterations).ok()?;
                openssl::pkcs5::pbkdf2_hmac(password, &self.salt, iterations, (digest.digest)(), &mut output).ok()?;
            }
            Function::Bcrypt { cost } => {
                let mut ended = Zeroizing::new([password, &[0]].concat());
                ended.truncate(BCRYPT_PASSWORD);
                let salt = self.salt.as_slice().try_into().ok()?;
                output.copy_from_slice(bcrypt::bcrypt(*cost, salt, &ended).get(..self.length)?);
            }
        }
        Some(output)
    }

    /// How many rounds of its function the hash takes: with the function what it costs.
    pub(super) fn iterations(&self) -> u64 {
        match &self.function {
            Function::Argon2 { cost, .. } => cost.iterations.into(),
            Function::Pbkdf2 { iterations, .. } => (*iterations).into(),
            Function::Bcrypt { cost } => 1 << cost,
        }
    }

    /// The computed hash in the form in which it is stored, for a recipe of [`HashChoice::recipe`].
    pub(super) fn store(&self, value: &[u8]) -> PasswordHash {
        let (algorithm, hash_iterations, additional_parameters) = match &self.function {
            Function::Argon2 { cost, .. } => (HashAlgorithm::Argon2.name(), cost.iterations, cost.additional_parameters()),
            Function::Pbkdf2 { digest, iterations } => (digest.name, *iterations, BTreeMap::new()),
            Function::Bcrypt { cost } => ("bcrypt", *cost, BTreeMap::new()),
        };
        PasswordHash {
            algorithm: algorithm.to_owned(),
            hash_iterations,
            additional_parameters,
            value: Secret::new(STANDARD.encode(value)),
            salt: Secret::new(STANDARD.encode(&self.salt)),
            given_data: None,
        }
    }
}

impl Argon2Parameters {
    fn additional_parameters(self) -> BTreeMap<String, String> {
        let parameters = [
            ("hashLength", self.hash_length.to_string()),
            ("memory", self.memory_kib.to_string()),
            ("type", "id".to_owned()),
            ("version", "1.3".to_owned()),
            ("parallelism", self.parallelism.to_string()),
        ];
        parameters.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Whether `stored` was made with other parameters or by another algorithm than new hashes are.
    pub(super) fn differ_from(self, stored: &PasswordHash) -> bool {
        let parameter = |name: &str| stored.additional_parameters.get(name).map(String::as_str);
        stored.algorithm != "argon2"
            || stored.hash_iterations != self.iterations
            || self.additional_parameters().iter().any(|(name, value)| parameter(name) != Some(value))
    }
}

/// The recipe of a hash in bcrypt's own form, `$2b$12$` with salt and value after it, which is what bcrypt providers for
/// Keycloak store as `value`. `$2x$` marks hashes of a broken implementation: not verified.
fn bcrypt_recipe(text: &str) -> Option<(Recipe, Zeroizing<Vec<u8>>)> {
    let rest = ["$2a$", "$2b$", "$2y$"].into_iter().find_map(|version| text.strip_prefix(version))?;
    let (cost, encoded) = rest.split_once('$').filter(|(cost, encoded)| cost.len() == 2 && encoded.len() == 53 && encoded.is_ascii())?;
    let cost = cost.parse().ok().filter(|cost| BCRYPT_COSTS.contains(cost))?;
    // The last character of each part has bits to spare, which implementations leave as they fall.
    let alphabet = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
    let (salt, value) = encoded.split_at(22);
    let value = Zeroizing::new(alphabet.decode(value).ok()?);
    Some((Recipe { function: Function::Bcrypt { cost }, salt: alphabet.decode(salt).ok()?, length: value.len() }, value))
}

/// Keycloak's own defaults stand in for parameters that an old credential leaves out.
fn argon2_function(stored: &PasswordHash, hash_length: usize) -> Option<Function> {
    let parameter = |name: &str, default: &'static str| stored.additional_parameters.get(name).map_or(default, String::as_str);
    let algorithm = match parameter("type", "id") {
        "id" => Algorithm::Argon2id,
        "i" => Algorithm::Argon2i,
        "d" => Algorithm::Argon2d,
        _ => return None,
    };
    let version = match parameter("version", "1.3") {
        "1.3" => Version::V0x13,
        "1.0" => Version::V0x10,
        _ => return None,
    };
    let memory_kib = parameter("memory", "7168").parse().ok()?;
    let parallelism = parameter("parallelism", "1").parse().ok()?;
    let cost = Argon2Parameters { memory_kib, iterations: stored.hash_iterations, parallelism, hash_length };
    (cost.memory_kib <= MAX_MEMORY_KIB && cost.iterations <= MAX_ARGON2_ITERATIONS).then_some(Function::Argon2 { algorithm, version, cost })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(algorithm: &str, iterations: u32, parameters: &[(&str, &str)], salt: &[u8], value: &[u8]) -> PasswordHash {
        PasswordHash {
            algorithm: algorithm.to_owned(),
            hash_iterations: iterations,
            additional_parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            value: Secret::new(STANDARD.encode(value)),
            salt: Secret::new(STANDARD.encode(salt)),
            given_data: None,
        }
    }

    fn verifies(password: &str, hash: &PasswordHash) -> bool {
        let (recipe, expected) = Recipe::parse(hash).unwrap();
        *recipe.compute(password.as_bytes(), &mut Vec::new()).unwrap() == *expected
    }

    /// Both vector files are credentials as Keycloak stores them; the second one comes from a real export.
    #[test]
    fn keycloaks_own_credentials_verify() {
        let made: serde_json::Value = serde_json::from_str(include_str!("../../../tests/fixtures/credentials/vectors.json")).unwrap();
        let exported: serde_json::Value = serde_json::from_str(include_str!("../../../tests/fixtures/keycloak-export/keys.json")).unwrap();
        let made = made["passwords"].as_array().unwrap().iter().map(|row| (&row["password"], &row["credential"]));
        let exported = exported["passwords"].as_array().unwrap().iter().map(|row| (&row["password"], row));
        let mut algorithms = std::collections::BTreeMap::new();
        for (password, credential) in made.chain(exported) {
            let text = |name: &str| credential[name].as_str().unwrap();
            let hash = PasswordHash::from_representation(text("secretData"), text("credentialData")).unwrap();
            let password = password.as_str().unwrap();
            assert!(verifies(password, &hash), "{}", text("credentialData"));
            assert!(!verifies(&format!("{password} "), &hash), "{}", text("credentialData"));
            *algorithms.entry(hash.algorithm).or_insert(0) += 1;
        }
        let counts: Vec<_> = algorithms.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(counts, [("argon2", 7), ("pbkdf2", 2), ("pbkdf2-sha256", 3), ("pbkdf2-sha512", 2)]);
    }

    /// What `printf password | argon2 somesalt -id -t 2 -k 256 -p 2 -l 32 -v 13 -r` (the reference implementation) prints.
    #[test]
    fn every_argon2_type_and_version_verifies() {
        let cases = [
            ("d", "1.0", "6a91d02b9f8854ba0841f04aa6e53c1d3374c0a0c646b8e431b03de805b91ec3"),
            ("d", "1.3", "7b69c92d7c3889aad1281dbc8baefc12cc37c80f1c75e33ef2c2d40c28ebc573"),
            ("i", "1.0", "b6c11560a6a9d61eac706b79a2f97d68b4463aa3ad87e00c07e2b01e90c564fb"),
            ("i", "1.3", "4ff5ce2769a1d7f4c8a491df09d41a9fbe90e5eb02155a13e4c01e20cd4eab61"),
            ("id", "1.0", "f8aabb5315c63cddcdb3b4a021550928e525699da8fcbd1c2b0b1ccd35cc87a7"),
            ("id", "1.3", "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
        ];
        for (kind, version, value) in cases {
            let value: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&value[2 * i..2 * i + 2], 16).unwrap()).collect();
            let parameters = [("type", kind), ("version", version), ("memory", "256"), ("parallelism", "2")];
            assert!(verifies("password", &stored("argon2", 2, &parameters, b"somesalt", &value)), "{kind} {version}");
        }
    }

    #[test]
    fn one_arena_serves_hashes_of_different_sizes() {
        let mut memory = Vec::new();
        let compute = |memory_kib, memory: &mut Vec<Block>| {
            let cost = Argon2Parameters { memory_kib, ..Argon2Parameters::CHEAP };
            HashChoice::default().recipe(cost, b"0123456789abcdef".to_vec()).compute(b"x", memory).unwrap()
        };
        let (small, large) = (compute(8, &mut Vec::new()), compute(256, &mut Vec::new()));
        assert_eq!(compute(256, &mut memory), large);
        assert_eq!(compute(8, &mut memory), small, "what the larger hash left behind does not matter");
        assert_eq!(compute(256, &mut memory), large);
    }

    #[test]
    fn a_stored_hash_that_nobody_means_is_not_computed() {
        let salt = b"0123456789abcdef";
        let refused = [
            stored("argon2", 5, &[("memory", "1048577")], salt, &[0; 32]),
            stored("argon2", 101, &[], salt, &[0; 32]),
            stored("argon2", 5, &[("type", "x")], salt, &[0; 32]),
            stored("argon2", 5, &[("version", "2")], salt, &[0; 32]),
            stored("argon2", 5, &[("memory", "many")], salt, &[0; 32]),
            stored("pbkdf2-sha256", 10_000_001, &[], salt, &[0; 64]),
            stored("pbkdf2-sha256", 0, &[], salt, &[0; 64]),
            stored("pbkdf2-sha256", 1, &[], salt, &[0; 3]),
            stored("pbkdf2-sha256", 1, &[], salt, &[]),
            stored("md5", 1, &[], salt, &[0; 16]),
        ];
        for hash in refused {
            assert!(Recipe::parse(&hash).is_none(), "{hash:?}");
        }
    }

    #[test]
    fn other_parameters_than_todays_need_an_upgrade() {
        let today = Argon2Parameters::KEYCLOAK;
        let hash = HashChoice::default().recipe(today, vec![0; 16]).store(&[0; 32]);
        assert!(!today.differ_from(&hash));
        assert!(today.differ_from(&PasswordHash { hash_iterations: 4, ..hash.clone() }));
        assert!(today.differ_from(&PasswordHash { algorithm: "pbkdf2-sha512".to_owned(), ..hash.clone() }));
        for name in ["memory", "type", "version", "parallelism", "hashLength"] {
            let mut other = hash.clone();
            other.additional_parameters.insert(name.to_owned(), "9".to_owned());
            assert!(today.differ_from(&other), "{name}");
        }
    }

    /// What the C library's crypt(3) prints, in all three spellings of the version; it reads 72 bytes of a password.
    #[test]
    fn bcrypt_hashes_of_other_systems_verify() {
        let bcrypt = |text: &str| PasswordHash { value: text.into(), ..stored("bcrypt", 0, &[], b"", b"") };
        let cases = [
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("Pa55-wörd ☂", "$2b$04$0123456789abcdefghijkuI0alZOHr4WSQGSRuAUPAQ7CiOZa.7bC"),
            ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ];
        for (password, text) in cases {
            assert!(verifies(password, &bcrypt(text)), "{text}");
            assert!(!verifies(&format!("{password}x"), &bcrypt(text)), "{text}");
        }
        assert!(verifies(&"x".repeat(80), &bcrypt("$2b$04$0123456789abcdefghijkeQTbmm.RcNPT0JaHsD9KFomKrKSIRYFm")));
        for refused in [
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$05$short",
            "",
        ] {
            assert!(Recipe::parse(&bcrypt(refused)).is_none(), "{refused}");
        }
    }

    #[test]
    fn a_realms_choice_is_computed_stored_and_recognised() {
        let usual = Argon2Parameters::CHEAP;
        let choices = [
            HashChoice::default(),
            HashChoice { algorithm: HashAlgorithm::Argon2, iterations: Some(2) },
            HashChoice { algorithm: HashAlgorithm::Pbkdf2, iterations: Some(10) },
            HashChoice { algorithm: HashAlgorithm::Pbkdf2Sha256, iterations: Some(10) },
            HashChoice { algorithm: HashAlgorithm::Pbkdf2Sha512, iterations: Some(10) },
        ];
        for (index, choice) in choices.into_iter().enumerate() {
            let recipe = choice.recipe(usual, b"0123456789abcdef".to_vec());
            let hash = recipe.store(&recipe.compute(b"x", &mut Vec::new()).unwrap());
            assert!(verifies("x", &hash), "{choice:?}");
            for (other_index, other) in choices.into_iter().enumerate() {
                assert_eq!(other.differs_from(usual, &hash), index != other_index, "{choice:?} {other:?}");
            }
        }
        let leftover = HashChoice { algorithm: HashAlgorithm::Argon2, iterations: Some(27_500) };
        let hash = HashChoice::default().recipe(usual, vec![0; 16]).store(&[0; 32]);
        assert!(!leftover.differs_from(usual, &hash), "a number left behind by PBKDF2 does not count for argon2");
        let default = HashChoice { algorithm: HashAlgorithm::Pbkdf2Sha512, iterations: None };
        assert_eq!(default.recipe(usual, vec![0; 16]).store(&[0; 64]).hash_iterations, 210_000);
    }
}
