//! `simulate-world`: a world on several cores and its players under one virtual clock, behind a bad network. Players
//! come and go, and cores stall. Every client's view is compared with the server's world.

mod exchange_delays;
mod options;
mod player;
mod report;
mod server_core;
mod simulator;

pub use self::options::Arguments;

use self::simulator::Simulator;
use crate::report::verdict::Verdict;
use crate::system::interrupt;
use crate::system::usage::usage;
use crate::terminal::bar;
use ringshard_protocol::time::Duration;

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let began = std::time::Instant::now();
    let mut simulator = Simulator::new(arguments)?;
    let total = Duration::from_secs_f64(arguments.minutes * 60.0);
    let bar = bar("simulate-world", "simulating", total.as_secs());
    let mut resident_early = 0;
    while simulator.elapsed() < total && !interrupt::is_requested() {
        simulator.step();
        if simulator.elapsed().as_nanos() % 1_000_000_000 == 0 {
            bar.set_position(simulator.elapsed().as_secs());
            if resident_early == 0 && simulator.elapsed() >= total / 5 {
                resident_early = usage(std::process::id()).resident_bytes;
            }
        }
    }
    simulator.stand_still();
    bar.finish_and_clear();
    let outcome = simulator.outcome(arguments, began.elapsed().as_secs_f64(), resident_early);
    print!("simulate-world: a world under one clock\n{}", outcome.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &outcome)?;
    }
    Ok(outcome.verdict)
}
