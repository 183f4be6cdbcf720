//! How a realm authenticates, changed by administrators: flows and their executions, configurations of authenticators, required
//! actions. They refer to each other and are one document of the realm, so every rule here reads and writes it as a whole.

pub mod configs;
pub mod executions;
pub mod flows;
pub mod required_actions;

use std::collections::BTreeMap;

use crate::base::id::RealmId;
use crate::model::authentication::{Authentication, Execution, RequiredAction};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::realms;

/// The longest alias, name or description.
const MAX_NAME: usize = 255;
const MAX_DESCRIPTION: usize = 1024;
/// The longest value in a configuration, and how many of them.
const MAX_VALUE: usize = 16 << 10;
const MAX_VALUES: usize = 100;
/// What one realm may have of each.
const MAX_FLOWS: usize = 500;
const MAX_EXECUTIONS: usize = 100;
const MAX_CONFIGS: usize = 1000;

/// Reads what a realm has.
pub(super) async fn read(txn: &mut Txn<'_, Configuration>, realm: &RealmId) -> Result<Authentication, ManageError> {
    realms::existing(txn, realm).await?;
    Ok(txn.authentication().get(realm).await?)
}

/// Changes what a realm has, or nothing if `edit` refuses.
pub(super) async fn edit<T>(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    edit: impl FnOnce(&mut Authentication) -> Result<T, ManageError>,
) -> Result<T, ManageError> {
    let mut all = read(txn, realm).await?;
    let made = edit(&mut all)?;
    txn.authentication().put(realm, &all);
    Ok(made)
}

/// An alias stands in URLs and in exports.
fn check_alias(alias: &str) -> Result<(), ManageError> {
    if alias.len() > MAX_NAME {
        return Err(ManageError::too_large("Alias"));
    }
    // Keycloak's own flows have spaces and dashes; what separates the parts of a URL is refused.
    let reserved = |c: &char| ":/?#@!$&*+,;=[]\\%".contains(*c) || c.is_control();
    alias.chars().find(reserved).map_or(Ok(()), |character| Err(ManageError::reserved_character(character)))
}

/// What has a place among others.
trait Ranked {
    fn priority(&self) -> i64;
    fn place(&mut self, priority: i64);
}

impl Ranked for Execution {
    fn priority(&self) -> i64 {
        self.priority
    }

    fn place(&mut self, priority: i64) {
        self.priority = priority;
    }
}

impl Ranked for RequiredAction {
    fn priority(&self) -> i64 {
        self.priority
    }

    fn place(&mut self, priority: i64) {
        self.priority = priority;
    }
}

/// Moves the one that `is_it` one place up or down by swapping priorities with its neighbour; at the end it stays.
fn move_by_one<T: Ranked>(all: &mut [T], raise: bool, is_it: impl Fn(&T) -> bool) {
    all.sort_by_key(Ranked::priority);
    let Some(at) = all.iter().position(is_it) else { return };
    let other = if raise { at.checked_sub(1) } else { Some(at + 1).filter(|other| *other < all.len()) };
    let Some(other) = other else { return };
    let (mine, theirs) = (all[at].priority(), all[other].priority());
    all[at].place(theirs);
    all[other].place(mine);
    all.swap(at, other);
    // Of equal priorities none says who comes first: from here on they do.
    for place in 1..all.len() {
        let (before, here) = (all[place - 1].priority(), all[place].priority());
        all[place].place(here.max(before.saturating_add(1)));
    }
}

/// A configuration without its empty values.
fn checked_config(config: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ManageError> {
    if config.len() > MAX_VALUES || config.iter().any(|(name, value)| name.len() > MAX_NAME || value.len() > MAX_VALUE) {
        return Err(ManageError::too_large("Configuration"));
    }
    Ok(config.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(priorities: [i64; 4], which: usize, raise: bool) -> Vec<(String, i64)> {
        let action = |(place, priority): (usize, &i64)| RequiredAction {
            alias: place.to_string(),
            name: String::new(),
            provider_id: String::new(),
            enabled: true,
            default_action: false,
            priority: *priority,
            config: BTreeMap::new(),
        };
        let mut all: Vec<RequiredAction> = priorities.iter().enumerate().map(action).collect();
        let alias = which.to_string();
        move_by_one(&mut all, raise, |action| action.alias == alias);
        all.sort_by_key(|action| action.priority);
        all.into_iter().map(|action| (action.alias, action.priority)).collect()
    }

    #[test]
    fn a_step_moves_by_one_place_and_takes_the_priority_of_that_place() {
        let order = |moved: Vec<(String, i64)>| moved.into_iter().map(|(alias, _)| alias).collect::<String>();
        assert_eq!(moved([10, 20, 25, 40], 2, true), [("0", 10), ("2", 20), ("1", 25), ("3", 40)].map(|(a, p)| (a.to_owned(), p)));
        assert_eq!(order(moved([10, 20, 25, 40], 2, false)), "0132");
        assert_eq!(order(moved([10, 20, 25, 40], 0, true)), "0123");
        assert_eq!(order(moved([10, 20, 25, 40], 3, false)), "0123");
        // Equal priorities, as imports have them.
        assert_eq!(order(moved([0, 0, 0, 0], 2, true)), "0213");
        assert_eq!(order(moved([i64::MAX; 4], 1, false)), "0213");
    }
}
