//! `keywright backup`: a copy of everything, of a running server over its management port or of a stopped server's store; whether
//! it is whole; and back into an empty directory. The key-encryption key is not in it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::{Code, Failure};
use super::local::Place;
use super::output::{Column, Output, Row, column, number, rfc3339, variable};
use super::trust::Trust;
use super::{examples, shown};
use crate::base::seal::{self, KeyEncryptionKeyError, Sealer};
use crate::base::secret::Secret;
use crate::config::{Config, Engine, ManagementPort, ManagementScheme};
use crate::embed::start::key_file;
use crate::management::backup::PURPOSE;
use crate::store::Store;
use crate::store::backup::{self, BackupError, Summary};
use crate::store::sled::{Options, Sled};
use crate::store::snapshot::SnapshotError;
use crate::store::txn::Reader as _;

/// The credential for a backup where the key-encryption key is not at hand.
const VARIABLE: &str = "KEYWRIGHT_BACKUP_KEY";

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright backup create backup.ndjson             # of the running server, sessions included",
    "keywright backup verify backup.ndjson",
    "keywright backup restore backup.ndjson --data /var/lib/keywright-new"
])]
pub(super) enum Command {
    /// Write a backup of a running server (over its management port), or with --local of a stopped one
    #[command(before_help = examples![
        "keywright backup create backup.ndjson",
        "keywright backup create - --url http://10.0.0.5:9000/auth | gzip > backup.ndjson.gz",
        "keywright backup create backup.ndjson --local --data /var/lib/keywright"
    ])]
    Create(Create),
    /// Say whether a backup is whole, and what is in it; needs no server
    #[command(before_help = examples![
        "keywright backup verify backup.ndjson",
        "keywright backup verify backup.ndjson --json",
        "keywright backup create backup.ndjson && keywright backup verify backup.ndjson"
    ])]
    Verify {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a store of a backup, or of a snapshot, in an empty directory
    #[command(before_help = examples![
        "keywright backup restore backup.ndjson --data /var/lib/keywright-new",
        "keywright backup restore data/snapshots/configuration-2026-11-22T04-20-00Z-123.ndjson --data new",
        "keywright backup restore backup.ndjson --data new && keywright serve --data new"
    ])]
    Restore {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Print the credential for backups, for a machine that must not have the key-encryption key
    #[command(before_help = examples![
        "keywright backup key",
        "keywright backup key --config /etc/keywright/keywright.toml > backup-key",
        "keywright backup key --json"
    ])]
    Key {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// Where to; must not exist. - is standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The management listener with its path [default: from the settings]
    #[arg(long, value_name = "URL", env = "KEYWRIGHT_MANAGEMENT_URL", conflicts_with = "local_store")]
    url: Option<String>,
    /// Open the store of a stopped server instead of asking a running one
    #[arg(long = "local", id = "local_store", help_heading = "Store")]
    local: bool,
    /// Leave the sessions out: after a restore everybody signs in again
    #[arg(long)]
    no_sessions: bool,
    /// A file with the credential of `backup key` [default: derived from the key-encryption key; env: KEYWRIGHT_BACKUP_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// The TOML file [default: $KEYWRIGHT_CONFIG, or keywright.toml if it exists]
    #[arg(long, value_name = "FILE", help_heading = "Store")]
    config: Option<PathBuf>,
    /// The directory of the store [store.directory]
    #[arg(long, value_name = "DIR", help_heading = "Store")]
    data: Option<String>,
}

pub(super) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create(arguments) => create(&arguments, output),
        Command::Verify { file } => {
            let summary = backup::verify(&file).map_err(|error| match error {
                BackupError::Damaged { .. } => Failure::new(Code::Problems, error.to_string()),
                error => error.into(),
            })?;
            show(&file, &summary, output);
            Ok(())
        }
        Command::Restore { file, place } => restore(&file, &place, output),
        Command::Key { place } => {
            let sealer = sealer(&place.settings()?)?;
            let key = sealer.credential(PURPOSE);
            if output.is_structured() {
                output.object(&json!({ "value": key.expose() }));
            } else {
                output.line(key.expose());
            }
            Ok(())
        }
    }
}

fn create(arguments: &Create, output: &Output) -> Result<(), Failure> {
    let place = Place::at(arguments.config.clone(), arguments.data.clone());
    let target = Target::new(&arguments.file)?;
    let summary = if arguments.local {
        place.work(async |local| {
            let app = local.app();
            let (summary, _) = app.store.backup(target.writer()?, !arguments.no_sessions, app.env.now()).await?;
            Ok(Some(summary))
        })?
    } else {
        super::block_on(download(arguments, &place, &target))?;
        None
    };
    let Some(path) = target.finish()? else { return Ok(()) };
    // What was received is read once more: a backup that nobody could restore is found now.
    let summary = match summary {
        Some(summary) => summary,
        None => backup::verify(&path).inspect_err(|_| drop(fs::remove_file(&path)))?,
    };
    show(&path, &summary, output);
    Ok(())
}

