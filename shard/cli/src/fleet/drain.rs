//! `ringshard fleet drain`

use super::connect::{FleetArguments, occasion};
use crate::output::{self, PrintError};
use crate::units::whole;
use ringshard_fleet::model::{Directory, Host, Name, RunId};
use ringshard_fleet::registry::DirectoryReader;
use serde_json::json;
use std::error::Error;
use std::time::Duration;

/// Longest time between two looks at the players that are left.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Arguments of `fleet drain`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Name of the host.
    name: Name,
    /// Why, for the audit and for the host's log.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Give the order, and do not wait until the host has ended.
    #[arg(long)]
    no_wait: bool,
    /// Print a JSON object per line.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard fleet drain`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    fleet.run(async {
        let run = fleet.operator()?.drain(&arguments.name, &occasion(&arguments.reason)).await?;
        match arguments.no_wait {
            true => Ok(arguments.tell("ordered", None)?),
            false => arguments.follow(fleet.reader().await?, run).await,
        }
    })
}

impl Arguments {
    /// Prints how many players are left, whenever that has changed, until the run has ended.
    async fn follow(
        &self,
        (mut reader, mut directory): (DirectoryReader, std::sync::Arc<Directory>),
        run: RunId,
    ) -> Result<(), Box<dyn Error>> {
        let mut told = None;
        while let Some(host) = running(&directory, &self.name, run) {
            if told != Some(host.players) {
                told = Some(host.players);
                self.tell("draining", told)?;
            }
            // If the registry is away, it gets the news when it is back; the host goes on draining.
            let _ = tokio::time::timeout(LOOK_INTERVAL, reader.directory.changed()).await;
            directory = reader.latest();
        }
        Ok(self.tell("ended", None)?)
    }

    fn tell(&self, state: &str, players: Option<u32>) -> Result<(), PrintError> {
        let name = &self.name;
        if self.json {
            return output::print_line(json!({ "host": name, "state": state, "players": players }));
        }
        match players {
            Some(1) => output::print_line(format_args!("{name} drains: 1 player is left")),
            Some(players) => {
                output::print_line(format_args!("{name} drains: {} players are left", whole(players.into())))
            }
            None if state == "ended" => output::print_line(format_args!("{name} has ended")),
            None => output::print_line(format_args!(
                "{name} has the order to drain: `ringshard fleet show {name}` shows the progress"
            )),
        }
    }
}

/// The host, while this run of it is alive.
fn running<'a>(directory: &'a Directory, name: &Name, run: RunId) -> Option<&'a Host> {
    directory.hosts.get(name).filter(|host| host.run == Some(run))
}
