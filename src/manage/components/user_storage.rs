//! User federations as data: what is judged before one is stored, and the mappers that a new one gets. Nothing here asks a
//! directory; the settings are kept for whoever does.

use crate::base::id::{ComponentId, RealmId, UserId};
use crate::base::random::Random;
use crate::manage::error::ManageError;
use crate::manage::users;
use crate::model::catalogue::user_storage::{LDAP_MAPPER, USER_STORAGE};
use crate::model::component::Component;
use crate::model::identity_provider::IdentityLinks;
use crate::store::StoreError;
use crate::store::job::STEP;
use crate::store::txn::{Configuration, Reader as _, Txn};

/// What nobody says of a directory's Kerberos principals.
const PRINCIPAL: &str = "krbPrincipalAttribute";

/// A fresh id: shorter than others, because users of a federation that imports nobody have it in theirs.
pub fn new_id(random: &dyn Random) -> ComponentId {
    ComponentId::from(random.base64url::<16>())
}

/// Fills in what follows from the rest.
pub fn complete(component: &mut Component) {
    if component.provider_id == "ldap" && !component.config.contains_key(PRINCIPAL) {
        let attribute = if component.value("vendor") == Some("ad") { "userPrincipalName" } else { "krb5PrincipalName" };
        component.config.insert(PRINCIPAL.to_owned(), vec![attribute.to_owned()]);
    }
}

/// Judges a user federation or a mapper of one.
pub(super) fn check(component: &Component) -> Result<(), ManageError> {
    match (component.provider_type.as_str(), component.provider_id.as_str()) {
        (USER_STORAGE, "ldap") => check_ldap(component),
        (LDAP_MAPPER, id) => check_mapper(component, id),
        _ => Ok(()),
    }
}

/// The texts and their order are Keycloak's.
fn check_ldap(component: &Component) -> Result<(), ManageError> {
    let refuse = |text: &'static str| Err(ManageError::component_config(text));
    let (value, is) =
        (|name: &str| component.value(name).filter(|text| !text.is_empty()), |name: &str| component.value(name) == Some("true"));
    for period in ["fullSyncPeriod", "changedSyncPeriod"] {
        if value(period).is_some_and(|text| text.parse::<i64>().is_err()) {
            return Err(ManageError::component_provider());
        }
    }
    let mode = match value("editMode") {
        None => return refuse("Edit Mode is mandatory"),
        Some(mode @ ("READ_ONLY" | "WRITABLE" | "UNSYNCED")) => mode,
        Some(_) => return Err(ManageError::component_provider()),
    };
    check_filter(value("customUserSearchFilter"))?;
    for (name, problem) in [("connectionTimeout", "Connection Timeout must be a number"), ("readTimeout", "Read Timeout must be a number")]
    {
        if value(name).is_some_and(|text| text.parse::<i64>().is_err()) {
            return refuse(problem);
        }
    }
    if mode == "UNSYNCED" && component.value("importEnabled") == Some("false") {
        return refuse("Can not disable Importing users when LDAP provider mode is UNSYNCED");
    }
    if is("startTls") && is("connectionPooling") {
        return refuse("Can not enable both StartTLS and connection pooling.");
    }
    if mode != "WRITABLE" && is("validatePasswordPolicy") {
        return refuse("Validate Password Policy is applicable only with WRITABLE edit mode");
    }
    Ok(())
}

