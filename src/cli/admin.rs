//! `keywright admin`: an administrator for an operator who lost his own. Works on the store of a stopped server, so whoever may
//! read the files may do it, and nobody else.

use clap::{Args, Subcommand};

use super::examples;
use super::failure::Failure;
use super::local::{Local, Place};
use super::output::Output;
use super::user::{self, Password};
use crate::base::secret::Secret;
use crate::manage::defaults::roles::ADMIN;
use crate::manage::users::{self, NewUser, UserSettings};
use crate::model::realm::Realm;
use crate::store::txn::Reader as _;

#[derive(Args)]
#[command(before_help = examples![
    "keywright admin create rescue              # asks for the password",
    "keywright admin reset admin                # a new password, unlocked, enabled",
    "keywright admin create rescue --password - < password.txt"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Create another administrator in realm master
    #[command(before_help = examples![
        "keywright admin create rescue",
        "keywright admin create rescue --password - < password.txt",
        "keywright admin create rescue --password-file password.txt --data /var/lib/keywright"
    ])]
    Create {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// Give a user of realm master a new password, the admin role, and let him in again
    #[command(before_help = examples![
        "keywright admin reset admin",
        "keywright admin reset admin --password - < password.txt",
        "keywright admin reset admin --password-file password.txt --data /var/lib/keywright"
    ])]
    Reset {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        password: Password,
    },
}

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place, verb } = noun;
    place.work(async |local| match verb {
        Verb::Create { name, password } => create(local, &name, password.wanted().chosen()?, output).await,
        Verb::Reset { name, password } => reset(local, &name, &password, output).await,
    })
}

async fn create(local: &Local, name: &str, password: Secret<String>, output: &Output) -> Result<(), Failure> {
    let master = local.realm(Realm::MASTER).await?;
    let settings = UserSettings { username: Some(name.to_owned()), enabled: Some(true), ..UserSettings::default() };
    let new = NewUser { settings, ..NewUser::default() };
    let user = local.keywright().manage().create_user(&master.name, new, Some(password)).await?;
    make_administrator(local, &master, &user.id).await?;
    output.note(&format!("{} administers this server", user.username));
    Ok(())
}

async fn reset(local: &Local, name: &str, password: &Password, output: &Output) -> Result<(), Failure> {
    let master = local.realm(Realm::MASTER).await?;
    let user = local.user(&master, name).await?;
    user::set_password(local, &master, &user.id, password.wanted().chosen()?, false).await?;
    let (store, realm, id) = (&local.app().store, &master.id, &user.id);
    store.configuration(|txn| Box::pin(users::set_enabled(txn, realm, id, true))).await?;
    user::unlock(local, &master, id).await?;
    make_administrator(local, &master, id).await?;
    output.note(&format!("{} has a new password and administers this server", user.username));
    Ok(())
}

async fn make_administrator(local: &Local, master: &Realm, id: &crate::base::id::UserId) -> Result<(), Failure> {
    let store = &local.app().store;
    let admin = store.peek().roles().realm_role(&master.id, ADMIN).await?;
    let admin = [admin.ok_or_else(|| Failure::failed("realm master has no role admin"))?.id];
    let admin = &admin;
    store.configuration(|txn| Box::pin(users::add_roles(txn, &master.id, id, admin))).await?;
    Ok(())
}
