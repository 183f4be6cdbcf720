//! `keywright token get|inspect|verify` against a running server.

use serde_json::{Value, json};

use super::{Desk, Server};

const API_SECRET: &str = "the api's secret";

/// A server with client `api` (confidential), user `anna`, and the realm's public client `admin-cli`.
fn served() -> (Desk, Server) {
    let desk = Desk::with_store();
    desk.write("secret", API_SECRET);
    desk.write("password", "Sesam1");
    desk.done(&["client", "create", "api", "--service-account", "--direct-access", "--secret-file", "secret"]);
    let anna =
        ["user", "create", "anna", "--password-file", "password", "--email", "anna@example.com", "-s", "firstName=A", "-s", "lastName=B"];
    desk.done(&anna);
    let server = desk.serve("serve");
    (desk, server)
}

#[test]
fn a_token_comes_by_every_grant_and_alone_on_standard_output() {
    let (desk, server) = served();
    let get =
        |words: &[&str], input: &str| desk.feed(&[&["token", "get", "--url", &server.base_url, "--client", "api"], words].concat(), input);
    let of_file = get(&["--secret-file", "secret"], "");
    assert_eq!((of_file.code, of_file.log.as_str()), (Some(0), ""), "{of_file:?}");
    assert_eq!((of_file.out.lines().count(), of_file.out.matches('.').count()), (1, 2), "{of_file:?}");
    assert_eq!(get(&["--secret", "-"], API_SECRET).code, Some(0));
    assert_eq!(get(&["--secret", "-", "--auth-method", "post"], API_SECRET).code, Some(0));
    let warned = get(&["--secret", API_SECRET], "");
    assert!(warned.code == Some(0) && warned.log.contains("stands in the process list"), "{warned:?}");

    let both =
        get(&["--secret", "-", "--user", "anna", "--password", "-", "--scope", "openid", "--json"], &format!("{API_SECRET}\nSesam1\n"));
    let answer: Value = serde_json::from_str(&both.out).unwrap_or_else(|_| panic!("{both:?}"));
    for member in ["access_token", "refresh_token", "id_token", "expires_in", "token_type", "scope"] {
        assert!(!answer[member].is_null(), "{member}");
    }
    desk.write("refresh", answer["refresh_token"].as_str().expect("text"));
    let refreshed = get(&["--secret-file", "secret", "--refresh-token-file", "refresh", "--decode", "--json"], "");
    let decoded: Value = serde_json::from_str(&refreshed.out).unwrap_or_else(|_| panic!("{refreshed:?}"));
    assert_eq!((&decoded["claims"]["azp"], &decoded["claims"]["preferred_username"]), (&json!("api"), &json!("anna")));
    let id_token = get(
        &["--secret-file", "secret", "--user", "anna", "--password-file", "password", "--scope", "openid", "--print", "id_token", "-d"],
        "",
    );
    assert!(id_token.out.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == ["typ", "ID"]), "{id_token:?}");

    for (words, code, expected) in [
        (&["--secret", "-"][..], 5, "unauthorized_client"),
        (&["--secret-file", "nothing"][..], 3, "nothing cannot be read"),
        (&[][..], 2, "the client's secret is missing"),
        (&["--secret-file", "secret", "--user", "anna", "--password", "-"][..], 5, "invalid_grant"),
        (&["--realm", "elsewhere", "--secret-file", "secret"][..], 3, "is there a realm elsewhere"),
        (&["--secret-file", "secret", "--print", "id_token"][..], 1, "--scope openid"),
    ] {
        let refused = get(words, "wrong\n");
        assert_eq!((refused.code, refused.out.as_str()), (Some(code), ""), "{words:?}: {refused:?}");
        assert!(refused.log.contains(expected), "{words:?}: {refused:?}");
    }
    let nobody = desk.run("token get --url http://127.0.0.1:1/auth --client api --secret-file secret");
    assert_eq!((nobody.code, nobody.out.as_str()), (Some(6), ""), "{nobody:?}");
    let environment =
        format!("KEYWRIGHT_URL={} KEYWRIGHT_CLIENT=admin-cli KEYWRIGHT_PASSWORD=Sesam1 token get --user anna", server.base_url);
    assert_eq!(desk.run(&environment).code, Some(0), "a public client, everything from the environment");
}

