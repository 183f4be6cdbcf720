//! `keywright import` and `serve --import-realm`: realms from Keycloak's export files into the store of a stopped server.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::examples;
use super::failure::{Code, Failure};
use super::local::{self, Local, Place};
use super::output::{Output, answer, tell};
use crate::app::App;
use crate::base::clock::Timestamp;
use crate::config::Engine;
use crate::embed::Keywright;
use crate::manage::import::{Action, ImportError, OnConflict, Outcome, Plan, Source, abandon_unfinished};
use crate::store::job;

#[derive(Args)]
#[command(before_help = examples![
    "keywright import export.json --dry-run",
    "keywright import export.json",
    "keywright import /srv/keycloak-export --on-conflict skip",
    "keywright import export.json --continue-sessions 30d"
])]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// A realm file, or the directory that Keycloak's `export --dir` wrote
    #[arg(value_name = "FILE|DIR")]
    source: PathBuf,
    /// What happens to a realm that is there already
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Fail)]
    on_conflict: Conflict,
    /// Check everything, say what would happen, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Let refresh and offline tokens of the old server go on: for that long (30d, 12h), or until that day (2027-01-31)
    #[arg(long, value_name = "UNTIL")]
    continue_sessions: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Conflict {
    /// It stays, and the file's is left out
    Skip,
    /// It is replaced as a whole
    Overwrite,
    /// It is an error
    Fail,
}

impl From<Conflict> for OnConflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Skip => Self::Skip,
            Conflict::Overwrite => Self::Overwrite,
            Conflict::Fail => Self::Fail,
        }
    }
}

/// Silence before a terminal sees progress, and time between two lines elsewhere.
const QUIET_MILLISECONDS: i64 = 500;
const LINE_SECONDS: i64 = 10;

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let source = Source::open(&arguments.source)
        .map_err(|error| Failure::new(Code::NotFound, format!("{}: {error}", arguments.source.display())))?;
    let mut settings = arguments.place.settings()?;
    // A look at a file must not leave a store behind.
    if arguments.dry_run && !settings.store.directory.join("configuration").is_dir() {
        settings.store.engine = Engine::Memory;
    }
    local::open(settings, async |local| {
        let app = local.app();
        let until = arguments.continue_sessions.as_deref().map(|text| moment(text, app.env.now())).transpose()?;
        let owner = job::owner(app.env.random());
        abandon_unfinished(&app.store, &app.env, &owner).await?;
        let manage = local.keywright().manage();
        let importer = manage.importer(&owner);
        let plans = importer
            .plan(&source, arguments.on_conflict.into())
            .await
            .map_err(|error| refused(error, arguments.dry_run))?;
        for mut plan in plans {
            if let Some(until) = until {
                plan.continue_sessions(app.env.now(), until);
            }
            if arguments.dry_run {
                show(&plan, output);
                continue;
            }
            if plan.action != Action::Skip {
                plan.report.notes().for_each(|note| tell(&format!("{}: {note}", plan.realm)));
            }
            let (realm, users) = (plan.realm.clone(), plan.summary.users);
            let mut progress = Progress::new(app, output, &realm, users);
            let outcome = importer.apply(plan, &mut |done| progress.at(done)).await;
            progress.end();
            match outcome.map_err(|error| refused(error, false))? {
                Outcome::Imported { users } => say(output, &realm, "imported", users),
                Outcome::Skipped => say(output, &realm, "skipped", 0),
            }
        }
        finish(local, arguments.dry_run).await
    })
}

/// What a replaced realm leaves is removed now: there is no server to do it beside requests.
async fn finish(local: &Local, dry_run: bool) -> Result<(), Failure> {
    if dry_run { Ok(()) } else { local.finish_jobs().await }
}

/// Imports what lies in the directory `import` of the store. As in Keycloak, a realm that exists stays as it is.
pub(super) async fn at_start(keywright: &Keywright) -> Result<(), Failure> {
    let app = keywright.app();
    let directory = app.config.store.directory.join("import");
    if !directory.is_dir() {
        tracing::info!(directory = %directory.display(), "there is nothing to import");
        return Ok(());
    }
    abandon_unfinished(&app.store, &app.env, &job::owner(app.env.random())).await?;
    let source = Source::open(&directory).map_err(Failure::failed)?;
    for (realm, outcome) in keywright.manage().import(&source, OnConflict::Skip).await.map_err(Failure::failed)? {
        match outcome {
            Outcome::Imported { users } => tracing::info!(realm, users, "imported a realm"),
            Outcome::Skipped => tracing::info!(realm, "the realm exists and was not imported"),
        }
    }
    Ok(())
}

fn refused(error: ImportError, dry_run: bool) -> Failure {
    match error {
        ImportError::Exists(_) => Failure::new(Code::Conflict, error.to_string()),
        ImportError::Wrong { .. } if dry_run => Failure::new(Code::Problems, error.to_string()),
        ImportError::Wrong { .. } => Failure::failed(error).advice("nothing was imported; --dry-run names all problems of a file at once"),
        error => Failure::failed(error),
    }
}

