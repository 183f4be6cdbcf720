//! A mistake of ours in one request: 500 in the protocol's shape, one line in the log, and a worker that lives on.

use actix_web::http::Method;
use actix_web::{App, HttpServer};
use keywright::config::Config;
use keywright::embed::Keywright;
use keywright::keyring::KeySource;
use keywright::manage::realms::NewRealm;
use keywright::web::cors::Cors;
use keywright::web::dispatch::Dispatcher;
use keywright::web::oauth_response;
use keywright::web::route::{Cache, Feature, Handler, Policy, Route, Table};

use crate::support::http::Request;
use crate::support::log::Watch;

fn row(path: &'static str, policy: Policy, handler: Handler) -> Route {
    Route {
        method: Method::GET,
        path,
        policy,
        body_limit: 0,
        query: &[],
        cors: Cors::Any("GET"),
        cache: Cache::NoStore,
        handler,
        feature: Feature::On,
    }
}

/// The dispatch of the product with rows that are broken in three ways.
fn rows() -> Vec<Route> {
    vec![
        row("/realms/{realm}/at-once", Policy::Client, Handler::Realm(|_, _| panic!("the secret is out"))),
        row(
            "/realms/{realm}/later",
            Policy::Client,
            Handler::Realm(|_, _| {
                Box::pin(async {
                    tokio::task::yield_now().await;
                    panic!("in the middle")
                })
            }),
        ),
        row("/realms/{realm}/document", Policy::Public, Handler::Document(|_| panic!("no document"))),
        row("/realms/{realm}/fine", Policy::Public, Handler::Document(|_| oauth_response::empty(204))),
    ]
}

#[tokio::test]
async fn a_panic_answers_500_once_in_the_log_and_the_worker_lives_on() {
    let watch = Watch::start();
    let (started, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let config = Config::in_memory("http://localhost/").expect("a base URL");
            let keywright = Keywright::builder(config).key_source(KeySource::Fixed).build().await.expect("an issuer");
            keywright.manage().create_realm(NewRealm::enabled("test")).await.expect("a realm");
            let dispatcher = Dispatcher::new(Table::new(rows()), keywright.data());
            let server = HttpServer::new(move || App::new().configure(dispatcher.configure()))
                .workers(1)
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .expect("a port");
            started.send(server.addrs()[0].to_string()).expect("the test waits");
            server.run().await.expect("it serves");
        });
    });
    let address = address.recv().expect("it starts");
    let ask = async |path: &str| {
        let request = Request::new("GET", format!("/realms/test/{path}")).header("Origin", "https://app.example");
        request.send(&address).await.expect("an answer")
    };
    for (path, error) in [("at-once", "server_error"), ("later", "server_error"), ("document", "unknown_error")] {
        let answer = ask(path).await;
        assert_eq!((answer.status, answer.field("error").as_str()), (500, error), "{path}");
        let (text, reference) = (answer.text(), answer.field("error_description"));
        let reference = reference.rsplit(' ').next().unwrap_or_default().to_owned();
        assert_eq!(watch.text().matches(&reference).count(), 1, "the log has the reference once: {reference}");
        assert!(!text.contains("secret") && !text.contains("middle") && !text.contains("panic"), "{text}");
        // The headers of row and realm are there all the same.
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(ask("fine").await.status, 204, "the only worker lives");
    }
}
