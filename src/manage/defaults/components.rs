//! The client registration policies of a new realm: what a client may be that registers itself, unknown (`anonymous`) or with
//! a token (`authenticated`).

use std::collections::BTreeMap;

use crate::base::id::ComponentId;
use crate::base::random::Random;
use crate::model::component::Component;

/// `providerType` of a client registration policy.
pub const REGISTRATION_POLICY: &str = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";

const MAPPER_TYPES: &[&str] = &[
    "oidc-address-mapper",
    "oidc-full-name-mapper",
    "oidc-sha256-pairwise-sub-mapper",
    "oidc-usermodel-attribute-mapper",
    "oidc-usermodel-property-mapper",
    "saml-role-list-mapper",
    "saml-user-attribute-mapper",
    "saml-user-property-mapper",
];

/// A policy: name, provider, whom it is for, and its configuration.
type Policy = (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, &'static [&'static str])]);

const ANONYMOUS: &[&str] = &["anonymous"];
const BOTH: &[&str] = &["anonymous", "authenticated"];
const POLICIES: &[Policy] = &[
    (
        "Trusted Hosts",
        "trusted-hosts",
        ANONYMOUS,
        &[("host-sending-registration-request-must-match", &["true"]), ("client-uris-must-match", &["true"])],
    ),
    ("Consent Required", "consent-required", ANONYMOUS, &[]),
    ("Full Scope Disabled", "scope", ANONYMOUS, &[]),
    ("Max Clients Limit", "max-clients", ANONYMOUS, &[("max-clients", &["200"])]),
    ("Allowed Registration Web Origins", "registration-web-origins", BOTH, &[]),
    ("Allowed Protocol Mapper Types", "allowed-protocol-mappers", BOTH, &[("allowed-protocol-mapper-types", MAPPER_TYPES)]),
    ("Allowed Client Scopes", "allowed-client-templates", BOTH, &[("allow-default-scopes", &["true"])]),
];

pub fn registration_policies(random: &dyn Random) -> Vec<Component> {
    let mut components = Vec::new();
    for (name, provider, audiences, config) in POLICIES {
        let config: BTreeMap<_, _> = config
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
            .collect();
        components.extend(audiences.iter().map(|audience| Component {
            id: ComponentId::random(random),
            name: (*name).to_owned(),
            provider_id: (*provider).to_owned(),
            provider_type: REGISTRATION_POLICY.to_owned(),
            sub_type: Some((*audience).to_owned()),
            parent: None,
            config: config.clone(),
        }));
    }
    components
}
