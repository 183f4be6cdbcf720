//! `oidc-organization-membership-mapper` and `oidc-organization-group-membership-mapper`: the organizations that the grant is
//! about, by alias; as JSON with what the mapper adds, and with the user's groups in them.

use serde_json::{Map, Value, json};

use crate::compiled::claim_path::ClaimPath;
use crate::compiled::mapper::{Claim, JsonType, OrganizationDetails};
use crate::compiled::subject::Belonging;
use crate::tokens::claims::Claims;

use super::Context;

/// A list of aliases, one alias without `multivalued`, or an object by alias where the claim is JSON.
pub fn membership(details: OrganizationDetails, claim: &Claim, cx: &Context<'_>, claims: &mut Claims<'_>) {
    let Some(first) = cx.organizations.first() else { return };
    let aliases = || cx.organizations.iter().map(|one| Value::from(one.organization.alias.as_str()));
    let value = if !claim.multivalued {
        Value::from(first.organization.alias.as_str())
    } else if claim.json_type == JsonType::Json || details.any() {
        Value::Object(cx.organizations.iter().map(|one| (one.organization.alias.clone(), describe(details, one))).collect())
    } else {
        aliases().collect()
    };
    claims.put(&claim.path, value);
}

/// The groups go into the object of each organization; a claim that was a list becomes one of objects.
pub fn groups(path: &ClaimPath, cx: &Context<'_>, claims: &mut Claims<'_>) {
    if cx.organizations.is_empty() {
        return;
    }
    let mut object = match claims.other.value_at(&path.segments) {
        Some(Value::Object(object)) => object.clone(),
        _ => Map::new(),
    };
    for one in cx.organizations.iter() {
        let entry = object.entry(&one.organization.alias).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("groups".to_owned(), json!(one.groups));
        }
    }
    claims.put(path, Value::Object(object));
}

fn describe(details: OrganizationDetails, one: &Belonging) -> Value {
    let mut described = Map::new();
    if details.id {
        described.insert("id".to_owned(), json!(one.organization.id));
    }
    if details.domains {
        described.insert("domains".to_owned(), one.organization.domains.iter().map(|domain| domain.name.clone()).collect());
    }
    if details.attributes {
        for (name, values) in &one.organization.attributes {
            described.entry(name).or_insert_with(|| json!(values));
        }
    }
    Value::Object(described)
}
