//! Protocol mappers as values: the configuration strings of a [`ProtocolMapper`] parsed once. What a rule does to a token
//! stands in [`crate::tokens::mappers`], one file per variant of [`Rule`].

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::protocol_mapper::{PAIRWISE_SALT, PAIRWISE_SUBJECT, POSTGRES_ARRAY, ProtocolMapper, SECTOR_IDENTIFIER_URI};

use super::claim_path::ClaimPath;

/// What is being filled with claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    Access,
    /// An access token of a client that asks for small ones; introspection adds what it lacks.
    LightweightAccess,
    Id,
    UserInfo,
    Introspection,
    /// The answer of the token endpoint, beside the tokens.
    Response,
}

/// A mapper ready for use.
#[derive(Debug)]
pub struct Mapper {
    pub name: String,
    /// Lower ones run first.
    pub priority: i8,
    pub rule: Rule,
    include: u8,
}

impl Mapper {
    /// Whether the mapper is switched on for `kind`.
    pub const fn includes(&self, kind: TokenKind) -> bool {
        self.include & (1 << kind as u8) != 0
    }

    /// Parses a mapper.
    ///
    /// # Errors
    /// Why it can have no effect: an unknown type, or a configuration without what the type needs.
    pub fn compile(mapper: &ProtocolMapper) -> Result<Self, String> {
        let config = Config(&mapper.config);
        let (priority, include, rule) = compile(&mapper.protocol_mapper, &config)?;
        Ok(Self { name: mapper.name.clone(), priority, rule, include })
    }
}

/// Every type of mapper.
#[derive(Debug)]
pub enum Rule {
    UserAttribute {
        attribute: String,
        aggregate: bool,
        claim: Claim,
    },
    UserProperty {
        property: UserProperty,
        claim: Claim,
    },
    FullName,
    Address {
        fields: AddressFields,
    },
    GroupMembership {
        full_path: bool,
        claim: ClaimPath,
    },
    Audience {
        audience: String,
    },
    AudienceResolve,
    AllowedOrigins,
    HardcodedClaim {
        claim: ClaimPath,
        value: Value,
    },
    HardcodedRole {
        role: RoleReference,
    },
    RoleName {
        role: RoleReference,
        new: RoleReference,
    },
    RealmRoles {
        prefix: String,
        claim: Claim,
    },
    ClientRoles {
        client: Option<String>,
        prefix: String,
        claim: Claim,
    },
    /// Ours: a list as an array literal of PostgreSQL.
    PostgresArray {
        source: ListSource,
        claim: ClaimPath,
    },
    /// What the `claims` parameter names as essential (OIDC Core §5.5).
    RequestedClaims,
    /// The value that the `claims` parameter gives to one claim of the ID token.
    RequestedValue {
        name: String,
    },
    SessionNote {
        note: String,
        claim: Claim,
    },
    Acr,
    Amr,
    Subject,
    SessionState,
    Nonce,
    PairwiseSubject {
        sector_identifier_uri: Option<String>,
        salt: String,
    },
    /// The organizations that the grant is about.
    OrganizationMembership {
        details: OrganizationDetails,
        claim: Claim,
    },
    /// The user's groups in them.
    OrganizationGroups {
        claim: ClaimPath,
    },
}

/// What a claim says of each organization besides its alias.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OrganizationDetails {
    pub id: bool,
    pub domains: bool,
    pub attributes: bool,
}

impl OrganizationDetails {
    pub const fn any(self) -> bool {
        self.id || self.domains || self.attributes
    }
}

/// A claim whose value is text at first.
#[derive(Debug)]
pub struct Claim {
    pub path: ClaimPath,
    pub json_type: JsonType,
    pub multivalued: bool,
}

/// `jsonType.label`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonType {
    /// As the source has it: text stays text, a boolean property stays a boolean.
    Unset,
    String,
    Long,
    Int,
    Boolean,
    Json,
}

