//! Starting the world of a game, with a border if the server is a host of a fleet.

use ringshard::config::Prepared;
use ringshard::game::{Game, GameStart};
use ringshard::ops::serve::Started;
use ringshard::runtime::fleet::FleetPort;
use ringshard::runtime::jobs::JobPort;
use ringshard::runtime::server::{Server, StartError};
use ringshard::runtime::services::ServicesPort;
use ringshard::serve::{start_world, start_world_with_border};
use ringshard::world::border::{AnyBorder, BorderSettings};
use std::time::{SystemTime, UNIX_EPOCH};

/// A game, and the border of its world if it has one.
pub type StartedGame = (Started, Option<Box<dyn AnyBorder>>);

/// The world of a game: with a border if there are ports to the fleet.
pub fn start_host<G: Game>(
    prepared: &Prepared,
    ports: Vec<JobPort<G::Job, G::Done>>,
    services: Vec<ServicesPort>,
    fleet: Vec<FleetPort>,
    game: impl FnMut(GameStart) -> G,
) -> Result<(Server, Option<Box<dyn AnyBorder>>), StartError> {
    if fleet.is_empty() {
        return Ok((start_world(prepared, ports, services, fleet, game)?, None));
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let settings = BorderSettings { incarnation: since_1970.as_micros() as u64, ..BorderSettings::default() };
    let (server, border) = start_world_with_border(prepared, ports, services, fleet, settings, game)?;
    Ok((server, Some(border)))
}
