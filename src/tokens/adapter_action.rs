//! What the server says to the adapters of an application, at the `adminUrl` of its client: signed like a token, good for
//! seconds. Adapters of Keycloak's older versions listen for it.

use serde::Serialize;

use crate::base::env::Env;
use crate::compiled::{CompiledClient, CompiledRealm};

/// Seconds that an adapter may take to receive one.
const LIFETIME: i64 = 30;

/// What an adapter is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdapterAction {
    /// Answer.
    TestAvailability,
    /// Refuse tokens that were issued before this second.
    PushNotBefore(i64),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    id: String,
    expiration: i64,
    resource: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
}

impl AdapterAction {
    /// The segment below the `adminUrl` at which adapters take it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::TestAvailability => "k_test_available",
            Self::PushNotBefore(_) => "k_push_not_before",
        }
    }

    /// The signed message. `None` when there is no key for the client's algorithm.
    pub fn signed(self, env: &Env, realm: &CompiledRealm, client: &CompiledClient) -> Option<String> {
        let (action, not_before) = match self {
            Self::TestAvailability => ("TEST_AVAILABILITY", None),
            Self::PushNotBefore(second) => ("PUSH_NOT_BEFORE", Some(second)),
        };
        let payload = Payload {
            id: env.random().uuid().to_string(),
            expiration: env.now().seconds() + LIFETIME,
            resource: &client.client.client_id,
            action,
            not_before,
        };
        let payload = serde_json::to_vec(&payload).expect("a struct of texts and numbers");
        client.keyring(realm).sign(client.access_token_algorithm, "JWT", &payload)
    }
}
