//! Clients and client scopes.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::base::id::{ClientId, ClientScopeId, ProtocolMapperId};
use crate::manage::client_secrets::{SECRET_LENGTH, seal_secret_attributes};
use crate::manage::realms::MASK;
use crate::manage::representation::client::ClientRepresentation;
use crate::manage::representation::client_scope::ClientScopeRepresentation;
use crate::model::client::{Client, ROTATED_SECRET};
use crate::model::client_scope::ClientScope;
use crate::model::protocol_mapper::{ProtocolMapper, TYPES};

use super::document::Members;
use super::draft::{Draft, Names, coerce, untaken};
use super::report::Fate;

/// The client scopes of a file. Their names are added to `names`.
pub(super) fn scopes(draft: &mut Draft<'_>, members: &mut Members, names: &mut Names) -> Vec<ClientScope> {
    let mut ids = HashSet::new();
    let mut scopes = Vec::new();
    for (place, value) in draft.raw_list("clientScopes", members.remove("clientScopes")) {
        let Some(given) = draft.typed::<ClientScopeRepresentation>(&place, value.clone()) else { continue };
        for name in untaken(&value, &given).keys() {
            draft
                .report
                .add(Fate::Dropped, "member of a client scope", format!("{}.{name}", given.name), "no client scope has it here");
        }
        let random = draft.env.random();
        let scope = given.into_model(ClientScopeId::random(random), || ProtocolMapperId::random(random));
        draft.check_id(&place, scope.id.as_str());
        draft.check_name(&place, &scope.name);
        if names.scopes.insert(scope.name.clone(), scope.id.clone()).is_some() || !ids.insert(scope.id.clone()) {
            draft.problems.add(&place, format!("the client scope {:?} or its id is there twice", scope.name));
        }
        check_mappers(draft, &place, &scope.name, &scope.protocol_mappers);
        scopes.push(scope);
    }
    scopes
}

/// A client, and the names of the client scopes that it has by default and by request; `None` stands for the realm's own.
pub(super) struct ImportedClient {
    pub place: String,
    pub client: Client,
    pub default_scopes: Option<Vec<String>>,
    pub optional_scopes: Option<Vec<String>>,
}

/// The clients of a file. Their names are added to `names`.
pub(super) fn clients(draft: &mut Draft<'_>, members: &mut Members, names: &mut Names) -> Vec<ImportedClient> {
    let mut ids = HashSet::new();
    let mut clients = Vec::new();
    for (place, value) in draft.raw_list("clients", members.remove("clients")) {
        let Some(client) = client(draft, &place, value) else { continue };
        if names.clients.insert(client.client.client_id.clone(), client.client.id.clone()).is_some()
            || !ids.insert(client.client.id.clone())
        {
            draft.problems.add(&place, format!("the client {:?} or its id is there twice", client.client.client_id));
        }
        clients.push(client);
    }
    clients
}

