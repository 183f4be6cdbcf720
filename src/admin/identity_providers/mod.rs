//! `/identity-provider`: where a realm's users may come from, as data: nobody signs in through them here yet.

pub mod import;
pub mod mappers;

use actix_web::HttpResponse;
use serde_json::json;

use crate::egress;
use crate::keyring::JwkSet;
use crate::manage::error::ManageError;
use crate::manage::identity_providers;
use crate::manage::realms::MASK;
use crate::manage::representation::identity_provider::IdentityProviderRepresentation;
use crate::model::catalogue::identity_provider;
use crate::model::identity_provider::{IdentityProvider, SECRET_CONFIG};
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::paging::Page;

/// How many a list shows where the request does not say.
const PAGE: usize = 100;
/// Members of Keycloak's representation that nothing follows from any more.
const FORMER: &[&str] = &["updateProfileFirstLoginMode", "updateProfileFirstLogin"];

/// `GET …/instances`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let page = Page::of(&cx, Some(PAGE))?;
    let mut found = cx.app.store.peek().identity_providers().list(&cx.realm().id).await?;
    let (search, wanted) = (cx.argument("search"), cx.argument("type"));
    let realm_only = cx.flag("realmOnly") == Some(true);
    found.retain(|provider| {
        search.is_none_or(|search| matches(search, &provider.alias))
            && wanted.is_none_or(|wanted| uses(provider).iter().any(|known| known == wanted))
            && !(realm_only && provider.organization_id.is_some())
    });
    let brief = cx.flag("briefRepresentation") == Some(true);
    let shown = page.take(&found).into_iter();
    let shown: Vec<_> = shown
        .map(|provider| if brief { IdentityProviderRepresentation::brief(provider) } else { represent(provider) })
        .collect();
    Ok(answer::document(&shown))
}

/// `POST …/instances`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: IdentityProviderRepresentation = body::read_knowing(&cx, "IdentityProviderRepresentation", FORMER)?;
    let new = given.into_model();
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    change!(cx, |txn| identity_providers::create(txn, &app.env, &app.sealer, realm, new))?;
    Ok(answer::created(&cx, &["identity-provider", "instances", &new.alias]))
}

/// `GET …/instances/{alias}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&represent(&existing(&cx).await?)))
}

/// `PUT …/instances/{alias}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: IdentityProviderRepresentation = body::read_knowing(&cx, "IdentityProviderRepresentation", FORMER)?;
    let new = given.into_model();
    let (app, realm, alias, new) = (&cx.app, &cx.realm().id, cx.parameter("alias"), &new);
    change!(cx, |txn| identity_providers::update(txn, &app.env, &app.sealer, realm, alias, new))?;
    Ok(answer::done())
}

/// `DELETE …/instances/{alias}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, alias) = (&cx.realm().id, cx.parameter("alias"));
    change!(cx, |txn| identity_providers::delete(txn, realm, alias))?;
    Ok(answer::done())
}

/// `GET …/instances/{alias}/export`: OpenID Connect has nothing to hand over, and SAML is absent.
pub async fn export(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let provider = existing(&cx).await?;
    if provider.provider_id == "saml" {
        let kind = &provider.provider_id;
        let text = format!("Could not export public broker configuration for identity provider [{kind}].");
        return Err(AdminError::message(404, text));
    }
    Ok(answer::done())
}

/// `GET …/instances/{alias}/reload-keys`: whether the provider publishes keys, asked now.
pub async fn reload_keys(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let provider = existing(&cx).await?;
    let is = |name: &str| provider.config.get(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let url = provider.config.get("jwksUrl").filter(|_| provider.enabled != Some(false) && is("useJwksUrl"));
    let reloaded = match url {
        Some(url) => cx.app.egress.fetch(&egress::Request::get(url, "application/json")).await.is_ok_and(|answer| {
            // A provider that answers, but not with keys, has none.
            answer.status == 200 && JwkSet::parse(&answer.body).is_ok()
        }),
        None => false,
    };
    Ok(answer::document(&reloaded))
}

/// `GET …/providers/{provider_id}`
pub async fn describe(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let kind = identity_provider::find(cx.parameter("provider_id")).ok_or_else(|| AdminError::error(400, "HTTP 400 Bad Request"))?;
    let nothing: [(); 0] = [];
    let described = json!({ "name": kind.name, "id": kind.id, "configProperties": nothing, "helpText": "", "configMetadata": nothing });
    Ok(answer::document(&described))
}

/// The provider in the URL, by alias or internal id.
async fn existing(cx: &AdminRequest) -> Result<IdentityProvider, AdminError> {
    let (realm, alias) = (&cx.realm().id, cx.parameter("alias"));
    let mut peek = cx.app.store.peek();
    if let Some(found) = peek.identity_providers().by_alias(realm, alias).await? {
        return Ok(found);
    }
    let list = peek.identity_providers().list(realm).await?;
    let by_id = list.into_iter().find(|provider| provider.internal_id == alias);
    Ok(by_id.ok_or_else(ManageError::no_identity_provider)?)
}

/// With masked secrets.
pub fn represent(provider: &IdentityProvider) -> IdentityProviderRepresentation {
    let mut config = provider.config.clone();
    for name in SECRET_CONFIG {
        if let Some(value) = config.get_mut(name) {
            MASK.clone_into(value);
        }
    }
    let types = Some(uses(provider));
    IdentityProviderRepresentation { types, ..IdentityProviderRepresentation::of(provider, &config) }
}

/// What a provider can be used for.
fn uses(provider: &IdentityProvider) -> Vec<String> {
    let kind = identity_provider::find(&provider.provider_id);
    kind.map(|kind| kind.uses.iter().map(|name| (*name).to_owned()).collect()).unwrap_or_default()
}

/// `name*` or `name` from the beginning, `*name*` anywhere, `"name"` as a whole; in any case of letters.
fn matches(search: &str, alias: &str) -> bool {
    let (search, alias) = (search.trim().to_lowercase(), alias.to_lowercase());
    if let Some(whole) = search.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return alias == whole;
    }
    match search.strip_prefix('*') {
        Some(part) => alias.contains(part.trim_end_matches('*')),
        None => alias.starts_with(search.trim_end_matches('*')),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_search_is_a_beginning_a_part_or_the_whole() {
        for (search, found) in
            [("git", true), ("GIT*", true), ("hub", false), ("*hub", true), ("*hub*", true), ("\"github\"", true), ("\"git\"", false)]
        {
            assert_eq!(matches(search, "GitHub"), found, "{search}");
        }
    }
}
