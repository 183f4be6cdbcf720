//! `[bootstrap]`: the administrator that the first start on an empty store creates. Later starts ignore it.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::base::secret::Secret;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    pub admin_username: String,
    /// `None`: a password is generated and shown once on standard output.
    pub admin_password: Option<Secret<String>>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { admin_username: "admin".to_owned(), admin_password: None }
    }
}

impl Bootstrap {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        if self.admin_username.trim().is_empty() || self.admin_username.chars().count() > 255 {
            problems.push(Problem::new("bootstrap.admin_username", "must have 1 to 255 characters"));
        }
        if let Some(password) = &self.admin_password
            && !(1..=255).contains(&password.expose().chars().count())
        {
            problems.push(Problem::new("bootstrap.admin_password", "must have 1 to 255 characters; remove it to have one generated"));
        }
    }
}
