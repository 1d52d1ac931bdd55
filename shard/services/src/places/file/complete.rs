//! The places whose names a text begins.

use super::{Kind, PlacesError, PlacesFile, check_limit};
use crate::places::place::{LIMIT_MAX, Place};
use crate::places::position::{DISTANCE_MAX, Position};
use crate::places::schema;
use crate::places::words::{Match, Query};

/// Matches of each kind that [`PlacesFile::complete`] compares by distance: the most important ones, and the nearest ones.
pub const CANDIDATES: usize = 256;
/// Nearest places among which [`PlacesFile::complete`] looks for matches.
pub const NEIGHBOURS: usize = 100;
/// The distance in metres at which the score for proximity is one half.
const HALF_DISTANCE: f64 = 50_000.0;

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

impl PlacesFile {
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
        check_limit(limit, LIMIT_MAX)?;
        let kinds = self.wanted(kind)?;
        let find = || {
            let mut found = Vec::new();
            for kind in kinds {
                found.extend(self.complete_kind(query, near, kind, limit)?);
            }
            found.sort_by(|a, b| a.matched.cmp(&b.matched).then(b.score.total_cmp(&a.score)).then(a.id.cmp(&b.id)));
            found.truncate(limit);
            let mut completions = Vec::with_capacity(found.len());
            for Candidate { id, matched, score, distance } in found {
                completions.extend(self.place(id)?.map(|place| Completion { place, matched, score, distance }));
            }
            Ok(completions)
        };
        find().map_err(|error| self.failure(&error))
    }

    fn complete_kind(
        &self,
        query: &Query,
        near: Option<Position>,
        kind: &Kind,
        limit: usize,
    ) -> rusqlite::Result<Vec<Candidate>> {
        let mut neighbours = Vec::new();
        if let Some(near) = near {
            for (_, id) in self.nearest_ids(near, DISTANCE_MAX, &[kind], NEIGHBOURS)? {
                neighbours.extend(self.candidate(query, Some(near), id)?);
            }
        }
        let mut found = Vec::new();
        for matched in [Match::Exact, Match::Start, Match::Words] {
            let wanted = if near.is_some() { CANDIDATES } else { limit - found.len() };
            let mut of_match = self.matching(query, matched, near, kind, wanted)?;
            of_match.extend(neighbours.iter().filter(|it| it.matched == matched));
            of_match.sort_unstable_by_key(|it| it.id);
            of_match.dedup_by_key(|it| it.id);
            found.append(&mut of_match);
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The most important matches of one kind. Those that match better are left out, so they must be few.
    fn matching(
        &self,
        query: &Query,
        matched: Match,
        near: Option<Position>,
        kind: &Kind,
        wanted: usize,
    ) -> rusqlite::Result<Vec<Candidate>> {
        let (first, last) = schema::ids(kind.number);
        let (text, sql) = match matched {
            Match::Exact => (query.text().to_owned(), EXACT),
            Match::Start => (query.start(), WORDS),
            Match::Words => (query.words(), WORDS),
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((text, first, last))?;
        let mut found = Vec::new();
        while found.len() < wanted {
            let Some(row) = rows.next()? else { break };
            found.extend(self.candidate(query, near, row.get(0)?)?.filter(|it| it.matched == matched));
        }
        Ok(found)
    }

    /// The place with this id as a candidate, if its name matches.
    fn candidate(&self, query: &Query, near: Option<Position>, id: i64) -> rusqlite::Result<Option<Candidate>> {
        let mut statement = self.connection.prepare_cached(CANDIDATE)?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let Some(matched) = query.matches(row.get_ref(0)?.as_str()?) else { return Ok(None) };
        let position = Position { latitude: row.get(1)?, longitude: row.get(2)? };
        let distance = near.map(|near| near.distance(position));
        Ok(Some(Candidate { id, matched, score: score(row.get(3)?, distance), distance }))
    }
}

/// A match, before it is known whether it is among the best.
#[derive(Clone, Copy)]
struct Candidate {
    id: i64,
    matched: Match,
    score: f64,
    distance: Option<f64>,
}

const EXACT: &str = "SELECT id FROM place WHERE folded = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id";
const CANDIDATE: &str = "SELECT folded, latitude, longitude, importance FROM place WHERE id = ?1";
const WORDS: &str =
    "SELECT rowid FROM place_words WHERE place_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid";

/// By what matches of one kind are ranked.
fn score(importance: f64, distance: Option<f64>) -> f64 {
    match distance {
        None => importance,
        Some(distance) => 0.5 * importance + 0.5 * HALF_DISTANCE / (HALF_DISTANCE + distance),
    }
}
