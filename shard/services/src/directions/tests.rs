//! Ways against a search without estimates; names and positions against the places.

use super::route::Least;
use super::{Geocoder, PlacesGeocoder, Roads, RouteError};
use crate::places::import::{Columns, Format, Import, import};
use crate::places::{Places, Position};
use std::fmt::Write as _;

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn at(latitude: f64, longitude: f64) -> Position {
    Position::new(latitude, longitude).unwrap()
}

/// A grid of streets with bent and one-way ones, fast and slow ones, and holes. It crosses the antimeridian.
fn grid(random: &mut Random, size: usize) -> String {
    let mut nodes = String::new();
    let mut edges = String::new();
    for row in 0..size {
        for column in 0..size {
            let (id, noise) = (row * size + column, random.next() * 0.002);
            let longitude = 179.95 + column as f64 * 0.01 + noise;
            let longitude = if longitude > 180.0 { longitude - 360.0 } else { longitude };
            write!(nodes, ",{{\"id\":{id},\"latitude\":{},\"longitude\":{longitude}}}", 10.0 + row as f64 * 0.01)
                .unwrap();
            for (is_there, to) in [(column + 1 < size, id + 1), (row + 1 < size, id + size)] {
                if is_there && random.next() < 0.9 {
                    let speed = 20.0 + random.next() * 100.0;
                    let length = if random.next() < 0.3 { ",\"length\":1700" } else { "" };
                    let one_way = random.next() < 0.2;
                    write!(edges, ",{{\"from\":{id},\"to\":{to},\"speed\":{speed},\"one_way\":{one_way}{length}}}")
                        .unwrap();
                }
            }
        }
    }
    format!("{{\"nodes\":[{}],\"edges\":[{}]}}", &nodes[1..], &edges[1..])
}

/// The least cost from one node to each other one: every edge again and again, until nothing changes.
fn costs(roads: &Roads, from: u32, least: Least) -> Vec<f64> {
    let mut costs = vec![f64::INFINITY; roads.nodes()];
    costs[from as usize] = 0.0;
    loop {
        let mut is_changed = false;
        for node in 0..roads.nodes() as u32 {
            for edge in roads.edges(node) {
                let step = f64::from(if least == Least::Length { edge.length } else { edge.duration });
                let further = costs[node as usize] + step;
                if further < costs[edge.to as usize] {
                    costs[edge.to as usize] = further;
                    is_changed = true;
                }
            }
        }
        if !is_changed {
            return costs;
        }
    }
}

#[test]
fn ways_cost_as_little_as_an_exhaustive_search_finds() {
    let mut random = Random(7);
    let (mut found, mut without) = (0, 0);
    for _ in 0..6 {
        let roads = Roads::parse(grid(&mut random, 12).as_bytes()).unwrap();
        for least in [Least::Length, Least::Duration] {
            let from = (random.next() * roads.nodes() as f64) as u32;
            let costs = costs(&roads, from, least);
            for to in 0..roads.nodes() as u32 {
                let expected = costs[to as usize];
                match roads.route(roads.position(from), roads.position(to), least) {
                    Ok(route) => {
                        let cost = if least == Least::Length { route.length } else { route.duration };
                        assert!((cost - expected).abs() < 1e-3 * expected.max(1.0), "{cost} {expected}");
                        assert_eq!(route.points.first(), Some(&roads.position(from)));
                        assert_eq!(route.points.last(), Some(&roads.position(to)));
                        assert!(route.off_road < 1e-6 && route.left_out == 0);
                        found += 1;
                    }
                    Err(error) => {
                        assert_eq!((error, expected.is_infinite()), (RouteError::NoWay, true));
                        without += 1;
                    }
                }
            }
        }
    }
    assert!(found > 1_000 && without > 0, "{found} {without}");
}

#[test]
fn the_nearest_node_is_the_nearest_one() {
    let mut random = Random(3);
    let roads = Roads::parse(grid(&mut random, 15).as_bytes()).unwrap();
    for _ in 0..500 {
        let here =
            at(9.98 + random.next() * 0.2, if random.next() < 0.5 { 179.9 } else { -179.9 } + random.next() * 0.1);
        let within = random.next() * 3_000.0;
        let near = (0..roads.nodes() as u32).map(|node| (here.distance(roads.position(node)), node));
        let expected = near.filter(|(distance, _)| *distance <= within).min_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(roads.nearest(here, within), expected.map(|(_, node)| node));
    }
}

