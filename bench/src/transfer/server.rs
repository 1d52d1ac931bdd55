//! The sending server: keeps the queue of every client full of reliable messages.

use crate::random::filler;
use crate::scenario::{Cipher, Datapath, IdleStrategy};
use clap::ValueEnum;
use ringshard::ops::admin::AdminListener;
use ringshard::ops::handle::ServerHandle;
use ringshard::ops::log::Log;
use ringshard::runtime::idle::Strategy;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::Service;
use ringshard_link::socket::BUFFER_BYTES;
use ringshard_protocol::Endpoint;
use ringshard_protocol::connection::{CongestionControl, HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::{Event, Policy};
use ringshard_protocol::limits::{MESSAGE_COST_BYTES, MESSAGE_MEMORY_BYTES_DEFAULT, SEND_QUEUE_BYTES_MAX};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use serde::Serialize;
use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// The header of each message: its number, its connection, and whether it is the last.
///
/// ```text
/// | number u64 | connection u32 | last u32 |
/// ```
pub const HEADER_BYTES: usize = 16;
/// Different bodies, used in turn.
const BODIES: usize = 64;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    #[arg(long)]
    pub listen: SocketAddr,
    #[arg(long)]
    pub admin: SocketAddr,
    #[arg(long, value_delimiter = ',')]
    pub cpus: Vec<usize>,
    #[arg(long, value_enum)]
    pub cipher: Cipher,
    #[arg(long, value_enum)]
    pub datapath: Datapath,
    #[arg(long, value_enum)]
    pub idle: IdleStrategy,
    #[arg(long)]
    pub no_arrival_stamps: bool,
    #[arg(long)]
    pub clients: usize,
    #[command(flatten)]
    pub load: SendOptions,
}

/// What is sent. Both processes must know it.
#[derive(clap::Args, Clone, Debug)]
pub struct SendOptions {
    /// Bytes per message.
    #[arg(long, value_name = "BYTES", default_value_t = 1_000)]
    pub size: usize,
    /// 1: reliable and ordered. 2: reliable and unordered.
    #[arg(long, value_name = "1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub channel: u8,
    /// Congestion control of both sides.
    #[arg(long, value_enum, default_value = "bbr")]
    pub congestion: Congestion,
    /// KiB of messages that the server queues for each client, including those in flight: 128 to 4000.
    #[arg(long, value_name = "KIB", default_value_t = 512)]
    pub queue: usize,
    /// Turn compression off. These messages are incompressible, so it saves only the attempts.
    #[arg(long)]
    pub no_compression: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Congestion {
    /// Tolerates random loss.
    Bbr,
    /// The common one of the internet.
    Cubic,
}

impl SendOptions {
    pub fn transport(&self) -> TransportConfig {
        let congestion = match self.congestion {
            Congestion::Bbr => CongestionControl::Bbr,
            Congestion::Cubic => CongestionControl::Cubic,
        };
        TransportConfig { congestion, compression: !self.no_compression, ..TransportConfig::default() }
    }

    /// Messages until a client tells the server that it has received some: a quarter of the queue.
    pub fn messages_per_hint(&self) -> u64 {
        ((self.queue << 10) / 4 / (self.size + MESSAGE_COST_BYTES)).max(1) as u64
    }

    /// The messages without their headers. They do not compress.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        (0..BODIES as u64).map(|body| filler(body << 32, self.size)).collect()
    }
}

/// The body of a message.
pub fn body_of(number: u64, connection: ConnectionId) -> usize {
    (number as usize).wrapping_add(usize::from(connection.slot())) % BODIES
}

/// Commands of the parent.
const WAIT: u8 = 0;
const SEND: u8 = 1;
const END: u8 = 2;

/// Serves until the parent closes the pipe. Prints its public key first. On the line `send` it begins to send; on the
/// line `end` it sends every client its last message.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let command = Arc::new(AtomicU8::new(WAIT));
    let admin = AdminListener::bind(arguments.admin, None).map_err(|error| error.to_string())?;
    let server = Server::start(&configure(arguments)?, |_| Sender::new(&arguments.load, command.clone()))
        .map_err(|error| error.to_string())?;
    let operation = ServerHandle::new(&server, None, Log::external());
    admin.serve(Arc::new(operation)).map_err(|error| format!("cannot start the admin thread: {error}"))?;
    println!("{}", server.public_key());
    for line in std::io::stdin().lock().lines() {
        match line.as_deref() {
            Ok("send") => command.store(SEND, Ordering::Relaxed),
            Ok("end") => command.store(END, Ordering::Relaxed),
            _ => break,
        }
    }
    Ok(())
}

