//! Imports a file of places and times queries: boxes, beginnings of names, and nearest places. Exit code 1 if the 99th percentile
//! of boxes or of beginnings is over 5 ms.
//!
//! ```text
//! scripts/places-data.sh && cargo run --release -p ringshard-services --example places-queries -- target/places/cities.csv
//! ```

use ringshard_services::places::import::{Columns, Format, Import, import};
use ringshard_services::places::{Bounds, DISTANCE_MAX, Place, PlacesFile, Position, Query};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const QUERIES: usize = 10_000;
const P99_MAX: Duration = Duration::from_millis(5);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let source = PathBuf::from(std::env::args().nth(1).ok_or("name a CSV file of places")?);
    let target = std::env::temp_dir().join(format!("places-queries-{}.db", std::process::id()));
    let began = Instant::now();
    let format = Format::of(&source).ok_or("the file's name ends with neither .csv nor .json")?;
    let what = Import { source: &source, format, kind: "city", columns: Columns::default(), skip_invalid: true };
    let imported = import(&target, &what, &mut |_| ())?;
    let bytes = std::fs::metadata(&target)?.len();
    println!(
        "import: {} places in {:.2} s, {:.1} MiB; {} invalid, {} duplicates",
        imported.places,
        began.elapsed().as_secs_f64(),
        bytes as f64 / f64::from(1 << 20),
        imported.invalid,
        imported.duplicates
    );
    let file = PlacesFile::open(&target)?;
    let met = run(&file);
    std::fs::remove_file(&target)?;
    let _ = std::fs::remove_file(target.with_extension("db.lock"));
    Ok(if met? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(file: &PlacesFile) -> Result<bool, Box<dyn Error>> {
    let mut random = Random(1);
    let known = sample(file, &mut random)?;
    let boxes = time("boxes", |_| {
        let (bounds, limit) = (random.bounds(&known), 1 + random.below(100));
        Ok(file.inside(&bounds, None, limit)?.len())
    })?;
    let prefixes = time("prefixes", |at| {
        let place = &known[random.below(known.len())];
        let letters: Vec<char> = place.name.chars().collect();
        let text: String = letters.iter().take(1 + random.below(letters.len().min(8))).collect();
        let Ok(query) = Query::new(&text) else { return Ok(0) };
        // Every other one from somewhere.
        let near = (at % 2 == 1).then(|| known[random.below(known.len())].position);
        Ok(file.complete(&query, near, None, 1 + random.below(20))?.len())
    })?;
    time("nearest", |at| {
        let near_a_place = known[random.below(known.len())].position;
        let centre = if at % 2 == 1 { near_a_place } else { random.position() };
        Ok(file.nearest(centre, DISTANCE_MAX, None, 1 + random.below(100))?.len())
    })?;
    Ok(boxes < P99_MAX && prefixes < P99_MAX)
}

/// Places from boxes all over the globe, so that queries ask for what is there.
fn sample(file: &PlacesFile, random: &mut Random) -> Result<Vec<Place>, Box<dyn Error>> {
    let mut known = Vec::new();
    while known.len() < 5_000 {
        let found = file.nearest(random.position(), DISTANCE_MAX, None, 20)?;
        known.extend(found.into_iter().map(|near| near.place));
    }
    Ok(known)
}

/// Runs the queries, prints percentiles, and returns the 99th one.
fn time(name: &str, mut query: impl FnMut(usize) -> Result<usize, Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::with_capacity(QUERIES);
    let (mut results, mut empty) = (0, 0);
    for at in 0..QUERIES {
        let began = Instant::now();
        let found = query(at)?;
        times.push(began.elapsed());
        results += found;
        empty += usize::from(found == 0);
    }
    times.sort_unstable();
    let micros = |share: f64| times[((QUERIES - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!(
        "{name:<9} {QUERIES} queries: p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, most {:.0} us; {:.1} results each, {empty} without",
        micros(0.5),
        micros(0.99),
        micros(0.999),
        micros(1.0),
        results as f64 / QUERIES as f64
    );
    Ok(times[QUERIES * 99 / 100])
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, count: usize) -> usize {
        ((self.next() * count as f64) as usize).min(count - 1)
    }

    fn position(&mut self) -> Position {
        Position { latitude: self.next() * 180.0 - 90.0, longitude: self.next() * 360.0 - 180.0 }
    }

    /// A box of a street's size up to the whole globe, around a place; many cross the antimeridian.
    fn bounds(&mut self, known: &[Place]) -> Bounds {
        let centre = known[self.below(known.len())].position;
        let half = 0.005 * 36_000_f64.powf(self.next());
        let wrap = |longitude: f64| (longitude + 540.0).rem_euclid(360.0) - 180.0;
        let (west, east) = match half < 180.0 {
            true => (wrap(centre.longitude - half), wrap(centre.longitude + half)),
            false => (-180.0, 180.0),
        };
        let (south, north) = ((centre.latitude - half).max(-90.0), (centre.latitude + half).min(90.0));
        Bounds::new(south, west, north, east).expect("the edges are in range")
    }
}
