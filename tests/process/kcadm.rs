//! `keywright login` and `keywright kcadm` against a running server, and the same words on a store.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::Desk;

#[tokio::test]
async fn a_login_is_kept_for_its_owner_and_the_words_of_runbooks_work() {
    let desk = Desk::with_store();
    let server = desk.serve("serve");
    let login = desk.path().join("login.json");
    let shell = |words: &str| desk.run(&format!("KEYWRIGHT_LOGIN_FILE={} {words}", login.display()));
    let refused = shell("kcadm get realms");
    assert_eq!(refused.code, Some(5), "{refused:?}");
    let wrong = shell(&format!("kcadm config credentials --server {} --realm master --user admin --password wrong", server.base_url));
    assert_eq!(wrong.code, Some(5), "{wrong:?}");
    assert!(!login.exists());
    let signed_in = shell(&format!("kcadm config credentials --server {} --realm master --user admin --password first", server.base_url));
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}");
    assert_eq!(std::fs::metadata(&login).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&login).unwrap();
    assert!(!kept.contains("first") && kept.contains("accessToken"), "the password is not kept");

    assert_eq!(shell("kcadm create realms -s realm=acme -s enabled=true").code, Some(0));
    let id = shell("kcadm create users -r acme -s username=anna -s enabled=true -i");
    let user: Value = serde_json::from_str(&shell(&format!("kcadm get users/{} -r acme", id.out.trim())).out).expect("JSON");
    assert_eq!(user["username"], "anna");
    assert_eq!(shell(&format!("kcadm update users/{} -r acme -s firstName=Anna", id.out.trim())).code, Some(0));
    let chosen = shell("kcadm get users -r acme --fields username,firstName");
    assert_eq!(chosen.out, "[ {\n  \"username\" : \"anna\",\n  \"firstName\" : \"Anna\"\n} ]\n");
    assert_eq!(shell("kcadm get users -r acme --fields username --format csv --noquotes").out, "anna\n");
    assert_eq!(shell("kcadm get clients/nothing -r acme").code, Some(3));
    assert_eq!(shell("kcadm create users -r acme -s username=anna").code, Some(4));
    assert_eq!(shell(&format!("user get anna --realm acme --json --url {}", server.base_url)).code, Some(0));
    server.stop();

    let local = desk.run("kcadm get users -r acme --local --fields username --format csv --noquotes");
    assert_eq!((local.code, local.out.as_str()), (Some(0), "anna\n"), "{local:?}");
    assert_eq!(desk.run("kcadm delete realms/acme --local").code, Some(0));
    assert_eq!(desk.run("realm get acme").code, Some(3));
}

#[test]
fn what_is_done_on_a_store_is_told_by_admin_events() {
    let desk = Desk::with_store();
    desk.done(&["realm", "create", "acme", "-s", "adminEventsEnabled=true"]);
    desk.done(&["role", "create", "auditor", "-r", "acme"]);
    let events = desk.run("kcadm get admin-events -r acme --local");
    let events: Value = serde_json::from_str(&events.out).expect("JSON");
    assert_eq!((&events[0]["operationType"], &events[0]["resourceType"]), (&"CREATE".into(), &"REALM_ROLE".into()), "{events}");
    assert_eq!(events[0]["authDetails"]["userId"], "local-operator");
}
