//! Each query gives what a search through all rows gives.

use super::{Folder, Row, csv, import_as};
use crate::places::file::{CANDIDATES, NEIGHBOURS};
use crate::places::{Bounds, DISTANCE_MAX, Match, PlacesError, PlacesFile, Position, Query, fold};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::HashSet;

/// Rows in the order of their ids, as an import ranks them.
struct Model {
    rows: Vec<Row>,
    folded: Vec<String>,
    importance_max: f64,
}

impl Model {
    fn of(file: &PlacesFile, rows: &[Row]) -> Model {
        // Rows of the same importance and name are in the order of their keys, which only the file knows.
        let kind = &file.kinds()[0];
        let mut places = Vec::new();
        file.each_of(kind, &mut |place, _| places.push(place)).unwrap();
        let mut ranked: Vec<Row> = places
            .iter()
            .map(|place| {
                let row = rows.iter().find(|row| row.name == place.name && row.position == place.position).unwrap();
                row.clone()
            })
            .collect();
        let by_rank: Vec<(u32, String)> = ranked.iter().map(|row| (row.importance, row.name.clone())).collect();
        ranked.sort_by(|a, b| b.importance.cmp(&a.importance).then(a.name.cmp(&b.name)));
        let sorted: Vec<(u32, String)> = ranked.iter().map(|row| (row.importance, row.name.clone())).collect();
        assert_eq!(by_rank, sorted, "the file is in the order of importance and name");
        let rows: Vec<Row> = places
            .iter()
            .zip(by_rank)
            .map(|(place, (importance, name))| Row { name, position: place.position, importance })
            .collect();
        let folded = rows.iter().map(|row| fold(&row.name)).collect();
        Model { importance_max: f64::from(rows.iter().map(|row| row.importance).max().unwrap()), rows, folded }
    }

    fn inside(&self, bounds: &Bounds, limit: usize) -> Vec<Position> {
        let inside = self.rows.iter().map(|row| row.position).filter(|at| bounds.contains(*at));
        inside.take(limit).collect()
    }

    fn nearest(&self, centre: Position, within: f64, limit: usize) -> Vec<usize> {
        let mut hits: Vec<(f64, usize)> =
            self.rows.iter().enumerate().map(|(at, row)| (centre.distance(row.position), at)).collect();
        hits.retain(|(distance, _)| *distance <= within);
        hits.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        hits.into_iter().take(limit).map(|(_, at)| at).collect()
    }

    fn complete(&self, query: &Query, near: Option<Position>, limit: usize) -> Vec<(Match, Position)> {
        let near = near.map(|near| (near, self.nearest(near, DISTANCE_MAX, NEIGHBOURS)));
        let mut hits = Vec::new();
        for matched in [Match::Exact, Match::Start, Match::Words] {
            let of_match = (0..self.rows.len()).filter(|at| query.matches(&self.folded[*at]) == Some(matched));
            let candidates: Vec<usize> = match &near {
                None => of_match.collect(),
                Some((_, neighbours)) => {
                    let of_match: Vec<usize> = of_match.collect();
                    let mut all: HashSet<usize> = of_match.iter().copied().take(CANDIDATES).collect();
                    all.extend(of_match.iter().filter(|at| neighbours.contains(at)));
                    all.into_iter().collect()
                }
            };
            hits.extend(candidates.into_iter().map(|at| {
                let row = &self.rows[at];
                let importance = f64::from(row.importance).ln_1p() * (1.0 / self.importance_max.ln_1p());
                let proximity = |near: Position| 50_000.0 / (50_000.0 + near.distance(row.position));
                let score = near.as_ref().map_or(importance, |(near, _)| 0.5 * importance + 0.5 * proximity(*near));
                (matched, score, at)
            }));
        }
        hits.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        hits.into_iter().take(limit).map(|(matched, _, at)| (matched, self.rows[at].position)).collect()
    }
}

fn units(degrees: f64) -> f64 {
    f64::from((degrees * 1e7).round() as i32) / 1e7
}

/// Positions with many at poles, at the antimeridian, and at the same places.
fn position() -> impl Strategy<Value = Position> {
    let latitude = prop_oneof![Just(90.0), Just(-90.0), Just(0.0), -90.0..=90.0_f64, 88.0..=90.0_f64];
    let longitude = prop_oneof![Just(180.0), Just(-180.0), -180.0..=180.0_f64, 179.0..=180.0_f64, -180.0..=-179.0_f64];
    (latitude, longitude)
        .prop_map(|(latitude, longitude)| Position { latitude: units(latitude), longitude: units(longitude) })
}