/// What `oidc-usermodel-property-mapper` can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserProperty {
    Id,
    Username,
    Email,
    FirstName,
    LastName,
    EmailVerified,
    Enabled,
    CreatedTimestamp,
    ServiceAccountClientLink,
}

/// Where [`Rule::PostgresArray`] takes its elements from.
#[derive(Debug)]
pub enum ListSource {
    GroupPaths,
    GroupNames,
    GroupIds,
    RealmRoles,
    /// Of one client, by its `client_id`.
    ClientRoles(String),
    /// The values of a user attribute.
    Attribute(String),
}

/// The user attributes behind the members of `address` (OIDC Core §5.1.1).
#[derive(Debug)]
pub struct AddressFields {
    /// Member of the claim and attribute of the user, in the claim's order.
    pub members: [(&'static str, String); 6],
}

/// A role as mappers name it: `role` or `client_id.role`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleReference {
    pub client: Option<String>,
    pub name: String,
}

impl RoleReference {
    /// The client id ends at the last dot that is followed by something.
    fn parse(text: &str) -> Self {
        match text.rsplit_once('.') {
            Some((client, name)) if !client.is_empty() && !name.is_empty() => {
                Self { client: Some(client.to_owned()), name: name.to_owned() }
            }
            _ => Self { client: None, name: text.to_owned() },
        }
    }
}

impl AddressFields {
    /// Every member from the attribute of its usual name.
    pub fn standard() -> Self {
        Self::of(str::to_owned)
    }

    fn of(attribute: impl Fn(&str) -> String) -> Self {
        Self {
            members: [
                ("formatted", attribute("formatted")),
                ("street_address", attribute("street")),
                ("locality", attribute("locality")),
                ("region", attribute("region")),
                ("postal_code", attribute("postal_code")),
                ("country", attribute("country")),
            ],
        }
    }
}

impl JsonType {
    fn parse(label: Option<&str>) -> Self {
        match label {
            Some("String") => Self::String,
            Some("long") => Self::Long,
            Some("int") => Self::Int,
            Some("boolean") => Self::Boolean,
            Some("JSON") => Self::Json,
            _ => Self::Unset,
        }
    }

    /// The claim's value for one text. `None` when the text is no such value.
    pub fn value(self, text: &str) -> Option<Value> {
        match self {
            Self::Unset | Self::String => Some(Value::from(text)),
            Self::Long => text.parse::<i64>().ok().map(Value::from),
            Self::Int => text.parse::<i32>().ok().map(Value::from),
            Self::Boolean => Some(Value::from(text.eq_ignore_ascii_case("true"))),
            Self::Json => serde_json::from_str(text).ok(),
        }
    }
}

/// The configuration of one mapper.
struct Config<'a>(&'a BTreeMap<String, String>);

impl Config<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn required(&self, key: &str) -> Result<&str, String> {
        self.get(key).ok_or_else(|| format!("{key} is missing"))
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("true")
    }

    fn path(&self) -> Result<ClaimPath, String> {
        ClaimPath::parse(self.required("claim.name")?).ok_or_else(|| "claim.name names nothing".to_owned())
    }

    fn claim(&self) -> Result<Claim, String> {
        Ok(Claim { path: self.path()?, json_type: JsonType::parse(self.get("jsonType.label")), multivalued: self.flag("multivalued") })
    }

    /// The switches of a mapper that writes claims. Without one of their own, userinfo follows the ID token and introspection
    /// the access token.
    fn include(&self) -> u8 {
        self.include_when_unset(false)
    }

    fn include_when_unset(&self, access_default: bool) -> u8 {
        let or = |key: &str, default: bool| self.0.get(key).map_or(default, |value| value == "true");
        let access = or("access.token.claim", access_default);
        let id = self.flag("id.token.claim");
        switch(TokenKind::Access, access)
            | switch(TokenKind::LightweightAccess, self.flag("lightweight.claim"))
            | switch(TokenKind::Id, id)
            | switch(TokenKind::UserInfo, or("userinfo.token.claim", id))
            | switch(TokenKind::Introspection, or("introspection.token.claim", access))
    }

    /// The switches of the two types that can also write beside the tokens.
    fn include_with_response(&self) -> u8 {
        self.include() | switch(TokenKind::Response, self.flag("access.tokenResponse.claim"))
    }

    /// The switches without some kinds of token, for types that Keycloak does not run there.
    fn include_but(&self, kinds: &[TokenKind]) -> u8 {
        kinds.iter().fold(self.include(), |include, kind| include & !switch(*kind, true))
    }
}

