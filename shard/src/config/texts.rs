//! Where the texts of settings come from: a file, the environment, flags; the later of these wins.

use super::file;
use super::flags::FILE_VARIABLE;
use super::settings::{Key, keys};
use super::wrong::SettingError;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// What the names of settings begin with in the environment.
pub const VARIABLE_PREFIX: &str = "RINGSHARD_";

/// Who said what a setting is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody.
    Default,
    /// A file, in this line of it, from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(String),
    /// A flag.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => write!(f, "default"),
            Source::File(path, line) => write!(f, "{}:{line}", path.display()),
            Source::Environment(variable) => write!(f, "{variable}"),
            Source::Flag => write!(f, "flag"),
        }
    }
}

/// The sources of a server's settings. They are read anew when it reloads.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Variables with their values, those that begin with `RINGSHARD_` alone.
    pub environment: Vec<(String, String)>,
    /// Names of settings with their values.
    pub flags: Vec<(String, String)>,
    /// Words on the command line that have no place there, and why not.
    pub misplaced: Vec<(String, String)>,
}

impl Sources {
    /// Reads the file, and puts everything in order; adds to `wrong` what is no setting, and what cannot be read.
    pub(super) fn texts(&self, wrong: &mut Vec<SettingError>) -> Texts {
        let mut texts = Texts::default();
        if let Some(path) = &self.file {
            file::read(path, &mut texts, wrong);
        }
        for (variable, value) in self.environment.iter().filter(|(variable, _)| variable != FILE_VARIABLE) {
            let said_by = Source::Environment(variable.clone());
            match keys().iter().find(|key| key.variable() == *variable) {
                Some(key) => texts.set(key, value.clone(), said_by),
                None => wrong.push(SettingError::unknown(variable, said_by, Key::variable)),
            }
        }
        for (name, value) in &self.flags {
            match keys().iter().find(|key| key.name == *name) {
                Some(key) => texts.set(key, value.clone(), Source::Flag),
                None => {
                    let as_flag = |key: &Key| format!("--{}", key.name);
                    wrong.push(SettingError::unknown(&format!("--{name}"), Source::Flag, as_flag));
                }
            }
        }
        for (word, why) in &self.misplaced {
            texts.distrust(word.trim_start_matches('-'));
            wrong.push(SettingError::CommandLine { word: word.clone(), why: why.clone() });
        }
        texts
    }
}

/// The text of every setting, and who said it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Texts {
    /// What each source says of it, the default first; the last one holds.
    texts: BTreeMap<String, Vec<(String, Source)>>,
    /// Settings that a source says something of which cannot be read: what stands here is not what is meant.
    distrusted: BTreeSet<String>,
}

impl Default for Texts {
    fn default() -> Self {
        let default = |key: &Key| (key.name.clone(), vec![(key.default.to_owned(), Source::Default)]);
        Texts { texts: keys().iter().map(default).collect(), distrusted: BTreeSet::new() }
    }
}

impl Texts {
    /// The text of a setting, and who said it.
    ///
    /// # Panics
    /// When there is no setting of that name.
    pub fn get(&self, name: &str) -> (&str, &Source) {
        let (text, source) = self.all(name).last().expect("the default is there");
        (text, source)
    }

    /// The texts of a setting from all sources; the last one holds.
    pub(super) fn all(&self, name: &str) -> &[(String, Source)] {
        &self.texts[name]
    }

    /// Sets a setting; what earlier sources say of it does not hold.
    pub(super) fn set(&mut self, key: &Key, text: String, source: Source) {
        self.distrusted.remove(&key.name);
        self.texts.entry(key.name.clone()).or_default().push((text, source));
    }

    /// Notes that what is said of a setting cannot be read.
    pub(super) fn distrust(&mut self, name: &str) {
        self.distrusted.insert(name.to_owned());
    }

    /// Notes that about all of them.
    pub(super) fn distrust_all(&mut self) {
        self.distrusted.extend(keys().iter().map(|key| key.name.clone()));
    }

    /// Whether the text of a setting is what its sources mean.
    pub(super) fn is_trusted(&self, name: &str) -> bool {
        !self.distrusted.contains(name)
    }

    /// Takes one setting over from `other`.
    pub(super) fn take_over(&mut self, key: &Key, other: &Texts) {
        self.texts.insert(key.name.clone(), other.all(&key.name).to_vec());
    }

    /// A file that says all of it, with who said it behind each.
    pub fn file(&self) -> String {
        let mut file = String::new();
        let mut group = "";
        for key in keys() {
            let (text, source) = self.get(&key.name);
            if key.group != group {
                group = key.group;
                file.push_str(&format!("{}# {group}\n", if file.is_empty() { "" } else { "\n" }));
            }
            file.push_str(&format!("{} = {}  # {source}\n", key.name, key.kind.toml(text)));
        }
        file
    }
}
