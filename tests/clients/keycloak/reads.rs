//! Every read of the Admin REST API that the crate knows and we serve: the path below the realm with the names of
//! [`super::world`], the crate's method, its arguments besides the realm, and what it takes from the query string.

#![allow(deprecated, reason = "what Keycloak calls deprecated is served, too")]

use keycloak::KeycloakError;
use serde_json::Value;

use super::Reading;
use super::world::REALM;

const LDAP_MAPPERS: &str = "org.keycloak.storage.ldap.mappers.LDAPStorageMapper";

/// `PATH => METHOD(NAMES; OPTIONS);`, and what is to be asserted of each.
macro_rules! reads {
    ($reading:ident.$asserts:ident; $($path:literal => $method:ident($($name:ident),* $(; $($option:expr),+)?);)+) => {$(
        let world = $reading.world;
        let parsed = world.admin.$method(REALM, $(world.at(stringify!($name)),)* $($($option,)+)?).await;
        $reading.$asserts(concat!("/admin/realms/{realm}", $path), parsed).await;
    )+};
}

pub async fn realms(reading: &mut Reading<'_>) {
    let parsed = reading.world.admin.get(None).await;
    reading.compare("/admin/realms", parsed).await;
    reads! { reading.compare;
        "" => realm_get();
        "/admin-events" => realm_admin_events_get(; None, None, None, None, None, None, None, None, None, None, None, None);
        "/client-policies/policies" => realm_client_policies_policies_get(; None);
        "/client-policies/profiles" => realm_client_policies_profiles_get(; None);
        "/client-session-stats" => realm_client_session_stats_get();
        "/credential-registrators" => realm_credential_registrators_get();
        "/default-default-client-scopes" => realm_default_default_client_scopes_get();
        "/default-groups" => realm_default_groups_get();
        "/default-optional-client-scopes" => realm_default_optional_client_scopes_get();
        "/events" => realm_events_get(; None, None, None, None, None, None, None, None, None);
        "/events/config" => realm_events_config_get();
        "/group-by-path/{group_path}" => realm_group_by_path_with_path_get(group_path);
        "/localization" => realm_localization_get();
        "/localization/{locale}" => realm_localization_with_locale_get(locale; None);
        "/localization/{locale}/{text}" => realm_localization_with_locale_with_key_get(text, locale);
        "/attack-detection/brute-force/users/{user}" => realm_attack_detection_brute_force_users_with_user_id_get(user);
        "/keys" => realm_keys_get();
        "/components" => realm_components_get(; None, None, None, None);
        "/components/{component}" => realm_components_with_id_get(component);
        "/components/{component}/sub-component-types?type=org.keycloak.storage.ldap.mappers.LDAPStorageMapper" => realm_components_with_id_sub_component_types_get(component; Some(LDAP_MAPPERS.to_owned()));
        "/client-registration-policy/providers" => realm_client_registration_policy_providers_get();
        "/clients-initial-access" => realm_clients_initial_access_get();
    }
}

