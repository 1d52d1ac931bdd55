//! `simulate-world`: a world of several cores and its players under one virtual clock, on a bad network, with players
//! that come and go and cores that stall; every client's view is held against the server's.

use crate::bots::bot::{Bot, Crowd, Temper};
use crate::echo::bar;
use crate::fleet::Talk;
use crate::interrupt;
use crate::process::usage;
use crate::report::grouped;
use crate::scenario::number_in;
use crate::verdict::Verdict;
use ringshard::game::simulation::{Simulation, WorldConfig, WorldStats};
use ringshard::runtime::control::{ControlEnd, mailbox};
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::world::exchange::Exchange;
use ringshard_demo::{Demo, Layout};
use ringshard_link::conditions::NetworkSpec;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PublicKey, SecretKey, Suites};
use ringshard_protocol::limits::{HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::{Endpoint, EndpointConfig};
use ringshard_world::entity::states;
use ringshard_world::{EntityId, State};
use serde::Serialize;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How finely time passes.
const STEP: Duration = Duration::from_millis(1);
/// Turns of a core in a step: as many slices as may be due in it.
const TURNS: usize = 3;
/// At the end everybody stands still for so long; then every view must be the server's.
const CALM: Duration = Duration::from_secs(8);
/// Bytes that messages may take on a core.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Minutes to simulate.
    #[arg(long, value_name = "M", default_value_t = 5.0, value_parser = minutes)]
    minutes: f64,
    /// Cores of the server.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    cores: u8,
    /// Players.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clients)]
    clients: usize,
    /// NPCs.
    #[arg(long, value_name = "N", default_value_t = 40)]
    npcs: usize,
    /// Where they are.
    #[arg(long, value_enum, default_value = "crowd")]
    layout: Layout,
    /// Entities that a player sees at most.
    #[arg(long, value_name = "N", default_value_t = 64)]
    visible: usize,
    /// Bytes that a player is told at most per tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500)]
    snapshot_bytes: usize,
    /// What lies between players and server; the syntax is that of `bots --network`.
    #[arg(long, value_name = "SPEC", default_value = "delay=20ms,jitter=5ms,loss=5%")]
    network: NetworkSpec,
    /// Players that leave, and others that join, each second.
    #[arg(long, value_name = "HZ", default_value_t = 1.0, value_parser = churn)]
    churn: f64,
    /// Milliseconds for which a core stalls every ten seconds.
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=9_999))]
    stall_ms: u64,
    /// Seed of everything.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn minutes(text: &str) -> Result<f64, String> {
    number_in(text, 0.01..=100_000.0)
}

fn churn(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=1_000.0)
}

fn clients(text: &str) -> Result<usize, String> {
    number_in(text, 1.0..=4_000.0).map(|clients| clients as usize)
}

/// One core of the server.
struct Host {
    core: Core<SimLink, Simulation<Demo>>,
    address: SocketAddr,
    _inlet: ControlEnd,
}

/// One player.
struct Guest {
    client: Client,
    bot: Bot,
    link: SimLink,
    server: SocketAddr,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    scenario: &'static str,
    seed: u64,
    network: String,
    cores: u8,
    clients: usize,
    npcs: usize,
    simulated_s: f64,
    took_s: f64,
    joined: u64,
    digests_agreed: u64,
    digests_differ: u64,
    digests_unknown: u64,
    snapshots: u64,
    entries: u64,
    changes_overflowed: u64,
    ticks_skipped: u64,
    sheds: u64,
    /// Ticks until a new entity of one core was known on another, at most; where no core stalls.
    hop_ticks_max: u64,
    /// Entities in the clients' views at the end, and those of them that were not as the server had them.
    compared: usize,
    differing: usize,
    resident_mib_early: f64,
    resident_mib_end: f64,
    verdict: Verdict,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let began = std::time::Instant::now();
    let mut stage = Stage::new(arguments)?;
    let total = Duration::from_secs_f64(arguments.minutes * 60.0);
    let bar = bar("simulate-world", "simulating", total.as_secs());
    let mut resident_early = 0;
    while stage.elapsed() < total && !interrupt::is_requested() {
        stage.step();
        if stage.elapsed().as_nanos() % 1_000_000_000 == 0 {
            bar.set_position(stage.elapsed().as_secs());
            if resident_early == 0 && stage.elapsed() >= total / 5 {
                resident_early = usage(std::process::id()).resident_bytes;
            }
        }
    }
    stage.calm();
    bar.finish_and_clear();
    let outcome = stage.outcome(arguments, began.elapsed().as_secs_f64(), resident_early);
    print!("simulate-world: a world under one clock\n{}", outcome.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &outcome)?;
    }
    Ok(outcome.verdict)
}

