//! Rotation of signature keys in three steps, so that no verifier ever meets a token whose key it cannot find: a successor with
//! a higher priority signs from now on while the old key still verifies; the old one is retired (passive) once everybody has
//! fetched the new set; it is disabled when the last token that it signed has expired.

use super::generate::KeyMaker;
use super::{Algorithm, KeyError, KeyStatus, Keyring};
use crate::model::component::Component;

/// Configuration that a successor takes over from its predecessor.
const INHERITED: [&str; 6] =
    ["algorithm", "keySize", "secretSize", "ecdsaEllipticCurveKey", "eddsaEllipticCurveKey", "ecGenerateCertificate"];

/// Why a key cannot take the next step.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error("the realm has no active key for {0}")]
    NoActiveKey(Algorithm),
    #[error("{0} is the only active key of its algorithm: rotate it first")]
    LastActiveKey(String),
    #[error("{0} still signs: retire it first")]
    StillActive(String),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Step one: a new provider like the one that signs with `algorithm` now, with a fresh key and a priority above all others of
/// the algorithm. An imported key is followed by a generated one.
///
/// # Errors
/// [`RotationError::NoActiveKey`], or when no key can be made.
pub fn successor(maker: &KeyMaker<'_>, components: &[Component], algorithm: Algorithm) -> Result<Component, RotationError> {
    let keyring = Keyring::open(maker.realm, components, maker.sealer)?;
    let current = keyring.active(algorithm).map(|(key, _)| key).ok_or(RotationError::NoActiveKey(algorithm))?;
    let highest = keyring.keys().iter().filter(|key| key.algorithm == current.algorithm).map(|key| key.priority).max();
    let priority = highest.unwrap_or(0).saturating_add(1).to_string();
    let old = components
        .iter()
        .find(|component| component.id == current.provider)
        .ok_or(RotationError::NoActiveKey(algorithm))?;
    let provider_id = if old.provider_id == "rsa" { "rsa-generated" } else { &old.provider_id };
    let mut new = maker.component(&old.name, provider_id, &[("priority", &priority)]);
    for name in INHERITED {
        if let Some(values) = old.config.get(name) {
            new.config.insert(name.to_owned(), values.clone());
        }
    }
    maker.complete(&mut new)?;
    Ok(new)
}

/// Step two: `component` no longer signs, but its key verifies and stays published. `keyring` is the realm's, opened with it.
///
/// # Errors
/// [`RotationError::LastActiveKey`] when nothing would sign in its place.
pub fn retire(keyring: &Keyring, component: &mut Component) -> Result<(), RotationError> {
    let active = || keyring.keys().iter().filter(|key| key.status == KeyStatus::Active);
    if let Some(own) = active().find(|key| key.provider == component.id)
        && !active().any(|other| other.provider != own.provider && other.algorithm == own.algorithm)
    {
        return Err(RotationError::LastActiveKey(component.name.clone()));
    }
    component.config.insert("active".to_owned(), vec!["false".to_owned()]);
    Ok(())
}

/// Step three: the key neither verifies nor is published any more.
///
/// # Errors
/// [`RotationError::StillActive`] when the provider was not retired.
pub fn disable(component: &mut Component) -> Result<(), RotationError> {
    if component.value("active") != Some("false") {
        return Err(RotationError::StillActive(component.name.clone()));
    }
    component.config.insert("enabled".to_owned(), vec!["false".to_owned()]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Env;
    use crate::base::id::RealmId;
    use crate::base::seal::Sealer;
    use crate::keyring::{KeySource, default_providers};

    #[test]
    fn a_rotation_never_leaves_a_verifier_without_the_key() {
        let (env, realm, sealer) = (Env::system(), RealmId::from("r"), Sealer::from_key([1; 32]));
        let maker = KeyMaker { env: &env, realm: &realm, realm_name: "r", sealer: &sealer };
        let mut components = default_providers(&env, &realm, "r", &sealer, KeySource::Fixed).unwrap();
        let open = |components: &[Component]| Keyring::open(&realm, components, &sealer).unwrap();
        for algorithm in [Algorithm::Rs256, Algorithm::Hs512] {
            let before = open(&components);
            let old_kid = before.signing_kid(algorithm).unwrap().to_owned();
            let old_index = components.iter().position(|component| component.id == before.active(algorithm).unwrap().0.provider).unwrap();
            let old_token = before.sign(algorithm, "JWT", b"{}").unwrap();
            assert!(matches!(retire(&open(&components), &mut components[old_index]), Err(RotationError::LastActiveKey(_))));
            assert!(matches!(disable(&mut components[old_index]), Err(RotationError::StillActive(_))));

            components.push(successor(&maker, &components, algorithm).unwrap());
            let started = open(&components);
            assert_ne!(started.signing_kid(algorithm), Some(old_kid.as_str()));
            let new_token = started.sign(algorithm, "JWT", b"{}").unwrap();
            assert!(started.verify(&old_token).is_ok() && started.verify(&new_token).is_ok());
            assert!(before.verify(&new_token).is_err(), "another node must read the new set first");

            retire(&open(&components), &mut components[old_index]).unwrap();
            let retired = open(&components);
            assert!(retired.verify(&old_token).is_ok() && retired.verify(&new_token).is_ok());
            let published = std::str::from_utf8(retired.jwks()).unwrap().contains(&old_kid);
            assert_eq!(published, algorithm == Algorithm::Rs256);

            disable(&mut components[old_index]).unwrap();
            let done = open(&components);
            assert!(done.verify(&old_token).is_err() && done.verify(&new_token).is_ok());
            assert!(!std::str::from_utf8(done.jwks()).unwrap().contains(&old_kid));
        }
    }
}
