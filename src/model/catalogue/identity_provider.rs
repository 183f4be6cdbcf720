//! The kinds of identity providers and of the mappers of what they send.

use super::{Property, property};
use Serves::{Any, Only, OpenIdConnect};

/// A kind of identity provider.
pub struct IdentityProviderType {
    pub id: &'static str,
    pub name: &'static str,
    /// What a provider of this kind can be used for.
    pub uses: &'static [&'static str],
}

/// A kind of mapper.
pub struct MapperType {
    pub id: &'static str,
    pub name: &'static str,
    pub category: &'static str,
    serves: Serves,
    pub properties: &'static [Property],
}

/// The identity providers that a mapper can belong to.
#[derive(Clone, Copy)]
enum Serves {
    Any,
    OpenIdConnect,
    Only(&'static str),
}

const OPENID_CONNECT: &[&str] =
    &["USER_AUTHENTICATION", "CLIENT_ASSERTION", "TRUST_MATERIAL", "EXCHANGE_EXTERNAL_TOKEN", "JWT_AUTHORIZATION_GRANT"];
const SOCIAL: &[&str] = &["USER_AUTHENTICATION", "EXCHANGE_EXTERNAL_TOKEN"];

/// By id.
pub const IDENTITY_PROVIDERS: &[IdentityProviderType] = &[
    kind("bitbucket", "BitBucket", SOCIAL),
    kind("facebook", "Facebook", SOCIAL),
    kind("github", "GitHub", SOCIAL),
    kind("gitlab", "GitLab", SOCIAL),
    kind("google", "Google", SOCIAL),
    kind("jwt-authorization-grant", "JWT Authorization Grant", &["JWT_AUTHORIZATION_GRANT"]),
    kind("keycloak-oidc", "Keycloak OpenID Connect", OPENID_CONNECT),
    kind("kubernetes", "Kubernetes", &["CLIENT_ASSERTION"]),
    kind("linkedin-openid-connect", "LinkedIn", SOCIAL),
    kind("microsoft", "Microsoft", SOCIAL),
    kind("oauth2", "OAuth v2", SOCIAL),
    kind("oidc", "OpenID Connect v1.0", OPENID_CONNECT),
    kind("openshift-v4", "Openshift v4", SOCIAL),
    kind("paypal", "PayPal", SOCIAL),
    kind("saml", "SAML v2.0", &["USER_AUTHENTICATION"]),
    kind("stackoverflow", "StackOverflow", SOCIAL),
    kind("twitter", "Twitter", SOCIAL),
];

const fn kind(id: &'static str, name: &'static str, uses: &'static [&'static str]) -> IdentityProviderType {
    IdentityProviderType { id, name, uses }
}

pub fn find(id: &str) -> Option<&'static IdentityProviderType> {
    IDENTITY_PROVIDERS.iter().find(|kind| kind.id == id)
}

/// The mappers that a provider of kind `provider_id` can have.
pub fn mappers_of(provider_id: &str) -> impl Iterator<Item = &'static MapperType> {
    MAPPERS.iter().filter(move |mapper| match mapper.serves {
        Any => true,
        OpenIdConnect => matches!(provider_id, "oidc" | "keycloak-oidc"),
        Only(only) => only == provider_id,
    })
}

