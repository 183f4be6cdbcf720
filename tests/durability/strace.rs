//! What a process did, as `strace` saw it: the order of reads, writes and syncs, with all bytes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The calls that can carry a request, an answer, or a byte on its way to the disk.
const CALLS: &str = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,\
                     fsync,fdatasync,sync_file_range,ftruncate,fallocate,openat,rename,renameat,renameat2,unlink,unlinkat";

/// The words before a command line that trace it into `output`.
pub fn wrapper(output: &Path) -> Vec<OsString> {
    // Every byte of every string, in hex: nothing is shortened and nothing needs a second escape rule.
    let options = ["strace", "-f", "-y", "-xx", "-s", "16777216", "-e", "signal=none", "-e", CALLS, "-o"];
    options.iter().map(OsString::from).chain([output.as_os_str().to_owned()]).collect()
}

/// The process that the tracer `strace` runs.
pub fn traced_child(strace: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).expect("the tracer runs");
    children.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("strace runs one program")
}

/// One finished system call. `begin` and `end` are places in the trace: a call that ended before another began happened
/// before it.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    pub begin: usize,
    pub end: usize,
    /// The descriptor of the first argument, and what it is open on.
    pub descriptor: String,
    pub path: PathBuf,
    /// All string arguments, one after the other.
    pub data: Vec<u8>,
    /// The last number among the arguments: the offset of `pwrite64`, the length of `ftruncate`.
    pub last_number: Option<u64>,
    pub result: i64,
}

/// The calls of a trace in the order in which they ended. Calls that the process's death cut off are left out.
pub fn read(trace: &Path) -> Vec<Call> {
    let text = fs::read_to_string(trace).expect("strace wrote its trace");
    let mut unfinished: Vec<(&str, usize, &str)> = Vec::new();
    let mut calls = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        if let Some(start) = line.strip_suffix(" <unfinished ...>") {
            unfinished.push((thread, place, start));
        } else if let Some(rest) = line.strip_prefix("<... ") {
            let Some((_, rest)) = rest.split_once(" resumed>") else { continue };
            let Some(index) = unfinished.iter().rposition(|(other, ..)| *other == thread) else { continue };
            let (_, begin, start) = unfinished.remove(index);
            calls.extend(parse(begin, place, &format!("{start}{rest}")));
        } else {
            calls.extend(parse(place, place, line));
        }
    }
    assert!(calls.len() > 10, "the trace has next to nothing in it: strace did not work here\n{text}");
    calls
}

fn parse(begin: usize, end: usize, line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result = result.split([' ', '<']).next()?.parse().ok()?;
    let arguments = arguments.trim_end().trim_end_matches(')');
    let descriptor: String = arguments.chars().take_while(char::is_ascii_digit).collect();
    let path = arguments[descriptor.len()..].strip_prefix('<').and_then(|path| path.split('>').next()).unwrap_or_default();
    let data = arguments.split('"').skip(1).step_by(2).flat_map(unescape).collect();
    let last_number = arguments.rsplit(", ").next().and_then(|number| number.parse().ok());
    // What a descriptor is open on is printed in hex for files, plainly for sockets.
    let path = if path.starts_with('\\') { String::from_utf8(unescape(path)).ok()? } else { path.to_owned() };
    Some(Call { name: name.to_owned(), begin, end, descriptor, path: path.into(), data, last_number, result })
}

/// `\x61\x62` → `ab`
fn unescape(hex: &str) -> Vec<u8> {
    hex.split("\\x").skip(1).filter_map(|byte| u8::from_str_radix(byte.get(..2)?, 16).ok()).collect()
}

impl Call {
    pub fn is_write_to(&self, file: &Path) -> bool {
        self.name.starts_with("pwrite") && self.path == file && self.result > 0
    }

    pub fn is_sync_of(&self, file: &Path) -> bool {
        matches!(self.name.as_str(), "fdatasync" | "fsync") && self.path == file && self.result == 0
    }

    /// Bytes that came in.
    pub fn is_input(&self) -> bool {
        matches!(self.name.as_str(), "read" | "readv" | "recvfrom" | "recvmsg") && self.result > 0
    }

    /// Bytes that went out, not to a place in a file.
    pub fn is_output(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "sendto" | "sendmsg") && self.result > 0
    }

    pub fn contains(&self, needle: &[u8]) -> bool {
        self.data.windows(needle.len()).any(|window| window == needle)
    }
}

/// The words of a command line as [`crate::support::process::ServerProcess::start_with`] takes them.
pub fn words(wrapper: &[OsString]) -> Vec<&OsStr> {
    wrapper.iter().map(OsString::as_os_str).collect()
}

#[test]
fn a_trace_is_read_in_the_order_of_ends_with_all_bytes() {
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let lines = [
        "10 recvfrom(5<socket:[77]>,  <unfinished ...>",
        r#"11 pwrite64(9<\x2f\x64\x62>, "\x61\x22\x00", 3, 4096) = 3"#,
        r#"10 <... recvfrom resumed>"\x47\x45\x54", 4096, 0, NULL, NULL) = 3"#,
        r"11 fdatasync(9<\x2f\x64\x62> <unfinished ...>",
        r#"10 writev(5<socket:[77]>, [{iov_base="\x6f", iov_len=1}, {iov_base="\x6b", iov_len=1}], 2) = 2"#,
        "11 <... fdatasync resumed>) = 0",
        "10 recvfrom(5<socket:[77]>, 0x7f, 4096, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)",
        r"10 fsync(9<\x2f\x64\x62>) = 0",
        r"10 fsync(9<\x2f\x64\x62>) = 0",
        r"10 fsync(9<\x2f\x64\x62>) = 0",
        r"10 fsync(9<\x2f\x64\x62>) = 0",
        r"10 fsync(9<\x2f\x64\x62>) = 0",
        r"10 fsync(9<\x2f\x64\x62>) = 0",
        "10 +++ killed by SIGKILL +++",
    ];
    fs::write(trace.path(), lines.join("\n")).expect("a file can be written");
    let calls = read(trace.path());
    let (write, received, answer, sync, again) = (&calls[0], &calls[1], &calls[2], &calls[3], &calls[4]);
    let db = Path::new("/db");
    assert!(write.is_write_to(db) && write.data == b"a\"\0" && write.last_number == Some(4096), "{write:?}");
    assert!(received.is_input() && received.data == b"GET" && (received.begin, received.end) == (0, 2), "{received:?}");
    assert!(answer.is_output() && answer.data == b"ok" && answer.descriptor == "5", "{answer:?}");
    assert!(sync.is_sync_of(db) && (sync.begin, sync.end) == (3, 5), "{sync:?}");
    assert!(!again.is_input());
}
