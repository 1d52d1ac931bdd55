//! Where an address is: its country and a position, from a local file in the MMDB format. Nothing is asked of the internet.
//!
//! A database of cities gives the position of the city. A database of countries gives the code of the country, and the
//! position comes from a table. Databases: DB-IP (City Lite, Country Lite), GeoLite, and those of ip-location-db.
//!
//! | file | has |
//! |---|---|
//! | `position` | [`Position`], and distances |
//! | `countries` | one position per country |
//! | `database` | [`Database`]: one file |
//! | `watched` | [`Watched`]: reads the file again when it changes |

mod countries;
mod database;
mod position;
mod watched;

pub use database::{Database, LocationError};
pub use position::{NotAPosition, Position};
pub use watched::{Locator, Look, Watched};

use serde::{Serialize, Serializer};
use std::fmt;

/// Where an address is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Place {
    /// Its country, if the database says.
    pub country: Option<Country>,
    /// Where it is.
    pub position: Position,
    /// Whether the position is the database's. Otherwise it is that of the country.
    pub is_exact: bool,
}

/// The two letters of a country (ISO 3166).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Country([u8; 2]);

impl Country {
    /// The country with this code: two letters from A to Z.
    pub fn from_code(code: &str) -> Option<Country> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Country(letters))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(str::from_utf8(&self.0).expect("the letters of a country are ASCII"))
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
