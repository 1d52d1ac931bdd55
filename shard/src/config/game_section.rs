//! The settings of a game: the table `[game]` of the file. Their type is the game's own; every key that it does not have is an
//! error.

use super::errors::most_similar_name;
use serde::de::value::Error as Nothing;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;

/// The name of the table.
pub(super) const GAME: &str = "game";

/// The table, with the places of everything in it.
pub(super) type Table<'a> = Spanned<DeTable<'a>>;

/// Checks the table `[game]` of a file, for games whose settings have the type that [`GameSection::of`] names.
#[derive(Clone, Copy, Debug)]
pub struct GameSection {
    pub(super) check: fn(&Table<'_>) -> Vec<Wrong>,
}

/// Something that is wrong with the table.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The key, with those of the tables around it; empty for the whole table.
    pub(super) key: String,
    /// Where it stands, in bytes.
    pub(super) at: usize,
    pub(super) why: String,
}

impl GameSection {
    /// For settings of the type `S`. A key that is not in the file has the value that `S` gives it with `#[serde(default)]`.
    pub fn of<S: DeserializeOwned + Default>() -> Self {
        GameSection { check: |table| read::<S>(table).err().unwrap_or_default() }
    }
}

/// The table of a file that may lack it.
pub(super) fn table_of(file: &str) -> Option<Table<'_>> {
    let (file, _) = DeTable::parse_recoverable(file);
    let value = file.get_ref().get(GAME)?;
    Some(Spanned::new(value.span(), value.get_ref().as_table()?.clone()))
}

/// The settings in the table, or what is wrong with it. A wrong value ends the reading, so what comes after it in the order of
/// the alphabet is found once it is right.
pub(super) fn read<S: DeserializeOwned>(table: &Table<'_>) -> Result<S, Vec<Wrong>> {
    let mut unknown = Vec::new();
    let deserializer = toml::Deserializer::from(table.clone());
    let parsed = serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string()));
    let mut wrong: Vec<Wrong> = unknown.into_iter().map(|key| no_such_key::<S>(table, key)).collect();
    match parsed {
        Ok(settings) if wrong.is_empty() => return Ok(settings),
        Ok(_) => {}
        Err(error) => wrong.push(not_valid(table, &error)),
    }
    Err(wrong)
}

fn no_such_key<S: DeserializeOwned>(table: &Table<'_>, key: String) -> Wrong {
    let names = field_names::<S>();
    let advice = match most_similar_name(&key, names.iter().copied()) {
        // Of the tables in the table, the names are not known.
        _ if key.contains('.') => String::new(),
        Some(name) => format!("; did you mean {name}?"),
        None if names.is_empty() => "; it has none in this table".into(),
        None => format!("; it has {}", names.join(", ")),
    };
    Wrong { at: position(table, &key), why: format!("the game has no such setting{advice}"), key }
}

/// Where a key stands. `key` is its path, as in `doors.open-ms`.
fn position(table: &Table<'_>, key: &str) -> usize {
    let (mut at, mut inner) = (table.span().start, Some(table.get_ref()));
    for part in key.split('.') {
        let Some((name, value)) = inner.and_then(|table| table.get_key_value(part)) else { break };
        at = name.span().start;
        inner = value.get_ref().as_table();
    }
    at
}

/// A value that the game does not take. The key is the one whose value contains the place of the error.
fn not_valid(table: &Table<'_>, error: &toml::de::Error) -> Wrong {
    let why = error.message().to_owned();
    let contains = |span: &Range<usize>, at: usize| span.contains(&at);
    let found = error.span().and_then(|place| {
        let mut entries = table.get_ref().iter();
        entries.find(|(name, value)| contains(&value.span(), place.start) || contains(&name.span(), place.start))
    });
    match found {
        Some((name, _)) => Wrong { key: name.get_ref().to_string(), at: name.span().start, why },
        None => Wrong { key: String::new(), at: table.span().start, why },
    }
}

/// The names of the fields of a struct, as its file has them; none for other types.
fn field_names<S: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It always fails: it only asks the type what it expects.
    let _ = S::deserialize(FieldNames(&mut names));
    names
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Nothing;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing::custom("there is no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Nothing> {
        *self.0 = fields;
        Err(Nothing::custom("there is no value"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
