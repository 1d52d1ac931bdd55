//! Places as actions: `/v1/places/box`, `/v1/places/nearest`, `/v1/places/complete`, `/v1/places/kinds`.

use super::file::PlacesError;
use super::place::{LIMIT_MAX, Near, Place};
use super::pool::Places;
use super::position::{Bounds, DISTANCE_MAX, InvalidPosition, Position};
use super::words::Query;
use crate::actions::{Access, Action, Builder, Caller, Failure, Limits};
use ringshard_requests::record;
use std::time::Duration;

/// Results without a limit.
const LIMIT_DEFAULT: u16 = 20;
/// Bytes of the places of an answer. An outcome has little more room.
const ANSWER_BYTES_MAX: usize = 14_000;
/// Bytes of a place without its texts.
const PLACE_BYTES: usize = 80;
/// When to ask again if it does not go now.
const WAIT: Duration = Duration::from_secs(2);

record! {
    /// A place, as clients get it.
    pub struct PlaceRecord {
        /// Names the place, also after it was imported again.
        pub key: u64,
        /// Such as "city".
        pub kind: String,
        /// Its name.
        pub name: String,
        /// Such as a country's code; may be empty.
        pub region: String,
        /// In degrees.
        pub latitude: f64,
        /// In degrees.
        pub longitude: f64,
        /// From 0 to 1.
        pub importance: f32,
        /// In metres, if the request has a position.
        pub distance: Option<f64>,
        /// Price for one person.
        pub price: Option<f64>,
        /// May be empty.
        pub cuisine: String,
        /// From 0 to 5.
        pub rating: Option<f64>,
    }
}

record! {
    /// Places.
    pub struct PlacesAnswer {
        /// The best first.
        pub places: Vec<PlaceRecord>,
        /// Whether more places were found than an answer holds.
        pub cut: bool,
    }
}

record! {
    /// Asks for the most important places in a box. If west is greater than east, it crosses the antimeridian.
    pub struct BoxRequest {
        /// In degrees.
        pub south: f64,
        /// In degrees.
        pub west: f64,
        /// In degrees.
        pub north: f64,
        /// In degrees.
        pub east: f64,
        /// All kinds without it.
        pub kind: Option<String>,
        /// From 1 to 100; 20 without it.
        pub limit: Option<u16>,
    }
}

record! {
    /// Asks for the nearest places.
    pub struct NearestRequest {
        /// In degrees.
        pub latitude: f64,
        /// In degrees.
        pub longitude: f64,
        /// In metres; any distance without it.
        pub within: Option<f64>,
        /// All kinds without it.
        pub kind: Option<String>,
        /// From 1 to 100; 20 without it.
        pub limit: Option<u16>,
    }
}

record! {
    /// Asks for the places whose names a text begins.
    pub struct CompleteRequest {
        /// At most 256 bytes and 12 words.
        pub text: String,
        /// With a position, near places come before far ones.
        pub latitude: Option<f64>,
        /// In degrees.
        pub longitude: Option<f64>,
        /// All kinds without it.
        pub kind: Option<String>,
        /// From 1 to 100; 20 without it.
        pub limit: Option<u16>,
    }
}

record! {
    /// A kind of places.
    pub struct KindRecord {
        /// Its name.
        pub name: String,
        /// How many there are.
        pub places: u64,
    }
}

record! {
    /// All kinds of places.
    pub struct KindsAnswer {
        /// In the order of their import.
        pub kinds: Vec<KindRecord>,
    }
}

impl PlaceRecord {
    /// A place, and how far it is.
    pub fn new(place: Place, distance: Option<f64>) -> PlaceRecord {
        PlaceRecord {
            key: place.key,
            kind: place.kind,
            name: place.name,
            region: place.region,
            latitude: place.position.latitude,
            longitude: place.position.longitude,
            importance: place.importance as f32,
            distance,
            price: place.price,
            cuisine: place.cuisine,
            rating: place.rating,
        }
    }

    /// About how many bytes it has in an answer.
    pub fn bytes(&self) -> usize {
        PLACE_BYTES + self.kind.len() + self.name.len() + self.region.len() + self.cuisine.len()
    }
}

