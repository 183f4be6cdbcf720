//! Components (key providers with their private keys among them), the user profile, identity providers.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::base::id::ComponentId;
use crate::keyring::provider::SECRET_CONFIG;
use crate::keyring::{self, KeyMaker, KeySource};
use crate::manage::components::FEDERATION_SECRETS;
use crate::manage::defaults;
use crate::manage::defaults::components::REGISTRATION_POLICY;
use crate::manage::realms::MASK;
use crate::manage::representation::component::ComponentExportRepresentation;
use crate::model::component::{Component, KEY_PROVIDER};
use crate::model::identity_provider::{self, IdentityProvider, IdentityProviderMapper};
use crate::model::user_profile::UserProfile;

use super::document::Members;
use super::draft::{Draft, coerce, untaken};
use super::report::Fate;

/// `providerType` of the component that holds the user profile's configuration.
pub const USER_PROFILE_PROVIDER: &str = "org.keycloak.userprofile.UserProfileProvider";
/// Where in its configuration.
pub const USER_PROFILE_CONFIG: &str = "kc.user.profile.config";

/// The components of a file, with keys and registration policies of a new realm where the file has none, and the user profile.
pub(super) fn components(draft: &mut Draft<'_>, members: &mut Members, master: bool, keys: KeySource) -> (Vec<Component>, UserProfile) {
    // Keycloak's has an id; one without is that of a realm that never had the component, so that none is made for it here.
    let profile_has_id = members.get("components").is_some_and(|components| !components[USER_PROFILE_PROVIDER][0]["id"].is_null());
    let mut components = flattened(draft, members);
    let profile = user_profile(draft, &mut components, master);
    components.retain(|component| component.provider_type != USER_PROFILE_PROVIDER || profile_has_id);
    if !components.iter().any(|component| component.provider_type == REGISTRATION_POLICY) {
        components.extend(defaults::components::registration_policies(draft.env.random()));
    }
    let mut usable = Vec::new();
    for mut component in components {
        match component.provider_type.as_str() {
            KEY_PROVIDER => complete_key(draft, &mut component),
            REGISTRATION_POLICY | USER_PROFILE_PROVIDER => {}
            _ => {
                seal_federation_secrets(draft, &mut component);
                let effect = format!("nothing here runs components of type {}", component.provider_type);
                draft.report.add(Fate::Kept, "component", name_of(&component), effect);
            }
        }
        usable.push(component);
    }
    usable.retain(|component| {
        component.provider_type != KEY_PROVIDER
            || keyring::Keyring::open(&draft.realm, std::slice::from_ref(component), draft.sealer).is_ok()
    });
    if !usable.iter().any(|component| component.provider_type == KEY_PROVIDER) {
        match keyring::default_providers(draft.env, &draft.realm, &draft.realm_name, draft.sealer, keys) {
            Ok(fresh) => usable.extend(fresh),
            Err(error) => draft.problems.add("components", error),
        }
        draft
            .report
            .add(Fate::Changed, "keys of realm", draft.realm_name.clone(), "the file has none: new ones were made");
    }
    (usable, profile)
}

/// Every component, those that belong to another one among them.
fn flattened(draft: &mut Draft<'_>, members: &mut Members) -> Vec<Component> {
    let given = members.remove("components").filter(|value| !value.is_null()).unwrap_or_else(|| Value::Object(Members::new()));
    let Some(given) = draft.typed::<BTreeMap<String, Vec<ComponentExportRepresentation>>>("components", given) else { return Vec::new() };
    let mut waiting: Vec<(String, ComponentExportRepresentation, Option<ComponentId>)> = Vec::new();
    let together = |kind: &str, list: Vec<ComponentExportRepresentation>, parent: Option<&ComponentId>| {
        list.into_iter().map(|component| (kind.to_owned(), component, parent.cloned())).collect::<Vec<_>>()
    };
    for (kind, list) in given {
        waiting.extend(together(&kind, list, None));
    }
    let (mut components, mut ids) = (Vec::new(), HashSet::new());
    while let Some((kind, mut given, parent)) = waiting.pop() {
        let below = std::mem::take(&mut given.sub_components);
        let component = Component { parent, ..given.into_model(&kind, ComponentId::random(draft.env.random())) };
        let place = format!("components.{kind}.{}", name_of(&component));
        draft.check_id(&place, component.id.as_str());
        if !ids.insert(component.id.clone()) {
            draft.problems.add(&place, "its id is there twice");
        }
        for (kind, list) in below {
            waiting.extend(together(&kind, list, Some(&component.id)));
        }
        components.push(component);
    }
    components
}