#[test]
fn a_token_is_read_without_asking_anybody() {
    let (desk, server) = served();
    let token = desk.done(&["token", "get", "--url", &server.base_url, "--client", "api", "--secret-file", "secret"]);
    drop(server);
    let shown = desk.feed(&["token", "inspect"], &token);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for expected in ["Header", "RS256", "Claims", "azp", "api", "Expires in "] {
        assert!(shown.out.contains(expected), "{expected}: {shown:?}");
    }
    assert!(shown.log.contains("Nothing was verified"), "{shown:?}");
    for input in [format!("Authorization: Bearer {token}"), json!({ "access_token": token.trim() }).to_string()] {
        let read = desk.feed(&["token", "inspect", "-", "--json"], &input);
        let read: Value = serde_json::from_str(&read.out).unwrap_or_else(|_| panic!("{read:?}"));
        assert_eq!((&read["verified"], &read["expired"], &read["claims"]["azp"]), (&json!(false), &json!(false), &json!("api")));
        let left = read["times"]["exp"]["in_seconds"].as_i64().expect("a number");
        assert!((1..=60).contains(&left), "{left}");
        assert!(read["times"]["iat"]["at"].as_str().is_some_and(|text| text.ends_with('Z')));
    }
    assert_eq!(desk.run("token inspect abc").code, Some(1));
    assert_eq!(desk.run("token inspect").code, Some(2));
}

#[test]
fn a_token_holds_or_the_reason_is_named_with_exit_code_7() {
    let (desk, server) = served();
    let issuer = format!("{}/realms/master", server.base_url);
    let anna = [
        "token",
        "get",
        "--url",
        &server.base_url,
        "--client",
        "api",
        "--secret-file",
        "secret",
        "--user",
        "anna",
        "--password-file",
        "password",
    ];
    let token = desk.done(&anna);
    let token = token.trim();
    let verify = |token: &str, words: &[&str]| desk.feed(&[&["token", "verify", token, "--url", &issuer], words].concat(), "");
    let holds = verify(token, &["--audience", "account", "--azp", "api"]);
    assert_eq!(holds.code, Some(0), "{holds:?}");
    assert_eq!(holds.out.matches('✔').count(), 5, "{holds:?}");
    let json: Value = serde_json::from_str(&verify(token, &["--json"]).out).expect("JSON");
    assert_eq!(
        (&json["verified"], &json["checks"][0]["check"], &json["checks"][0]["holds"]),
        (&json!(true), &json!("signature"), &json!(true))
    );

    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let changed = format!("{header}.{payload}.{}A{}", &signature[..9], &signature[10..]);
    for (token, words, expected) in [
        (token, &["--audience", "backend"][..], "audience: it is account, expected backend"),
        (token, &["--azp", "other"][..], "azp: it is api, expected other"),
        (token, &["--issuer", "https://elsewhere"][..], "issuer: it is http"),
        (&changed, &[][..], "signature: "),
    ] {
        let refused = verify(token, words);
        assert_eq!(refused.code, Some(7), "{words:?}: {refused:?}");
        assert!(refused.log.contains("the token does not hold") && refused.log.contains(expected), "{words:?}: {refused:?}");
    }
    let other = format!("{}.{payload}.{signature}", "eyJhbGciOiJSUzI1NiIsImtpZCI6Im90aGVyIn0");
    assert!(verify(&other, &[]).log.contains("the issuer has no key other"), "{:?}", verify(&other, &[]));
    assert_eq!(verify("abc", &[]).code, Some(1));

    // From a file, long after the server is gone: what an auditor does.
    let jwks = format!("{issuer}/protocol/openid-connect/certs");
    let document = tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(async { reqwest::get(jwks).await.expect("an answer").text().await.expect("text") });
    desk.write("certs.json", &document);
    drop(server);
    assert_eq!(desk.feed(&["token", "verify", token, "--jwks", "certs.json", "--issuer", &issuer], "").code, Some(0));
    assert_eq!(verify(token, &[]).code, Some(6));
    assert_eq!(desk.feed(&["token", "verify", token], "").code, Some(2));
}
