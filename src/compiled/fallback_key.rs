//! Keys that nobody configured: when a client wants tokens signed with an algorithm for which its realm has no key, Keycloak
//! adds a key provider of its own, and so do we.

use std::sync::Arc;

use crate::base::env::Env;
use crate::base::seal::Sealer;
use crate::keyring::{Algorithm, KeyError, KeyMaker, Keyring};
use crate::model::component::Component;
use crate::model::realm::Realm;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

use super::damaged;

/// A keyring of `realm` that can sign with all of `algorithms`; providers that it lacks are made and stored. Callers take turns.
///
/// # Errors
/// When the store fails or a library refuses to make a key.
pub(super) async fn complete(
    (store, sealer, env): (&Store, &Sealer, &Env),
    realm: &Realm,
    algorithms: &[Algorithm],
) -> Result<Arc<Keyring>, StoreError> {
    let mut components = store.peek().components().list(&realm.id).await?;
    let keyring = Keyring::open(&realm.id, &components, sealer).map_err(damaged)?;
    let mut missing: Vec<Algorithm> = algorithms.iter().copied().filter(|algorithm| keyring.signing_kid(*algorithm).is_none()).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(Arc::new(keyring));
    }
    let made = make(env, sealer, realm, missing).await?;
    let (id, inserted) = (&realm.id, &made);
    let stored = store.configuration(|txn| {
        Box::pin(async move {
            for component in inserted {
                txn.components().insert(id, component);
            }
            Ok::<_, StoreError>(())
        })
    });
    stored.await?;
    components.extend(made);
    Ok(Arc::new(Keyring::open(&realm.id, &components, sealer).map_err(damaged)?))
}

/// An RSA key takes a tenth of a second and more, so it is made beside the requests.
async fn make(env: &Env, sealer: &Sealer, realm: &Realm, algorithms: Vec<Algorithm>) -> Result<Vec<Component>, StoreError> {
    let (env, sealer, id, name) = (env.clone(), sealer.clone(), realm.id.clone(), realm.name.clone());
    let made = tokio::task::spawn_blocking(move || {
        let maker = KeyMaker { env: &env, realm: &id, realm_name: &name, sealer: &sealer };
        algorithms
            .into_iter()
            .map(|algorithm| maker.fallback_provider(algorithm))
            .collect::<Result<Vec<_>, KeyError>>()
    });
    made.await.map_err(|panic| StoreError::Failed(panic.to_string()))?.map_err(damaged)
}
