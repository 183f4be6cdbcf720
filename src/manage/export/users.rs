//! One user as a document has him.

use crate::manage::representation::credential::CredentialRepresentation;
use crate::manage::representation::group::RolesByName;
use crate::manage::representation::user::{FederatedIdentityRepresentation, UserConsentRepresentation, UserRepresentation};
use crate::model::credential::CredentialKind;
use crate::model::user::User;
use crate::store::txn::Reader as _;

use super::{Export, ExportError};

impl Export<'_> {
    pub(super) async fn user(&self, user: &User) -> Result<UserRepresentation, ExportError> {
        let (mut peek, id) = (self.store.peek(), &self.realm.id);
        let credentials = peek.credentials().get(id, &user.id).await?;
        let links = peek.identity_providers().links(id, &user.id).await?;
        let consents = peek.consents().get(id, &user.id).await?;
        let service_account = user.service_account_client.as_ref().and_then(|client| self.names.clients.get(client));
        let mut shown = Vec::new();
        for credential in credentials.0.iter().filter(|_| self.with_secrets) {
            let sealed = match &credential.kind {
                CredentialKind::Otp { secret, .. } => Some(secret),
                CredentialKind::Kept { secret_data, .. } => Some(secret_data),
                _ => None,
            };
            let opened = sealed.map(|sealed| self.open(&credential.secret_identity(), sealed)).transpose()?;
            shown.push(CredentialRepresentation::complete(credential, opened.as_ref()));
        }
        let RolesByName { realm, client } = self.names.by_name(&user.roles);
        let accounts = links.accounts.into_iter().map(|link| FederatedIdentityRepresentation {
            identity_provider: Some(link.identity_provider),
            user_id: Some(link.user_id),
            user_name: link.user_name,
        });
        let consents = consents.0.iter().filter_map(|consent| {
            Some(UserConsentRepresentation {
                client_id: Some(self.names.clients.get(&consent.client)?.clone()),
                granted_client_scopes: Some(consent.scopes.iter().filter_map(|id| self.names.scopes.get(id)).cloned().collect()),
                created_date: Some(consent.created.0),
                last_updated_date: Some(consent.updated.0),
                ..UserConsentRepresentation::default()
            })
        });
        Ok(UserRepresentation {
            credentials: Some(shown),
            federation_link: links.federation,
            federated_identities: Some(accounts.collect()).filter(|accounts: &Vec<_>| !accounts.is_empty()),
            realm_roles: Some(realm),
            client_roles: Some(client).filter(|roles| !roles.is_empty()),
            client_consents: Some(consents.collect()).filter(|consents: &Vec<_>| !consents.is_empty()),
            groups: Some(user.groups.iter().filter_map(|id| self.names.groups.get(id)).cloned().collect()),
            ..UserRepresentation::full(user, credentials.has_otp(), service_account.map(String::as_str))
        })
    }
}