pub async fn authentication(reading: &mut Reading<'_>) {
    reads! { reading.compare;
        "/authentication/authenticator-providers" => realm_authentication_authenticator_providers_get();
        "/authentication/client-authenticator-providers" => realm_authentication_client_authenticator_providers_get();
        "/authentication/config-description/{authenticator}" => realm_authentication_config_description_with_provider_id_get(authenticator);
        "/authentication/config/{execution_config}" => realm_authentication_config_with_id_get(execution_config);
        "/authentication/executions/{execution}" => realm_authentication_executions_with_execution_id_get(execution);
        "/authentication/executions/{execution}/config/{execution_config}" => realm_authentication_executions_with_execution_id_config_with_id_get(execution, execution_config);
        "/authentication/flows" => realm_authentication_flows_get();
        "/authentication/flows/{flow_alias}/executions" => realm_authentication_flows_with_flow_alias_executions_get(flow_alias);
        "/authentication/flows/{flow}" => realm_authentication_flows_with_id_get(flow);
        "/authentication/form-action-providers" => realm_authentication_form_action_providers_get();
        "/authentication/form-providers" => realm_authentication_form_providers_get();
        "/authentication/per-client-config-description" => realm_authentication_per_client_config_description_get();
        "/authentication/required-actions" => realm_authentication_required_actions_get();
        "/authentication/required-actions/{required_action}" => realm_authentication_required_actions_with_alias_get(required_action);
        "/authentication/required-actions/{required_action}/config" => realm_authentication_required_actions_with_alias_config_get(required_action);
        "/authentication/required-actions/{required_action}/config-description" => realm_authentication_required_actions_with_alias_config_description_get(required_action);
        "/authentication/unregistered-required-actions" => realm_authentication_unregistered_required_actions_get();
        "/identity-provider/instances" => realm_identity_provider_instances_get(; None, None, None, None, None, None, None);
        "/identity-provider/instances/{identity_provider}" => realm_identity_provider_instances_with_alias_get(identity_provider);
        "/identity-provider/instances/{identity_provider}/mapper-types" => realm_identity_provider_instances_with_alias_mapper_types_get(identity_provider);
        "/identity-provider/instances/{identity_provider}/mappers" => realm_identity_provider_instances_with_alias_mappers_get(identity_provider);
        "/identity-provider/instances/{identity_provider}/mappers/{identity_provider_mapper}" => realm_identity_provider_instances_with_alias_mappers_with_id_get(identity_provider, identity_provider_mapper);
        "/identity-provider/instances/{identity_provider}/reload-keys" => realm_identity_provider_instances_with_alias_reload_keys_get(identity_provider);
        "/identity-provider/providers/{provider}" => realm_identity_provider_providers_with_provider_id_get(provider);
    }
}

pub async fn clients(reading: &mut Reading<'_>) {
    let scope = || Some("openid".to_owned());
    let user_id = reading.world.at("user").to_owned();
    let user = || Some(user_id.clone());
    reads! { reading.compare;
        "/clients" => realm_clients_get(; None, None, None, None, None, None);
        "/clients/{client}" => realm_clients_with_client_uuid_get(client);
        "/clients/{client}/client-secret" => realm_clients_with_client_uuid_client_secret_get(client);
        "/clients/{client}/client-secret/rotated" => realm_clients_with_client_uuid_client_secret_rotated_get(client);
        "/clients/{client}/default-client-scopes" => realm_clients_with_client_uuid_default_client_scopes_get(client);
        "/clients/{client}/evaluate-scopes/generate-example-access-token?scope=openid&userId={user}" => realm_clients_with_client_uuid_evaluate_scopes_generate_example_access_token_get(client; None, scope(), user());
        "/clients/{client}/evaluate-scopes/generate-example-id-token?scope=openid&userId={user}" => realm_clients_with_client_uuid_evaluate_scopes_generate_example_id_token_get(client; None, scope(), user());
        "/clients/{client}/evaluate-scopes/generate-example-userinfo?scope=openid&userId={user}" => realm_clients_with_client_uuid_evaluate_scopes_generate_example_userinfo_get(client; scope(), user());
        "/clients/{client}/evaluate-scopes/protocol-mappers?scope=openid" => realm_clients_with_client_uuid_evaluate_scopes_protocol_mappers_get(client; scope());
        "/clients/{client}/evaluate-scopes/scope-mappings/{client}/granted?scope=openid" => realm_clients_with_client_uuid_evaluate_scopes_scope_mappings_with_role_container_id_granted_get(client, client; scope());
        "/clients/{other_client}/evaluate-scopes/scope-mappings/{client}/not-granted?scope=openid" => realm_clients_with_client_uuid_evaluate_scopes_scope_mappings_with_role_container_id_not_granted_get(other_client, client; scope());
        "/clients/{client}/offline-session-count" => realm_clients_with_client_uuid_offline_session_count_get(client);
        "/clients/{client}/offline-sessions" => realm_clients_with_client_uuid_offline_sessions_get(client; None, None);
        "/clients/{client}/optional-client-scopes" => realm_clients_with_client_uuid_optional_client_scopes_get(client);
        "/clients/{client}/service-account-user" => realm_clients_with_client_uuid_service_account_user_get(client);
        "/clients/{client}/session-count" => realm_clients_with_client_uuid_session_count_get(client);
        "/clients/{client}/test-nodes-available" => realm_clients_with_client_uuid_test_nodes_available_get(client);
        "/clients/{client}/user-sessions" => realm_clients_with_client_uuid_user_sessions_get(client; None, None);
        "/clients/{client}/certificates/{certificate}" => realm_clients_with_client_uuid_certificates_with_attr_get(client, certificate);
        "/client-scopes/{client_scope}/protocol-mappers/models" => realm_client_scopes_with_client_scope_id_protocol_mappers_models_get(client_scope);
        "/client-scopes/{client_scope}/protocol-mappers/models/{scope_mapper}" => realm_client_scopes_with_client_scope_id_protocol_mappers_models_with_id_get(client_scope, scope_mapper);
        "/client-scopes/{client_scope}/protocol-mappers/protocol/{protocol}" => realm_client_scopes_with_client_scope_id_protocol_mappers_protocol_with_protocol_get(client_scope, protocol);
        "/client-templates/{client_scope}/protocol-mappers/models" => realm_client_templates_with_client_scope_id_protocol_mappers_models_get(client_scope);
        "/client-templates/{client_scope}/protocol-mappers/models/{scope_mapper}" => realm_client_templates_with_client_scope_id_protocol_mappers_models_with_id_get(client_scope, scope_mapper);
        "/client-templates/{client_scope}/protocol-mappers/protocol/{protocol}" => realm_client_templates_with_client_scope_id_protocol_mappers_protocol_with_protocol_get(client_scope, protocol);
        "/clients/{client}/protocol-mappers/models" => realm_clients_with_client_uuid_protocol_mappers_models_get(client);
        "/clients/{client}/protocol-mappers/models/{client_mapper}" => realm_clients_with_client_uuid_protocol_mappers_models_with_id_get(client, client_mapper);
        "/clients/{client}/protocol-mappers/protocol/{protocol}" => realm_clients_with_client_uuid_protocol_mappers_protocol_with_protocol_get(client, protocol);
    }
}

