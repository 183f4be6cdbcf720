//! The table of a run.

use std::fmt::Write as _;
use std::fs;

/// One measured figure and its limit, both in `unit`.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub measured: f64,
    pub unit: &'static str,
    /// What the limit is a multiple of, in `unit`; 1 when the limit is absolute.
    pub yardstick: f64,
    /// The limit in multiples of the yardstick.
    pub limit: f64,
    pub note: String,
}

impl Row {
    pub fn is_over(&self) -> bool {
        self.ratio() > self.limit
    }

    fn ratio(&self) -> f64 {
        self.measured / self.yardstick
    }
}

/// The machine, as the note of a measurement must name it.
pub fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown CPU", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{model}, {cores} CPUs, Linux {}, load {load} at the start", kernel.trim())
}

pub fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<44} {:>14} {:>9} {:>9}  {:<5} {}\n", "", "measured", "ratio", "limit", "", "");
    for row in rows {
        let verdict = if row.is_over() { "OVER" } else { "ok" };
        let measured = format!("{:.1} {}", row.measured, row.unit);
        writeln!(text, "{:<44} {measured:>14} {:>9.3} {:>9.3}  {verdict:<5} {}", row.name, row.ratio(), row.limit, row.note)
            .expect("writing to a string cannot fail");
    }
    text
}
