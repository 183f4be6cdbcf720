//! The one door to standard output and standard error. Results go to the first, everything else to the second; a terminal gets
//! an aligned table with colours, a pipe gets tab-separated lines, and `--json` or `-o` choose a format for programs.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use serde_json::Value;
use time::{OffsetDateTime, UtcOffset};

use super::yaml;
use crate::base::clock::Timestamp;

/// How results are shown; every command takes these.
#[derive(Args, Clone, Debug)]
pub(super) struct OutputArguments {
    /// JSON: an object, or for a list one object a line; short for -o json
    #[arg(long, global = true, conflicts_with = "format", help_heading = "Output")]
    json: bool,
    /// The form of the result [default: table]
    #[arg(short = 'o', long = "output", id = "format", value_name = "FORMAT", global = true, value_enum, help_heading = "Output")]
    format: Option<Format>,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, help_heading = "Output")]
    quiet: bool,
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t = When::Auto, help_heading = "Output")]
    color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The important columns; tab-separated and whole when it is not a terminal
    Table,
    /// All columns
    Wide,
    /// Objects as Keycloak's REST API has them, one a line in lists
    Json,
    Yaml,
    /// All columns with a header (RFC 4180)
    Csv,
    /// Only what other commands take as an argument
    Name,
}

/// A column of a list.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Always,
    Number,
    Wide,
}

/// A column that is always there.
pub(super) const fn column(title: &'static str) -> Column {
    Column { title, kind: Kind::Always }
}

/// A column of numbers, aligned to the right.
pub(super) const fn number(title: &'static str) -> Column {
    Column { title, kind: Kind::Number }
}

/// A column for which there is room only with `-o wide`.
pub(super) const fn wide(title: &'static str) -> Column {
    Column { title, kind: Kind::Wide }
}

/// One thing: its name as an argument of other commands, a cell per column, and itself for programs.
pub(super) struct Row {
    pub name: String,
    pub cells: Vec<String>,
    pub json: Value,
}

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Good,
    Bad,
    Warning,
    Title,
    Faint,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Title => "1",
            Self::Faint => "2",
        }
    }
}

/// Where and how a command speaks.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub format: Format,
    pub quiet: bool,
    terminal: bool,
    colour: bool,
    width: usize,
    zone: UtcOffset,
}

impl Output {
    /// Looks at what standard output is. Call it while the process has one thread: the local time zone is known only then.
    pub fn new(arguments: &OutputArguments) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let format = if arguments.json { Format::Json } else { arguments.format.unwrap_or(Format::Table) };
        let colour = match arguments.color {
            When::Always => true,
            When::Never => false,
            // https://no-color.org: set and not empty. CLICOLOR_FORCE asks for colours in a pipe.
            When::Auto if variable("NO_COLOR").is_some() => false,
            When::Auto => terminal || variable("CLICOLOR_FORCE").is_some_and(|text| text != "0"),
        };
        let zone = if terminal { UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC) } else { UtcOffset::UTC };
        let width = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        Self { format, quiet: arguments.quiet, terminal, colour, width: if width == 0 { 120 } else { width }, zone }
    }

    /// Whether the result is for a program that reads JSON or the like.
    pub fn is_structured(&self) -> bool {
        matches!(self.format, Format::Json | Format::Yaml)
    }

    /// A list.
    pub fn list(&self, columns: &[Column], rows: &[Row]) {
        match self.format {
            Format::Json => {
                for row in rows {
                    answer(&row.json.to_string());
                }
            }
            Format::Yaml => answer(yaml::text(&rows.iter().map(|row| row.json.clone()).collect()).trim_end()),
            Format::Name => {
                for row in rows {
                    answer(&on_one_line(&row.name));
                }
            }
            Format::Csv => {
                answer(&csv(columns.iter().map(|column| column.title.to_lowercase())));
                for row in rows {
                    answer(&csv(row.cells.iter().cloned()));
                }
            }
            Format::Table | Format::Wide => {
                let shown: Vec<usize> =
                    (0..columns.len()).filter(|index| self.format == Format::Wide || columns[*index].kind != Kind::Wide).collect();
                if self.terminal {
                    self.table(columns, rows, &shown);
                } else {
                    let line = |row: &Row| shown.iter().map(|index| on_one_line(&row.cells[*index])).collect::<Vec<_>>().join("\t");
                    for row in rows {
                        answer(&line(row));
                    }
                }
            }
        }
    }

    /// One thing, with all its columns.
    pub fn one(&self, columns: &[Column], row: &Row) {
        match self.format {
            Format::Json => self.object(&row.json),
            Format::Yaml => answer(yaml::text(&row.json).trim_end()),
            Format::Name | Format::Csv => self.list(columns, std::slice::from_ref(row)),
            Format::Table | Format::Wide => {
                let width = if self.terminal { columns.iter().map(|column| column.title.len()).max().unwrap_or(0) } else { 0 };
                for (column, cell) in columns.iter().zip(&row.cells) {
                    let title = column.title.to_lowercase();
                    let title = if self.terminal { self.paint(Colour::Faint, &format!("{title:width$}  ")) } else { format!("{title}\t") };
                    answer(&format!("{title}{}", on_one_line(cell)));
                }
            }
        }
    }

    /// One object that is no row of a list.
    pub fn object(&self, object: &Value) {
        match self.format {
            Format::Yaml => answer(yaml::text(object).trim_end()),
            _ => answer(&serde_json::to_string_pretty(object).unwrap_or_default()),
        }
    }

    /// A line for people that is the result itself.
    #[allow(clippy::unused_self, reason = "commands speak through the output that they were given")]
    pub fn line(&self, text: &str) {
        answer(text);
    }

    /// Something worth knowing that is no result.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            tell(text);
        }
    }

    /// `text` in a colour, where colours are wanted.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", colour.code()) } else { text.to_owned() }
    }

    /// A moment: local time on a terminal, RFC 3339 in UTC for everybody else.
    pub fn moment(&self, at: Timestamp) -> String {
        if self.terminal && matches!(self.format, Format::Table | Format::Wide) {
            let Some(local) = date_time(at).map(|utc| utc.to_offset(self.zone)) else { return at.seconds().to_string() };
            let (date, clock) = (local.date(), local.time());
            let (month, day) = (u8::from(date.month()), date.day());
            return format!("{:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", date.year(), clock.hour(), clock.minute(), clock.second());
        }
        rfc3339(at)
    }

    fn table(&self, columns: &[Column], rows: &[Row], shown: &[usize]) {
        let cells: Vec<Vec<String>> = rows.iter().map(|row| shown.iter().map(|index| on_one_line(&row.cells[*index])).collect()).collect();
        let mut widths: Vec<usize> = shown.iter().map(|index| columns[*index].title.chars().count()).collect();
        for row in &cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        narrow(&mut widths, self.width);
        let line = |cells: &[String]| {
            let mut text = String::new();
            for (position, cell) in cells.iter().enumerate() {
                let (width, last) = (widths[position], position + 1 == cells.len());
                let cell = shortened(cell, width);
                let room = " ".repeat(width.saturating_sub(cell.chars().count()));
                if columns[shown[position]].kind == Kind::Number {
                    text.extend([&room, &cell].map(String::as_str));
                } else {
                    text.extend([&cell, &room].map(String::as_str));
                }
                if !last {
                    text.push_str("  ");
                }
            }
            text
        };
        let titles: Vec<String> = shown.iter().map(|index| columns[*index].title.to_owned()).collect();
        answer(&self.paint(Colour::Title, line(&titles).trim_end()));
        for row in &cells {
            answer(line(row).trim_end());
        }
    }
}