fn configure(arguments: &Arguments) -> Result<ServerConfig, String> {
    use ringshard::runtime::datapath::Datapath as Wanted;
    let cores = arguments.cpus.len();
    let queues = arguments.clients * (arguments.load.queue << 10);
    Ok(ServerConfig {
        listen: arguments.listen,
        cpus: arguments.cpus.clone(),
        datapath: match arguments.datapath {
            Datapath::Auto => Wanted::Auto,
            Datapath::Uring => Wanted::Uring,
            Datapath::Mmsg => Wanted::Mmsg,
        },
        idle: match arguments.idle {
            IdleStrategy::Busy => Strategy::Busy,
            IdleStrategy::Adaptive => Strategy::Adaptive,
            IdleStrategy::Park => Strategy::Park,
        },
        connections_max: (2 * arguments.clients).max(1024) * cores,
        socket_buffer_bytes: BUFFER_BYTES,
        receive_buffer: Duration::from_secs(60),
        queue_max: None,
        arrival_stamps: !arguments.no_arrival_stamps,
        suites: match arguments.cipher {
            Cipher::Chacha => Suites::only(&[Suite::ChaCha20Poly1305]),
            Cipher::Aes if Suites::native().bits() & Suite::Aes128Gcm as u8 == 0 => {
                return Err("this CPU has no AES instructions: use --cipher chacha".into());
            }
            Cipher::Aes => Suites::only(&[Suite::Aes128Gcm]),
        },
        heartbeat: HeartbeatConfig { interval: Duration::from_secs(5), timeout: Duration::from_secs(15) },
        secret: SecretKey::from_bytes(ringshard::runtime::entropy::random_bytes()),
        pre_shared: None,
        transport: arguments.load.transport(),
        // Clients are spread unevenly over the cores, and memory is allocated in blocks larger than their contents.
        message_bytes_max: (4 * cores * queues).max(cores * MESSAGE_MEMORY_BYTES_DEFAULT),
        integrity: None,
        policy: Policy::default(),
    })
}

/// One client's messages.
struct Flow {
    id: ConnectionId,
    /// Number of the next message.
    next: u64,
    ended: bool,
}

/// Sends on every tick, and when a client says that it has received a part of its queue.
struct Sender {
    channel: Channel,
    /// Room that is left in each connection's queue.
    room_left: usize,
    /// Headers are written over their fronts.
    bodies: Vec<Vec<u8>>,
    command: Arc<AtomicU8>,
    /// By slot.
    flows: Vec<Option<Flow>>,
}

impl Sender {
    fn new(load: &SendOptions, command: Arc<AtomicU8>) -> Self {
        Sender {
            channel: Channel::new(load.channel).expect("checked when it was parsed"),
            room_left: SEND_QUEUE_BYTES_MAX - (load.queue << 10),
            bodies: load.bodies(),
            command,
            flows: Vec::new(),
        }
    }

    fn fill(&mut self, now: Instant, endpoint: &mut Endpoint, slot: usize) {
        let Sender { channel, room_left, bodies, command, flows } = self;
        let Some(Some(flow)) = flows.get_mut(slot) else { return };
        let command = command.load(Ordering::Relaxed);
        let cost = bodies[0].len() + MESSAGE_COST_BYTES;
        let mut room = endpoint.send_room(flow.id).saturating_sub(*room_left);
        while command != WAIT && !flow.ended && room >= cost {
            let body = &mut bodies[body_of(flow.next, flow.id)];
            body[..8].copy_from_slice(&flow.next.to_le_bytes());
            body[8..12].copy_from_slice(&flow.id.bits().to_le_bytes());
            body[12..HEADER_BYTES].copy_from_slice(&u32::from(command == END).to_le_bytes());
            if endpoint.send(now, flow.id, *channel, body).is_err() {
                return;
            }
            flow.next += 1;
            flow.ended = command == END;
            room -= cost;
        }
    }
}

impl Service for Sender {
    fn event(&mut self, _now: Instant, _endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Joined { id, .. } => {
                let slot = usize::from(id.slot());
                if self.flows.len() <= slot {
                    self.flows.resize_with(slot + 1, || None);
                }
                self.flows[slot] = Some(Flow { id, next: 0, ended: false });
            }
            Event::Suspended { id, .. } | Event::Ended { id: Some(id), .. } => {
                self.flows[usize::from(id.slot())] = None;
            }
            _ => {}
        }
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, _message: Message<'_>) {
        self.fill(now, endpoint, usize::from(from.slot()));
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for slot in 0..self.flows.len() {
            self.fill(now, endpoint, slot);
        }
    }
}
