//! Everything of a realm but its users, from the members of a file: parts that the file lacks are those of a new realm, as
//! Keycloak fills them in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::base::env::Env;
use crate::base::id::{ClientId, ClientScopeId, RealmId, RoleId};
use crate::base::seal::Sealer;
use crate::keyring::KeySource;
use crate::manage::defaults::client_scopes::SERVICE_ACCOUNT;
use crate::manage::realms::{self, MASK};
use crate::manage::representation::role::RoleRepresentation;
use crate::model::authentication::Authentication;
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::component::Component;
use crate::model::group::Group;
use crate::model::identity_provider::IdentityProvider;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::model::user_profile::UserProfile;
use crate::store::localization::Texts;

use super::clients::ImportedClient;
use super::document::Members;
use super::draft::{Draft, Names, Problems, coerce};
use super::organizations::ImportedOrganization;
use super::placeholders;
use super::report::{Fate, Report};
use super::users::MissingRoles;
use super::{authentication, clients, components, organizations, roles};

/// A realm without its users, ready to be written.
pub(super) struct Contents {
    pub realm: Realm,
    pub roles: Vec<Role>,
    pub clients: Vec<Client>,
    pub scopes: Vec<ClientScope>,
    pub groups: Vec<Group>,
    pub components: Vec<Component>,
    pub authentication: Authentication,
    pub user_profile: UserProfile,
    pub identity_providers: Vec<IdentityProvider>,
    pub organizations: Vec<ImportedOrganization>,
    pub localization: Texts,
    pub carried: Vec<(String, String)>,
}

/// What building a realm needs.
#[derive(Clone, Copy)]
pub(super) struct Building<'a> {
    pub env: &'a Env,
    pub sealer: &'a Sealer,
    pub keys: KeySource,
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
}

/// A realm with the names of its parts, what differs from the file, and what is wrong with it.
pub(super) struct Built {
    pub contents: Contents,
    pub names: Names,
    pub report: Report,
    pub problems: Problems,
}

/// Members that are only exported by some tools and say nothing.
const IGNORED: [&str; 4] = ["keycloakVersion", "id", "realm", "requiredCredentials"];
/// Members that are kept as they are, each with why it has no effect.
const CARRIED: [(&str, &str); 2] =
    [("federatedUsers", "user federation is not there yet"), ("adminPermissionsClient", "fine-grained admin permissions are not there")];

