//! The sources of settings: a file, the environment and flags. Later ones win.

use super::errors::SettingError;
use super::file;
use super::game_section::GameSection;
use super::raw_values::RawValues;
use super::setting_metadata::Setting;
use super::settings::{all_settings, game_server_settings};
use super::value_source::{FILE_VARIABLE, Source};
use std::path::PathBuf;

/// The sources of a server's settings. A reload reads them again.
///
/// Without [`Self::game`], they are those of the program `ringshard`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables that begin with `RINGSHARD_`, and their values.
    pub environment: Vec<(String, String)>,
    /// Names of settings and their values.
    pub flags: Vec<(String, String)>,
    /// Words on the command line that do not belong there, and why.
    pub misplaced: Vec<(String, String)>,
    /// The settings of the game, if this is the server of a game: it has no settings of the demonstration, and its file can
    /// have a table `[game]`.
    pub game: Option<GameSection>,
    /// Whether the program can start services.
    pub has_services: bool,
    /// Whether the program can register in a fleet.
    pub has_fleet: bool,
}

impl Sources {
    /// The settings that these sources can set.
    pub(super) fn table(&self) -> &'static [Setting] {
        if self.game.is_some() { game_server_settings() } else { all_settings() }
    }

    /// Reads all sources. Adds to `errors` what is no setting and what cannot be read.
    pub(super) fn read(&self, errors: &mut Vec<SettingError>) -> RawValues {
        let mut raw = RawValues::defaults(all_settings(), self.table());
        if let Some(path) = &self.file {
            file::read(path, self.game, &mut raw, errors);
        }
        self.read_environment(&mut raw, errors);
        self.read_flags(&mut raw, errors);
        raw
    }

    fn read_environment(&self, raw: &mut RawValues, errors: &mut Vec<SettingError>) {
        for (variable, value) in self.environment.iter().filter(|(variable, _)| variable != FILE_VARIABLE) {
            let source = Source::Environment(variable.clone());
            match raw.table().iter().find(|setting| setting.variable() == *variable) {
                Some(setting) => raw.set(setting, value.clone(), source),
                None => errors.push(SettingError::unknown(variable, source, raw.table(), Setting::variable)),
            }
        }
    }

    fn read_flags(&self, raw: &mut RawValues, errors: &mut Vec<SettingError>) {
        for (name, value) in &self.flags {
            match raw.setting(name) {
                Some(setting) => raw.set(setting, value.clone(), Source::Flag),
                None => {
                    let as_flag = |setting: &Setting| format!("--{}", setting.name);
                    errors.push(SettingError::unknown(&format!("--{name}"), Source::Flag, raw.table(), as_flag));
                }
            }
        }
        for (word, why) in &self.misplaced {
            raw.doubt(word.trim_start_matches('-'));
            errors.push(SettingError::CommandLine { word: word.clone(), why: why.clone() });
        }
    }
}
