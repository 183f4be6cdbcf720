//! The table of URLs. Whoever adds a row adds a line here, and sees what the row grants.

use actix_web::http::Method;
use keywright::routes;
use keywright::web::cors::Cors;
use keywright::web::route::{Cache, Handler, Policy, Route, Table};

fn line(row: &Route) -> String {
    format!("{} {} {:?} {} {:?} {:?}", row.method, row.path, row.policy, row.body_limit, row.cors, row.cache)
}

#[test]
fn every_row_is_known_with_its_policy_limit_cors_and_cache_class() {
    let rows: Vec<String> = routes::public().iter().map(line).collect();
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
    ];
    assert_eq!(rows, known);
}

#[test]
fn no_row_grants_more_than_its_kind_may() {
    for row in routes::public() {
        let what = line(&row);
        assert_eq!(row.method == Method::GET, row.body_limit == 0, "a GET reads no body, everything else does: {what}");
        assert!(row.body_limit <= 1 << 20, "a body is bounded: {what}");
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
        assert!(table.find(&format!("{path}/x/y/z")).is_none());
    }
}
