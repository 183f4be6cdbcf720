//! The user profile of a realm: which attributes a user has, who may see and edit them, what values are allowed. Names and
//! messages are those of Keycloak's declarative user profile, so that a configuration moves between the two.

mod validator;

pub use validator::is_email;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::login_failures::DISABLED_REASON;
use super::user::User;
use crate::base::java_map;

/// The attributes that are fields of [`User`] and not in its attribute map.
pub const FIELDS: [&str; 4] = ["username", "email", "firstName", "lastName"];

/// How Keycloak marks the administrator that came from its settings.
pub const TEMPORARY_ADMIN: &str = "is_temporary_admin";

/// Attributes by which the server itself remembers something of a user. Administrators see them, declared or not; nobody writes them.
pub const NOTED: [&str; 2] = [DISABLED_REASON.0, TEMPORARY_ADMIN];

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    #[serde(default)]
    pub attributes: Vec<ProfileAttribute>,
    #[serde(default)]
    pub groups: Vec<ProfileGroup>,
    /// What happens to attributes that are not declared; absent means that they are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged_attribute_policy: Option<UnmanagedAttributePolicy>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileAttribute {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The configuration of each validator by its id.
    #[serde(default)]
    pub validations: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
    /// Absent: never required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<ProfileCondition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<ProfilePermissions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<ProfileCondition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(default)]
    pub multivalued: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
}

/// For whom something holds. Both lists empty: for everybody.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileCondition {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfilePermissions {
    #[serde(default)]
    pub view: Vec<String>,
    #[serde(default)]
    pub edit: Vec<String>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileGroup {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_description: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

/// Who may have attributes that the profile does not declare.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnmanagedAttributePolicy {
    Enabled,
    AdminView,
    AdminEdit,
}

/// Who is writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Editor {
    Admin,
    User,
}

impl Editor {
    const fn role(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

/// One rule that a value breaks.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    pub field: String,
    /// The key of a message: `error-invalid-length`.
    #[serde(rename = "errorMessage")]
    pub message: Cow<'static, str>,
    pub params: Vec<Value>,
}

impl Violation {
    pub fn new(field: &str, message: impl Into<Cow<'static, str>>, params: &[Value]) -> Self {
        Self { field: field.to_owned(), message: message.into(), params: [&[json!(field)], params].concat() }
    }
}

impl UserProfile {
    pub fn attribute(&self, name: &str) -> Option<&ProfileAttribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether an attribute that is no field of the user survives when `editor` writes it.
    pub fn keeps(&self, name: &str, editor: Editor) -> bool {
        match self.attribute(name) {
            Some(attribute) => attribute.editable_by(editor),
            None => match self.unmanaged_attribute_policy {
                Some(UnmanagedAttributePolicy::Enabled) => true,
                Some(UnmanagedAttributePolicy::AdminEdit) => editor == Editor::Admin,
                Some(UnmanagedAttributePolicy::AdminView) | None => false,
            },
        }
    }

    /// Every rule that `user` breaks in the eyes of `editor`, grouped by message as Keycloak groups them. What the editor may
    /// not change is not held against him.
    pub fn violations(&self, user: &User, editor: Editor) -> Vec<Violation> {
        let mut violations = Vec::new();
        for attribute in self.attributes.iter().filter(|attribute| attribute.name == "username" || attribute.editable_by(editor)) {
            attribute.check(&values(user, &attribute.name), editor, &mut violations);
        }
        by_message(violations)
    }

    /// Whether the profile misses something that the user (or, with `admin`, an administrator) has to fill in. Such a user
    /// gets no token before he did, where the required action VERIFY_PROFILE is enabled.
    pub fn missing_required(&self, user: &User, admin: bool) -> bool {
        !self.violations(user, if admin { Editor::Admin } else { Editor::User }).is_empty()
    }

