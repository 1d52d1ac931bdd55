//! Directions and geocoding: an interface for providers, and a local one for each. Geocoding answers from the imported places;
//! directions search the roads of a file, in memory.

mod actions;
mod counters;
mod geocoder;
mod graph;
mod provider;
mod route;
#[cfg(test)]
mod tests;

pub use actions::{DirectionsAnswer, DirectionsRequest, GeocodeRequest, Point, register};
pub use counters::Counters;
pub use geocoder::{Answering, Geocoder, Located, PlacesGeocoder};
pub use graph::{Edge, Roads, RoadsError};
pub use provider::{Directions, LocalDirections, Routing};
pub use route::{Least, POINTS_MAX, Route, RouteError};