impl Building<'_> {
    /// Builds the realm `name` under `id` from `members`.
    pub fn build(self, id: &RealmId, name: &str, mut members: Members) -> Built {
        let Self { env, sealer, keys, lookup } = self;
        let mut draft = Draft {
            env,
            sealer,
            realm: id.clone(),
            realm_name: name.to_owned(),
            report: Report::default(),
            problems: Problems::default(),
            carried: Vec::new(),
        };
        substitute(&mut draft, &mut members, lookup);
        if let Err(error) = realms::check_name(name) {
            draft.problems.add("realm", error);
        }
        let master = name == Realm::MASTER;
        let mut usual = realms::usual_contents(env, id, name);
        let mut names = Names::default();

        let scopes = clients::scopes(&mut draft, &mut members, &mut names);
        let own_scopes = !scopes.is_empty();
        let scopes = if own_scopes { scopes } else { std::mem::take(&mut usual.scopes) };
        names.scopes.extend(scopes.iter().map(|scope| (scope.name.clone(), scope.id.clone())));

        let given = clients::clients(&mut draft, &mut members, &mut names);
        let missing: Vec<Client> = usual.clients.iter().filter(|client| !names.clients.contains_key(&client.client_id)).cloned().collect();
        names.clients.extend(missing.iter().map(|client| (client.client_id.clone(), client.id.clone())));

        let default_role = draft.list_of_one::<RoleRepresentation>("defaultRole", members.remove("defaultRole"));
        let mut roles = roles::roles(&mut draft, &mut members, &mut names);
        let added = add_usual_roles(&usual, &mut roles, &mut names, default_role.is_some());
        let default_role = settle_default_role(&mut draft, &usual, default_role, &mut roles, &mut names);
        let groups = roles::groups(&mut draft, &mut members, &mut names);
        let mappings = roles::scope_mappings(&mut draft, &mut members, &names);

        let mut realm = self.settings(&mut draft, &mut members, &usual.realm, &default_role);
        attach_realm_scopes(&mut draft, &mut members, &mut realm, &usual.realm, &names, own_scopes);
        for (place, path) in draft.list::<String>("defaultGroups", members.remove("defaultGroups")) {
            match names.groups.get(&path) {
                Some(id) => realm.default_groups.push(id.clone()),
                None => draft.problems.add(place, format!("there is no group {path:?}")),
            }
        }
        let mut clients = resolved(&mut draft, given, missing, &added, &scopes, &realm, &names);
        let mut scopes = scopes;
        for client in &mut clients {
            client.scope_mappings.extend(mappings.of_client.get(&client.client_id).into_iter().flatten().cloned());
        }
        for scope in &mut scopes {
            scope.scope_mappings.extend(mappings.of_scope.get(&scope.name).into_iter().flatten().cloned());
        }

        let authentication = authentication::authentication(&mut draft, &mut members, master);
        check_bindings(&mut draft, &realm, &authentication);
        let (components, user_profile) = components::components(&mut draft, &mut members, master, keys);
        let mut identity_providers = components::identity_providers(&mut draft, &mut members);
        let organizations = organizations::organizations(&mut draft, &mut members, &mut names, &mut identity_providers);
        let localization = localization(&mut draft, &mut members);
        carry_the_rest(&mut draft, members);

        let contents = Contents {
            realm,
            roles,
            clients,
            scopes,
            groups,
            components,
            authentication,
            user_profile,
            identity_providers,
            organizations,
            localization,
            carried: std::mem::take(&mut draft.carried),
        };
        Built { contents, names, report: draft.report, problems: draft.problems }
    }

    /// The realm's own settings: the members that are fields of a realm.
    fn settings(self, draft: &mut Draft<'_>, members: &mut Members, usual: &Realm, default_role: &RoleId) -> Realm {
        let base = Realm { default_role: default_role.clone(), ..usual.clone() };
        let Ok(Value::Object(fields)) = serde_json::to_value(&base) else { return base };
        let (mut settings, mut rest) = (Map::new(), Members::new());
        for (name, value) in std::mem::take(members) {
            if fields.contains_key(&name) && !realms::NO_SETTINGS.contains(&name.as_str()) {
                settings.insert(name, value);
            } else {
                rest.insert(name, value);
            }
        }
        *members = rest;
        let mut settings = Value::Object(settings);
        coerce(&mut settings, &Value::Object(fields));
        let Value::Object(settings) = settings else { return base };
        if settings.get("smtpServer").and_then(|smtp| smtp.get("password")).and_then(Value::as_str) == Some(MASK) {
            let effect = "it is masked in the file: set it again, or no mail is sent";
            draft.report.add(Fate::Dropped, "password of the mail server of realm", draft.realm_name.clone(), effect);
        }
        match realms::apply(&base, &settings, self.env, self.sealer) {
            Ok(mut realm) => {
                // Settings are mirrored in attributes, in master they are not.
                let given = settings.get("attributes");
                realm.attributes.retain(|name, _| {
                    !name.starts_with("oauth2Device")
                        || usual.attributes.contains_key(name)
                        || given.is_some_and(|given| given.get(name).is_some())
                });
                Realm { name: draft.realm_name.clone(), ..realm }
            }
            Err(error) => {
                draft.problems.add("realm", error);
                base
            }
        }
    }
}

fn substitute(draft: &mut Draft<'_>, members: &mut Members, lookup: &dyn Fn(&str) -> Option<String>) {
    let mut missing = BTreeSet::new();
    for member in members.values_mut() {
        placeholders::replace(member, lookup, &mut missing);
    }
    for name in missing {
        draft.report.add(
            Fate::Changed,
            "placeholder",
            format!("${{{name}}}"),
            "the environment has no value for it: it stays as it stands",
        );
    }
}

