//! What an administrator waits for in a large installation: p50 and p99 of single requests to the Admin REST API, one after the
//! other, on 1 000 realms, 10 000 clients and 100 000 users; one axis at a time. The aim is a p99 of 10 ms, the full list of
//! 1 000 realms excepted, and 50 ms for making a realm besides its keys.

use std::path::Path;
use std::time::{Duration, Instant};

use keywright::base::secret::Secret;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::Options;
use super::seed::{self, Shape};
use super::server::Server;

const PASSWORD: &str = "correct-horse-battery";

/// Making keys takes long, so this question is asked less often.
const MAKE_REALM: &str = "create, keys and all";

/// One question of an axis: what it is called, and the request for its n-th turn.
type Question = (&'static str, fn(usize, usize) -> (reqwest::Method, String, Option<Value>));

/// Prints a line for every operation of every axis.
pub async fn run(options: &Options) {
    // Without one, reqwest refuses to make a client, though nothing here is encrypted.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    println!("\n{:<58} {:>9} {:>9} {:>9}", "administration", "p50 ms", "p99 ms", "max ms");
    let users: &[Question] = &[
        ("list, first page of 20", |_, _| read("/bench-0/users?max=20")),
        ("list, a page in the middle", |_, size| read(&format!("/bench-0/users?first={}&max=20", size / 2))),
        ("list, the last page", |_, size| read(&format!("/bench-0/users?first={}&max=20", size - 20))),
        ("count", |_, _| read("/bench-0/users/count")),
        ("search by prefix", |turn, size| read(&format!("/bench-0/users?search={}&max=20", seed::username(turn * 7 % size)))),
        ("search anywhere", |turn, size| read(&format!("/bench-0/users?search=*r-{:04}*&max=20", turn * 7 % size))),
        ("count of a search", |turn, size| read(&format!("/bench-0/users/count?search={}", seed::username(turn * 7 % size)))),
        ("by exact name", |turn, size| read(&format!("/bench-0/users?username={}&exact=true", seed::username(turn * 7 % size)))),
        ("nobody", |_, _| read("/bench-0/users?search=nobody")),
        ("by attribute", |turn, _| read(&format!("/bench-0/users?q=department:{turn}&max=20"))),
        ("create", |turn, _| (reqwest::Method::POST, "/bench-0/users".to_owned(), Some(json!({ "username": format!("new-{turn}") })))),
    ];
    let clients: &[Question] = &[
        ("list, first page of 20", |_, _| read("/bench-0/clients?first=0&max=20")),
        ("list, a page in the middle", |_, size| read(&format!("/bench-0/clients?first={}&max=20", size / 2))),
        ("search anywhere", |turn, size| read(&format!("/bench-0/clients?search=true&clientId={}&max=20", turn * 7 % size))),
        ("by client id", |_, _| read("/bench-0/clients?clientId=account")),
        ("create", |turn, _| (reqwest::Method::POST, "/bench-0/clients".to_owned(), Some(json!({ "clientId": format!("new-{turn}") })))),
    ];
    let realms: &[Question] = &[
        ("list, all", |_, _| read("?briefRepresentation=true")),
        ("read one", |turn, size| read(&format!("/bench-{}", turn * 7 % size))),
        ("change one", |turn, size| {
            (reqwest::Method::PUT, format!("/bench-{}", turn * 7 % size), Some(json!({ "displayName": format!("turn {turn}") })))
        }),
        (MAKE_REALM, |turn, _| (reqwest::Method::POST, String::new(), Some(json!({ "realm": format!("new-{turn}") })))),
    ];
    for (axis, size, shape, questions) in [
        ("users", options.pick(100_000, 60), Shape { realms: 1, clients: 10, users: options.pick(100_000, 60) }, users),
        ("clients", options.pick(10_000, 60), Shape { realms: 1, clients: options.pick(10_000, 60), users: 1 }, clients),
        ("realms", options.pick(1_000, 5), Shape { realms: options.pick(1_000, 5), clients: 1, users: 1 }, realms),
    ] {
        measure(options, axis, size, shape, questions).await;
    }
}

fn read(path: &str) -> (reqwest::Method, String, Option<Value>) {
    (reqwest::Method::GET, path.to_owned(), None)
}

async fn measure(options: &Options, axis: &str, size: usize, shape: Shape, questions: &[Question]) {
    let home = tempfile::Builder::new()
        .prefix("administration-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a directory for the store");
    let plan = seed::seed(home.path(), shape);
    // The first start makes the realm of administrators.
    Server::start(home.path(), &plan.certs_path).await.stop();
    let made = prepare(home.path(), options.pick(50, 2));
    let server = Server::start(home.path(), &plan.certs_path).await;
    let base = format!("http://{}/auth", server.address);
    let client = reqwest::Client::new();
    for (called, question) in questions {
        // An administrator's token lives for a minute.
        let token = token(&client, &base).await;
        let mut times = Vec::new();
        for turn in 0..options.pick(if *called == MAKE_REALM { 50 } else { 300 }, 3) {
            let (method, path, body) = question(turn, size);
            let mut request = client.request(method, format!("{base}/admin/realms{path}")).bearer_auth(&token);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let begin = Instant::now();
            let answer = request.send().await.expect("an answer");
            let status = answer.status();
            answer.bytes().await.expect("a body");
            times.push(begin.elapsed());
            assert!(status.is_success(), "{called}: {status}");
        }
        line(&format!("{size} {axis}: {called}"), times);
    }
    if axis == "realms" {
        line(&format!("{size} realms: make one more, besides its keys"), made);
    }
    server.stop();
}

fn line(called: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    println!("{called:<58} {:>9.2} {:>9.2} {:>9.2}", at(50), at(99), at(100));
}

/// Gives the administrator a password, and makes `count` realms with keys that exist already.
fn prepare(home: &Path, count: usize) -> Vec<Duration> {
    seed::in_process(home, async |app| {
        let master = app.store.peek().realms().by_name("master").await.expect("the store reads").expect("master");
        let admin = app
            .store
            .peek()
            .users()
            .by_username(&master.id, "admin")
            .await
            .expect("the store reads")
            .expect("an administrator");
        app.passwords().set(&master.id, &admin.id, &Secret::from(PASSWORD), false).await.expect("a password");
        let mut times = Vec::with_capacity(count);
        for number in 0..count {
            let begin = Instant::now();
            seed::create_realm(app, &format!("more-{number}")).await.expect("the realm is new");
            times.push(begin.elapsed());
        }
        times
    })
}

async fn token(client: &reqwest::Client, base: &str) -> String {
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", PASSWORD)];
    let answer = client.post(format!("{base}/realms/master/protocol/openid-connect/token")).form(&form).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}
