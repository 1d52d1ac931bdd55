//! The figures of networked play, measured in simulated worlds: prediction, inputs, rewinding, outages, memory.
//!
//! ```text
//! cargo run --release -p ringshard-testing --example figures            # a table
//! cargo run --release -p ringshard-testing --example figures -- --json  # one JSON object
//! ```
//! Each row has a target, if there is one. The exit status is 1 if a figure misses its target.

mod measure;
mod skirmish;

use measure::*;
use std::process::ExitCode;

/// 30 ms, 8 ms more or less, from one end to the other.
const USUAL: &str = "delay=22ms,jitter=16ms,loss=1%";
const LOSSY: &str = "delay=22ms,jitter=16ms,loss=5%";

/// What a figure must be.
#[derive(Clone, Copy)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
    Any,
}

struct Figure {
    name: String,
    value: f64,
    target: Target,
}

impl Figure {
    fn is_met(&self) -> bool {
        match self.target {
            Target::AtMost(most) => self.value <= most,
            Target::AtLeast(least) => self.value >= least,
            Target::Any => true,
        }
    }
}

/// Figures, printed as they come.
struct Figures {
    all: Vec<Figure>,
    json: bool,
}

impl Figures {
    fn add(&mut self, name: impl Into<String>, value: f64, target: Target) {
        let figure = Figure { name: name.into(), value, target };
        if !self.json {
            let target = match target {
                Target::AtMost(most) => format!("<= {most}"),
                Target::AtLeast(least) => format!(">= {least}"),
                Target::Any => String::new(),
            };
            let missed = if figure.is_met() { "" } else { "  MISSED" };
            println!("{:<66} {:>10}  {target:<9}{missed}", figure.name, rounded(value));
        }
        self.all.push(figure);
    }

    fn print_json(&self) {
        let target = |target| match target {
            Target::AtMost(most) => serde_json::json!({ "at_most": most }),
            Target::AtLeast(least) => serde_json::json!({ "at_least": least }),
            Target::Any => serde_json::Value::Null,
        };
        let row = |figure: &Figure| {
            let Figure { name, value, .. } = figure;
            serde_json::json!({ "name": name, "value": value, "target": target(figure.target), "met": figure.is_met() })
        };
        println!("{}", serde_json::json!({ "figures": self.all.iter().map(row).collect::<Vec<_>>() }));
    }
}

