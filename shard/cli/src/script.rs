//! `ringshard serve --script`: serves a game in Luau.

use ringshard::config::{Configuration, Prepared, Settings};
use ringshard::game::{Game, GameStart};
use ringshard::ops::handle::GameSettings;
use ringshard::ops::serve::Started;
use ringshard::runtime::jobs::Jobs;
use ringshard::runtime::service::LiveSettings;
use ringshard::serve::{BesidePorts, StartedGame, start_host};
use ringshard_scripts::{Budget, Script, ScriptGame};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// Starts a server of the game in this file. A reload reads the file again.
pub fn start(
    configuration: &Configuration,
    prepared: &Prepared,
    path: &Path,
    ports: BesidePorts,
) -> Result<StartedGame, Box<dyn Error>> {
    let (script, budget) = (Script::read(path)?, budget(configuration.settings()));
    let kinds: Vec<_> = ScriptGame::KINDS.iter().map(|kind| kind.name).collect();
    configuration.check_kinds(&kinds)?;
    // A script that does not load must not stop a server whose first cores run already.
    let trial = GameStart { core: 0, terrain: prepared.world.terrain.clone() };
    ScriptGame::new(&trial, &script, budget)?;
    let game = |start: GameStart| ScriptGame::new(&start, &script, budget).expect("it has loaded a moment ago");
    let (server, border) = start_host(prepared, Jobs::none(prepared.server.cpus.len()), ports, game)?;
    let path = path.to_owned();
    let load = move || {
        let script = Script::read(&path).map_err(|error| error.to_string())?;
        let settings: GameSettings = Box::new(move || LiveSettings::new(script.clone()));
        Ok(settings)
    };
    let started = Started {
        server,
        workers: None,
        what: script.name().to_owned(),
        reload: Some(Box::new(load)),
        services: None,
        fleet: None,
    };
    Ok((started, border))
}

fn budget(settings: &Settings) -> Budget {
    let tick = Duration::from_micros(settings.script_tick_us);
    let memory = (settings.script_memory_mib as usize) << 20;
    Budget { tick, hook: tick / 2, reserves: tick * 2, share: tick / 8, memory, ..Budget::default() }
}
