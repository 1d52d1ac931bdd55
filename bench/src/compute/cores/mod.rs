//! `compute --cores`: a world on several cores, which take their turns on one thread. It shows how the work of each core grows
//! with the number of cores, on a machine that need not have them.
//!
//! | module | for |
//! |---|---|
//! | `world_core` | one core: its players, and what it knows of the world |
//! | `parts` | the parts of a core's tick, and the time that they take |
//! | `row` | the result of one run |
//! | `plot` | all results as a plot |
//!
//! The turns evict each other's data from the cache, which cores of their own do less. So the times are upper bounds.

mod parts;
mod plot;
mod row;
mod world_core;

use self::parts::Times;
use self::row::{CoresRow, table_head};
use self::world_core::WorldCore;
use super::options::Arguments;
use crate::report::verdict::Verdict;
use crate::scenario::option_name;
use crate::system::interrupt;
use crate::system::usage::usage;
use rand_chacha::rand_core::SeedableRng;
use ringshard::world::exchange::Exchange;
use ringshard_demo::Layout;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::Terrain;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use std::fs;
use std::sync::Arc;

/// Ticks before the measurement starts: all players have come into sight, and most have been acknowledged.
const WARM_UP: u32 = 40;
/// Memory that a run leaves to other programs, in bytes.
const MEMORY_LEFT: f64 = (2u64 << 30) as f64;

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let layouts = match arguments.layouts.is_empty() {
        true => vec![Layout::Uniform],
        false => arguments.layouts.clone(),
    };
    let terrain = arguments.map.terrain()?;
    println!("compute: serving a world on several cores, in turn on one thread, without a network");
    println!("{}", table_head());
    let mut rows: Vec<CoresRow> = Vec::new();
    // What one run has had, the next one gets again: memory counts from here.
    let before = resident();
    for layout in layouts {
        for &clients in &arguments.clients {
            let mut alone = None;
            for &cores in &arguments.cores {
                if interrupt::is_requested() {
                    break;
                }
                check(clients, cores)?;
                let mut row = match measure(arguments, &terrain, layout, clients, cores, before) {
                    Ok(row) => row,
                    Err(why) => {
                        println!("  {clients:>7} {:<8} {cores:>5} {why}", option_name(layout));
                        continue;
                    }
                };
                if cores == 1 {
                    alone = Some(row.tick_ms);
                }
                row.efficiency = alone.map(|alone| alone / (cores as f64 * row.tick_ms));
                println!("{}", row.line());
                rows.push(row);
            }
        }
    }
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &rows)?;
    }
    if let Some(path) = &arguments.plot {
        fs::write(path, plot::draw(&rows)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(Verdict::of_computed(Vec::new()))
}

fn check(clients: usize, cores: usize) -> Result<(), String> {
    if !(1..=64).contains(&cores) {
        return Err(format!("--cores has {cores}; each must be 1 to 64"));
    }
    if clients < cores || clients.next_multiple_of(cores) > WORLD_ENTITIES_MAX {
        return Err(format!("{clients} players on {cores} cores: a world has {cores} to {WORLD_ENTITIES_MAX}"));
    }
    Ok(())
}

/// Runs a world; an error if it does not fit the memory.
fn measure(
    arguments: &Arguments,
    terrain: &Arc<Terrain>,
    layout: Layout,
    clients: usize,
    cores: usize,
    before: f64,
) -> Result<CoresRow, String> {
    let mut random = Csprng::seed_from_u64(1);
    let entities_max = clients.next_multiple_of(cores);
    let mut world: Vec<WorldCore> = Vec::with_capacity(cores);
    for exchange in Exchange::between(cores, entities_max) {
        // As equally many on each core as possible.
        let players = (clients + cores - 1 - exchange.core()) / cores;
        world.push(WorldCore::new(arguments, terrain, layout, exchange, players, entities_max, &mut random));
        if available() < MEMORY_LEFT {
            return Err(format!("does not fit the memory: {} cores took all but 2 GiB", world.len()));
        }
    }
    let mut times = Times::new(cores);
    for tick in 1..=WARM_UP + arguments.ticks {
        for (core, world_core) in world.iter_mut().enumerate() {
            let parts = world_core.tick(tick);
            if tick > WARM_UP {
                times.record(core, parts);
            }
        }
        if tick == WARM_UP {
            world.iter_mut().for_each(WorldCore::begin_measurement);
        }
        if tick > WARM_UP {
            times.end_tick();
        }
    }
    let totals = world.iter().map(WorldCore::totals).collect::<Vec<_>>();
    Ok(CoresRow::new(clients, layout, &times, &totals, (resident() - before) / cores as f64))
}

/// Resident memory of this process, in bytes.
fn resident() -> f64 {
    usage(std::process::id()).resident_bytes as f64
}

/// Memory that programs can still have, in bytes.
fn available() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kibibytes.map_or(f64::INFINITY, |kibibytes| kibibytes * 1024.0)
}
