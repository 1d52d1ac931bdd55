//! `hostile`: players at a steady rate while peers with valid keys send what no correct client would.

use crate::echo::{Run, raise_file_limit};
use crate::generator::{self, Shared};
use crate::interrupt;
use crate::process::Server;
use crate::report::{ClientFigures, Load, Report, ServerFigures, grouped};
use crate::scenario::{self, Scenario};
use crate::verdict::{Missed, Verdict};
use core_affinity::CoreId;
use ringshard::runtime::entropy::random_bytes;
use ringshard_protocol::connection::{Connection, Resources, sealed_len};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::*;
use ringshard_protocol::time;
use ringshard_protocol::wire::{Channel, Fragment, FrameWriter, Header};
use ringshard_protocol::{Client, ClientConfig};
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Round trip that 99 in 100 players must keep, in microseconds.
const P99_MAX_US: f64 = 50_000.0;
/// Attackers whose handshake may be under way at once.
const CONNECTING_MAX: usize = 64;
/// An attacker that was not let in, or was put out, by then begins anew.
const LIFE: Duration = Duration::from_secs(2);

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Peers that attack. Each does one of: acknowledges what was not sent, begins messages of 64 KiB that never end,
    /// sends LZ4 bombs, acknowledges gigantic ranges, sends endless tiny messages; and comes back when it is put out.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = peers)]
    peers: usize,
    /// Their datagrams per second, all together.
    #[arg(long, value_name = "PPS", default_value_t = 20_000)]
    attacks: u64,
    #[command(flatten)]
    load: scenario::Arguments,
    #[command(flatten)]
    serving: scenario::Serving,
    #[command(flatten)]
    settings: scenario::Settings,
}

fn peers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(peers) if (1..=30_000).contains(&peers) => Ok(peers),
        _ => Err("give a number from 1 to 30000".into()),
    }
}

/// Runs the command: the same players first alone, then beside the attackers.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, serving, settings, .. } = arguments;
    let scenario = Scenario::new(load.players()?, &load.place, serving, settings, None)?;
    raise_file_limit();
    let alone = measure(&scenario, None)?;
    println!("players alone\n{}", alone.report.page());
    if interrupt::is_requested() {
        return Err(interrupt::too_early("players were alone"));
    }
    let beside = measure(&scenario, Some(arguments))?;
    let mut missed = Missed::default();
    if beside.players_lost > 0 {
        missed.clients.push(format!("{} players lost their connection", beside.players_lost));
    }
    if beside.report.client.rtt.p99_us >= P99_MAX_US {
        missed.clients.push(format!("p99 round trip {:.1} ms", beside.report.client.rtt.p99_us / 1000.0));
    }
    let mut report = beside.report;
    let verdict = report.judge(missed);
    report.verdict = Some(verdict.clone());
    println!("players beside {} attackers\n{}", arguments.peers, report.page());
    println!(
        "  attacks      {} datagrams/s, {} connections put out and back again\n  memory       {:.1} MiB resident, {:.1} MiB without attackers\n\nverdict: {verdict}",
        grouped(beside.attacks_per_second),
        beside.put_out,
        beside.resident_mib,
        alone.resident_mib,
    );
    if let Some(path) = &arguments.load.json {
        report.write_json(path)?;
    }
    Ok(verdict)
}

struct Measured {
    report: Report,
    players_lost: u64,
    attacks_per_second: f64,
    put_out: u64,
    resident_mib: f64,
}

