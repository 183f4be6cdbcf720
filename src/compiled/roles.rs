//! The roles of a realm as a graph: what a composite includes, and whose role it is.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::id::{ClientId, RoleId};
use crate::model::role::{Role, RoleContainer};

use super::claim_path::ClaimName;

/// The position of a role, or of a client, in its [`RoleGraph`].
type Index = u32;

/// One role, with what a token says about it.
#[derive(Debug)]
pub struct RoleNode {
    pub id: RoleId,
    pub name: Arc<str>,
    /// The position of the client whose role it is; `None` for a realm role.
    client: Option<Index>,
    composites: Vec<Index>,
}

/// All roles of a realm and its clients.
#[derive(Debug, Default)]
pub struct RoleGraph {
    /// Sorted by name, so that a token lists its roles in this order.
    nodes: Vec<RoleNode>,
    /// The clients that have roles, sorted by `client_id`.
    clients: Vec<RoleOwner>,
    by_id: HashMap<RoleId, Index>,
}

/// A client that has roles.
#[derive(Debug)]
struct RoleOwner {
    client_id: ClaimName,
    /// In the order of the nodes.
    roles: Vec<Index>,
}

/// Roles by name: those of the realm, and those of each client that has some.
#[derive(Clone, Debug, Default)]
pub struct RoleNames {
    pub realm: Vec<Arc<str>>,
    pub clients: Vec<(ClaimName, Vec<Arc<str>>)>,
}

/// A set of roles of one graph.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoleSet(Vec<u64>);

impl RoleGraph {
    /// `client_ids` names the clients among the containers; a role of a client that is not in it is left out.
    pub fn new(mut roles: Vec<Role>, client_ids: &HashMap<ClientId, Arc<str>>) -> Self {
        let mut clients: Vec<(&ClientId, &Arc<str>)> = client_ids.iter().collect();
        clients.sort_by_key(|(_, client_id)| *client_id);
        let positions: HashMap<&ClientId, Index> = clients.iter().map(|(id, _)| *id).zip(0..).collect();
        // `None`: the client is not there.
        let client_of = |role: &Role| match &role.container {
            RoleContainer::Realm => Some(None),
            RoleContainer::Client(owner) => positions.get(owner).map(|position| Some(*position)),
        };
        roles.retain(|role| client_of(role).is_some());
        roles.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let by_id: HashMap<RoleId, Index> = roles.iter().zip(0..).map(|(role, index)| (role.id.clone(), index)).collect();
        let nodes: Vec<RoleNode> = roles
            .into_iter()
            .map(|role| RoleNode {
                composites: role.composites.iter().filter_map(|id| by_id.get(id).copied()).collect(),
                client: client_of(&role).flatten(),
                name: Arc::from(role.name),
                id: role.id,
            })
            .collect();
        let owner = |(_, client_id): (_, &Arc<str>)| RoleOwner { client_id: ClaimName::new(client_id), roles: Vec::new() };
        let mut clients: Vec<RoleOwner> = clients.into_iter().map(owner).collect();
        for (node, index) in nodes.iter().zip(0..) {
            if let Some(client) = node.client {
                clients[client as usize].roles.push(index);
            }
        }
        Self { nodes, clients, by_id }
    }

    /// These roles and all that they include, however deep; cycles do no harm.
    pub fn expand<'a>(&self, ids: impl IntoIterator<Item = &'a RoleId>) -> RoleSet {
        let mut set = RoleSet(vec![0; self.nodes.len().div_ceil(64)]);
        let mut pending: Vec<Index> = ids.into_iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        while let Some(index) = pending.pop() {
            if set.insert(index) {
                pending.extend_from_slice(&self.node(index).composites);
            }
        }
        set
    }

    /// All roles there are.
    pub fn all(&self) -> RoleSet {
        self.expand(self.nodes.iter().map(|node| &node.id))
    }

    /// The roles of one client, by its `client_id`.
    pub fn of_client(&self, client_id: &str) -> impl Iterator<Item = &RoleId> {
        self.owned_by(client_id).map(|index| &self.node(index).id)
    }

    /// The names of those roles of one client that are in `set`, sorted.
    pub fn held_of_client<'g>(&'g self, set: &'g RoleSet, client_id: &str) -> impl Iterator<Item = &'g Arc<str>> {
        self.owned_by(client_id).filter(|index| set.contains(*index)).map(|index| &self.node(index).name)
    }

    /// Whether the realm role `name` is in `set`.
    pub fn holds_realm_role(&self, set: &RoleSet, name: &str) -> bool {
        let first = self.nodes.partition_point(|node| *node.name < *name);
        let named = self.nodes.iter().zip(0..).skip(first).take_while(|(node, _)| *node.name == *name);
        named.filter(|(node, _)| node.client.is_none()).any(|(_, index)| set.contains(index))
    }

    /// The clients of which a role is in `set`, by `client_id`.
    pub fn clients_in<'g>(&'g self, set: &'g RoleSet) -> impl Iterator<Item = &'g str> {
        let held = self.clients.iter().filter(|client| client.roles.iter().any(|index| set.contains(*index)));
        held.map(|client| &*client.client_id.text)
    }

    fn owned_by(&self, client_id: &str) -> impl Iterator<Item = Index> {
        let found = self.clients.binary_search_by(|client| (*client.client_id.text).cmp(client_id));
        found.map_or(&[][..], |position| &self.clients[position].roles).iter().copied()
    }

    /// The names of `set`, sorted.
    pub fn names(&self, set: &RoleSet) -> RoleNames {
        let mut names = RoleNames::default();
        let mut positions: Vec<Option<usize>> = vec![None; self.clients.len()];
        for node in set.indices().map(|index| self.node(index)) {
            let list = match node.client {
                None => &mut names.realm,
                Some(client) => {
                    let position = positions[client as usize].get_or_insert_with(|| {
                        names.clients.push((self.clients[client as usize].client_id.clone(), Vec::new()));
                        names.clients.len() - 1
                    });
                    &mut names.clients[*position].1
                }
            };
            list.push(Arc::clone(&node.name));
        }
        names
    }

    fn node(&self, index: Index) -> &RoleNode {
        &self.nodes[index as usize]
    }
}