#[test]
fn a_long_way_keeps_its_ends_and_a_bounded_number_of_points() {
    let nodes: Vec<String> = (0..2_000)
        .map(|id| format!("{{\"id\":{id},\"latitude\":0,\"longitude\":{}}}", f64::from(id) / 1_000.0))
        .collect();
    let edges: Vec<String> = (1..2_000).map(|id| format!("{{\"from\":{},\"to\":{id}}}", id - 1)).collect();
    let roads = format!("{{\"nodes\":[{}],\"edges\":[{}]}}", nodes.join(","), edges.join(","));
    let roads = Roads::parse(roads.as_bytes()).unwrap();
    let route = roads.route(at(0.0, 0.0), at(0.001, 1.999), Least::Length).unwrap();
    assert_eq!((route.points.len(), route.left_out), (500, 1_500));
    assert_eq!((route.points[0], route.points[499]), (at(0.0, 0.0), at(0.0, 1.999)));
    assert!((route.length - at(0.0, 0.0).distance(at(0.0, 1.999))).abs() < 100.0);
    assert!((route.off_road - 111.2).abs() < 1.0, "{}", route.off_road);
    assert_eq!(roads.route(at(40.0, 0.0), at(0.0, 1.0), Least::Length), Err(RouteError::OffRoad("start")));
    assert_eq!(roads.route(at(0.0, 1.0), at(0.0, 1.0), Least::Length).unwrap().points.len(), 1);
}

#[test]
fn roads_that_make_no_sense_are_refused() {
    let node = "{\"id\":1,\"latitude\":0,\"longitude\":0},{\"id\":2,\"latitude\":0,\"longitude\":1}";
    let wrong = [
        ("", "", "1 to 4000000 nodes"),
        ("{\"id\":1,\"latitude\":91,\"longitude\":0}", "", "node 1: a latitude"),
        (
            "{\"id\":1,\"latitude\":0,\"longitude\":0},{\"id\":1,\"latitude\":0,\"longitude\":0}",
            "",
            "node 1 is there twice",
        ),
        (node, "{\"from\":1,\"to\":3}", "edge 1: there is no node 3"),
        (node, "{\"from\":1,\"to\":2,\"length\":100}", "less than the straight line of 111195 m"),
        (node, "{\"from\":1,\"to\":2,\"speed\":0}", "edge 1: a speed lies above 0"),
        (node, "{\"from\":1,\"to\":2,\"lenght\":1}", "unknown field"),
    ];
    for (nodes, edges, reason) in wrong {
        let error = Roads::parse(format!("{{\"nodes\":[{nodes}],\"edges\":[{edges}]}}").as_bytes()).err().unwrap();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let error = Roads::open(std::path::Path::new("/nowhere.json")).err().unwrap().to_string();
    assert!(error.starts_with("cannot use the roads of /nowhere.json: "), "{error}");
}

#[tokio::test]
async fn names_become_positions_and_positions_names() {
    let folder = std::env::temp_dir().join(format!("ringshard-geocoder-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, target) = (folder.join("cities.csv"), folder.join("places.db"));
    let rows = "name,country,population,lat,lon\nParis,FR,2138551,48.85,2.35\nParis,US,8432,39.61,-87.69\nParis-Plage,FR,5000,50.5,1.6\n";
    std::fs::write(&source, rows).unwrap();
    let what =
        Import { source: &source, format: Format::Csv, kind: "city", columns: Columns::default(), skip_invalid: false };
    import(&target, &what, &mut |_| ()).unwrap();
    let geocoder = PlacesGeocoder::new(Places::new(target), Some("city".to_owned()));
    let regions = async |text: &str, near| {
        let found = geocoder.forward(text, near, 9).await.unwrap();
        found.into_iter().map(|it| format!("{} {}", it.place.name, it.place.region)).collect::<Vec<_>>()
    };
    assert_eq!(regions("paris", None).await, ["Paris FR", "Paris US", "Paris-Plage FR"]);
    assert_eq!(regions("Paris, us", None).await, ["Paris US"]);
    assert_eq!(regions("paris", Some(at(39.6, -87.7))).await, ["Paris US", "Paris FR", "Paris-Plage FR"]);
    assert_eq!(regions("paris,", None).await.len(), 3);
    assert!(geocoder.forward(",", None, 1).await.is_err());
    let near = geocoder.reverse(at(48.9, 2.3), 20_000.0).await.unwrap().unwrap();
    assert!(near.place.name == "Paris" && near.distance < 8_000.0);
    assert_eq!(geocoder.reverse(at(0.0, 0.0), 20_000.0).await.unwrap(), None);
    std::fs::remove_dir_all(&folder).unwrap();
}
