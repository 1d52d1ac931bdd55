//! `ringshard serve`

use crate::world::{StartedGame, start_host};
use ringshard::config::{Configuration, Layout, Prepared, Served, Settings, Sources};
use ringshard::game::Game;
use ringshard::ops::fleet::Fleet;
use ringshard::ops::host::HostProbe;
use ringshard::ops::serve::{Started, print_final_table};
use ringshard::runtime::entropy::random_bytes;
use ringshard::runtime::fleet::{self, FleetEnd, FleetPort};
use ringshard::runtime::jobs::Jobs;
use ringshard::runtime::server::Server;
use ringshard::runtime::service::Echo;
use ringshard::runtime::services::{ServicesEnd, ServicesPort, between};
use ringshard::serve::{StartedBeside, start_beside, start_workers};
use ringshard::world::border::AnyBorder;
use ringshard_demo::{self as demo, Demo};
use ringshard_fleet::host::{FleetHost, HostSettings, JoinError};
use ringshard_fleet::model::RunId;
use ringshard_paths::{Navigator, PathJob};
use ringshard_services::{Providers, ServerIdentity, Services};
use std::error::Error;
#[cfg(not(feature = "scripts"))]
use std::path::Path;
use std::sync::Arc;

/// Runs `ringshard serve`.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let sources = Sources { has_services: true, has_fleet: true, ..sources.clone() };
    let report = ringshard::ops::serve::run(sources, start)?;
    print_final_table(crate::histograms::table(&report));
    Ok(())
}

fn start(configuration: &Configuration, prepared: &Prepared) -> Result<Started, Box<dyn Error>> {
    let settings = configuration.settings();
    // Faults of the fleet settings are reported before anything starts.
    let member = HostSettings::load(settings)?;
    let (ports, ends) = between(if settings.services.is_some() { settings.cpus.len() } else { 0 });
    let has_bus = member.as_ref().is_some_and(|member| member.fleet.bus.is_some());
    let (to_fleet, from_fleet) = fleet::between(if has_bus { settings.cpus.len() } else { 0 });
    let (started, border) = start_game(configuration, prepared, ports, to_fleet)?;
    let (server, services) = start_beside(started.server, |server| beside(settings, server, ends))?;
    let fleet = match member.map(|member| join_fleet(&member, &server, from_fleet, border)).transpose() {
        Ok(fleet) => fleet.flatten(),
        Err(error) => {
            server.lifecycle().stop();
            server.join();
            return Err(error.into());
        }
    };
    Ok(Started { server, services, fleet, ..started })
}

/// Begins to register in the fleet, if its hosts register.
fn join_fleet(
    settings: &HostSettings,
    server: &Server,
    ends: Vec<FleetEnd>,
    border: Option<Box<dyn AnyBorder>>,
) -> Result<Option<Arc<dyn Fleet>>, JoinError> {
    let [a, b, c, d, e, f, g, h, ..] = random_bytes();
    let run = RunId(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    let member = FleetHost::start(settings, HostProbe::new(server), server.listen(), run, ends, border)?;
    Ok(member.map(|member| member as Arc<_>))
}

/// Starts the services that the settings ask for.
fn beside(settings: &Settings, server: &Server, ends: Vec<ServicesEnd>) -> StartedBeside {
    let identity = ServerIdentity { key: *server.public_key().as_bytes(), listen: server.listen() };
    let services = Services::start(settings, identity, ends, Providers::default(), |_, _| {})?;
    Ok(services.map(|services| services as Arc<_>))
}

/// Starts what the settings say, with the ports to the services.
fn start_game(
    configuration: &Configuration,
    prepared: &Prepared,
    services: Vec<ServicesPort>,
    fleet: Vec<FleetPort>,
) -> Result<StartedGame, Box<dyn Error>> {
    let settings = configuration.settings();
    if let Some(path) = &settings.script {
        return script(configuration, prepared, path, services, fleet);
    }
    let (server, workers, border) = match settings.game {
        Served::Echo => (Server::start(&prepared.server, |_| Echo)?, None, None),
        Served::Demo => {
            let (cores, npcs, layout) = (settings.cpus.len(), settings.npcs as usize, demo_layout(settings.layout));
            let share = |core: usize| npcs * (core + 1) / cores - npcs * core / cores;
            let kinds: Vec<_> = Demo::KINDS.iter().map(|kind| kind.name).collect();
            configuration.check_kinds(&kinds)?;
            // Without workers or without a mesh, NPCs walk straight.
            let navigator = (prepared.jobs.workers > 0).then(|| Navigator::of(&prepared.world.terrain)).flatten();
            let navigator = navigator.map(Arc::new);
            let (ports, workers) = match navigator {
                Some(_) => start_workers(cores, &prepared.jobs, PathJob::run)?,
                None => (Jobs::none(cores), None),
            };
            let (server, border) = start_host(prepared, ports, services, fleet, |start| {
                let demo = Demo::new(start.terrain, layout, share(start.core));
                match &navigator {
                    Some(navigator) => demo.with_paths(navigator.clone()),
                    None => demo,
                }
            })?;
            (server, workers, border)
        }
    };
    let (game, _) = configuration.raw_values().get("game");
    Ok((Started { server, workers, what: game.to_owned(), reload: None, services: None, fleet: None }, border))
}

#[cfg(feature = "scripts")]
use crate::script::start as script;

#[cfg(not(feature = "scripts"))]
fn script(
    _: &Configuration,
    _: &Prepared,
    _: &Path,
    _: Vec<ServicesPort>,
    _: Vec<FleetPort>,
) -> Result<StartedGame, Box<dyn Error>> {
    Err("this program is built without the feature scripts, so it serves no game in Luau".into())
}

fn demo_layout(layout: Layout) -> demo::Layout {
    match layout {
        Layout::Uniform => demo::Layout::Uniform,
        Layout::Towns => demo::Layout::Towns,
        Layout::Crowd => demo::Layout::Crowd,
    }
}