fn say(output: &Output, realm: &str, what: &str, users: u64) {
    if output.is_structured() {
        answer(&json!({ "realm": realm, "outcome": what, "users": users }).to_string());
    } else if what == "imported" {
        answer(&format!("imported realm {realm} with {users} users"));
    } else {
        answer(&format!("realm {realm} exists and was left as it is"));
    }
}

fn show(plan: &Plan, output: &Output) {
    let action = match plan.action {
        Action::Create => "would be created",
        Action::Skip => "exists and would be left as it is",
        Action::Replace(_) => "exists and would be replaced",
    };
    let summary = plan.summary;
    if output.is_structured() {
        let notes: Vec<_> = plan
            .report
            .notes()
            .map(|note| json!({ "fate": note.fate.as_str(), "what": note.what, "names": note.names, "count": note.count, "effect": note.effect }))
            .collect();
        return answer(
            &json!({
                "realm": plan.realm, "id": plan.settings().id, "action": action, "users": summary.users, "clients": summary.clients,
                "clientScopes": summary.client_scopes, "roles": summary.roles, "groups": summary.groups, "components": summary.components,
                "flows": summary.flows, "identityProviders": summary.identity_providers, "notes": notes,
            })
            .to_string(),
        );
    }
    answer(&format!("realm {} {action}, with the id {}", plan.realm, plan.settings().id));
    answer(&format!(
        "  {} users, {} clients, {} client scopes, {} roles, {} groups, {} components, {} flows, {} identity providers",
        summary.users,
        summary.clients,
        summary.client_scopes,
        summary.roles,
        summary.groups,
        summary.components,
        summary.flows,
        summary.identity_providers
    ));
    plan.report.notes().for_each(|note| answer(&format!("  {note}")));
}

/// `30d`, `12h`, `45m` from now on, or a day.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || Failure::usage(format!("--continue-sessions {text}: write how long (30d, 12h, 45m) or until which day (2027-01-31)"));
    let seconds = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "d")) => Some((number, 86_400)),
        Some((number, "h")) => Some((number, 3600)),
        Some((number, "m")) => Some((number, 60)),
        _ => None,
    };
    let until = if let Some((number, unit)) = seconds {
        number.parse::<i64>().ok().filter(|number| (1..100_000).contains(number)).map(|number| now + number * unit)
    } else {
        day(text)
    };
    until.filter(|until| *until > now).ok_or_else(wrong)
}

fn day(text: &str) -> Option<Timestamp> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse::<u8>().ok()?, parts.next()?.parse().ok()?);
    let date = time::Date::from_calendar_date(year, time::Month::try_from(month).ok()?, day).ok()?;
    Some(Timestamp::from_seconds(date.midnight().assume_utc().unix_timestamp()))
}

/// A line that moves on a terminal, a line now and then elsewhere.
struct Progress<'a> {
    app: &'a App,
    realm: &'a str,
    total: u64,
    terminal: bool,
    quiet: bool,
    started: Timestamp,
    said: Timestamp,
    drawn: bool,
}

impl<'a> Progress<'a> {
    fn new(app: &'a App, output: &Output, realm: &'a str, total: u64) -> Self {
        let now = app.env.now();
        Self { app, realm, total, terminal: std::io::stderr().is_terminal(), quiet: output.quiet, started: now, said: now, drawn: false }
    }

    fn at(&mut self, done: u64) {
        let now = self.app.env.now();
        if self.quiet || now.0 - self.started.0 < QUIET_MILLISECONDS {
            return;
        }
        let rate = done * 1000 / u64::try_from(now.0 - self.started.0).unwrap_or(1).max(1);
        let line = format!("{}: {done} of {} users, {rate} a second", self.realm, self.total);
        if self.terminal {
            let filled = usize::try_from(done * 30 / self.total.max(1)).unwrap_or(30).min(30);
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(30 - filled));
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r{bar} {line}\x1b[K").and_then(|()| err.flush());
            self.drawn = true;
        } else if now - self.said >= LINE_SECONDS {
            tell(&line);
            self.said = now;
        }
    }

    fn end(&self) {
        if self.drawn {
            tell("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_duration_or_a_day_and_lies_ahead() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let seconds = |text: &str| moment(text, now).ok().map(|until| until.seconds() - now.seconds());
        assert_eq!((seconds("30d"), seconds("12h"), seconds("45m")), (Some(30 * 86_400), Some(12 * 3600), Some(45 * 60)));
        assert_eq!(seconds("2027-01-16"), Some(57_600));
        for wrong in ["", "d", "-1d", "30", "2027-13-01", "2020-01-01", "0d", "é"] {
            assert_eq!(seconds(wrong), None, "{wrong:?}");
        }
    }
}
