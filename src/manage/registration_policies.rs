//! Registration policies: what a client may be that registers itself, by component of the realm, for unknown applicants
//! (`anonymous`) and for those with a token (`authenticated`). Some refuse a request, others set the client right after it was
//! made. Looking names up is the caller's: rules do no IO.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::id::{ClientScopeId, ComponentId, RealmId};
use crate::model::client::Client;
use crate::model::component::Component;
use crate::model::realm::Realm;
use crate::store::StoreError;
use crate::store::txn::Reader;
use crate::tokens::registration::RegistrationAuth;

use super::clients::ClientSettings;
use super::defaults::components::REGISTRATION_POLICY;
use super::error::ManageError;
use super::protocol_mappers::NewMapper;

/// The policies that one applicant has to meet.
#[derive(Clone, Debug, Default)]
pub struct RegistrationPolicies(Vec<Component>);

/// A policy that is not met.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Policy '{policy}' rejected request to client-registration service. Details: {details}")]
pub struct PolicyRefusal {
    policy: String,
    details: String,
}

/// A client as it asks to be.
pub struct Proposal<'a> {
    pub realm: &'a Realm,
    pub settings: &'a ClientSettings,
    /// The client as it is; `None` for a new one.
    pub current: Option<&'a Client>,
    /// The names of the realm's client scopes.
    pub scope_name: &'a (dyn Fn(&ClientScopeId) -> Option<String> + Sync),
}

impl RegistrationPolicies {
    /// The realm's policies for applicants of this kind. Who may ask at all is judged first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(reader: &mut impl Reader, realm: &RealmId, auth: RegistrationAuth) -> Result<Self, StoreError> {
        let mut found = reader.components().list(realm).await?;
        found.retain(|component| component.provider_type == REGISTRATION_POLICY && component.sub_type.as_deref() == Some(auth.name()));
        found.sort_by(|a, b| (a.provider_id != TRUSTED_HOSTS, &a.name, &a.id).cmp(&(b.provider_id != TRUSTED_HOSTS, &b.name, &b.id)));
        Ok(Self(found))
    }

    /// The names whose addresses may ask, if that matters: who calls looks them up for [`RegistrationPolicies::admit_sender`].
    pub fn hosts_to_resolve(&self) -> BTreeSet<String> {
        let asking = self.of_provider(TRUSTED_HOSTS).filter(|policy| flag(policy, SENDER_MUST_MATCH));
        asking.flat_map(|policy| hosts(policy).filter(|host| !host.starts_with('*'))).map(str::to_owned).collect()
    }

    /// Judges who sends the request. `resolved` are the addresses of [`RegistrationPolicies::hosts_to_resolve`].
    ///
    /// # Errors
    /// The sender is none of the trusted hosts.
    pub fn admit_sender(&self, sender: IpAddr, resolved: &[IpAddr]) -> Result<(), PolicyRefusal> {
        let sender = sender.to_canonical();
        let known = resolved.iter().any(|address| address.to_canonical() == sender);
        match self.of_provider(TRUSTED_HOSTS).find(|policy| flag(policy, SENDER_MUST_MATCH)) {
            Some(policy) if !known => Err(refusal(policy, "Host not trusted.")),
            _ => Ok(()),
        }
    }

    /// Judges what a client asks to be.
    ///
    /// # Errors
    /// The first policy that is not met.
    pub fn admit(&self, proposal: &Proposal<'_>) -> Result<(), PolicyRefusal> {
        self.0.iter().try_for_each(|policy| {
            let judged = match policy.provider_id.as_str() {
                TRUSTED_HOSTS if flag(policy, URIS_MUST_MATCH) => trusted_uris(policy, proposal.settings),
                "consent-required" => stays(proposal, |s, c| s.consent_required == Some(false) && c.consent_required)
                    .map_err(|()| "Not permitted to update consentRequired to false".to_owned()),
                "scope" => stays(proposal, |s, c| s.full_scope_allowed == Some(true) && !c.full_scope_allowed)
                    .map_err(|()| "Not permitted to enable fullScopeAllowed".to_owned()),
                "client-disabled" => {
                    stays(proposal, |s, c| s.enabled == Some(true) && !c.enabled).map_err(|()| "Not permitted to enable client".to_owned())
                }
                "allowed-protocol-mappers" => allowed_mappers(policy, proposal),
                "allowed-client-templates" => allowed_scopes(policy, proposal),
                _ => Ok(()),
            };
            judged.map_err(|details| refusal(policy, details))
        })
    }

    /// How many clients the realm may have for another one to register; `None` for any number.
    pub fn max_clients(&self) -> Option<usize> {
        self.of_provider("max-clients").filter_map(|policy| policy.value("max-clients")?.parse().ok()).min()
    }

    /// The components that bound the number of clients: whoever counts rewrites them, so that two who count at once conflict.
    pub(super) fn counted_by(&self) -> Vec<ComponentId> {
        self.of_provider("max-clients").map(|policy| policy.id.clone()).collect()
    }

    /// The refusal of one client too many.
    pub fn too_many_clients(&self) -> PolicyRefusal {
        let policy = self.of_provider("max-clients").next().map_or_else(String::new, |policy| policy.name.clone());
        let details = format!("It's allowed to have max {} clients per realm", self.max_clients().unwrap_or_default());
        PolicyRefusal { policy, details }
    }

    /// What the policies make of a client that was just registered.
    pub fn settle(&self, client: &mut Client) {
        for policy in &self.0 {
            match policy.provider_id.as_str() {
                "consent-required" => client.consent_required = true,
                "scope" => client.full_scope_allowed = false,
                "client-disabled" => client.enabled = false,
                _ => {}
            }
        }
    }

    /// The origins whose scripts may register and use what they got.
    pub fn web_origins(&self) -> Vec<String> {
        let origins = self.of_provider("registration-web-origins").filter_map(|policy| policy.config.get("web-origins"));
        origins.flatten().cloned().collect()
    }

    fn of_provider<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a Component> {
        self.0.iter().filter(move |policy| policy.provider_id == provider)
    }
}