const fn switch(kind: TokenKind, on: bool) -> u8 {
    (on as u8) << kind as u8
}

/// Types without switches act on every token.
const ALWAYS: u8 = 0b01_1111;

fn compile(kind: &str, config: &Config<'_>) -> Result<(i8, u8, Rule), String> {
    use TokenKind::{Access, Id, Introspection, LightweightAccess, UserInfo};
    let owned = str::to_owned;
    let prefix = |key: &str| config.get(key).unwrap_or_default().to_owned();
    Ok(match kind {
        "oidc-usermodel-attribute-mapper" => {
            let attribute = owned(config.required("user.attribute")?);
            (0, config.include(), Rule::UserAttribute { attribute, aggregate: config.flag("aggregate.attrs"), claim: config.claim()? })
        }
        "oidc-usermodel-property-mapper" => {
            let property = property(config.required("user.attribute")?)?;
            (0, config.include(), Rule::UserProperty { property, claim: config.claim()? })
        }
        "oidc-full-name-mapper" => (0, config.include(), Rule::FullName),
        "oidc-address-mapper" => (0, config.include(), Rule::Address { fields: address_fields(config) }),
        "oidc-group-membership-mapper" => {
            let full_path = config.get("full.path").is_none_or(|value| value == "true");
            (0, config.include(), Rule::GroupMembership { full_path, claim: config.path()? })
        }
        "oidc-audience-mapper" => {
            let audience = config.get("included.client.audience").or(config.get("included.custom.audience"));
            let audience = owned(audience.ok_or("no audience is configured")?);
            (0, config.include_but(&[UserInfo]), Rule::Audience { audience })
        }
        // Exports older than Keycloak 24 carry these two without switches.
        "oidc-audience-resolve-mapper" => {
            (30, config.include_when_unset(true) & !switch(Id, true) & !switch(UserInfo, true), Rule::AudienceResolve)
        }
        "oidc-allowed-origins-mapper" => {
            (0, config.include_when_unset(true) & !switch(Id, true) & !switch(UserInfo, true), Rule::AllowedOrigins)
        }
        "oidc-hardcoded-claim-mapper" => {
            let (claim, text) = (config.claim()?, config.0.get("claim.value").map_or("", String::as_str));
            let value = claim.json_type.value(text).ok_or("claim.value is not of the type that jsonType.label names")?;
            (0, config.include_with_response(), Rule::HardcodedClaim { claim: claim.path, value })
        }
        "oidc-hardcoded-role-mapper" => (20, ALWAYS, Rule::HardcodedRole { role: RoleReference::parse(config.required("role")?) }),
        "oidc-role-name-mapper" => {
            let (role, new) = (config.required("role")?, config.required("new.role.name")?);
            (10, ALWAYS, Rule::RoleName { role: RoleReference::parse(role), new: RoleReference::parse(new) })
        }
        "oidc-usermodel-realm-role-mapper" => {
            let prefix = prefix("usermodel.realmRoleMapping.rolePrefix");
            (40, config.include(), Rule::RealmRoles { prefix, claim: config.claim()? })
        }
        "oidc-usermodel-client-role-mapper" => {
            let client = config.get("usermodel.clientRoleMapping.clientId").map(owned);
            let prefix = prefix("usermodel.clientRoleMapping.rolePrefix");
            (40, config.include(), Rule::ClientRoles { client, prefix, claim: config.claim()? })
        }
        "oidc-usersessionmodel-note-mapper" => (
            0,
            config.include_with_response(),
            Rule::SessionNote { note: owned(config.required("user.session.note")?), claim: config.claim()? },
        ),
        "oidc-acr-mapper" => (0, config.include_but(&[UserInfo]), Rule::Acr),
        "oidc-amr-mapper" => (0, config.include_but(&[UserInfo, Introspection]), Rule::Amr),
        // ID token and userinfo always have `sub` (OIDC Core §2, §5.3.2).
        "oidc-sub-mapper" => (-10, config.include_but(&[Id, UserInfo]), Rule::Subject),
        "oidc-session-state-mapper" => (0, config.include(), Rule::SessionState),
        "oidc-nonce-backwards-compatible-mapper" => (0, switch(TokenKind::Access, true), Rule::Nonce),
        PAIRWISE_SUBJECT => {
            let sector_identifier_uri = config.get(SECTOR_IDENTIFIER_URI).map(owned);
            (0, ALWAYS, Rule::PairwiseSubject { sector_identifier_uri, salt: prefix(PAIRWISE_SALT) })
        }
        POSTGRES_ARRAY => (40, config.include(), Rule::PostgresArray { source: list_source(config)?, claim: config.path()? }),
        "oidc-claims-param-token-mapper" => (0, config.include_but(&[Access, LightweightAccess, Introspection]), Rule::RequestedClaims),
        "oidc-claims-param-value-idtoken-mapper" => {
            (0, switch(Id, config.flag("id.token.claim")), Rule::RequestedValue { name: owned(config.required("claim.name")?) })
        }
        "oidc-organization-membership-mapper" => {
            let details = OrganizationDetails {
                id: config.flag("addOrganizationId"),
                domains: config.flag("addOrganizationDomain"),
                attributes: config.flag("addOrganizationAttributes"),
            };
            let multivalued = config.get("multivalued").is_none_or(|value| value == "true");
            (0, config.include(), Rule::OrganizationMembership { details, claim: Claim { multivalued, ..config.claim()? } })
        }
        // `addGroupRoleMappings` has nothing to add: groups of organizations hold no roles here.
        "oidc-organization-group-membership-mapper" => {
            let claim = ClaimPath::parse(config.get("claim.name").unwrap_or("organization"));
            (10, config.include(), Rule::OrganizationGroups { claim: claim.ok_or("claim.name names nothing")? })
        }
        script if script.starts_with("script-") => return Err(format!("{script} is a script of the old server's installation")),
        other => return Err(format!("the type {other} is not known")),
    })
}

