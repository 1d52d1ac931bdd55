//! Every setting: its name, what it takes, its default, and whether it can change while a server runs.

use super::form::*;
use super::texts::Texts;
use super::wrong::SettingError;
use crate::game::simulation::{SNAPSHOT_BYTES_MAX, VISIBLE_MAX};
use crate::runtime::datapath::Datapath;
use crate::runtime::idle::Strategy;
use ipnet::IpNet;
use ringshard_protocol::connection::CongestionControl;
use ringshard_protocol::limits::{CONNECTIONS_PER_CORE_MAX, CORES_MAX};
use ringshard_world::EntityKind;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::messages::ENTRY_BYTES_MAX;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where the demonstration has players and NPCs enter its world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Anywhere.
    Uniform,
    /// In twenty towns.
    Towns,
    /// All within 100 m.
    Crowd,
}

/// What a server serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Served {
    /// Every message goes back to where it came from.
    Echo,
    /// A world to walk and fight in.
    Demo,
}

/// Ciphers to agree to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cipher {
    /// AES-128-GCM where both ends have it in hardware, ChaCha20-Poly1305 otherwise.
    Auto,
    /// ChaCha20-Poly1305 alone.
    Chacha,
    /// AES-128-GCM alone.
    Aes,
}

/// How lines of the log are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What there is to know of a setting before it has a value.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it is called in files and as a flag; in the environment `RINGSHARD_`, in capitals, with underscores.
    pub name: String,
    /// The group it belongs to.
    pub group: &'static str,
    /// What it does.
    pub help: String,
    /// What it is when nobody says otherwise.
    pub default: &'static str,
    /// What it takes, for people.
    pub expects: String,
    /// The same in a word, for the list of flags.
    pub placeholder: String,
    /// The same for machines.
    pub kind: Kind,
    /// Whether it can change while a server runs.
    pub live: bool,
}

impl Key {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("{}{}", super::texts::VARIABLE_PREFIX, self.name.to_uppercase().replace('-', "_"))
    }
}

/// The group of those that only a world goes by.
pub(super) const WORLD: &str = "World";

macro_rules! settings {
    ($($group:tt { $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:literal, $form:expr, $live:expr;)* })*) => {
        /// The settings of a server, each of them valid by itself.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $($($(#[doc = $doc])+ pub $field: $type,)*)*
        }

        /// All settings, in the order in which they are shown.
        pub fn keys() -> &'static [Key] {
            static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
            KEYS.get_or_init(|| vec![$($({
                let form: Form<$type> = $form;
                Key {
                    name: stringify!($field).replace('_', "-"),
                    group: $group,
                    help: concat!($($doc, "\n"),+).lines().map(str::trim).collect::<Vec<_>>().join(" "),
                    default: $default,
                    expects: form.expects,
                    placeholder: form.placeholder,
                    kind: form.kind,
                    live: $live,
                }
            },)*)*])
        }

        impl Settings {
            /// Reads every text. What a setting does not take is added to `wrong`; one whose text does not hold for that
            /// has its default meanwhile, so that the others can be checked all the same.
            pub(super) fn read(texts: &mut Texts, wrong: &mut Vec<SettingError>) -> Settings {
                Settings { $($($field: read(texts, stringify!($field), &$form, $default, wrong),)*)* }
            }
        }
    };
}

fn read<T: 'static>(
    texts: &mut Texts,
    field: &str,
    form: &Form<T>,
    default: &'static str,
    wrong: &mut Vec<SettingError>,
) -> T {
    let name = field.replace('_', "-");
    let mut value = None;
    // Also those that another source overrides: they would be in force once that one is gone.
    for (text, source) in texts.all(&name) {
        let read = form.read(text).map_err(|why| SettingError::Value {
            key: name.clone(),
            value: text.clone(),
            said_by: source.clone(),
            why,
            expects: form.expects.clone(),
        });
        value = read.map_err(|error| wrong.push(error)).ok();
    }
    value.unwrap_or_else(|| {
        texts.distrust(&name);
        form.read(default).expect("every default is a value of its setting")
    })
}

