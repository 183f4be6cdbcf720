//! What belongs to a user federation.

use super::{ComponentType, property};

/// `providerType` of a user federation.
pub const USER_STORAGE: &str = "org.keycloak.storage.UserStorageProvider";
/// `providerType` of what belongs to one of kind `ldap`.
pub const LDAP_MAPPER: &str = "org.keycloak.storage.ldap.mappers.LDAPStorageMapper";

/// What a mapper can bring from the directory into the realm and back; `None` for most.
pub fn sync_of(mapper: &str) -> Option<&'static str> {
    match mapper {
        "group-ldap-mapper" => Some("groups"),
        "role-ldap-mapper" => Some("roles"),
        _ => None,
    }
}

/// Mappers between entries of a directory and users.
pub const LDAP_MAPPERS: &[ComponentType] = &[
    ComponentType {
        id: "certificate-ldap-mapper",
        properties: &[
            property("user.model.attribute", "UserProfileAttributeList").required(),
            property("ldap.attribute", "String").required(),
            property("read.only", "boolean").text("false"),
            property("always.read.value.from.ldap", "boolean").text("false"),
            property("is.binary.attribute", "boolean").text("false"),
            property("binary.attribute.decoder", "List").options(&["auto", "base64", "uuid"]),
            property("is.mandatory.in.ldap", "boolean").text("false"),
            property("attribute.default.value", "String").text(""),
            property("attribute.force.default", "boolean").text("true"),
            property("is.der.formatted", "boolean"),
        ],
    },
    ComponentType {
        id: "full-name-ldap-mapper",
        properties: &[
            property("ldap.full.name.attribute", "String").text("cn"),
            property("read.only", "boolean").text("false"),
            property("write.only", "boolean").text("true"),
        ],
    },
    ComponentType {
        id: "group-ldap-mapper",
        properties: &[
            property("groups.dn", "String").required(),
            property("groups.relative.create.dn", "String"),
            property("group.name.ldap.attribute", "String").text("cn"),
            property("group.object.classes", "String").text("groupOfNames"),
            property("preserve.group.inheritance", "boolean").text("true"),
            property("ignore.missing.groups", "boolean").text("false"),
            property("membership.ldap.attribute", "String").text("member"),
            property("membership.attribute.type", "List").text("DN").options(&["DN", "UID"]),
            property("membership.user.ldap.attribute", "String").text("uid"),
            property("groups.ldap.filter", "String"),
            property("mode", "List").text("LDAP_ONLY").options(&["LDAP_ONLY", "IMPORT", "READ_ONLY"]),
            property("user.roles.retrieve.strategy", "List")
                .text("LOAD_GROUPS_BY_MEMBER_ATTRIBUTE")
                .options(&["LOAD_GROUPS_BY_MEMBER_ATTRIBUTE", "GET_GROUPS_FROM_USER_MEMBEROF_ATTRIBUTE"]),
            property("memberof.ldap.attribute", "String").text("memberOf"),
            property("mapped.group.attributes", "String"),
            property("decode.group.uuid.attribute", "boolean").text("true"),
            property("drop.non.existing.groups.during.sync", "boolean").text("false"),
            property("groups.path", "String").text("/"),
        ],
    },
    ComponentType {
        id: "hardcoded-attribute-mapper",
        properties: &[
            property("user.model.attribute", "UserProfileAttributeList").required(),
            property("attribute.value", "String").required(),
        ],
    },
    ComponentType {
        id: "hardcoded-ldap-attribute-mapper",
        properties: &[property("ldap.attribute.name", "String").required(), property("ldap.attribute.value", "String").required()],
    },
    ComponentType { id: "hardcoded-ldap-group-mapper", properties: &[property("group", "String").required()] },
    ComponentType { id: "hardcoded-ldap-role-mapper", properties: &[property("role", "Role").required()] },
    ComponentType { id: "kerberos-principal-attribute-mapper", properties: &[] },
    ComponentType {
        id: "msad-lds-user-account-control-mapper",
        properties: &[property("always.read.enabled.value.from.ldap", "boolean").text("false")],
    },
    ComponentType {
        id: "msad-user-account-control-mapper",
        properties: &[
            property("ldap.password.policy.hints.enabled", "boolean").text("false"),
            property("always.read.enabled.value.from.ldap", "boolean").text("false"),
        ],
    },
    ComponentType {
        id: "role-ldap-mapper",
        properties: &[
            property("roles.dn", "String").required(),
            property("roles.relative.create.dn", "String"),
            property("role.name.ldap.attribute", "String").text("cn"),
            property("role.object.classes", "String").text("groupOfNames"),
            property("membership.ldap.attribute", "String").text("member"),
            property("membership.attribute.type", "List").text("DN").options(&["DN", "UID"]),
            property("membership.user.ldap.attribute", "String").text("uid"),
            property("roles.ldap.filter", "String"),
            property("mode", "List").text("LDAP_ONLY").options(&["LDAP_ONLY", "IMPORT", "READ_ONLY"]),
            property("user.roles.retrieve.strategy", "List")
                .text("LOAD_ROLES_BY_MEMBER_ATTRIBUTE")
                .options(&["LOAD_ROLES_BY_MEMBER_ATTRIBUTE", "GET_ROLES_FROM_USER_MEMBEROF_ATTRIBUTE"]),
            property("memberof.ldap.attribute", "String").text("memberOf"),
            property("use.realm.roles.mapping", "boolean").text("true"),
            property("client.id", "ClientList"),
        ],
    },
    ComponentType {
        id: "user-attribute-ldap-mapper",
        properties: &[
            property("user.model.attribute", "UserProfileAttributeList").required(),
            property("ldap.attribute", "String").required(),
            property("read.only", "boolean").text("false"),
            property("always.read.value.from.ldap", "boolean").text("false"),
            property("is.binary.attribute", "boolean").text("false"),
            property("binary.attribute.decoder", "List").options(&["auto", "base64", "uuid"]),
            property("is.mandatory.in.ldap", "boolean").text("false"),
            property("attribute.default.value", "String").text(""),
            property("attribute.force.default", "boolean").text("true"),
        ],
    },
];
