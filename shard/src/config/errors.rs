//! What can be wrong with settings, and how it is reported: all errors at once, each with its place.

use super::setting_metadata::Setting;
use super::value_source::{Source, VARIABLE_PREFIX};
use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value that the setting does not take.
    #[error("{setting} is `{value}` ({at}){}{expects}", but_must_be(.why))]
    Value {
        /// The setting.
        setting: String,
        /// Its text.
        value: String,
        /// Where the text comes from.
        at: Source,
        /// Which part of the text is wrong, if the text has parts.
        why: Option<String>,
        /// What the setting must be.
        expects: String,
    },
    /// Values that do not fit together, or do not fit this host.
    #[error("{text} ({})", sources(.settings))]
    Together {
        /// What is wrong, and what would be right.
        text: String,
        /// The settings, and where their values come from.
        settings: Vec<(&'static str, Source)>,
    },
    /// No setting has this name.
    #[error("{name} ({}): there is no such setting; {advice}", place(.at))]
    Unknown {
        /// The name as its source writes it.
        name: String,
        /// Where it stands.
        at: Source,
        /// The most similar setting, or how to list all.
        advice: String,
    },
    /// A TOML table.
    #[error("[{name}] ({at}): settings are not in tables; remove this line and keep the settings below it")]
    Table {
        /// Its name.
        name: String,
        /// Where it stands.
        at: Source,
    },
    /// A key or a value of the table `[game]` that the game does not have or take.
    #[error("[game] {key}{}({at}): {why}", if key.is_empty() { "" } else { " " })]
    Game {
        /// The key.
        key: String,
        /// Where it stands.
        at: Source,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A line that is not valid TOML.
    #[error("{at}: this line is not valid TOML: {why}")]
    Syntax {
        /// Where it stands.
        at: Source,
        /// What the parser reports.
        why: String,
    },
    /// A word that does not belong on the command line.
    #[error("{word} (command line): {why}")]
    CommandLine {
        /// The word.
        word: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file cannot be read.
    #[error("cannot read the settings in {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl SettingError {
    /// A name that is not in `table`. `called` gives the name of a setting as this source writes it.
    pub(super) fn unknown(
        name: &str,
        at: Source,
        table: &'static [Setting],
        called: impl Fn(&Setting) -> String,
    ) -> Self {
        let advice = match most_similar(name, table) {
            Some(setting) => format!("did you mean {}?", called(setting)),
            // Only the program `ringshard` chooses its game.
            None if table.iter().any(|setting| setting.name == "game") => {
                "`ringshard serve --help` lists all settings".into()
            }
            None => "`--help` lists all settings".into(),
        };
        SettingError::Unknown { name: name.to_owned(), at, advice }
    }

    /// Whether it compares this setting with others.
    pub(super) fn compares(&self, name: &str) -> bool {
        matches!(self, SettingError::Together { settings, .. } if settings.iter().any(|(setting, _)| *setting == name))
    }

    /// Its place among the others: the lines of the file first, in order.
    fn rank(&self) -> (u8, usize) {
        match self {
            SettingError::File { .. } => (0, 0),
            SettingError::Value { at: source, .. }
            | SettingError::Unknown { at: source, .. }
            | SettingError::Table { at: source, .. }
            | SettingError::Game { at: source, .. }
            | SettingError::Syntax { at: source, .. } => match source {
                Source::File(_, line) => (0, *line),
                Source::Environment(_) => (1, 0),
                Source::Flag => (2, 0),
                Source::Default => (3, 0),
            },
            SettingError::CommandLine { .. } => (2, 0),
            SettingError::Together { .. } => (4, 0),
        }
    }
}

/// Where an unknown name stands. An unknown variable is its own name.
fn place(at: &Source) -> String {
    match at {
        Source::Environment(_) => "environment".into(),
        other => other.to_string(),
    }
}

fn but_must_be(why: &Option<String>) -> String {
    why.as_ref().map_or(", but must be ".into(), |why| format!(": {why}; it must be "))
}

fn sources(settings: &[(&'static str, Source)]) -> String {
    settings.iter().map(|(name, source)| format!("{name}: {source}")).collect::<Vec<_>>().join(", ")
}

/// Least similarity, from 0 to 1, for a name to be suggested: one letter in three may differ.
const SIMILARITY_MIN: f64 = 0.66;

/// The setting whose name is most similar to `name`, as any source may write it; None if none is similar enough.
fn most_similar(name: &str, table: &'static [Setting]) -> Option<&'static Setting> {
    let name = name.trim_start_matches('-').trim_start_matches(VARIABLE_PREFIX);
    let name = name.to_lowercase().replace('_', "-");
    let best = most_similar_name(&name, table.iter().map(|setting| setting.name.as_str()))?;
    table.iter().find(|setting| setting.name == best)
}

/// The one of `names` that is most similar to `name`; None if none is similar enough.
pub(super) fn most_similar_name<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rated = names.map(|other| (similarity(name, other), other));
    let best = rated.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(similarity, _)| *similarity >= SIMILARITY_MIN).map(|(_, other)| other)
}

/// Similarity by letters, or by words: `timeout` resembles `timeout-ms`, and `log-level` resembles `log`.
fn similarity(left: &str, right: &str) -> f64 {
    let by_letters = strsim::normalized_damerau_levenshtein(left, right);
    let shared = left.split('-').filter(|word| right.split('-').any(|other| *word == other)).count();
    let fewer = left.split('-').count().min(right.split('-').count());
    let more = left.split('-').count().max(right.split('-').count());
    match shared == fewer && more <= 2 * fewer {
        // Just above the least: of several, the one with the most letters in common wins.
        true => by_letters.max(SIMILARITY_MIN + by_letters / 10.0),
        false => by_letters,
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug)]
pub struct SettingErrors(pub Vec<SettingError>);

impl SettingErrors {
    /// The errors, sorted by where they stand.
    pub(super) fn sorted(mut errors: Vec<SettingError>) -> Self {
        assert!(!errors.is_empty(), "settings are refused, but nothing is wrong with them");
        errors.sort_by_key(SettingError::rank);
        SettingErrors(errors)
    }
}

impl std::error::Error for SettingErrors {}

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            all => {
                write!(f, "{} errors in the settings:", all.len())?;
                all.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::all_settings;

    #[test]
    fn a_name_is_suggested_only_where_it_was_likely_meant() {
        let suggested = |name| most_similar(name, all_settings()).map(|setting| setting.name.as_str());
        for (given, meant) in [
            ("max-conections", "max-connections"),
            ("max_connections", "max-connections"),
            ("RINGSHARD_TIMOUT_MS", "timeout-ms"),
            ("--entitys", "entities"),
            ("cpu", "cpus"),
            ("timeout", "timeout-ms"),
            ("drain", "drain-ms"),
            ("log-level", "log"),
            ("connections", "max-connections"),
            ("pre-shared", "pre-shared-key"),
            ("tls-certificate", "login-certificate"),
        ] {
            assert_eq!(suggested(given), Some(meant), "{given}");
        }
        for given in ["world", "RINGSHARD_FOO", "bind", "port", "x"] {
            assert_eq!(suggested(given), None, "{given}");
        }
    }
}
