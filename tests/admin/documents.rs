//! What docs/ says of the Admin REST API follows from the rows: who may do what, and how much of Keycloak's is there. A row that changes
//! makes these fail; `UPDATE_KEPT=1 cargo test --test integration admin::documents` writes them anew.

use std::collections::{BTreeMap, HashMap};

use keywright::admin::realms::KNOW;
use keywright::web::administrator::Admission;
use keywright::web::route::{Feature, Policy};

use crate::support::kept;

/// Columns: what the names of roles end in.
const COLUMNS: [&str; 7] = ["realm", "users", "clients", "events", "identity-providers", "organizations", "authorization"];

fn rows() -> Vec<(String, &'static str, Admission)> {
    let rows = keywright::routes::public().into_iter();
    rows.filter_map(|route| match route.policy {
        Policy::Admin(admission) => Some((route.method.to_string(), route.path, admission)),
        _ => None,
    })
    .collect()
}

/// The least of `view-X`, `manage-X` and `query-X` that opens the row.
fn least(roles: &[&str], about: &str) -> &'static str {
    let has = |verb: &str| roles.iter().any(|role| *role == format!("{verb}-{about}"));
    match (has("query"), has("view"), has("manage")) {
        (true, ..) => "query",
        (false, true, _) => "view",
        (false, false, true) => "manage",
        (false, false, false) => "",
    }
}

fn cells(admission: Admission) -> String {
    let (words, others) = match admission {
        Admission::Anywhere => return format!("{}any role over any realm |", "| ".repeat(COLUMNS.len())),
        Admission::CreateRealm => return format!("{}`create-realm` of `master` |", "| ".repeat(COLUMNS.len())),
        Admission::AnyOf(roles) if roles == KNOW => return format!("{}any role but `impersonation` |", "| ".repeat(COLUMNS.len())),
        Admission::AnyOf(roles) => {
            let known = |role: &&&str| COLUMNS.iter().any(|about| role.strip_suffix(about).is_some_and(|verb| verb.ends_with('-')));
            let others: Vec<String> = roles.iter().filter(|role| !known(role)).map(|role| format!("`{role}`")).collect();
            (COLUMNS.map(|about| least(roles, about)), others.join(", "))
        }
    };
    format!("{} | {others} |", words.join(" | "))
}

#[test]
fn the_matrix_of_who_may_do_what_is_printed() {
    let mut text = String::from(
        "# Who may do what in the Admin REST API\n\n\
         A test writes this page from the rows of `src/routes.rs`, and [tests/admin/matrix.rs](../tests/admin/matrix.rs) asks every one of them: with each of its\n\
         roles, with all roles but its own, as the chief administrator of another realm, and without a token.\n\n\
         | Token of | opens a row by |\n|---|---|\n\
         | the realm in the URL | the roles below, of its client `realm-management`; `realm-admin` contains them all |\n\
         | `master` | the same roles, of the client `<realm>-realm` in `master`; the realm role `admin` contains them all |\n\
         | another realm | nothing: 403, whatever its roles |\n\
         | nobody | nothing: 401 |\n\n\
         A cell says the least that is needed: `view` stands for `view-users` or `manage-users` in the column of users, and `query` for any of the three, with\n\
         which lists may be empty. One cell of a row is enough. Operations have finer rules of their own: nobody gives an administration role that he does not have\n\
         ([administration.md](administration.md#who-may-do-what)).\n\n",
    );
    text += &format!("| Operation | {} | other |\n|---{}|---|\n", COLUMNS.join(" | "), "|---".repeat(COLUMNS.len()));
    for (method, path, admission) in rows() {
        text += &format!("| {method} `{}` | {}\n", path.replace("/admin/realms/{realm}", "~"), cells(admission));
    }
    let text = text.replace("  |", " |");
    assert_eq!(kept("docs/administration-matrix.md", &text), text, "the page is stale");
}

/// A path with every parameter called the same, so that names do not matter.
fn shape(path: &str) -> Vec<String> {
    path.split('/')
        .map(|part| if part.starts_with('{') { if part.ends_with("*}") { "{*}" } else { "{}" } } else { part }.to_owned())
        .collect()
}

fn is_row_of(row: &[String], operation: &[String]) -> bool {
    match row.last() {
        Some(last) if last == "{*}" => operation.len() >= row.len() && operation[..row.len() - 1] == row[..row.len() - 1],
        _ => row == operation,
    }
}

#[test]
fn the_page_counts_the_operations_that_are_served() {
    const BEGIN: &str = "| Resource | Served | 501 | Keycloak |\n|---|---|---|---|\n";
    let off: Vec<(String, String)> = keywright::routes::public()
        .into_iter()
        .filter(|row| row.feature == Feature::Off)
        .map(|row| (row.method.to_string(), row.path.to_owned()))
        .collect();
    assert!(!off.is_empty());
    let shapes: Vec<_> = rows().into_iter().map(|(method, path, _)| (method, path, shape(path))).collect();
    let (mut order, mut counts) = (Vec::new(), HashMap::<&str, [usize; 3]>::new());
    let mut missing = BTreeMap::<&str, Vec<String>>::new();
    for line in include_str!("../fixtures/keycloak/admin-operations.txt").lines() {
        let mut fields = line.split('\t');
        let (resource, method, path) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        if !order.contains(&resource) {
            order.push(resource);
        }
        let operation = shape(path);
        let row = shapes.iter().find(|(known, _, row)| known == method && is_row_of(row, &operation));
        let count = counts.entry(resource).or_default();
        count[2] += 1;
        match row {
            Some((_, path, _)) if off.contains(&(method.to_owned(), (*path).to_owned())) => count[1] += 1,
            Some(_) => count[0] += 1,
            None => missing.entry(resource).or_default().push(format!("{method} {path}")),
        }
    }
    let mut table = String::from(BEGIN);
    let mut all = [0; 3];
    for resource in order {
        let [served, off, known] = counts[resource];
        table += &format!("| {resource} | {served} | {off} | {known} |\n");
        for (sum, count) in all.iter_mut().zip(counts[resource]) {
            *sum += count;
        }
    }
    table += &format!("| all | {} | {} | {} |\n", all[0], all[1], all[2]);
    println!("{table}\nnot there: {missing:#?}");
    let page = kept("docs/administration.md", &spliced(BEGIN, &table));
    assert!(page.contains(&table), "the table is stale:\n{table}");
}

/// The page with the table in the place of the one that begins like it.
fn spliced(begin: &str, table: &str) -> String {
    let page = include_str!("../../docs/administration.md");
    let (front, rest) = page.split_once(begin).expect("the page has the table");
    let after = rest.find("\n\n").map_or("", |end| &rest[end..]);
    format!("{front}{}{after}", if after.is_empty() { table } else { table.trim_end() })
}
