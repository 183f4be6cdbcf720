//! The user profile of a new realm.

use serde_json::{Map, Value, json};

use crate::model::user_profile::{ProfileAttribute, ProfileCondition, ProfileGroup, ProfilePermissions, UserProfile};

/// User name, address and both names. In master nobody owes the latter three: its users are administrators.
pub fn profile(master: bool) -> UserProfile {
    let required = (!master).then(|| ProfileCondition { roles: vec!["user".to_owned()], scopes: Vec::new() });
    let owed = |attribute: ProfileAttribute| ProfileAttribute { required: required.clone(), ..attribute };
    let name = || json!({"length": {"max": 255}, "person-name-prohibited-characters": {}});
    UserProfile {
        attributes: vec![
            attribute(
                "username",
                &json!({"length": {"min": 3, "max": 255}, "username-prohibited-characters": {}, "up-username-not-idn-homograph": {}}),
            ),
            owed(attribute("email", &json!({"email": {}, "length": {"max": 255}}))),
            owed(attribute("firstName", &name())),
            owed(attribute("lastName", &name())),
        ],
        groups: vec![ProfileGroup {
            name: "user-metadata".to_owned(),
            display_header: Some("User metadata".to_owned()),
            display_description: Some("Attributes, which refer to user metadata".to_owned()),
            annotations: Map::new(),
        }],
        unmanaged_attribute_policy: None,
    }
}

fn attribute(name: &str, validations: &Value) -> ProfileAttribute {
    let both = || vec!["admin".to_owned(), "user".to_owned()];
    ProfileAttribute {
        name: name.to_owned(),
        display_name: Some(format!("${{{name}}}")),
        validations: validations.as_object().cloned().unwrap_or_default(),
        permissions: Some(ProfilePermissions { view: both(), edit: both() }),
        ..ProfileAttribute::default()
    }
}