/// Roles that belong to built-in clients without any, and the realm's own where the file says nothing of a default role. Answers
/// the clients whose roles were added.
fn add_usual_roles(usual: &realms::Contents, roles: &mut Vec<Role>, names: &mut Names, says_default_role: bool) -> HashSet<String> {
    let mut ids: HashMap<RoleId, RoleId> = HashMap::new();
    let mut fresh = Vec::new();
    let mut added = HashSet::new();
    for client in &usual.clients {
        let has_roles = names.client_roles.get(&client.client_id).is_some_and(|roles| !roles.is_empty());
        for role in usual.roles.iter().filter(|role| role.container == RoleContainer::Client(client.id.clone())) {
            if has_roles {
                if let Some(id) = names.client_role(&client.client_id, &role.name) {
                    ids.insert(role.id.clone(), id.clone());
                }
                continue;
            }
            let container = RoleContainer::Client(names.clients[&client.client_id].clone());
            names.client_roles.entry(client.client_id.clone()).or_default().insert(role.name.clone(), role.id.clone());
            fresh.push(Role { container, ..role.clone() });
            added.insert(client.client_id.clone());
        }
    }
    for role in usual
        .roles
        .iter()
        .filter(|role| role.container == RoleContainer::Realm && role.id != usual.realm.default_role)
    {
        if let Some(id) = names.realm_roles.get(&role.name) {
            ids.insert(role.id.clone(), id.clone());
        } else if !says_default_role {
            names.realm_roles.insert(role.name.clone(), role.id.clone());
            fresh.push(role.clone());
        }
    }
    let known: HashSet<RoleId> = roles.iter().chain(&fresh).map(|role| role.id.clone()).collect();
    for role in &mut fresh {
        role.composites = role.composites.iter().map(|id| ids.get(id).unwrap_or(id).clone()).filter(|id| known.contains(id)).collect();
    }
    roles.extend(fresh);
    added
}

/// The role that new users get: the one that the file names, or a new one with what it has in a new realm.
fn settle_default_role(
    draft: &mut Draft<'_>,
    usual: &realms::Contents,
    given: Option<RoleRepresentation>,
    roles: &mut Vec<Role>,
    names: &mut Names,
) -> RoleId {
    let name = given
        .as_ref()
        .and_then(|role| role.name.clone())
        .unwrap_or_else(|| realms::default_role_name(&draft.realm_name));
    if let Some(id) = names.realm_roles.get(&name) {
        return id.clone();
    }
    let id = given.and_then(|role| role.id).map_or_else(|| usual.realm.default_role.clone(), RoleId::from);
    draft.check_id("defaultRole", id.as_str());
    let composites = usual.roles.iter().find(|role| role.id == usual.realm.default_role).map(|role| &role.composites);
    // By name: the file may have roles of its own in their places.
    let by_id: HashMap<&RoleId, &Role> = usual.roles.iter().map(|role| (&role.id, role)).collect();
    let client_ids: HashMap<&ClientId, &str> = usual.clients.iter().map(|client| (&client.id, client.client_id.as_str())).collect();
    let composites = composites.into_iter().flatten().filter_map(|id| {
        let role = by_id.get(id)?;
        match &role.container {
            RoleContainer::Realm => names.realm_roles.get(&role.name).cloned(),
            RoleContainer::Client(client) => names.client_role(client_ids.get(client)?, &role.name).cloned(),
        }
    });
    roles.push(Role {
        id: id.clone(),
        name: name.clone(),
        description: Some("${role_default-roles}".to_owned()),
        container: RoleContainer::Realm,
        composites: composites.collect(),
        attributes: BTreeMap::new(),
    });
    names.realm_roles.insert(name, id.clone());
    id
}

fn attach_realm_scopes(draft: &mut Draft<'_>, members: &mut Members, realm: &mut Realm, usual: &Realm, names: &Names, own_scopes: bool) {
    let mut resolve = |member: &str, usual: &[ClientScopeId]| {
        if !members.contains_key(member) && !own_scopes {
            return usual.to_vec();
        }
        let mut ids = Vec::new();
        for (_, name) in draft.list::<String>(member, members.remove(member)) {
            match names.scopes.get(&name) {
                Some(id) => ids.push(id.clone()),
                None => draft.report.add(Fate::Dropped, "client scope of new clients", name, "the realm has no such client scope"),
            }
        }
        ids
    };
    realm.default_default_client_scopes = resolve("defaultDefaultClientScopes", &usual.default_default_client_scopes);
    realm.default_optional_client_scopes = resolve("defaultOptionalClientScopes", &usual.default_optional_client_scopes);
}

