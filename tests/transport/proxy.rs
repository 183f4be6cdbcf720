//! Real reverse proxies in front, with the very files of `packaging/`: nginx, Caddy, and Traefik as `tests/clients/setup.sh --all`
//! installs it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keywright::config::ProxyHeaders;
use serde_json::Value;

use super::certificates::Authority;
use crate::clients::installed;
use crate::support::app::TestApp;

/// A running proxy. It ends with the test.
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    /// Starts what `command` makes for a port, on the first port that it really gets: between looking for a free one and listening on
    /// it somebody else may have been quicker. `answers` says whether it is our proxy that answers there.
    async fn start(command: impl Fn(u16) -> Command, answers: impl AsyncFn(u16) -> bool) -> Self {
        for port in ports().take(20) {
            let child = command(port).stdin(Stdio::null()).spawn().expect("the proxy is installed");
            let mut proxy = Self { child, port };
            let ready = async {
                loop {
                    if proxy.child.try_wait().expect("an own child").is_some() {
                        return false;
                    }
                    if answers(port).await {
                        return true;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            if tokio::time::timeout(Duration::from_secs(30), ready).await.unwrap_or(false) {
                return proxy;
            }
        }
        panic!("the proxy found no port, or does not answer, or the realm does not take its requests for TLS");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's master ends its workers on SIGTERM; a killed one would leave them behind.
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().ok();
        self.child.wait().ok();
    }
}

/// Ports that are free now, below those that the system hands out, from a place of this process on.
fn ports() -> impl Iterator<Item = u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).expect("is small");
    (first..32_000).filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn nginx(authority: &Authority, upstream: &str, port: u16) -> Command {
    let (chain, key) = authority.server("proxy", 30);
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
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-e", "stderr", "-c"]).arg(authority.path("nginx.conf"));
    command
}

fn caddy(authority: &Authority, upstream: &str, port: u16) -> Command {
    let (chain, key) = authority.server("proxy", 30);
    let site = include_str!("../../packaging/proxy/Caddyfile")
        .replace("127.0.0.1:8080", upstream)
        .replace("id.example.com {", &format!("https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {} {}", shown(&chain), shown(&key)));
    assert!(site.contains(&format!("localhost:{port}")), "the file names its site as expected");
    let options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
    std::fs::write(authority.path("Caddyfile"), format!("{options}{site}")).expect("ours");
    let mut command = Command::new("/usr/bin/caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(authority.path("Caddyfile"));
    command.env("HOME", authority.path("")).env("XDG_DATA_HOME", authority.path("")).stderr(Stdio::null());
    command
}

fn traefik(authority: &Authority, upstream: &str, port: u16) -> Command {
    let (chain, key) = authority.server("proxy", 30);
    let site = include_str!("../../packaging/proxy/traefik.yaml")
        .replace("id.example.com", "localhost")
        .replace("keywright:8080", upstream)
        // Nobody issues certificates here.
        .replace("tls:\n        certResolver: letsencrypt", "tls: {}");
    assert!(site.contains("tls: {}") && site.contains(upstream), "the file names its parts as expected");
    let certificates = format!("tls:\n  certificates:\n    - certFile: {}\n      keyFile: {}\n", shown(&chain), shown(&key));
    std::fs::write(authority.path("traefik.yaml"), format!("{site}{certificates}")).expect("ours");
    let mut command = Command::new(installed("traefik/bin/traefik"));
    command
        .arg(format!("--entryPoints.websecure.address=127.0.0.1:{port}"))
        .arg(format!("--providers.file.filename={}", shown(&authority.path("traefik.yaml"))))
        .args(["--global.checkNewVersion=false", "--global.sendAnonymousUsage=false"])
        .stdout(Stdio::null());
    command
}

/// Behind the proxy each client has a limit of its own, and nobody is somebody else by saying so.
async fn clients_are_told_apart_and_cannot_pretend(proxy: fn(&Authority, &str, u16) -> Command) {
    let authority = Authority::new();
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
    let ask = async |port: u16, from: &'static str, words: &[&str]| {
        let output = tokio::process::Command::new("curl")
            .args(["-sS", "--http2", "--max-time", "10", "--interface", from, "--resolve", &format!("localhost:{port}:127.0.0.1")])
            .arg("--cacert")
            .arg(authority.root())
            .args(words)
            .args(["-o", "/dev/null", "-w", "%{http_code}"])
            .arg(format!("https://localhost:{port}/auth/realms/master/protocol/openid-connect/certs"))
            .output()
            .await
            .expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let running = Proxy::start(|port| proxy(&authority, &app.address, port), async |port| ask(port, "127.0.0.9", &[]).await == "200").await;
    let port = running.port;
    let pretending = ["-H", "X-Forwarded-For: 198.51.100.7", "-H", "Forwarded: for=198.51.100.7", "-H", "X-Forwarded-Proto: http"];
    for _ in 0..6 {
        assert_eq!(ask(port, "127.0.0.2", &pretending).await, "200");
    }
    assert_eq!(ask(port, "127.0.0.2", &pretending).await, "429");
    assert_eq!(ask(port, "127.0.0.2", &["-H", "X-Forwarded-For: 198.51.100.8"]).await, "429", "another claim is no other client");
    assert_eq!(ask(port, "127.0.0.3", &[]).await, "200");
}

#[tokio::test]
#[ignore = "needs nginx: make test-all"]
async fn behind_nginx_with_our_configuration_clients_are_told_apart_and_cannot_pretend() {
    Box::pin(clients_are_told_apart_and_cannot_pretend(nginx)).await;
}

#[tokio::test]
#[ignore = "needs caddy: make test-all"]
async fn behind_caddy_with_our_configuration_clients_are_told_apart_and_cannot_pretend() {
    Box::pin(clients_are_told_apart_and_cannot_pretend(caddy)).await;
}

#[tokio::test]
#[ignore = "needs traefik (tests/clients/setup.sh --all): make test-all"]
async fn behind_traefik_with_our_configuration_clients_are_told_apart_and_cannot_pretend() {
    Box::pin(clients_are_told_apart_and_cannot_pretend(traefik)).await;
}
