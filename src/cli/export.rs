//! `keywright export`: a realm of a stopped server's store, in Keycloak's format, to standard output, a file or a directory.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::examples;
use super::failure::{Code, Failure};
use super::local::Place;
use super::output::{Output, tell};
use crate::manage::export::{Export, ExportError};

#[derive(Args)]
#[command(before_help = examples![
    "keywright export acme > acme.json                            # without secrets: to read, to compare",
    "keywright export acme --with-secrets --file acme.json        # everything, to import elsewhere",
    "keywright export acme --with-secrets --dir export --users different_files"
])]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// The realm
    #[arg(value_name = "REALM")]
    realm: String,
    /// Write one file [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    file: Option<PathBuf>,
    /// Write REALM-realm.json, and files of users beside it, into a directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where users go, by Keycloak's names [default: realm_file; with --dir: different_files]
    #[arg(long, value_name = "WHERE", value_enum)]
    users: Option<Users>,
    /// Users in each file of `different_files`
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    users_per_file: u32,
    /// With client secrets, private keys, passwords of other systems and the users' credentials, all readable
    #[arg(long)]
    with_secrets: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Users {
    /// In the file of the realm
    RealmFile,
    /// In one file of their own
    SameFile,
    /// In numbered files of their own
    DifferentFiles,
    /// Nowhere
    Skip,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let users = arguments.users.unwrap_or(if arguments.dir.is_some() { Users::DifferentFiles } else { Users::RealmFile });
    if arguments.dir.is_none() && users == Users::DifferentFiles {
        return Err(Failure::usage("--users different_files needs --dir"));
    }
    arguments.place.work(async |local| {
        let app = local.app();
        local.realm(&arguments.realm).await?;
        let export = Export::read(&app.store, &app.sealer, &arguments.realm, arguments.with_secrets).await.map_err(failed)?;
        let count = match (&arguments.dir, &arguments.file) {
            (Some(dir), _) => into_directory(&export, dir, users, arguments.users_per_file as usize).await?,
            (None, Some(file)) => {
                let mut out = Draft::create(file)?;
                let count = export.write(&mut out.out, users != Users::Skip).await.map_err(failed)?;
                out.finish()?;
                count
            }
            (None, None) => {
                let mut out = BufWriter::new(std::io::stdout());
                export.write(&mut out, users != Users::Skip).await.map_err(failed)?
            }
        };
        if !output.quiet {
            let hint = if arguments.with_secrets { "; the secrets in it are readable" } else { ", secrets masked" };
            tell(&format!("exported realm {} with {count} users{hint}", arguments.realm));
        }
        Ok(())
    })
}

async fn into_directory(export: &Export<'_>, dir: &Path, users: Users, per_file: usize) -> Result<u64, Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::failed(format!("{}: {error}", dir.display())))?;
    let name = |rest: &str| dir.join(format!("{}-{rest}.json", export.realm()));
    let mut out = Draft::create(&name("realm"))?;
    let mut count = export.write(&mut out.out, users == Users::RealmFile).await.map_err(failed)?;
    out.finish()?;
    let limit = match users {
        Users::RealmFile | Users::Skip => return Ok(count),
        Users::SameFile => None,
        Users::DifferentFiles => Some(per_file),
    };
    let (mut after, mut number) = (None, 0);
    loop {
        let file = if limit.is_some() { name(&format!("users-{number}")) } else { name("users") };
        let mut out = Draft::create(&file)?;
        let (written, next) = export.write_users(&mut out.out, after.as_ref(), limit).await.map_err(failed)?;
        if written == 0 && number > 0 {
            return out.discard().map(|()| count);
        }
        out.finish()?;
        count += written;
        number += 1;
        if next.is_none() {
            return Ok(count);
        }
        after = next;
    }
}

/// A file that appears under its name only when it is whole, readable by nobody else.
struct Draft {
    out: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
}

impl Draft {
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
        let file = file.map_err(|error| Failure::failed(format!("{}: {error}", part.display())))?;
        Ok(Self { out: BufWriter::new(file), part, path: path.to_owned() })
    }

    fn finish(mut self) -> Result<(), Failure> {
        let written = self
            .out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.part, &self.path));
        written.map_err(|error| Failure::failed(format!("{}: {error}", self.path.display())))
    }

    fn discard(self) -> Result<(), Failure> {
        std::fs::remove_file(&self.part).map_err(Failure::failed)
    }
}

fn failed(error: ExportError) -> Failure {
    match error {
        ExportError::NoRealm(_) => Failure::new(Code::NotFound, error.to_string()),
        error => Failure::failed(error),
    }
}