/// Keys come with their private halves, or new ones are made where Keycloak would make them, too.
fn complete_key(draft: &mut Draft<'_>, component: &mut Component) {
    let masked: Vec<String> = SECRET_CONFIG
        .iter()
        .filter(|name| component.value(name) == Some(MASK))
        .map(|name| (*name).to_owned())
        .collect();
    let had_secret = SECRET_CONFIG.iter().any(|name| component.value(name).is_some_and(|value| !value.is_empty() && value != MASK));
    for name in &masked {
        component.config.remove(name);
    }
    let made_by_itself = component.provider_id.ends_with("-generated");
    if component.provider_id == "java-keystore" {
        return draft.report.add(
            Fate::Kept,
            "key provider",
            name_of(component),
            "its key is in a Java key store: tokens signed with it do not verify",
        );
    }
    if !had_secret && made_by_itself {
        component.config.remove("certificate");
        draft.report.add(
            Fate::Changed,
            "key provider",
            name_of(component),
            "the file has no private key for it: a new one was made, tokens signed with the old one do not verify",
        );
    }
    let maker = KeyMaker { env: draft.env, realm: &draft.realm, realm_name: &draft.realm_name, sealer: draft.sealer };
    if let Err(error) = maker.complete(component) {
        let effect = format!("{}: tokens signed with it do not verify", error.reason);
        draft.report.add(Fate::Dropped, "key provider", name_of(component), effect);
    }
}

fn seal_federation_secrets(draft: &Draft<'_>, component: &mut Component) {
    for name in FEDERATION_SECRETS {
        let identity = component.secret_identity(name);
        for value in component.config.get_mut(name).into_iter().flatten() {
            *value = draft.seal(&identity, value);
        }
    }
}

/// The user profile is a document of its own here; its component keeps nothing but its id and name.
fn user_profile(draft: &mut Draft<'_>, components: &mut [Component], master: bool) -> UserProfile {
    let usual = defaults::user_profile::profile(master);
    let Some(index) = components.iter().position(|component| component.provider_type == USER_PROFILE_PROVIDER) else { return usual };
    let Some(texts) = components[index].config.remove(USER_PROFILE_CONFIG) else { return usual };
    // Keycloak splits a long text over several values.
    let text = texts.concat();
    let profile: UserProfile = match serde_json::from_str(&text) {
        Ok(profile) => profile,
        Err(error) => {
            draft.problems.add(format!("components.{USER_PROFILE_PROVIDER}.{USER_PROFILE_CONFIG}"), error);
            return usual;
        }
    };
    if let Err(problem) = profile.check() {
        draft
            .report
            .add(Fate::Changed, "user profile of realm", draft.realm_name.clone(), format!("{problem}: that rule is not checked"));
    }
    profile
}

fn name_of(component: &Component) -> String {
    if component.name.is_empty() { component.provider_id.clone() } else { component.name.clone() }
}

/// Identity providers with their mappers, as data.
pub(super) fn identity_providers(draft: &mut Draft<'_>, members: &mut Members) -> Vec<IdentityProvider> {
    let mut providers: BTreeMap<String, IdentityProvider> = BTreeMap::new();
    let switches = serde_json::json!({ "enabled": true, "trustEmail": true, "storeToken": true, "linkOnly": true, "hideOnLogin": true });
    for (place, mut value) in draft.raw_list("identityProviders", members.remove("identityProviders")) {
        coerce(&mut value, &switches);
        let Some(mut provider) = draft.typed::<IdentityProvider>(&place, value.clone()) else { continue };
        for name in untaken(&value, &provider).keys() {
            draft.report.add(
                Fate::Dropped,
                "member of an identity provider",
                format!("{}.{name}", provider.alias),
                "no provider has it here",
            );
        }
        draft.check_name(&place, &provider.alias);
        if provider.internal_id.is_empty() {
            provider.internal_id = draft.env.random().uuid().to_string();
        }
        for name in identity_provider::SECRET_CONFIG {
            let identity = provider.secret_identity(name);
            if let Some(secret) = provider.config.get_mut(name) {
                if secret == MASK {
                    draft.report.add(
                        Fate::Dropped,
                        "secret of identity provider",
                        &provider.alias,
                        "it is masked in the file: set it again",
                    );
                }
                *secret = draft.seal(&identity, secret);
            }
        }
        draft.report.add(Fate::Kept, "identity provider", &provider.alias, "nobody can sign in through it yet");
        if let Some(other) = providers.insert(provider.alias.clone(), provider) {
            draft.problems.add(place, format!("the identity provider {:?} is there twice", other.alias));
        }
    }
    for (place, value) in draft.raw_list("identityProviderMappers", members.remove("identityProviderMappers")) {
        let alias = value["identityProviderAlias"].as_str().unwrap_or_default().to_owned();
        let Some(mut mapper) = draft.typed::<IdentityProviderMapper>(&place, value) else { continue };
        if mapper.id.is_empty() {
            mapper.id = draft.env.random().uuid().to_string();
        }
        match providers.get_mut(&alias) {
            Some(provider) => provider.mappers.push(mapper),
            None => draft.problems.add(place, format!("there is no identity provider {alias:?}")),
        }
    }
    providers.into_values().collect()
}