pub async fn client_scopes(reading: &mut Reading<'_>) {
    reads! { reading.compare;
        "/client-scopes" => realm_client_scopes_get();
        "/client-scopes/{client_scope}" => realm_client_scopes_with_client_scope_id_get(client_scope);
        "/client-templates" => realm_client_templates_get();
        "/client-templates/{client_scope}" => realm_client_templates_with_client_scope_id_get(client_scope);
        "/client-scopes/{client_scope}/scope-mappings" => realm_client_scopes_with_client_scope_id_scope_mappings_get(client_scope);
        "/client-scopes/{client_scope}/scope-mappings/clients/{other_client}" => realm_client_scopes_with_client_scope_id_scope_mappings_clients_with_client_get(client_scope, other_client);
        "/client-scopes/{client_scope}/scope-mappings/clients/{other_client}/available" => realm_client_scopes_with_client_scope_id_scope_mappings_clients_with_client_available_get(client_scope, other_client);
        "/client-scopes/{client_scope}/scope-mappings/clients/{other_client}/composite" => realm_client_scopes_with_client_scope_id_scope_mappings_clients_with_client_composite_get(client_scope, other_client; None);
        "/client-scopes/{client_scope}/scope-mappings/realm" => realm_client_scopes_with_client_scope_id_scope_mappings_realm_get(client_scope);
        "/client-scopes/{client_scope}/scope-mappings/realm/available" => realm_client_scopes_with_client_scope_id_scope_mappings_realm_available_get(client_scope);
        "/client-scopes/{client_scope}/scope-mappings/realm/composite" => realm_client_scopes_with_client_scope_id_scope_mappings_realm_composite_get(client_scope; None);
        "/client-templates/{client_scope}/scope-mappings" => realm_client_templates_with_client_scope_id_scope_mappings_get(client_scope);
        "/client-templates/{client_scope}/scope-mappings/clients/{other_client}" => realm_client_templates_with_client_scope_id_scope_mappings_clients_with_client_get(client_scope, other_client);
        "/client-templates/{client_scope}/scope-mappings/clients/{other_client}/available" => realm_client_templates_with_client_scope_id_scope_mappings_clients_with_client_available_get(client_scope, other_client);
        "/client-templates/{client_scope}/scope-mappings/clients/{other_client}/composite" => realm_client_templates_with_client_scope_id_scope_mappings_clients_with_client_composite_get(client_scope, other_client; None);
        "/client-templates/{client_scope}/scope-mappings/realm" => realm_client_templates_with_client_scope_id_scope_mappings_realm_get(client_scope);
        "/client-templates/{client_scope}/scope-mappings/realm/available" => realm_client_templates_with_client_scope_id_scope_mappings_realm_available_get(client_scope);
        "/client-templates/{client_scope}/scope-mappings/realm/composite" => realm_client_templates_with_client_scope_id_scope_mappings_realm_composite_get(client_scope; None);
        "/clients/{client}/scope-mappings" => realm_clients_with_client_uuid_scope_mappings_get(client);
        "/clients/{client}/scope-mappings/clients/{other_client}" => realm_clients_with_client_uuid_scope_mappings_clients_with_client_get(client, other_client);
        "/clients/{client}/scope-mappings/clients/{other_client}/available" => realm_clients_with_client_uuid_scope_mappings_clients_with_client_available_get(client, other_client);
        "/clients/{client}/scope-mappings/clients/{other_client}/composite" => realm_clients_with_client_uuid_scope_mappings_clients_with_client_composite_get(client, other_client; None);
        "/clients/{client}/scope-mappings/realm" => realm_clients_with_client_uuid_scope_mappings_realm_get(client);
        "/clients/{client}/scope-mappings/realm/available" => realm_clients_with_client_uuid_scope_mappings_realm_available_get(client);
        "/clients/{client}/scope-mappings/realm/composite" => realm_clients_with_client_uuid_scope_mappings_realm_composite_get(client; None);
    }
}