impl PlacesAnswer {
    /// As many places as fit.
    pub fn new(places: impl IntoIterator<Item = (Place, Option<f64>)>) -> PlacesAnswer {
        let mut answer = PlacesAnswer { places: Vec::new(), cut: false };
        let mut bytes = 0;
        for (place, distance) in places {
            let record = PlaceRecord::new(place, distance);
            bytes += record.bytes();
            if bytes > ANSWER_BYTES_MAX {
                answer.cut = true;
                break;
            }
            answer.places.push(record);
        }
        answer
    }
}

impl From<PlacesError> for Failure {
    fn from(error: PlacesError) -> Failure {
        let failure = Failure::new(error.status(), error.to_string());
        if error.status() == 503 { failure.wait(WAIT) } else { failure }
    }
}

impl From<InvalidPosition> for Failure {
    fn from(error: InvalidPosition) -> Failure {
        Failure::new(400, error.to_string())
    }
}

/// A position. Both numbers must be there, or none.
///
/// # Errors
/// 400.
pub fn position(latitude: Option<f64>, longitude: Option<f64>) -> Result<Option<Position>, Failure> {
    match (latitude, longitude) {
        (None, None) => Ok(None),
        (Some(latitude), Some(longitude)) => Ok(Some(Position::new(latitude, longitude)?)),
        _ => Err(Failure::new(400, "a position needs both latitude and longitude")),
    }
}

/// A distance that may be left out.
///
/// # Errors
/// 400 if it is negative or not a number.
pub fn within(within: Option<f64>, default: f64) -> Result<f64, Failure> {
    match within {
        None => Ok(default),
        Some(metres) if metres >= 0.0 => Ok(metres.min(DISTANCE_MAX)),
        Some(_) => Err(Failure::new(400, "within is a distance in metres, 0 or more")),
    }
}

fn limit(limit: Option<u16>) -> Result<usize, PlacesError> {
    let limit = usize::from(limit.unwrap_or(LIMIT_DEFAULT));
    if limit <= LIMIT_MAX { Ok(limit) } else { Err(PlacesError::Limit { most: LIMIT_MAX }) }
}

fn action(path: &'static str, about: &'static str) -> Action {
    Action { path, about, access: Access::Anybody, limits: Limits { per_second: 20.0, burst: 40, ..Limits::default() } }
}

/// Adds the actions.
pub fn register(actions: &mut Builder, places: &Places) {
    let asked = places.clone();
    actions.add(
        action("/v1/places/box", "Finds the most important places in a box."),
        move |_: Caller, it: BoxRequest| {
            let places = asked.clone();
            async move {
                let bounds = Bounds::new(it.south, it.west, it.north, it.east)?;
                let found = places.inside(bounds, it.kind, limit(it.limit)?).await?;
                Ok(PlacesAnswer::new(found.into_iter().map(|place| (place, None))))
            }
        },
    );
    let asked = places.clone();
    actions.add(action("/v1/places/nearest", "Finds the nearest places."), move |_: Caller, it: NearestRequest| {
        let places = asked.clone();
        async move {
            let centre = Position::new(it.latitude, it.longitude)?;
            let within = within(it.within, DISTANCE_MAX)?;
            let found = places.nearest(centre, within, it.kind, limit(it.limit)?).await?;
            Ok(PlacesAnswer::new(found.into_iter().map(|Near { place, distance }| (place, Some(distance)))))
        }
    });
    let asked = places.clone();
    let complete = action("/v1/places/complete", "Finds the places whose names a text begins.");
    actions.add(complete, move |_: Caller, it: CompleteRequest| {
        let places = asked.clone();
        async move {
            let query = Query::new(&it.text).map_err(PlacesError::Query)?;
            let near = position(it.latitude, it.longitude)?;
            let found = places.complete(query, near, it.kind, limit(it.limit)?).await?;
            Ok(PlacesAnswer::new(found.into_iter().map(|found| (found.place, found.distance))))
        }
    });
    let asked = places.clone();
    actions.add(action("/v1/places/kinds", "Lists the kinds of places."), move |_: Caller, (): ()| {
        let places = asked.clone();
        async move {
            let record = |kind: super::Kind| KindRecord { name: kind.name, places: kind.places };
            Ok(KindsAnswer { kinds: places.kinds().await?.into_iter().map(record).collect() })
        }
    });
}
