//! Names to positions and back.

use crate::places::{Completion, Match, Near, Place, Places, PlacesError, Position, Query, fold};
use std::future::Future;
use std::pin::Pin;

/// Results that a region is looked for among.
const CANDIDATES: usize = 100;

/// An answer that is on its way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, PlacesError>> + Send + 'a>>;

/// A position that a text stands for.
#[derive(Clone, PartialEq, Debug)]
pub struct Located {
    /// The place.
    pub place: Place,
    /// How its name matches.
    pub matched: Match,
    /// In metres, if the question has a position.
    pub distance: Option<f64>,
}

/// Finds positions by name, and names by position.
pub trait Geocoder: Send + Sync + 'static {
    /// The places that a text such as `Paris` or `Paris, FR` stands for, the best first.
    ///
    /// # Arguments
    /// `near`: with a position, nearer places come first among those that match alike.
    fn forward<'a>(&'a self, text: &'a str, near: Option<Position>, limit: usize) -> Answering<'a, Vec<Located>>;

    /// The place nearest to a position, and how far it is in metres; None if there is none within the distance.
    fn reverse(&self, at: Position, within: f64) -> Answering<'_, Option<Near>>;
}

/// A geocoder over the imported places of one kind, or of all kinds.
///
/// A text with a comma has the region behind it: only places of that region are found. Without a comma, the whole text is a name.
#[derive(Clone)]
pub struct PlacesGeocoder {
    places: Places,
    kind: Option<String>,
}

impl PlacesGeocoder {
    /// A geocoder over the places of a kind.
    pub fn new(places: Places, kind: Option<String>) -> Self {
        PlacesGeocoder { places, kind }
    }

    async fn find(&self, text: &str, near: Option<Position>, limit: usize) -> Result<Vec<Located>, PlacesError> {
        let (name, region) = match text.rsplit_once(',') {
            Some((name, region)) if !fold(region).is_empty() => (name, Some(fold(region))),
            _ => (text, None),
        };
        let query = Query::new(name)?;
        let asked = if region.is_some() { CANDIDATES } else { limit };
        let found = self.places.complete(query, near, self.kind.clone(), asked).await?;
        let is_there = |it: &Completion| region.as_ref().is_none_or(|region| fold(&it.place.region) == *region);
        let located = |it: Completion| Located { place: it.place, matched: it.matched, distance: it.distance };
        Ok(found.into_iter().filter(is_there).take(limit).map(located).collect())
    }
}

impl Geocoder for PlacesGeocoder {
    fn forward<'a>(&'a self, text: &'a str, near: Option<Position>, limit: usize) -> Answering<'a, Vec<Located>> {
        Box::pin(self.find(text, near, limit))
    }

    fn reverse(&self, at: Position, within: f64) -> Answering<'_, Option<Near>> {
        Box::pin(async move { Ok(self.places.nearest(at, within, self.kind.clone(), 1).await?.pop()) })
    }
}
