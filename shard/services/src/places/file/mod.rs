//! An open file of places, and its queries. They block; `pool` runs them beside the services.

mod complete;
mod error;
mod nearest;

pub use complete::{CANDIDATES, Completion, NEIGHBOURS};
pub use error::PlacesError;

use super::cells::{self, Cell};
use super::place::{LIMIT_MAX, Place};
use super::position::{Bounds, Position};
use super::schema;
use error::failure;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use std::path::{Path, PathBuf};

/// A kind of places in a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Kind {
    pub(super) number: u32,
    /// Its name.
    pub name: String,
    /// How many places it has.
    pub places: u64,
    /// The greatest importance, as imported.
    pub importance_max: f64,
}

/// An open file of places.
pub struct PlacesFile {
    path: PathBuf,
    connection: Connection,
    kinds: Vec<Kind>,
    /// Of each of the kinds.
    cells: Vec<Vec<Cell>>,
}

/// Reads the columns of a place in the order of [`PlacesFile::read`].
macro_rules! select_place {
    ($where:literal) => {
        concat!(
            "SELECT id, key, name, latitude, longitude, region, importance, price, cuisine, rating FROM place WHERE ",
            $where
        )
    };
}

impl PlacesFile {
    /// Opens a file.
    ///
    /// # Errors
    /// [`PlacesError`] if the file is missing, unreadable, damaged, or of another version.
    pub fn open(path: &Path) -> Result<PlacesFile, PlacesError> {
        if !path.exists() {
            return Err(PlacesError::Missing(path.to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            let number = |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0));
            let (application, version): (i32, i32) = (number("application_id")?, number("user_version")?);
            connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA query_only = 1;")?;
            connection.set_prepared_statement_cache_capacity(128);
            Ok((connection, application, version))
        });
        let (connection, application, version) = opened.map_err(|error| failure(path, &error))?;
        if application != schema::APPLICATION_ID {
            let reason = "it has not the mark of a file of places".to_owned();
            return Err(PlacesError::Damaged { path: path.to_owned(), reason });
        }
        if version != schema::VERSION {
            return Err(PlacesError::Version { path: path.to_owned(), found: version });
        }
        let kinds = kinds(&connection).map_err(|error| failure(path, &error))?;
        let cells: Result<Vec<_>, _> = kinds.iter().map(|kind| read_cells(&connection, kind)).collect();
        let cells = cells.map_err(|error| failure(path, &error))?;
        if !cells.iter().all(|cells| cells::are_valid(cells)) {
            let reason = "its table `cell` has no order".to_owned();
            return Err(PlacesError::Damaged { path: path.to_owned(), reason });
        }
        Ok(PlacesFile { path: path.to_owned(), connection, kinds, cells })
    }

    /// The kinds of places, in the order of their import.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The most important places in a box, the most important first.
    ///
    /// # Errors
    /// [`PlacesError`].
    pub fn inside(&self, bounds: &Bounds, kind: Option<&str>, limit: usize) -> Result<Vec<Place>, PlacesError> {
        check_limit(limit, LIMIT_MAX)?;
        let mut found = Vec::new();
        for kind in self.wanted(kind)? {
            found.extend(self.inside_kind(bounds, kind, limit).map_err(|error| self.failure(&error))?);
        }
        found.sort_by(|(a_id, a), (b_id, b)| b.importance.total_cmp(&a.importance).then(a_id.cmp(b_id)));
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, place)| place).collect())
    }

    fn inside_kind(&self, bounds: &Bounds, kind: &Kind, limit: usize) -> rusqlite::Result<Vec<(i64, Place)>> {
        let mut found = Vec::new();
        for tier in 0..schema::tiers(kind.places) {
            let mut ids: Vec<i64> = Vec::new();
            self.each_in(bounds, kind, tier, |id, _| ids.push(id))?;
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                if found.len() == limit {
                    return Ok(found);
                }
                let Some(place) = self.place(id)? else { continue };
                if bounds.contains(place.position) {
                    found.push((id, place));
                }
            }
        }
        Ok(found)
    }

    /// The place of a key.
    ///
    /// # Errors
    /// [`PlacesError`] if the file is damaged.
    pub fn by_key(&self, key: u64) -> Result<Option<Place>, PlacesError> {
        let find = || {
            let sql = select_place!("key = ?1");
            self.connection.prepare_cached(sql)?.query_row([key as i64], |row| self.read(row)).optional()
        };
        find().map_err(|error| self.failure(&error))
    }

    /// Gives each place of a kind, the most important first, with the importance that was imported.
    pub(super) fn each_of(&self, kind: &Kind, each: &mut dyn FnMut(Place, f64)) -> Result<(), PlacesError> {
        let read = |each: &mut dyn FnMut(Place, f64)| {
            let mut statement = self.connection.prepare(select_place!("id BETWEEN ?1 AND ?2 ORDER BY id"))?;
            let mut rows = statement.query(schema::ids(kind.number))?;
            while let Some(row) = rows.next()? {
                let place = self.read(row)?;
                let importance = (place.importance * kind.importance_max.ln_1p()).exp_m1();
                each(place, importance);
            }
            Ok(())
        };
        read(each).map_err(|error| self.failure(&error))
    }

    fn each_in(
        &self,
        bounds: &Bounds,
        kind: &Kind,
        tier: u32,
        mut each: impl FnMut(i64, Position),
    ) -> rusqlite::Result<()> {
        let rows = (schema::units_around(bounds.south).0, schema::units_around(bounds.north).1);
        bounds.spans().try_for_each(|(west, east)| {
            let columns = (schema::units_around(west).0, schema::units_around(east).1);
            self.each_between(kind, tier, rows, columns, &mut each)
        })
    }

    /// Gives the places between units of latitude and of longitude.
    fn each_between(
        &self,
        kind: &Kind,
        tier: u32,
        (south, north): (i32, i32),
        (west, east): (i32, i32),
        each: &mut impl FnMut(i64, Position),
    ) -> rusqlite::Result<()> {
        let tree = schema::tree(kind.number, tier);
        let sql = format!(
            "SELECT id, south, west FROM {tree} WHERE south >= ?1 AND north <= ?2 AND west >= ?3 AND east <= ?4"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((south, north, west, east))?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, schema::position(row.get(1)?, row.get(2)?));
        }
        Ok(())
    }

    fn cells(&self, kind: &Kind) -> &[Cell] {
        let at = self.kinds.iter().position(|it| it.number == kind.number);
        at.map_or(&[], |at| &self.cells[at])
    }

    fn place(&self, id: i64) -> rusqlite::Result<Option<Place>> {
        self.connection.prepare_cached(select_place!("id = ?1"))?.query_row([id], |row| self.read(row)).optional()
    }

    fn read(&self, row: &Row<'_>) -> rusqlite::Result<Place> {
        let number = (row.get::<_, i64>(0)? >> 32) as u32;
        let kind = self.kinds.iter().find(|kind| kind.number == number);
        let out_of_range = |column, reason| rusqlite::Error::FromSqlConversionFailure(column, Type::Real, reason);
        let position = Position::new(row.get(3)?, row.get(4)?).map_err(|error| out_of_range(3, Box::new(error)))?;
        Ok(Place {
            key: row.get::<_, i64>(1)? as u64,
            kind: kind.map(|kind| kind.name.clone()).unwrap_or_default(),
            name: row.get(2)?,
            position,
            region: row.get(5)?,
            importance: row.get(6)?,
            price: row.get(7)?,
            cuisine: row.get(8)?,
            rating: row.get(9)?,
        })
    }

    fn wanted(&self, kind: Option<&str>) -> Result<Vec<&Kind>, PlacesError> {
        let Some(name) = kind else { return Ok(self.kinds.iter().collect()) };
        match self.kinds.iter().find(|kind| kind.name == name) {
            Some(kind) => Ok(vec![kind]),
            None => {
                let known: Vec<&str> = self.kinds.iter().map(|kind| kind.name.as_str()).collect();
                Err(PlacesError::Kind { kind: name.to_owned(), known: known.join(", ") })
            }
        }
    }

    fn failure(&self, error: &rusqlite::Error) -> PlacesError {
        failure(&self.path, error)
    }
}

fn check_limit(limit: usize, most: usize) -> Result<(), PlacesError> {
    if (1..=most).contains(&limit) { Ok(()) } else { Err(PlacesError::Limit { most }) }
}

fn kinds(connection: &Connection) -> rusqlite::Result<Vec<Kind>> {
    let mut statement = connection.prepare("SELECT number, name, places, importance_max FROM kind ORDER BY number")?;
    let kinds = statement.query_map([], |row| {
        Ok(Kind {
            number: row.get(0)?,
            name: row.get(1)?,
            places: row.get::<_, i64>(2)?.max(0) as u64,
            importance_max: row.get(3)?,
        })
    })?;
    kinds.collect()
}

fn read_cells(connection: &Connection, kind: &Kind) -> rusqlite::Result<Vec<Cell>> {
    let mut statement = connection.prepare("SELECT code, level FROM cell WHERE kind = ?1 ORDER BY code")?;
    let cells = statement
        .query_map([kind.number], |row| Ok(Cell { code: row.get::<_, i64>(0)? as u64, level: row.get(1)? }))?;
    cells.collect()
}
