//! The store of a stopped server, opened by the command itself: for administration before there is a server, and for whoever
//! cannot sign in any more. Every change goes through `manage`, as everywhere.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::api::Api;
use super::failure::{Code, Failure};
use super::login::Session;
use super::trust::Trust;
use super::{block_on, log, sources};
use crate::app::App;
use crate::config::load::{self, Flag};
use crate::config::{Config, Engine};
use crate::embed::Keywright;
use crate::manage::jobs;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::store::job::{self, Jobs};
use crate::store::txn::Reader as _;

/// How many names are looked through for the one that was meant.
const SUGGESTIONS: usize = 500;

/// Which store a command works on.
#[derive(Args, Clone, Debug)]
pub(super) struct Place {
    /// Open the store of a stopped server (implied)
    #[arg(long, global = true, help_heading = "Store")]
    local: bool,
    /// The TOML file [default: $KEYWRIGHT_CONFIG, or keywright.toml if it exists]
    #[arg(long, value_name = "FILE", global = true, help_heading = "Store")]
    pub config: Option<PathBuf>,
    /// The directory of the store [store.directory]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Store")]
    pub data: Option<String>,
}

/// A store, or the server that has it open.
#[derive(Args, Clone, Debug)]
pub(super) struct Anywhere {
    #[command(flatten)]
    place: Place,
    /// A server instead of a store; keywright login signs in there
    #[arg(long, value_name = "URL", global = true, conflicts_with_all = ["local", "config", "data"], help_heading = "Store")]
    url: Option<String>,
    #[command(flatten, next_help_heading = "Store")]
    trust: Trust,
}

/// A noun whose things are in a realm, with what can be done about them.
#[derive(Args)]
pub(super) struct Noun<V: Subcommand> {
    #[command(flatten)]
    place: Anywhere,
    /// The realm
    #[arg(short, long, value_name = "REALM", global = true, env = "KEYWRIGHT_REALM", default_value = Realm::MASTER, help_heading = "Store")]
    realm: String,
    #[command(subcommand)]
    verb: V,
}

impl<V: Subcommand> Noun<V> {
    /// Works in the realm by the Admin REST API.
    pub fn work<T>(self, work: impl AsyncFnOnce(&Api<'_>, &str, V) -> Result<T, Failure>) -> Result<T, Failure> {
        let Self { place, realm, verb } = self;
        place.administer(async |api| {
            let realm = api.realm_name(&realm).await?;
            work(api, &realm, verb).await
        })
    }
}

impl Anywhere {
    /// Works by the Admin REST API: over HTTP, or in process on the store.
    pub fn administer<T>(&self, work: impl AsyncFnOnce(&Api<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        match &self.url {
            Some(url) => block_on(async { work(&Api::Server(Box::new(Session::of(url)?.remote(&self.trust).await?))).await }),
            None => self.place.work(async |local| work(&Api::Store(local)).await),
        }
    }
}

/// An opened store with everything around it but the listeners.
pub(super) struct Local {
    keywright: Keywright,
}

impl Place {
    pub const fn at(config: Option<PathBuf>, data: Option<String>) -> Self {
        Self { local: true, config, data }
    }

    /// The settings, without a word about them.
    pub fn settings(&self) -> Result<Config, Failure> {
        let data = self.data.clone().map(|text| Flag { key: "store.directory", name: "--data", text });
        Ok(load::load(&sources(self.config.clone(), data.into_iter().collect(), false))?.config)
    }

    /// Opens the store, works on it, and closes it: when this returns, everything is durable.
    pub fn work<T>(&self, work: impl AsyncFnOnce(&Local) -> Result<T, Failure>) -> Result<T, Failure> {
        let config = self.settings()?;
        if config.store.engine == Engine::Memory {
            return Err(Failure::usage("store.engine is memory: there is nothing to open"));
        }
        if !config.store.directory.join("configuration").is_dir() {
            let what = format!("there is no store in {}", config.store.directory.display());
            return Err(Failure::new(Code::NotFound, what)
                .advice("name it with --data or --config; keywright serve makes a new one, keywright backup restore an old one again"));
        }
        open(config, work)
    }
}

/// Opens the store that `config` names, or makes it.
pub(super) fn open<T>(config: Config, work: impl AsyncFnOnce(&Local) -> Result<T, Failure>) -> Result<T, Failure> {
    log::start_quietly();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let keywright = Keywright::builder(config).build().await?;
        let local = Local { keywright };
        let done = work(&local).await;
        let closed = local.keywright.close().await;
        let done = done?;
        closed?;
        Ok(done)
    })
}

impl Local {
    pub fn keywright(&self) -> &Keywright {
        &self.keywright
    }

    pub fn app(&self) -> &App {
        self.keywright.app()
    }

    /// Does what a deletion left for later: no server is there to do it beside requests.
    pub async fn finish_jobs(&self) -> Result<(), Failure> {
        let app = self.app();
        let jobs = jobs::register(Jobs::new(app.store.clone(), &job::owner(app.env.random())));
        jobs.run_pending(&*app.env.clock).await?;
        Ok(())
    }

    pub async fn realm(&self, name: &str) -> Result<Realm, Failure> {
        let mut peek = self.app().store.peek();
        if let Some(realm) = peek.realms().by_name(name).await? {
            return Ok(realm);
        }
        let realms = peek.realms().list().await?;
        Err(Failure::not_found(format!("there is no realm {name}"), name, realms.into_iter().map(|realm| realm.name))
            .advice_unless("keywright realm list shows all of them"))
    }

    /// By user name, else by id, else by e-mail address.
    pub async fn user(&self, realm: &Realm, name: &str) -> Result<User, Failure> {
        let mut peek = self.app().store.peek();
        if let Some(user) = peek.users().by_username(&realm.id, name).await? {
            return Ok(user);
        }
        if let Some(user) = peek.users().get(&realm.id, &name.into()).await? {
            return Ok(user);
        }
        let mut by_email = peek.users().by_email(&realm.id, name, 2).await?;
        match (by_email.pop(), by_email.is_empty()) {
            (Some(user), true) => Ok(user),
            (Some(_), false) => Err(Failure::new(Code::Conflict, format!("several users have the address {name}: name one by user name"))),
            (None, _) => {
                let users = peek.users().list(&realm.id, None, SUGGESTIONS).await?;
                let what = format!("there is no user {name} in realm {}", realm.name);
                Err(Failure::not_found(what, name, users.into_iter().map(|user| user.username)))
            }
        }
    }
}
