//! `ringshard fleet watch`

use super::connect::FleetArguments;
use super::show::moment;
use crate::output::{self, PrintError};
use ringshard_fleet::model::{Directory, Host};
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments of `fleet watch`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Print a JSON object per line.
    #[arg(long)]
    json: bool,
}

/// What happened to a host.
#[derive(Clone, Copy)]
enum Happened<'a> {
    Came(&'a Host),
    Went(&'a Host),
    Changed(&'a Host),
}

/// Runs `ringshard fleet watch`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    fleet.run(async {
        let (mut reader, first) = fleet.reader().await?;
        let (mut before, mut latest) = (Arc::new(Directory::default()), first);
        loop {
            for happened in differences(&before, &latest) {
                print(happened, arguments.json)?;
            }
            reader.directory.changed().await?;
            (before, latest) = (latest, reader.latest());
        }
    })
}

/// Hosts that came, went, run anew, or have another state. Players and load change all the time.
fn differences<'a>(before: &'a Directory, latest: &'a Directory) -> Vec<Happened<'a>> {
    let went = before.hosts.values().filter(|host| !latest.hosts.contains_key(&host.name)).map(Happened::Went);
    let others = latest.hosts.values().filter_map(|host| match before.hosts.get(&host.name) {
        None => Some(Happened::Came(host)),
        Some(known) if known.run != host.run => Some(Happened::Came(host)),
        Some(known) if (known.state, &known.address) != (host.state, &host.address) => Some(Happened::Changed(host)),
        Some(_) => None,
    });
    went.chain(others).collect()
}

fn print(happened: Happened<'_>, as_json: bool) -> Result<(), PrintError> {
    let (word, host) = match happened {
        Happened::Came(host) => ("came", host),
        Happened::Went(host) => ("went", host),
        Happened::Changed(host) => ("changed", host),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    if as_json {
        return output::print_line(json!({ "at_ms": now, "happened": word, "host": host }));
    }
    let Host { name, region, state, players, address, .. } = host;
    let at = moment(now);
    match happened {
        Happened::Went(_) => output::print_line(format_args!("{at}  {name} in {region} is gone")),
        Happened::Came(_) => {
            output::print_line(format_args!("{at}  {name} in {region} came: {state} at {address}, {players} players"))
        }
        Happened::Changed(_) => {
            output::print_line(format_args!("{at}  {name} in {region} is {state}, {players} players"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value};

    /// A directory of these hosts: name, run, state, players.
    fn directory(hosts: &[(&str, &str, &str, u32)]) -> Directory {
        let host = |&(name, run, state, players): &(&str, &str, &str, u32)| {
            let run = format!("{run:0>16}");
            let host = json!({
                "name": name, "run": run, "region": "eu", "address": "a:1", "key": "", "version": "1",
                "capacity": 10, "players": players, "state": state,
            });
            (name.to_owned(), host)
        };
        let hosts: serde_json::Map<String, Value> = hosts.iter().map(host).collect();
        from_value(json!({ "revision": 1, "hosts": hosts })).unwrap()
    }

    #[test]
    fn only_what_an_operator_must_know_is_told() {
        let before = directory(&[
            ("a", "1", "ready", 1),
            ("b", "1", "ready", 1),
            ("c", "1", "ready", 1),
            ("d", "1", "ready", 1),
        ]);
        let latest = directory(&[
            ("b", "2", "ready", 1),
            ("c", "1", "draining", 1),
            ("d", "1", "ready", 9),
            ("e", "1", "ready", 0),
        ]);
        let told: Vec<_> = differences(&before, &latest)
            .iter()
            .map(|happened| match happened {
                Happened::Came(host) => format!("+{}", host.name),
                Happened::Went(host) => format!("-{}", host.name),
                Happened::Changed(host) => format!("={}", host.name),
            })
            .collect();
        assert_eq!(told, ["-a", "+b", "=c", "+e"]);
    }
}