    /// What is wrong with this configuration; the texts are Keycloak's.
    ///
    /// # Errors
    /// The first problem.
    pub fn check(&self) -> Result<(), String> {
        for name in &FIELDS[..2] {
            if self.attribute(name).is_none() {
                return Err(format!("The attribute '{name}' can not be removed"));
            }
        }
        for (index, attribute) in self.attributes.iter().enumerate() {
            let name = &attribute.name;
            if self.attributes[..index].iter().any(|other| other.name == *name) {
                return Err(format!("Attribute configuration already exists with 'name':'{name}'"));
            }
            if name.trim().is_empty() {
                return Err("Attribute configuration without 'name' is not allowed".to_owned());
            }
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
                return Err(format!("Invalid attribute name (only letters, numbers and '.' '_' '-' special characters allowed): {name}"));
            }
            for (id, config) in &attribute.validations {
                validator::check(name, id, config)?;
            }
            attribute.check_roles()?;
            if let Some(group) = attribute.group.as_ref().filter(|group| !self.groups.iter().any(|known| known.name == **group)) {
                return Err(format!("Attribute '{name}' references unknown group '{group}'"));
            }
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.name.trim().is_empty() {
                return Err("Name is mandatory for groups, found group(s) without name.".to_owned());
            }
            if self.groups[..index].iter().any(|other| other.name == group.name) {
                return Err(format!("Duplicated group name '{}'", group.name));
            }
        }
        Ok(())
    }
}

/// Keycloak collects violations in a hash map by message.
fn by_message(violations: Vec<Violation>) -> Vec<Violation> {
    let mut messages: Vec<Cow<'static, str>> = Vec::new();
    for violation in &violations {
        if !messages.contains(&violation.message) {
            messages.push(violation.message.clone());
        }
    }
    java_map::sort(&mut messages, |message| message);
    let mut grouped = violations;
    grouped.sort_by_key(|violation| messages.iter().position(|message| *message == violation.message));
    grouped
}

fn values(user: &User, name: &str) -> Vec<String> {
    let field = match name {
        "username" => Some(user.username.clone()),
        "email" => user.email.clone(),
        "firstName" => user.first_name.clone(),
        "lastName" => user.last_name.clone(),
        _ => return user.attributes.get(name).cloned().unwrap_or_default(),
    };
    field.into_iter().collect()
}

impl ProfileAttribute {
    /// No permissions at all means: administrators only.
    pub fn editable_by(&self, editor: Editor) -> bool {
        match &self.permissions {
            Some(permissions) => permissions.edit.iter().any(|role| role == editor.role()),
            None => editor == Editor::Admin,
        }
    }

    /// Roles are those of whoever looks at a user: himself, or an administrator.
    fn check_roles(&self) -> Result<(), String> {
        let permissions = self.permissions.as_ref();
        let lists = [
            ("permissions.view", permissions.map(|permissions| &permissions.view)),
            ("permissions.edit", permissions.map(|permissions| &permissions.edit)),
            ("required.roles", self.required.as_ref().map(|required| &required.roles)),
        ];
        for (place, roles) in lists {
            if let Some(role) = roles.into_iter().flatten().find(|role| !matches!(role.as_str(), "admin" | "user")) {
                return Err(format!("'{place}' configuration for attribute '{}' contains unsupported role '{role}'", self.name));
            }
        }
        Ok(())
    }

    /// A condition on scopes asks what an authorization request wants; outside of one it does not hold.
    pub fn required_for(&self, editor: Editor) -> bool {
        let Some(condition) = &self.required else { return false };
        if condition.roles.is_empty() { condition.scopes.is_empty() } else { condition.roles.iter().any(|role| role == editor.role()) }
    }

    fn check(&self, values: &[String], editor: Editor, violations: &mut Vec<Violation>) {
        let name = self.name.as_str();
        let mut given = values.iter().filter(|value| !value.trim().is_empty()).peekable();
        if given.peek().is_none() && self.required_for(editor) {
            violations.push(Violation::new(name, "error-user-attribute-required", &[]));
            return;
        }
        if !self.multivalued && values.len() > 1 {
            violations.push(Violation::new(name, "error-invalid-multivalued-size", &[json!(0), json!(1)]));
            return;
        }
        if let Some(config) = self.validations.get("multivalued").filter(|_| self.multivalued) {
            violations.extend(validator::broken_count(name, values.len(), config));
        }
        for value in given {
            for (validator, config) in &self.validations {
                violations.extend(validator::broken_rule(name, value, validator, config));
            }
        }
    }
}

