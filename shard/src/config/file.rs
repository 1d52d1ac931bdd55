//! The settings file, in TOML. Errors do not end the reading: all are reported, each with its line.

use super::errors::SettingError;
use super::game_section::{GAME, GameSection, Wrong};
use super::raw_values::RawValues;
use super::setting_metadata::Setting;
use super::value_format::ValueKind;
use super::value_source::Source;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads the file at `path` into `raw`. It may have a table `[game]` if there is a `game` to check it.
pub(super) fn read(path: &Path, game: Option<GameSection>, raw: &mut RawValues, errors: &mut Vec<SettingError>) {
    match std::fs::read_to_string(path) {
        Ok(text) => File { path, text: &text, game, broken: Vec::new() }.read(raw, errors),
        Err(error) => {
            // The file's values are unknown, so rules between settings cannot be checked.
            raw.doubt_all();
            errors.push(SettingError::File { path: path.to_owned(), why: error.to_string() });
        }
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    game: Option<GameSection>,
    /// Lines that are not valid TOML. Nothing else is reported of them.
    broken: Vec<usize>,
}

impl File<'_> {
    fn read(mut self, raw: &mut RawValues, errors: &mut Vec<SettingError>) {
        let (table, syntax_errors) = DeTable::parse_recoverable(self.text);
        for error in syntax_errors {
            let line = self.line(error.span().map_or(0, |span| span.start));
            // One mistake can cause several errors.
            if self.broken.contains(&line) {
                continue;
            }
            self.broken.push(line);
            let name = self.text.lines().nth(line - 1).and_then(|line| line.split('=').next()).unwrap_or_default();
            raw.doubt(name.trim());
            errors.push(SettingError::Syntax { at: self.source(line), why: error.message().to_owned() });
        }
        self.take(table.get_ref(), raw, errors);
    }

    fn take(&self, table: &DeTable<'_>, raw: &mut RawValues, errors: &mut Vec<SettingError>) {
        for (name, value) in table {
            let line = self.line(name.span().start);
            if self.broken.contains(&line) {
                continue;
            }
            let (name, source) = (name.get_ref().as_ref(), self.source(line));
            match (raw.setting(name), value.get_ref()) {
                (None, DeValue::Table(inner)) if name == GAME && self.game.is_some() => {
                    self.take_game(value.span(), inner, raw, errors);
                }
                (Some(_), DeValue::Table(_)) if name == GAME => {
                    let why =
                        "these are settings of a game, which only its own server can read and check: run that program";
                    errors.push(SettingError::Game { key: String::new(), at: source, why: why.into() });
                }
                (Some(setting), value) => set(setting, value, source, raw, errors),
                (None, DeValue::Table(inner)) => {
                    errors.push(SettingError::Table { name: name.to_owned(), at: source });
                    self.take(inner, raw, errors);
                }
                (None, _) => errors.push(SettingError::unknown(name, source, raw.table(), |it| it.name.clone())),
            }
        }
    }

    /// Keeps the table `[game]`, and checks it unless the file has a line that is not valid: it may belong to that table.
    fn take_game(&self, span: Range<usize>, table: &DeTable<'_>, raw: &mut RawValues, errors: &mut Vec<SettingError>) {
        let (Some(game), true) = (self.game, self.broken.is_empty()) else { return };
        let table = Spanned::new(span, table.clone());
        let wrong = (game.check)(&table).into_iter();
        let before = errors.len();
        errors.extend(wrong.map(|Wrong { key, at, why }| {
            let at = self.source(self.line(at));
            SettingError::Game { key, at, why }
        }));
        if errors.len() == before {
            raw.set_game_file(self.text.to_owned());
        }
    }

    /// The line, from 1, of a position in bytes.
    fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
    }

    fn source(&self, line: usize) -> Source {
        Source::File(self.path.to_owned(), line)
    }
}

fn set(
    setting: &'static Setting,
    value: &DeValue<'_>,
    source: Source,
    raw: &mut RawValues,
    errors: &mut Vec<SettingError>,
) {
    match as_flag(value, &setting.kind) {
        Some(text) => raw.set(setting, text, source),
        None => {
            raw.doubt(&setting.name);
            errors.push(SettingError::Value {
                setting: setting.name.clone(),
                value: format!("a TOML {}", value.type_str()),
                at: source,
                why: None,
                expects: setting.expects.clone(),
            });
        }
    }
}

/// A TOML value as the text of a flag.
fn as_flag(value: &DeValue<'_>, kind: &ValueKind) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let read = i128::from_str_radix(number.as_str(), number.radix()).ok();
            Some(read.map_or_else(|| number.to_string(), |number| number.to_string()))
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(items) if *kind == ValueKind::List => {
            let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
            Some(items.iter().map(text).collect::<Option<Vec<_>>>()?.join(","))
        }
        _ => None,
    }
}