/// Checks the settings of a policy that an administrator writes.
///
/// # Errors
/// One is missing or no value of its kind; a trusted-hosts policy looks at nothing.
pub(super) fn check(policy: &Component) -> Result<(), ManageError> {
    let invalid = |text: String| Err(ManageError::component_config(text));
    for (provider, name, is_fit, kind, required) in SETTINGS {
        if policy.provider_id != *provider {
            continue;
        }
        match policy.value(name).filter(|value| !value.is_empty()) {
            None if *required => return invalid(format!("'{name}.label' is required")),
            Some(value) if !is_fit(value) => return invalid(format!("'{name}.label' should be {kind}")),
            _ => {}
        }
    }
    if policy.provider_id == TRUSTED_HOSTS && !flag(policy, SENDER_MUST_MATCH) && !flag(policy, URIS_MUST_MATCH) {
        return invalid("At least one of hosts verification or client URIs validation must be enabled".to_owned());
    }
    Ok(())
}

const TRUSTED_HOSTS: &str = "trusted-hosts";
const SENDER_MUST_MATCH: &str = "host-sending-registration-request-must-match";
const URIS_MUST_MATCH: &str = "client-uris-must-match";
const TRUTH: &str = "'true' or 'false'";

/// Provider, setting, what fits, how that is called, and whether it must be there. A label in a refusal is Keycloak's key of it.
type SettingRule = (&'static str, &'static str, fn(&str) -> bool, &'static str, bool);
const SETTINGS: &[SettingRule] = &[
    (TRUSTED_HOSTS, SENDER_MUST_MATCH, is_truth, TRUTH, true),
    (TRUSTED_HOSTS, URIS_MUST_MATCH, is_truth, TRUTH, true),
    ("max-clients", "max-clients", is_number, "a number", true),
    ("allowed-client-templates", "allow-default-scopes", is_truth, TRUTH, false),
];

fn is_truth(value: &str) -> bool {
    matches!(value, "true" | "false")
}

fn is_number(value: &str) -> bool {
    value.parse::<u32>().is_ok()
}

fn refusal(policy: &Component, details: impl Into<String>) -> PolicyRefusal {
    PolicyRefusal { policy: policy.name.clone(), details: details.into() }
}

/// Both switches of a trusted-hosts policy are on unless they are off.
fn flag(policy: &Component, name: &str) -> bool {
    policy.value(name).is_none_or(|value| value == "true")
}

fn hosts(policy: &Component) -> impl Iterator<Item = &str> {
    policy.config.get(TRUSTED_HOSTS).into_iter().flatten().map(|host| host.trim()).filter(|host| !host.is_empty())
}

/// A change that a policy forbids; a new client is set right afterwards.
fn stays(proposal: &Proposal<'_>, forbidden: impl Fn(&ClientSettings, &Client) -> bool) -> Result<(), ()> {
    match proposal.current {
        Some(current) if forbidden(proposal.settings, current) => Err(()),
        _ => Ok(()),
    }
}

/// Every URL of the client leads to a trusted host.
fn trusted_uris(policy: &Component, settings: &ClientSettings) -> Result<(), String> {
    let root = settings.root_url.as_deref().filter(|root| !root.is_empty());
    let own = [root, settings.base_url.as_deref(), settings.admin_url.as_deref()].into_iter().flatten();
    for url in own.chain(settings.redirect_uris.iter().flatten().map(String::as_str)).filter(|url| !url.is_empty()) {
        let absolute = if url.starts_with('/') { root.ok_or("Malformed URL")? } else { url };
        let host = host_of(absolute).ok_or("Malformed URL")?;
        let trusted = hosts(policy).any(|trusted| match trusted.strip_prefix("*.") {
            Some(domain) => host.len() > domain.len() && host.ends_with(domain) && host[..host.len() - domain.len()].ends_with('.'),
            None => host.eq_ignore_ascii_case(trusted),
        });
        if !trusted {
            return Err("URL doesn't match any trusted host or trusted domain".to_owned());
        }
    }
    Ok(())
}

/// The host of a web URL as a browser reads it, in lower case.
fn host_of(url: &str) -> Option<String> {
    // A browser takes a backslash for a slash and skips white space: such a URL has two readings.
    if url.chars().any(|c| c == '\\' || c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let address = authority.rsplit('@').next()?;
    let host = match address.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => address.split(':').next()?,
    };
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_web && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn allowed_mappers(policy: &Component, proposal: &Proposal<'_>) -> Result<(), String> {
    let allowed = policy.config.get("allowed-protocol-mapper-types");
    // What somebody else gave the client it may keep, but not change: a mapper can give it roles.
    let is_there = |asked: &NewMapper| {
        proposal
            .current
            .is_some_and(|client| client.protocol_mappers.iter().any(|mapper| NewMapper::from(mapper) == *asked))
    };
    let mut asked = proposal.settings.protocol_mappers.iter().flatten();
    match asked.find(|mapper| !is_there(mapper) && allowed.is_none_or(|types| !types.contains(&mapper.protocol_mapper))) {
        Some(_) => Err("ProtocolMapper type not allowed".to_owned()),
        None => Ok(()),
    }
}

fn allowed_scopes(policy: &Component, proposal: &Proposal<'_>) -> Result<(), String> {
    let named = policy.config.get("allowed-client-scopes").map_or(&[][..], Vec::as_slice);
    let realm_wide = policy.value("allow-default-scopes") == Some("true");
    let (realm, settings) = (proposal.realm, proposal.settings);
    let kinds = [
        (&settings.default_client_scopes, &realm.default_default_client_scopes, proposal.current.map(|c| &c.default_client_scopes)),
        (&settings.optional_client_scopes, &realm.default_optional_client_scopes, proposal.current.map(|c| &c.optional_client_scopes)),
    ];
    for (asked, of_realm, present) in kinds {
        let of_realm: &[ClientScopeId] = if realm_wide { of_realm } else { &[] };
        let known: Vec<String> = of_realm.iter().chain(present.into_iter().flatten()).filter_map(proposal.scope_name).collect();
        if asked.iter().flatten().any(|scope| !named.contains(scope) && !known.contains(scope)) {
            return Err("Not permitted to use specified clientScope".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn policy(provider: &str, config: &[(&str, &[&str])]) -> Component {
        let config: BTreeMap<_, _> = config
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
            .collect();
        Component {
            id: ComponentId::from(provider),
            name: provider.to_owned(),
            provider_id: provider.to_owned(),
            provider_type: REGISTRATION_POLICY.to_owned(),
            sub_type: Some("anonymous".to_owned()),
            parent: None,
            config,
        }
    }

    fn judged(policy: Component, settings: &ClientSettings) -> Result<(), PolicyRefusal> {
        let proposal = Proposal { realm: &Realm::default(), settings, current: None, scope_name: &|_| None };
        RegistrationPolicies(vec![policy]).admit(&proposal)
    }

    #[test]
    fn every_url_has_to_lead_to_a_trusted_host_as_a_browser_reads_it() {
        let hosts = || policy("trusted-hosts", &[("trusted-hosts", &["good.example", "*.apps.example"])]);
        let with = |uri: &str| ClientSettings { redirect_uris: Some(vec![uri.to_owned()]), ..ClientSettings::default() };
        for good in ["https://good.example/cb", "https://GOOD.example:8443/*", "https://a.apps.example/cb"] {
            assert_eq!(judged(hosts(), &with(good)), Ok(()), "{good}");
        }
        for bad in [
            "https://evil.example/cb",
            "https://good.example@evil.example/cb",
            "https://evil.example\\@good.example/cb",
            "https://apps.example/cb",
            "https://evilapps.example/cb",
            "com.example.app:/cb",
            "/cb",
            "*",
        ] {
            assert!(judged(hosts(), &with(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_sender_is_one_of_the_addresses_of_a_trusted_host() {
        let policies = RegistrationPolicies(vec![policy("trusted-hosts", &[("trusted-hosts", &["a.example", "*.b.example"])])]);
        assert_eq!(policies.hosts_to_resolve(), BTreeSet::from(["a.example".to_owned()]));
        let (known, mapped): (IpAddr, IpAddr) = ("192.0.2.1".parse().expect("v4"), "::ffff:192.0.2.1".parse().expect("v6"));
        assert_eq!(policies.admit_sender(mapped, &[known]), Ok(()));
        let refused = policies.admit_sender(known, &[]).expect_err("nobody is trusted");
        assert!(refused.to_string().ends_with("Details: Host not trusted."), "{refused}");
    }

    #[test]
    fn a_scope_that_nobody_allowed_and_a_mapper_of_another_type_are_refused() {
        let scopes = ClientSettings { optional_client_scopes: Some(vec!["admin".to_owned()]), ..ClientSettings::default() };
        assert!(judged(policy("allowed-client-templates", &[("allow-default-scopes", &["true"])]), &scopes).is_err());
        assert_eq!(judged(policy("allowed-client-templates", &[("allowed-client-scopes", &["admin"])]), &scopes), Ok(()));
        let mapper = NewMapper { protocol_mapper: "oidc-hardcoded-claim-mapper".to_owned(), ..Default::default() };
        let mappers = ClientSettings { protocol_mappers: Some(vec![mapper]), ..ClientSettings::default() };
        assert!(
            judged(policy("allowed-protocol-mappers", &[("allowed-protocol-mapper-types", &["oidc-full-name-mapper"])]), &mappers).is_err()
        );
    }
}
