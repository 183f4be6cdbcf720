//! Roles and groups: names, composites, trees, what goes with a deletion.

use keywright::base::id::{GroupId, RealmId, RoleId};
use keywright::manage::clients::{self, NewClient};
use keywright::manage::error::{ManageError, Refusal};
use keywright::manage::groups::{self, NewGroup};
use keywright::manage::protocol_mappers::Holder;
use keywright::manage::roles::{self, NewRole};
use keywright::manage::scope_mappings;
use keywright::manage::users::{self, NewUser, UserSettings};
use keywright::model::group::Group;
use keywright::model::role::{Role, RoleContainer};
use keywright::model::user::User;
use keywright::store::txn::Reader as _;

use super::{World, in_overtaken_txn, in_txn};

async fn role(world: &World, realm: &RealmId, name: &str, composites: &[&Role]) -> Role {
    let composites = composites.iter().map(|role| role.id.clone()).collect();
    let new = NewRole { composites, ..NewRole::named(name, RoleContainer::Realm) };
    in_txn!(world, |txn| roles::create(txn, &world.env, realm, &new)).unwrap()
}

async fn contain(world: &World, realm: &RealmId, role: &Role, contained: &[&Role]) -> Result<(), ManageError> {
    let contained: Vec<RoleId> = contained.iter().map(|role| role.id.clone()).collect();
    in_txn!(world, |txn| roles::add_composites(txn, realm, &role.id, &contained))
}

async fn group(world: &World, realm: &RealmId, name: &str, parent: Option<&Group>) -> Result<Group, ManageError> {
    let new = NewGroup { name: name.to_owned(), parent: parent.map(|group| group.id.clone()), ..NewGroup::default() };
    in_txn!(world, |txn| groups::create(txn, &world.env, realm, &new))
}

async fn user(world: &World, realm: &RealmId, name: &str) -> User {
    let settings = UserSettings { username: Some(name.to_owned()), ..UserSettings::default() };
    let new = NewUser { settings, ..NewUser::default() };
    in_txn!(world, |txn| users::create(txn, &world.env, realm, &new)).unwrap()
}

