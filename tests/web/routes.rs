//! The table of URLs. Whoever adds a row adds a line here, or for the Admin REST API in `tests/fixtures/admin-rows.txt`, and sees
//! what the row grants. `UPDATE_KEPT=1` writes the latter.

use actix_web::http::Method;
use keywright::routes;
use keywright::web::cors::Cors;
use keywright::web::route::{Cache, Handler, Policy, Route, Table};

fn line(row: &Route) -> String {
    format!("{} {} {:?} {} {:?} {:?}", row.method, row.path, row.policy, row.body_limit, row.cors, row.cache)
}

#[test]
fn every_row_is_known_with_its_policy_limit_cors_and_cache_class() {
    let (admin, others): (Vec<Route>, Vec<Route>) = routes::public().into_iter().partition(|row| matches!(row.policy, Policy::Admin(_)));
    let rows: Vec<String> = others.iter().map(line).collect();
    let known = [
        "GET / Open 0 Refused Unset",
        r#"GET /realms/{realm} Open 0 Any("GET, HEAD, OPTIONS") NoCache"#,
        r#"GET /realms/{realm}/.well-known/openid-configuration Public 0 Any("GET") Document"#,
        r#"GET /realms/{realm}/.well-known/oauth-authorization-server Public 0 Any("GET") Document"#,
        r#"GET /.well-known/oauth-authorization-server/realms/{realm} Public 0 Any("GET") Document"#,
        r#"GET /realms/{realm}/protocol/openid-connect/certs Public 0 Any("GET") NoCache"#,
        r#"POST /realms/{realm}/protocol/openid-connect/token Client 131072 Client("POST, OPTIONS") NoStore"#,
        "POST /realms/{realm}/protocol/openid-connect/token/introspect Client 131072 Refused NoCache",
        r#"POST /realms/{realm}/protocol/openid-connect/revoke Client 131072 Client("POST, OPTIONS") Unset"#,
        r#"POST /realms/{realm}/protocol/openid-connect/logout Client 131072 Client("GET, HEAD, OPTIONS") NoCache"#,
        r#"GET /realms/{realm}/protocol/openid-connect/userinfo Bearer 0 Client("GET, HEAD, OPTIONS") NoStoreNoCache"#,
        r#"POST /realms/{realm}/protocol/openid-connect/userinfo Bearer 131072 Client("GET, HEAD, OPTIONS") NoStoreNoCache"#,
        "POST /realms/{realm}/clients-registrations/{provider} Bearer 65536 Refused Unset",
        "GET /realms/{realm}/clients-registrations/{provider} Bearer 0 Refused Unset",
        "GET /realms/{realm}/clients-registrations/{provider}/{clientId} Bearer 0 Refused Unset",
        "PUT /realms/{realm}/clients-registrations/{provider}/{clientId} Bearer 65536 Refused Unset",
        "DELETE /realms/{realm}/clients-registrations/{provider}/{clientId} Bearer 0 Refused Unset",
    ];
    assert_eq!(rows, known);
    let admin: Vec<String> = admin.iter().map(line).collect();
    let known = crate::support::kept("tests/fixtures/admin-rows.txt", &(admin.join("\n") + "\n"));
    let known: Vec<&str> = known.lines().collect();
    let new: Vec<_> = admin.iter().filter(|row| !known.contains(&row.as_str())).collect();
    let gone: Vec<_> = known.iter().filter(|row| !admin.iter().any(|now| now == *row)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}\ngone: {gone:#?}");
    assert_eq!(admin.len(), known.len());
}

#[test]
fn no_row_grants_more_than_its_kind_may() {
    for row in routes::public() {
        let what = line(&row);
        let admin = matches!(row.policy, Policy::Admin(_));
        assert_eq!(admin, matches!(row.handler, Handler::Admin(_)), "an administrator's row has an administrator's handler: {what}");
        // A deletion has a body only where it names what goes.
        let reads_no_body = row.method == Method::GET || row.method == Method::DELETE && row.body_limit == 0;
        assert_eq!(reads_no_body, row.body_limit == 0, "a GET reads no body, everything else does: {what}");
        assert!(row.body_limit <= if admin { 8 << 20 } else { 1 << 20 }, "a body is bounded: {what}");
        if admin {
            assert!(row.path.starts_with("/admin/") && row.cors == Cors::Refused && row.cache != Cache::Document, "{what}");
            continue;
        }
        let secret = matches!(row.policy, Policy::Client | Policy::Bearer);
        assert!(!(secret && matches!(row.cors, Cors::Any(_))), "only public documents are readable by any origin: {what}");
        assert!(!(secret && row.cache == Cache::Document), "{what}");
        assert_eq!(matches!(row.handler, Handler::Server(_)), !row.path.contains("{realm}"), "a realm's row has a realm's handler: {what}");
    }
}

#[test]
fn every_row_is_found_at_its_own_path_and_nowhere_else() {
    let table = Table::new(routes::public());
    for row in table.rows() {
        let path = row.path.replace("{realm}", "test");
        let found = table.find(&path).and_then(|found| found.row(&row.method)).expect("a row is found at its path");
        assert_eq!(found.path, row.path);
        // What a tail takes, it takes whole.
        let beyond = table.find(&format!("{path}/x/y/z")).and_then(|found| found.row(&row.method));
        assert!(beyond.is_none_or(|found| found.path.ends_with("*}")), "{path}");
    }
}
