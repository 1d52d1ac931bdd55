//! What can be wrong with settings, and how it is reported: all of it at once, each with its place.

use super::settings::{Key, keys};
use super::texts::Source;
use std::fmt;
use std::path::PathBuf;

/// Something wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value that the setting does not take.
    #[error("{key} is `{value}` ({said_by}): {}it takes {expects}", because(.why))]
    Value {
        /// The setting.
        key: String,
        /// Its text.
        value: String,
        /// Who said so.
        said_by: Source,
        /// Which part of the text is wrong, where the text has parts.
        why: Option<String>,
        /// What the setting takes.
        expects: String,
    },
    /// Values that do not go together, or not on this host.
    #[error("{text} ({})", sources(.settings))]
    Together {
        /// What is wrong, and what would be right.
        text: String,
        /// The settings concerned, and who said what they are.
        settings: Vec<(&'static str, Source)>,
    },
    /// No setting has this name.
    #[error("{name} ({}): there is no such setting; {advice}", place(.said_by))]
    Unknown {
        /// The name, as it stands in its source.
        name: String,
        /// Where.
        said_by: Source,
        /// The setting whose name is most like it, or where all of them can be seen.
        advice: String,
    },
    /// A table of TOML.
    #[error("[{name}] ({said_by}): settings are in no table; remove this line and leave the settings below it")]
    Table {
        /// Its name.
        name: String,
        /// Where.
        said_by: Source,
    },
    /// A line of a file that is no TOML.
    #[error("{said_by}: this line is no TOML: {why}")]
    Syntax {
        /// Where.
        said_by: Source,
        /// What the reader stumbled over.
        why: String,
    },
    /// A word on the command line that has no place there.
    #[error("{word} (command line): {why}")]
    CommandLine {
        /// The word.
        word: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that cannot be read.
    #[error("cannot read the settings in {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

impl SettingError {
    /// An unknown name in a source that writes the names of settings as `called` does.
    pub(super) fn unknown(name: &str, said_by: Source, called: impl Fn(&Key) -> String) -> Self {
        let advice = match most_like(name) {
            Some(key) => format!("did you mean {}?", called(key)),
            None => "`ringshard config print` and `ringshard serve --help` show all of them".into(),
        };
        SettingError::Unknown { name: name.to_owned(), said_by, advice }
    }

    /// Whether it is about values that go together, and about this one.
    pub(super) fn compares(&self, name: &str) -> bool {
        matches!(self, SettingError::Together { settings, .. } if settings.iter().any(|(setting, _)| *setting == name))
    }

    /// Where it stands among the others: the lines of the file first, in order.
    pub(super) fn rank(&self) -> (u8, usize) {
        match self {
            SettingError::File { .. } => (0, 0),
            SettingError::Value { said_by, .. }
            | SettingError::Unknown { said_by, .. }
            | SettingError::Table { said_by, .. }
            | SettingError::Syntax { said_by, .. } => match said_by {
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

/// Where an unknown name stands; a variable is its own name.
fn place(said_by: &Source) -> String {
    match said_by {
        Source::Environment(_) => "environment".into(),
        other => other.to_string(),
    }
}

fn because(why: &Option<String>) -> String {
    why.as_ref().map_or(String::new(), |why| format!("{why}; "))
}

fn sources(settings: &[(&'static str, Source)]) -> String {
    settings.iter().map(|(name, source)| format!("{name}: {source}")).collect::<Vec<_>>().join(", ")
}

/// How alike two names must be, of 1, for one to be suggested for the other: a letter in three may differ.
const LIKENESS_MIN: f64 = 0.66;

/// The setting that was most likely meant by a name in whichever source; None when no name is much like it.
fn most_like(name: &str) -> Option<&'static Key> {
    let name = name.trim_start_matches('-').trim_start_matches(super::texts::VARIABLE_PREFIX);
    let name = name.to_lowercase().replace('_', "-");
    let rated = keys().iter().map(|key| (likeness(&name, &key.name), key));
    let best = rated.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, key)| key)
}

/// By letters, or by words: `timeout` is most of `timeout-ms`, and `log-level` says more than `log` does.
fn likeness(left: &str, right: &str) -> f64 {
    let by_letters = strsim::normalized_damerau_levenshtein(left, right);
    let shared = left.split('-').filter(|word| right.split('-').any(|other| *word == other)).count();
    let fewer = left.split('-').count().min(right.split('-').count());
    let more = left.split('-').count().max(right.split('-').count());
    match shared == fewer && more <= 2 * fewer {
        // A little above the least, so that of several the one with the most letters in common wins.
        true => by_letters.max(LIKENESS_MIN + by_letters / 10.0),
        false => by_letters,
    }
}

/// All that is wrong with the settings.
#[derive(Debug)]
pub struct Wrong(pub Vec<SettingError>);

impl Wrong {
    /// All of `errors`, in the order in which they are best mended.
    pub(super) fn in_order(mut errors: Vec<SettingError>) -> Self {
        errors.sort_by_key(SettingError::rank);
        Wrong(errors)
    }
}

impl std::error::Error for Wrong {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            all => {
                write!(f, "{} things are wrong with the settings:", all.len())?;
                all.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_suggested_only_where_it_was_likely_meant() {
        let suggested = |name| most_like(name).map(|key| key.name.as_str());
        for (said, meant) in [
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
        ] {
            assert_eq!(suggested(said), Some(meant), "{said}");
        }
        for said in ["world", "threads", "RINGSHARD_FOO", "bind", "port", "x", "workers", "tls-certificate"] {
            assert_eq!(suggested(said), None, "{said}");
        }
    }
}