fn rows(count: usize) -> impl Strategy<Value = Vec<Row>> {
    let words = ["New", "York", "São", "Newport", "Y", "Łódź", "N", "Saint", "O'Brien", "東京"];
    let name = prop::collection::vec(prop::sample::select(words.to_vec()), 1..4).prop_map(|words| words.join(" "));
    let row = (name, position(), prop_oneof![0..3_u32, 0..1_000_000_u32])
        .prop_map(|(name, position, importance)| Row { name, position, importance });
    prop::collection::vec(row, count).prop_map(|rows| {
        let mut seen = HashSet::new();
        let key = |row: &Row| (row.name.clone(), row.position.latitude.to_bits(), row.position.longitude.to_bits());
        rows.into_iter().filter(|row| seen.insert(key(row))).collect()
    })
}

#[test]
fn queries_agree_with_a_search_through_all_rows() {
    let mut runner = TestRunner::new(Config { cases: 4, max_shrink_iters: 0, ..Config::default() });
    let queries = ["new", "n", "new y", "york new", "sao", "lodz", "東", "o'b", "saint n", "y"];
    let strategy = (rows(1_800), prop::collection::vec((position(), position(), 1..=100_usize), 20));
    runner
        .run(&strategy, |(rows, asked)| {
            let folder = Folder::new();
            let target = folder.file("places.db");
            import_as(&target, &folder.write("rows.csv", &csv(&rows)), "city").unwrap();
            let file = PlacesFile::open(&target).unwrap();
            let model = Model::of(&file, &rows);
            for (at, (one, other, limit)) in asked.into_iter().enumerate() {
                let (south, north) = (one.latitude.min(other.latitude), one.latitude.max(other.latitude));
                let bounds = Bounds::new(south, one.longitude, north, other.longitude).unwrap();
                let inside: Vec<Position> =
                    file.inside(&bounds, None, limit).unwrap().into_iter().map(|place| place.position).collect();
                prop_assert_eq!(inside, model.inside(&bounds, limit));

                let within = if at % 2 == 0 { DISTANCE_MAX } else { one.distance(other) };
                let nearest = file.nearest(one, within, Some("city"), limit).unwrap();
                let nearest: Vec<Position> = nearest.into_iter().map(|near| near.place.position).collect();
                let expected = model.nearest(one, within, limit);
                let expected: Vec<Position> = expected.into_iter().map(|at| model.rows[at].position).collect();
                prop_assert_eq!(nearest, expected);

                let query = Query::new(queries[at % queries.len()]).unwrap();
                let near = (at % 3 > 0).then_some(other);
                let complete = file.complete(&query, near, None, limit).unwrap();
                let complete: Vec<(Match, Position)> =
                    complete.into_iter().map(|it| (it.matched, it.place.position)).collect();
                prop_assert_eq!(complete, model.complete(&query, near, limit));
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_nearest_places_are_found_from_oceans_poles_and_the_antimeridian() {
    // A crowd in one street, towns, and lone islands: cells of all sizes.
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut rows = Vec::new();
    for (count, (latitude, longitude), spread) in [
        (600, (48.85, 2.35), 0.01),
        (300, (-18.1, 179.9), 0.3),
        (300, (-17.0, -179.95), 0.04),
        (200, (-89.9, 0.0), 0.1),
        (300, (20.0, 100.0), 20.0),
        (40, (0.0, 0.0), 90.0),
    ] {
        for _ in 0..count {
            let at =
                |middle: f64, most: f64, unit: f64| units((middle + (unit - 0.5) * 2.0 * spread).clamp(-most, most));
            let position = Position { latitude: at(latitude, 90.0, next()), longitude: at(longitude, 180.0, next()) };
            rows.push(Row { name: format!("P{}", rows.len()), position, importance: (next() * 1e6) as u32 });
        }
    }
    let folder = Folder::new();
    let target = folder.file("places.db");
    import_as(&target, &folder.write("rows.csv", &csv(&rows)), "city").unwrap();
    let file = PlacesFile::open(&target).unwrap();
    let model = Model::of(&file, &rows);
    let oceans = [(0.0, -140.0), (-40.0, -110.0), (30.0, -40.0), (-60.0, 90.0), (10.0, -179.999), (-17.5, 180.0)];
    let poles = [(90.0, 0.0), (90.0, 123.0), (-90.0, 180.0), (89.9, -33.0), (-89.99, 90.0)];
    let towns = [(48.85, 2.35), (48.86, 2.36), (-18.1, -180.0), (20.0, 100.0), (-48.85, -177.65)];
    for (latitude, longitude) in [&oceans[..], &poles, &towns].concat() {
        let centre = Position::new(latitude, longitude).unwrap();
        for (limit, within) in [(1, DISTANCE_MAX), (7, 3e6), (100, 1e6), (100, DISTANCE_MAX), (100, 1_000.0)] {
            let nearest = file.nearest(centre, within, None, limit).unwrap();
            let distances: Vec<f64> = nearest.iter().map(|near| near.distance).collect();
            assert!(distances.is_sorted());
            let nearest: Vec<Position> = nearest.into_iter().map(|near| near.place.position).collect();
            let expected = model.nearest(centre, within, limit);
            let expected: Vec<Position> = expected.into_iter().map(|at| model.rows[at].position).collect();
            assert_eq!(nearest, expected, "{centre:?} {limit} {within}");
        }
    }
}

fn small(folder: &Folder) -> PlacesFile {
    let source = folder.write(
        "small.csv",
        "name,lat,lon,population\n\
         Suva,-18.14,178.44,93000\n\
         Apia,-13.83,-171.77,40000\n\
         West,10,-180,5\n\
         East,10,180,5\n\
         Pole,90,17,1\n\
         \"O'Hare \"\"NEAR\"\" * (x) AND\",1,1,2\n\
         Zürich,47.37,8.55,400000\n",
    );
    import_as(&folder.file("places.db"), &source, "city").unwrap();
    PlacesFile::open(&folder.file("places.db")).unwrap()
}

fn names(places: impl IntoIterator<Item = crate::places::Place>) -> Vec<String> {
    places.into_iter().map(|place| place.name).collect()
}

#[test]
fn a_search_crosses_the_antimeridian_and_the_pole() {
    let folder = Folder::new();
    let file = small(&folder);
    let bounds = Bounds::new(-20.0, 170.0, -10.0, -170.0).unwrap();
    assert_eq!(names(file.inside(&bounds, None, 10).unwrap()), ["Suva", "Apia"]);
    // Both lie on the antimeridian, at the same distance: of equal importance, so the name decides.
    let nearest = file.nearest(Position::new(10.0, 179.9).unwrap(), DISTANCE_MAX, None, 2).unwrap();
    assert!((nearest[0].distance - nearest[1].distance).abs() < 1e-6 && nearest[0].distance < 11_000.0);
    assert_eq!(names(nearest.into_iter().map(|near| near.place)), ["East", "West"]);
    let pole = file.nearest(Position::new(89.9, -163.0).unwrap(), DISTANCE_MAX, None, 1).unwrap();
    assert_eq!(pole[0].place.name, "Pole");
    assert!(file.nearest(Position::new(-90.0, 0.0).unwrap(), 1_000.0, None, 5).unwrap().is_empty());
}

#[test]
fn what_a_user_types_is_never_part_of_the_query_language() {
    let folder = Folder::new();
    let file = small(&folder);
    let typed = [
        "\"",
        "\"\"",
        "*",
        "^",
        "suva*",
        "suva AND",
        "NEAR(a b, 3)",
        "name:suva",
        "-suva",
        "+ +",
        "(",
        "suva OR apia",
        "'; DROP TABLE place; --",
        "{a b}",
        "\\",
        "%",
        "_",
        "a\0b",
        "\u{202e}",
        "😀",
        "zürich\u{301}\u{301}\u{301}",
    ];
    for text in typed {
        match Query::new(text) {
            Ok(query) => drop(file.complete(&query, None, None, 10).unwrap()),
            Err(error) => assert_eq!(error.to_string(), "a query needs a letter or a digit", "{text}"),
        }
    }
    let complete = |text: &str| {
        let found = file.complete(&Query::new(text).unwrap(), None, None, 10).unwrap();
        names(found.into_iter().map(|it| it.place))
    };
    assert_eq!(complete("ZURICH"), ["Zürich"]);
    assert_eq!(complete("ohare near"), ["O'Hare \"NEAR\" * (x) AND"]);
    assert_eq!(complete("suva OR apia"), [""; 0], "OR is a word");
    assert_eq!(names(file.inside(&Bounds::WORLD, None, 100).unwrap()).len(), 7, "nothing was dropped");
}

#[test]
fn limits_and_kinds_are_checked() {
    let folder = Folder::new();
    let file = small(&folder);
    for limit in [0, 101, usize::MAX] {
        assert!(matches!(file.inside(&Bounds::WORLD, None, limit), Err(PlacesError::Limit { most: 100 })));
    }
    let error = file.inside(&Bounds::WORLD, Some("city'--"), 1).unwrap_err();
    assert_eq!(error.to_string(), "no kind of places is called `city'--`; there are: city");
    assert_eq!(error.status(), 400);
}
