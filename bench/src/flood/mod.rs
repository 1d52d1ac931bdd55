//! `flood`: players at a steady rate while strangers fall upon the server, and honest newcomers who want in meanwhile.
//!
//! All addresses are loopback's. Each kind of flood has a server of its own:
//!
//! | what | where |
//! |---|---|
//! | the players come in, the limits per address are made the default ones | [`operated`] |
//! | a flood begins | [`attack`], from the addresses of [`source`], by the calls of [`volley`] |
//! | a second later newcomers come, all behind one address | [`joiners`] |
//! | both sides are looked at before and after | [`measure`], [`report`] |

mod attack;
mod joiners;
mod kind;
mod measure;
mod operated;
mod report;
mod source;
mod volley;

use self::kind::Kinds;
use self::volley::BATCH;
use crate::echo::raise_file_limit;
use crate::interrupt;
use crate::report::write_json;
use crate::scenario::{self, Scenario};
use crate::verdict::Verdict;

/// What the command is called.
const NAME: &str = "flood";
/// Newcomers at most: each has a port of its own at one address.
const JOINERS_MAX: usize = 5_000;

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// What strangers send: connects (first Connects from forged addresses), handshakes (valid cookies from one /24,
    /// keys that are never proved), bad-tags (under players' names, not authentic), garbage (bytes at random); several
    /// with commas between, or all, one after the other.
    #[arg(long, value_name = "KIND", default_value = "all")]
    kind: Kinds,
    /// Their datagrams a second. As many as one processor can send beside the players' load; the result says how many.
    #[arg(long, value_name = "PPS", default_value_t = 300_000)]
    per_second: u64,
    /// Datagrams in a row from each forged address, 1 to 64. They leave as one segmented send, which one processor has
    /// several times more of in it, and reach the server as one run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    burst: usize,
    /// Honest clients who join once the flood has lasted for a second, all from 127.9.9.9. The flood goes on until they
    /// are in or have given up, and for --secs at least.
    #[arg(long, value_name = "N", default_value_t = 200)]
    joiners: usize,
    #[command(flatten)]
    load: scenario::Arguments,
    #[command(flatten)]
    serving: scenario::Serving,
    #[command(flatten)]
    settings: scenario::Settings,
}

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
        let figures = measure::measure(kind, arguments, &scenario)?;
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