fn property(name: &str) -> Result<UserProperty, String> {
    Ok(match name {
        "id" => UserProperty::Id,
        "username" => UserProperty::Username,
        "email" => UserProperty::Email,
        "firstName" => UserProperty::FirstName,
        "lastName" => UserProperty::LastName,
        "emailVerified" => UserProperty::EmailVerified,
        "enabled" => UserProperty::Enabled,
        "createdTimestamp" => UserProperty::CreatedTimestamp,
        "serviceAccountClientLink" => UserProperty::ServiceAccountClientLink,
        other => return Err(format!("a user has no property {other}")),
    })
}

fn list_source(config: &Config<'_>) -> Result<ListSource, String> {
    Ok(match config.get("source").unwrap_or("groups") {
        "groups" if config.get("full.path") == Some("false") => ListSource::GroupNames,
        "groups" => ListSource::GroupPaths,
        "group-ids" => ListSource::GroupIds,
        "realm-roles" => ListSource::RealmRoles,
        "client-roles" => ListSource::ClientRoles(config.required("usermodel.clientRoleMapping.clientId")?.to_owned()),
        "attribute" => ListSource::Attribute(config.required("user.attribute")?.to_owned()),
        other => return Err(format!("{other} is no source of a list")),
    })
}

fn address_fields(config: &Config<'_>) -> AddressFields {
    let attribute = |field: &str| config.get(&format!("user.attribute.{field}")).unwrap_or(field).to_owned();
    AddressFields::of(attribute)
}