/// All clients: those of the file, and the built-in ones that it lacks.
fn resolved(
    draft: &mut Draft<'_>,
    given: Vec<ImportedClient>,
    missing: Vec<Client>,
    added: &HashSet<String>,
    scopes: &[ClientScope],
    realm: &Realm,
    names: &Names,
) -> Vec<Client> {
    let of_protocol = |ids: &[ClientScopeId], protocol: &str| -> Vec<ClientScopeId> {
        let fits = |id: &&ClientScopeId| scopes.iter().any(|scope| scope.id == **id && scope.protocol == protocol);
        ids.iter().filter(fits).cloned().collect()
    };
    let realm_scopes = |protocol: &str| {
        [&realm.default_default_client_scopes, &realm.default_optional_client_scopes].map(|ids| of_protocol(ids, protocol))
    };
    let mut clients = Vec::with_capacity(given.len() + missing.len());
    for client in given {
        let protocol = client.client.protocol.clone().unwrap_or_default();
        check_client(draft, &client);
        let asked = client.default_scopes.is_some() || client.optional_scopes.is_some();
        let mut client = client.resolved(draft, names, &realm_scopes(&protocol));
        // Keycloak attaches it when it switches a service account on; a file that lists scopes has listed it.
        if client.service_accounts_enabled
            && !asked
            && let Some(scope) = names.scopes.get(SERVICE_ACCOUNT).filter(|scope| !client.default_client_scopes.contains(scope))
        {
            client.default_client_scopes.push(scope.clone());
        }
        clients.push(client);
    }
    let [default, optional] = realm_scopes("openid-connect");
    for mut client in missing {
        client.default_client_scopes.clone_from(&default);
        client.optional_client_scopes.clone_from(&optional);
        // What the console may show in its tokens are roles of `account`, which are the file's own if it has that client.
        if !client.scope_mappings.is_empty() && !added.contains("account") {
            let mapped = ["manage-account", "view-groups"].iter().filter_map(|role| names.client_role("account", role));
            client.scope_mappings = mapped.cloned().collect();
        }
        clients.push(client);
    }
    clients
}

fn check_client(draft: &mut Draft<'_>, client: &ImportedClient) {
    if let Err(error) = crate::manage::clients::check(&client.client) {
        draft.problems.add(format!("{} ({})", client.place, client.client.client_id), error);
    }
}

/// Every flow that the realm is bound to must exist.
fn check_bindings(draft: &mut Draft<'_>, realm: &Realm, authentication: &Authentication) {
    for alias in realms::bound_flows(realm) {
        if authentication.flow_by_alias(alias).is_none_or(|flow| !flow.top_level) {
            draft
                .problems
                .add("authenticationFlows", format!("the realm is bound to the flow {alias:?}, which is not there at the top level"));
        }
    }
}

fn localization(draft: &mut Draft<'_>, members: &mut Members) -> Texts {
    let given = members.remove("localizationTexts").filter(|value| !value.is_null());
    given.and_then(|value| draft.typed("localizationTexts", value)).unwrap_or_default()
}

/// What has no place here is kept and named.
fn carry_the_rest(draft: &mut Draft<'_>, members: Members) {
    for (name, value) in members {
        let says_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
        if says_nothing || IGNORED.contains(&name.as_str()) {
            continue;
        }
        let effect = CARRIED.iter().find(|(known, _)| *known == name).map_or("nothing here uses it", |(_, effect)| effect);
        match value.as_array() {
            Some(items) => {
                for (number, item) in items.iter().enumerate() {
                    let called = ["name", "alias", "username", "id"].iter().find_map(|member| item[*member].as_str());
                    draft.report.add(
                        Fate::Kept,
                        "member of realm",
                        called.map_or(format!("{name}[{number}]"), |called| format!("{name}.{called}")),
                        effect,
                    );
                }
            }
            None => draft.report.add(Fate::Kept, "member of realm", name.clone(), effect),
        }
        draft.carry(&name, &value);
    }
}

impl Draft<'_> {
    fn list_of_one<T: serde::de::DeserializeOwned>(&mut self, place: &str, value: Option<Value>) -> Option<T> {
        let value = value.filter(|value| !value.is_null())?;
        self.typed(place, value)
    }
}

impl Contents {
    /// Adds the roles that only users mention, as Keycloak does.
    pub fn add_missing_roles(&mut self, env: &Env, names: &mut Names, missing: MissingRoles, report: &mut Report) {
        let effect = "users have it and the file does not define it: it was made";
        let mut add = |name: &str, container| {
            let id = RoleId::random(env.random());
            self.roles.push(Role {
                id: id.clone(),
                name: name.to_owned(),
                description: None,
                container,
                composites: Vec::new(),
                attributes: BTreeMap::new(),
            });
            id
        };
        for name in missing.realm {
            let id = add(&name, RoleContainer::Realm);
            report.add(Fate::Changed, "realm role", &name, effect);
            names.realm_roles.insert(name, id);
        }
        for (client, name) in missing.client {
            let id = add(&name, RoleContainer::Client(names.clients[&client].clone()));
            report.add(Fate::Changed, "client role", format!("{client}/{name}"), effect);
            names.client_roles.entry(client).or_default().insert(name, id);
        }
    }
}
