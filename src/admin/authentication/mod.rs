//! `/authentication`: how a realm authenticates, as data. Which steps have an effect today is said in `docs/authentication.md`.

pub mod configs;
pub mod executions;
pub mod flows;
pub mod providers;
pub mod required_actions;

use std::collections::BTreeMap;

use crate::model::authentication::Authentication;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::body;
use super::error::AdminError;

/// Everything of the realm in the URL.
async fn all(cx: &AdminRequest) -> Result<Authentication, AdminError> {
    Ok(cx.app.store.peek().authentication().get(&cx.realm().id).await?)
}

/// A body that is a map of texts and no representation.
struct Texts(BTreeMap<String, Option<String>>);

impl Texts {
    fn read(cx: &AdminRequest) -> Result<Self, AdminError> {
        body::read(cx, "Map").map(Self)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }
}