fn check_mapper(component: &Component, id: &str) -> Result<(), ManageError> {
    let needs = |name: &str, label: &str| match component.value(name) {
        Some(text) if !text.is_empty() => Ok(()),
        _ => Err(ManageError::component_config(format!("Missing configuration for {label}"))),
    };
    match id {
        "user-attribute-ldap-mapper" | "certificate-ldap-mapper" => {
            needs("user.model.attribute", "User Model Attribute")?;
            needs("ldap.attribute", "LDAP Attribute")
        }
        "group-ldap-mapper" => {
            needs("groups.dn", "LDAP Groups DN")?;
            check_filter(component.value("groups.ldap.filter").filter(|text| !text.is_empty()))?;
            let by_uid = component.value("membership.attribute.type") == Some("UID");
            if by_uid && component.value("preserve.group.inheritance") != Some("false") {
                let problem = "Not possible to preserve group inheritance and use UID membership type together.";
                return Err(ManageError::component_config(problem));
            }
            Ok(())
        }
        "role-ldap-mapper" => {
            needs("roles.dn", "LDAP Roles DN")?;
            check_filter(component.value("roles.ldap.filter").filter(|text| !text.is_empty()))?;
            let of_client = component.value("use.realm.roles.mapping") == Some("false");
            if of_client && component.value("client.id").is_none_or(str::is_empty) {
                let problem = "Client ID needs to be provided in config when Realm Roles Mapping is not used.";
                return Err(ManageError::component_config(problem));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_filter(filter: Option<&str>) -> Result<(), ManageError> {
    match filter {
        Some(text) if !text.starts_with('(') || !text.ends_with(')') => {
            Err(ManageError::component_config("Custom configured LDAP filter does not start with \"(\" or does not end with \")\"."))
        }
        _ => Ok(()),
    }
}

/// The mappers that a new federation of kind `ldap` gets: which attribute of an entry is which of the user.
pub fn default_mappers(random: &dyn Random, federation: &Component) -> Vec<Component> {
    if federation.provider_type != USER_STORAGE || federation.provider_id != "ldap" {
        return Vec::new();
    }
    let ad = federation.value("vendor") == Some("ad");
    let mode = federation.value("editMode").unwrap_or_default();
    let (writable, always) = (mode == "WRITABLE", flag(mode != "UNSYNCED"));
    let read_only = flag(!writable);
    let named = |text: Option<&str>, usual: &str| text.filter(|text| !text.is_empty()).unwrap_or(usual).to_owned();
    let username = named(federation.value("usernameLDAPAttribute"), "uid");
    let by_name = named(federation.value("rdnLDAPAttribute"), "uid").eq_ignore_ascii_case("cn");

    let mapper = |name: &str, kind: &str, config: &[(&str, &str)]| Component {
        id: ComponentId::random(random),
        name: name.to_owned(),
        provider_id: kind.to_owned(),
        provider_type: LDAP_MAPPER.to_owned(),
        sub_type: None,
        parent: Some(federation.id.clone()),
        config: config.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect(),
    };
    // Name, attribute of the entry, of the user, whether it must be there, whether the directory's value always counts, read only.
    let attribute = |name: &str, [entry, user, mandatory, always, read_only]: [&str; 5]| {
        mapper(
            name,
            "user-attribute-ldap-mapper",
            &[
                ("ldap.attribute", entry),
                ("user.model.attribute", user),
                ("is.mandatory.in.ldap", mandatory),
                ("always.read.value.from.ldap", always),
                ("read.only", read_only),
            ],
        )
    };
    let mut mappers = vec![
        attribute("username", [&username, "username", "true", "false", read_only]),
        attribute("last name", ["sn", "lastName", "true", always, read_only]),
        attribute("email", ["mail", "email", "false", "false", read_only]),
        attribute("creation date", [if ad { "whenCreated" } else { "createTimestamp" }, "createTimestamp", "false", always, "true"]),
        attribute("modify date", [if ad { "whenChanged" } else { "modifyTimestamp" }, "modifyTimestamp", "false", always, "true"]),
        mapper("Kerberos principal attribute mapper", "kerberos-principal-attribute-mapper", &[]),
    ];
    // Where entries are named by `cn`, it is the user name, or what a new entry is named by, or the whole name.
    if by_name && !username.eq_ignore_ascii_case("cn") && !writable {
        let config = [("ldap.full.name.attribute", "cn"), ("read.only", read_only), ("write.only", "false")];
        mappers.push(mapper("full name", "full-name-ldap-mapper", &config));
    } else {
        if by_name && !username.eq_ignore_ascii_case("cn") {
            mappers.push(attribute("username-cn", ["cn", "username", "true", "false", read_only]));
        }
        let first_name = if by_name { "givenName" } else { "cn" };
        mappers.push(attribute("first name", [first_name, "firstName", "true", always, read_only]));
    }
    if ad {
        mappers.push(mapper(
            "MSAD account controls",
            "msad-user-account-control-mapper",
            &[("always.read.enabled.value.from.ldap", always)],
        ));
    }
    mappers
}

/// What becomes of users who are parted from the federation that brought them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parting {
    /// They are deleted.
    Go,
    /// They are the realm's own from then on, without a password unless they have one here.
    Stay,
}

/// Parts those of some users with links who came from this federation; the last user that was looked at, `None` at the end.
pub(super) async fn part_some(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    federation: &str,
    parting: Parting,
    after: Option<&UserId>,
) -> Result<Option<UserId>, StoreError> {
    let is_from = |links: &IdentityLinks| links.federation.as_deref() == Some(federation);
    let found = txn.identity_providers().linked(realm, after, STEP).await?;
    for (user, _) in found.iter().filter(|(_, links)| is_from(links)) {
        // The scan is a peek: read again, as part of the transaction.
        let mut links = txn.identity_providers().links(realm, user).await?;
        if !is_from(&links) {
            continue;
        }
        if parting == Parting::Stay {
            links.federation = None;
            txn.identity_providers().put_links(realm, user, &links);
        } else {
            match users::delete(txn, realm, user).await {
                Ok(_) | Err(ManageError::NotFound(_)) => {}
                Err(ManageError::Store(error)) => return Err(error),
                Err(other) => tracing::error!(%other, "a user of a deleted federation stays"),
            }
        }
    }
    Ok(if found.len() < STEP { None } else { found.last().map(|(user, _)| user.clone()) })
}

const fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::env::Env;

    fn ldap(config: &[(&str, &str)]) -> Component {
        Component {
            id: new_id(Env::system().random()),
            name: "ldap".to_owned(),
            provider_id: "ldap".to_owned(),
            provider_type: USER_STORAGE.to_owned(),
            sub_type: None,
            parent: None,
            config: config.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect(),
        }
    }

    /// Name and attribute of the entry, by name.
    fn mapped(config: &[(&str, &str)]) -> BTreeMap<String, String> {
        let attribute = |mapper: &Component| mapper.value("ldap.attribute").unwrap_or_default().to_owned();
        default_mappers(Env::system().random(), &ldap(config))
            .iter()
            .map(|mapper| (mapper.name.clone(), attribute(mapper)))
            .collect()
    }

    /// The recorded mappers of `ldap.json`.
    #[test]
    fn the_mappers_of_a_new_federation_fit_the_kind_of_directory() {
        let usual = [("rdnLDAPAttribute", "uid"), ("usernameLDAPAttribute", "uid"), ("editMode", "READ_ONLY")];
        let found = mapped(&usual);
        assert_eq!((found.len(), found["first name"].as_str(), found["creation date"].as_str()), (7, "cn", "createTimestamp"));
        let ad = [("vendor", "ad"), ("rdnLDAPAttribute", "cn"), ("usernameLDAPAttribute", "sAMAccountName")];
        let read_only = mapped(&[&ad[..], &[("editMode", "READ_ONLY")]].concat());
        assert!(
            read_only.contains_key("full name") && !read_only.contains_key("first name") && read_only.contains_key("MSAD account controls")
        );
        let writable = mapped(&[&ad[..], &[("editMode", "WRITABLE")]].concat());
        assert_eq!(
            (writable["first name"].as_str(), writable["username-cn"].as_str(), writable["creation date"].as_str()),
            ("givenName", "cn", "whenCreated")
        );
        assert_eq!(writable.len(), 9);
        assert_eq!(new_id(Env::system().random()).as_str().len(), 22);
    }

    #[test]
    fn a_bad_federation_is_refused_in_keycloaks_words() {
        for (config, expected) in [
            (&[][..], "Edit Mode is mandatory"),
            (&[("editMode", "NOPE")], "Invalid provider type or no such provider"),
            (
                &[("editMode", "READ_ONLY"), ("customUserSearchFilter", "a=b")],
                "Custom configured LDAP filter does not start with \"(\" or does not end with \")\".",
            ),
            (&[("editMode", "READ_ONLY"), ("connectionTimeout", "x")], "Connection Timeout must be a number"),
            (
                &[("editMode", "UNSYNCED"), ("importEnabled", "false")],
                "Can not disable Importing users when LDAP provider mode is UNSYNCED",
            ),
            (
                &[("editMode", "READ_ONLY"), ("startTls", "true"), ("connectionPooling", "true")],
                "Can not enable both StartTLS and connection pooling.",
            ),
            (
                &[("editMode", "READ_ONLY"), ("validatePasswordPolicy", "true")],
                "Validate Password Policy is applicable only with WRITABLE edit mode",
            ),
        ] {
            let Err(ManageError::Invalid(refusal)) = check(&ldap(config)) else { panic!("{config:?}") };
            assert_eq!(refusal.to_string(), expected);
        }
        assert!(check(&ldap(&[("editMode", "WRITABLE"), ("validatePasswordPolicy", "true")])).is_ok());
    }
}
