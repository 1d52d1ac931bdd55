//! `ringshard fleet update`

use super::connect::{Fleet, FleetArguments, occasion};
use crate::output;
use crate::table::{Column, Table};
use crate::units::whole;
use ratatui::text::Line;
use ringshard_fleet::model::{Directory, Host, HostState, Name, RunId};
use ringshard_fleet::registry::{DirectoryReader, OrderError};
use std::error::Error;
use std::time::{Duration, Instant};

/// Longest time between two looks at a host that drains.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Arguments of `fleet update`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// The hosts that stay: those of this version.
    #[arg(long, value_name = "VERSION")]
    to: String,
    /// Only hosts of this region.
    #[arg(long, value_name = "NAME")]
    region: Option<Name>,
    /// Carry the plan out. Without it, the plan is only shown.
    #[arg(long)]
    yes: bool,
    /// Why, for the audit and for the hosts' logs.
    #[arg(long, value_name = "TEXT", default_value = "rolling update")]
    reason: String,
}

/// What is to be done.
struct Plan<'a> {
    /// Hosts that end, in this order: those with the fewest players first.
    old: Vec<&'a Host>,
    /// Hosts that stay.
    new: Vec<&'a Host>,
}

/// Runs `ringshard fleet update`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    fleet.run(async {
        let (reader, directory) = fleet.reader().await?;
        let plan = arguments.plan(&directory);
        output::print(table(&plan).page())?;
        if plan.old.is_empty() {
            return Ok(output::print_line("there is nothing to do")?);
        }
        arguments.check(&plan)?;
        if !arguments.yes {
            return Ok(output::print_line("nothing was done: give --yes to carry this out")?);
        }
        arguments.carry_out(&fleet, reader, &plan).await
    })
}

impl Arguments {
    fn plan<'a>(&self, directory: &'a Directory) -> Plan<'a> {
        let is_wanted = |host: &&Host| self.region.as_ref().is_none_or(|region| *region == host.region);
        let (new, mut old): (Vec<&Host>, Vec<&Host>) =
            directory.hosts.values().filter(is_wanted).partition(|host| host.version == self.to);
        old.sort_by_key(|host| (host.players, host.name.clone()));
        Plan { old, new }
    }

    /// Players must find room at the hosts that stay.
    fn check(&self, plan: &Plan<'_>) -> Result<(), Box<dyn Error>> {
        let ready = plan.new.iter().filter(|host| host.state == HostState::Ready);
        let free: u64 = ready.map(|host| u64::from(host.free())).sum();
        let players: u64 = plan.old.iter().map(|host| u64::from(host.players)).sum();
        match () {
            () if plan.new.is_empty() => {
                Err(format!("no live host has version {}: start one of them first", self.to).into())
            }
            () if free < players => Err(format!(
                "the hosts of version {} have room for {free} players, but {players} have to go there: start more of them",
                self.to
            )
            .into()),
            () => Ok(()),
        }
    }

    async fn carry_out(
        &self,
        fleet: &Fleet,
        mut reader: DirectoryReader,
        plan: &Plan<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let operator = fleet.operator()?;
        for (number, host) in plan.old.iter().enumerate() {
            let name = &host.name;
            let is_there =
                |directory: &Directory| self.plan(directory).new.iter().any(|host| host.state == HostState::Ready);
            if !is_there(&reader.latest()) {
                return Err(format!(
                    "no host of version {} is ready any more: {name} and those behind it were left as they are",
                    self.to
                )
                .into());
            }
            output::print_line(format_args!("{} of {}: {name} drains", number + 1, plan.old.len()))?;
            let Some(run) = host.run else { return Err(format!("{name} has no run: it cannot be ordered").into()) };
            match operator.drain_run(name, run, &occasion(&self.reason)).await {
                Ok(()) => follow(&mut reader, name, run, fleet.lease()).await?,
                // It is another server by now, or none: it is looked at again at the end.
                Err(OrderError::OtherRun(_) | OrderError::NoHost(_)) => {
                    output::print_line(format_args!(
                        "{name} has ended or started again meanwhile: it is left as it is"
                    ))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let left = self.plan(&reader.latest()).old.len();
        match left {
            0 => Ok(output::print_line(format_args!("all hosts have version {}", self.to))?),
            _ => Err(format!("{left} hosts of other versions have come meanwhile: run the command again").into()),
        }
    }
}

/// Prints how many players are left, whenever that has changed, until the run has ended. A host that vanishes with players may only
/// be cut off from the registry: it has the time of a lease to come back.
async fn follow(reader: &mut DirectoryReader, name: &Name, run: RunId, lease: Duration) -> Result<(), Box<dyn Error>> {
    let (mut told, mut seen_at) = (None, Instant::now());
    loop {
        match players_of(&reader.latest(), name, run) {
            Some(players) => {
                seen_at = Instant::now();
                if told != Some(players) {
                    told = Some(players);
                    output::print_line(format_args!("{name}: {} players are left", whole(players.into())))?;
                }
            }
            None if told.is_none_or(|players| players == 0) || seen_at.elapsed() > lease => return Ok(()),
            None => {}
        }
        // If the registry is away, the host goes on draining.
        let _ = tokio::time::timeout(LOOK_INTERVAL, reader.directory.changed()).await;
    }
}

/// The players of a host, while this run of it is alive.
fn players_of(directory: &Directory, name: &Name, run: RunId) -> Option<u32> {
    directory.hosts.get(name).filter(|host| host.run == Some(run)).map(|host| host.players)
}

fn table(plan: &Plan<'_>) -> Table {
    let columns = vec![
        Column::text("host", 0),
        Column::text("version", 0),
        Column::text("state", 0),
        Column::new("players", 0),
        Column::text("what happens", 0),
    ];
    let row = |host: &Host, what: String| {
        [host.name.to_string(), host.version.clone(), host.state.to_string(), whole(host.players.into()), what]
            .map(Line::from)
            .to_vec()
    };
    let old = plan.old.iter().enumerate().map(|(number, host)| {
        row(host, format!("step {}: its zones and players go to others, and it ends", number + 1))
    });
    let new = plan.new.iter().map(|host| row(host, "stays".to_owned()));
    let players: u64 = plan.old.iter().map(|host| u64::from(host.players)).sum();
    Table {
        title: Line::from(format!("{} hosts to replace", plan.old.len())),
        aside: Line::from(format!("{} players move, {} hosts stay", whole(players), plan.new.len())),
        columns,
        rows: old.chain(new).collect(),
        empty: "no host is alive",
    }
}
