//! `flood`: players at a steady rate, a flood from unknown addresses, and clients that join meanwhile.
//!
//! All addresses are in 127.0.0.0/8. Each kind of flood has a server of its own:
//!
//! | step | module |
//! |---|---|
//! | players connect, then the limits per address return to their defaults | [`configured_server`] |
//! | a flood begins | [`attack`], from the addresses of [`addresses`], in batches of [`send_batch`] |
//! | a second later clients join, all from one address | [`joiners`] |
//! | both sides are compared before and after | [`measure`], [`report`] |

mod addresses;
mod attack;
mod configured_server;
mod joiners;
mod kind;
mod measure;
mod options;
mod report;
mod send_batch;

pub use self::options::Arguments;

use self::options::NAME;
use self::report::Figures;
use self::send_batch::BATCH;
use crate::report::verdict::Verdict;
use crate::report::write_json;
use crate::scenario::Scenario;
use crate::system::{interrupt, raise_file_limit};

/// Maximum number of joining clients: each needs a port at one address.
const JOINERS_MAX: usize = 5_000;

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, serving, settings, .. } = arguments;
    let scenario = Scenario::new(load.players()?, &load.place, serving, settings, None)?;
    if arguments.joiners > JOINERS_MAX {
        return Err(format!("--joiners is {}; it must be at most {JOINERS_MAX}", arguments.joiners));
    }
    if arguments.per_second == 0 {
        return Err("--per-second is 0; it must be at least 1".into());
    }
    if !(1..=BATCH).contains(&arguments.burst) {
        return Err(format!("--burst is {}; it must be 1 to {BATCH}", arguments.burst));
    }
    raise_file_limit();
    let mut floods = Vec::new();
    for &kind in &arguments.kind.0 {
        let (measured, players) = measure::measure(kind, arguments, &scenario)?;
        let figures = Figures::new(kind, arguments, measured, players);
        println!("{}", figures.page());
        floods.push(figures);
        if interrupt::is_requested() {
            break;
        }
    }
    let verdict = report::verdict(&floods);
    print!("{}", report::table(&floods));
    if let Some(path) = &arguments.load.json {
        let &Arguments { joiners, per_second, burst, .. } = arguments;
        let clients = scenario.clients;
        let (floods, verdict) = (&floods, &verdict);
        write_json(path, &report::JsonReport { scenario: NAME, clients, joiners, per_second, burst, floods, verdict })?;
    }
    Ok(verdict)
}
