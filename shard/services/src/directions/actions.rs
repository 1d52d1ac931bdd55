//! `/v1/geocode` and `/v1/directions`.

use super::counters::Counters;
use super::geocoder::Geocoder;
use super::provider::Directions;
use super::route::{Least, RouteError};
use crate::actions::{Access, Action, Builder, Caller, Failure, Limits};
use crate::counters::count;
use crate::places::{DISTANCE_MAX, LIMIT_MAX, PlacesAnswer, Position, position, within};
use ringshard_requests::record;
use std::sync::Arc;
use std::time::Duration;

const LIMIT_DEFAULT: u16 = 5;

record! {
    /// Asks for the positions of a text, or, without a text, for the place at a position.
    pub struct GeocodeRequest {
        /// Such as `Paris` or `Paris, FR`.
        pub text: Option<String>,
        /// In degrees. With a text, near places come before far ones.
        pub latitude: Option<f64>,
        /// In degrees.
        pub longitude: Option<f64>,
        /// How far the place at a position may be, in metres; any distance without it.
        pub within: Option<f64>,
        /// From 1 to 100; 5 without it.
        pub limit: Option<u16>,
    }
}

record! {
    /// Asks for a way.
    pub struct DirectionsRequest {
        /// In degrees.
        pub from_latitude: f64,
        /// In degrees.
        pub from_longitude: f64,
        /// In degrees.
        pub to_latitude: f64,
        /// In degrees.
        pub to_longitude: f64,
        /// `duration` or `length`; `duration` without it.
        pub least: Option<String>,
    }
}

record! {
    /// A point of a way.
    pub struct Point {
        /// In degrees.
        pub latitude: f64,
        /// In degrees.
        pub longitude: f64,
    }
}

record! {
    /// A way.
    pub struct DirectionsAnswer {
        /// In metres, on roads.
        pub length: f64,
        /// In seconds.
        pub duration: f64,
        /// Metres from the positions asked for to the roads.
        pub off_road: f64,
        /// At most 500.
        pub points: Vec<Point>,
        /// Points that were left out.
        pub left_out: u32,
    }
}

impl From<RouteError> for Failure {
    fn from(error: RouteError) -> Failure {
        let failure = Failure::new(error.status(), error.to_string());
        if error == RouteError::Busy { failure.wait(Duration::from_secs(2)) } else { failure }
    }
}

/// Adds the actions. Without directions, `/v1/directions` says that there are no roads.
pub fn register(
    actions: &mut Builder,
    geocoder: Arc<dyn Geocoder>,
    directions: Option<Arc<dyn Directions>>,
    counters: &Arc<Counters>,
) {
    let limits = Limits { per_second: 10.0, burst: 20, ..Limits::default() };
    let counted = Arc::clone(counters);
    let about = "Finds the positions of a name such as `Paris, FR`, or the place at a position.";
    let action = Action { path: "/v1/geocode", about, access: Access::Anybody, limits };
    actions.add(action, move |_: Caller, request: GeocodeRequest| {
        count(&counted.geocoded);
        let geocoder = Arc::clone(&geocoder);
        async move { geocode(&*geocoder, request).await }
    });
    let counted = Arc::clone(counters);
    let about = "Finds the best way over roads between two positions.";
    let limits = Limits { per_second: 2.0, burst: 5, parallel: 4, ..Limits::default() };
    actions.add(
        Action { path: "/v1/directions", about, access: Access::Anybody, limits },
        move |_: Caller, request: DirectionsRequest| {
            let (directions, counted) = (directions.clone(), Arc::clone(&counted));
            async move {
                count(&counted.routed);
                let answer = route(directions.as_deref(), request).await;
                answer.inspect_err(|_| count(&counted.without_way))
            }
        },
    );
}

async fn geocode(geocoder: &dyn Geocoder, it: GeocodeRequest) -> Result<PlacesAnswer, Failure> {
    let near = position(it.latitude, it.longitude)?;
    let limit = usize::from(it.limit.unwrap_or(LIMIT_DEFAULT));
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure::new(400, format!("a limit lies between 1 and {LIMIT_MAX}")));
    }
    match (it.text, near) {
        (Some(text), near) => {
            let found = geocoder.forward(&text, near, limit).await?;
            Ok(PlacesAnswer::new(found.into_iter().map(|found| (found.place, found.distance))))
        }
        (None, Some(at)) => {
            let found = geocoder.reverse(at, within(it.within, DISTANCE_MAX)?).await?;
            Ok(PlacesAnswer::new(found.into_iter().map(|near| (near.place, Some(near.distance)))))
        }
        (None, None) => Err(Failure::new(400, "give a text, or a latitude and a longitude")),
    }
}

async fn route(directions: Option<&dyn Directions>, it: DirectionsRequest) -> Result<DirectionsAnswer, Failure> {
    let from = Position::new(it.from_latitude, it.from_longitude)?;
    let to = Position::new(it.to_latitude, it.to_longitude)?;
    let least = match it.least.as_deref() {
        None | Some("duration") => Least::Duration,
        Some("length") => Least::Length,
        Some(_) => return Err(Failure::new(400, "least is `duration` or `length`")),
    };
    let route = directions.ok_or(RouteError::NoRoads)?.route(from, to, least).await?;
    Ok(DirectionsAnswer {
        length: route.length,
        duration: route.duration,
        off_road: route.off_road,
        points: route.points.iter().map(|it| Point { latitude: it.latitude, longitude: it.longitude }).collect(),
        left_out: u32::try_from(route.left_out).unwrap_or(u32::MAX),
    })
}
