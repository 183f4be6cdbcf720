//! The hosts on which the application of a client runs. Adapters of old register themselves; an administrator may do it for them.

use crate::base::clock::Timestamp;
use crate::base::id::{ClientId, RealmId};
use crate::manage::error::ManageError;
use crate::manage::realms;
use crate::model::client::Client;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::existing;

/// Hosts of one client.
const MAX_NODES: usize = 1000;

/// Notes that the application runs on `node`, since now.
///
/// # Errors
/// No such client, a host that is none, too many of them.
pub async fn register(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    node: &str,
    now: Timestamp,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    realms::check_id(node)?;
    if node.is_empty() || node.len() > 255 || node.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(ManageError::node_missing());
    }
    let mut client = old.clone();
    client.registered_nodes.insert(node.to_owned(), now.seconds());
    if client.registered_nodes.len() > MAX_NODES {
        return Err(ManageError::too_large("The list of nodes"));
    }
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// Forgets a host.
///
/// # Errors
/// No such client, or it does not run there.
pub async fn unregister(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId, node: &str) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    client.registered_nodes.remove(node).ok_or_else(ManageError::no_node)?;
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// The hosts that registered themselves recently enough: `nodeReRegistrationTimeout` seconds, for ever if that is not positive.
pub fn alive(client: &Client, now: Timestamp) -> Vec<&str> {
    let timeout = client.node_re_registration_timeout;
    let nodes = client.registered_nodes.iter().filter(|(_, since)| timeout <= 0 || *since + timeout > now.seconds());
    nodes.map(|(node, _)| node.as_str()).collect()
}