pub async fn roles(reading: &mut Reading<'_>) {
    reads! { reading.compare;
        "/clients/{client}/roles" => realm_clients_with_client_uuid_roles_get(client; None, None, None, None);
        "/clients/{client}/roles/{client_role}" => realm_clients_with_client_uuid_roles_with_role_name_get(client, client_role);
        "/clients/{client}/roles/{client_role}/composites" => realm_clients_with_client_uuid_roles_with_role_name_composites_get(client, client_role);
        "/clients/{client}/roles/{client_role}/composites/clients/{client}" => realm_clients_with_client_uuid_roles_with_role_name_composites_clients_with_target_client_uuid_get(client, client_role, client);
        "/clients/{client}/roles/{client_role}/composites/realm" => realm_clients_with_client_uuid_roles_with_role_name_composites_realm_get(client, client_role);
        "/clients/{client}/roles/{client_role}/groups" => realm_clients_with_client_uuid_roles_with_role_name_groups_get(client, client_role; None, None, None);
        "/clients/{client}/roles/{client_role}/users" => realm_clients_with_client_uuid_roles_with_role_name_users_get(client, client_role; None, None, None);
        "/roles" => realm_roles_get(; None, None, None, None);
        "/roles/{role}" => realm_roles_with_role_name_get(role);
        "/roles/{role}/composites" => realm_roles_with_role_name_composites_get(role);
        "/roles/{role}/composites/clients/{client}" => realm_roles_with_role_name_composites_clients_with_target_client_uuid_get(role, client);
        "/roles/{role}/composites/realm" => realm_roles_with_role_name_composites_realm_get(role);
        "/roles/{role}/groups" => realm_roles_with_role_name_groups_get(role; None, None, None);
        "/roles/{role}/users" => realm_roles_with_role_name_users_get(role; None, None, None);
        "/roles-by-id/{role_id}" => realm_roles_by_id_with_role_id_get(role_id);
        "/roles-by-id/{role_id}/composites" => realm_roles_by_id_with_role_id_composites_get(role_id; None, None, None);
        "/roles-by-id/{role_id}/composites/clients/{client}" => realm_roles_by_id_with_role_id_composites_clients_with_client_uuid_get(client, role_id);
        "/roles-by-id/{role_id}/composites/realm" => realm_roles_by_id_with_role_id_composites_realm_get(role_id);
        "/groups/{group}/role-mappings/clients/{client}" => realm_groups_with_group_id_role_mappings_clients_with_client_id_get(group, client);
        "/groups/{group}/role-mappings/clients/{client}/available" => realm_groups_with_group_id_role_mappings_clients_with_client_id_available_get(group, client);
        "/groups/{group}/role-mappings/clients/{client}/composite" => realm_groups_with_group_id_role_mappings_clients_with_client_id_composite_get(group, client; None);
        "/users/{user}/role-mappings/clients/{client}" => realm_users_with_user_id_role_mappings_clients_with_client_id_get(user, client);
        "/users/{user}/role-mappings/clients/{client}/available" => realm_users_with_user_id_role_mappings_clients_with_client_id_available_get(user, client);
        "/users/{user}/role-mappings/clients/{client}/composite" => realm_users_with_user_id_role_mappings_clients_with_client_id_composite_get(user, client; None);
        "/groups/{group}/role-mappings" => realm_groups_with_group_id_role_mappings_get(group);
        "/groups/{group}/role-mappings/realm" => realm_groups_with_group_id_role_mappings_realm_get(group);
        "/groups/{group}/role-mappings/realm/available" => realm_groups_with_group_id_role_mappings_realm_available_get(group);
        "/groups/{group}/role-mappings/realm/composite" => realm_groups_with_group_id_role_mappings_realm_composite_get(group; None);
        "/users/{user}/role-mappings" => realm_users_with_user_id_role_mappings_get(user);
        "/users/{user}/role-mappings/realm" => realm_users_with_user_id_role_mappings_realm_get(user);
        "/users/{user}/role-mappings/realm/available" => realm_users_with_user_id_role_mappings_realm_available_get(user);
        "/users/{user}/role-mappings/realm/composite" => realm_users_with_user_id_role_mappings_realm_composite_get(user; None);
    }
}

