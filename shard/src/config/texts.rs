//! Where the texts of settings come from: a file, the environment, flags; the later of these wins.

use super::form::Kind;
use super::settings::{Key, keys};
use super::{SettingError, Wrong};
use clap::{Arg, ArgMatches, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// What the names of settings begin with in the environment.
pub const VARIABLE_PREFIX: &str = "RINGSHARD_";
/// The variable, and the flag, that name the file.
const FILE_VARIABLE: &str = "RINGSHARD_CONFIG";
const FILE_FLAG: &str = "config";

/// Who said what a setting is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// A flag.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => write!(f, "default"),
            Source::File(path) => write!(f, "{}", path.display()),
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
}

impl Sources {
    /// Reads the file, and puts everything in order.
    ///
    /// # Errors
    /// What is no setting, and a file that cannot be read.
    pub fn texts(&self) -> Result<Texts, Wrong> {
        let (mut texts, mut wrong) = (Texts::default(), Vec::new());
        if let Some(path) = &self.file {
            read_file(path, &mut texts, &mut wrong);
        }
        for (variable, value) in &self.environment {
            if variable == FILE_VARIABLE {
                continue;
            }
            match keys().iter().find(|key| key.variable() == *variable) {
                Some(key) => texts.set(key, value.clone(), Source::Environment(variable.clone())),
                None => wrong.push(unknown(variable, "the environment", Key::variable)),
            }
        }
        for (name, value) in &self.flags {
            match keys().iter().find(|key| key.name == *name) {
                Some(key) => texts.set(key, value.clone(), Source::Flag),
                None => wrong.push(unknown(name, "the flags", |key| key.name.clone())),
            }
        }
        if wrong.is_empty() { Ok(texts) } else { Err(Wrong(wrong)) }
    }
}

fn unknown(name: &str, place: &str, called: impl Fn(&Key) -> String) -> SettingError {
    let near = keys().iter().map(called).max_by(|left, right| {
        let likeness = |other: &str| strsim::jaro_winkler(name, other);
        likeness(left).total_cmp(&likeness(right))
    });
    SettingError::Unknown { key: name.to_owned(), place: place.to_owned(), near: near.unwrap_or_default() }
}

fn read_file(path: &Path, texts: &mut Texts, wrong: &mut Vec<SettingError>) {
    let unreadable = |why: String| SettingError::File { path: path.to_owned(), why };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return wrong.push(unreadable(error.to_string())),
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return wrong.push(unreadable(format!("{error}"))),
    };
    for (name, value) in table {
        let Some(key) = keys().iter().find(|key| key.name == name) else {
            wrong.push(unknown(&name, &path.display().to_string(), |key| key.name.clone()));
            continue;
        };
        let source = Source::File(path.to_owned());
        match plain(&value, &key.kind) {
            Some(text) => texts.set(key, text, source),
            None => wrong.push(SettingError::Value {
                key: name,
                value: value.to_string(),
                said_by: source,
                expects: key.expects.clone(),
            }),
        }
    }
}

/// A value of a file as the text that a flag would have.
fn plain(value: &toml::Value, kind: &Kind) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) if *kind == Kind::List => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|all| all.join(",")),
        _ => None,
    }
}

/// The text of every setting, and who said it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Texts(BTreeMap<String, (String, Source)>);

impl Default for Texts {
    fn default() -> Self {
        let default = |key: &Key| (key.name.clone(), (key.default.to_owned(), Source::Default));
        Texts(keys().iter().map(default).collect())
    }
}

impl Texts {
    /// The text of a setting, and who said it.
    ///
    /// # Panics
    /// When there is no setting of that name.
    pub fn get(&self, name: &str) -> (&str, &Source) {
        let (text, source) = &self.0[name];
        (text, source)
    }

    fn set(&mut self, key: &Key, text: String, source: Source) {
        self.0.insert(key.name.clone(), (text, source));
    }

    /// Takes one setting over from `other`.
    pub(super) fn take_over(&mut self, key: &Key, other: &Texts) {
        let (text, source) = other.get(&key.name);
        self.set(key, text.to_owned(), source.clone());
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

/// Every setting is a flag; the environment is read along with them.
impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(FILE_FLAG)
            .long(FILE_FLAG)
            .value_name("FILE")
            .env(FILE_VARIABLE)
            .hide_env(true)
            .value_parser(clap::value_parser!(PathBuf))
            .help("File with settings, as of `ringshard config print`. Flags win over the environment, which wins over the file");
        keys().iter().fold(command.arg(file), |command, key| {
            let default = if key.default.is_empty() { "none" } else { key.default };
            let live = if key.live { "; can change while it runs" } else { "" };
            command.arg(
                Arg::new(key.name.as_str())
                    .long(key.name.as_str())
                    .value_name(placeholder(key))
                    .help_heading(key.group)
                    .allow_hyphen_values(false)
                    .help(format!("{} It takes {} [default: {default}{live}]", key.help, key.expects)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The variables that are meant for us.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        // What is no text is no value of any setting, and is told of as it looks.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    // What Kubernetes tells every container of a service that is called ringshard.
    let of_a_service = |name: &str| name.starts_with("RINGSHARD_SERVICE_") || name.starts_with("RINGSHARD_PORT");
    let ours = |(name, _): &(String, String)| name.starts_with(VARIABLE_PREFIX) && !of_a_service(name);
    std::env::vars_os().filter_map(text).filter(ours).collect()
}

fn placeholder(key: &Key) -> &'static str {
    match key.kind {
        Kind::Whole(..) | Kind::Decimal(..) => "N",
        Kind::Switch => "BOOL",
        Kind::Choice(_) => "WORD",
        Kind::Text => "TEXT",
        Kind::List => "LIST",
    }
}

impl clap::FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = keys().iter().filter_map(|key| {
            let value = matches.get_one::<String>(&key.name)?;
            Some((key.name.clone(), value.clone()))
        });
        Ok(Sources {
            file: matches.get_one::<PathBuf>(FILE_FLAG).cloned(),
            environment: environment(),
            flags: flags.collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
