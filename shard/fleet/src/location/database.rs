//! One location database: a file in the MMDB format, whole in memory.

use super::countries;
use super::{Country, Place, Position};
use maxminddb::Reader;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Bytes of a file. The largest databases of cities have a tenth of it.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// A location database.
#[derive(Debug)]
pub struct Database {
    reader: Reader<Vec<u8>>,
}

/// A location database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// The file cannot be read.
    #[error("cannot read the location database {0}: {1}")]
    File(PathBuf, io::Error),
    /// The file is too long.
    #[error("{0} is longer than {FILE_BYTES_MAX} bytes: it is no location database")]
    Long(PathBuf),
    /// The file is no database.
    #[error("{0} is no location database: {1}; it must be in the MMDB format, such as DB-IP's or GeoLite's")]
    Format(PathBuf, String),
}

/// The fields of an entry that say where an address is. DB-IP and GeoLite have records in records; other databases have
/// `country_code`, `latitude` and `longitude` at the top.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    country: Option<CountryField<'a>>,
    #[serde(borrow, default)]
    registered_country: Option<CountryField<'a>>,
    #[serde(default)]
    country_code: Option<&'a str>,
    #[serde(default)]
    location: Option<Coordinates>,
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CountryField<'a> {
    Record {
        #[serde(borrow, default)]
        iso_code: Option<&'a str>,
    },
    Text(&'a str),
}

#[derive(Clone, Copy, Deserialize)]
struct Coordinates {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Database {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no database.
    pub fn open(path: &Path) -> Result<Database, LocationError> {
        let failed = |error| LocationError::File(path.to_owned(), error);
        let mut bytes = Vec::new();
        File::open(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(LocationError::Long(path.to_owned()));
        }
        Database::from_bytes(bytes).map_err(|why| LocationError::Format(path.to_owned(), why))
    }

    /// Takes a file's contents.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Database, String> {
        Reader::from_source(bytes).map(|reader| Database { reader }).map_err(|error| error.to_string())
    }

    /// What the database calls itself, such as `DBIP-City-Lite`.
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When the database was made, in seconds since 1970.
    pub fn made_s(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// Where an address is. None: the database does not know it, or its entry is damaged.
    pub fn locate(&self, address: IpAddr) -> Option<Place> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        found.decode::<Entry<'_>>().ok()??.place()
    }
}

impl Entry<'_> {
    fn place(&self) -> Option<Place> {
        let nested = |field: &Option<CountryField<'_>>| match field {
            Some(CountryField::Record { iso_code }) => iso_code.and_then(Country::from_code),
            Some(CountryField::Text(text)) => Country::from_code(text),
            None => None,
        };
        let flat = self.country_code.and_then(Country::from_code);
        let country = flat.or_else(|| nested(&self.country)).or_else(|| nested(&self.registered_country));
        let Coordinates { latitude, longitude } =
            self.location.unwrap_or(Coordinates { latitude: self.latitude, longitude: self.longitude });
        let exact = latitude.zip(longitude).and_then(|(latitude, longitude)| Position::new(latitude, longitude));
        let position = exact.or_else(|| countries::position_of(country?))?;
        Some(Place { country, position, is_exact: exact.is_some() })
    }
}
