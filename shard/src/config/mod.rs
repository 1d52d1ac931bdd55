//! What a server is told to be (O1): one set of settings, with the same names in a file, in the environment and as flags.
//!
//! Texts are gathered from their sources, read once into values, and checked against each other; the rest of the code sees
//! values alone. Whatever is wrong does not keep the rest from being checked: all of it is reported at once. Every error
//! names the setting, its value, who said it, and what it takes.

mod file;
mod flags;
mod form;
pub mod key_files;
mod prepare;
mod settings;
mod texts;
mod wrong;

pub use form::Kind;
pub use prepare::Prepared;
pub use settings::{Cipher, Key, Layout, LogFormat, Served, Settings, keys};
pub use texts::{Source, Sources, Texts};
pub use wrong::{SettingError, Wrong};

use serde_json::{Value, json};

/// What a reload came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Reloaded {
    /// Settings that have changed.
    pub changed: Vec<String>,
    /// Settings that would have changed, and cannot while a server runs.
    pub refused: Vec<String>,
}

/// The settings of a server, with where they come from.
#[derive(Clone, Debug)]
pub struct Configuration {
    sources: Sources,
    texts: Texts,
    settings: Settings,
}

impl Configuration {
    /// Reads all sources. Each value is one that its setting takes; whether they go together, and whether the files that
    /// they name can be used, [`Self::prepared`] finds out.
    ///
    /// # Errors
    /// All that is wrong with names and values.
    pub fn load(sources: Sources) -> Result<Self, Wrong> {
        let (configuration, wrong) = Self::read(sources);
        if wrong.is_empty() { Ok(configuration) } else { Err(Wrong::in_order(wrong)) }
    }

    /// Reads all sources and the files that they name, and checks everything that can be checked without starting a server.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn prepared(sources: Sources) -> Result<(Self, Prepared), Wrong> {
        let (configuration, mut wrong) = Self::read(sources);
        match configuration.prepare() {
            Ok(prepared) if wrong.is_empty() => Ok((configuration, prepared)),
            Ok(_) => Err(Wrong::in_order(wrong)),
            Err(Wrong(more)) => {
                // A value that is not what was meant says nothing about the others.
                let is_doubtful = |error: &SettingError| {
                    keys().iter().any(|key| error.compares(&key.name) && !configuration.texts.is_trusted(&key.name))
                };
                wrong.extend(more.into_iter().filter(|error| !is_doubtful(error)));
                Err(Wrong::in_order(wrong))
            }
        }
    }

    /// Whatever can be read, with defaults in place of what cannot, and all that is wrong with it.
    fn read(sources: Sources) -> (Self, Vec<SettingError>) {
        let mut wrong = Vec::new();
        let mut texts = sources.texts(&mut wrong);
        let settings = Settings::read(&mut texts, &mut wrong);
        (Configuration { sources, texts, settings }, wrong)
    }

    /// The values.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The texts, and who said them.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Reads all sources anew, and takes over what can change while a server runs. Nothing changes when anything is wrong.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn reload(&mut self) -> Result<Reloaded, Wrong> {
        let fresh = Self::load(self.sources.clone())?.texts;
        let (mut texts, mut reloaded) = (self.texts.clone(), Reloaded::default());
        for key in keys().iter().filter(|key| fresh.get(&key.name).0 != self.texts.get(&key.name).0) {
            if key.live {
                texts.take_over(key, &fresh);
                reloaded.changed.push(key.name.clone());
            } else {
                reloaded.refused.push(key.name.clone());
            }
        }
        // What was right a moment ago can be wrong now: a host name that is no longer known.
        let mut wrong = Vec::new();
        let settings = Settings::read(&mut texts, &mut wrong);
        if !wrong.is_empty() {
            return Err(Wrong::in_order(wrong));
        }
        (self.settings, self.texts) = (settings, texts);
        Ok(reloaded)
    }

    /// Settings that somebody said something of though it changes nothing beside the others: a line for each.
    pub fn without_effect(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut idle = |key: &Key, why: &str| {
            let (text, source) = self.texts.get(&key.name);
            if *source != Source::Default {
                lines.push(format!("{} is `{text}` ({source}) and has no effect: {why}", key.name));
            }
        };
        for key in keys() {
            let needs_world = key.group == settings::WORLD && key.name != "game";
            if needs_world && self.settings.game == Served::Echo {
                idle(key, "game is echo, which has no world");
            }
            let nobody_asks = self.settings.admin.is_none() && self.settings.admin_socket.is_none();
            if key.name == "admin-token-file" && self.settings.admin.is_none() || key.name == "key-log" && nobody_asks {
                idle(key, "admin is off, so nobody can ask");
            }
        }
        lines
    }

    /// All settings as they are, for machines.
    pub fn describe(&self) -> Value {
        keys()
            .iter()
            .map(|key| {
                let (text, source) = self.texts.get(&key.name);
                let value = serde_json::to_value(key.kind.toml(text)).unwrap_or_default();
                json!({"name": key.name, "value": value, "source": source.to_string(), "live": key.live, "group": key.group})
            })
            .collect()
    }
}

/// A JSON Schema of the file, as editors use it.
pub fn schema() -> Value {
    let properties: serde_json::Map<String, Value> = keys()
        .iter()
        .map(|key| {
            let mut schema = key.kind.schema();
            schema["description"] = format!("{} It takes {}.", key.help, key.expects).into();
            schema["default"] = serde_json::to_value(key.kind.toml(key.default)).unwrap_or_default();
            schema["x-live"] = key.live.into();
            (key.name.clone(), schema)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a Ringshard server",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
