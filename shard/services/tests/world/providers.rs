//! What a game brings in place of the services' own.

use crate::server::World;
use crate::{DEADLINE, ended};
use ringshard_client::requests::caller::End;
use ringshard_client::requests::download::{Event, Wanted};
use ringshard_client::{ServiceEvent, answer};
use ringshard_services::Providers;
use ringshard_services::directions::{
    Answering, Directions, DirectionsAnswer, DirectionsRequest, GeocodeRequest, Geocoder, Least, Located, Route,
    Routing,
};
use ringshard_services::places::{Near, PlacesAnswer, PlacesError, Position};
use ringshard_services::tiles::{Bytes, Fetching, Tile, TileProvider};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Gives an answer of its own to each question.
struct Own;

impl TileProvider for Own {
    fn fetch(&self, tile: Tile) -> Fetching<'_> {
        Box::pin(async move { Ok(Some(Bytes::from(format!("own {tile}").as_bytes()))) })
    }

    fn zooms(&self) -> RangeInclusive<u8> {
        0..=2
    }

    fn format(&self) -> (&'static str, Option<&'static str>) {
        ("image/png", None)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

impl Directions for Own {
    fn route(&self, from: Position, to: Position, _: Least) -> Routing<'_> {
        let route = Route { length: 7.0, duration: 3.0, off_road: 0.0, points: vec![from, to], left_out: 0 };
        Box::pin(async move { Ok(route) })
    }
}

impl Geocoder for Own {
    fn forward<'a>(&'a self, _: &'a str, _: Option<Position>, _: usize) -> Answering<'a, Vec<Located>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn reverse(&self, _: Position, _: f64) -> Answering<'_, Option<Near>> {
        Box::pin(async { Err(PlacesError::Busy) })
    }
}

#[test]
fn a_games_own_tiles_ways_and_positions_take_the_place_of_the_services() {
    let providers = Providers {
        directory: None,
        tiles: vec![("own".to_owned(), Arc::new(Own))],
        directions: Some(Arc::new(Own)),
        geocoder: Some(Arc::new(Own)),
    };
    let world = World::with(&[], |_| {}, providers);
    let mut ann = world.client(&world.ticket(1, "ann"));
    ann.enter();

    let from_to =
        DirectionsRequest { from_latitude: 1.0, from_longitude: 2.0, to_latitude: 3.0, to_longitude: 4.0, least: None };
    let number = ann.services.call(ann.now(), "/v1/directions", from_to, DEADLINE).unwrap();
    let End::Answered(way) = ended(&mut ann, number) else { panic!("there is a way without roads.json") };
    let way: DirectionsAnswer = answer(&way).unwrap();
    assert_eq!((way.length, way.points.len()), (7.0, 2));

    let name =
        GeocodeRequest { text: Some("anything".into()), latitude: None, longitude: None, within: None, limit: None };
    let number = ann.services.call(ann.now(), "/v1/geocode", name, DEADLINE).unwrap();
    let End::Answered(found) = ended(&mut ann, number) else { panic!("it answers without places.db") };
    assert!(answer::<PlacesAnswer>(&found).unwrap().places.is_empty());

    let now = ann.now().as_millis() as u64;
    ann.services.downloads_mut().open(now, Wanted::unsigned("tile/own/2/1/3")).unwrap();
    let mut got = Vec::new();
    ann.until(|ann| {
        ann.events.drain(..).find_map(|event| match event {
            ServiceEvent::Download(Event::Bytes { bytes, .. }) => {
                got.extend(bytes);
                None
            }
            ServiceEvent::Download(Event::Done { .. }) => Some(()),
            ServiceEvent::Download(Event::Failed { .. }) => panic!("{event:?}"),
            _ => None,
        })
    });
    assert_eq!(got, b"own 2/1/3");
}
