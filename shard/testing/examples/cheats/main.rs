//! Cheats, and what becomes of them; and honest players, to whom nothing may happen.
//!
//! ```text
//! cargo run --release -p ringshard-testing --example cheats                    # a table, and 20 hours of honest players
//! cargo run --release -p ringshard-testing --example cheats -- --hours 1000    # more of them
//! cargo run --release -p ringshard-testing --example cheats -- --honest        # without cheats
//! cargo run --release -p ringshard-testing --example cheats -- --json          # one JSON object
//! ```
//! The exit status is 1 if a cheat is not caught, or an honest player is refused anything.

mod cheaters;
mod hours;
#[path = "../../../tests/world/land.rs"]
mod land;
mod said;
mod table;

use cheaters::{Caught, Cheat, FAR, NEAR, Path, SCORE_MAX, caught};
use hours::{BAD, Sum, play};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Seconds that each cheater has.
const SECONDS: u32 = 60;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let hours = arguments.iter().position(|argument| argument == "--hours").and_then(|at| arguments.get(at + 1));
    let hours: f64 = hours.map_or(Ok(20.0), |hours| hours.parse()).expect("--hours takes a number");
    let is_honest = arguments.iter().any(|argument| argument == "--honest");
    let paths: &[(&str, Path)] = if is_honest { &[] } else { &[("near", NEAR), ("far", FAR)] };
    let mut rows = Vec::new();
    if !json && !is_honest {
        println!(
            "{:<20} {:<5} {:>12} {:>12} {:>9} {:>9}  gain",
            "cheat", "path", "refused s", "put out s", "refusals", "others"
        );
    }
    for &(name, path) in paths {
        for cheat in Cheat::ALL {
            let caught = caught(cheat, path, SECONDS);
            if !json {
                print_row(name, &caught);
            }
            rows.push((name, caught));
        }
    }
    let sum = play(hours, BAD, SCORE_MAX);
    if json {
        let cheats: Vec<Value> = rows.iter().map(|(path, caught)| to_json(path, caught)).collect();
        println!("{}", json!({ "cheats": cheats, "honest": sum_json(hours, &sum) }));
    } else {
        println!("\n{}", describe(hours, &sum));
        sum.examples.iter().for_each(|(life, tick, violation)| println!("life {life}, tick {tick}: {violation:?}"));
    }
    let all_caught = rows.iter().all(|(path, caught)| caught.refused_after.is_some() || !caught.cheat.shows_on(path));
    if all_caught && sum.refusals() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seconds(ticks: Option<u64>) -> String {
    ticks.map_or("-".into(), |ticks| format!("{:.2}", ticks as f64 / 60.0))
}

fn print_row(path: &str, caught: &Caught) {
    println!(
        "{:<20} {path:<5} {:>12} {:>12} {:>9} {:>9}  {:.0} {}",
        caught.cheat.name(),
        seconds(caught.refused_after),
        seconds(caught.put_out_after),
        caught.refusals,
        caught.others,
        caught.gain,
        caught.cheat.unit()
    );
}

fn to_json(path: &str, caught: &Caught) -> Value {
    json!({
        "cheat": caught.cheat.name(),
        "path": path,
        "refused_after_ticks": caught.refused_after,
        "put_out_after_ticks": caught.put_out_after,
        "refusals": caught.refusals,
        "other_refusals": caught.others,
        "gain": caught.gain,
        "gain_unit": caught.cheat.unit(),
    })
}

fn sum_json(hours: f64, sum: &Sum) -> Value {
    json!({
        "hours": hours,
        "ticks": sum.ticks,
        "missed_inputs": sum.missed,
        "refusals": sum.refusals(),
        "players_refused": sum.suspected,
        "players_put_out": sum.put_out,
        "highest_score": sum.score_max,
    })
}

fn describe(hours: f64, sum: &Sum) -> String {
    format!(
        "{hours} honest hours at 200 +- 80 ms and 5 % loss: {} player ticks, {:.2} % without their input;\n\
         {} claims refused, {} of {} lives refused anything, {} put out, highest score {:.1}",
        sum.ticks,
        100.0 * sum.missed as f64 / sum.ticks.max(1) as f64,
        sum.refusals(),
        sum.suspected,
        sum.lives,
        sum.put_out,
        sum.score_max
    )
}
