//! `keywright realm|client|user|role|group|session|key|admin` on the store of a stopped server: what they print, what they
//! refuse, and that a server sees it afterwards.

use serde_json::{Value, json};

use super::Desk;

#[test]
fn a_realm_is_made_filled_changed_and_deleted() {
    let desk = Desk::with_store();
    let realm = desk.json(&["realm", "create", "acme", "-s", "displayName=Acme Inc.", "--json"]);
    assert_eq!((&realm["realm"], &realm["enabled"], &realm["displayName"]), (&json!("acme"), &json!(true), &json!("Acme Inc.")));
    assert_eq!(desk.done(&["realm", "list", "-o", "name", "--local"]), "acme\nmaster\n");
    let set = desk.json(&["realm", "set", "acme", "-s", "accessTokenLifespan=600", "-s", "attributes.a.b=c", "--json"]);
    assert_eq!((&set["accessTokenLifespan"], &set["attributes"]["a.b"]), (&json!(600), &json!("c")));

    let client = desk.json(&["client", "create", "api", "-r", "acme", "--service-account", "--json"]);
    for (member, value) in [
        ("clientId", json!("api")),
        ("enabled", json!(true)),
        ("publicClient", json!(false)),
        ("serviceAccountsEnabled", json!(true)),
        ("directAccessGrantsEnabled", json!(false)),
        ("secret", json!("**********")),
        ("protocol", json!("openid-connect")),
    ] {
        assert_eq!(client[member], value, "{member}");
    }
    let client = desk.json(&["client", "set", "api", "-r", "acme", "-s", "name=The API", "-s", "redirectUris=https://x/cb", "--json"]);
    assert_eq!((&client["name"], &client["redirectUris"]), (&json!("The API"), &json!(["https://x/cb"])));

    let group = desk.json(&["group", "create", "/staff", "-r", "acme", "--json"]);
    assert_eq!((&group["name"], &group["path"]), (&json!("staff"), &json!("/staff")));
    assert_eq!(desk.json(&["group", "create", "/staff/night", "-r", "acme", "--json"])["path"], "/staff/night");
    let role = desk.json(&["role", "create", "reader", "--client", "api", "-r", "acme", "-s", "description=Reads", "--json"]);
    assert_eq!((&role["name"], &role["clientRole"], &role["description"]), (&json!("reader"), &json!(true), &json!("Reads")));
    desk.done(&["role", "grant", "reader", "--client", "api", "--group", "/staff", "-r", "acme"]);
    assert_eq!(desk.json(&["group", "get", "/staff", "-r", "acme", "--json"])["clientRoles"], json!({ "api": ["reader"] }));

    let user = ["user", "create", "Anna", "-r", "acme", "--email", "anna@example.com", "--group", "/staff", "-s", "attributes.team=ops"];
    let user = desk.json(&[&user[..], &["-s", "firstName=Anna", "-s", "lastName=A", "--json"]].concat());
    assert_eq!((&user["username"], &user["email"], &user["enabled"]), (&json!("anna"), &json!("anna@example.com"), &json!(true)));
    let user = desk.json(&["user", "set", "anna@example.com", "-r", "acme", "-s", "lastName=Arendt", "--json"]);
    assert_eq!((&user["firstName"], &user["lastName"], &user["email"]), (&json!("Anna"), &json!("Arendt"), &json!("anna@example.com")));
    desk.done(&["user", "disable", "anna", "-r", "acme"]);
    assert_eq!(desk.json(&["user", "get", "anna", "-r", "acme", "--json"])["enabled"], false);
    desk.done(&["user", "delete", "anna", "-r", "acme", "--yes"]);
    assert_eq!(desk.run("user get anna -r acme").code, Some(3));

    for words in
        ["role delete reader --client api -r acme", "group delete /staff -r acme", "client delete api -r acme", "realm delete acme"]
    {
        let refused = desk.run(words);
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{words}: {refused:?}");
        assert!(refused.log.contains("--yes"), "{words}: {refused:?}");
        assert_eq!(desk.run(&format!("{words} --yes")).code, Some(0), "{words}");
    }
    assert_eq!(desk.done(&["realm", "list", "-o", "name"]), "master\n");
    assert_eq!(desk.run("realm create acme").code, Some(0), "name and id are free again");
}

