//! The settings of a server, with their sources, and how they are reloaded.

use super::errors::{SettingError, SettingErrors};
use super::game_section;
use super::prepare::{self, Prepared};
use super::raw_values::RawValues;
use super::setting_metadata::Setting;
use super::settings::{DEMONSTRATION, FLEET, SERVICES, Served, Settings, WORLD, all_settings};
use super::sources::Sources;
use super::value_source::Source;
use crate::world::rewind::RewindSettings;
use ringshard_protocol::endpoint::Policy;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a reload changed.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Reloaded {
    /// Settings that have changed.
    pub changed: Vec<String>,
    /// Settings with a new value that needs a restart.
    pub refused: Vec<String>,
}

/// The settings of a server, with their sources.
#[derive(Clone, Debug)]
pub struct Configuration {
    sources: Sources,
    raw: RawValues,
    settings: Settings,
}

impl Configuration {
    /// Reads all sources. Each value is one that its setting takes; [`Self::prepared`] checks whether they fit together and
    /// whether the files that they name can be used.
    ///
    /// # Errors
    /// Everything that is wrong with names and values.
    pub fn load(sources: Sources) -> Result<Self, SettingErrors> {
        let (configuration, errors) = Self::read(sources);
        if errors.is_empty() { Ok(configuration) } else { Err(SettingErrors::sorted(errors)) }
    }

