//! Builds a new file of places.

use crate::places::cells;
use crate::places::place::Place;
use crate::places::schema;
use crate::places::words::fold;
use ring::digest::{SHA256, digest};
use rusqlite::{Connection, params};
use std::path::Path;

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1_000;

/// A place to add, and its importance as the source has it.
pub struct Row {
    /// Its key, kind and importance are not read.
    pub place: Place,
    /// At least 0.
    pub importance: f64,
}

/// A file that is being built.
///
/// Rows are staged first, because their ranks are known only when all of them are there.
pub struct Build {
    connection: Connection,
    kinds: Vec<String>,
    staged: u64,
}

impl Build {
    /// Begins a file. An existing one is removed.
    pub fn new(path: &Path) -> rusqlite::Result<Build> {
        // If it cannot be removed, it cannot be written either.
        let _ = std::fs::remove_file(path);
        let connection = Connection::open(path)?;
        // A file that is not complete is thrown away: it needs no journal.
        connection.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = FILE;",
        )?;
        schema::create(&connection)?;
        connection.execute_batch(
            "CREATE TEMP TABLE staged (kind INTEGER, key INTEGER PRIMARY KEY, name TEXT, latitude REAL, longitude REAL,
                 region TEXT, importance REAL, price REAL, cuisine TEXT, rating REAL);
             BEGIN;",
        )?;
        Ok(Build { connection, kinds: Vec::new(), staged: 0 })
    }

    /// Begins a kind.
    pub fn begin(&mut self, kind: &str) -> rusqlite::Result<u32> {
        self.kinds.push(kind.to_owned());
        Ok(self.kinds.len() as u32 - 1)
    }

    /// Adds a place; false if there is one of the same kind, name and position.
    pub fn add(&mut self, kind: u32, row: &Row) -> rusqlite::Result<bool> {
        let Row { place, importance } = row;
        let (latitude, longitude) = (schema::units(place.position.latitude), schema::units(place.position.longitude));
        let position = schema::position(latitude, longitude);
        let key = key(&self.kinds[kind as usize], &place.name, latitude, longitude);
        let sql = "INSERT OR IGNORE INTO staged VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let added = self.connection.prepare_cached(sql)?.execute(params![
            kind,
            key as i64,
            place.name,
            position.latitude,
            position.longitude,
            place.region,
            importance,
            place.price,
            place.cuisine,
            place.rating
        ])?;
        self.staged += added as u64;
        Ok(added == 1)
    }

    /// Writes all tables.
    pub fn finish(self, progress: &mut dyn FnMut(f64)) -> rusqlite::Result<()> {
        let mut written = 0;
        for kind in 0..self.kinds.len() as u32 {
            self.write_kind(kind, &mut || {
                written += 1;
                if written % PROGRESS_ROWS == 0 {
                    progress(0.9 * written as f64 / self.staged as f64);
                }
            })?;
        }
        self.connection.execute_batch("COMMIT; CREATE INDEX place_folded ON place (folded);")?;
        progress(0.95);
        self.connection
            .execute_batch("INSERT INTO place_words (place_words) VALUES ('optimize'); DROP TABLE staged;")?;
        progress(1.0);
        self.connection.close().map_err(|(_, error)| error)
    }

    fn write_kind(&self, kind: u32, each: &mut dyn FnMut()) -> rusqlite::Result<()> {
        let connection = &self.connection;
        let (places, importance_max): (i64, f64) = connection.query_row(
            "SELECT count(*), coalesce(max(importance), 0.0) FROM staged WHERE kind = ?1",
            [kind],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let name = &self.kinds[kind as usize];
        connection.execute("INSERT INTO kind VALUES (?1, ?2, ?3, ?4)", params![kind, name, places, importance_max])?;
        (0..schema::tiers(places as u64)).try_for_each(|tier| schema::create_tree(connection, kind, tier))?;
        let scale = if importance_max > 0.0 { 1.0 / importance_max.ln_1p() } else { 0.0 };
        // The key makes the order complete, so that the same source gives the same file.
        let mut staged = connection.prepare(
            "SELECT key, name, latitude, longitude, region, importance, price, cuisine, rating FROM staged WHERE kind = ?1
             ORDER BY importance DESC, name, key",
        )?;
        let mut place =
            connection.prepare("INSERT INTO place VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?;
        let mut words = connection.prepare("INSERT INTO place_words (rowid, folded) VALUES (?1, ?2)")?;
        let mut rows = staged.query([kind])?;
        let (mut rank, mut codes) = (0, Vec::with_capacity(places as usize));
        while let Some(row) = rows.next()? {
            let id = schema::id(kind, rank);
            let name: String = row.get(1)?;
            let (folded, position) = (fold(&name), (row.get::<_, f64>(2)?, row.get::<_, f64>(3)?));
            let importance = row.get::<_, f64>(5)?.ln_1p() * scale;
            place.execute(params![
                id,
                row.get::<_, i64>(0)?,
                name,
                folded,
                position.0,
                position.1,
                row.get::<_, String>(4)?,
                importance,
                row.get::<_, Option<f64>>(6)?,
                row.get::<_, String>(7)?,
                row.get::<_, Option<f64>>(8)?
            ])?;
            words.execute(params![id, folded])?;
            let tree = schema::tree(kind, schema::tier(rank));
            let (latitude, longitude) = (schema::units(position.0), schema::units(position.1));
            connection
                .prepare_cached(&format!("INSERT INTO {tree} VALUES (?1, ?2, ?2, ?3, ?3)"))?
                .execute(params![id, latitude, longitude])?;
            codes.push(cells::code(latitude, longitude));
            rank += 1;
            each();
        }
        let mut cell = connection.prepare("INSERT INTO cell VALUES (?1, ?2, ?3)")?;
        cells::cells(codes)
            .into_iter()
            .try_for_each(|it| cell.execute(params![kind, it.code as i64, it.level]).map(drop))
    }
}

/// Names a place by what does not change when it is imported again. 63 bits, because SQLite has signed numbers.
fn key(kind: &str, name: &str, latitude: i32, longitude: i32) -> u64 {
    let text = format!("ringshard place 1\0{kind}\0{name}\0{latitude}\0{longitude}");
    let digest = digest(&SHA256, text.as_bytes());
    u64::from_le_bytes(digest.as_ref()[..8].try_into().expect("a digest has 32 bytes")) >> 1
}