fn measure(scenario: &Scenario, attack: Option<&Arguments>) -> Result<Measured, String> {
    let server = Server::start(scenario)?;
    let shared = Arc::new(Shared::default());
    let generators = generator::start(scenario, server.address, Some(server.key), &shared);
    let mut run = Run { name: "hostile", scenario, shared: &shared, generators };
    run.connect()?;
    let attack =
        attack.map(|it| Attack::start(server.address, server.key, it, *scenario.client_cpus.last().unwrap_or(&0)));
    let attacks =
        || attack.as_ref().map_or((0, 0), |it| (it.sent.load(Ordering::Relaxed), it.put_out.load(Ordering::Relaxed)));
    let measured = run.through(|| Ok((server.report()?, server.usage(), attacks())))?;
    let (sent, put_out) = (measured.after.2.0 - measured.before.2.0, measured.after.2.1 - measured.before.2.1);
    if let Some(attack) = attack {
        attack.stop();
    }
    let load = Load::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let seen = measured.after.0.since(&measured.before.0);
    let figures = ServerFigures::new(&seen, &load, measured.after.1, scenario.server_cpus.len());
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    let players_lost = shared.failed.load(Ordering::Relaxed);
    let mut report = Report::new("hostile", scenario, figures, client, &measured.outcome, &load);
    report.datapath = seen.datapath.to_string();
    report.cipher = scenario::option_name(scenario.cipher);
    let resident_mib = measured.after.1.resident_bytes as f64 / f64::from(1 << 20);
    server.stop()?;
    let attacks_per_second = sent as f64 / measured.elapsed.as_secs_f64();
    Ok(Measured { report, players_lost, attacks_per_second, put_out, resident_mib })
}

