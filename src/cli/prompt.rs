//! What a command asks a person for: a secret, which is not shown while it is typed, and a yes before something is destroyed.
//! Nobody is asked where nobody sits: then a file, the environment, `-` or `--yes` must say it.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _, stderr, stdin};
use std::path::{Path, PathBuf};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroize as _;

use super::failure::{Code, Failure};
use super::output::{tell, variable};
use crate::base::secret::Secret;

/// No secret of ours is longer, a token included.
const LONGEST: u64 = 128 << 10;

/// Where a secret may come from, in the order in which it is looked for.
pub(super) struct Wanted<'a> {
    /// What it is: `the client's secret`.
    pub what: &'a str,
    /// The flag that brings it (`--secret`) and, with `-file` behind it, the one that names a file.
    pub flag: &'a str,
    /// What stood behind the flag: the secret itself, or `-` for a line of standard input.
    pub text: Option<&'a str>,
    pub file: Option<&'a Path>,
    /// The environment variable that may hold it.
    pub variable: Option<&'a str>,
}

impl Wanted<'_> {
    /// The secret, if somebody gave one.
    pub fn given(&self) -> Result<Option<Secret<String>>, Failure> {
        match (self.text, self.file) {
            (Some("-"), _) => self.read_stdin().map(Some),
            (Some(text), _) => {
                let flag = self.flag;
                let otherwise = self.variable.map_or_else(String::new, |variable| format!(" or {variable}"));
                tell(&format!(
                    "warning: {} stands in the process list and in the shell's history; better: {flag} -, {flag}-file FILE{otherwise}",
                    self.what
                ));
                Ok(Some(Secret::from(text)))
            }
            (None, Some(path)) => self.read_file(path).map(Some),
            (None, None) => Ok(self.variable.and_then(variable).map(Secret::new)),
        }
    }

    /// The secret, asked for if nobody gave one.
    pub fn required(&self) -> Result<Secret<String>, Failure> {
        if let Some(secret) = self.given()? {
            return Ok(secret);
        }
        let prompt = format!("{}: ", capitalised(self.what.trim_start_matches("the ")));
        self.ask(&prompt)
    }

    /// The same for a new secret: typed twice, so that a slip is noticed.
    pub fn chosen(&self) -> Result<Secret<String>, Failure> {
        if let Some(secret) = self.given()? {
            return Ok(secret);
        }
        let name = capitalised(self.what.trim_start_matches("the "));
        let first = self.ask(&format!("{name}: "))?;
        if self.ask(&format!("{name}, once more: "))? != first {
            return Err(Failure::usage("the two are not the same; nothing was changed"));
        }
        Ok(first)
    }

    fn ask(&self, prompt: &str) -> Result<Secret<String>, Failure> {
        if !stdin().is_terminal() || !stderr().is_terminal() {
            let (what, flag) = (self.what, self.flag);
            let variable = self.variable.map_or_else(String::new, |variable| format!(" or set {variable}"));
            return Err(Failure::usage(format!("{what} is missing"))
                .advice(format!("use {flag} - with a line on standard input, {flag}-file FILE{variable}")));
        }
        let _ = stderr().write_all(prompt.as_bytes());
        let typed = without_echo();
        let _ = stderr().write_all(b"\n");
        match typed.map_err(|error| Failure::failed(format!("the terminal cannot be read: {error}")))? {
            Some(typed) if typed.expose().is_empty() => Err(Failure::usage(format!("{} is empty", self.what))),
            Some(typed) => Ok(typed),
            None => Err(Failure::said(Code::Interrupted)),
        }
    }

    fn read_stdin(&self) -> Result<Secret<String>, Failure> {
        let mut line = String::new();
        let read = stdin().lock().take(LONGEST).read_line(&mut line);
        let line = Secret::new(line);
        read.map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
        self.trimmed(line.expose(), "standard input")
    }

    fn read_file(&self, path: &Path) -> Result<Secret<String>, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let code = if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
            Failure::new(code, format!("{} cannot be read: {error}", path.display()))
        })?;
        self.trimmed(Secret::new(text).expose(), &path.display().to_string())
    }

    /// Editors and `echo` end a file with a newline that is no part of the secret.
    fn trimmed(&self, text: &str, source: &str) -> Result<Secret<String>, Failure> {
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(Failure::usage(format!("{} is empty ({source})", self.what))),
            text => Ok(Secret::from(text)),
        }
    }
}

/// A line typed without being shown; `None` after Ctrl-C. Byte by byte, because with the signal on, Ctrl-C would leave a
/// terminal that shows nothing.
fn without_echo() -> std::io::Result<Option<Secret<String>>> {
    let before = tcgetattr(stdin())?;
    let _restored = Restored(before.clone());
    let mut quiet = before;
    quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(stdin(), OptionalActions::Flush, &quiet)?;

    let mut typed: Vec<u8> = Vec::with_capacity(256);
    for byte in stdin().lock().bytes() {
        match byte? {
            // Ctrl-D ends as well, Ctrl-C gives up, Ctrl-U begins again, Backspace takes a character back.
            b'\n' | b'\r' | 4 => break,
            3 => {
                typed.zeroize();
                return Ok(None);
            }
            21 => typed.clear(),
            8 | 127 => while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {},
            byte => typed.push(byte),
        }
    }
    String::from_utf8(typed).map(|text| Some(Secret::new(text))).map_err(std::io::Error::other)
}

/// Gives the terminal back as it was, whatever happens.
struct Restored(Termios);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Asks before something is destroyed; `yes` is `--yes`. `what` is an order: `delete realm acme with everything in it`.
pub(super) fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Failure::usage(format!("to {what} needs a confirmation, and there is no terminal to ask on")).advice("say --yes"));
    }
    let _ = write!(stderr(), "{}? [y/N] ", capitalised(what));
    let mut line = String::new();
    let read = stdin().lock().take(LONGEST).read_line(&mut line);
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" if read.is_ok() => Ok(()),
        _ => Err(Failure::failed("nothing was done")),
    }
}

/// The text of a file, or of standard input for `-`.
pub(super) fn document(path: &PathBuf) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        stdin().lock().take(64 << 20).read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.map(|()| text).map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
        Failure::new(code, format!("{} cannot be read: {error}", path.display()))
    })
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