#[test]
fn refusals_say_what_why_and_what_to_do_by_exit_code() {
    let desk = Desk::with_store();
    for (words, code, expected) in [
        ("realm get mastr", 3, "did you mean master?"),
        ("client get admin-cly", 3, "there is no client admin-cly in realm master\n  did you mean admin-cli?"),
        ("user get admni", 3, "did you mean admin?"),
        ("role grant amdin --user admin", 3, "did you mean admin?"),
        ("group get /nobody", 3, "there is no group /nobody"),
        ("key get nothing", 3, "keywright key list"),
        ("session get nothing", 3, "there is no living session"),
        ("realm create master", 4, "Realm master already exists"),
        ("client create admin-cli", 4, "Client admin-cli already exists"),
        ("user create admin", 4, "User exists with same username"),
        ("realm set master -s enabeld=true", 2, "did you mean enabled?"),
        ("realm set master -s enabled=perhaps", 2, "enabled cannot be \"perhaps\""),
        ("client set admin-cli", 2, "there is nothing to set"),
        ("realm delete master --yes", 1, "Can't remove master realm"),
        ("client secret get admin-cli", 3, "is public and has no secret"),
        ("user set-password admin", 2, "the password is missing"),
        ("key rotate XX256", 2, "there are RS256"),
        ("realm list --data elsewhere", 3, "there is no store in elsewhere"),
    ] {
        let refused = desk.run(words);
        assert_eq!((refused.code, refused.out.as_str()), (Some(code), ""), "{words}: {refused:?}");
        assert!(refused.log.starts_with("error: ") && refused.log.contains(expected), "{words}: {refused:?}");
    }
    let server = desk.serve("serve");
    let refused = desk.run("realm list");
    assert_eq!((refused.code, refused.out.as_str()), (Some(6), ""), "{refused:?}");
    assert!(refused.log.contains("in use by another process") && refused.log.contains("stop the server first"), "{refused:?}");
    drop(server);
}

#[test]
fn a_list_has_the_form_that_was_asked_for() {
    let desk = Desk::with_store();
    let table = desk.done(&["client", "list"]);
    let line = table.lines().find(|line| line.starts_with("admin-cli\t")).unwrap_or_else(|| panic!("{table}"));
    assert_eq!(line.split('\t').collect::<Vec<_>>(), ["admin-cli", "true", "public", "password", "${client_admin-cli}"]);
    assert!(!table.contains('\x1b'), "colours in a pipe");
    assert!(desk.run("client list --color always").code == Some(0));

    let names = desk.done(&["client", "list", "-o", "name"]);
    let ndjson = desk.done(&["client", "list", "--json"]);
    let listed: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), listed.iter().filter_map(|client| client["clientId"].as_str()).collect::<Vec<_>>());

    let csv = desk.done(&["client", "list", "-o", "csv"]);
    assert_eq!(csv.lines().next(), Some("client,enabled,type,flows,name,redirect uris,id"));
    assert_eq!(csv.lines().count(), names.lines().count() + 1);
    let wide = desk.done(&["client", "list", "-o", "wide"]);
    assert!(wide.lines().all(|line| line.split('\t').count() == 7), "{wide}");
    let yaml = desk.done(&["client", "get", "admin-cli", "-o", "yaml"]);
    assert!(yaml.contains("clientId: admin-cli\n") && yaml.contains("publicClient: true\n"), "{yaml}");
    assert_eq!(desk.run("client list --json -o csv").code, Some(2));
    assert_eq!(desk.run("user disable admin -q").log, "");
}

