use keywright::config::Destination;
use keywright::testing::TestIssuer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::http::Request;

/// A collector that takes one message; its head and its body.
async fn collected(listener: TcpListener) -> (String, Value) {
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = connection.read(&mut chunk).await.unwrap();
        received.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&received).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.expect("a length") {
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
                .await
                .unwrap();
            return (head.to_owned(), serde_json::from_str(body).unwrap());
        }
    }
}

/// A request that its caller traces, one that he does not, and one of a caller who does not know.
#[tokio::test]
async fn spans_reach_a_collector_and_carry_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let issuer = TestIssuer::builder()
        .configure(move |config| {
            config.tracing.endpoint = Some(endpoint);
            config.egress.allow = vec!["127.0.0.0/8".parse::<Destination>().unwrap()];
        })
        .start()
        .await;
    issuer.confidential_client("api", "api-secret").await;
    let collector = tokio::spawn(collected(listener));
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let token = |flags: &str| {
        Request::new("POST", "/auth/realms/test/protocol/openid-connect/token?secret=in-the-query")
            .header("traceparent", format!("00-{trace}-{parent}-{flags}"))
            .basic("api", "api-secret")
            .form(&[("grant_type", "client_credentials")])
    };
    let address = issuer.address().to_string();
    assert_eq!(token("00").send(&address).await.unwrap().status, 200);
    assert_eq!(token("01").send(&address).await.unwrap().status, 200);
    Request::new("GET", "/auth/realms/test").send(&address).await.unwrap();

    let (head, message) = collector.await.unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1") && head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
    let resource = &message["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "keywright");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let traced = &spans[0];
    assert_eq!((&traced["traceId"], &traced["parentSpanId"]), (&Value::from(trace), &Value::from(parent)));
    assert_eq!(traced["name"], "POST /realms/{realm}/protocol/openid-connect/token");
    assert_eq!(traced["attributes"][2]["value"]["intValue"], "200");
    let nanoseconds = |field: &str| traced[field].as_str().unwrap().parse::<u128>().unwrap();
    assert!(nanoseconds("startTimeUnixNano") < nanoseconds("endTimeUnixNano"));
    assert!(spans.iter().all(|span| span["spanId"] != traced["spanId"] || span["traceId"] == trace), "{spans:?}");
    assert!(spans.iter().filter(|span| span["traceId"] == trace).count() == 1, "the caller did not want the other one: {spans:?}");
    for secret in ["api-secret", "in-the-query"] {
        assert!(!message.to_string().contains(secret), "{message}");
    }
}
