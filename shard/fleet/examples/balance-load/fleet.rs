//! The fleet: hosts, regions around the Earth, and what clients measured.

use ringshard_fleet::balancer::{Policy, Region};
use ringshard_fleet::location::Position;
use ringshard_fleet::model::{Directory, Host, Name};
use std::sync::Arc;

fn region(number: u32) -> Name {
    format!("region-{number}").parse().expect("it is a name")
}

/// Regions along a spiral around the Earth.
pub(crate) fn policy(regions: u32) -> Policy {
    let position =
        |number: u32| Position::new(f64::from(number % 9) * 13.0 - 50.0, f64::from(number * 137 % 360) - 180.0);
    let regions =
        (0..regions).map(|number| (region(number), Region { position: position(number), ..Region::default() }));
    Policy { regions: regions.collect(), ..Policy::default() }
}

/// Hosts with enough places for the whole run. `round` changes their figures.
pub(crate) fn directory(hosts: u32, regions: u32, round: u32) -> Arc<Directory> {
    let host = |number: u32| {
        let record = serde_json::json!({
            "name": format!("host-{number}"),
            "region": format!("region-{}", number % regions),
            "address": format!("host-{number}.example:3565"),
            "key": "ab".repeat(32),
            "version": "0.1.0",
            "contract": "1",
            "capacity": 100_000,
            "players": (number * 7 + round * 13) % 5_000,
            "load": f64::from((number + round) % 50) / 100.0,
            "state": "ready",
        });
        let host: Host = serde_json::from_value(record).expect("it is a host");
        (host.name.clone(), host)
    };
    let mut directory = Directory { revision: u64::from(round) + 1, ..Directory::default() };
    directory.hosts = (0..hosts).map(host).collect();
    Arc::new(directory)
}

/// Round trips to four regions.
pub(crate) fn round_trips(client: u32, regions: u32) -> Vec<(Name, f32)> {
    (0..4).map(|number| (region((client + number * 3) % regions), (10 + number * 25 + client % 9) as f32)).collect()
}

/// The address of a request.
pub(crate) fn path(client: u32, regions: u32) -> String {
    match client % 3 {
        0 => "/v1/route?contract=1".to_owned(),
        1 => {
            let round_trips = round_trips(client, regions);
            let texts: Vec<String> = round_trips.iter().map(|(region, ms)| format!("{region}:{ms}")).collect();
            format!("/v1/route?contract=1&rtt={}", texts.join(","))
        }
        _ => format!("/v1/route?contract=1&region=region-{}&account={client}", client % regions),
    }
}
