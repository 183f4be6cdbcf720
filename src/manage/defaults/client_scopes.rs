//! The built-in client scopes with their protocol mappers.

use crate::base::id::{ClientScopeId, ProtocolMapperId, RoleId};
use crate::base::random::Random;
use crate::model::client_scope::ClientScope;
use crate::model::protocol_mapper::ProtocolMapper;

use super::texts;

/// How a built-in scope is attached to the realm and so to its new clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attachment {
    Default,
    Optional,
    /// Only to clients with a service account.
    None,
}

/// The scope that clients with a service account get.
pub const SERVICE_ACCOUNT: &str = "service_account";

/// All built-in scopes. `offline_access` is the role that the scope of this name maps.
pub fn all(random: &dyn Random, offline_access: &RoleId) -> Vec<(ClientScope, Attachment)> {
    use Attachment::{Default, None, Optional};
    let oidc = |name: &str, description: &str, attributes: &[(&str, &str)], mappers: Vec<ProtocolMapper>| ClientScope {
        id: ClientScopeId::random(random),
        name: name.to_owned(),
        description: Some(description.to_owned()),
        protocol: "openid-connect".to_owned(),
        attributes: texts(attributes),
        protocol_mappers: mappers,
        scope_mappings: Vec::new(),
    };
    let saml = |name: &str, description: &str, attributes: &[(&str, &str)], mapper: ProtocolMapper| ClientScope {
        protocol: "saml".to_owned(),
        ..oidc(name, description, attributes, vec![ProtocolMapper { protocol: "saml".to_owned(), ..mapper }])
    };
    let built_in = |name: &str| format!("OpenID Connect built-in scope: {name}");

    vec![
        (oidc("profile", &built_in("profile"), &shown("${profileScopeConsentText}"), profile(random)), Default),
        (oidc("email", &built_in("email"), &shown("${emailScopeConsentText}"), email(random)), Default),
        (oidc("address", &built_in("address"), &shown("${addressScopeConsentText}"), vec![address(random)]), Optional),
        (oidc("phone", &built_in("phone"), &shown("${phoneScopeConsentText}"), phone(random)), Optional),
        (
            ClientScope {
                scope_mappings: vec![offline_access.clone()],
                ..oidc(
                    "offline_access",
                    &built_in("offline_access"),
                    &[("consent.screen.text", "${offlineAccessScopeConsentText}"), ("display.on.consent.screen", "true")],
                    vec![],
                )
            },
            Optional,
        ),
        (
            oidc(
                "roles",
                "OpenID Connect scope for add user roles to the access token",
                &[
                    ("include.in.token.scope", "false"),
                    ("consent.screen.text", "${rolesScopeConsentText}"),
                    ("display.on.consent.screen", "true"),
                ],
                roles(random),
            ),
            Default,
        ),
        (
            oidc(
                "web-origins",
                "OpenID Connect scope for add allowed web origins to the access token",
                &[("include.in.token.scope", "false"), ("consent.screen.text", ""), ("display.on.consent.screen", "false")],
                vec![mapper(random, "allowed web origins", "oidc-allowed-origins-mapper", &[INTROSPECTION, ACCESS])],
            ),
            Default,
        ),
        (
            oidc(
                "microprofile-jwt",
                "Microprofile - JWT built-in scope",
                &[("include.in.token.scope", "true"), ("display.on.consent.screen", "false")],
                microprofile(random),
            ),
            Optional,
        ),
        (
            oidc(
                "acr",
                "OpenID Connect scope for add acr (authentication context class reference) to the token",
                HIDDEN,
                vec![mapper(random, "acr loa level", "oidc-acr-mapper", &[ID, INTROSPECTION, ACCESS])],
            ),
            Default,
        ),
        (oidc("basic", "OpenID Connect scope for add all basic claims to the token", HIDDEN, basic(random)), Default),
        (
            oidc(
                "organization",
                "Additional claims about the organization a subject belongs to",
                &shown("${organizationScopeConsentText}"),
                vec![organization(random)],
            ),
            Optional,
        ),
        (oidc(SERVICE_ACCOUNT, "Specific scope for a client enabled for service accounts", HIDDEN, service_account(random)), None),
        (
            saml(
                "role_list",
                "SAML role list",
                &[("consent.screen.text", "${samlRoleListScopeConsentText}"), ("display.on.consent.screen", "true")],
                mapper(
                    random,
                    "role list",
                    "saml-role-list-mapper",
                    &[("single", "false"), ("attribute.nameformat", "Basic"), ("attribute.name", "Role")],
                ),
            ),
            Default,
        ),
        (
            saml(
                "saml_organization",
                "Organization Membership",
                &[("display.on.consent.screen", "false")],
                mapper(random, "organization", "saml-organization-membership-mapper", &[]),
            ),
            Default,
        ),
        (
            saml(
                "AuthnContextClassRef",
                "AuthnContextClassRef Level of Authentiation",
                &[],
                mapper(random, "AuthnContextClassRef", "saml-authn-context-class-ref-mapper", &[]),
            ),
            Default,
        ),
    ]
}

const ID: (&str, &str) = ("id.token.claim", "true");
const ACCESS: (&str, &str) = ("access.token.claim", "true");
const USERINFO: (&str, &str) = ("userinfo.token.claim", "true");
const INTROSPECTION: (&str, &str) = ("introspection.token.claim", "true");
const HIDDEN: &[(&str, &str)] = &[("include.in.token.scope", "false"), ("display.on.consent.screen", "false")];

fn shown(consent: &str) -> [(&str, &str); 3] {
    [("include.in.token.scope", "true"), ("consent.screen.text", consent), ("display.on.consent.screen", "true")]
}

