//! Who changed what: one line of JSON for each change, in a file that is only appended to, and in the log.

use super::clock::now_ms;
use super::counters::Counters;
use serde::Serialize;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The audit.
#[derive(Debug)]
pub struct Audit(Option<Mutex<File>>);

/// A change, or the attempt of one.
#[derive(Debug, Serialize)]
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
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: u64,
    #[serde(flatten)]
    change: &'a Change<'a>,
}

impl Audit {
    /// Opens the file, which only its owner can read. None: the log alone has the audit.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&Path>) -> io::Result<Audit> {
        let open = |path| OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        Ok(Audit(path.map(open).transpose()?.map(Mutex::new)))
    }

    /// Writes a change. It is written before the answer goes out; a line that cannot be written is logged and counted.
    pub fn write(&self, change: &Change<'_>, counters: &Counters) {
        let Change { who, address, action, target, outcome, .. } = change;
        tracing::info!(%who, %address, %action, %target, %outcome, "a change by an operator");
        let Some(file) = &self.0 else { return };
        let mut line = serde_json::to_vec(&Line { at_ms: now_ms(), change }).expect("a change is plain data");
        line.push(b'\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write per line: instances that share the file do not mix their lines.
        if let Err(error) = file.write_all(&line).and_then(|()| file.sync_data()) {
            counters.audit_failed.count();
            tracing::error!(%error, "the audit cannot be written");
        }
    }
}