#[cfg(test)]
mod tests {
    use crate::base::id::ProtocolMapperId;

    use super::*;

    fn mapper(kind: &str, config: &[(&str, &str)]) -> ProtocolMapper {
        ProtocolMapper {
            id: ProtocolMapperId::from("m"),
            name: "mapper".to_owned(),
            protocol: "openid-connect".to_owned(),
            protocol_mapper: kind.to_owned(),
            consent_required: false,
            config: config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn switches_that_are_absent_follow_id_and_access_token() {
        let base = [("user.attribute", "a"), ("claim.name", "a"), ("access.token.claim", "true"), ("id.token.claim", "true")];
        let compiled = Mapper::compile(&mapper("oidc-usermodel-attribute-mapper", &base)).expect("compiles");
        assert!(compiled.includes(TokenKind::UserInfo) && compiled.includes(TokenKind::Introspection));
        assert!(!compiled.includes(TokenKind::LightweightAccess) && !compiled.includes(TokenKind::Response));

        let explicit =
            [base.as_slice(), &[("userinfo.token.claim", "false"), ("introspection.token.claim", "false"), ("lightweight.claim", "true")]]
                .concat();
        let compiled = Mapper::compile(&mapper("oidc-usermodel-attribute-mapper", &explicit)).expect("compiles");
        assert!(!compiled.includes(TokenKind::UserInfo) && !compiled.includes(TokenKind::Introspection));
        assert!(compiled.includes(TokenKind::LightweightAccess));
    }

    #[test]
    fn what_cannot_work_says_why() {
        for (kind, config, reason) in [
            ("oidc-usermodel-attribute-mapper", &[("claim.name", "a")][..], "user.attribute is missing"),
            ("oidc-usermodel-attribute-mapper", &[("user.attribute", "a")], "claim.name is missing"),
            ("oidc-usermodel-property-mapper", &[("user.attribute", "password"), ("claim.name", "a")], "a user has no property password"),
            (
                "oidc-hardcoded-claim-mapper",
                &[("claim.name", "a"), ("claim.value", "x"), ("jsonType.label", "int")],
                "claim.value is not of the type",
            ),
            ("oidc-audience-mapper", &[], "no audience is configured"),
            ("keywright-postgres-array-mapper", &[("claim.name", "a"), ("source", "x")], "x is no source"),
            ("keywright-postgres-array-mapper", &[("claim.name", "a"), ("source", "attribute")], "user.attribute is missing"),
            ("script-my.js", &[], "is a script"),
            ("oidc-nonsense", &[], "oidc-nonsense is not known"),
        ] {
            let error = Mapper::compile(&mapper(kind, config)).expect_err(kind);
            assert!(error.contains(reason), "{kind}: {error}");
        }
    }

    #[test]
    fn a_role_reference_splits_at_its_last_dot() {
        let parts = |text: &str| (RoleReference::parse(text).client, RoleReference::parse(text).name);
        assert_eq!(parts("reader"), (None, "reader".to_owned()));
        assert_eq!(parts("my.client.reader"), (Some("my.client".to_owned()), "reader".to_owned()));
        assert_eq!(parts("reader."), (None, "reader.".to_owned()));
    }

    #[test]
    fn json_types_convert_or_drop_the_value() {
        assert_eq!(JsonType::Long.value("7"), Some(Value::from(7)));
        assert_eq!(JsonType::Int.value("3000000000"), None);
        assert_eq!(JsonType::Boolean.value("TRUE"), Some(Value::from(true)));
        assert_eq!(JsonType::Boolean.value("yes"), Some(Value::from(false)));
        assert_eq!(JsonType::Json.value("{\"x\":[1,true]}"), Some(serde_json::json!({"x": [1, true]})));
        assert_eq!(JsonType::Json.value("{"), None);
        assert_eq!(JsonType::Unset.value("7"), Some(Value::from("7")));
    }
}