fn client(draft: &mut Draft<'_>, place: &str, mut value: Value) -> Option<ImportedClient> {
    let switches = serde_json::to_value(ClientRepresentation::of(&Client::default(), None, |_| None)).unwrap_or_default();
    coerce(&mut value, &switches);
    if value["authorizationServicesEnabled"] == json!("true") {
        value["authorizationServicesEnabled"] = json!(true);
    }
    let given: ClientRepresentation = draft.typed(place, value.clone())?;
    let mut unused = untaken(&value, &given);
    for name in ["access", "origin"] {
        unused.remove(name);
    }
    let (default_scopes, optional_scopes) = (given.default_client_scopes.clone(), given.optional_client_scopes.clone());
    let secret = given.secret.clone().filter(|secret| !secret.expose().is_empty());
    let random = draft.env.random();
    let mut client = given.into_model(ClientId::random(random), || ProtocolMapperId::random(random));
    draft.check_id(place, client.id.as_str());
    draft.check_name(place, &client.client_id);

    let confidential = !client.public_client && !client.bearer_only;
    let secret = match secret {
        Some(secret) if secret.expose() != MASK => Some(secret.expose().clone()),
        given => {
            if confidential {
                let why = if given.is_some() { "its secret is masked in the file" } else { "the file has no secret for it" };
                draft.report.add(
                    Fate::Changed,
                    "client",
                    &client.client_id,
                    format!("{why}: it got a new one, which its users must be given"),
                );
            }
            confidential.then(|| draft.env.random().alphanumeric(SECRET_LENGTH))
        }
    };
    client.secret = secret.map(|secret| draft.seal(&client.secret_identity(), &secret));
    if client.attributes.get(ROTATED_SECRET).is_some_and(|secret| secret == MASK) {
        client.attributes.remove(ROTATED_SECRET);
        draft.report.add(
            Fate::Dropped,
            "former secret of client",
            &client.client_id,
            "it is masked in the file: only the present one counts",
        );
    }
    if let Err(error) = seal_secret_attributes(&mut client, draft.env, draft.sealer, &draft.realm) {
        draft.problems.add(place, error);
    }

    if client.protocol.as_deref() != Some("openid-connect") {
        draft
            .report
            .add(Fate::Kept, "client", &client.client_id, "its protocol is not OpenID Connect, which is the only one served");
    }
    if client.authorization_services_enabled {
        draft.report.add(
            Fate::Kept,
            "client",
            &client.client_id,
            "authorization services (UMA) are not there: its permissions decide nothing",
        );
    }
    if !unused.is_empty() {
        for name in unused.keys() {
            draft
                .report
                .add(Fate::Kept, "member of a client", format!("{}.{name}", client.client_id), "nothing here uses it");
        }
        draft.carry(&format!("client.{}", client.client_id), &Value::Object(unused));
    }
    check_mappers(draft, place, &client.client_id.clone(), &client.protocol_mappers);
    Some(ImportedClient { place: place.to_owned(), client, default_scopes, optional_scopes })
}

fn check_mappers(draft: &mut Draft<'_>, place: &str, holder: &str, mappers: &[ProtocolMapper]) {
    let mut seen = HashSet::new();
    for mapper in mappers {
        draft.check_id(place, mapper.id.as_str());
        if !seen.insert((&mapper.name, &mapper.protocol)) {
            draft.problems.add(place, format!("the protocol mapper {:?} is there twice", mapper.name));
        }
        if !TYPES.contains(&mapper.protocol_mapper.as_str()) {
            let effect = format!("its type {} does not exist here: it puts nothing into tokens", mapper.protocol_mapper);
            draft.report.add(Fate::Kept, "protocol mapper", format!("{holder}/{}", mapper.name), effect);
        }
    }
}

impl ImportedClient {
    /// The client with its scopes resolved. `realm_scopes` are those of the realm for its protocol: default and optional ones.
    pub fn resolved(mut self, draft: &mut Draft<'_>, names: &Names, realm_scopes: &[Vec<ClientScopeId>; 2]) -> Client {
        let mut resolve = |given: Option<Vec<String>>, own: &Vec<ClientScopeId>| {
            let Some(given) = given else { return own.clone() };
            let mut ids = Vec::with_capacity(given.len());
            for name in given {
                match names.scopes.get(&name) {
                    Some(id) if ids.contains(id) => {}
                    Some(id) => ids.push(id.clone()),
                    None => draft.report.add(
                        Fate::Dropped,
                        "client scope of a client",
                        format!("{}/{name}", self.client.client_id),
                        "the realm has no such client scope",
                    ),
                }
            }
            ids
        };
        // As in Keycloak, who names only one of the two lists leaves the other one empty.
        let neither = self.default_scopes.is_none() && self.optional_scopes.is_none();
        let none = Vec::new();
        self.client.default_client_scopes = resolve(self.default_scopes.take(), if neither { &realm_scopes[0] } else { &none });
        self.client.optional_client_scopes = resolve(self.optional_scopes.take(), if neither { &realm_scopes[1] } else { &none });
        self.client
    }
}