pub async fn users(reading: &mut Reading<'_>) {
    reads! { reading.compare;
        "/users" => realm_users_get(; None, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None);
        "/users/count" => realm_users_count_get(; None, None, None, None, None, None, None, None, None, None, None, None, None);
        "/users/profile" => realm_users_profile_get();
        "/users/profile/metadata" => realm_users_profile_metadata_get();
        "/users/{user}" => realm_users_with_user_id_get(user; None);
        "/users/{user}/configured-user-storage-credential-types" => realm_users_with_user_id_configured_user_storage_credential_types_get(user);
        "/users/{user}/consents" => realm_users_with_user_id_consents_get(user);
        "/users/{user}/credentials" => realm_users_with_user_id_credentials_get(user);
        "/users/{user}/federated-identity" => realm_users_with_user_id_federated_identity_get(user);
        "/users/{user}/groups" => realm_users_with_user_id_groups_get(user; None, None, None, None);
        "/users/{user}/groups/count" => realm_users_with_user_id_groups_count_get(user; None);
        "/users/{user}/offline-sessions/{client}" => realm_users_with_user_id_offline_sessions_with_client_uuid_get(user, client);
        "/users/{user}/sessions" => realm_users_with_user_id_sessions_get(user);
        "/users/{user}/unmanagedAttributes" => realm_users_with_user_id_unmanaged_attributes_get(user);
        "/groups" => realm_groups_get(; None, None, None, None, None, None, None, None);
        "/groups/count" => realm_groups_count_get(; None, None);
        "/groups/{group}" => realm_groups_with_group_id_get(group);
        "/groups/{group}/children" => realm_groups_with_group_id_children_get(group; None, None, None, None, None, None);
        "/groups/{group}/members" => realm_groups_with_group_id_members_get(group; None, None, None);
    }
}

