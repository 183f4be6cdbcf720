//! A bare actix server in a process of its own: the floor that the JWKS endpoint is compared with.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

/// The argument that turns this program into the bare server.
pub const COMMAND: &str = "bare-server";

/// The running process. Ends when it is dropped.
pub struct BareServer {
    child: Child,
    pub address: SocketAddr,
}

impl BareServer {
    /// Answers every GET with `length` bytes.
    pub fn start(length: usize) -> Self {
        let program = std::env::current_exe().expect("a program knows its own path");
        let mut child = Command::new(program)
            .args([COMMAND, &length.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts itself");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped above"))
            .read_line(&mut line)
            .expect("the bare server prints its address");
        Self { child, address: line.trim().parse().expect("the bare server prints its address") }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The body of the process.
pub fn run(length: usize) -> std::io::Result<()> {
    let body = Bytes::from(vec![b'x'; length]);
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            let body = body.clone();
            App::new().default_service(web::to(move || {
                let body = body.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(body) }
            }))
        })
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .tcp_nodelay(true)
        .bind(("127.0.0.1", 0))?;
        println!("{}", server.addrs()[0]);
        server.run().await
    })
}