#[tokio::test]
async fn what_was_made_without_a_server_works_with_one() {
    let desk = Desk::with_store();
    desk.done(&["client", "create", "app", "--direct-access", "--service-account"]);
    let secret = desk.done(&["client", "secret", "get", "app"]);
    assert_eq!(desk.json(&["client", "secret", "get", "app", "--json"]), json!({ "type": "secret", "value": secret.trim() }));
    let rotated = desk.done(&["client", "secret", "rotate", "app", "--yes"]);
    assert_ne!(rotated, secret);
    desk.write("older", &rotated);
    let rotated = desk.done(&["client", "secret", "rotate", "app", "--keep-old", "24h", "--yes"]);
    assert_eq!(desk.run("client secret rotate app --keep-old soon --yes").code, Some(2));
    let created = desk
        .feed(&["user", "create", "anna", "--password", "-", "-s", "firstName=A", "-s", "lastName=B", "--email", "a@b.test"], "Sesam1\n");
    assert_eq!(created.code, Some(0), "{created:?}");
    assert!(!format!("{created:?}").contains("Sesam1"));
    desk.write("secret", &rotated);

    let server = desk.serve("serve");
    let get = |words: &[&str], input: &str| {
        desk.feed(&[&["token", "get", "--url", &server.base_url, "--client", "app", "--secret-file", "secret"], words].concat(), input)
    };
    assert_eq!(get(&[], "").code, Some(0));
    let older = ["token", "get", "--url", &server.base_url, "--client", "app", "--secret-file", "older"];
    assert_eq!(desk.feed(&older, "").code, Some(0), "the old secret counts on for a day");
    assert_eq!(desk.feed(&[&older[..6], &["--secret", "-"]].concat(), &secret).code, Some(5), "the one before does not");
    let signed_in = get(&["--user", "anna", "--password", "-"], "Sesam1\n");
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}");
    assert_eq!(server.stop().code, Some(0));

    let session = desk.json(&["session", "list", "--user", "anna", "--json"]);
    for (member, value) in [("username", json!("anna")), ("ipAddress", json!("127.0.0.1")), ("rememberMe", json!(false))] {
        assert_eq!(session[member], value, "{member}");
    }
    assert_eq!(session["clients"].as_object().map(|clients| clients.values().collect::<Vec<_>>()), Some(vec![&json!("app")]));
    assert_eq!(desk.json(&["session", "list", "--client", "app", "--json"])["id"], session["id"]);
    assert_eq!(desk.done(&["session", "list", "--client", "account"]), "");
    let ended = desk.run("session end --user anna --yes");
    assert!(ended.code == Some(0) && ended.log.contains("1 session ended"), "{ended:?}");
    assert_eq!(desk.done(&["session", "list"]), "");

    let old = desk.done(&["key", "list", "--json"]);
    let rotated = desk.json(&["key", "rotate", "RS256", "--json"]);
    assert_eq!(
        (&rotated["status"], &rotated["algorithm"], &rotated["use"], &rotated["type"]),
        (&json!("ACTIVE"), &json!("RS256"), &json!("SIG"), &json!("RSA"))
    );
    let old: Vec<Value> = old.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let old = old.iter().find(|key| key["algorithm"] == "RS256").and_then(|key| key["kid"].as_str()).expect("a key");
    let refused = desk.run(&format!("key disable {old} --yes"));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    desk.done(&["key", "retire", old]);
    assert_eq!(desk.json(&["key", "get", old, "--json"])["status"], "PASSIVE");
    desk.done(&["key", "disable", old, "--yes"]);
    desk.done(&["key", "delete", old, "--yes"]);
    assert_eq!(desk.run(&format!("key get {old}")).code, Some(3));
}

#[tokio::test]
async fn an_operator_who_lost_his_password_gets_in_again() {
    let desk = Desk::with_store();
    desk.done(&["user", "disable", "admin"]);
    desk.write("password", "second\n");
    assert_eq!(desk.run("admin reset admin --password-file password").code, Some(0));
    assert_eq!(desk.run("admin create rescue --password-file password").code, Some(0));
    let warned = desk.run("admin reset rescue --password third");
    assert!(warned.code == Some(0) && warned.log.contains("stands in the process list"), "{warned:?}");
    let server = desk.serve("serve");
    for (name, password) in [("admin", "second"), ("rescue", "third")] {
        let words =
            ["token", "get", "--url", &server.base_url, "--client", "admin-cli", "--user", name, "--password", "-", "--decode", "--json"];
        let token = desk.feed(&words, password);
        assert_eq!(token.code, Some(0), "{token:?}");
    }
}

#[test]
fn no_secret_is_shown_unless_it_was_asked_for() {
    let desk = Desk::with_store();
    let created = desk.feed(&["client", "create", "app", "--secret", "-"], "hunter2-client\n");
    assert_eq!(created.code, Some(0), "{created:?}");
    let mut all = vec![created];
    for words in [
        "client get app",
        "client get app --json",
        "client get app -o yaml",
        "client list --json",
        "client list -o csv",
        "realm get master --json",
    ] {
        all.push(desk.run(words));
    }
    all.push(desk.run("KEYWRIGHT_PASSWORD=hunter2-user user set-password admin"));
    all.push(desk.run("user get admin --json"));
    all.push(desk.run("key list --json"));
    for ended in all {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let text = format!("{ended:?}");
        assert!(!text.contains("hunter2") && !text.contains("kw1."), "{text}");
    }
    assert_eq!(desk.done(&["client", "secret", "get", "app"]), "hunter2-client\n");
}
