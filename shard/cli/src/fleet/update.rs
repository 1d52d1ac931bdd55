//! `ringshard fleet update`

use super::connect::{Fleet, FleetArguments, occasion};
use crate::output;
use crate::table::{Column, Table};
use crate::units::whole;
use ratatui::text::Line;
use ringshard_fleet::model::{Directory, Host, HostState, Name, RunId};
use ringshard_fleet::registry::{DirectoryReader, OrderError};
use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, Instant};

/// Longest time between two looks at a host that drains.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A host that drains for less may end before its players have gone: a client may take 12 s to reach its new server.
const DRAIN_MS_MIN: u64 = 15_000;

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
    /// Go on even if players will be disconnected. They come back to other hosts as their clients ask a balancer.
    #[arg(long)]
    disconnect: bool,
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
        arguments.check_ways(&plan, &ways_lost(&plan, &directory, fleet.has_bus()))?;
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

    /// Players must have a way to hosts that stay, and room there.
    fn check_ways(&self, plan: &Plan<'_>, lost: &[String]) -> Result<(), Box<dyn Error>> {
        if plan.new.is_empty() {
            return Err(format!("no live host has version {}: start one of them first", self.to).into());
        }
        for reason in lost {
            output::print_line(format_args!("players will be disconnected: {reason}"))?;
        }
        match lost.is_empty() || self.disconnect {
            true => Ok(()),
            false => Err("nothing was done: mend that, or give --disconnect to accept it".into()),
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
            let takes =
                |new: &&Host| new.state == HostState::Ready && (new.contract == host.contract || self.disconnect);
            if !self.plan(&reader.latest()).new.iter().any(takes) {
                return Err(format!(
                    "no host of version {} is ready any more that could take the players of {name}: it and those behind it were \
                     left as they are",
                    self.to
                )
                .into());
            }
            output::print_line(format_args!("{} of {}: {name} drains", number + 1, plan.old.len()))?;
            let Some(run) = host.run else { return Err(format!("{name} has no run: it cannot be ordered").into()) };
            match operator.drain_run(name, run, &occasion(&self.reason)).await {
                Ok(()) => self.report(host, &follow(&mut reader, name, run, fleet.lease()).await?)?,
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

impl Arguments {
    /// A host has ended. Those behind it stay as they are if it took players with it.
    fn report(&self, host: &Host, ended: &Ended) -> Result<(), Box<dyn Error>> {
        let (name, players) = (&host.name, whole(ended.players.into()));
        match ended.has_cut_players(host) {
            false => Ok(()),
            true if self.disconnect => {
                Ok(output::print_line(format_args!("{name} has ended: about {players} players were disconnected"))?)
            }
            true => Err(format!(
                "{name} was killed, or its time was over, while it had about {players} players: they were disconnected, and come \
                 back as their clients ask a balancer. The log of {name} says why they did not go to other hosts. The hosts behind \
                 it were left as they are: mend that, or raise their drain-ms, and run the command again"
            )
            .into()),
        }
    }
}

/// Why players of the hosts that end cannot go on at those that stay.
fn ways_lost(plan: &Plan<'_>, directory: &Directory, has_bus: bool) -> Vec<String> {
    let mut lost = Vec::new();
    if !has_bus {
        lost.push("the file of the fleet has no table [bus], so hosts hand no players over".to_owned());
    }
    if directory.zones.is_empty() {
        lost.push("the map has no zones, so hosts hand no players over: `ringshard fleet zones create`".to_owned());
    }
    for contract in plan.old.iter().map(|host| &host.contract).collect::<BTreeSet<_>>() {
        let has = |host: &&&Host| host.contract == *contract;
        let ready = plan.new.iter().filter(|host| host.state == HostState::Ready).filter(has);
        let free: u64 = ready.map(|host| u64::from(host.free())).sum();
        let players: u64 = plan.old.iter().filter(has).map(|host| u64::from(host.players)).sum();
        if free == 0 {
            lost.push(format!("no ready host that stays has the contract {contract:?}, and room"));
        } else if free < players {
            lost.push(format!(
                "the ready hosts that stay have room for {} players of the contract {contract:?}, but {} have to go there",
                whole(free),
                whole(players)
            ));
        }
    }
    for host in &plan.old {
        let name = &host.name;
        match host.drain_ms {
            Some(drain_ms) if drain_ms >= DRAIN_MS_MIN => {}
            Some(drain_ms) => lost
                .push(format!("{name} drains for {drain_ms} ms: set its drain-ms to 30000, and `ringshard reload` it")),
            None => lost.push(format!(
                "{name} does not say how long it drains, as its version is too old: its setting drain-ms must be 30000"
            )),
        }
    }
    lost
}

/// How a host has ended.
struct Ended {
    /// The players that it had when it was last heard of. It writes a change of players once per second at most, and one of less than
    /// a hundredth of its places not at all.
    players: u32,
    /// How long it drained.
    after: Duration,
    /// Whether it still had zones: it was killed.
    has_zones: bool,
}

impl Ended {
    /// Whether it took players with it. A host that none is left at ends before its time is over, and without zones.
    fn has_cut_players(&self, host: &Host) -> bool {
        let is_over = host.drain_ms.is_none_or(|drain_ms| self.after >= Duration::from_millis(drain_ms));
        self.players > 0 && (is_over || self.has_zones)
    }
}

/// Prints how many players are left, whenever that has changed, until the run has ended. A host that vanishes with players may only
/// be cut off from the registry: it has the time of a lease to come back.
async fn follow(
    reader: &mut DirectoryReader,
    name: &Name,
    run: RunId,
    lease: Duration,
) -> Result<Ended, Box<dyn Error>> {
    let began = Instant::now();
    let (mut told, mut seen_at) = (None, began);
    loop {
        let directory = reader.latest();
        match players_of(&directory, name, run) {
            Some(players) => {
                // If the registry is away, the directory is an old one, and the host goes on draining.
                if reader.freshness.borrow().away_since.is_none() {
                    seen_at = Instant::now();
                }
                if told != Some(players) {
                    told = Some(players);
                    output::print_line(format_args!("{name}: {} players are left", whole(players.into())))?;
                }
            }
            None if told.is_none_or(|players| players == 0) || seen_at.elapsed() > lease => {
                let has_zones = directory.zones.owned_by(name, run).next().is_some();
                return Ok(Ended { players: told.unwrap_or(0), after: seen_at - began + LOOK_INTERVAL, has_zones });
            }
            None => {}
        }
        let _ = tokio::time::timeout(LOOK_INTERVAL, reader.directory.changed()).await;
    }
}

/// The players of this run of a host.
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

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_fleet::model::{Area, Zones};

    fn host(name: &str, contract: &str, drain_ms: u64) -> Host {
        serde_json::from_value(serde_json::json!({
            "name": name, "region": "eu", "address": "127.0.0.1:1", "key": "", "version": "1", "contract": contract,
            "capacity": 100, "state": "ready", "drain_ms": drain_ms,
        }))
        .unwrap()
    }

    fn zones() -> Zones {
        let mut zones = Zones::default();
        zones.create(&"west".parse().unwrap(), Area { min: [0.0; 2], max: [8_192.0; 2] }).unwrap();
        zones
    }

    #[test]
    fn a_plan_names_what_keeps_players_from_going_to_the_new_hosts() {
        let directory = Directory { zones: zones(), ..Directory::default() };
        let (new, old) = (host("new", "a", 0), host("old", "a", 30_000));
        let plan = Plan { old: vec![&old], new: vec![&new] };
        assert_eq!(ways_lost(&plan, &directory, true), Vec::<String>::new());
        assert!(ways_lost(&plan, &directory, false)[0].contains("[bus]"));
        assert!(ways_lost(&plan, &Directory::default(), true)[0].contains("no zones"));
        let (other, hasty) = (host("other", "b", 30_000), host("hasty", "a", 0));
        let lost = ways_lost(&Plan { old: vec![&other, &hasty], new: vec![&new] }, &directory, true);
        assert!(lost[0].contains("contract \"b\"") && lost[1].contains("hasty drains for 0 ms"), "{lost:?}");
        assert_eq!(lost.len(), 2);
        // Room counts only where players can go: at ready hosts of their contract.
        let crowded = Host { players: 50, ..old.clone() };
        let (full, away) = (Host { players: 60, ..new.clone() }, Host { state: HostState::Maintenance, ..new.clone() });
        let strange = host("strange", "b", 0);
        let lost = ways_lost(&Plan { old: vec![&crowded], new: vec![&full, &away, &strange] }, &directory, true);
        assert!(lost.len() == 1 && lost[0].contains("room for 40 players"), "{lost:?}");
        let silent = Host { drain_ms: None, ..old.clone() };
        let lost = ways_lost(&Plan { old: vec![&silent], new: vec![&new] }, &directory, true);
        assert!(lost.len() == 1 && lost[0].contains("does not say"), "{lost:?}");
    }

    #[test]
    fn a_host_has_cut_players_if_its_time_was_over_or_it_was_killed() {
        let host = host("old", "a", 30_000);
        let ended = |players, secs, has_zones| Ended { players, after: Duration::from_secs(secs), has_zones };
        assert!(ended(5, 30, false).has_cut_players(&host));
        assert!(ended(5, 9, true).has_cut_players(&host), "it was killed");
        assert!(!ended(5, 20, false).has_cut_players(&host), "the figure was old: it ended because all had left");
        assert!(!ended(0, 30, false).has_cut_players(&host));
        assert!(ended(5, 1, false).has_cut_players(&Host { drain_ms: None, ..host }), "nobody knows its time");
    }
}