/// The types of mappers, by id.
pub const MAPPERS: &[MapperType] = &[
    MapperType {
        id: "facebook-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("facebook"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "github-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("github"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "google-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("google"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "hardcoded-attribute-idp-mapper",
        name: "Hardcoded Attribute",
        category: "Attribute Importer",
        serves: Any,
        properties: &[property("attribute", "UserProfileAttributeList"), property("attribute.value", "String")],
    },
    MapperType {
        id: "hardcoded-user-session-attribute-idp-mapper",
        name: "Hardcoded User Session Attribute",
        category: "Attribute Importer",
        serves: Any,
        properties: &[property("attribute", "String"), property("attribute.value", "String")],
    },
    MapperType {
        id: "instagram-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("instagram"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "keycloak-oidc-role-to-role-idp-mapper",
        name: "External Role to Role",
        category: "Role Importer",
        serves: Only("keycloak-oidc"),
        properties: &[property("external.role", "String"), property("role", "Role")],
    },
    MapperType {
        id: "linkedin-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("linkedin-openid-connect"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "microsoft-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("microsoft"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "oidc-advanced-group-idp-mapper",
        name: "Advanced Claim to Group",
        category: "Group Importer",
        serves: OpenIdConnect,
        properties: &[property("claims", "Map"), property("are.claim.values.regex", "boolean"), property("group", "Group")],
    },
    MapperType {
        id: "oidc-advanced-role-idp-mapper",
        name: "Advanced Claim to Role",
        category: "Role Importer",
        serves: OpenIdConnect,
        properties: &[property("claims", "Map"), property("are.claim.values.regex", "boolean"), property("role", "Role")],
    },
    MapperType {
        id: "oidc-hardcoded-group-idp-mapper",
        name: "Hardcoded Group",
        category: "Group Importer",
        serves: Any,
        properties: &[property("group", "Group")],
    },
    MapperType {
        id: "oidc-hardcoded-role-idp-mapper",
        name: "Hardcoded Role",
        category: "Role Importer",
        serves: Any,
        properties: &[property("role", "Role")],
    },
    MapperType {
        id: "oidc-role-idp-mapper",
        name: "Claim to Role",
        category: "Role Importer",
        serves: OpenIdConnect,
        properties: &[property("claim", "String"), property("claim.value", "String"), property("role", "Role")],
    },
    MapperType {
        id: "oidc-user-attribute-idp-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: OpenIdConnect,
        properties: &[
            property("claim", "String"),
            property("user.attribute", "UserProfileAttributeList"),
            property("allow.nullable.property", "boolean").text("false"),
        ],
    },
    MapperType {
        id: "oidc-user-session-note-idp-mapper",
        name: "User Session Note Mapper",
        category: "User Session",
        serves: OpenIdConnect,
        properties: &[property("claims", "Map"), property("are.claim.values.regex", "boolean")],
    },
    MapperType {
        id: "oidc-username-idp-mapper",
        name: "Username Template Importer",
        category: "Preprocessor",
        serves: OpenIdConnect,
        properties: &[
            property("template", "String").text("${ALIAS}.${CLAIM.preferred_username}"),
            property("target", "List").text("LOCAL").options(&["LOCAL", "BROKER_ID", "BROKER_USERNAME"]),
        ],
    },
    MapperType {
        id: "openshift-v4-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("openshift-v4"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "paypal-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("paypal"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
    MapperType {
        id: "saml-advanced-group-idp-mapper",
        name: "Advanced Attribute to Group",
        category: "Group Importer",
        serves: Only("saml"),
        properties: &[property("attributes", "Map"), property("are.attribute.values.regex", "boolean"), property("group", "Group")],
    },
    MapperType {
        id: "saml-advanced-role-idp-mapper",
        name: "Advanced Attribute to Role",
        category: "Role Importer",
        serves: Only("saml"),
        properties: &[property("attributes", "Map"), property("are.attribute.values.regex", "boolean"), property("role", "Role")],
    },
    MapperType {
        id: "saml-role-idp-mapper",
        name: "SAML Attribute to Role",
        category: "Role Importer",
        serves: Only("saml"),
        properties: &[
            property("attribute.name", "String"),
            property("attribute.friendly.name", "String"),
            property("attribute.value", "String"),
            property("role", "Role"),
        ],
    },
    MapperType {
        id: "saml-user-attribute-idp-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("saml"),
        properties: &[
            property("attribute.name", "String"),
            property("attribute.friendly.name", "String"),
            property("attribute.name.format", "List").text("ATTRIBUTE_FORMAT_BASIC").options(&[
                "ATTRIBUTE_FORMAT_BASIC",
                "ATTRIBUTE_FORMAT_URI",
                "ATTRIBUTE_FORMAT_UNSPECIFIED",
            ]),
            property("user.attribute", "UserProfileAttributeList"),
            property("allow.nullable.property", "boolean").text("false"),
        ],
    },
    MapperType {
        id: "saml-username-idp-mapper",
        name: "Username Template Importer",
        category: "Preprocessor",
        serves: Only("saml"),
        properties: &[
            property("template", "String").text("${ALIAS}.${NAMEID}"),
            property("target", "List").text("LOCAL").options(&["LOCAL", "BROKER_ID", "BROKER_USERNAME"]),
        ],
    },
    MapperType {
        id: "saml-xpath-attribute-idp-mapper",
        name: "XPath Attribute Importer",
        category: "Attribute Importer",
        serves: Only("saml"),
        properties: &[
            property("attribute.xpath", "String"),
            property("attribute.name", "String"),
            property("attribute.friendly.name", "String"),
            property("user.attribute", "UserProfileAttributeList"),
        ],
    },
    MapperType {
        id: "stackoverflow-user-attribute-mapper",
        name: "Attribute Importer",
        category: "Attribute Importer",
        serves: Only("stackoverflow"),
        properties: &[property("jsonField", "String"), property("userAttribute", "UserProfileAttributeList")],
    },
];