struct Stage {
    network: Network,
    hosts: Vec<Host>,
    guests: Vec<Guest>,
    crowd: Arc<Crowd>,
    key: PublicKey,
    /// Guests so far, and addresses that they have, one after the other.
    joined: u64,
    addresses: u64,
    churn_period: Duration,
    next_churn: Instant,
    stall: Duration,
    temper: Temper,
    seed: u64,
    hops: Hops,
}

/// How long entities take to be known on other cores.
#[derive(Default)]
struct Hops {
    known: HashSet<EntityId>,
    /// Which, whose, and the ticks of all cores when it was new.
    under_way: Vec<(EntityId, usize, Vec<u64>)>,
    ticks_max: u64,
}

impl Hops {
    fn look(&mut self, hosts: &[Host]) {
        let shard = |core: usize| hosts[core].core.service().shard();
        for owner in 0..hosts.len() {
            for id in shard(owner).entities.ids().filter(|id| self.known.insert(*id)) {
                self.under_way.push((id, owner, (0..hosts.len()).map(|core| shard(core).tick()).collect()));
            }
        }
        let Hops { known, under_way, ticks_max } = self;
        under_way.retain(|(id, owner, since)| {
            if !shard(*owner).entities.contains(*id) {
                return false;
            }
            let mut missing = false;
            for core in (0..hosts.len()).filter(|core| core != owner) {
                match shard(core).state(*id) {
                    Some(_) => *ticks_max = (*ticks_max).max(shard(core).tick() - since[core]),
                    None => missing = true,
                }
            }
            missing
        });
        if known.len() > 100_000 {
            known.clear();
        }
    }
}

