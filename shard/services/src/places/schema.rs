//! The file of places: its tables, and what their rows mean.
//!
//! | table | rows |
//! |---|---|
//! | `kind(number, name, places, importance_max)` | one for each kind |
//! | `place(id, key, name, folded, latitude, longitude, region, importance, price, cuisine, rating)` | one for each place |
//! | `place_words` (FTS5, without content) | the folded name of each place, under its id |
//! | `cell(kind, code, level)` | the cells of each kind: places beyond them do not exist |
//! | `box_K_T` (R*Tree of integers) | the position of each place of kind K and tier T, in units of 1e-7 degrees |
//!
//! An id is the number of the kind times 2^32, plus the rank of the place in its kind: 0 is the most important one. So results in
//! the order of ids are in the order of importance, and a query stops after the first ones. Tier 0 has the ranks below 1,024, and
//! each further tier reaches four times as far, so a query for a large box finds its results in a small tree.
//!
//! Cells are the leaves of a quadtree, see [`super::cells`]: a search for the nearest places reads the trees cell by cell.
//!
//! A file is never changed: an import makes a new one and renames it.

use super::position::Position;
use rusqlite::Connection;

/// "RSpl": says that an SQLite file is a file of places.
pub const APPLICATION_ID: i32 = 0x5253_706c;
/// The version of the tables.
pub const VERSION: i32 = 2;
/// Ranks of the first tier.
const TIER_RANKS: u64 = 1_024;
/// Units of a degree in the trees.
const UNITS: f64 = 1e7;

/// Makes the tables of an empty file. The trees are made with [`create_tree`].
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION};
         CREATE TABLE kind (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, places INTEGER NOT NULL,
             importance_max REAL NOT NULL);
         CREATE TABLE place (id INTEGER PRIMARY KEY, key INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, folded TEXT NOT NULL,
             latitude REAL NOT NULL, longitude REAL NOT NULL, region TEXT NOT NULL, importance REAL NOT NULL, price REAL,
             cuisine TEXT NOT NULL, rating REAL);
         CREATE TABLE cell (kind INTEGER, code INTEGER, level INTEGER NOT NULL, PRIMARY KEY (kind, code)) WITHOUT ROWID;
         CREATE VIRTUAL TABLE place_words USING fts5(folded, content = '', columnsize = 0, tokenize = 'ascii',
             prefix = '1 2 3 4');"
    ))
}

/// Makes the tree of a tier.
pub fn create_tree(connection: &Connection, kind: u32, tier: u32) -> rusqlite::Result<()> {
    let tree = tree(kind, tier);
    connection.execute_batch(&format!("CREATE VIRTUAL TABLE {tree} USING rtree_i32(id, south, north, west, east);"))
}

/// The name of a tree.
pub fn tree(kind: u32, tier: u32) -> String {
    format!("box_{kind}_{tier}")
}

/// The id of a place.
pub fn id(kind: u32, rank: u64) -> i64 {
    assert!(rank < 1 << 32 && kind < 1 << 30, "a rank has 32 bits");
    (i64::from(kind) << 32) | rank as i64
}

/// The first and the last id of a kind.
pub fn ids(kind: u32) -> (i64, i64) {
    (id(kind, 0), id(kind, u64::from(u32::MAX)))
}

/// The tier of a rank.
pub fn tier(rank: u64) -> u32 {
    let mut tier = 0;
    let mut ranks = TIER_RANKS;
    while rank >= ranks {
        tier += 1;
        ranks *= 4;
    }
    tier
}

/// The number of tiers of a kind.
pub fn tiers(places: u64) -> u32 {
    if places == 0 { 0 } else { tier(places - 1) + 1 }
}

/// Degrees as units of the trees.
pub fn units(degrees: f64) -> i32 {
    (degrees * UNITS).round() as i32
}

/// The units at or below, and those at or above.
pub fn units_around(degrees: f64) -> (i32, i32) {
    // One unit more on both sides, so that rounding leaves nothing out: hits are checked again.
    ((degrees * UNITS).floor() as i32 - 1, (degrees * UNITS).ceil() as i32 + 1)
}

/// The position of units.
pub fn position(latitude: i32, longitude: i32) -> Position {
    Position { latitude: f64::from(latitude) / UNITS, longitude: f64::from(longitude) / UNITS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_reaches_four_times_as_far() {
        assert_eq!((tier(0), tier(1_023), tier(1_024), tier(4_095), tier(4_096)), (0, 0, 1, 1, 2));
        assert_eq!((tiers(0), tiers(1), tiers(1_024), tiers(1_025)), (0, 1, 1, 2));
        assert!(id(1, 0) > id(0, u64::from(u32::MAX)));
    }

    #[test]
    fn positions_come_back_from_units() {
        for degrees in [-180.0, -122.419_415_5, -0.0, 0.000_000_1, 89.999_999_9, 180.0] {
            let back = position(units(degrees / 2.0), units(degrees));
            assert!((back.longitude - degrees).abs() < 1e-9, "{degrees} {back:?}");
            let (below, above) = units_around(degrees);
            assert!(below < units(degrees) && above > units(degrees));
        }
    }
}
