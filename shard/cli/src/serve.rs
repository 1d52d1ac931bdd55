//! `ringshard serve`

use ringshard::config::{Configuration, Layout, Prepared, Served, Sources};
use ringshard::game::Game;
use ringshard::ops::serve::{Started, print_final_table};
use ringshard::runtime::jobs::Jobs;
use ringshard::runtime::server::Server;
use ringshard::runtime::service::Echo;
use ringshard::serve::{Beside, BesidePorts, StartedGame, start_host, start_workers};
use ringshard_demo::{self as demo, Demo};
use ringshard_fleet::host::membership;
use ringshard_paths::{Navigator, PathJob};
use ringshard_services::Providers;
use std::error::Error;
#[cfg(not(feature = "scripts"))]
use std::path::Path;
use std::sync::Arc;

/// Runs `ringshard serve`.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let sources = beside().sources(sources.clone());
    let report = ringshard::ops::serve::run(sources, start)?;
    print_final_table(crate::histograms::table(&report));
    Ok(())
}

/// What runs beside the cores.
pub fn beside<'a>() -> Beside<'a> {
    let services = ringshard_services::beside(Providers::default(), |_, _| {});
    Beside::none().with_services(services).with_fleet(membership)
}

fn start(configuration: &Configuration, prepared: &Prepared) -> Result<Started, Box<dyn Error>> {
    beside().start(configuration.settings(), |ports| start_game(configuration, prepared, ports))
}

/// Starts what the settings say.
fn start_game(
    configuration: &Configuration,
    prepared: &Prepared,
    ports: BesidePorts,
) -> Result<StartedGame, Box<dyn Error>> {
    let settings = configuration.settings();
    if let Some(path) = &settings.script {
        return script(configuration, prepared, path, ports);
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
            let (jobs, workers) = match navigator {
                Some(_) => start_workers(cores, &prepared.jobs, PathJob::run)?,
                None => (Jobs::none(cores), None),
            };
            let (server, border) = start_host(prepared, jobs, ports, |start| {
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
fn script(_: &Configuration, _: &Prepared, _: &Path, _: BesidePorts) -> Result<StartedGame, Box<dyn Error>> {
    Err("this program is built without the feature scripts, so it serves no game in Luau".into())
}

fn demo_layout(layout: Layout) -> demo::Layout {
    match layout {
        Layout::Uniform => demo::Layout::Uniform,
        Layout::Towns => demo::Layout::Towns,
        Layout::Crowd => demo::Layout::Crowd,
    }
}
