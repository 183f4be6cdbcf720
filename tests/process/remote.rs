//! The nouns over HTTP (`--url`): sessions and keys of a running server, and a server whose certificate a company issued itself.

use serde_json::{Value, json};

use super::{Desk, Ended, Server};
use crate::support::upstream;

/// A desk where admin is signed in at a running server.
fn signed_in(desk: &Desk, words: &str) -> Server {
    let server = desk.serve(words);
    desk.write("password", "first");
    let login = remote(desk, &server, "login --user admin --password-file password");
    assert_eq!(login.code, Some(0), "{login:?}");
    server
}

fn remote(desk: &Desk, server: &Server, words: &str) -> Ended {
    desk.run(&format!("HOME={} {words} --url {}", desk.path().display(), server.base_url))
}

fn json_of(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// An answer of the token endpoint for anna of realm acme.
fn anna(desk: &Desk, server: &Server, scope: &str) -> Value {
    let words =
        ["token", "get", "--realm", "acme", "--client", "app", "--user", "anna", "--password-file", "pw", "--json", "--scope", scope];
    let ended = desk.feed(&[&words[..], &["--url", &server.base_url]].concat(), "");
    json_of(&ended)
}

fn furnish(desk: &Desk, server: &Server) {
    desk.write("pw", "Sesam1");
    for words in [
        "realm create acme",
        "client create app --realm acme --public --direct-access",
        "user create anna --realm acme --password-file pw --email anna@acme.test -s firstName=A -s lastName=B -s emailVerified=true",
    ] {
        let ended = remote(desk, server, words);
        assert_eq!(ended.code, Some(0), "{words}: {ended:?}");
    }
}

#[test]
fn sessions_of_a_running_server_are_listed_and_ended() {
    let desk = Desk::with_store();
    let server = signed_in(&desk, "serve");
    furnish(&desk, &server);
    let online = anna(&desk, &server, "openid");
    let offline = anna(&desk, &server, "openid offline_access");
    let run = |words: &str| remote(&desk, &server, &format!("{words} --realm acme"));

    let session = json_of(&run("session list --user anna --json"));
    assert_eq!((&session["username"], &session["id"]), (&json!("anna"), &online["session_state"]), "{online}");
    assert_eq!(session["clients"].as_object().map(|clients| clients.values().collect::<Vec<_>>()), Some(vec![&json!("app")]));
    let id = session["id"].as_str().expect("an id");
    for words in ["session list --json", "session list --client app --json", &format!("session get {id} --json")] {
        assert_eq!(json_of(&run(words))["id"], session["id"], "{words}");
    }
    assert_eq!(run("session list --client account").out, "");
    let kept = json_of(&run("session list --offline --json"));
    assert_ne!(kept["id"], session["id"]);
    assert_eq!(json_of(&run("session list --offline --user anna --json"))["id"], kept["id"]);

    let unknown = run("session end nothing --yes");
    assert!(unknown.code == Some(3) && unknown.log.contains("there is no living session nothing in realm acme"), "{unknown:?}");
    assert_eq!(run("session end --user anna --yes").log, "1 session ended\n");
    assert_eq!(run("session list").out, "");
    let refresh = |answer: &Value| {
        desk.write("refresh", answer["refresh_token"].as_str().expect("a refresh token"));
        let words = format!("token get --realm acme --client app --refresh-token-file refresh --url {}", server.base_url);
        desk.run(&words).code
    };
    assert_eq!((refresh(&online), refresh(&offline)), (Some(5), Some(0)), "only the online session ended");
    assert_eq!(run("session end --user anna --offline --yes").log, "1 session ended\n");
    assert_eq!(refresh(&offline), Some(5));
    // The list is cut, and says so.
    for _ in 0..3 {
        anna(&desk, &server, "openid");
    }
    let cut = run("session list --limit 2");
    assert!(cut.out.lines().count() == 2 && cut.log.contains("there are more than 2 sessions"), "{cut:?}");
}

/// No verifier ever meets a token whose key it cannot find, at any step.
#[test]
fn keys_of_a_running_server_are_rotated_in_three_steps() {
    let desk = Desk::with_store();
    let server = signed_in(&desk, "serve");
    furnish(&desk, &server);
    let run = |words: &str| remote(&desk, &server, &format!("{words} --realm acme"));
    let holds = |answer: &Value| {
        let issuer = format!("{}/realms/acme", server.base_url);
        let token = answer["access_token"].as_str().expect("a token");
        desk.feed(&["token", "verify", "-", "--url", &issuer, "--azp", "app"], token).code
    };
    let before = anna(&desk, &server, "openid");
    let keys: Vec<Value> = run("key list --json").out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let old = keys.iter().find(|key| key["algorithm"] == "RS256").and_then(|key| key["kid"].as_str()).expect("a key");
    let alone = run(&format!("key retire {old}"));
    assert!(alone.code == Some(1) && alone.log.contains("keywright key rotate RS256 makes its successor"), "{alone:?}");
    let none = run("key rotate ES512");
    assert!(none.code == Some(3) && none.log.contains("the realm has no active key for ES512"), "{none:?}");

    let new = json_of(&run("key rotate RS256 --json"));
    assert_eq!((&new["status"], &new["algorithm"], &new["use"]), (&json!("ACTIVE"), &json!("RS256"), &json!("SIG")));
    assert!(new["providerPriority"].as_i64() > keys.iter().filter_map(|key| key["providerPriority"].as_i64()).max(), "{new}");
    let after = anna(&desk, &server, "openid");
    assert_eq!((holds(&before), holds(&after)), (Some(0), Some(0)));

    let early = run(&format!("key disable {old} --yes"));
    assert!(early.code == Some(1) && early.log.contains("still signs") && early.log.contains("key retire"), "{early:?}");
    assert_eq!(run(&format!("key retire {old}")).code, Some(0));
    assert_eq!(json_of(&run(&format!("key get {old} --json")))["status"], "PASSIVE");
    assert_eq!((holds(&before), holds(&after)), (Some(0), Some(0)), "what it signed still holds");
    assert_eq!(run(&format!("key delete {old} --yes")).code, Some(1), "it is in use");

    assert_eq!(run(&format!("key disable {old} --yes")).code, Some(0));
    assert_eq!((holds(&before), holds(&after)), (Some(7), Some(0)));
    assert_eq!(run(&format!("key delete {old} --yes")).code, Some(0));
    assert_eq!(run(&format!("key get {old}")).code, Some(3));

    // A stolen key goes at once.
    let stolen = new["kid"].as_str().expect("a kid");
    assert_eq!(run("key rotate RS256").code, Some(0));
    assert_eq!(run(&format!("key disable {stolen} --force --yes")).code, Some(0));
    assert_eq!(holds(&after), Some(7));
}

#[test]
fn a_server_with_a_certificate_of_the_companys_own_is_believed_when_its_authority_is_named() {
    let desk = Desk::with_store();
    let (authority, chain, key) = upstream::pem();
    for (name, content) in [("ca.pem", authority), ("chain.pem", chain), ("key.pem", key)] {
        desk.write(name, std::str::from_utf8(&content).expect("PEM"));
    }
    let words = "KC_HTTPS_CERTIFICATE_FILE=chain.pem KC_HTTPS_CERTIFICATE_KEY_FILE=key.pem serve --https-port 0";
    let server = desk.serve(words);
    let line = server.log.text().lines().find(|line| line.contains("\"serving\"")).expect("it serves").to_owned();
    let serving: Value = serde_json::from_str(&line).expect("JSON");
    let address = serving.pointer("/https_address").or_else(|| serving.pointer("/fields/https_address"));
    let port = address.and_then(Value::as_str).and_then(|address| address.rsplit(':').next()).expect("a port").to_owned();
    let url = format!("https://localhost:{port}/auth");
    desk.write("password", "first");
    let home = format!("HOME={}", desk.path().display());
    let login = "login --user admin --password-file password";

    let refused = desk.run(&format!("{home} {login} --url {url}"));
    assert!(refused.code == Some(6) && refused.log.contains("nobody vouches for its certificate: --ca-file FILE"), "{refused:?}");
    for (file, expected) in [("nothing.pem", "cannot be read"), ("password", "holds no usable certificate")] {
        let wrong = desk.run(&format!("{home} {login} --url {url} --ca-file {file}"));
        assert!(wrong.code == Some(2) && wrong.log.contains(expected), "{wrong:?}");
    }
    let other_name = format!("{home} {login} --url https://127.0.0.1:{port}/auth --ca-file ca.pem");
    let renamed = desk.run(&other_name);
    assert!(renamed.code == Some(6) && renamed.log.contains("for another name"), "{renamed:?}");

    assert_eq!(desk.run(&format!("{home} {login} --url {url} --ca-file ca.pem")).code, Some(0));
    // The login remembers whom it trusted, wherever the next command runs.
    std::fs::create_dir(desk.path().join("elsewhere")).expect("ours");
    for words in [format!("realm list -o name --url {url}"), "kcadm get realms --fields realm --format csv --noquotes".to_owned()] {
        let mut command = desk.command(&format!("{home} {words}"));
        let ended = Ended::from(command.current_dir(desk.path().join("elsewhere")).output().expect("the program starts"));
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "master\n"), "{words}: {ended:?}");
    }
    let named = [
        format!("KEYWRIGHT_CA_FILE=ca.pem token get --client admin-cli --user admin --password-file password --url {url}"),
        format!("{home} kcadm config credentials --server {url} --user admin --password first --truststore ca.pem"),
        format!("{home} user list -o name --url {url} --ca-file ca.pem"),
    ];
    for words in named {
        assert_eq!(desk.run(&words).code, Some(0), "{words}");
    }
}