impl Stage {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        let Arguments { cores, clients, npcs, layout, visible, snapshot_bytes, churn, stall_ms, seed, .. } = *arguments;
        let cores = usize::from(cores);
        let network = Network::new(seed, arguments.network.conditions);
        let secret = SecretKey::from_bytes([7; 32]);
        let mut world = WorldConfig { entities_max: 4096, visible_max: visible, seed, ..WorldConfig::default() };
        world.pacing.bytes_max = snapshot_bytes;
        world.check(cores).map_err(|error| error.to_string())?;
        let ends = Exchange::between(cores, world.entities_max).into_iter().zip(Mesh::between(cores));
        let hosts = ends.enumerate().map(|(number, (exchange, mesh))| {
            let address = SocketAddr::from(([10, 0, 0, number as u8 + 1], 3565));
            let endpoint = Endpoint::new(
                EndpointConfig {
                    core: number as u8,
                    cores,
                    connections_max: clients * 4 + 64,
                    suites: Suites::native(),
                    heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
                    secret: secret.clone(),
                    pre_shared: None,
                    transport: TransportConfig::default(),
                    message_bytes_max: MESSAGE_BYTES_MAX,
                    integrity: None,
                },
                network.now(),
                [number as u8 + 1; 32],
            );
            let game = Demo::new(layout, npcs * (number + 1) / cores - npcs * number / cores);
            let (inlet, outlet) = mailbox();
            let core = Core::new(
                SimLink::new(network.clone(), address),
                endpoint,
                Simulation::new(world, exchange, game),
                mesh,
                Idle::new(Strategy::Busy),
                outlet,
                Arc::default(),
            );
            Host { core, address, _inlet: inlet }
        });
        let hosts = hosts.collect();
        let crowd = Arc::new(Crowd::default());
        crowd.open.store(true, Ordering::Relaxed);
        crowd.measure.store(true, Ordering::Relaxed);
        let mut stage = Stage {
            hosts,
            guests: Vec::new(),
            crowd,
            key: secret.public(),
            joined: 0,
            addresses: 4 * clients as u64 + 64,
            churn_period: if churn > 0.0 { Duration::from_secs_f64(1.0 / churn) } else { Duration::MAX },
            next_churn: network.now() + Duration::from_secs(5),
            stall: Duration::from_millis(stall_ms),
            temper: Temper { moving: 0.5, fight: 0.5, chat: 0.05, near: world.near },
            network,
            seed,
            hops: Hops::default(),
        };
        (0..clients).for_each(|_| stage.join());
        Ok(stage)
    }

    fn elapsed(&self) -> Duration {
        self.network.now().since(Instant::ZERO)
    }

    fn join(&mut self) {
        let number = self.joined;
        self.joined += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        seed[8..16].copy_from_slice(&self.seed.to_le_bytes());
        // Those who left long ago had these before: the simulated network keeps something of every address there ever was.
        let place = number % self.addresses;
        let address = SocketAddr::from(([10, 1, (place >> 8) as u8, place as u8], 1024));
        let now = self.network.now();
        let server = self.hosts[number as usize % self.hosts.len()].address;
        self.guests.push(Guest {
            client: Client::new(ClientConfig::new(self.key), now, seed).expect("the key is a server's"),
            bot: Bot::new(number as usize, (number % 16) as f64 / 16.0, self.temper, self.crowd.clone(), true),
            link: SimLink::new(self.network.clone(), address),
            server,
        });
    }

    /// A millisecond.
    fn step(&mut self) {
        self.network.advance(STEP);
        let now = self.network.now();
        let ms = now.as_nanos() / 1_000_000;
        // Each core in its turn stalls, every ten seconds one.
        let stalled =
            (u128::from(ms % 10_000) < self.stall.as_millis()).then_some((ms / 10_000) as usize % self.hosts.len());
        for (number, host) in self.hosts.iter_mut().enumerate() {
            if Some(number) != stalled {
                (0..TURNS).for_each(|_| assert!(host.core.turn(), "nobody stops it"));
            }
        }
        if self.stall == Duration::ZERO {
            self.hops.look(&self.hosts);
        }
        self.guests.iter_mut().for_each(|guest| guest.step(now));
        if now >= self.next_churn {
            self.next_churn = now + self.churn_period;
            let leaver = self.joined as usize * 7 % self.guests.len();
            let mut guest = self.guests.swap_remove(leaver);
            guest.client.disconnect();
            guest.transmit(now);
            self.join();
        }
    }

    /// Everybody stands still, until all must be known to all.
    fn calm(&mut self) {
        self.crowd.calm.store(true, Ordering::Relaxed);
        self.next_churn = Instant::NEVER;
        self.stall = Duration::ZERO;
        let until = self.network.now() + CALM;
        while self.network.now() < until {
            self.step();
        }
    }

    /// Entities in the clients' views, and those that are not as the server has them.
    fn compare(&self) -> (usize, usize) {
        let (mut compared, mut differing) = (0, 0);
        for guest in &self.guests {
            let host = self.hosts.iter().find(|host| host.address == guest.server).expect("it is one of ours");
            let shard = host.core.service().shard();
            for seen in guest.bot.view().entities() {
                compared += 1;
                // NPCs walk on: what was told of them may be a few ticks old.
                let walks = |state: &State| state.states & states::MOVING != 0;
                let same = |state: &State| walks(state) || walks(seen.state()) || state == seen.state();
                let same = shard.state(seen.id()).is_some_and(same);
                differing += usize::from(!same);
            }
        }
        (compared, differing)
    }

    fn outcome(self, arguments: &Arguments, took_s: f64, resident_early: u64) -> Outcome {
        let stats: Vec<WorldStats> = self.hosts.iter().map(|host| host.core.service().stats()).collect();
        let sum = |count: fn(&WorldStats) -> u64| stats.iter().map(count).sum::<u64>();
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (compared, differing) = self.compare();
        let mut outcome = Outcome {
            scenario: "simulate-world",
            seed: arguments.seed,
            network: arguments.network.to_string(),
            cores: arguments.cores,
            clients: arguments.clients,
            npcs: arguments.npcs,
            simulated_s: self.elapsed().as_secs_f64(),
            took_s,
            joined: self.joined,
            digests_agreed: sum(|stats| stats.digests_agreed),
            digests_differ: sum(|stats| stats.digests_differ),
            digests_unknown: sum(|stats| stats.digests_unknown),
            snapshots: sum(|stats| stats.snapshots),
            entries: sum(|stats| stats.entries),
            changes_overflowed: sum(|stats| stats.changes_overflowed),
            ticks_skipped: self.hosts.iter().map(|host| host.core.ticks_skipped()).sum(),
            sheds: sum(|stats| stats.sheds),
            hop_ticks_max: self.hops.ticks_max,
            compared,
            differing,
            resident_mib_early: mebibytes(resident_early),
            resident_mib_end: mebibytes(usage(std::process::id()).resident_bytes),
            verdict: Verdict::Pass,
        };
        let faulty = self.guests.iter().map(|guest| guest.bot.sights.faulty).sum();
        outcome.verdict = Verdict::of_computed(outcome.judge(faulty));
        outcome
    }
}

