//! The words of kcadm.sh.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::cli::trust::Trust;
use crate::model::realm::Realm;

#[derive(Parser)]
#[command(name = "keywright kcadm", disable_help_subcommand = true)]
pub(super) struct Kcadm {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Sign in
    #[command(subcommand)]
    Config(Config),
    /// Print what is at an address
    Get(Get),
    /// Make something
    Create(Write),
    /// Change something; members that are not named stay
    Update(Write),
    /// Delete something
    Delete(Write),
    /// Give a user a password
    SetPassword(SetPassword),
    /// Give roles to a user or a group
    AddRoles(Roles),
    /// Take roles from a user or a group
    RemoveRoles(Roles),
}

#[derive(Subcommand)]
pub(super) enum Config {
    /// Sign in and keep the tokens
    Credentials(ConfigCredentials),
}

/// Where the requests go.
#[derive(Args)]
pub(super) struct Target {
    /// The realm that it is about
    #[arg(short = 'r', long = "target-realm", value_name = "REALM")]
    pub realm: Option<String>,
    /// Another server than that of the last login
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The store of a stopped server instead
    #[arg(long, conflicts_with = "server")]
    pub local: bool,
    /// The directory of that store
    #[arg(long, value_name = "DIR", requires = "local")]
    pub data: Option<String>,
    #[command(flatten)]
    pub trust: Trust,
}

#[derive(Args)]
pub(super) struct ConfigCredentials {
    #[arg(long, value_name = "URL")]
    pub server: String,
    #[arg(long, value_name = "REALM", default_value = Realm::MASTER)]
    pub realm: String,
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub password: Option<String>,
    #[arg(long, value_name = "CLIENT", default_value = "admin-cli")]
    pub client: String,
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    pub secret: Option<String>,
    #[command(flatten)]
    pub trust: Trust,
}

#[derive(Args)]
pub(super) struct Get {
    #[arg(value_name = "URI")]
    pub uri: String,
    #[command(flatten)]
    pub target: Target,
    /// A parameter of the query
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub query: Vec<String>,
    /// Only these members: id,name,protocolMappers(name)
    #[arg(short = 'F', long, value_name = "FIELDS")]
    pub fields: Option<String>,
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = ["json", "csv"])]
    pub format: String,
    /// CSV without quotation marks
    #[arg(long)]
    pub noquotes: bool,
    /// JSON in one line
    #[arg(short, long)]
    pub compressed: bool,
    #[arg(short, long, value_name = "NUMBER")]
    pub offset: Option<String>,
    #[arg(short, long, value_name = "NUMBER")]
    pub limit: Option<String>,
}

#[derive(Args)]
pub(super) struct Write {
    #[arg(value_name = "URI")]
    pub uri: String,
    #[command(flatten)]
    pub target: Target,
    /// Sets a member: name=value, a.b=value, list[0]=value, list+=value
    #[arg(short, long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub set: Vec<String>,
    /// Takes a member away
    #[arg(short, long, value_name = "NAME")]
    pub delete: Vec<String>,
    /// A file with the body, or - for standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The body
    #[arg(short, long, value_name = "JSON", conflicts_with = "file")]
    pub body: Option<String>,
    /// A parameter of the query
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub query: Vec<String>,
    /// Members that are not named stay
    #[arg(short, long)]
    pub merge: bool,
    /// The body is all there is
    #[arg(short, long, conflicts_with = "merge")]
    pub no_merge: bool,
    /// Print the id of what was made
    #[arg(short, long)]
    pub id: bool,
    /// Print what there is afterwards
    #[arg(short, long)]
    pub output: bool,
    #[arg(short = 'F', long, value_name = "FIELDS")]
    pub fields: Option<String>,
    /// JSON in one line
    #[arg(short, long)]
    pub compressed: bool,
}

#[derive(Args)]
pub(super) struct SetPassword {
    #[command(flatten)]
    pub target: Target,
    #[arg(long, value_name = "NAME", required_unless_present = "userid")]
    pub username: Option<String>,
    #[arg(long, value_name = "ID")]
    pub userid: Option<String>,
    /// Asked for, or read from KEYWRIGHT_PASSWORD, when it is not given
    #[arg(short = 'p', long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub new_password: Option<String>,
    #[arg(short, long)]
    pub temporary: bool,
}

#[derive(Args)]
pub(super) struct Roles {
    #[command(flatten)]
    pub target: Target,
    #[arg(long, value_name = "NAME")]
    pub uusername: Option<String>,
    #[arg(long, value_name = "ID")]
    pub uid: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub gname: Option<String>,
    #[arg(long, value_name = "PATH")]
    pub gpath: Option<String>,
    #[arg(long, value_name = "ID")]
    pub gid: Option<String>,
    /// The client whose roles they are
    #[arg(long, value_name = "CLIENT")]
    pub cclientid: Option<String>,
    #[arg(long, value_name = "ID")]
    pub cid: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub rolename: Vec<String>,
    #[arg(long, value_name = "ID")]
    pub roleid: Vec<String>,
}