/// The attributes of a user as the profile lets `editor` keep them.
pub fn kept_attributes(profile: &UserProfile, attributes: &BTreeMap<String, Vec<String>>, editor: Editor) -> BTreeMap<String, Vec<String>> {
    let kept = attributes
        .iter()
        .filter(|(name, values)| !FIELDS.contains(&name.as_str()) && !values.is_empty() && profile.keeps(name, editor));
    kept.map(|(name, values)| (name.clone(), values.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::id::UserId;

    fn profile(extra: &Value) -> UserProfile {
        let both = json!({"view": ["admin", "user"], "edit": ["admin", "user"]});
        let mut attributes = vec![
            json!({"name": "username", "permissions": both, "validations": {"length": {"min": 3, "max": 255}, "username-prohibited-characters": {},
                "up-username-not-idn-homograph": {}}}),
            json!({"name": "email", "permissions": both, "required": {"roles": ["user"]}, "validations": {"email": {}}}),
            json!({"name": "firstName", "permissions": both, "required": {"roles": ["user"]}, "validations": {"person-name-prohibited-characters": {}}}),
        ];
        attributes.extend(extra.as_array().unwrap().clone());
        serde_json::from_value(json!({"attributes": attributes})).unwrap()
    }

    fn user(username: &str, email: Option<&str>, first_name: Option<&str>) -> User {
        User {
            first_name: first_name.map(str::to_owned),
            email: email.map(str::to_owned),
            ..User::new(UserId::from("u"), username.to_owned(), Timestamp(0))
        }
    }

    #[test]
    fn only_the_user_himself_owes_his_name_and_address() {
        let profile = profile(&json!([]));
        assert!(profile.missing_required(&user("noname", None, None), false));
        assert!(!profile.missing_required(&user("noname", None, None), true));
        assert!(!profile.missing_required(&user("named", Some("a@b.c"), Some("A")), false));
    }

    #[test]
    fn violations_read_as_keycloak_reports_them() {
        let found = profile(&json!([])).violations(&user("z<", Some("nomail"), Some("<b>")), Editor::Admin);
        let found = serde_json::to_value(&found).unwrap();
        assert_eq!(found[0], json!({"field": "username", "errorMessage": "error-invalid-length", "params": ["username", 3, 255]}));
        assert_eq!(found[1], json!({"field": "email", "errorMessage": "error-invalid-email", "params": ["email", "nomail"]}));
        assert_eq!(found[2], json!({"field": "username", "errorMessage": "error-username-invalid-character", "params": ["username"]}));
        assert_eq!(found[3], json!({"field": "firstName", "errorMessage": "error-person-name-invalid-character", "params": ["firstName"]}));
    }

    #[test]
    fn a_lone_upper_bound_has_its_own_message() {
        let profile = profile(&json!([{"name": "team", "required": {}, "validations": {"length": {"max": 5}}}]));
        let mut teamed = user("teamed", None, None);
        assert_eq!(profile.violations(&teamed, Editor::Admin)[0].message, "error-user-attribute-required");
        teamed.attributes.insert("team".to_owned(), vec!["toolong".to_owned()]);
        let found = profile.violations(&teamed, Editor::Admin);
        assert_eq!(found, [Violation::new("team", "error-invalid-length-too-long", &[Value::Null, json!(5)])]);
    }

    #[test]
    fn undeclared_attributes_survive_only_where_the_policy_says_so() {
        let mut profile = profile(&json!([{"name": "secret", "permissions": {"view": ["admin"], "edit": ["admin"]}}]));
        let kept = |profile: &UserProfile| [Editor::Admin, Editor::User].map(|editor| profile.keeps("free", editor));
        assert_eq!(kept(&profile), [false, false]);
        for (policy, expected) in [
            (UnmanagedAttributePolicy::Enabled, [true, true]),
            (UnmanagedAttributePolicy::AdminEdit, [true, false]),
            (UnmanagedAttributePolicy::AdminView, [false, false]),
        ] {
            profile.unmanaged_attribute_policy = Some(policy);
            assert_eq!(kept(&profile), expected);
        }
        assert!(profile.keeps("secret", Editor::Admin) && !profile.keeps("secret", Editor::User));
    }

    #[test]
    fn letters_that_pose_as_latin_ones_are_refused() {
        let profile = profile(&json!([]));
        assert!(!profile.violations(&user("p\u{0430}ypal", None, None), Editor::Admin).is_empty(), "Cyrillic a");
        assert!(profile.violations(&user("müller.é-1@x", None, None), Editor::Admin).is_empty());
    }

    #[test]
    fn a_configuration_keeps_its_pillars_and_names_only_validators_that_exist() {
        assert_eq!(profile(&json!([])).check(), Ok(()));
        assert_eq!(UserProfile::default().check(), Err("The attribute 'username' can not be removed".to_owned()));
        let twice = profile(&json!([{"name": "username"}]));
        assert_eq!(twice.check(), Err("Attribute configuration already exists with 'name':'username'".to_owned()));
        let unknown = profile(&json!([{"name": "x", "validations": {"nope": {}}}]));
        assert_eq!(unknown.check(), Err("Validator 'nope' defined for attribute 'x' doesn't exist".to_owned()));
    }
}