/// Asks the running server.
async fn download(arguments: &Create, place: &Place, target: &Target) -> Result<(), Failure> {
    let config = place.settings()?;
    let base = match &arguments.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => management_url(&config)?,
    };
    let key = match (&arguments.key_file, variable(VARIABLE)) {
        (Some(path), _) => {
            let text = fs::read_to_string(path).map_err(|error| Failure::failed(format!("{} cannot be read: {error}", shown(path))))?;
            Secret::from(text.trim())
        }
        (None, Some(text)) => Secret::from(text.trim()),
        (None, None) => sealer(&config)?.credential(PURPOSE),
    };
    let client = arguments.trust.client()?;
    let url = format!("{base}/backup?sessions={}", !arguments.no_sessions);
    let mut out = target.writer()?;
    let answer = client.download(&url, &key, |piece| out.write_all(piece).map_err(|error| error.to_string())).await;
    let answer = answer.map_err(|error| {
        let failure = Failure::new(Code::Unreachable, format!("{base} cannot be reached, or the copy was interrupted: {error}"));
        failure.advice("is the server running, with this management port? A stopped server's store is copied with --local")
    })?;
    out.flush().map_err(Failure::failed)?;
    let Some(answer) = answer else { return Ok(()) };
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let why = body["error"].as_str().unwrap_or("no reason given");
    Err(match answer.status {
        401 => Failure::new(Code::NotAllowed, format!("the server refuses: {why}"))
            .advice(format!("run it where keys.directory is, or set {VARIABLE} to what keywright backup key prints there")),
        404 => Failure::new(Code::NotFound, format!("{url} does not exist")).advice("--url takes the management listener with its path"),
        409 => Failure::new(Code::Conflict, format!("the server refuses: {why}")).advice("try again in a minute"),
        status => Failure::failed(format!("the server answers {status}: {why}")),
    })
}

/// Where the management listener of these settings is reached from this machine.
pub(super) fn management_url(config: &Config) -> Result<String, Failure> {
    let ManagementPort::On(port) = config.management.port else {
        return Err(Failure::usage("management.port is off: a running server cannot be copied").advice("stop it and use --local"));
    };
    let host = match config.management.host {
        host if host.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(host) => format!("[{host}]"),
        std::net::IpAddr::V4(host) => host.to_string(),
    };
    // A certificate is for a name, and the one that clients use is the likeliest.
    let over_tls = config.https.is_on() && config.management.scheme == ManagementScheme::Inherited;
    let (scheme, host) = match (over_tls, &config.hostname.url) {
        (false, _) => ("http", host),
        (true, None) => ("https", "localhost".to_owned()),
        (true, Some(url)) => ("https", host_of(url.as_str())),
    };
    Ok(format!("{scheme}://{host}:{port}{}", config.http.relative_path))
}

/// The host of a URL, in brackets if it is an IPv6 address.
fn host_of(url: &str) -> String {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let end = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']')).unwrap_or(authority.len());
    authority[..end].to_owned()
}

/// The sealer of these settings; no key is made here.
fn sealer(config: &Config) -> Result<Sealer, Failure> {
    if let Some(key) = config.keys.key_encryption_key_bytes() {
        return Ok(Sealer::from_key(*key.expose()));
    }
    seal::load(&key_file(config)).map_err(|error| match error {
        KeyEncryptionKeyError::Missing(path) => Failure::new(Code::NotFound, format!("there is no key-encryption key at {}", shown(&path)))
            .advice("name the settings of the server with --config"),
        error => error.into(),
    })
}

fn restore(file: &Path, place: &Place, output: &Output) -> Result<(), Failure> {
    let config = place.settings()?;
    if config.store.engine == Engine::Memory {
        return Err(Failure::usage("store.engine is memory: there is nothing to restore into"));
    }
    let directory = &config.store.directory;
    let is_empty = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => return Err(Failure::failed(format!("{} cannot be read: {error}", shown(directory)))),
    };
    if !is_empty {
        return Err(Failure::new(Code::Conflict, format!("{} is not empty, and nothing in it is touched", shown(directory)))
            .advice("restore into a new directory: --data DIR"));
    }
    // Read whole before anything is made.
    let kind = kind(file)?;
    let verified = if kind == Kind::Backup { Some(backup::verify(file)?) } else { None };
    let restored = super::block_on(put_back(file, kind, directory));
    let sealed_under = restored.inspect_err(|_| remove_made(directory))?;
    if let Some(summary) = &verified {
        show(file, summary, output);
    }
    output.note(&format!("{} is restored into {}", shown(file), shown(directory)));
    let fits = sealer(&config).ok().zip(sealed_under).is_none_or(|(sealer, stored)| sealer.check(&stored).is_ok());
    if !fits || sealer(&config).is_err() {
        output.note("bring the key-encryption key of that time (keys.directory) before you start it: without it nothing secret opens");
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Backup,
    Snapshot,
}

