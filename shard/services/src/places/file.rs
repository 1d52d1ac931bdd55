//! An open file of places, and its queries. They block; `pool` runs them beside the services.

use super::place::{CANDIDATES_MAX, LIMIT_MAX, Near, Place};
use super::position::{Bounds, DISTANCE_MAX, Position};
use super::schema;
use super::words::{InvalidQuery, Match, Query};
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row};
use std::path::{Path, PathBuf};

/// The first radius of a search for the nearest places, in metres, and by how much it grows.
const RADIUS_FIRST: f64 = 2_000.0;
const RADIUS_GROWTH: f64 = 3.0;
/// Matches of each kind that [`PlacesFile::complete`] compares by distance: the most important ones, and the nearest ones.
pub const CANDIDATES: usize = 256;
/// Nearest places among which [`PlacesFile::complete`] looks for matches.
pub const NEIGHBOURS: usize = 100;
/// The distance in metres at which the score for proximity is one half.
const HALF_DISTANCE: f64 = 50_000.0;

/// A query that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// There is no file.
    #[error("no places are here: {0} is missing; import some with `ringshard places import`")]
    Missing(PathBuf),
    /// The file is not what an import made.
    #[error("{path} is damaged or no file of places: {reason}; import the places again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another version made the file.
    #[error("{path} has version {found}, and this program reads version {}: import the places again", schema::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
    },
    /// The system refused.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The text is not a query.
    #[error(transparent)]
    Query(#[from] InvalidQuery),
    /// No such kind.
    #[error("no kind of places is called `{kind}`; there are: {known}")]
    Kind {
        /// What was asked for.
        kind: String,
        /// The kinds of the file.
        known: String,
    },
    /// The limit is out of range.
    #[error("a limit lies between 1 and {LIMIT_MAX}")]
    Limit,
    /// All connections are in use.
    #[error("too many queries for places at once: try again")]
    Busy,
}

impl PlacesError {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            PlacesError::Query(_) | PlacesError::Kind { .. } | PlacesError::Limit => 400,
            _ => 503,
        }
    }
}

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

/// A place which completes a query.
#[derive(Clone, PartialEq, Debug)]
pub struct Completion {
    /// The place.
    pub place: Place,
    /// How its name matches.
    pub matched: Match,
    /// By what it is ranked among matches of one kind, from 0 to 1.
    pub score: f64,
    /// In metres, if the query has a position.
    pub distance: Option<f64>,
}

/// An open file of places.
pub struct PlacesFile {
    path: PathBuf,
    connection: Connection,
    kinds: Vec<Kind>,
}

