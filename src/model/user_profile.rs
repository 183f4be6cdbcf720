//! The user profile of a realm: which attributes a user has, who may see and edit them, what values are allowed. Names and
//! messages are those of Keycloak's declarative user profile, so that a configuration moves between the two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::user::User;

/// The attributes that are fields of [`User`] and not in its attribute map.
pub const FIELDS: [&str; 4] = ["username", "email", "firstName", "lastName"];

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
    pub message: &'static str,
    pub params: Vec<Value>,
}

impl Violation {
    pub fn new(field: &str, message: &'static str, params: &[Value]) -> Self {
        Self { field: field.to_owned(), message, params: [&[json!(field)], params].concat() }
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

    /// Every rule that `user` breaks in the eyes of `editor`, in the order of the configuration. What the editor may not
    /// change is not held against him.
    pub fn violations(&self, user: &User, editor: Editor) -> Vec<Violation> {
        let mut violations = Vec::new();
        for attribute in self.attributes.iter().filter(|attribute| attribute.name == "username" || attribute.editable_by(editor)) {
            attribute.check(&values(user, &attribute.name), editor, &mut violations);
        }
        violations
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
            if let Some(validator) = attribute.validations.keys().find(|id| !VALIDATORS.contains(&id.as_str())) {
                return Err(format!("Validator '{validator}' defined for attribute '{name}' doesn't exist"));
            }
        }
        Ok(())
    }
}

/// The validators that exist here. A configuration that names another one is refused: a rule that is not enforced is worse
/// than none.
const VALIDATORS: &[&str] = &[
    "length",
    "email",
    "username-prohibited-characters",
    "person-name-prohibited-characters",
    "up-username-not-idn-homograph",
    "options",
    "integer",
];

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
        for value in given {
            for (validator, config) in &self.validations {
                violations.extend(broken_rule(name, value, validator, config));
            }
        }
    }
}

fn broken_rule(name: &str, value: &str, validator: &str, config: &Value) -> Option<Violation> {
    match validator {
        "length" => length(name, value, config),
        "email" => (!is_email(value)).then(|| Violation::new(name, "error-invalid-email", &[json!(value)])),
        "username-prohibited-characters" => {
            let bad = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | ',' | ':') || is_prohibited(c);
            value.contains(bad).then(|| Violation::new(name, "error-username-invalid-character", &[]))
        }
        "person-name-prohibited-characters" => value
            .contains(|c: char| c == '"' || is_prohibited(c))
            .then(|| Violation::new(name, "error-person-name-invalid-character", &[])),
        "up-username-not-idn-homograph" => value
            .contains(|c: char| c.is_alphabetic() && !is_latin(c))
            .then(|| Violation::new(name, "error-username-invalid-character", &[])),
        "options" => {
            let allowed = config["options"].as_array().is_some_and(|options| options.iter().any(|option| option == value));
            (!allowed).then(|| Violation::new(name, "error-invalid-value", &[]))
        }
        "integer" => integer(name, value, config),
        _ => None,
    }
}

/// A bound is a number, or a number as text.
fn bound(config: &Value, key: &str) -> Option<i64> {
    config[key].as_i64().or_else(|| config[key].as_str()?.parse().ok())
}

fn length(name: &str, value: &str, config: &Value) -> Option<Violation> {
    let trimmed = if config["trim-disabled"] == json!("true") || config["trim-disabled"] == json!(true) { value } else { value.trim() };
    // Java counts UTF-16 units.
    let length = i64::try_from(trimmed.encode_utf16().count()).unwrap_or(i64::MAX);
    let (min, max) = (bound(config, "min"), bound(config, "max"));
    let (short, long) = (min.is_some_and(|min| length < min), max.is_some_and(|max| length > max));
    if !short && !long {
        return None;
    }
    let message = match (min, max) {
        (Some(_), Some(_)) => "error-invalid-length",
        (Some(_), None) => "error-invalid-length-too-short",
        _ => "error-invalid-length-too-long",
    };
    Some(Violation::new(name, message, &[json!(min), json!(max)]))
}

fn integer(name: &str, value: &str, config: &Value) -> Option<Violation> {
    let Ok(number) = value.parse::<i64>() else { return Some(Violation::new(name, "error-invalid-number", &[])) };
    let (min, max) = (bound(config, "min"), bound(config, "max"));
    let outside = min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max);
    outside.then(|| Violation::new(name, "error-number-out-of-range", &[json!(min), json!(max)]))
}

/// The shape of RFC 5321 §4.1.2 without quoted local parts: bounded, one `@`, labels without white space or controls.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |part: &str, max: usize, banned: &[char]| {
        !part.is_empty()
            && part.len() <= max
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || banned.contains(&c))
    };
    plain(local, 64, &['"', '(', ')', ',', ':', ';', '<', '>', '[', '\\', ']'])
        && plain(domain, 255, &['@', '/', '"', '<', '>', ',', ';', '\\', '_'])
}

/// What neither a user name nor a person's name may contain: characters with a meaning in markup, shells and paths.
fn is_prohibited(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | '&' | '$' | '%' | '!' | '#' | '?' | '§' | ';' | '*' | '~' | '/' | '\\' | '|' | '^' | '=')
        || matches!(c, '[' | ']' | '{' | '}' | '(' | ')' | '\u{2028}' | '\u{2029}')
}

/// The blocks of the Unicode script Latin. A letter of another script could look like a Latin one and pose as another user.
fn is_latin(c: char) -> bool {
    matches!(u32::from(c), 0x41..=0x5A | 0x61..=0x7A | 0xAA | 0xB5 | 0xBA | 0xC0..=0x2B8 | 0x2E0..=0x2E4 | 0x1D00..=0x1D25
        | 0x1D2C..=0x1D5C | 0x1D62..=0x1D65 | 0x1D6B..=0x1D77 | 0x1D79..=0x1DBE | 0x1E00..=0x1EFF | 0x2071 | 0x207F
        | 0x2090..=0x209C | 0x2C60..=0x2C7F | 0xA722..=0xA787 | 0xA78B..=0xA7FF | 0xAB30..=0xAB5A | 0xFB00..=0xFB06
        | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A)
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
            id: UserId::from("u"),
            username: username.to_owned(),
            first_name: first_name.map(str::to_owned),
            last_name: None,
            email: email.map(str::to_owned),
            email_verified: false,
            enabled: true,
            created: Timestamp(0),
            attributes: BTreeMap::new(),
            required_actions: Vec::new(),
            not_before: 0,
            roles: Vec::new(),
            groups: Vec::new(),
            service_account_client: None,
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
        assert_eq!(found[1], json!({"field": "username", "errorMessage": "error-username-invalid-character", "params": ["username"]}));
        assert_eq!(found[2], json!({"field": "email", "errorMessage": "error-invalid-email", "params": ["email", "nomail"]}));
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
    fn addresses_have_one_at_sign_and_bounded_parts() {
        for good in ["a@b", "jane@example.test", "o'brien+tag@example.org", "l/p@d.e"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b/c", ".a@b", "a..b@c", "a@b.", "a@b\n", &format!("{}@b", "x".repeat(65))] {
            assert!(!is_email(bad), "{bad:?}");
        }
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