fn kind(file: &Path) -> Result<Kind, Failure> {
    use std::io::{BufRead as _, BufReader, Read as _};
    let unreadable = |error: std::io::Error| {
        let code = if error.kind() == ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
        Failure::new(code, format!("{} cannot be read: {error}", shown(file)))
    };
    let mut line = Vec::new();
    BufReader::new(File::open(file).map_err(unreadable)?)
        .take(4096)
        .read_until(b'\n', &mut line)
        .map_err(unreadable)?;
    let head: Value = serde_json::from_slice(&line).unwrap_or_default();
    Ok(if head.get("keywright_snapshot").is_some() { Kind::Snapshot } else { Kind::Backup })
}

/// Fills a new store; the check value of the key that its secrets are sealed under.
async fn put_back(file: &Path, kind: Kind, directory: &Path) -> Result<Option<String>, Failure> {
    let engine = Sled::open(&Options::at(directory))?;
    let store = Store::on_sled(engine);
    let filled: Result<(), Failure> = match kind {
        Kind::Backup => store.restore_backup(file).await.map(drop).map_err(Failure::from),
        Kind::Snapshot => store.restore(file).await.map(drop).map_err(Failure::from),
    };
    let sealed_under = store.peek().key_check().get().await;
    store.close().await;
    filled?;
    Ok(sealed_under?)
}

/// The directory was empty before; what a failed restoration made in it is of no use.
fn remove_made(directory: &Path) {
    for made in ["configuration", "sessions"] {
        let _ = fs::remove_dir_all(directory.join(made));
    }
    let _ = fs::remove_file(directory.join("keywright.lock"));
}

/// Where a backup goes: standard output, or a file that gets its name when it is whole.
enum Target {
    Stdout,
    File { fresh: PathBuf, path: PathBuf },
}

impl Target {
    fn new(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        if path.exists() {
            return Err(Failure::new(Code::Conflict, format!("{} exists and is left as it is", shown(path))));
        }
        let mut name = path.file_name().ok_or_else(|| Failure::usage(format!("{} names no file", shown(path))))?.to_owned();
        name.push(".unfinished");
        Ok(Self::File { fresh: path.with_file_name(name), path: path.to_owned() })
    }

    /// Password hashes are nobody else's business: the file is its owner's.
    fn writer(&self) -> Result<Box<dyn std::io::Write + Send>, Failure> {
        match self {
            Self::Stdout => Ok(Box::new(std::io::stdout())),
            Self::File { fresh, .. } => {
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(fresh);
                let file = file.map_err(|error| Failure::failed(format!("{} cannot be written: {error}", shown(fresh))))?;
                Ok(Box::new(BufWriter::new(file)))
            }
        }
    }

    /// Gives the file its name, durably; `None` for standard output.
    fn finish(&self) -> Result<Option<PathBuf>, Failure> {
        let Self::File { fresh, path } = self else { return Ok(None) };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let named = File::open(fresh)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(fresh, path))
            .and_then(|()| File::open(directory)?.sync_all());
        named.map_err(|error| Failure::failed(format!("{} cannot be written: {error}", shown(path))))?;
        Ok(Some(path.clone()))
    }
}

impl Drop for Target {
    /// An interrupted copy is no backup.
    fn drop(&mut self) {
        if let Self::File { fresh, .. } = self {
            let _ = fs::remove_file(fresh);
        }
    }
}

const COLUMNS: [Column; 5] = [column("FILE"), column("TAKEN"), column("CONTENTS"), number("RECORDS"), number("BYTES")];

fn show(path: &Path, summary: &Summary, output: &Output) {
    let classes: Vec<Value> = summary.classes.iter().map(|class| json!(class)).collect();
    let contents: Vec<String> = classes
        .iter()
        .map(|class| format!("{} at {}", class["class"].as_str().unwrap_or_default(), class["sequence"]))
        .collect();
    let records: u64 = summary.classes.iter().map(|class| class.records).sum();
    let row = Row {
        name: shown(path),
        cells: vec![shown(path), output.moment(summary.taken), contents.join(", "), records.to_string(), summary.bytes.to_string()],
        json: json!({
            "file": shown(path), "version": summary.version, "taken": rfc3339(summary.taken),
            "classes": classes, "records": records, "bytes": summary.bytes,
        }),
    };
    output.one(&COLUMNS, &row);
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Busy | BackupError::NotEmpty => Code::Conflict,
            BackupError::Read { why, .. } if why.kind() == ErrorKind::NotFound => Code::NotFound,
            _ => Code::Failed,
        };
        let failure = Self::new(code, error.to_string());
        match error {
            BackupError::Damaged { .. } => failure.advice("use another copy, or the newest snapshot in the store's directory"),
            _ => failure,
        }
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        Self::failed(error)
    }
}