impl RoleSet {
    /// Whether it was not in the set before.
    fn insert(&mut self, index: Index) -> bool {
        let (word, bit) = (&mut self.0[index as usize / 64], 1 << (index % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn contains(&self, index: Index) -> bool {
        self.0.get(index as usize / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Keeps what is in `other` too.
    pub fn retain(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }

    /// Adds what is in `other`.
    pub fn extend(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn indices(&self) -> impl Iterator<Item = Index> {
        self.0.iter().zip(0_u32..).flat_map(|(word, position)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    position * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn role(id: usize, composites: &[usize]) -> Role {
        Role {
            id: RoleId::from(format!("id-{id}")),
            name: format!("role-{id:04}"),
            description: None,
            container: RoleContainer::Realm,
            composites: composites.iter().map(|id| RoleId::from(format!("id-{id}"))).collect(),
            attributes: std::collections::BTreeMap::new(),
        }
    }

    fn names(graph: &RoleGraph, set: &RoleSet) -> Vec<String> {
        let names = graph.names(set);
        names
            .realm
            .into_iter()
            .chain(names.clients.into_iter().flat_map(|(_, roles)| roles))
            .map(|name| name.to_string())
            .collect()
    }

    #[test]
    fn composites_expand_to_any_depth_and_through_cycles() {
        let graph = RoleGraph::new(vec![role(0, &[1]), role(1, &[2, 9]), role(2, &[0]), role(3, &[])], &HashMap::new());
        let set = graph.expand(&[RoleId::from("id-0"), RoleId::from("gone")]);
        assert_eq!(names(&graph, &set), ["role-0000", "role-0001", "role-0002"]);
    }

    #[test]
    fn a_client_role_knows_its_client() {
        let client = ClientId::from("c1");
        let of = |id: usize, client: &ClientId| Role { container: RoleContainer::Client(client.clone()), ..role(id, &[]) };
        let graph = RoleGraph::new(
            vec![of(0, &client), of(1, &ClientId::from("gone")), role(2, &[])],
            &HashMap::from([(client.clone(), Arc::from("account"))]),
        );
        assert_eq!(graph.of_client("gone").count(), 0);
        assert_eq!(graph.of_client("account").collect::<Vec<_>>(), [&RoleId::from("id-0")]);
        let set = graph.all();
        let all = graph.names(&set);
        assert_eq!(graph.clients_in(&set).collect::<Vec<_>>(), ["account"]);
        assert_eq!(graph.held_of_client(&set, "account").map(|name| &**name).collect::<Vec<_>>(), ["role-0000"]);
        assert!(graph.holds_realm_role(&set, "role-0002") && !graph.holds_realm_role(&set, "role-0000"), "only the first is a client's");
        assert_eq!((all.realm.len(), &*all.clients[0].0.text, &*all.clients[0].1[0]), (1, "account", "role-0000"));
    }

    proptest! {
        /// The bit set agrees with a plain search over any graph.
        #[test]
        fn expansion_is_reachability(edges in proptest::collection::vec((0_usize..150, 0_usize..150), 0..300), start in 0_usize..150) {
            let mut composites = vec![Vec::new(); 150];
            for (from, to) in &edges { composites[*from].push(*to); }
            let graph = RoleGraph::new(composites.iter().enumerate().map(|(id, to)| role(id, to)).collect(), &HashMap::new());
            let mut reached = std::collections::BTreeSet::from([start]);
            loop {
                let more: Vec<usize> = reached.iter().flat_map(|id| composites[*id].clone()).filter(|id| !reached.contains(id)).collect();
                if more.is_empty() { break; }
                reached.extend(more);
            }
            let set = graph.expand(&[RoleId::from(format!("id-{start}"))]);
            prop_assert_eq!(names(&graph, &set), reached.iter().map(|id| format!("role-{id:04}")).collect::<Vec<_>>());
        }
    }
}
