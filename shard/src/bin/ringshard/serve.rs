//! `ringshard serve`

use crate::ADMIN_DEFAULT;
use clap::ValueEnum;
use ringshard::datapath::Datapath;
use ringshard::exchange::Exchange;
use ringshard::game::{Demo, Layout};
use ringshard::idle::Strategy;
use ringshard::replication::Pacing;
use ringshard::server::{Server, ServerConfig, StartError};
use ringshard::service::Echo;
use ringshard::simulation::{Simulation, WorldConfig};
use ringshard_engine::crypto::{SecretKey, Suite, Suites};
use ringshard_engine::endpoint::IntegrityConfig;
use ringshard_engine::link::socket::SocketError;
use ringshard_engine::session::{CongestionControl, HeartbeatConfig, TransportConfig};
use ringshard_engine::world::Map;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::error::Error;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time between two checks of a client's integrity.
const INTEGRITY_PERIOD: Duration = Duration::from_secs(60);

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Address and UDP port. The IPv6 wildcard takes IPv4 too.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "[::]:3565")]
    listen: SocketAddr,
    /// What to serve: echo sends every message back; demo is a world to walk and fight in.
    #[arg(long, value_enum, default_value = "echo")]
    game: GameArgument,
    #[command(flatten)]
    world: WorldArguments,
    /// Secret key file, made by `ringshard keygen`. Without it a key is made up for this run alone.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with a key of 64 hexadecimal digits that every client must hold too.
    #[arg(long, value_name = "FILE")]
    pre_shared_key: Option<PathBuf>,
    /// Processors to run on, one core each: a list such as 0,2,4-7. Default: all.
    #[arg(long, value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<Cpus>,
    /// How datagrams reach the kernel. auto takes io_uring where it can be had.
    #[arg(long, value_enum, default_value = "auto")]
    datapath: DatapathArgument,
    /// How a core waits for work: busy never does, adaptive gathers arrivals only under load, park always.
    #[arg(long, value_enum, default_value = "adaptive")]
    idle: IdleArgument,
    /// Ciphers to agree to. auto: AES-128-GCM where both ends have it in hardware, else ChaCha20-Poly1305.
    #[arg(long, value_enum, default_value = "auto")]
    cipher: CipherArgument,
    /// Connections at most, over all cores.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    max_connections: usize,
    /// Milliseconds between two pings.
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    heartbeat_ms: u32,
    /// Milliseconds of silence after which a connection ends.
    #[arg(long, value_name = "MS", default_value_t = 15_000)]
    timeout_ms: u32,
    /// Congestion control of reliable messages: bbr bears random loss, cubic is the internet's common one.
    #[arg(long, value_enum, default_value = "bbr")]
    congestion: CongestionArgument,
    /// Never compress messages. Otherwise those above 512 bytes that look compressible are.
    #[arg(long)]
    no_compression: bool,
    /// MiB of memory for reliable messages, over all cores.
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    message_memory: usize,
    /// File with the integrity keys that unaltered clients hold, 1 to 256 lines of 64 hexadecimal digits. Clients are
    /// asked for proof with one of them each minute; wrong and missing answers are counted, nothing else follows.
    #[arg(long, value_name = "FILE")]
    integrity_keys: Option<PathBuf>,
    /// Do not have the kernel stamp arrivals: spares a few per cent where every client has a socket of its own, and leaves the
    /// histogram `arrival_to_handled` empty.
    #[arg(long)]
    no_arrival_stamps: bool,
    /// Where to answer `ringshard histograms` (TCP).
    #[arg(long, value_name = "ADDRESS:PORT", default_value = ADMIN_DEFAULT)]
    admin: SocketAddr,
    /// Answer no questions.
    #[arg(long, conflicts_with = "admin")]
    no_admin: bool,
}

/// The world of `--game demo`.
#[derive(clap::Args)]
#[command(next_help_heading = "World")]
struct WorldArguments {
    /// Where players and NPCs come into it.
    #[arg(long, value_enum, default_value = "uniform")]
    layout: Layout,
    /// NPCs, over all cores.
    #[arg(long, value_name = "N", default_value_t = 500)]
    npcs: usize,
    /// Entities at most, over all cores; each takes 2.5 KiB on every core.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    entities: usize,
    /// Entities that a client sees at most: the nearest.
    #[arg(long, value_name = "N", default_value_t = 64)]
    visible: usize,
    /// Units up to which an entity is near, and told of at the full rate.
    #[arg(long, value_name = "UNITS", default_value_t = 5_000.0)]
    near: f32,
    /// Bytes that a client is told at most per tick.
    #[arg(long, value_name = "BYTES", default_value_t = Pacing::default().bytes_max)]
    snapshot_bytes: usize,
    /// For all chance in the world.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GameArgument {
    Echo,
    Demo,
}

#[derive(Clone, Copy, ValueEnum)]
enum DatapathArgument {
    Auto,
    Uring,
    Mmsg,
}

#[derive(Clone, Copy, ValueEnum)]
enum IdleArgument {
    Busy,
    Adaptive,
    Park,
}

#[derive(Clone, Copy, ValueEnum)]
enum CipherArgument {
    Auto,
    Chacha,
    Aes,
}

#[derive(Clone, Copy, ValueEnum)]
enum CongestionArgument {
    Bbr,
    Cubic,
}

/// Processor numbers.
#[derive(Clone, Debug)]
struct Cpus(Vec<usize>);

