//! Invitations to an organization: kept until they are answered, withdrawn or expired, one per address.

use crate::base::clock::Timestamp;
use crate::base::id::{InvitationId, OrganizationId, RealmId};
use crate::base::spelling::of_name;
use crate::model::organization::Invitation;
use crate::store::txn::{Configuration, Reader, Txn};

use super::error::ManageError;
use super::organizations;

/// Whom to invite. Without names he is asked for them when he registers.
#[derive(Clone, Debug, Default)]
pub struct Invitee {
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// Whether somebody may be invited, and his address in its one spelling. `instead_of` is an invitation that is to be replaced.
///
/// # Errors
/// No address, the address is a member's or was invited already.
pub async fn check(
    reader: &mut impl Reader,
    (realm, organization): (&RealmId, &OrganizationId),
    invitee: &Invitee,
    instead_of: Option<&InvitationId>,
    now: Timestamp,
) -> Result<String, ManageError> {
    let email = checked_address(&invitee.email)?;
    let earlier = reader.organizations().invitations(realm, organization).await?;
    if earlier.iter().any(|one| one.email == email && one.expires > now.seconds() && Some(&one.id) != instead_of) {
        return Err(ManageError::invitation_pending());
    }
    for user in reader.users().by_email(realm, &email, 2).await? {
        if organizations::membership(&user, organization).is_some() {
            return Err(ManageError::invited_member_already());
        }
    }
    Ok(email)
}

/// Keeps an invitation that was sent, valid for `lifespan` seconds, in the place of earlier ones to the same address.
///
/// # Errors
/// No such organization; as [`check`].
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    now: Timestamp,
    (realm, organization): (&RealmId, &OrganizationId),
    (id, invitee): (&InvitationId, &Invitee),
    instead_of: Option<&InvitationId>,
    lifespan: i64,
) -> Result<Invitation, ManageError> {
    organizations::hold(txn, realm, organization).await?;
    let email = check(txn, (realm, organization), invitee, instead_of, now).await?;
    for earlier in txn.organizations().invitations(realm, organization).await? {
        if earlier.email == email {
            txn.organizations().delete_invitation(realm, &earlier);
        }
    }
    let invitation = Invitation {
        id: id.clone(),
        organization: organization.clone(),
        email,
        first_name: invitee.first_name.clone(),
        last_name: invitee.last_name.clone(),
        sent: now.seconds(),
        expires: now.seconds().saturating_add(lifespan),
    };
    txn.organizations().insert_invitation(realm, &invitation);
    Ok(invitation)
}

/// Withdraws an invitation.
///
/// # Errors
/// There is none with this id.
pub async fn delete(
    txn: &mut Txn<'_, Configuration>,
    (realm, organization): (&RealmId, &OrganizationId),
    id: &InvitationId,
) -> Result<(), ManageError> {
    let invitation = txn.organizations().invitation(realm, organization, id).await?;
    let invitation = invitation.ok_or_else(ManageError::no_invitation)?;
    txn.organizations().delete_invitation(realm, &invitation);
    Ok(())
}

fn checked_address(email: &str) -> Result<String, ManageError> {
    let email = of_name(email);
    if email.is_empty() {
        return Err(ManageError::invitation_email_missing());
    }
    let parts = email
        .split_once('@')
        .filter(|(name, domain)| !name.is_empty() && domain.contains('.') && !domain.contains('@'));
    let readable = email.len() <= 255 && !email.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','));
    if parts.is_some() && readable { Ok(email) } else { Err(ManageError::invitation_email_invalid()) }
}
