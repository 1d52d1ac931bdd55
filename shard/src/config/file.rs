//! Settings in a file: TOML, read to its end whatever is wrong on the way, with the line of everything in it.

use super::form::Kind;
use super::settings::{Key, keys};
use super::texts::{Source, Texts};
use super::wrong::SettingError;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Takes over what the file at `path` says.
pub(super) fn read(path: &Path, texts: &mut Texts, wrong: &mut Vec<SettingError>) {
    match std::fs::read_to_string(path) {
        Ok(text) => File { path, text: &text, broken: Vec::new() }.read(texts, wrong),
        Err(error) => {
            // What the file would have said is not known, so nothing can be said of the values together.
            texts.distrust_all();
            wrong.push(SettingError::File { path: path.to_owned(), why: error.to_string() });
        }
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    /// Lines that are no TOML: nothing else is said of them.
    broken: Vec<usize>,
}

impl File<'_> {
    fn read(mut self, texts: &mut Texts, wrong: &mut Vec<SettingError>) {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let line = self.line(error.span().map_or(0, |span| span.start));
            // One mistake can trip the reader several times.
            if self.broken.contains(&line) {
                continue;
            }
            self.broken.push(line);
            let name = self.text.lines().nth(line - 1).and_then(|line| line.split('=').next()).unwrap_or_default();
            texts.distrust(name.trim());
            wrong.push(SettingError::Syntax { said_by: self.source(line), why: error.message().to_owned() });
        }
        self.take(table.get_ref(), texts, wrong);
    }

    fn take(&self, table: &DeTable<'_>, texts: &mut Texts, wrong: &mut Vec<SettingError>) {
        for (name, value) in table {
            let line = self.line(name.span().start);
            if self.broken.contains(&line) {
                continue;
            }
            let (name, said_by) = (name.get_ref().as_ref(), self.source(line));
            match (keys().iter().find(|key| key.name == name), value.get_ref()) {
                (Some(key), value) => set(key, value, said_by, texts, wrong),
                (None, DeValue::Table(inner)) => {
                    wrong.push(SettingError::Table { name: name.to_owned(), said_by });
                    self.take(inner, texts, wrong);
                }
                (None, _) => wrong.push(SettingError::unknown(name, said_by, |key| key.name.clone())),
            }
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

fn set(key: &Key, value: &DeValue<'_>, said_by: Source, texts: &mut Texts, wrong: &mut Vec<SettingError>) {
    match plain(value, &key.kind) {
        Some(text) => texts.set(key, text, said_by),
        None => {
            texts.distrust(&key.name);
            wrong.push(SettingError::Value {
                key: key.name.clone(),
                value: format!("a TOML {}", value.type_str()),
                said_by,
                why: None,
                expects: key.expects.clone(),
            });
        }
    }
}

/// A value of a file as the text that a flag would have.
fn plain(value: &DeValue<'_>, kind: &Kind) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let read = i128::from_str_radix(number.as_str(), number.radix()).ok();
            Some(read.map_or_else(|| number.to_string(), |number| number.to_string()))
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(items) if *kind == Kind::List => {
            let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
            Some(items.iter().map(text).collect::<Option<Vec<_>>>()?.join(","))
        }
        _ => None,
    }
}