fn parse_cpus(text: &str) -> Result<Cpus, String> {
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| format!("`{text}` is no processor number"));
    let mut cpus = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => cpus.extend(number(first)?..=number(last)?),
            None => cpus.push(number(part)?),
        }
    }
    let present = core_affinity::get_core_ids().unwrap_or_default();
    match cpus.iter().find(|&&cpu| !present.iter().any(|core| core.id == cpu)) {
        Some(cpu) => Err(format!("there is no processor {cpu} here; there are {}", describe(&present))),
        None if cpus.is_empty() => Err("name at least one processor".into()),
        None => Ok(Cpus(cpus)),
    }
}

fn describe(cores: &[core_affinity::CoreId]) -> String {
    cores.iter().map(|core| core.id.to_string()).collect::<Vec<_>>().join(",")
}

/// Serves until told to stop.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_target(false)
        .init();
    let mut config = configure(arguments)?;
    let server = match start(arguments, &config) {
        // A host without IPv6: the default address still serves everybody it can.
        Err(StartError::Socket(SocketError::Failed { step: "open a socket", .. })) if config.listen.is_ipv6() => {
            config.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.listen.port()));
            tracing::warn!(listen = %config.listen, "this host has no IPv6; listening on IPv4 alone");
            start(arguments, &config)?
        }
        outcome => outcome?,
    };
    let stop = server.stop_flag();
    for signal in [SIGINT, SIGTERM] {
        // A second signal ends the process at once, should telling the clients take too long.
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    tracing::info!(
        listen = %server.listen(),
        cores = config.cpus.len(),
        datapath = %server.datapath(),
        public_key = %server.public_key(),
        "serving {}",
        arguments.game.to_possible_value().as_ref().map_or("", |game| game.get_name())
    );
    let report = server.join();
    tracing::info!(
        datagrams_in = report.total("datagrams_in"),
        datagrams_out = report.total("datagrams_out"),
        drops = ?report.drops(),
        "stopped"
    );
    println!("{}", report.table());
    Ok(())
}

fn start(arguments: &Arguments, config: &ServerConfig) -> Result<Server, StartError> {
    if arguments.game == GameArgument::Echo {
        return Server::start(config, |_| Echo);
    }
    let WorldArguments { layout, npcs, entities, visible, near, snapshot_bytes, seed } = arguments.world;
    let cores = config.cpus.len();
    let world = WorldConfig {
        map: Map::default(),
        entities_max: entities,
        visible_max: visible,
        near,
        pacing: Pacing { bytes_max: snapshot_bytes, ..Pacing::default() },
        seed,
    };
    world.check(cores).map_err(StartError::OutOfRange)?;
    let mut exchanges = Exchange::between(cores, entities).into_iter();
    let share = |core: usize| npcs * (core + 1) / cores - npcs * core / cores;
    Server::start(config, |core| {
        let exchange = exchanges.next().expect("there is one for each core");
        Simulation::new(world, exchange, Demo::new(layout, share(core)))
    })
}

fn load_integrity(path: &Path) -> Result<IntegrityConfig, Box<dyn Error>> {
    let keys = ringshard::keys::load_integrity_keys(path)?.into();
    Ok(IntegrityConfig { keys, period: INTEGRITY_PERIOD })
}

fn configure(arguments: &Arguments) -> Result<ServerConfig, Box<dyn Error>> {
    let secret = match &arguments.key {
        Some(path) => ringshard::keys::load_secret(path)?,
        None => {
            tracing::warn!("no --key: a key is made up for this run; clients must pin the public key printed below");
            SecretKey::from_bytes(ringshard::keys::random_bytes())
        }
    };
    let pre_shared = arguments.pre_shared_key.as_deref().map(ringshard::keys::load_pre_shared).transpose()?;
    let cpus = match &arguments.cpus {
        Some(Cpus(cpus)) => cpus.clone(),
        None => core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect(),
    };
    let suites = match arguments.cipher {
        CipherArgument::Auto => Suites::native(),
        CipherArgument::Chacha => Suites::only(&[Suite::ChaCha20Poly1305]),
        CipherArgument::Aes if Suites::native().bits() & Suite::Aes128Gcm as u8 == 0 => {
            return Err("this processor has no AES instructions: use --cipher chacha or auto".into());
        }
        CipherArgument::Aes => Suites::only(&[Suite::Aes128Gcm]),
    };
    Ok(ServerConfig {
        listen: arguments.listen,
        cpus,
        datapath: match arguments.datapath {
            DatapathArgument::Auto => Datapath::Auto,
            DatapathArgument::Uring => Datapath::Uring,
            DatapathArgument::Mmsg => Datapath::Mmsg,
        },
        idle: match arguments.idle {
            IdleArgument::Busy => Strategy::Busy,
            IdleArgument::Adaptive => Strategy::Adaptive,
            IdleArgument::Park => Strategy::Park,
        },
        connections_max: arguments.max_connections,
        arrival_stamps: !arguments.no_arrival_stamps,
        suites,
        heartbeat: HeartbeatConfig {
            interval: Duration::from_millis(arguments.heartbeat_ms.into()),
            timeout: Duration::from_millis(arguments.timeout_ms.into()),
        },
        secret,
        pre_shared,
        transport: TransportConfig {
            congestion: match arguments.congestion {
                CongestionArgument::Bbr => CongestionControl::Bbr,
                CongestionArgument::Cubic => CongestionControl::Cubic,
            },
            compression: !arguments.no_compression,
        },
        message_bytes_max: arguments.message_memory.saturating_mul(1 << 20),
        integrity: arguments.integrity_keys.as_deref().map(load_integrity).transpose()?,
        admin: (!arguments.no_admin).then_some(arguments.admin),
    })
}
