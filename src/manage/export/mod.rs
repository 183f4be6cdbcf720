//! A realm as a document in Keycloak's format. Users stream out in pages, so memory does not grow with their number; what an
//! import only kept comes out again.

mod members;
mod names;
mod users;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::id::ClientScopeId;
use crate::base::seal::{CannotOpen, Sealer};
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::store::txn::{Peek, Reader as _};
use crate::store::{Store, StoreError};

use super::error::ManageError;
use super::representation::client_scope::ClientScopeRepresentation;
use super::representation::realm::{RealmRepresentation, SmtpPassword};
use super::users::service_account_name;
use names::Names;

/// The Keycloak whose format this is; importers look at it to decide what to migrate.
pub const KEYCLOAK_VERSION: &str = "26.7.3";
/// Users read at a time.
const PAGE: usize = 200;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("there is no realm {0}")]
    NoRealm(String),
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
}

/// Which of the parts that a partial export may leave out it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    /// Clients, with their roles and the users of their own.
    pub clients: bool,
    pub groups_and_roles: bool,
}

/// A realm to write out, with everything but its users in memory.
pub struct Export<'a> {
    store: &'a Store,
    sealer: &'a Sealer,
    /// Secrets, private keys and credentials as they are; otherwise masked or left out.
    with_secrets: bool,
    realm: Realm,
    names: Names,
    members: RealmRepresentation,
}

