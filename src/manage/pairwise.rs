//! Pairwise subjects (OIDC Core §8.1) need a sector that is beyond doubt: one host of all redirect URIs, or a document that names them.
//! The document is somebody else's, so it comes through [`crate::egress`] and before the transaction that stores the mapper or the client.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::egress::Egress;
use crate::model::client::Client;
use crate::model::protocol_mapper::{PAIRWISE_SUBJECT, SECTOR_IDENTIFIER_URI};
use crate::tokens::mappers::pairwise_subject::{host, redirect_uris};

use super::clients::{self, ClientSettings};
use super::protocol_mappers::NewMapper;

/// Why a client has no sector, in Keycloak's words. Each way to store a client has its own shape of refusal for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSector(pub &'static str);

/// Whether `mapper` can tell the sector of `client`. Other mappers are fine.
///
/// # Errors
/// The redirect URIs have none or several hosts and there is no document; there is one and it cannot be fetched, is no list of URIs,
/// or lacks a redirect URI of the client.
pub async fn check(egress: &Egress, client: &Client, mapper: &NewMapper) -> Result<(), NoSector> {
    check_sector(egress, client, &mapper.protocol_mapper, &mapper.config).await
}

/// Whether the sector of a client is beyond doubt when it is made of `settings`, or changed to them, and has `mappers` then; `None` are
/// those that it has.
///
/// # Errors
/// As [`check`].
pub async fn check_client(
    egress: &Egress,
    current: Option<&Client>,
    settings: &ClientSettings,
    mappers: Option<&[NewMapper]>,
) -> Result<(), NoSector> {
    let client = clients::preview(current, settings);
    for mapper in mappers.unwrap_or_default() {
        check(egress, &client, mapper).await?;
    }
    for kept in client.protocol_mappers.iter().filter(|_| mappers.is_none()) {
        check_sector(egress, &client, &kept.protocol_mapper, &kept.config).await?;
    }
    Ok(())
}

async fn check_sector(egress: &Egress, client: &Client, mapper: &str, config: &BTreeMap<String, String>) -> Result<(), NoSector> {
    if mapper != PAIRWISE_SUBJECT {
        return Ok(());
    }
    let own = redirect_uris(client);
    let Some(uri) = config.get(SECTOR_IDENTIFIER_URI).filter(|uri| !uri.is_empty()) else {
        let mut hosts: Vec<_> = own.iter().filter_map(|uri| host(uri)).collect();
        hosts.sort_unstable();
        hosts.dedup();
        return match hosts.as_slice() {
            // A client without redirect URIs signs nobody in; Keycloak lets it have the mapper.
            [] if own.is_empty() => Ok(()),
            [] => Err(NoSector("Client redirect URIs must contain a valid host component.")),
            [_] => Ok(()),
            _ => {
                const TEXT: &str =
                    "Without a configured Sector Identifier URI, client redirect URIs must not contain multiple host components.";
                Err(NoSector(TEXT))
            }
        };
    };
    if host(uri).is_none() {
        return Err(NoSector("Invalid Sector Identifier URI."));
    }
    let named = fetched(egress, uri).await?;
    if own.iter().all(|uri| named.contains(uri)) {
        Ok(())
    } else {
        Err(NoSector("Client redirect URIs does not match redirect URIs fetched from the Sector Identifier URI."))
    }
}

/// The URIs that the document names (§5 of OpenID Connect Registration: a JSON array).
async fn fetched(egress: &Egress, uri: &str) -> Result<Vec<String>, NoSector> {
    let failed = |why: String| {
        tracing::info!(uri, why, "a sector identifier document was not accepted");
        NoSector("Failed to get redirect URIs from the Sector Identifier URI.")
    };
    let document = egress.document(uri, "application/json").await.map_err(|error| failed(error.to_string()))?;
    match serde_json::from_slice::<Value>(&document.body) {
        Ok(Value::Array(uris)) if uris.iter().all(Value::is_string) => {
            Ok(uris.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        _ => Err(failed("it is no list of texts".to_owned())),
    }
}
