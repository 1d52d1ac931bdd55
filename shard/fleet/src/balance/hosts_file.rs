//! The hosts of a fleet in a file: a list `[[hosts]]` in TOML, each with the fields of [`Host`]. It is read again when it changes.

use super::fleet::stamp;
use crate::model::{Directory, Host};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hosts {
    hosts: Vec<Host>,
}

/// Reads the file.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn read(path: &Path, revision: u64) -> Result<Directory, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let Hosts { hosts } =
        toml::from_str(&text).map_err(|error| format!("{} is no list of [[hosts]]: {error}", path.display()))?;
    let mut by_name = BTreeMap::new();
    for host in hosts {
        if let Some(twice) = by_name.insert(host.name.clone(), host) {
            return Err(format!("{} has two hosts {}: each needs its own name", path.display(), twice.name));
        }
    }
    let mut directory = Directory { revision, ..Directory::default() };
    directory.hosts = by_name;
    Ok(directory)
}

/// Reads the file again when it changes, until nobody needs it. A file that cannot be read leaves the former hosts.
pub(super) async fn follow(path: PathBuf, into: watch::Sender<Arc<Directory>>) {
    let mut seen = stamp(&path);
    for revision in 2.. {
        while stamp(&path) == seen {
            sleep(LOOK_EVERY).await;
            if into.is_closed() {
                return;
            }
        }
        seen = stamp(&path);
        match read(&path, revision) {
            Ok(directory) => {
                into.send_replace(Arc::new(directory));
            }
            Err(error) => tracing::error!(%error, "the former hosts stay"),
        }
    }
}
