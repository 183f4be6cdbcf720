//! Why a rule refused. A small enum of kinds; the texts are Keycloak's and each stands here once, for the REST API to render.

use std::borrow::Cow;

use crate::base::password_blacklist::BlacklistError;
use crate::base::password_hash::Overloaded;
use crate::base::seal::CannotOpen;
use crate::model::password_policy::{BrokenRule, InvalidPolicy};
use crate::model::user_profile::Violation;
use crate::store::StoreError;

use super::pairwise::NoSector;

/// A refusal of the administration rules, or the failure of what they stand on.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// Nothing has this id or name (404).
    #[error("{0}")]
    NotFound(Refusal),
    /// Something else has it already (409).
    #[error("{0}")]
    Conflict(Refusal),
    /// The request breaks a rule (400).
    #[error("{0}")]
    Invalid(Refusal),
    /// The user breaks rules of the realm's user profile (400).
    #[error("the user profile is not met: {}", .0.iter().map(|violation| &*violation.message).collect::<Vec<_>>().join(", "))]
    Profile(Vec<Violation>),
    /// What the caller was told before has changed; he may try again (409).
    #[error("the user or the realm changed meanwhile")]
    Overtaken,
    /// Too many password hashes are waiting (503).
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
}

/// The three shapes in which Keycloak's Admin REST API words a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `{"errorMessage": …}`
    #[error("{0}")]
    Message(Cow<'static, str>),
    /// `{"error": …}`
    #[error("{0}")]
    Error(Cow<'static, str>),
    /// `{"error": code, "error_description": description}`
    #[error("{code}: {description}")]
    Described { code: &'static str, description: Cow<'static, str> },
}

fn missing(text: &'static str) -> ManageError {
    ManageError::NotFound(Refusal::Error(Cow::Borrowed(text)))
}

fn missing_message(text: &'static str) -> ManageError {
    ManageError::NotFound(Refusal::Message(Cow::Borrowed(text)))
}

fn taken(text: impl Into<Cow<'static, str>>) -> ManageError {
    ManageError::Conflict(Refusal::Message(text.into()))
}

fn message(text: impl Into<Cow<'static, str>>) -> ManageError {
    ManageError::Invalid(Refusal::Message(text.into()))
}

fn error(text: impl Into<Cow<'static, str>>) -> ManageError {
    ManageError::Invalid(Refusal::Error(text.into()))
}

fn described(code: &'static str, description: impl Into<Cow<'static, str>>) -> ManageError {
    ManageError::Invalid(Refusal::Described { code, description: description.into() })
}

/// A rename that meets another record where Keycloak leaves the answer to its database.
fn duplicate_resource() -> ManageError {
    ManageError::Conflict(Refusal::Described { code: "conflict", description: Cow::Borrowed("Duplicate resource error") })
}

/// One constructor per text.
impl ManageError {
    pub fn no_realm() -> Self {
        missing("Realm not found.")
    }
    pub fn realm_exists(name: &str) -> Self {
        taken(format!("Realm {name} already exists"))
    }
    pub fn realm_name_taken() -> Self {
        taken("Realm with same name exists")
    }
    pub fn master_realm() -> Self {
        message("Can't remove master realm")
    }
    pub fn realm_name_missing() -> Self {
        message("Realm name cannot be empty")
    }
    /// In an id or a name that becomes part of URLs.
    pub fn reserved_character(character: char) -> Self {
        error(format!("Character '{character}' not allowed."))
    }
    pub fn realm_settings(reason: &str) -> Self {
        message(format!("Failed to update realm: {reason}"))
    }

    pub fn no_client() -> Self {
        missing("Could not find client")
    }
    /// Rotation of a secret that is not there.
    pub fn public_client_has_no_secret() -> Self {
        described("invalid_request", "A public client has no secret to rotate")
    }
    pub fn client_exists(client_id: &str) -> Self {
        taken(format!("Client {client_id} already exists"))
    }
    pub fn client_id_taken() -> Self {
        duplicate_resource()
    }
    pub fn client_id_blank() -> Self {
        described("invalid_input", "Client ID cannot be blank")
    }
    pub fn client_profile_without_name() -> Self {
        message("client profile without its name not allowed.")
    }
    pub fn client_profile_twice() -> Self {
        message("proposed client profile name duplicated.")
    }
    pub fn client_profile_is_global(name: &str) -> Self {
        message(format!("Proposed profile name '{name}' is duplicated as a global profile"))
    }
    pub fn client_profile_executor() -> Self {
        message("proposed client profile contains the executor, which does not have valid provider, or has invalid configuration.")
    }
    pub fn client_policy_without_name() -> Self {
        message("client policy without its name not allowed.")
    }
    pub fn client_policy_twice() -> Self {
        message("proposed client policy name duplicated.")
    }
    pub fn client_policy_condition(policy: &str, condition: &str) -> Self {
        message(format!("Policy {policy} contains invalid condition {condition}"))
    }
    pub fn client_policy_profile(policy: &str, profile: &str) -> Self {
        message(format!("Policy {policy} contains invalid profile {profile}"))
    }
    pub fn initial_access_numbers() -> Self {
        described("invalid_request", "Count and expiration cannot be negative or beyond measure")
    }
    pub fn client_url(problem: impl Into<Cow<'static, str>>) -> Self {
        described("invalid_input", problem)
    }
    pub fn client_protocol(protocol: &str) -> Self {
        described("invalid_input", format!("Invalid protocol: {protocol}"))
    }
    pub fn node_missing() -> Self {
        error("Node not found in params")
    }
    pub fn no_node() -> Self {
        missing("Client does not have node ")
    }
    pub fn certificate_prefix() -> Self {
        error("No such certificate attribute")
    }
    pub fn built_in_client() -> Self {
        described("invalid_request", "Could not delete client")
    }

    pub fn no_client_scope() -> Self {
        missing("Could not find client scope")
    }
    /// As default or optional scope of a client.
    pub fn no_such_scope() -> Self {
        missing("Client scope not found")
    }
    pub fn client_scope_exists(name: &str) -> Self {
        taken(format!("Client Scope {name} already exists"))
    }
    pub fn client_scope_name(name: &str) -> Self {
        message(format!("Unexpected name \"{name}\" for ClientScope"))
    }
    pub fn client_scope_protocol() -> Self {
        message("Unexpected protocol")
    }

    pub fn no_mapper() -> Self {
        missing("Model not found")
    }
    /// A mapper of a pairwise subject without a sector. Keycloak says the same twice.
    pub fn sector_of_mapper(NoSector(text): NoSector) -> Self {
        described(text, text)
    }
    /// A client with such a mapper.
    pub fn sector_of_client(NoSector(text): NoSector) -> Self {
        described("invalid_input", text)
    }
    pub fn no_mapper_type() -> Self {
        missing("ProtocolMapper provider not found")
    }
    pub fn mapper_exists() -> Self {
        taken("Protocol mapper exists with same name")
    }

    pub fn no_role() -> Self {
        missing("Could not find role with id")
    }
    /// In a role mapping.
    pub fn no_such_role() -> Self {
        missing("Role not found")
    }
    pub fn no_composite() -> Self {
        missing("Could not find composite role")
    }
    pub fn role_exists(name: &str) -> Self {
        taken(format!("Role with name {name} already exists"))
    }
    pub fn role_name_taken() -> Self {
        duplicate_resource()
    }
    pub fn role_name_missing() -> Self {
        error("role has no name")
    }
    pub fn default_role(name: &str) -> Self {
        message(format!("{name} is default role of the realm and cannot be removed."))
    }
    /// Keycloak accepts the circle and only stops walking in it; here it is refused before it exists.
    pub fn composite_circle(name: &str) -> Self {
        message(format!("Role {name} would contain itself"))
    }

    pub fn no_group() -> Self {
        missing("Could not find group by id")
    }
    /// In a membership.
    pub fn no_such_group() -> Self {
        missing("Group not found")
    }
    pub fn group_path(path: &str) -> Self {
        message(format!("Group {path} does not exist"))
    }
    pub fn group_name_missing() -> Self {
        message("Group name is missing")
    }
    pub fn top_group_exists(name: &str) -> Self {
        taken(format!("Top level group named '{name}' already exists."))
    }
    pub fn sibling_group_exists(name: &str) -> Self {
        taken(format!("Sibling group named '{name}' already exists."))
    }
    pub fn group_circle(name: &str) -> Self {
        message(format!("Group {name} cannot be moved below itself"))
    }

    pub fn no_organization() -> Self {
        missing_message("Organization not found.")
    }
    pub fn organization_exists() -> Self {
        taken("A organization with the same name already exists.")
    }
    pub fn organization_alias_exists() -> Self {
        taken("A organization with the same alias already exists")
    }
    pub fn organization_name_missing() -> Self {
        message("Name can not be null")
    }
    pub fn organization_alias_changed() -> Self {
        message("Cannot change the alias")
    }
    pub fn organization_redirect_url() -> Self {
        message("The redirect URL must be an http or https URL")
    }
    pub fn organization_domain_invalid(domain: &str) -> Self {
        message(format!("Domain {domain} is not valid"))
    }
    pub fn organization_domain_taken(domain: &str, owner: &str, realm: &str) -> Self {
        message(format!("Domain {domain} is already linked to organization {owner} in realm {realm}"))
    }
    pub fn no_user_to_add() -> Self {
        message("User does not exist")
    }
    pub fn member_already() -> Self {
        taken("User is already a member of the organization.")
    }
    pub fn no_member() -> Self {
        missing("HTTP 404 Not Found")
    }
    pub fn no_provider_to_link() -> Self {
        message("Identity provider not found with the given alias")
    }
    pub fn provider_linked_already() -> Self {
        taken("Identity provider already associated to the organization")
    }
    pub fn provider_of_another_organization() -> Self {
        message("Identity provider already associated with a different organization")
    }
    pub fn no_provider_of_organization() -> Self {
        missing_message("Identity provider not associated with the organization")
    }
    pub fn no_provider_to_unlink() -> Self {
        missing_message("Identity provider not found with the given alias")
    }
    pub fn no_organization_group() -> Self {
        missing_message("Group does not exist")
    }
    pub fn organization_group_exists() -> Self {
        taken("Group with the given name already exists.")
    }
    /// Only members of an organization belong to its groups.
    pub fn group_member_is_no_member() -> Self {
        message("User is not a member of the organization")
    }
    pub fn no_invitation() -> Self {
        missing_message("Invitation not found")
    }
    pub fn invitation_email_missing() -> Self {
        message("Email is required to invite a member")
    }
    pub fn invitation_email_invalid() -> Self {
        message("Invalid email format")
    }
    pub fn invitation_pending() -> Self {
        taken("User already has a pending invitation")
    }
    pub fn invited_member_already() -> Self {
        taken("User already a member of the organization")
    }

    pub fn no_user() -> Self {
        missing("User not found")
    }
    pub fn username_missing() -> Self {
        message("User name is missing")
    }
    pub fn username_taken() -> Self {
        taken("User exists with same username")
    }
    pub fn email_taken() -> Self {
        taken("User exists with same email")
    }

    /// Keycloak's answer to `reset-password`, in the shape that its console shows beside the field.
    pub fn password(broken: BrokenRule) -> Self {
        described(broken.key, broken.description)
    }
    pub fn empty_password() -> Self {
        error("Empty password not allowed")
    }
    pub fn password_policy(problem: &InvalidPolicy) -> Self {
        message(problem.to_string())
    }
    /// A policy names a list that is not there: no password can be judged.
    pub fn blacklist(problem: &BlacklistError) -> Self {
        tracing::error!(error = %problem, "a password policy cannot be asked");
        message(problem.to_string())
    }
    pub fn user_changed_meanwhile() -> Self {
        Self::Overtaken
    }

    pub fn no_identity_provider() -> Self {
        missing("HTTP 404 Not Found")
    }
    pub fn identity_provider_exists(alias: &str) -> Self {
        taken(format!("Identity Provider {alias} already exists"))
    }
    /// Links of users to the last one with this alias still exist.
    pub fn identity_provider_being_deleted(alias: &str) -> Self {
        taken(format!("Identity Provider {alias} is being deleted"))
    }
    pub fn identity_provider_alias_missing() -> Self {
        message("path is null")
    }
    pub fn identity_provider_alias_changed() -> Self {
        message("Identity Provider alias cannot be changed")
    }
    pub fn identity_provider_kind(id: &str) -> Self {
        message(format!("Invalid identity provider id [{}]", if id.is_empty() { "null" } else { id }))
    }
    pub fn identity_provider_config(problem: String) -> Self {
        message(problem)
    }
    pub fn identity_provider_mapper(name: &str, provider: &str) -> Self {
        message(format!("Failed to add mapper '{name}' to identity provider [{provider}]."))
    }
    pub fn space_not_allowed() -> Self {
        error("Empty Space not allowed.")
    }
    pub fn already_linked() -> Self {
        taken("User is already linked with provider")
    }
    pub fn no_link() -> Self {
        missing("Link not found")
    }

    pub fn no_credential() -> Self {
        missing("Credential not found")
    }

    pub fn no_component() -> Self {
        missing("Could not find component")
    }
    pub fn component_provider() -> Self {
        error("Invalid provider type or no such provider")
    }
    /// What it says that it belongs to is not there, or nothing of its kind belongs there.
    pub fn component_parent() -> Self {
        error("There is no such parent for a component of this type")
    }
    pub fn component_config(problem: impl Into<Cow<'static, str>>) -> Self {
        message(problem)
    }

    pub fn no_flow() -> Self {
        missing("Flow not found")
    }
    pub fn no_flow_with_id() -> Self {
        missing("Could not find flow with id")
    }
    pub fn no_execution() -> Self {
        missing("Illegal execution")
    }
    pub fn no_authenticator_config() -> Self {
        missing("Could not find authenticator config")
    }
    pub fn flow_exists(alias: &str) -> Self {
        taken(format!("Flow {alias} already exists"))
    }
    /// By copying, or as part of another flow.
    pub fn new_flow_exists() -> Self {
        taken("New flow alias name already exists")
    }
    /// By renaming.
    pub fn flow_alias_taken() -> Self {
        taken("Flow alias name already exists")
    }
    /// `doing` is `create` or `update`. Keycloak calls it a conflict.
    pub fn flow_alias_missing(doing: &str) -> Self {
        taken(format!("Failed to {doing} flow with empty alias name"))
    }
    pub fn flow_kind(kind: &str) -> Self {
        error(format!("There is no kind of flow {kind}"))
    }
    pub fn no_parent_flow() -> Self {
        error("Parent flow doesn't exist")
    }
    /// What an administrator wanted to do with a flow that every realm has, or with a step of it.
    pub fn built_in_flow(wish: &'static str) -> Self {
        error(wish)
    }
    /// Keycloak answers 500.
    pub fn flow_in_use(alias: &str, user: &str) -> Self {
        taken(format!("Flow {alias} is used by {user}"))
    }
    pub fn no_authenticator(id: &str) -> Self {
        error(format!("No authentication provider found for id: {id}"))
    }
    /// A flow as a step: it is missing, stands alone or contains the flow that it would be a step of.
    pub fn sub_flow(alias: &str) -> Self {
        error(format!("Flow {alias} cannot be a part of this flow"))
    }
    pub fn requirement(name: &str) -> Self {
        error(format!("There is no requirement {name}"))
    }
    pub fn authenticator_config_alias_missing() -> Self {
        message("Alias missing")
    }
    /// An export names configurations by alias.
    pub fn authenticator_config_exists(alias: &str) -> Self {
        taken(format!("Authenticator config {alias} already exists"))
    }
    pub fn required_action_provider() -> Self {
        error("Required Action Provider with given providerId not found")
    }
    pub fn required_action_exists(alias: &str) -> Self {
        taken(format!("Required action {alias} is already registered"))
    }
    /// Users' required actions name it.
    pub fn required_action_alias() -> Self {
        error("The alias of a required action cannot be changed")
    }
    pub fn required_action_config(problem: &'static str) -> Self {
        message(problem)
    }
    /// More than a realm can sensibly have.
    pub fn too_many(what: &str) -> Self {
        message(format!("There are too many {what}"))
    }

    pub fn no_required_action() -> Self {
        missing("Failed to find required action")
    }

    /// A user profile configuration that is not accepted.
    pub fn user_profile(problem: &str) -> Self {
        message(format!("[{problem}]"))
    }
    /// A value beyond what a record may hold.
    pub fn too_large(what: &str) -> Self {
        message(format!("{what} is too long"))
    }
}
