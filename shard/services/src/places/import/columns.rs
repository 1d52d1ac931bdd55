//! Which column of a source is what.

use super::build::Row;
use crate::places::place::{LABEL_BYTES_MAX, NAME_BYTES_MAX, Place};
use crate::places::position::Position;
use crate::places::words::fold;
use std::fmt;
use std::str::FromStr;

/// What a column can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// The name of the place.
    Name,
    /// In degrees.
    Latitude,
    /// In degrees.
    Longitude,
    /// A number such as the population: more is more important.
    Importance,
    /// Such as a country's code.
    Region,
    /// Price for one person.
    Price,
    /// Such as "italian".
    Cuisine,
    /// From 0 to 5.
    Rating,
}

/// All columns, and the titles by which they are found.
const COLUMNS: [(Column, &[&str]); 8] = [
    (Column::Name, &["name", "title"]),
    (Column::Latitude, &["latitude", "lat"]),
    (Column::Longitude, &["longitude", "lon", "lng", "long"]),
    (Column::Importance, &["importance", "population"]),
    (Column::Region, &["region", "country"]),
    (Column::Price, &["price", "price_per_person"]),
    (Column::Cuisine, &["cuisine"]),
    (Column::Rating, &["rating", "stars"]),
];

/// The titles of the columns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Columns {
    chosen: Vec<(Column, String)>,
}

/// An invalid mapping; a valid one is such as `name=Title`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` maps no column: write COLUMN=TITLE, where COLUMN is one of {columns}", columns = names())]
pub struct InvalidMapping(String);

fn names() -> String {
    COLUMNS.map(|(column, _)| column.to_string()).join(", ")
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = COLUMNS.iter().find(|(column, _)| column == self);
        f.write_str(found.map_or("", |(_, titles)| titles[0]))
    }
}

impl Columns {
    /// Chooses the title of a column: `name=Title`.
    ///
    /// # Errors
    /// [`InvalidMapping`].
    pub fn choose(&mut self, mapping: &str) -> Result<(), InvalidMapping> {
        let invalid = || InvalidMapping(mapping.to_owned());
        let (column, title) = mapping.split_once('=').ok_or_else(invalid)?;
        let (column, _) = COLUMNS.iter().find(|(_, titles)| titles[0] == column).ok_or_else(invalid)?;
        if title.is_empty() {
            return Err(invalid());
        }
        self.chosen.retain(|(other, _)| other != column);
        self.chosen.push((*column, title.to_owned()));
        Ok(())
    }

    /// The title of a column, if one was chosen.
    fn title(&self, column: Column) -> Option<&str> {
        self.chosen.iter().find(|(it, _)| *it == column).map(|(_, title)| title.as_str())
    }

    /// Whether a title names the column. Without a choice, case does not matter.
    fn is(&self, column: Column, titles: &[&str], title: &str) -> bool {
        match self.title(column) {
            Some(chosen) => chosen == title,
            None => titles.iter().any(|it| it.eq_ignore_ascii_case(title)),
        }
    }
}

/// Where each column is among the titles of a source.
pub struct Layout([Option<usize>; COLUMNS.len()]);

impl Layout {
    /// Finds the columns.
    ///
    /// # Errors
    /// A sentence, if a column is missing or was chosen and is not there.
    pub fn new(columns: &Columns, titles: &[&str]) -> Result<Layout, String> {
        let found = COLUMNS.map(|(column, known)| titles.iter().position(|title| columns.is(column, known, title)));
        for (at, (column, known)) in COLUMNS.iter().enumerate() {
            if found[at].is_some() {
                continue;
            }
            if let Some(title) = columns.title(*column) {
                return Err(format!("it has no column `{title}`; its columns are {}", titles.join(", ")));
            }
            if matches!(column, Column::Name | Column::Latitude | Column::Longitude) {
                let known = known.join(", ");
                return Err(format!(
                    "no column is called {known}: name the one that is the {column} with --map {column}=TITLE"
                ));
            }
        }
        Ok(Layout(found))
    }

    /// Reads a row.
    ///
    /// # Errors
    /// A sentence that names the column.
    pub fn read<'a>(&self, cell: impl Fn(usize) -> Option<&'a str>) -> Result<Row, String> {
        let text = |column: Column| {
            let at = COLUMNS.iter().position(|(it, _)| *it == column).and_then(|at| self.0[at]);
            at.and_then(&cell).map(str::trim).unwrap_or_default()
        };
        let name = bounded(text(Column::Name), NAME_BYTES_MAX, Column::Name)?;
        if fold(&name).is_empty() {
            return Err("the name has no letter and no digit".to_owned());
        }
        let needed = |column| number(text(column), column)?.ok_or_else(|| format!("the {column} is missing"));
        let position =
            Position::new(needed(Column::Latitude)?, needed(Column::Longitude)?).map_err(|error| error.to_string())?;
        let importance = number(text(Column::Importance), Column::Importance)?.unwrap_or(0.0);
        if importance < 0.0 {
            return Err("the importance is below 0".to_owned());
        }
        let price = number(text(Column::Price), Column::Price)?;
        if price.is_some_and(|price| price < 0.0) {
            return Err("the price is below 0".to_owned());
        }
        let rating = number(text(Column::Rating), Column::Rating)?;
        if rating.is_some_and(|rating| !(0.0..=5.0).contains(&rating)) {
            return Err("a rating lies between 0 and 5".to_owned());
        }
        let place = Place {
            key: 0,
            kind: String::new(),
            name,
            position,
            region: bounded(text(Column::Region), LABEL_BYTES_MAX, Column::Region)?,
            importance: 0.0,
            price,
            cuisine: bounded(&text(Column::Cuisine).to_lowercase(), LABEL_BYTES_MAX, Column::Cuisine)?,
            rating,
        };
        Ok(Row { place, importance })
    }
}

fn number(text: &str, column: Column) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match f64::from_str(text) {
        Ok(number) if number.is_finite() => Ok(Some(number)),
        _ => Err(format!("the {column} is no number: `{}`", text.chars().take(40).collect::<String>())),
    }
}

fn bounded(text: &str, bytes_max: usize, column: Column) -> Result<String, String> {
    match text.len() {
        length if length > bytes_max => Err(format!("the {column} has {length} bytes; {bytes_max} are the most")),
        _ if text.contains('\0') => Err(format!("the {column} has a zero byte")),
        _ => Ok(text.to_owned()),
    }
}
