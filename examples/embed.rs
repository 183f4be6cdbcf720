//! An application with an issuer of its own under `/sso` and a route that only its tokens open.
//! `cargo run --example embed`, then take a token from `http://localhost:3000/sso/realms/master`.

use actix_web::{App, HttpServer, web};
use keywright::config::Config;
use keywright::embed::{Keywright, protect::Bearer};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::in_memory("http://localhost:3000/sso")?;
    config.bootstrap.admin_password = Some("only-for-this-example".into());
    let keywright = Keywright::builder(config).build().await?;
    keywright.first_start().await?;
    let app = move || {
        let api = web::scope("/api").app_data(keywright.protect("master")).route("/me", web::get().to(me));
        App::new().service(web::scope("/sso").configure(keywright.configure())).service(api)
    };
    Ok(HttpServer::new(app).bind(("127.0.0.1", 3000))?.run().await?)
}

async fn me(bearer: Bearer) -> String {
    format!("you are {}\n", bearer.user.username)
}
