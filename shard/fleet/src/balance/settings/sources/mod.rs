//! Where the settings come from.

use super::Settings;
use super::check;
use super::raw::Raw;
use std::fmt::Write;
use std::path::PathBuf;

/// A file, and flags with the environment, which win.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Sources {
    /// TOML file with settings of the same names as the flags, without the dashes in front. Each setting can also be an
    /// environment variable, such as RINGSHARD_BALANCE_MAX_CONNECTIONS.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
    /// Settings that win over those of the file.
    #[command(flatten)]
    pub raw: Raw,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file is not TOML with these settings.
    #[error("{0} has settings that cannot be read: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// Faults of settings.
    #[error("{}", listed(.0))]
    Faults(Vec<String>),
}

fn listed(faults: &[String]) -> String {
    match faults {
        [fault] => fault.clone(),
        faults => faults.iter().fold(format!("{} settings are wrong:", faults.len()), |mut text, fault| {
            let _ = write!(text, "\n  {fault}");
            text
        }),
    }
}

impl Sources {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// [`SettingsError`] tells all faults.
    pub fn load(&self) -> Result<Settings, SettingsError> {
        let mut raw = self.raw.clone();
        if let Some(path) = &self.config {
            let text = std::fs::read_to_string(path).map_err(|error| SettingsError::File(path.clone(), error))?;
            let file: Raw =
                toml::from_str(&text).map_err(|error| SettingsError::Syntax(path.clone(), Box::new(error)))?;
            raw = raw.over(file);
        }
        check::check(raw).map_err(SettingsError::Faults)
    }
}

#[cfg(test)]
mod tests;
