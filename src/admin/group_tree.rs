//! Groups as a tree: those of a realm ([`super::groups`]) or of one organization ([`super::organizations`]), with their paths,
//! what a search finds among them, and the branches that lead there.

use std::collections::{HashMap, HashSet};

use crate::base::id::GroupId;
use crate::manage::representation::group::{GroupRepresentation, paths};
use crate::manage::user_search;
use crate::model::group::Group;
use crate::web::administrator::AdminRequest;

pub struct GroupTree {
    /// By name.
    groups: Vec<Group>,
    paths: HashMap<GroupId, String>,
    child_counts: HashMap<GroupId, i64>,
}

impl GroupTree {
    pub fn new(mut groups: Vec<Group>) -> Self {
        groups.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let paths = paths(&groups).into_iter().map(|(id, path)| (GroupId::from(id), path)).collect();
        let mut child_counts: HashMap<GroupId, i64> = HashMap::new();
        for parent in groups.iter().filter_map(|group| group.parent.as_ref()) {
            *child_counts.entry(parent.clone()).or_default() += 1;
        }
        Self { groups, paths, child_counts }
    }

    /// All groups, by name.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The groups that `wanted` picks, by name.
    pub fn pick(&self, wanted: impl Fn(&Group) -> bool) -> Vec<&Group> {
        self.groups.iter().filter(|group| wanted(group)).collect()
    }

    /// The groups right below `parent`, or at the top.
    pub fn children(&self, parent: Option<&GroupId>) -> Vec<&Group> {
        self.pick(|group| group.parent.as_ref() == parent)
    }

    pub fn child_count(&self, id: &GroupId) -> i64 {
        self.child_counts.get(id).copied().unwrap_or(0)
    }

    pub fn path(&self, group: &Group) -> &str {
        self.paths.get(&group.id).map(String::as_str).unwrap_or_default()
    }

    /// What `search` (in lower case) and the request's `exact` and `q` pick; `None` when they ask for nothing.
    pub fn matching(&self, cx: &AdminRequest, search: Option<&str>) -> Option<HashSet<GroupId>> {
        let pairs = cx.argument("q").map(user_search::attributes).unwrap_or_default();
        if search.is_none() && pairs.is_empty() {
            return None;
        }
        let exact = cx.flag("exact").unwrap_or(false);
        let has =
            |group: &Group, key: &str, value: &str| group.attributes.get(key).is_some_and(|values| values.iter().any(|one| one == value));
        let matches = |group: &&Group| {
            let name = group.name.to_lowercase();
            search.is_none_or(|search| if exact { name == search } else { name.contains(search) })
                && pairs.iter().all(|(key, value)| has(group, key, value))
        };
        Some(self.groups.iter().filter(matches).map(|group| group.id.clone()).collect())
    }

    /// The groups `found` below their ancestors, from the top, each as `show` has it.
    pub fn hierarchy<'a>(
        &'a self,
        found: impl IntoIterator<Item = &'a GroupId>,
        show: &impl Fn(&Group) -> GroupRepresentation,
    ) -> Vec<GroupRepresentation> {
        let by_id: HashMap<&GroupId, &Group> = self.groups.iter().map(|group| (&group.id, group)).collect();
        let mut kept: HashSet<&GroupId> = HashSet::new();
        for id in found {
            let mut next = by_id.get(id).copied();
            while let Some(group) = next.filter(|group| kept.insert(&group.id)) {
                next = group.parent.as_ref().and_then(|parent| by_id.get(parent).copied());
            }
        }
        self.below(None, &kept, show)
    }

    fn below(
        &self,
        parent: Option<&GroupId>,
        kept: &HashSet<&GroupId>,
        show: &impl Fn(&Group) -> GroupRepresentation,
    ) -> Vec<GroupRepresentation> {
        let children = self.children(parent).into_iter().filter(|group| kept.contains(&group.id));
        children
            .map(|group| GroupRepresentation { sub_groups: Some(self.below(Some(&group.id), kept, show)), ..show(group) })
            .collect()
    }
}
