//! A real reverse proxy in front: nginx with the very file of `packaging/`.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keywright::config::ProxyHeaders;
use serde_json::Value;

use super::certificates::Authority;
use crate::support::app::TestApp;

/// A running nginx. It ends with the test.
struct Nginx(Child);

impl Nginx {
    /// Listens for TLS on `port` in front of `upstream`.
    fn start(authority: &Authority, upstream: &str, port: u16) -> Self {
        let (chain, key) = authority.server("proxy", 30);
        let shown = |path: &Path| path.display().to_string();
        let site = include_str!("../../packaging/proxy/nginx.conf")
            .replace("127.0.0.1:8080", upstream)
            .replace("listen 443", &format!("listen 127.0.0.1:{port}"))
            .replace("server_name id.example.com", "server_name localhost")
            .replace("/etc/ssl/id.example.com/fullchain.pem", &shown(&chain))
            .replace("/etc/ssl/id.example.com/privkey.pem", &shown(&key));
        std::fs::write(authority.path("site.conf"), site).expect("ours");
        let directory = authority.path("");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", shown(&directory.join(kind))))
            .concat();
        let main = format!(
            "daemon off;\npid {0}/nginx.pid;\nerror_log {0}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}include {0}/site.conf;\n}}\n",
            shown(&directory).trim_end_matches('/')
        );
        std::fs::write(authority.path("nginx.conf"), main).expect("ours");
        let child = Command::new("/usr/sbin/nginx")
            .args(["-e", "stderr", "-c"])
            .arg(authority.path("nginx.conf"))
            .stdin(Stdio::null())
            .spawn();
        Self(child.expect("nginx is installed"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers on SIGTERM; a killed one would leave them behind.
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().ok();
        self.0.wait().ok();
    }
}

/// A port that no other test gets from the system before nginx has it: below those that the system hands out.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).expect("is small");
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 4_000).find(free).expect("a port")
}

#[tokio::test]
#[ignore = "needs nginx: make test-all"]
async fn behind_nginx_with_our_configuration_clients_are_told_apart_and_cannot_pretend() {
    let authority = Authority::new();
    let port = free_port();
    let app = TestApp::builder()
        .configure(|config| {
            config.http.proxy_headers = ProxyHeaders::Xforwarded;
            config.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
            (config.rate_limit.address_per_second, config.rate_limit.address_burst) = (1, 6);
        })
        .start()
        .await;
    app.keywright
        .manage()
        .update_realm("master", &serde_json::Map::from_iter([("sslRequired".to_owned(), Value::from("all"))]))
        .await
        .expect("allowed");
    let _nginx = Nginx::start(&authority, &app.address, port);
    let ask = async |from: &'static str, words: &[&str]| {
        let output = tokio::process::Command::new("curl")
            .args(["-sS", "--http2", "--interface", from, "--resolve", &format!("localhost:{port}:127.0.0.1"), "--cacert"])
            .arg(authority.root())
            .args(words)
            .args(["-o", "/dev/null", "-w", "%{http_code}"])
            .arg(format!("https://localhost:{port}/auth/realms/master/protocol/openid-connect/certs"))
            .output()
            .await
            .expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let started = async {
        while ask("127.0.0.9", &[]).await != "200" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), started)
        .await
        .expect("nginx answers, and the realm takes it for TLS");

    let pretending = ["-H", "X-Forwarded-For: 198.51.100.7", "-H", "Forwarded: for=198.51.100.7", "-H", "X-Forwarded-Proto: http"];
    for _ in 0..6 {
        assert_eq!(ask("127.0.0.2", &pretending).await, "200");
    }
    assert_eq!(ask("127.0.0.2", &pretending).await, "429");
    assert_eq!(ask("127.0.0.2", &["-H", "X-Forwarded-For: 198.51.100.8"]).await, "429", "another claim is no other client");
    assert_eq!(ask("127.0.0.3", &[]).await, "200");
}