settings! {
    "Network" {
        /// Address and UDP port. The IPv6 wildcard takes IPv4 too.
        listen: SocketAddr = "[::]:3565", address(), false;
        /// Processors to run on, one core each.
        cpus: Vec<usize> = "all", cpus(), false;
        /// How datagrams reach the kernel. auto is io_uring where every core can have it, else recvmmsg and sendmmsg.
        datapath: Datapath = "auto",
            choice(&[("auto", Datapath::Auto), ("uring", Datapath::Uring), ("mmsg", Datapath::Mmsg)]), false;
        /// How a core waits for work: busy never does, adaptive gathers arrivals only under load, park always.
        idle: Strategy = "adaptive",
            choice(&[("busy", Strategy::Busy), ("adaptive", Strategy::Adaptive), ("park", Strategy::Park)]), false;
        /// Receive and send buffer of each core's socket. Beyond the host's rmem_max and wmem_max only with CAP_NET_ADMIN.
        socket_buffer_kib: u64 = "32768", whole(64..=1 << 20, "KiB"), false;
        /// Have the kernel stamp arrivals. Without, a few per cent are spared where every client has a socket of its own,
        /// and the histogram `arrival_to_handled` stays empty.
        arrival_stamps: bool = "true", switch(), false;
    }
    "Clients" {
        /// Secret key file, made by `ringshard keygen`; nobody else on the host may be able to read it. Without it a key is made up for this run alone.
        key: Option<PathBuf> = "", file(), false;
        /// File with a key of 64 hexadecimal digits that every client must hold too.
        pre_shared_key: Option<PathBuf> = "", file(), false;
        /// Ciphers to agree to. auto: AES-128-GCM where both ends have it in hardware, else ChaCha20-Poly1305.
        cipher: Cipher = "auto", choice(&[("auto", Cipher::Auto), ("chacha", Cipher::Chacha), ("aes", Cipher::Aes)]), false;
        /// Connections at most, over all cores.
        max_connections: u64 = "16384", whole(1..=(CORES_MAX * CONNECTIONS_PER_CORE_MAX) as u64, ""), false;
        /// Time between two pings.
        heartbeat_ms: u64 = "5000", milliseconds(1..=3_600_000), false;
        /// Silence after which a connection ends.
        timeout_ms: u64 = "15000", milliseconds(2..=3_600_000), false;
        /// Wait for the first acknowledgment of a connection before its reliable messages are sent again.
        retransmission_ms: u64 = "250", milliseconds(10..=2_000), false;
        /// Congestion control of reliable messages: bbr bears random loss, cubic is the internet's common one.
        congestion: CongestionControl = "bbr",
            choice(&[("bbr", CongestionControl::Bbr), ("cubic", CongestionControl::Cubic)]), false;
        /// Compress messages above 512 bytes that look compressible.
        compression: bool = "true", switch(), false;
        /// Memory for reliable messages, over all cores.
        message_memory_mib: u64 = "256", whole(4..=1 << 20, "MiB"), false;
        /// File with the integrity keys that unaltered clients hold, 1 to 256 lines of 64 hexadecimal digits. Clients are
        /// asked for proof with one of them each minute; wrong and missing answers are counted, nothing else follows.
        integrity_keys: Option<PathBuf> = "", file(), false;
    }
    WORLD {
        /// What to serve: echo sends every message back; demo is a world to walk and fight in.
        game: Served = "echo", choice(&[("echo", Served::Echo), ("demo", Served::Demo)]), false;
        /// Where players and NPCs come into the world of the demo.
        layout: Layout = "uniform",
            choice(&[("uniform", Layout::Uniform), ("towns", Layout::Towns), ("crowd", Layout::Crowd)]), false;
        /// NPCs, over all cores.
        npcs: u64 = "500", whole(0..=WORLD_ENTITIES_MAX as u64, ""), false;
        /// Entities at most, over all cores; each takes 2.5 KiB on every core.
        entities: u64 = "16384", whole(1..=WORLD_ENTITIES_MAX as u64, ""), false;
        /// Entities that a client sees at most: the nearest.
        visible: u64 = "64", whole(1..=VISIBLE_MAX as u64, ""), false;
        /// Distance up to which an entity is near, and told of at the full rate.
        near: f64 = "5000", decimal(0.0..=f64::from(EntityKind::Projectile.radius()), "units"), false;
        /// What a client is told at most per tick.
        snapshot_bytes: u64 = "500",
            whole(ENTRY_BYTES_MAX as u64..=SNAPSHOT_BYTES_MAX as u64, "bytes"), false;
        /// For all chance in the world.
        seed: u64 = "0", whole(0..=i64::MAX as u64, ""), false;
    }
    "Limits" {
        /// New connections a second, over all cores. Each costs a key exchange, 0.12 ms of a core.
        handshakes_per_second: u64 = "2000", whole(1..=1_000_000, "a second"), true;
        /// New connections a second from one IPv4 address, or one IPv6 /64, on a core.
        address_handshakes_per_second: u64 = "50", whole(1..=1_000_000, "a second"), true;
        /// New connections at once from one IPv4 address, or one IPv6 /64, on a core: players who share an address join
        /// together when a server comes back.
        address_handshakes_at_once: u64 = "500", whole(1..=1_000_000, ""), true;
        /// Messages a second that are taken from a connection; 0 for any number.
        connection_messages_per_second: u64 = "2000", whole(0..=1_000_000_000, "a second"), true;
        /// Bytes a second that are taken from a connection; 0 for any number.
        connection_bytes_per_second: u64 = "1048576", whole(0..=1_000_000_000_000, "bytes"), true;
        /// Bytes of messages a second that are sent to a connection; 0 for any number.
        connection_send_bytes_per_second: u64 = "0", whole(0..=1_000_000_000_000, "bytes"), true;
        /// Networks that nobody may connect from. Whoever is connected from there is disconnected.
        deny: Vec<IpNet> = "", networks(), true;
        /// Networks that `deny` and the limits per address do not hold for: relays, load generators. This host itself is one.
        allow: Vec<IpNet> = "127.0.0.0/8,::1", networks(), true;
    }
    "ServerHandle" {
        /// Where to answer questions about the server, over HTTP: the dashboard, metrics, `ringshard top`.
        admin: Option<SocketAddr> = "127.0.0.1:3566", address().or("off"), false;
        /// File with the secret that requests must bear, 16 characters or more. Must be given when `admin` is not an
        /// address of this host alone. Without it, `admin` answers questions and takes no orders: no reload, no drain.
        admin_token_file: Option<PathBuf> = "", file(), false;
        /// Unix socket that answers the same questions and also takes orders, without a secret: whoever may open the file
        /// may reload, drain and kick. Only the server's user may.
        admin_socket: Option<PathBuf> = "", file(), false;
        /// What is logged, to standard error.
        log: String = "info", log(), true;
        /// How lines of the log are written: text for people, json as one object a line.
        log_format: LogFormat = "text", choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]), false;
        /// How long players may stay once the server is told to stop; nobody new is let in.
        drain_ms: u64 = "0", milliseconds(0..=3_600_000), true;
        /// Folder for what is dumped at SIGUSR2 and at a panic; the empty one is the folder that the server was started in.
        dump_dir: Option<PathBuf> = "", folder(), false;
        /// Let those who may ask questions ask for traffic keys: for `ringshard capture --key-log`, on test servers.
        key_log: bool = "false", switch(), false;
    }
}