/// A mapper of OpenID Connect.
pub fn mapper(random: &dyn Random, name: &str, kind: &str, config: &[(&str, &str)]) -> ProtocolMapper {
    ProtocolMapper {
        id: ProtocolMapperId::random(random),
        name: name.to_owned(),
        protocol: "openid-connect".to_owned(),
        protocol_mapper: kind.to_owned(),
        consent_required: false,
        config: texts(config),
    }
}

/// A mapper from an attribute of the user to a claim in every kind of token.
pub fn attribute(random: &dyn Random, name: &str, attribute: &str, claim: &str, json_type: &str) -> ProtocolMapper {
    claim_of_user(random, name, "oidc-usermodel-attribute-mapper", attribute, claim, json_type)
}

fn claim_of_user(random: &dyn Random, name: &str, kind: &str, attribute: &str, claim: &str, json_type: &str) -> ProtocolMapper {
    let config = [INTROSPECTION, USERINFO, ID, ACCESS, ("user.attribute", attribute), ("claim.name", claim), ("jsonType.label", json_type)];
    mapper(random, name, kind, &config)
}

fn session_note(random: &dyn Random, name: &str, note: &str, claim: &str, json_type: &str) -> ProtocolMapper {
    let config = [ID, INTROSPECTION, ACCESS, ("user.session.note", note), ("claim.name", claim), ("jsonType.label", json_type)];
    mapper(random, name, "oidc-usersessionmodel-note-mapper", &config)
}

fn profile(random: &dyn Random) -> Vec<ProtocolMapper> {
    let attributes = [
        ("family name", "lastName", "family_name", "String"),
        ("given name", "firstName", "given_name", "String"),
        ("middle name", "middleName", "middle_name", "String"),
        ("nickname", "nickname", "nickname", "String"),
        ("username", "username", "preferred_username", "String"),
        ("profile", "profile", "profile", "String"),
        ("picture", "picture", "picture", "String"),
        ("website", "website", "website", "String"),
        ("gender", "gender", "gender", "String"),
        ("birthdate", "birthdate", "birthdate", "String"),
        ("zoneinfo", "zoneinfo", "zoneinfo", "String"),
        ("locale", "locale", "locale", "String"),
        ("updated at", "updatedAt", "updated_at", "long"),
    ];
    let mut mappers = vec![mapper(random, "full name", "oidc-full-name-mapper", &[ID, INTROSPECTION, ACCESS, USERINFO])];
    mappers.extend(attributes.map(|(name, from, claim, json_type)| attribute(random, name, from, claim, json_type)));
    mappers
}

fn email(random: &dyn Random) -> Vec<ProtocolMapper> {
    vec![
        attribute(random, "email", "email", "email", "String"),
        claim_of_user(random, "email verified", "oidc-usermodel-property-mapper", "emailVerified", "email_verified", "boolean"),
    ]
}

fn address(random: &dyn Random) -> ProtocolMapper {
    let parts = [
        INTROSPECTION,
        USERINFO,
        ID,
        ACCESS,
        ("user.attribute.formatted", "formatted"),
        ("user.attribute.street", "street"),
        ("user.attribute.locality", "locality"),
        ("user.attribute.region", "region"),
        ("user.attribute.postal_code", "postal_code"),
        ("user.attribute.country", "country"),
    ];
    mapper(random, "address", "oidc-address-mapper", &parts)
}

fn phone(random: &dyn Random) -> Vec<ProtocolMapper> {
    vec![
        attribute(random, "phone number", "phoneNumber", "phone_number", "String"),
        attribute(random, "phone number verified", "phoneNumberVerified", "phone_number_verified", "boolean"),
    ]
}

fn roles(random: &dyn Random) -> Vec<ProtocolMapper> {
    // `foo` is what Keycloak writes: the mapper never reads it, but whoever compares two realms does.
    let config = |claim| {
        [INTROSPECTION, ACCESS, ("user.attribute", "foo"), ("claim.name", claim), ("jsonType.label", "String"), ("multivalued", "true")]
    };
    vec![
        mapper(random, "realm roles", "oidc-usermodel-realm-role-mapper", &config("realm_access.roles")),
        mapper(random, "client roles", "oidc-usermodel-client-role-mapper", &config("resource_access.${client_id}.roles")),
        mapper(random, "audience resolve", "oidc-audience-resolve-mapper", &[INTROSPECTION, ACCESS]),
    ]
}

fn microprofile(random: &dyn Random) -> Vec<ProtocolMapper> {
    let groups = [
        INTROSPECTION,
        ID,
        ACCESS,
        ("user.attribute", "foo"),
        ("claim.name", "groups"),
        ("jsonType.label", "String"),
        ("multivalued", "true"),
    ];
    vec![attribute(random, "upn", "username", "upn", "String"), mapper(random, "groups", "oidc-usermodel-realm-role-mapper", &groups)]
}

fn basic(random: &dyn Random) -> Vec<ProtocolMapper> {
    vec![
        mapper(random, "sub", "oidc-sub-mapper", &[INTROSPECTION, ACCESS]),
        session_note(random, "auth_time", "AUTH_TIME", "auth_time", "long"),
    ]
}

fn organization(random: &dyn Random) -> ProtocolMapper {
    let config = [ID, INTROSPECTION, ACCESS, ("claim.name", "organization"), ("jsonType.label", "String"), ("multivalued", "true")];
    mapper(random, "organization", "oidc-organization-membership-mapper", &config)
}

fn service_account(random: &dyn Random) -> Vec<ProtocolMapper> {
    vec![
        session_note(random, "Client ID", "client_id", "client_id", "String"),
        session_note(random, "Client Host", "clientHost", "clientHost", "String"),
        session_note(random, "Client IP Address", "clientAddress", "clientAddress", "String"),
    ]
}