fn text<T>(answer: Result<T, ManageError>) -> String {
    match answer.err().expect("a refusal") {
        ManageError::NotFound(refusal) | ManageError::Conflict(refusal) | ManageError::Invalid(refusal) => refusal.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_role_name_is_unique_in_its_container() {
    let (world, realm) = World::with_realm().await;
    let first = role(&world, &realm, "r", &[]).await;
    let new = NewRole::named("r", RoleContainer::Realm);
    assert_eq!(text(in_txn!(world, |txn| roles::create(txn, &world.env, &realm, &new))), "Role with name r already exists");
    let client = world.store.peek().clients().by_client_id(&realm, "broker").await.unwrap().unwrap();
    let elsewhere = NewRole::named("r", RoleContainer::Client(client.id));
    assert!(in_txn!(world, |txn| roles::create(txn, &world.env, &realm, &elsewhere)).is_ok());

    let other = role(&world, &realm, "other", &[]).await;
    let renamed = in_txn!(world, |txn| roles::update(txn, &realm, &other.id, Some("r"), None, None));
    assert!(matches!(renamed, Err(ManageError::Conflict(Refusal::Described { code: "conflict", .. }))));
    in_txn!(world, |txn| roles::update(txn, &realm, &first.id, Some("renamed"), None, None)).unwrap();
    // Who names no name does not take back somebody else's.
    in_txn!(world, |txn| roles::update(txn, &realm, &first.id, None, Some("d".to_owned()), None)).unwrap();
    let mut peek = world.store.peek();
    assert!(peek.roles().realm_role(&realm, "r").await.unwrap().is_none());
    assert_eq!(peek.roles().realm_role(&realm, "renamed").await.unwrap().unwrap().id, first.id);
}

#[tokio::test]
async fn composites_never_make_a_circle() {
    let (world, realm) = World::with_realm().await;
    let leaf = role(&world, &realm, "leaf", &[]).await;
    let middle = role(&world, &realm, "middle", &[&leaf]).await;
    let top = role(&world, &realm, "top", &[&middle]).await;
    for (role, contained) in [(&leaf, &leaf), (&leaf, &middle), (&leaf, &top), (&middle, &top)] {
        assert_eq!(text(contain(&world, &realm, role, &[contained]).await), format!("Role {} would contain itself", role.name));
    }
    contain(&world, &realm, &top, &[&leaf]).await.unwrap();
    contain(&world, &realm, &top, &[&leaf]).await.unwrap();
    let stored = world.store.peek().roles().get(&realm, &top.id).await.unwrap().unwrap();
    assert_eq!(stored.composites, [middle.id.clone(), leaf.id.clone()], "a diamond is no circle, twice is once");

    let taken = [middle.id.clone()];
    in_txn!(world, |txn| roles::remove_composites(txn, &realm, &top.id, &taken)).unwrap();
    contain(&world, &realm, &leaf, &[&middle]).await.unwrap_err();
    let unknown = Role { id: RoleId::from("nope"), ..leaf.clone() };
    assert_eq!(text(contain(&world, &realm, &top, &[&unknown]).await), "Could not find composite role");
}

#[tokio::test]
async fn two_who_close_a_circle_from_both_ends_do_not_both_succeed() {
    let (world, realm) = World::with_realm().await;
    let (a, b) = (role(&world, &realm, "a", &[]).await, role(&world, &realm, "b", &[]).await);
    let of_a = [b.id.clone()];
    let overtaken = in_overtaken_txn!(world, |txn| roles::add_composites(txn, &realm, &a.id, &of_a), contain(&world, &realm, &b, &[&a]));
    assert_eq!(text(overtaken), "Role a would contain itself");
}

#[tokio::test]
async fn a_client_that_is_deleted_while_it_gets_a_role_leaves_no_orphan() {
    let (world, realm) = World::with_realm().await;
    let new: NewClient = serde_json::from_value(serde_json::json!({"clientId": "c"})).unwrap();
    let client = in_txn!(world, |txn| clients::create(txn, &world.env, &world.sealer, &realm, &new)).unwrap();
    let late = NewRole::named("late", RoleContainer::Client(client.id.clone()));
    let add = async || in_txn!(world, |txn| roles::create(txn, &world.env, &realm, &late));
    in_overtaken_txn!(world, |txn| clients::delete(txn, &realm, &client.id), add()).unwrap();
    assert!(world.store.peek().roles().list(&realm).await.unwrap().iter().all(|role| role.name != "late"));
}

#[tokio::test]
async fn a_deleted_role_is_mentioned_nowhere() {
    let (world, realm) = World::with_realm().await;
    let gone = role(&world, &realm, "gone", &[]).await;
    let holder = role(&world, &realm, "holder", &[&gone]).await;
    let staff = group(&world, &realm, "staff", None).await.unwrap();
    let member = user(&world, &realm, "member").await;
    let scope = world.store.peek().client_scopes().by_name(&realm, "email").await.unwrap().unwrap();
    let client = world.store.peek().clients().by_client_id(&realm, "account-console").await.unwrap().unwrap();
    let given = [gone.id.clone()];
    in_txn!(world, |txn| groups::add_roles(txn, &realm, &staff.id, &given)).unwrap();
    in_txn!(world, |txn| users::add_roles(txn, &realm, &member.id, &given)).unwrap();
    for holder in [Holder::ClientScope(scope.id.clone()), Holder::Client(client.id.clone())] {
        in_txn!(world, |txn| scope_mappings::add(txn, &realm, &holder, &given)).unwrap();
    }

    in_txn!(world, |txn| roles::delete(txn, &realm, &gone.id)).unwrap();
    assert_eq!(world.run_jobs().await, 1);
    let mut peek = world.store.peek();
    let mentions = [
        peek.roles().get(&realm, &holder.id).await.unwrap().unwrap().composites,
        peek.groups().get(&realm, &staff.id).await.unwrap().unwrap().roles,
        peek.users().get(&realm, &member.id).await.unwrap().unwrap().roles,
        peek.client_scopes().get(&realm, &scope.id).await.unwrap().unwrap().scope_mappings,
        peek.clients().get(&realm, &client.id).await.unwrap().unwrap().scope_mappings,
    ];
    assert!(mentions.iter().all(|roles| !roles.contains(&gone.id)), "{mentions:?}");
    assert_eq!(mentions.map(|roles| roles.len()), [0, 0, 1, 0, 2], "what was not deleted stays");
    assert_eq!(text(in_txn!(world, |txn| roles::delete(txn, &realm, &gone.id))), "Could not find role with id");
}

#[tokio::test]
async fn the_default_role_stays() {
    let (world, realm) = World::with_realm().await;
    let default_role = world.store.peek().realms().get(&realm).await.unwrap().unwrap().default_role;
    let refused = text(in_txn!(world, |txn| roles::delete(txn, &realm, &default_role)));
    assert_eq!(refused, "default-roles-oracle is default role of the realm and cannot be removed.");
}

#[tokio::test]
async fn a_group_name_is_unique_among_siblings() {
    let (world, realm) = World::with_realm().await;
    let staff = group(&world, &realm, "staff", None).await.unwrap();
    assert_eq!(text(group(&world, &realm, "staff", None).await), "Top level group named 'staff' already exists.");
    assert_eq!(text(group(&world, &realm, "", None).await), "Group name is missing");
    group(&world, &realm, "staff", Some(&staff)).await.unwrap();
    assert_eq!(text(group(&world, &realm, "staff", Some(&staff)).await), "Sibling group named 'staff' already exists.");
    let other = group(&world, &realm, "other", None).await.unwrap();
    let renamed = in_txn!(world, |txn| groups::update(txn, &realm, &other.id, "staff", None, None));
    assert_eq!(text(renamed), "Sibling group named 'staff' already exists.");
    let orphan = Group { id: GroupId::from("nope"), ..other };
    assert_eq!(text(group(&world, &realm, "x", Some(&orphan)).await), "Could not find group by id");
}

#[tokio::test]
async fn a_group_moves_with_its_branch_but_never_below_itself() {
    let (world, realm) = World::with_realm().await;
    let staff = group(&world, &realm, "staff", None).await.unwrap();
    let night = group(&world, &realm, "night", Some(&staff)).await.unwrap();
    let late = group(&world, &realm, "late", Some(&night)).await.unwrap();
    for below in [&staff, &night, &late] {
        let refused = in_txn!(world, |txn| groups::relocate(txn, &realm, &staff.id, Some(&below.id)));
        assert_eq!(text(refused), "Group staff cannot be moved below itself");
    }
    in_txn!(world, |txn| groups::relocate(txn, &realm, &night.id, None)).unwrap();
    let found = in_txn!(world, |txn| groups::by_path(txn, &realm, "/night/late")).unwrap().unwrap();
    assert_eq!(found.id, late.id);
    assert!(in_txn!(world, |txn| groups::by_path(txn, &realm, "/staff/night")).unwrap().is_none());
    group(&world, &realm, "night", Some(&staff)).await.unwrap();
    let refused = in_txn!(world, |txn| groups::relocate(txn, &realm, &night.id, Some(&staff.id)));
    assert_eq!(text(refused), "Sibling group named 'night' already exists.");
}

#[tokio::test]
async fn a_path_finds_groups_whose_names_have_slashes() {
    let (world, realm) = World::with_realm().await;
    let odd = group(&world, &realm, "a/b", None).await.unwrap();
    let child = group(&world, &realm, "c", Some(&odd)).await.unwrap();
    let plain = group(&world, &realm, "a", None).await.unwrap();
    for (path, expected) in [("/a/b/c", Some(&child)), ("a/b", Some(&odd)), ("/a", Some(&plain)), ("/a/c", None), ("/", None), ("", None)] {
        let found = in_txn!(world, |txn| groups::by_path(txn, &realm, path)).unwrap();
        assert_eq!(found.as_ref().map(|group| &group.id), expected.map(|group| &group.id), "{path:?}");
    }
}

#[tokio::test]
async fn a_deleted_group_takes_its_branch_along() {
    let (world, realm) = World::with_realm().await;
    let staff = group(&world, &realm, "staff", None).await.unwrap();
    let night = group(&world, &realm, "night", Some(&staff)).await.unwrap();
    let other = group(&world, &realm, "other", None).await.unwrap();
    let member = user(&world, &realm, "member").await;
    for id in [&night.id, &other.id] {
        in_txn!(world, |txn| users::join_group(txn, &realm, &member.id, id)).unwrap();
    }
    in_txn!(world, |txn| groups::set_default(txn, &realm, &night.id, true)).unwrap();

    in_txn!(world, |txn| groups::delete(txn, &realm, &staff.id)).unwrap();
    assert_eq!(world.run_jobs().await, 1);
    let mut peek = world.store.peek();
    assert_eq!(peek.groups().list(&realm).await.unwrap(), std::slice::from_ref(&other));
    assert!(peek.realms().get(&realm).await.unwrap().unwrap().default_groups.is_empty());
    assert_eq!(peek.users().get(&realm, &member.id).await.unwrap().unwrap().groups, [other.id]);
    assert_eq!(text(in_txn!(world, |txn| groups::delete(txn, &realm, &staff.id))), "Could not find group by id");
    assert!(group(&world, &realm, "staff", None).await.is_ok(), "the name is free");
}

#[tokio::test]
async fn a_group_that_is_deleted_while_it_gets_a_child_leaves_no_orphan() {
    let (world, realm) = World::with_realm().await;
    let staff = group(&world, &realm, "staff", None).await.unwrap();
    in_overtaken_txn!(world, |txn| groups::delete(txn, &realm, &staff.id), group(&world, &realm, "night", Some(&staff))).unwrap();
    assert!(world.store.peek().groups().list(&realm).await.unwrap().is_empty());
}
