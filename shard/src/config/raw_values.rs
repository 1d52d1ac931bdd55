//! The raw values of all settings, as text, from all sources.

use super::game_section::{GAME, table_of};
use super::setting_metadata::Setting;
use super::value_source::Source;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The text of every setting from each source that sets it.
#[derive(Clone, Debug)]
pub struct RawValues {
    table: &'static [Setting],
    /// By setting: the default first, then the sources in order of precedence. The last one wins.
    values: BTreeMap<&'static str, Vec<(String, Source)>>,
    /// Settings with a value that cannot be read: what stands in `values` may not be what the source means.
    doubtful: BTreeSet<String>,
    /// The text of the file, if the game has settings of its own in it.
    game_file: Option<String>,
}

impl RawValues {
    /// The defaults of all settings. Only those of `table` can be set.
    pub(super) fn defaults(all: &'static [Setting], table: &'static [Setting]) -> Self {
        let default =
            |setting: &'static Setting| (setting.name.as_str(), vec![(setting.default.to_owned(), Source::Default)]);
        let values: BTreeMap<_, _> = all.iter().map(default).collect();
        assert_eq!(values.len(), all.len(), "two settings have the same name");
        assert!(table.iter().all(|setting| values.contains_key(setting.name.as_str())), "a setting has no default");
        RawValues { table, values, doubtful: BTreeSet::new(), game_file: None }
    }

    /// The settings that can be set, in the order in which they are shown.
    pub(super) fn table(&self) -> &'static [Setting] {
        self.table
    }

    /// The setting with this name.
    pub(super) fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.table.iter().find(|setting| setting.name == name)
    }

    /// The text of a setting, and its source.
    ///
    /// # Panics
    /// If there is no setting with this name.
    pub fn get(&self, name: &str) -> (&str, &Source) {
        let (text, source) = self.all(name).last().expect("a setting has at least its default");
        (text, source)
    }

    /// The texts of a setting from all sources; the last one wins.
    pub(super) fn all(&self, name: &str) -> &[(String, Source)] {
        let all = self.values.get(name).unwrap_or_else(|| panic!("there is no setting {name}"));
        assert_eq!(all.first().map(|(_, source)| source), Some(&Source::Default), "{name} has lost its default");
        all
    }

    /// Sets a setting; it wins over what earlier sources say.
    pub(super) fn set(&mut self, setting: &'static Setting, text: String, source: Source) {
        assert_ne!(source, Source::Default, "only the table sets defaults");
        let last = self.get(&setting.name).1;
        assert!(last.precedence() <= source.precedence(), "{}: {source} does not win over {last}", setting.name);
        self.doubtful.remove(&setting.name);
        self.values.entry(&setting.name).or_default().push((text, source));
    }

    /// Notes that a source has a value for this setting that cannot be read.
    pub(super) fn doubt(&mut self, name: &str) {
        self.doubtful.insert(name.to_owned());
    }

    /// Notes that for all settings.
    pub(super) fn doubt_all(&mut self) {
        self.doubtful.extend(self.table.iter().map(|setting| setting.name.clone()));
    }

    /// Whether the text of a setting may differ from what its sources mean.
    pub(super) fn is_doubtful(&self, name: &str) -> bool {
        self.doubtful.contains(name)
    }

    /// Copies one setting from `other`, which was read later.
    pub(super) fn copy_from(&mut self, setting: &'static Setting, other: &RawValues) {
        assert!(setting.live, "{} changes only with a restart", setting.name);
        self.values.insert(&setting.name, other.all(&setting.name).to_vec());
    }

    /// The text of the file, if it has a table `[game]` that was found right.
    pub(super) fn game_file(&self) -> Option<&str> {
        self.game_file.as_deref()
    }

    /// Keeps the text of a file with a table `[game]`.
    pub(super) fn set_game_file(&mut self, text: String) {
        self.game_file = Some(text);
    }

    /// The table `[game]` as TOML, without its places in the file.
    pub(super) fn game_values(&self) -> toml::Table {
        let table = self.game_file().and_then(table_of);
        table.and_then(|table| toml::Table::deserialize(toml::Deserializer::from(table)).ok()).unwrap_or_default()
    }

    /// All settings as a file, with the source of each behind it. Of the game's own settings, those that the file sets.
    pub fn file(&self) -> String {
        let mut file = String::new();
        let mut group = "";
        for setting in self.table {
            let (text, source) = self.get(&setting.name);
            if setting.group != group {
                group = setting.group;
                file.push_str(&format!("{}# {group}\n", if file.is_empty() { "" } else { "\n" }));
            }
            file.push_str(&format!("{} = {}  # {source}\n", setting.name, setting.kind.toml(text)));
        }
        let game = self.game_values();
        if !game.is_empty() {
            let table = toml::Table::from_iter([(GAME.to_owned(), toml::Value::Table(game))]);
            file.push_str(&format!("\n{}", toml::to_string(&table).unwrap_or_default()));
        }
        file
    }
}
