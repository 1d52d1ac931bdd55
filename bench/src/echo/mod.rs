//! `echo`: messages through an encrypted server and back.

mod measure;

pub use self::measure::{measure, measure_beside_floor};

use crate::report::verdict::{Missed, Verdict};
use crate::scenario;
use crate::scenario::Scenario;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    #[command(flatten)]
    load: scenario::Arguments,
    #[command(flatten)]
    serving: scenario::ServerOptions,
    #[command(flatten)]
    settings: scenario::Settings,
    #[command(flatten)]
    between: scenario::NetworkOptions,
}

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, serving, settings, between } = arguments;
    let scenario = Scenario::new(load.load(), &load.place, serving, settings, between.network)?;
    let report = measure_beside_floor("echo", &scenario)?;
    println!("echo\n{}", report.page());
    if let Some(histograms) = &report.histograms {
        println!("{histograms}");
    }
    let verdict = report.judge(Missed::default());
    if verdict != Verdict::Pass {
        println!("\nverdict: {verdict}");
    }
    if let Some(path) = &arguments.load.json {
        report.write_json(path)?;
    }
    Ok(verdict)
}