fn rounded(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn main() -> ExitCode {
    let options: Vec<_> = std::env::args().skip(1).collect();
    if options.iter().any(|option| option != "--json") {
        eprintln!("usage: figures [--json]");
        return ExitCode::from(2);
    }
    let mut figures = Figures { all: Vec::new(), json: !options.is_empty() };
    prediction(&mut figures);
    acknowledgment(&mut figures);
    rewinding(&mut figures);
    outages(&mut figures);
    memory(&mut figures);
    long_runs(&mut figures);
    if figures.json {
        figures.print_json();
    }
    if figures.all.iter().all(Figure::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn prediction(figures: &mut Figures) {
    let usual = players_that_run(64, 60 * SECOND, USUAL);
    let title = "64 players, 60 s, 30 +- 8 ms, 1 % loss:";
    figures.add(format!("{title} mispredicted ticks, %"), usual.mispredicted_percent(), Target::AtMost(0.5));
    figures.add(format!("{title} inputs in time, %"), usual.in_time_percent(), Target::Any);
    figures.add(format!("{title} inputs taken twice or in disorder"), usual.strange as f64, Target::AtMost(0.0));
    figures.add(format!("{title} datagrams/s to a player"), usual.datagrams_per_second, Target::AtMost(62.0));
    figures.add(format!("{title} frames without news, %"), percent(usual.starved, usual.frames), Target::Any);
    figures.add(format!("{title} violations counted"), usual.violations as f64, Target::AtMost(0.0));
    let lossy = players_that_run(64, 60 * SECOND, LOSSY);
    let title = "64 players, 60 s, 30 +- 8 ms, 5 % loss:";
    figures.add(format!("{title} inputs in time, %"), lossy.in_time_percent(), Target::AtLeast(99.9));
    figures.add(format!("{title} mispredicted ticks, %"), lossy.mispredicted_percent(), Target::Any);
    figures.add(format!("{title} inputs taken twice or in disorder"), lossy.strange as f64, Target::AtMost(0.0));
}

fn acknowledgment(figures: &mut Figures) {
    for others in [1, 8, 15] {
        let Acknowledged { right, wrong } = acknowledged_behind(others, 60 * SECOND, USUAL);
        let title = format!("own states behind {others} others, of {} snapshots: wrong", right + wrong);
        figures.add(title, wrong as f64, Target::AtMost(0.0));
    }
}

fn rewinding(figures: &mut Figures) {
    let hits = honest_hits(16, 60 * SECOND, "delay=60ms,loss=2%");
    let title = format!("16 players, 60 ms, 2 % loss: of {} honest hits,", hits.claims);
    figures.add(format!("{title} granted, %"), percent(hits.granted, hits.claims), Target::AtLeast(90.0));
    let without = percent(hits.granted_without_rewind, hits.claims);
    figures.add(format!("{title} without rewinding, %"), without, Target::Any);
    let forged = forged_views(1_000, "delay=30ms");
    let title = format!("{} forged views:", forged.shots);
    figures.add(format!("{title} hits gained"), forged.gained as f64, Target::AtMost(0.0));
    figures.add(format!("{title} rewound too far"), forged.rewound_too_far as f64, Target::AtMost(0.0));
    let honest = percent(forged.honest_hits, forged.honest_shots);
    figures.add("the same shots with honest views: hits, %", honest, Target::AtLeast(90.0));
}

fn outages(figures: &mut Figures) {
    let outage = outage(25 * SECOND, USUAL);
    let kept = outage.same_player && outage.same_body && outage.view_goes_on && outage.in_order;
    figures.add(
        "outage of 25 s: player, body, view and messages are kept",
        f64::from(u8::from(kept)),
        Target::AtLeast(1.0),
    );
    figures.add("outage of 25 s: messages lost", f64::from(outage.told - outage.arrived), Target::AtMost(0.0));
    figures.add("outage of 25 s: violations counted", outage.violations as f64, Target::AtMost(0.0));
    figures.add("outage of 25 s: mispredicted in 10 s, 15 s after it", outage.mispredicted_after as f64, Target::Any);
    for cores in [1, 2, 4] {
        let resumes = resumes(1_000, 24, cores, "delay=20ms,jitter=10ms,loss=1%");
        let title = format!("{} resumes on {cores} cores:", resumes.resumed);
        figures.add(format!("{title} players lost"), resumes.lost as f64, Target::AtMost(0.0));
        figures.add(format!("{title} violations counted"), resumes.violations as f64, Target::AtMost(0.0));
    }
}

fn memory(figures: &mut Figures) {
    let allocations = allocations_per_second(16, USUAL);
    figures.add("16 players, warm: allocations per second, all ends", allocations as f64, Target::AtMost(0.0));
}

fn long_runs(figures: &mut Figures) {
    for (title, first_tick) in
        [("after 100 days", 100 * 24 * 3_600 * 60), ("where 32 bits of ticks wrap", (1 << 32) - 1_200)]
    {
        let run = world_from_tick(first_tick, USUAL);
        figures.add(format!("{title}: error of clients' clocks, ticks"), run.clock_error_ticks, Target::AtMost(3.0));
        figures.add(format!("{title}: inputs in time, %"), run.in_time_percent, Target::AtLeast(99.5));
        let mispredicted = percent(run.mispredicted, run.predicted);
        figures.add(format!("{title}: mispredicted ticks, %"), mispredicted, Target::AtMost(0.5));
        figures.add(format!("{title}: violations counted"), run.violations as f64, Target::AtMost(0.0));
    }
}
