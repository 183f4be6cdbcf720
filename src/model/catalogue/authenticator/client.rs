//! How a client can prove itself.

use super::{ANY, ClientStep, Step};
use crate::model::catalogue::property;

/// Steps of a `client-flow`.
pub const CLIENT_AUTHENTICATORS: &[ClientStep] = &[
    ClientStep {
        step: Step {
            id: "client-jwt",
            name: "Signed JWT",
            help: "Validates client based on signed JWT issued by client and signed with the Client private key",
            choices: ANY,
            properties: &[],
        },
        supports_secret: false,
        per_client: &[],
    },
    ClientStep {
        step: Step {
            id: "client-secret",
            name: "Client Id and Secret",
            help: "Validates client based on 'client_id' and 'client_secret' sent either in request parameters or in 'Authorization: Basic' header",
            choices: ANY,
            properties: &[],
        },
        supports_secret: true,
        per_client: &[],
    },
    ClientStep {
        step: Step {
            id: "client-secret-jwt",
            name: "Signed JWT with Client Secret",
            help: "Validates client based on signed JWT issued by client and signed with the Client Secret",
            choices: ANY,
            properties: &[],
        },
        supports_secret: true,
        per_client: &[],
    },
    ClientStep {
        step: Step {
            id: "client-x509",
            name: "X509 Certificate",
            help: "Validates client based on a X509 Certificate",
            choices: ANY,
            properties: &[],
        },
        supports_secret: false,
        per_client: &[],
    },
    ClientStep {
        step: Step {
            id: "federated-jwt",
            name: "Signed JWT - Federated",
            help: "Validates client based on signed JWT issued and signed by an external identity provider",
            choices: ANY,
            properties: &[],
        },
        supports_secret: false,
        per_client: &[property("jwt.credential.issuer", "String"), property("jwt.credential.sub", "String")],
    },
];
