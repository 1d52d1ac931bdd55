//! Who changed what, or tried to: one line of JSON for each attempt, in a file that is only appended to, and in the log.

use super::clock::now_ms;
use super::counters::Counters;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines per [`PERIOD`] about one holder whose token may only read: such a token must not fill the disk.
const READER_LINES_MAX: u32 = 10;
/// The time over which these are counted.
const PERIOD: Duration = Duration::from_secs(60);
/// Readers that are remembered. Tokens come and go with their file; it has at most 1,000.
const READERS_MAX: usize = 2_000;

/// The audit.
#[derive(Debug)]
pub struct Audit {
    /// None: the log alone has the audit.
    file: Option<Mutex<File>>,
    readers: Mutex<HashMap<String, Reader>>,
}

/// An attempt to change something.
#[derive(Clone, Debug, Serialize)]
pub struct Change<'a> {
    /// The holder of the token.
    pub who: &'a str,
    /// Where the request came from.
    pub address: IpAddr,
    /// What was asked for, such as `maintenance on`.
    pub action: &'a str,
    /// The host, or `policy`.
    pub target: &'a str,
    /// What else the request said.
    pub details: Value,
    /// `done`, or why it was not.
    pub outcome: &'a str,
    /// Earlier attempts of this holder that have no line, because there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

/// The attempts of a holder whose token may only read.
#[derive(Debug)]
struct Reader {
    since: Instant,
    lines: u32,
    left_out: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: u64,
    #[serde(flatten)]
    change: &'a Change<'a>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Audit {
    /// Opens the file, which only its owner can read. None: the log alone has the audit.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&Path>) -> io::Result<Audit> {
        let open = |path| OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        Ok(Audit { file: path.map(open).transpose()?.map(Mutex::new), readers: Mutex::default() })
    }

    /// Writes an attempt of somebody who may change things. It is written before the answer goes out; a line that cannot be
    /// written is logged and counted.
    pub fn write(&self, change: &Change<'_>, counters: &Counters) {
        let Change { who, address, action, target, outcome, left_out, .. } = change;
        // As Debug, because a client chose them: a line break in them is no new line of the log.
        tracing::info!(%who, %address, %action, ?target, ?outcome, left_out, "a change by an operator");
        let Some(file) = &self.file else { return };
        let mut line = serde_json::to_vec(&Line { at_ms: now_ms(), change }).expect("a change is plain data");
        line.push(b'\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write per line: instances that share the file do not mix their lines.
        if let Err(error) = file.write_all(&line).and_then(|()| file.sync_data()) {
            counters.audit_failed.count();
            tracing::error!(%error, "the audit cannot be written");
        }
    }

    /// Writes an attempt of somebody who may only read. Beyond ten a minute for each holder, the next line has their number.
    pub fn write_of_reader(&self, change: &Change<'_>, now: Instant, counters: &Counters) {
        if let Some(left_out) = self.admit(change.who, now) {
            self.write(&Change { left_out, ..change.clone() }, counters);
        }
    }

    /// How many attempts of a reader were left out before this one. None: this one is, too.
    fn admit(&self, who: &str, now: Instant) -> Option<u64> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= READERS_MAX && !readers.contains_key(who) {
            readers.retain(|_, reader| now < reader.since + PERIOD);
        }
        let reader = readers.entry(who.to_owned()).or_insert(Reader { since: now, lines: 0, left_out: 0 });
        if now >= reader.since + PERIOD {
            (reader.since, reader.lines) = (now, 0);
        }
        if reader.lines >= READER_LINES_MAX {
            reader.left_out += 1;
            return None;
        }
        reader.lines += 1;
        Some(std::mem::take(&mut reader.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_ten_lines_a_minute_and_the_next_one_tells_how_many_are_missing() {
        let audit = Audit::open(None).unwrap();
        let start = Instant::now();
        let admitted = |who: &str, after_s: u64| audit.admit(who, start + Duration::from_secs(after_s));
        assert_eq!((0..1_000).filter_map(|_| admitted("boards", 0)).collect::<Vec<_>>(), [0; 10]);
        assert_eq!(admitted("boards", 59), None);
        assert_eq!(admitted("others", 59), Some(0), "each has its own");
        assert_eq!(admitted("boards", 60), Some(991));
        assert_eq!(admitted("boards", 60), Some(0));
    }

    #[test]
    fn the_memory_is_bounded() {
        let audit = Audit::open(None).unwrap();
        let start = Instant::now();
        for number in 0..10_000 {
            audit.admit(&number.to_string(), start + PERIOD * (number / 1_000));
        }
        assert!(audit.readers.lock().unwrap().len() <= READERS_MAX);
    }
}
