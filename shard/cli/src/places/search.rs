//! `ringshard places search`

use crate::output;
use crate::services_folder::ServicesFolder;
use crate::table::{Column, Table};
use ratatui::text::Line;
use ringshard_services::places::{Bounds, DISTANCE_MAX, Place, PlacesFile, Position, Query};
use serde_json::json;
use std::error::Error;

/// Arguments of `places search`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The beginning of a name. Without it, places are found by position.
    #[arg(value_name = "TEXT", required_unless_present_any = ["near", "bounds"])]
    text: Option<String>,
    #[command(flatten)]
    folder: ServicesFolder,
    /// Near places first: LATITUDE,LONGITUDE in degrees.
    #[arg(long, value_name = "LAT,LON", value_parser = position, allow_hyphen_values = true)]
    near: Option<Position>,
    /// The most important places in a box: SOUTH,WEST,NORTH,EAST in degrees.
    #[arg(long = "box", value_name = "S,W,N,E", value_parser = bounds, allow_hyphen_values = true,
        conflicts_with_all = ["text", "near"])]
    bounds: Option<Bounds>,
    /// Only places of this kind.
    #[arg(long, value_name = "NAME")]
    kind: Option<String>,
    /// Maximum number of places, from 1 to 100.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

fn numbers<const N: usize>(text: &str, what: &str) -> Result<[f64; N], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let wrong = || format!("write {what}, such as {}", if N == 2 { "48.85,2.35" } else { "-20,177,-15,-178" });
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(wrong)
}

fn position(text: &str) -> Result<Position, String> {
    let [latitude, longitude] = numbers(text, "LATITUDE,LONGITUDE")?;
    Position::new(latitude, longitude).map_err(|error| error.to_string())
}

fn bounds(text: &str) -> Result<Bounds, String> {
    let [south, west, north, east] = numbers(text, "SOUTH,WEST,NORTH,EAST")?;
    Bounds::new(south, west, north, east).map_err(|error| error.to_string())
}

/// Runs `ringshard places search`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let found = find(arguments, &arguments.folder.places()?)?;
    if arguments.json {
        let found: Vec<serde_json::Value> = found.iter().map(|(place, distance)| record(place, *distance)).collect();
        return Ok(output::print_line(serde_json::to_string_pretty(&found)?)?);
    }
    Ok(output::print(table(&found).page())?)
}

/// A place, and how far away it is.
type Found = (Place, Option<f64>);

fn find(arguments: &Arguments, file: &PlacesFile) -> Result<Vec<Found>, Box<dyn Error>> {
    let (kind, limit) = (arguments.kind.as_deref(), arguments.limit);
    if let Some(text) = &arguments.text {
        let found = file.complete(&Query::new(text)?, arguments.near, kind, limit)?;
        return Ok(found.into_iter().map(|it| (it.place, it.distance)).collect());
    }
    if let Some(near) = arguments.near {
        let found = file.nearest(near, DISTANCE_MAX, kind, limit)?;
        return Ok(found.into_iter().map(|it| (it.place, Some(it.distance))).collect());
    }
    let found = file.inside(&arguments.bounds.unwrap_or(Bounds::WORLD), kind, limit)?;
    Ok(found.into_iter().map(|place| (place, None)).collect())
}

fn record(place: &Place, distance: Option<f64>) -> serde_json::Value {
    json!({
        "key": place.key, "kind": place.kind, "name": place.name, "region": place.region,
        "latitude": place.position.latitude, "longitude": place.position.longitude, "importance": place.importance,
        "distance": distance, "price": place.price, "cuisine": place.cuisine, "rating": place.rating,
    })
}

fn table(found: &[(Place, Option<f64>)]) -> Table {
    let columns = vec![
        Column::text("name", 0),
        Column::text("region", 0).rank(2),
        Column::text("kind", 0).rank(3),
        Column::new("latitude", 0).rank(1),
        Column::new("longitude", 0).rank(1),
        Column::new("importance", 0).rank(3),
        Column::new("distance", 0),
    ];
    let row = |(place, distance): &(Place, Option<f64>)| {
        let cells = [
            place.name.clone(),
            place.region.clone(),
            place.kind.clone(),
            format!("{:.5}", place.position.latitude),
            format!("{:.5}", place.position.longitude),
            format!("{:.2}", place.importance),
            distance.map_or_else(|| "-".to_owned(), |metres| format!("{:.1} km", metres / 1_000.0)),
        ];
        cells.map(Line::from).to_vec()
    };
    let rows = found.iter().map(row).collect();
    let title = format!("{} {}", found.len(), if found.len() == 1 { "place" } else { "places" });
    Table { title: title.into(), aside: "".into(), columns, rows, empty: "no place is like that" }
}