pub async fn organizations(reading: &mut Reading<'_>) {
    reads! { reading.compare;
        "/organizations" => realm_organizations_get(; None, None, None, None, None, None);
        "/organizations/count" => realm_organizations_count_get(; None, None, None);
        "/organizations/members/{user}/organizations" => realm_organizations_members_with_member_id_organizations_get(user; None);
        "/organizations/{organization}" => realm_organizations_with_org_id_get(organization);
        "/organizations/{organization}/groups" => realm_organizations_with_org_id_groups_get(organization; None, None, None, None, None, None, None, None);
        "/organizations/{organization}/groups/group-by-path/{org_group_path}" => realm_organizations_with_org_id_groups_group_by_path_with_path_get(organization, org_group_path; None);
        "/organizations/{organization}/groups/{org_group}" => realm_organizations_with_org_id_groups_with_group_id_get(organization, org_group; None);
        "/organizations/{organization}/groups/{org_group}/children" => realm_organizations_with_org_id_groups_with_group_id_children_get(organization, org_group; None, None, None, None, None);
        "/organizations/{organization}/groups/{org_group}/members" => realm_organizations_with_org_id_groups_with_group_id_members_get(organization, org_group; None, None, None);
        "/organizations/{organization}/identity-providers" => realm_organizations_with_org_id_identity_providers_get(organization);
        "/organizations/{organization}/identity-providers/{identity_provider}" => realm_organizations_with_org_id_identity_providers_with_alias_get(organization, identity_provider);
        "/organizations/{organization}/identity-providers/{identity_provider}/groups" => realm_organizations_with_org_id_identity_providers_with_alias_groups_get(organization, identity_provider; None, None, None, None, None, None, None);
        "/organizations/{organization}/invitations" => realm_organizations_with_org_id_invitations_get(organization; None, None, None, None, None, None, None);
        "/organizations/{organization}/members" => realm_organizations_with_org_id_members_get(organization; None, None, None, None, None, None);
        "/organizations/{organization}/members/count" => realm_organizations_with_org_id_members_count_get(organization);
        "/organizations/{organization}/members/{user}" => realm_organizations_with_org_id_members_with_member_id_get(organization, user);
        "/organizations/{organization}/members/{user}/groups" => realm_organizations_with_org_id_members_with_member_id_groups_get(organization, user; None, None, None, None);
        "/organizations/{organization}/members/{user}/organizations" => realm_organizations_with_org_id_members_with_member_id_organizations_get(organization, user; None);
    }
}

/// Features that are switched off here, as a Keycloak can switch them off: the crate gets 501.
pub async fn switched_off(reading: &mut Reading<'_>) {
    reads! { reading.is_refused;
        "/clients/{client}/management/permissions" => realm_clients_with_client_uuid_management_permissions_get(client);
        "/groups/{group}/management/permissions" => realm_groups_with_group_id_management_permissions_get(group);
        "/identity-provider/instances/{identity_provider}/management/permissions" => realm_identity_provider_instances_with_alias_management_permissions_get(identity_provider);
        "/clients/{client}/authz/resource-server" => realm_clients_with_client_uuid_authz_resource_server_get(client);
        "/client-types" => realm_client_types_get();
        "/users-management-permissions" => realm_users_management_permissions_get();
        "/clients/{client}/roles/{client_role}/management/permissions" => realm_clients_with_client_uuid_roles_with_role_name_management_permissions_get(client, client_role);
        "/roles/{role}/management/permissions" => realm_roles_with_role_name_management_permissions_get(role);
        "/roles-by-id/{role_id}/management/permissions" => realm_roles_by_id_with_role_id_management_permissions_get(role_id);
        "/workflows" => realm_workflows_get(; None, None, None, None);
    }
}

/// What the crate hands over as it came.
pub async fn documents(reading: &mut Reading<'_>) {
    let world = reading.world;
    let (client, provider) = (world.at("client"), world.at("identity_provider"));
    let answer =
        world
            .admin
            .realm_clients_with_client_uuid_installation_providers_with_provider_id_get(REALM, client, world.at("installation"));
    let parsed = match answer.await {
        Ok(answer) => answer.into_response().json::<Value>().await.map_err(KeycloakError::from),
        Err(error) => Err(error),
    };
    reading.compare("/admin/realms/{realm}/clients/{client}/installation/providers/{installation}", parsed).await;
    let answer = world.admin.realm_identity_provider_instances_with_alias_export_get(REALM, provider, None).await;
    // An OpenID provider has nothing to export.
    let status = answer.map(|answer| answer.into_response().status().as_u16());
    reading.is_empty("/admin/realms/{realm}/identity-provider/instances/{identity_provider}/export", status);
}