impl<'a> Export<'a> {
    /// Reads the realm `name`.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn read(store: &'a Store, sealer: &'a Sealer, name: &str, with_secrets: bool) -> Result<Self, ExportError> {
        let mut export = Self::read_parts(store, sealer, name, with_secrets, Parts { clients: true, groups_and_roles: true }).await?;
        export.organizations(store.peek()).await?;
        Ok(export)
    }

    /// Reads those parts of the realm `name`, its settings and what has no switch.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn read_parts(
        store: &'a Store,
        sealer: &'a Sealer,
        name: &str,
        with_secrets: bool,
        parts: Parts,
    ) -> Result<Self, ExportError> {
        let mut peek = store.peek();
        let realm = peek.realms().by_name(name).await?.ok_or_else(|| ExportError::NoRealm(name.to_owned()))?;
        let id = &realm.id;
        let (clients, scopes) = (peek.clients().list(id).await?, peek.client_scopes().list(id).await?);
        let (roles, groups) = (peek.roles().list(id).await?, peek.groups().list(id).await?);
        let names = Names::of(&clients, &scopes, &roles, &groups);
        let mut export = Self { store, sealer, with_secrets, realm, names, members: RealmRepresentation::default() };
        export.members = export.settings(parts)?;
        export.default_role(&roles);
        if parts.groups_and_roles {
            export.roles(&roles, parts.clients);
            export.groups(&groups);
        }
        let shown: &[Client] = if parts.clients { &clients } else { &[] };
        export.scope_mappings(shown, &scopes, parts.clients);
        if parts.clients {
            export.clients(peek, &clients).await?;
        }
        export.add("clientScopes", &scopes.iter().map(ClientScopeRepresentation::from).collect::<Vec<_>>());
        export.components(peek).await?;
        export.identity_providers(peek).await?;
        export.authentication(peek).await?;
        export.kept(peek).await?;
        Ok(export)
    }

    /// The document in memory, for an answer: without its users but for those of the clients' own, which belong to them.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn into_document(mut self, parts: Parts) -> Result<RealmRepresentation, ExportError> {
        if parts.clients {
            let mut peek: Peek<'_> = self.store.peek();
            let mut shown = Vec::new();
            for client in peek.clients().list(&self.realm.id).await?.iter().filter(|client| client.service_accounts_enabled) {
                let name = service_account_name(&client.client_id);
                if let Some(user) = peek.users().by_username(&self.realm.id, &name).await? {
                    shown.push(self.user(&user).await?);
                }
            }
            self.add("users", &shown);
        }
        Ok(self.members)
    }

    /// The name of the realm.
    pub fn realm(&self) -> &str {
        &self.realm.name
    }

    /// Writes the whole document, with or without users. How many users it has.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn write(&self, out: &mut (dyn Write + Send), with_users: bool) -> Result<u64, ExportError> {
        let (mut first, mut users, mut pending) = (true, 0, with_users);
        write!(out, "{{")?;
        for (name, value) in self.members.members() {
            if pending && RealmRepresentation::follows(name, "users") {
                users = self.write_user_member(out, first).await?;
                (first, pending) = (false, false);
            }
            write_member(out, name, value, first)?;
            first = false;
        }
        if pending {
            users = self.write_user_member(out, first).await?;
        }
        writeln!(out, "\n}}")?;
        out.flush()?;
        Ok(users)
    }

    /// Writes nothing but users, as the files beside a realm file have them: at most `limit` of them, after the user `after`. The
    /// last user written, if there may be more.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn write_users(
        &self,
        out: &mut (dyn Write + Send),
        after: Option<&crate::base::id::UserId>,
        limit: Option<usize>,
    ) -> Result<(u64, Option<crate::base::id::UserId>), ExportError> {
        write!(out, "{{\n  \"realm\" : {},\n  \"users\" : [ ", json!(self.realm.name))?;
        let answer = self.stream(out, after.cloned(), limit).await?;
        writeln!(out, " ]\n}}")?;
        out.flush()?;
        Ok(answer)
    }

    async fn write_user_member(&self, out: &mut (dyn Write + Send), first: bool) -> Result<u64, ExportError> {
        write!(out, "{}\n  \"users\" : [ ", if first { "" } else { "," })?;
        let (count, _) = self.stream(out, None, None).await?;
        write!(out, " ]")?;
        Ok(count)
    }

    async fn stream(
        &self,
        out: &mut (dyn Write + Send),
        mut after: Option<crate::base::id::UserId>,
        limit: Option<usize>,
    ) -> Result<(u64, Option<crate::base::id::UserId>), ExportError> {
        let mut count = 0;
        loop {
            let left = limit.map_or(PAGE, |limit| PAGE.min(limit - count));
            let page = self.store.peek().users().list(&self.realm.id, after.as_ref(), left).await?;
            for user in &page {
                let text = pretty(&self.user(user).await?);
                write!(out, "{}{text}", if count == 0 { "" } else { ", " })?;
                count += 1;
            }
            after = page.last().map(|user| user.id.clone()).or(after);
            if page.len() < left {
                return Ok((count as u64, None));
            }
            if limit == Some(count) {
                return Ok((count as u64, after));
            }
        }
    }

    fn add(&mut self, name: &str, value: &impl Serialize) {
        self.members = std::mem::take(&mut self.members).with(name, value);
    }

    fn settings(&self, parts: Parts) -> Result<RealmRepresentation, ExportError> {
        let realm = &self.realm;
        let smtp = match realm.smtp_server.get("password") {
            Some(sealed) if self.with_secrets => SmtpPassword::Shown(self.open(&realm.smtp_secret_identity(), sealed)?),
            _ => SmtpPassword::Masked,
        };
        let scope_names = |ids: &[ClientScopeId]| ids.iter().filter_map(|id| self.names.scopes.get(id)).cloned().collect::<Vec<_>>();
        let mut members = RealmRepresentation::of(realm, &smtp)
            .with("defaultDefaultClientScopes", &scope_names(&realm.default_default_client_scopes))
            .with("defaultOptionalClientScopes", &scope_names(&realm.default_optional_client_scopes))
            .with("keycloakVersion", &KEYCLOAK_VERSION);
        if parts.groups_and_roles && !realm.default_groups.is_empty() {
            members =
                members.with("defaultGroups", &realm.default_groups.iter().filter_map(|id| self.names.groups.get(id)).collect::<Vec<_>>());
        }
        Ok(members)
    }
}

fn write_member(out: &mut (dyn Write + Send), name: &str, value: &Value, first: bool) -> io::Result<()> {
    write!(out, "{}\n  {} : {}", if first { "" } else { "," }, json!(name), pretty(value))
}

/// As Keycloak's files look, two levels in. A line break inside a JSON text is escaped, so every one found here is layout.
fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default().replace('\n', "\n  ")
}
