//! `flood`: players at a steady rate while clients fall upon the server, and honest newcomers who want in meanwhile.
//!
//! All addresses are loopback's. Each kind of flood has a server of its own:
//!
//! | what | where |
//! |---|---|
//! | the players come in, the limits per address are made the default ones | [`configured`] |
//! | a flood begins | [`attack`], from the addresses of [`source`], by the calls of [`batch`] |
//! | a second later newcomers come, all behind one address | [`joiners`] |
//! | both sides are looked at before and after | [`measure`], [`report`] |

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

/// Newcomers at most: each has a port of its own at one address.
const JOINERS_MAX: usize = 5_000;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, serving, settings, .. } = arguments;
    let scenario = Scenario::new(load.players()?, &load.place, serving, settings, None)?;
    if arguments.joiners > JOINERS_MAX {
        return Err(format!("--joiners is {}; it is {JOINERS_MAX} at most", arguments.joiners));
    }
    if arguments.per_second == 0 {
        return Err("--per-second is 0; it is 1 at least".into());
    }
    if !(1..=BATCH).contains(&arguments.burst) {
        return Err(format!("--burst is {}; it is 1 to {BATCH}", arguments.burst));
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
        write_json(path, &report::All { scenario: NAME, clients, joiners, per_second, burst, floods, verdict })?;
    }
    Ok(verdict)
}