/// The attackers: one thread, one socket.
struct Attack {
    sent: Arc<AtomicU64>,
    put_out: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Attack {
    fn start(server: SocketAddr, key: PublicKey, arguments: &Arguments, cpu: usize) -> Self {
        let (sent, put_out) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let (count, out, end) = (sent.clone(), put_out.clone(), stop.clone());
        let (peers, per_second) = (arguments.peers, arguments.attacks);
        let thread = std::thread::spawn(move || {
            core_affinity::set_for_current(CoreId { id: cpu });
            let socket =
                UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).expect("a port is free");
            socket.connect(server).expect("the server has an address");
            socket.set_nonblocking(true).expect("sockets can be non-blocking");
            let mut attackers = Attackers::new(socket, key, peers);
            // A bound of its own, should the one who stops it be gone.
            while !end.load(Ordering::Relaxed) && attackers.began.elapsed() < Duration::from_secs(4000) {
                attackers.receive();
                attackers.connect();
                let due = (attackers.began.elapsed().as_secs_f64() * per_second as f64) as u64;
                attackers.attack_until(due);
                count.store(attackers.sent, Ordering::Relaxed);
                out.store(attackers.put_out, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        Attack { sent, put_out, stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

#[allow(clippy::large_enum_variant, reason = "an attacker attacks nearly all its life")]
enum State {
    Out,
    Connecting(Client),
    Attacking(Connection, Resources),
}

struct Attacker {
    state: State,
    /// When it began to connect, or was let in.
    since: Instant,
    number: u16,
}

struct Attackers {
    socket: UdpSocket,
    key: PublicKey,
    began: Instant,
    attackers: Vec<Attacker>,
    connecting: Vec<usize>,
    by_tag: HashMap<u64, usize>,
    by_id: HashMap<u32, usize>,
    next: usize,
    /// Times that an attacker's turn has come.
    turns: u64,
    sent: u64,
    put_out: u64,
}

impl Attackers {
    fn new(socket: UdpSocket, key: PublicKey, peers: usize) -> Self {
        let now = Instant::now();
        let attackers = (0..peers).map(|_| Attacker { state: State::Out, since: now, number: 0 }).collect();
        Attackers {
            socket,
            key,
            began: now,
            attackers,
            connecting: Vec::new(),
            by_tag: HashMap::new(),
            by_id: HashMap::new(),
            next: 0,
            turns: 0,
            sent: 0,
            put_out: 0,
        }
    }

    fn now(&self) -> time::Instant {
        time::Instant::ZERO + self.began.elapsed()
    }

    /// Drives handshakes, a few at a time.
    fn connect(&mut self) {
        let now = self.now();
        let mut from = 0;
        while self.connecting.len() < CONNECTING_MAX
            && let Some(index) = (from..self.attackers.len()).find(|&at| matches!(self.attackers[at].state, State::Out))
        {
            from = index + 1;
            let client = Client::new(ClientConfig::new(self.key), now, random_bytes()).expect("a server made the key");
            self.by_tag.insert(client.handshake_tag(), index);
            self.attackers[index] = Attacker { state: State::Connecting(client), since: Instant::now(), number: 0 };
            self.connecting.push(index);
        }
        let Attackers { attackers, connecting, socket, by_id, .. } = self;
        connecting.retain(|&index| {
            let attacker = &mut attackers[index];
            let State::Connecting(client) = &mut attacker.state else { return false };
            client.advance(now);
            let mut datagram = [0; DATAGRAM_BYTES_MAX];
            while let Some(len) = client.poll_transmit(now, &mut datagram) {
                let _ = socket.send(&datagram[..len]);
            }
            if client.is_closed() || attacker.since.elapsed() > LIFE {
                attacker.state = State::Out;
                return false;
            }
            let Some(id) = client.id() else { return true };
            by_id.insert(id.bits(), index);
            if let State::Connecting(client) = std::mem::replace(&mut attacker.state, State::Out)
                && let Some((session, resources)) = client.into_connection()
            {
                attacker.state = State::Attacking(session, resources);
                attacker.since = Instant::now();
            }
            false
        });
    }

    fn receive(&mut self) {
        let now = self.now();
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        while let Ok(len) = self.socket.recv(&mut datagram) {
            let Ok(header) = Header::decode(&datagram[..len]) else { continue };
            let index = match header.flags {
                0 => self.by_tag.get(&header.sequence),
                _ => self.by_id.get(&header.connection.bits()),
            };
            if let Some(&index) = index
                && let State::Connecting(client) = &mut self.attackers[index].state
            {
                client.receive(now, &mut datagram[..len]);
            }
        }
    }

    /// Lets attackers send, in turn, until `due` turns have come since the beginning; those that are out leave theirs.
    fn attack_until(&mut self, due: u64) {
        let most = due.saturating_sub(self.turns).min(2_000);
        self.turns = due;
        for _ in 0..most {
            self.next = (self.next + 1) % self.attackers.len();
            let attacker = &mut self.attackers[self.next];
            if let State::Attacking(session, resources) = &mut attacker.state {
                let mut plaintext = [0; FRAMES_BYTES_BASE];
                let mut frames = FrameWriter::new(&mut plaintext, 0);
                write_attack(self.next % 5, attacker.number, &mut frames);
                attacker.number = attacker.number.wrapping_add(1);
                let used = frames.used();
                let mut datagram = [0; DATAGRAM_BYTES_MAX];
                let datagram = &mut datagram[..sealed_len(used)];
                let sequence = session.begin_datagram(&mut resources.random);
                if session.seal(sequence, &plaintext[..used], datagram).is_ok() {
                    self.sent += u64::from(self.socket.send(datagram).is_ok());
                }
                // Most are put out at their first datagram and need not be told; they come back after a while.
                if attacker.since.elapsed() > LIFE {
                    self.by_id.remove(&session.id().bits());
                    attacker.state = State::Out;
                    self.put_out += 1;
                }
            }
        }
    }
}

/// One datagram of each kind of attack.
fn write_attack(kind: usize, number: u16, frames: &mut FrameWriter<'_>) {
    let channel = Channel::RELIABLE_ORDERED;
    match kind {
        0 => frames.ack(1 << 40, time::Duration::ZERO, std::iter::empty()),
        1 => {
            let bytes = [7; FRAGMENT_GRAIN_BYTES];
            let number = number % 4;
            frames.fragment(&Fragment {
                channel,
                number,
                offset: 0,
                total: MESSAGE_BYTES_MAX,
                compressed: false,
                bytes: &bytes,
            })
        }
        2 => frames.numbered(channel, number, true, &[0xFF; 900]),
        3 => frames.ack(u64::MAX, time::Duration::ZERO, [250; 2].into_iter()),
        _ => {
            // Number 0 never comes: everything behind it would have to be kept.
            let mut tiny = number.wrapping_mul(180);
            while frames.room() > 4 {
                tiny = tiny.wrapping_add(1).max(1);
                frames.numbered(channel, tiny, false, &[]);
            }
            true
        }
    };
}
