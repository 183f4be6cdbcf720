//! `/clients/{client-uuid}/nodes`, and what is told to the adapters on them: that they answer, and which tokens they refuse from
//! now on. Calls go out through [`crate::egress`] alone, so an `adminUrl` reaches no address that an operator did not allow.

use actix_web::HttpResponse;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::egress::Request;
use crate::manage::clients::nodes;
use crate::manage::error::ManageError;
use crate::model::client::Client;
use crate::store::txn::Reader as _;
use crate::tokens::adapter_action::AdapterAction;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::{change, told};
use crate::admin::error::AdminError;

/// Applications that are called at the same time.
const AT_ONCE: usize = 16;
/// Clients that one step reads.
const STEP: usize = 500;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    node: String,
}

/// `GlobalRequestResult`
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    success_requests: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_requests: Vec<String>,
}

/// `POST …/nodes`
pub async fn register(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let Node { node } = body::read(&cx, "Map")?;
    let (realm, id, node, now) = (&cx.realm().id, &client.id, &node, cx.app.env.now());
    change!(cx, |txn| nodes::register(txn, realm, id, node, now))?;
    Ok(answer::done())
}

/// `DELETE …/nodes/{node}`
pub async fn unregister(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let (realm, id, node) = (&cx.realm().id, &client.id, cx.parameter("node"));
    change!(cx, |txn| nodes::unregister(txn, realm, id, node))?;
    Ok(answer::done())
}

/// `GET …/test-nodes-available`
pub async fn test_available(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    Ok(answer::document(&tell(&cx, &[client], |_| AdapterAction::TestAvailability).await?))
}

/// `POST …/clients/{client-uuid}/push-revocation`
pub async fn push_revocation(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let not_before = cx.realm().not_before;
    let outcome = tell(&cx, &[client], |client| AdapterAction::PushNotBefore(client.not_before.max(not_before))).await?;
    told(&cx, None, Some(&json!(outcome))).await?;
    Ok(answer::document(&outcome))
}

/// `POST …/push-revocation` of the realm: all its applications that listen
pub async fn push_revocation_of_realm(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let realm = cx.realm();
    let (mut listening, mut after) = (Vec::new(), None);
    loop {
        let step = cx.app.store.peek().clients().after(&realm.id, after.as_ref(), STEP).await?;
        let full = step.len() == STEP;
        after = step.last().map(|client| client.id.clone());
        listening.extend(step.into_iter().filter(|client| client.enabled && client.admin_url.is_some()));
        if !full {
            break;
        }
    }
    let outcome = tell(&cx, &listening, |client| AdapterAction::PushNotBefore(client.not_before.max(realm.not_before))).await?;
    told(&cx, None, Some(&json!(outcome))).await?;
    Ok(answer::document(&outcome))
}

/// Calls the hosts of every client; what they answered, by the URL of the host.
async fn tell(cx: &AdminRequest, clients: &[Client], action: impl Fn(&Client) -> AdapterAction) -> Result<Outcome, AdminError> {
    let app = &cx.app;
    let realm = app.compiled.realm(&cx.realm().name).await?.ok_or_else(ManageError::no_realm)?;
    let mut calls = Vec::new();
    for client in clients {
        let hosts = hosts(cx, client);
        if hosts.is_empty() {
            continue;
        }
        let Some(compiled) = app.compiled.client(&realm, &client.client_id).await? else { continue };
        let action = action(client);
        for host in hosts {
            let message = action.signed(&app.env, &realm, &compiled);
            calls.push((format!("{}/{}", host.trim_end_matches('/'), action.path()), message, host));
        }
    }
    let answered = stream::iter(calls).map(|(url, message, host)| async move {
        let Some(message) = message else { return (host, false) };
        let request = Request::post(&url, "text/plain", message.into_bytes());
        let heard = app.egress.fetch(&request).await;
        if let Err(error) = &heard {
            tracing::info!(url, %error, "an application was not reached");
        }
        (host, heard.is_ok_and(|response| (200..300).contains(&response.status)))
    });
    let mut outcome = Outcome::default();
    for (host, heard) in answered.buffered(AT_ONCE).collect::<Vec<_>>().await {
        if heard { &mut outcome.success_requests } else { &mut outcome.failed_requests }.push(host);
    }
    Ok(outcome)
}

/// The `adminUrl` of a client, complete: once for every host that is registered, or as it is when none is.
fn hosts(cx: &AdminRequest, client: &Client) -> Vec<String> {
    let Some(url) = client.admin_url.as_deref().filter(|url| !url.is_empty()) else { return Vec::new() };
    let root = client.root_url.as_deref().unwrap_or_default();
    let url = if url.starts_with('/') { format!("{root}{url}") } else { url.to_owned() };
    let url = url.replace("${authBaseUrl}", &cx.base_url).replace("${authAdminUrl}", &cx.base_url);
    let nodes = nodes::alive(client, cx.app.env.now());
    if nodes.is_empty() { vec![url] } else { nodes.into_iter().map(|node| on_host(&url, node)).collect() }
}

/// A URL with another host; scheme, port and path stay.
fn on_host(url: &str, host: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // The brackets of an IPv6 address are no ports (RFC 3986 §3.2.2).
    let port = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    match port.filter(|_| !host.contains(':')) {
        Some((_, port)) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::on_host;

    #[test]
    fn a_node_takes_the_place_of_the_host() {
        for (url, host, expected) in [
            ("http://app:8080/x", "node1", "http://node1:8080/x"),
            ("https://app", "node1", "https://node1"),
            ("http://app:8080/x", "node1:81", "http://node1:81/x"),
            ("http://[::1]:80/x", "node1", "http://node1:80/x"),
            ("http://[::1]/x", "node1", "http://node1/x"),
        ] {
            assert_eq!(on_host(url, host), expected);
        }
    }
}
