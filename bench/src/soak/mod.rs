//! `soak`: reliable messages both ways for a long time, over real sockets. Every echo is checked.

mod client;
mod memory;
mod message;
mod options;
mod report;
mod run;

pub use self::options::Arguments;

use self::report::SoakReport;
use self::run::{Target, soak};
use crate::report::verdict::Verdict;
use crate::scenario;
use crate::scenario::{PAYLOAD_BYTES_MIN, Rate, Scenario};
use crate::server_process::Server;
use crate::system::raise_file_limit;
use std::time::Duration;

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let outcome = match arguments.running.server() {
        Some((address, key)) => {
            soak(arguments, &scenario, Target { address, key, pid: arguments.server_pid, own: None })?
        }
        None => {
            let own = Server::start(&scenario)?;
            let Server { address, key, .. } = own;
            let pid = Some(own.report()?.pid);
            let outcome = soak(arguments, &scenario, Target { address, key, pid, own: Some(&own) })?;
            own.stop()?;
            outcome
        }
    };
    let report = SoakReport::new(arguments, &scenario, outcome);
    print!("soak: reliable messages to a server and back\n{}", report.page());
    if let Some(path) = &arguments.run.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    let Arguments { rate, mins, .. } = *arguments;
    if !(0.1..=1_000.0).contains(&rate) {
        return Err(format!("--rate is {rate}; it must be 0.1 to 1000"));
    }
    if !(0.05..=100_000.0).contains(&mins) {
        return Err(format!("--mins is {mins}; it must be 0.05 to 100000"));
    }
    if arguments.warm_up.is_some() && arguments.running.server().is_some() && arguments.server_pid.is_none() {
        return Err("--warm-up is about the server's memory; give its process id with --server-pid".to_owned());
    }
    let Arguments { flows, clients, run, between, .. } = arguments;
    let (flows, clients) = (*flows, *clients);
    let load = scenario::Load { flows, clients, rate: Rate::Hz(rate), size: PAYLOAD_BYTES_MIN, secs: 1.0 };
    let scenario = Scenario::new(load, &run.place, &run.serving, &run.settings, between.network)?;
    Ok(Scenario { measure: Duration::from_secs_f64(mins * 60.0), ..scenario })
}