/// The columns of a place, in the order that [`place`] reads.
const COLUMNS: &str = "id, key, name, latitude, longitude, region, importance, price, cuisine, rating";

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
        Ok(PlacesFile { path: path.to_owned(), connection, kinds })
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
        check_limit(limit)?;
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

    /// The nearest places, the nearest first; of places at the same distance, the most important first.
    ///
    /// # Arguments
    /// `within`: places farther than this, in metres, are left out.
    ///
    /// # Errors
    /// [`PlacesError`].
    pub fn nearest(
        &self,
        centre: Position,
        within: f64,
        kind: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Near>, PlacesError> {
        check_limit(limit)?;
        self.nearest_candidates(centre, within, kind, limit)
    }

    /// As [`PlacesFile::nearest`], with up to [`CANDIDATES_MAX`] results.
    ///
    /// # Errors
    /// [`PlacesError`].
    pub fn nearest_candidates(
        &self,
        centre: Position,
        within: f64,
        kind: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Near>, PlacesError> {
        let limit = limit.clamp(1, CANDIDATES_MAX);
        let kinds = self.wanted(kind)?;
        let find = || {
            let mut found = Vec::new();
            for (distance, id) in self.nearest_ids(centre, within, &kinds, limit)? {
                found.extend(self.place(id)?.map(|place| Near { place, distance }));
            }
            Ok(found)
        };
        find().map_err(|error| self.failure(&error))
    }

    /// Distances and ids. The radius grows until it has enough places.
    fn nearest_ids(
        &self,
        centre: Position,
        within: f64,
        kinds: &[&Kind],
        limit: usize,
    ) -> rusqlite::Result<Vec<(f64, i64)>> {
        let within = within.clamp(0.0, DISTANCE_MAX);
        let mut radius = RADIUS_FIRST.min(within);
        let mut found: Vec<(f64, i64)> = Vec::new();
        loop {
            found.clear();
            for kind in kinds {
                for tier in 0..schema::tiers(kind.places) {
                    self.each_in(&Bounds::around(centre, radius), kind, tier, |id, at| {
                        found.push((centre.distance(at), id));
                    })?;
                }
            }
            found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            found.dedup_by_key(|(_, id)| *id);
            // The box has everything within the radius, but not everything beyond it: only what is within is proven.
            let proven = found.iter().take_while(|(distance, _)| *distance <= radius).count();
            if proven >= limit || radius >= within {
                found.truncate(proven.min(limit));
                return Ok(found);
            }
            let next = found.get(limit - 1).map_or(radius * RADIUS_GROWTH, |(distance, _)| *distance);
            radius = next.min(within);
        }
    }

    /// The places whose names a text begins.
    ///
    /// # Ranking
    /// 1. How the name matches: [`Match::Exact`], [`Match::Start`], [`Match::Words`].
    /// 2. Without a position: the importance. With one: half the importance and half the proximity, which is 1 here, one
    ///    half at 50 km, and less farther away. Of each kind of match, the [`CANDIDATES`] most important ones are ranked, and those
    ///    among the [`NEIGHBOURS`] nearest places.
    /// 3. The order of the file.
    ///
    /// # Errors
    /// [`PlacesError`].
    pub fn complete(
        &self,
        query: &Query,
        near: Option<Position>,
        kind: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Completion>, PlacesError> {
        check_limit(limit)?;
        let kinds = self.wanted(kind)?;
        let mut found = Vec::new();
        for kind in kinds {
            found.extend(self.complete_kind(query, near, kind, limit).map_err(|error| self.failure(&error))?);
        }
        found.sort_by(|(a_id, a), (b_id, b)| {
            a.matched.cmp(&b.matched).then(b.score.total_cmp(&a.score)).then(a_id.cmp(b_id))
        });
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, completion)| completion).collect())
    }

    fn complete_kind(
        &self,
        query: &Query,
        near: Option<Position>,
        kind: &Kind,
        limit: usize,
    ) -> rusqlite::Result<Vec<(i64, Completion)>> {
        let mut neighbours = Vec::new();
        if let Some(near) = near {
            for (_, id) in self.nearest_ids(near, DISTANCE_MAX, &[kind], NEIGHBOURS)? {
                neighbours.extend(self.folded(id)?.and_then(|folded| Some((query.matches(&folded)?, id))));
            }
        }
        let mut found = Vec::new();
        for matched in [Match::Exact, Match::Start, Match::Words] {
            let wanted = if near.is_some() { CANDIDATES } else { limit - found.len() };
            let mut of_match = self.matching(query, matched, kind, wanted)?;
            of_match.extend(neighbours.iter().filter(|(kind, _)| *kind == matched).map(|(_, id)| *id));
            of_match.sort_unstable();
            of_match.dedup();
            for id in &of_match {
                let Some(place) = self.place(*id)? else { continue };
                let distance = near.map(|near| near.distance(place.position));
                let score = score(place.importance, distance);
                found.push((*id, Completion { place, matched, score, distance }));
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The ids of the most important matches of one kind. Those that match better are left out, so they must be few.
    fn matching(&self, query: &Query, matched: Match, kind: &Kind, wanted: usize) -> rusqlite::Result<Vec<i64>> {
        let (first, last) = schema::ids(kind.number);
        let (text, sql) = match matched {
            Match::Exact => {
                (query.text().to_owned(), "SELECT id FROM place WHERE folded = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id")
            }
            Match::Start => (query.start(), WORDS),
            Match::Words => (query.words(), WORDS),
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((text, first, last))?;
        let mut ids = Vec::new();
        while ids.len() < wanted {
            let Some(row) = rows.next()? else { break };
            let id = row.get(0)?;
            if matched == Match::Exact || self.matches_as(query, matched, id)? {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn matches_as(&self, query: &Query, matched: Match, id: i64) -> rusqlite::Result<bool> {
        Ok(self.folded(id)?.and_then(|folded| query.matches(&folded)) == Some(matched))
    }

    fn folded(&self, id: i64) -> rusqlite::Result<Option<String>> {
        let mut statement = self.connection.prepare_cached("SELECT folded FROM place WHERE id = ?1")?;
        statement.query_row([id], |row| row.get(0)).optional()
    }

    /// The place of a key.
    ///
    /// # Errors
    /// [`PlacesError`] if the file is damaged.
    pub fn by_key(&self, key: u64) -> Result<Option<Place>, PlacesError> {
        let find = || {
            let sql = format!("SELECT {COLUMNS} FROM place WHERE key = ?1");
            self.connection.prepare_cached(&sql)?.query_row([key as i64], |row| self.read(row)).optional()
        };
        find().map_err(|error| self.failure(&error))
    }

    /// Gives each place of a kind, the most important first, with the importance that was imported.
    pub(super) fn each_of(&self, kind: &Kind, each: &mut dyn FnMut(Place, f64)) -> Result<(), PlacesError> {
        let read = |each: &mut dyn FnMut(Place, f64)| {
            let sql = format!("SELECT {COLUMNS} FROM place WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
            let mut statement = self.connection.prepare(&sql)?;
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
        let tree = schema::tree(kind.number, tier);
        let sql = format!(
            "SELECT id, south, west FROM {tree} WHERE south >= ?1 AND north <= ?2 AND west >= ?3 AND east <= ?4"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let (south, north) = (schema::units_around(bounds.south).0, schema::units_around(bounds.north).1);
        for (west, east) in bounds.spans() {
            let (west, east) = (schema::units_around(west).0, schema::units_around(east).1);
            let mut rows = statement.query((south, north, west, east))?;
            while let Some(row) = rows.next()? {
                each(row.get(0)?, schema::position(row.get(1)?, row.get(2)?));
            }
        }
        Ok(())
    }

    fn place(&self, id: i64) -> rusqlite::Result<Option<Place>> {
        let sql = format!("SELECT {COLUMNS} FROM place WHERE id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], |row| self.read(row)).optional()
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

const WORDS: &str =
    "SELECT rowid FROM place_words WHERE place_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid";

/// By what matches of one kind are ranked.
fn score(importance: f64, distance: Option<f64>) -> f64 {
    match distance {
        None => importance,
        Some(distance) => 0.5 * importance + 0.5 * HALF_DISTANCE / (HALF_DISTANCE + distance),
    }
}

fn check_limit(limit: usize) -> Result<(), PlacesError> {
    if (1..=LIMIT_MAX).contains(&limit) { Ok(()) } else { Err(PlacesError::Limit) }
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

fn failure(path: &Path, error: &rusqlite::Error) -> PlacesError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
            PlacesError::Unreadable { path, reason }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => PlacesError::Busy,
        _ => PlacesError::Damaged { path, reason },
    }
}