impl Guest {
    fn step(&mut self, now: Instant) {
        let Guest { client, bot, link, .. } = self;
        let mut kept = Vec::new();
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    bot.hear(message.channel, message.bytes);
                }
                while let Some(channel) = client.read(&mut kept) {
                    bot.hear(channel, &kept);
                }
            }
        });
        if client.deadline() <= now {
            client.advance(now);
        }
        while let Some(event) = client.poll_event() {
            assert!(!matches!(event, ClientEvent::Closed(_)), "a player lost its connection: {event:?}");
            bot.event(event);
        }
        bot.speak(now, client);
        self.transmit(now);
    }

    fn transmit(&mut self, now: Instant) {
        let path = Path::new(0, self.server);
        while let Some(len) = self.client.transmit_len(now) {
            let Some(room) = self.link.reserve(path, len) else { break };
            self.client.transmit(now, room);
        }
        self.link.submit();
    }
}

impl Outcome {
    fn judge(&self, faulty: u64) -> Vec<String> {
        let mut missed = Vec::new();
        let told = self.digests_agreed + self.digests_differ;
        if self.digests_differ > 0 || told == 0 {
            missed.push(format!("{} of {told} digests differ", self.digests_differ));
        }
        if self.differing > 0 || self.compared == 0 {
            missed.push(format!("{} of {} entities differ in the end", self.differing, self.compared));
        }
        if faulty > 0 {
            missed.push(format!("{faulty} snapshots could not be read"));
        }
        missed
    }

    fn page(&self) -> String {
        let mut page = String::new();
        let mut line = |name: &str, text: String| page += &format!("  {name:<12} {text}\n");
        let Outcome { cores, clients, npcs, simulated_s, took_s, .. } = self;
        line("world", format!("{clients} players and {npcs} NPCs on {cores} core(s), {}", self.network));
        line("time", format!("{simulated_s:.0} s in {took_s:.1} s: {:.0} times life", simulated_s / took_s));
        line("players", format!("{} joined, {} left", self.joined, self.joined - self.clients as u64));
        line("snapshots", format!("{} with {} entries", grouped(self.snapshots as f64), grouped(self.entries as f64)));
        line(
            "agreement",
            format!(
                "{} digests agree, {} differ, {} cannot be told",
                grouped(self.digests_agreed as f64),
                self.digests_differ,
                self.digests_unknown
            ),
        );
        line("in the end", format!("{} of {} entities in view differ", self.differing, self.compared));
        if self.hop_ticks_max > 0 {
            line("exchange", format!("new entities are known on every core within {} tick(s)", self.hop_ticks_max));
        }
        line(
            "overload",
            format!(
                "{} ticks skipped, {} sheds, {} changes overflowed",
                self.ticks_skipped, self.sheds, self.changes_overflowed
            ),
        );
        line(
            "memory",
            format!("{:.1} MiB early, {:.1} MiB in the end", self.resident_mib_early, self.resident_mib_end),
        );
        page + &format!("\nverdict: {}\n", self.verdict)
    }
}