/// Takes width from the widest columns until everything fits.
fn narrow(widths: &mut [usize], room: usize) {
    const LEAST: usize = 8;
    while widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1) > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => return,
        }
    }
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

/// Names come from other people: none of them moves the cursor or adds a line.
pub(super) fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A line of RFC 4180.
fn csv(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell };
    cells.map(quoted).collect::<Vec<_>>().join(",")
}

fn date_time(at: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).ok()
}

/// `2026-11-22T06:40:12Z` (RFC 3339).
pub(super) fn rfc3339(at: Timestamp) -> String {
    let Some(utc) = date_time(at) else { return at.seconds().to_string() };
    let (date, clock) = (utc.date(), utc.time());
    let (month, day) = (u8::from(date.month()), date.day());
    format!("{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", date.year(), clock.hour(), clock.minute(), clock.second())
}

/// A length of time in the two largest units that say something: `4 min 12 s`, `3 d 2 h`.
pub(super) fn duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (length, name) in UNITS {
        let count = rest / length;
        rest %= length;
        if count > 0 || (length == 1 && parts.is_empty()) {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    parts.join(" ")
}

/// An environment variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    let found = std::env::vars_os().find(|(key, _)| key == name);
    found.and_then(|(_, text): (OsString, OsString)| text.into_string().ok()).filter(|text| !text.is_empty())
}

/// A result for standard output. A reader that went away is not our problem.
pub(super) fn answer(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// What people should know, for standard error.
pub(super) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_at_most_two_units() {
        for (seconds, text) in [(0, "0 s"), (59, "59 s"), (252, "4 min 12 s"), (3600, "1 h"), (90_061, "1 d 1 h"), (86_401, "1 d")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_moment_is_rfc_3339() {
        assert_eq!(rfc3339(Timestamp::from_seconds(1_763_793_612)), "2025-11-22T06:40:12Z");
    }

    #[test]
    fn csv_is_that_of_rfc_4180() {
        assert_eq!(csv(["a", "b,c", "d\"e", ""].map(str::to_owned).into_iter()), "a,\"b,c\",\"d\"\"e\",");
    }

    #[test]
    fn the_widest_columns_give_way_and_cells_say_that_they_are_cut() {
        let mut widths = [10, 60, 30];
        narrow(&mut widths, 60);
        assert_eq!(widths.iter().sum::<usize>() + 4, 60);
        assert_eq!(widths[0], 10);
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(on_one_line("a\x1b[31m\nb"), "a [31m b");
    }
}
