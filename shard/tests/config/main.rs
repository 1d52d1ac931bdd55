//! Settings: their sources, wrong values and their messages, and reloading.

mod game;
mod reload;
mod sources;
mod values;
mod wrong;

use ringshard::config::{Configuration, SettingError, Sources};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a file that only its owner can read, as secrets must be.
    fn write_secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn flags(flags: &[(&str, &str)]) -> Sources {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    Sources { flags: flags.iter().map(owned).collect(), ..Sources::default() }
}

/// The messages of a wrong configuration.
fn complaints(sources: Sources) -> Vec<String> {
    let checked = Configuration::prepared(sources);
    checked.expect_err("the configuration is wrong").0.iter().map(SettingError::to_string).collect()
}