    /// Reads all sources and the files that they name, and checks everything that can be checked without starting a server.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn prepared(sources: Sources) -> Result<(Self, Prepared), SettingErrors> {
        let (configuration, mut errors) = Self::read(sources);
        match prepare::prepare(&configuration.settings, &configuration.raw) {
            Ok(prepared) if errors.is_empty() => Ok((configuration, prepared)),
            Ok(_) => Err(SettingErrors::sorted(errors)),
            Err(SettingErrors(more)) => {
                // A value that is not what its source means says nothing about the others.
                let is_doubtful = |error: &SettingError| {
                    let raw = &configuration.raw;
                    all_settings().iter().any(|it| error.compares(&it.name) && raw.is_doubtful(&it.name))
                };
                errors.extend(more.into_iter().filter(|error| !is_doubtful(error)));
                Err(SettingErrors::sorted(errors))
            }
        }
    }

    /// What can be read, with defaults for the rest, and everything that is wrong.
    fn read(sources: Sources) -> (Self, Vec<SettingError>) {
        let mut errors = Vec::new();
        let mut raw = sources.read(&mut errors);
        let settings = Settings::parse(&mut raw, &mut errors);
        (Configuration { sources, raw, settings }, errors)
    }

    /// The values.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The values as text, with their sources.
    pub fn raw_values(&self) -> &RawValues {
        &self.raw
    }

    /// The game's own settings, from the table `[game]` of the file.
    ///
    /// # Panics
    /// When `S` is not the type that the sources name with [`GameSection::of`](super::GameSection::of).
    pub fn game_settings<S: DeserializeOwned + Default>(&self) -> S {
        let Some(table) = self.raw.game_file().and_then(game_section::table_of) else { return S::default() };
        game_section::read(&table).unwrap_or_else(|wrong| panic!("settings of another game: {wrong:?}"))
    }

    /// Checks that `view-radius` names only kinds of entities that the game has.
    ///
    /// # Errors
    /// The first kind that the game does not have, and those that it has.
    pub fn check_kinds(&self, known: &[&str]) -> Result<(), SettingErrors> {
        let unknown = self.settings.view_radius.iter().find(|(kind, _)| !known.contains(&kind.as_str()));
        let Some((kind, _)) = unknown else { return Ok(()) };
        let (value, at) = self.raw.get("view-radius");
        Err(SettingErrors(vec![SettingError::Value {
            setting: "view-radius".into(),
            value: value.to_owned(),
            at: at.clone(),
            why: Some(format!("the game has no kind `{kind}`")),
            expects: format!("a list such as KIND=UNITS with these kinds: {}", known.join(", ")),
        }]))
    }

    /// The settings of the cores that can change while a server runs.
    ///
    /// # Errors
    /// A file of theirs that cannot be used.
    pub fn policy(&self) -> Result<Policy, SettingErrors> {
        prepare::policy(&self.settings, &self.raw)
    }

    /// The settings of the world that can change while a server runs.
    pub fn live_world(&self) -> RewindSettings {
        prepare::live_world(&self.settings)
    }

    /// Reads all sources again and applies the settings that can change while a server runs. If anything is wrong, nothing
    /// changes.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn reload(&mut self) -> Result<Reloaded, SettingErrors> {
        let fresh = Self::load(self.sources.clone())?.raw;
        let (mut raw, mut reloaded) = (self.raw.clone(), Reloaded::default());
        for setting in self.sources.table().iter().filter(|it| fresh.get(&it.name).0 != self.raw.get(&it.name).0) {
            if setting.live {
                raw.copy_from(setting, &fresh);
                reloaded.changed.push(setting.name.clone());
            } else {
                reloaded.refused.push(setting.name.clone());
            }
        }
        let (before, after) = (self.raw.game_values(), fresh.game_values());
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differs = |key: &&String| before.get(key.as_str()) != after.get(key.as_str());
        reloaded.refused.extend(keys.into_iter().filter(differs).map(|key| format!("[game] {key}")));
        // A value that was right before can be wrong now, such as a host name that does not resolve any more.
        let mut errors = Vec::new();
        let settings = Settings::parse(&mut raw, &mut errors);
        if !errors.is_empty() {
            return Err(SettingErrors::sorted(errors));
        }
        (self.settings, self.raw) = (settings, raw);
        Ok(reloaded)
    }

    /// Settings that a source sets but that other settings make useless: a line for each.
    pub fn without_effect(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut note = |setting: &Setting, why: &str| {
            let (text, source) = self.raw.get(&setting.name);
            if *source != Source::Default {
                lines.push(format!("{} is `{text}` ({source}) but has no effect: {why}", setting.name));
            }
        };
        let (port_off, socket_off) = (self.settings.admin.is_none(), self.settings.admin_socket.is_none());
        for setting in self.sources.table() {
            if cfg!(not(feature = "ops"))
                && ["admin", "admin-token-file", "admin-socket", "key-log", "announce"].contains(&&*setting.name)
            {
                note(
                    setting,
                    "this program is built without the feature ops, which has the admin port and the announcement",
                );
                continue;
            }
            if setting.group == SERVICES
                && let Some(why) = self.lacks_services(setting)
            {
                note(setting, why);
            }
            if setting.group == FLEET
                && let Some(why) = self.lacks_fleet(setting)
            {
                note(setting, why);
            }
            if let Some(why) = self.lacks_game(setting) {
                note(setting, why);
            }
            if setting.name == "admin-token-file" && port_off {
                note(setting, "admin is off");
            }
            if setting.name == "key-log" && port_off && socket_off {
                note(setting, "admin is off and there is no admin-socket");
            }
        }
        lines
    }

    /// Why a setting of the services has no effect.
    fn lacks_services(&self, setting: &Setting) -> Option<&'static str> {
        let is_of_login = [
            "login-certificate",
            "login-certificate-key",
            "login-origins",
            "login-worlds",
            "public-address",
            "accounts-hook",
            "accounts-hook-token-file",
            "registration",
            "password-memory-mib",
            "password-passes",
            "password-threads",
        ];
        match (&self.settings.services, self.settings.login) {
            _ if !self.sources.has_services => Some("this program has no services"),
            _ if setting.name == "public-address" && self.settings.fleet.is_some() => None,
            (None, _) if setting.name != "services" => Some("services is not set"),
            (Some(_), None) if is_of_login.contains(&&*setting.name) => Some("login is off"),
            _ => None,
        }
    }

    /// Why a setting of a fleet has no effect.
    fn lacks_fleet(&self, setting: &Setting) -> Option<&'static str> {
        match &self.settings.fleet {
            _ if !self.sources.has_fleet => Some("this program belongs to no fleet"),
            None if setting.name != "fleet" => Some("fleet is not set"),
            _ => None,
        }
    }

    /// Why a setting of a game has no effect.
    fn lacks_game(&self, setting: &Setting) -> Option<&'static str> {
        if self.sources.game.is_some() || !([DEMONSTRATION, WORLD].contains(&setting.group)) {
            return None;
        }
        let is_of_script = setting.name.starts_with("script-");
        match self.settings.script {
            Some(_) if setting.group == DEMONSTRATION && setting.name != "script" && !is_of_script => {
                Some("script says what is served")
            }
            None if is_of_script => Some("there is no script"),
            None if self.settings.game == Served::Echo && setting.name != "game" => {
                Some("game is echo, which has no world")
            }
            _ => None,
        }
    }

    /// All settings, for machines.
    pub fn describe(&self) -> Value {
        let describe = |setting: &Setting| {
            let (text, source) = self.raw.get(&setting.name);
            let value = serde_json::to_value(setting.kind.toml(text)).unwrap_or_default();
            json!({
                "name": setting.name,
                "value": value,
                "source": source.to_string(),
                "live": setting.live,
                "group": setting.group,
            })
        };
        self.sources.table().iter().map(describe).collect()
    }
}
