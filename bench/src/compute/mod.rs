//! `compute`: what serving a world costs without sockets, encryption and clients. One thread does all the work; its CPU
//! time counts. With `--cores` the world is that of several cores, which take their turns.

mod audience;
mod cores;
mod crowd;
mod options;
mod row;
mod serving;

pub use self::options::Arguments;

use self::serving::ComputeRun;
use crate::report::verdict::Verdict;
use crate::system::interrupt;
use crate::terminal::grouped;
use ringshard_demo::Layout;
use ringshard_world::limits::WORLD_ENTITIES_MAX;

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    if !arguments.cores.is_empty() {
        return cores::run(arguments);
    }
    let layouts = match arguments.layouts.is_empty() {
        true => vec![Layout::Uniform, Layout::Towns, Layout::Crowd],
        false => arguments.layouts.clone(),
    };
    if let Some(clients) = arguments.clients.iter().find(|&&clients| !(1..=WORLD_ENTITIES_MAX).contains(&clients)) {
        return Err(format!("--clients has {clients}; each must be 1 to {WORLD_ENTITIES_MAX}"));
    }
    let terrain = arguments.map.terrain()?;
    let mut rows = Vec::new();
    println!("compute: serving a world on one core, without a network");
    println!(
        "  {:>7} {:<8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>6} {:>7}",
        "players",
        "layout",
        "tick ms",
        "p99 ms",
        "step ms",
        "ns/step",
        "move ms",
        "look ms",
        "write ms",
        "entries",
        "ns/client",
        "ns/entry",
        "encoded",
        "bits",
        "KB/s"
    );
    for layout in layouts {
        for &clients in &arguments.clients {
            if interrupt::is_requested() {
                break;
            }
            let row = ComputeRun::new(arguments, &terrain, layout, clients).run(arguments);
            println!(
                "  {:>7} {:<8} {:>8.2} {:>8.2} {:>8.2} {:>8.0} {:>8.2} {:>8.2} {:>8.2} {:>8.1} {:>9} {:>9.1} {:>7.1}% {:>6.0} {:>7.2}",
                row.clients,
                row.layout,
                row.tick_ms,
                row.tick_p99_ms,
                row.step_ms,
                row.ns_per_step,
                row.move_ms,
                row.look_ms,
                row.write_ms,
                row.entries_per_client,
                grouped(row.ns_per_client),
                row.ns_per_entry,
                row.encoded_share * 100.0,
                row.bits_per_entry,
                row.kilobytes_per_client_s
            );
            rows.push(row);
        }
    }
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &rows)?;
    }
    Ok(Verdict::of_computed(Vec::new()))
}
