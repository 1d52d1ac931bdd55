//! The table of all settings: name, type, default, value format, and whether it can change while a server runs.

use super::errors::SettingError;
use super::raw_values::RawValues;
use super::setting_metadata::Setting;
use super::value_format::*;
use crate::game::simulation::{NEAR_MAX, SNAPSHOT_BYTES_MAX, VISIBLE_MAX};
use crate::runtime::datapath::Datapath;
use crate::runtime::idle::Strategy;
use crate::runtime::jobs::WORKERS_MAX;
use crate::world::rewind::Beyond;
use ipnet::IpNet;
use ringshard_protocol::connection::CongestionControl;
use ringshard_protocol::limits::{CONNECTIONS_PER_CORE_MAX, CORES_MAX};
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::messages::ENTRY_BYTES_MAX;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where players and NPCs enter the world of the demonstration.
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
    /// Every message goes back to its sender.
    Echo,
    /// A world to walk and fight in.
    Demo,
}

/// Ciphers that the server offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cipher {
    /// AES-128-GCM if both ends have it in hardware, else ChaCha20-Poly1305.
    Auto,
    /// Only ChaCha20-Poly1305.
    Chacha,
    /// Only AES-128-GCM.
    Aes,
}

/// The format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The group of settings that only a world uses.
pub(super) const WORLD: &str = "World";
/// The group of settings of what the program `ringshard` can serve. A game's own server does not have them.
pub(super) const DEMONSTRATION: &str = "Demonstration";
/// The group of settings of the services beside the game.
pub(super) const SERVICES: &str = "Services";
/// The group of settings of a server that belongs to a fleet of hosts.
pub(super) const FLEET: &str = "Fleet";
/// Most jobs of one core that may be outstanding.
const JOBS_MAX: u64 = 65_536;
/// Largest radius at which an entity can be seen, in units.
const VIEW_RADIUS_MAX: f32 = 1_000_000.0;

macro_rules! settings {
    ($($group:tt { $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:literal, $format:expr, $live:expr;)* })*) => {
        /// The settings of a server. Each is valid by itself.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $($($(#[doc = $doc])+ pub $field: $type,)*)*
        }

        /// All settings, in the order in which they are shown.
        pub fn all_settings() -> &'static [Setting] {
            static TABLE: OnceLock<Vec<Setting>> = OnceLock::new();
            TABLE.get_or_init(|| checked(vec![$($({
                let format: ValueFormat<$type> = $format;
                assert!(format.parse($default).is_ok(), "the default of {} is not valid", stringify!($field));
                Setting {
                    name: stringify!($field).replace('_', "-"),
                    group: $group,
                    help: concat!($($doc, "\n"),+).lines().map(str::trim).collect::<Vec<_>>().join(" "),
                    default: $default,
                    expects: format.expects,
                    placeholder: format.placeholder,
                    kind: format.kind,
                    live: $live,
                }
            },)*)*]))
        }

        impl Settings {
            /// Parses every raw value. A value that is not valid is added to `errors`, and the default takes its place, so
            /// that the others can still be checked.
            pub(super) fn parse(raw: &mut RawValues, errors: &mut Vec<SettingError>) -> Settings {
                Settings { $($($field: parse(raw, stringify!($field), &$format, $default, errors),)*)* }
            }
        }
    };
}

/// The settings of a game's own server: all except those of the demonstration.
pub fn game_server_settings() -> &'static [Setting] {
    static TABLE: OnceLock<Vec<Setting>> = OnceLock::new();
    TABLE.get_or_init(|| all_settings().iter().filter(|setting| setting.group != DEMONSTRATION).cloned().collect())
}

/// Checks what holds for every table of settings.
fn checked(table: Vec<Setting>) -> Vec<Setting> {
    for setting in &table {
        let is_name = |byte: u8| byte == b'-' || byte.is_ascii_lowercase();
        assert!(setting.name.bytes().all(is_name), "{} cannot be written in every source", setting.name);
        assert!(setting.help.ends_with('.'), "the help of {} is not a sentence", setting.name);
    }
    let groups = table.chunk_by(|one, next| one.group == next.group).map(|group| group[0].group);
    assert!(groups.clone().all(|name| groups.clone().filter(|other| *other == name).count() == 1), "a group is split");
    table
}

fn parse<T: 'static>(
    raw: &mut RawValues,
    field: &str,
    format: &ValueFormat<T>,
    default: &'static str,
    errors: &mut Vec<SettingError>,
) -> T {
    let name = field.replace('_', "-");
    let mut value = None;
    // Values that a later source overrides are checked too: they win once that source is gone.
    for (text, source) in raw.all(&name) {
        let parsed = format.parse(text).map_err(|why| SettingError::Value {
            setting: name.clone(),
            value: text.clone(),
            at: source.clone(),
            why,
            expects: format.expects.clone(),
        });
        value = parsed.map_err(|error| errors.push(error)).ok();
    }
    value.unwrap_or_else(|| {
        raw.doubt(&name);
        format.parse(default).expect("every default is valid")
    })
}

settings! {
    "Network" {
        /// Address and UDP port to listen on. The IPv6 wildcard also accepts IPv4.
        listen: SocketAddr = "[::]:3565", address(), false;
        /// CPUs to run on, one pinned core each.
        cpus: Vec<usize> = "all", cpus(), false;
        /// How the server exchanges datagrams with the kernel. auto: io_uring if every core can open a ring, else recvmmsg and
        /// sendmmsg.
        datapath: Datapath = "auto",
            choice(&[("auto", Datapath::Auto), ("uring", Datapath::Uring), ("mmsg", Datapath::Mmsg)]), false;
        /// How a core waits for work. busy: it never sleeps. adaptive: it sleeps, and batches packets only under load. park: it
        /// sleeps, and always batches packets.
        idle: Strategy = "adaptive",
            choice(&[("busy", Strategy::Busy), ("adaptive", Strategy::Adaptive), ("park", Strategy::Park)]), false;
        /// Send buffer of each core's socket, and the most that its receive buffer can be. Sizes above the host's wmem_max and
        /// rmem_max need CAP_NET_ADMIN.
        socket_buffer_kib: u64 = "32768", whole(64..=1 << 20, "KiB"), false;
        /// Receive buffer of each core's socket, as the time in which all clients of a full server fill it, at 60 datagrams of
        /// 64 bytes per second each. When it is full, the kernel drops what arrives.
        receive_buffer_ms: u64 = "50", milliseconds(1..=60_000), false;
        /// Datagrams that have waited longer in a core's queue are dropped unread; 0: none is dropped for its age. A core that
        /// has been behind for 100 ms drops them after about one tick already. Below 25, a core also drops what only waited for
        /// the end of a tick. It needs arrival-stamps.
        queue_ms: u64 = "100", milliseconds(0..=60_000), false;
        /// Let the kernel time-stamp arrivals. `false` leaves the histogram `arrival_to_handled` empty and `queue-ms` without
        /// effect, and saves a few per cent of the server's CPU time if each client has its own socket.
        arrival_stamps: bool = "true", switch(), false;
        /// Name under which the server announces itself in the local network, by mDNS, so that `ringshard find` lists it. For
        /// development. Without it, nothing is announced.
        announce: Option<String> = "", announced_name(), false;
    }
    "Clients" {
        /// File with the server's secret key, made by `ringshard keygen`. Other users of this host must not be able to read it.
        /// Without it, the server makes a key for this run only.
        key: Option<PathBuf> = "", file(), false;
        /// File with a key of 64 hexadecimal digits. Only clients with the same key can connect.
        pre_shared_key: Option<PathBuf> = "", file(), false;
        /// Ciphers that the server offers. auto: AES-128-GCM if both ends have it in hardware, else ChaCha20-Poly1305.
        cipher: Cipher = "auto", choice(&[("auto", Cipher::Auto), ("chacha", Cipher::Chacha), ("aes", Cipher::Aes)]), false;
        /// Highest number of connections, over all cores.
        max_connections: u64 = "16384", whole(1..=(CORES_MAX * CONNECTIONS_PER_CORE_MAX) as u64, ""), false;
        /// Time between two pings.
        heartbeat_ms: u64 = "5000", milliseconds(1..=3_600_000), false;
        /// Silence after which a connection ends.
        timeout_ms: u64 = "15000", milliseconds(2..=3_600_000), false;
        /// Retransmission timeout until a connection receives its first acknowledgment.
        retransmission_ms: u64 = "250", milliseconds(10..=2_000), false;
        /// Congestion control of reliable messages. bbr tolerates random loss; cubic is the internet's common algorithm.
        congestion: CongestionControl = "bbr",
            choice(&[("bbr", CongestionControl::Bbr), ("cubic", CongestionControl::Cubic)]), false;
        /// Compress messages of more than 512 bytes that look compressible.
        compression: bool = "true", switch(), false;
        /// Memory for reliable messages, over all cores.
        message_memory_mib: u64 = "256", whole(4..=1 << 20, "MiB"), false;
        /// File with the integrity keys, which your clients contain: 1 to 256 lines of 64 hexadecimal digits. Once a minute, the
        /// server asks each client to prove that it has one of them. An altered client may lack it. The server only counts wrong
        /// and missing answers.
        integrity_keys: Option<PathBuf> = "", file(), false;
        /// File with the keys of gateways, one per line of 64 hexadecimal digits, at most 64. The server believes these gateways
        /// which address a client has: limits, `deny`, `allow` and logs then use it instead of the gateway's own address. A
        /// reload reads the file again.
        gateway_keys: Option<PathBuf> = "", file(), true;
    }
    DEMONSTRATION {
        /// What to serve. echo returns every message; demo is a world to walk and fight in.
        game: Served = "echo", choice(&[("echo", Served::Echo), ("demo", Served::Demo)]), false;
        /// File with a game in Luau, which is served instead of `game`. Its settings are in the file beside it that ends with
        /// .toml. SIGHUP and `ringshard reload` load both again.
        script: Option<PathBuf> = "", file(), false;
        /// Time of a core that the hooks of the script may take per tick, all together.
        script_tick_us: u64 = "2000", whole(100..=16_000, "us"), false;
        /// Memory of the script on each core.
        script_memory_mib: u64 = "64", whole(1..=4_096, "MiB"), false;
        /// Where players and NPCs enter the demo's world.
        layout: Layout = "uniform",
            choice(&[("uniform", Layout::Uniform), ("towns", Layout::Towns), ("crowd", Layout::Crowd)]), false;
        /// Number of NPCs, over all cores.
        npcs: u64 = "500", whole(0..=WORLD_ENTITIES_MAX as u64, ""), false;
    }
    WORLD {
        /// Map file with the ground, walls, water and places of the world: `ringshard map` makes one. Clients need the same file.
        /// Without it, the world is level ground. Do not write to the file while a server runs: rename another over it.
        map: Option<PathBuf> = "", file(), false;
        /// Highest number of entities, over all cores. Each takes 2.5 KiB on every core.
        entities: u64 = "16384", whole(1..=WORLD_ENTITIES_MAX as u64, ""), false;
        /// Highest number of entities that a client sees: the nearest ones.
        visible: u64 = "64", whole(1..=VISIBLE_MAX as u64, ""), false;
        /// A client gets updates of the entities within this distance at the full rate.
        near: f64 = "5000", decimal(0.0..=f64::from(NEAR_MAX), "units"), false;
        /// Largest snapshot: the entity data that a client gets per tick.
        snapshot_bytes: u64 = "500",
            whole(ENTRY_BYTES_MAX as u64..=SNAPSHOT_BYTES_MAX as u64, "bytes"), false;
        /// Distances up to which clients see kinds of entities, where they differ from the game's own.
        view_radius: Vec<(String, f32)> = "", distances(VIEW_RADIUS_MAX), false;
        /// How far back in time a shot can meet the world as its shooter saw it. Every millisecond more helps players with a slow
        /// network, and lets others be hit behind their cover.
        rewind_ms: u64 = "250", milliseconds(0..=1_000), true;
        /// What happens to a shot that would have to go back further than rewind-ms. clamp: it meets the world as it was
        /// rewind-ms ago. refuse: it meets the world as it is now.
        rewind_beyond: Beyond = "clamp",
            choice(&[("clamp", Beyond::Clamp), ("refuse", Beyond::Refuse)]), true;
        /// Threads for the jobs of a game, such as database queries, beside the cores. 0: every job is refused. A game without
        /// jobs starts none.
        workers: u64 = "2", whole(0..=WORKERS_MAX as u64, ""), false;
        /// Highest number of jobs of one core that wait, run, or have a result that the game has not taken.
        jobs: u64 = "1024", whole(1..=JOBS_MAX, "per core"), false;
        /// Admit new clients also while a core is overloaded and sheds load. They make the world worse for all.
        admit_when_overloaded: bool = "false", switch(), false;
        /// Seed of all randomness in the world.
        seed: u64 = "0", whole(0..=i64::MAX as u64, ""), false;
    }
    SERVICES {
        /// Folder of the services: accounts, tickets, resources, tiles and places. It is made if it does not exist. Without this
        /// setting there are no services.
        services: Option<PathBuf> = "", folder(), false;
        /// Threads of the services, beside the cores. Password hashes and the database have threads of their own.
        services_threads: u64 = "2", whole(1..=64, ""), false;
        /// Address of the login door: HTTPS and WebSocket.
        login: Option<SocketAddr> = "[::]:3567", address().or("off"), false;
        /// PEM file with the certificate chain of the login door, loaded again when it changes. Without it, the services make a
        /// certificate for development and log its fingerprint.
        login_certificate: Option<PathBuf> = "", file(), false;
        /// PEM file with the private key of that certificate. Other users of this host must not be able to read it.
        login_certificate_key: Option<PathBuf> = "", file(), false;
        /// Web origins whose pages may open a WebSocket at the login door, such as `https://play.example`. Programs send none.
        login_origins: Vec<String> = "", origins(), false;
        /// Host name or address, and UDP port, that a login tells clients to connect to. Without it: the name by which they have
        /// reached the login door, and the port of `listen`.
        public_address: String = "", host_and_port(), false;
        /// Other servers that players of this login can enter: the public key of each, and the host name or address with the UDP
        /// port at which clients reach it.
        login_worlds: Vec<(String, String)> = "", pairs("KEY=HOST:PORT", "a list of public keys with a host and a port each"),
            false;
        /// Whether players can make accounts for themselves. `ringshard accounts import` also makes accounts.
        registration: bool = "true", switch(), false;
        /// Memory that a hash of a password takes, with Argon2id. `ringshard accounts calibrate` measures what it costs.
        password_memory_mib: u64 = "19", whole(1..=1_024, "MiB"), false;
        /// Passes over that memory.
        password_passes: u64 = "2", whole(1..=100, ""), false;
        /// Threads that compute hashes of passwords: as many logins are checked at the same time.
        password_threads: u64 = "1", whole(1..=64, ""), false;
        /// Only clients with a ticket of an account enter the world. `false` also lets guests in.
        require_ticket: bool = "true", switch(), false;
        /// Public keys of other hosts' services whose tickets are good here, too: the file ticket.pub in their folder. With
        /// `login=off`, these are the only ones.
        ticket_issuers: Vec<[u8; 32]> = "", keys(), false;
        /// Numbers of the accounts that may call the actions of operators, such as /v1/notify. `ringshard accounts list` shows
        /// them.
        operators: Vec<u64> = "", numbers(), false;
        /// Calls per second that one client may make of an action, where they differ from the action's own limit. `ringshard call
        /// --list` shows the actions.
        action_rates: Vec<(String, f64)> = "", rates(), true;
        /// Address of a program that checks the passwords of accounts that are kept elsewhere: it gets a POST with JSON.
        accounts_hook: String = "", url(), false;
        /// File with the secret that this program knows the server by: the server sends it as `Authorization: Bearer`. Other
        /// users of this host must not be able to read it.
        accounts_hook_token_file: Option<PathBuf> = "", file(), false;
        /// Rate of all downloads together.
        download_kib: u64 = "65536", whole(1..=1 << 30, "KiB per second"), true;
        /// Rate of the downloads of one client.
        download_client_kib: u64 = "4096", whole(1..=1 << 30, "KiB per second"), true;
        /// Sets of map tiles: PMTiles files, or addresses with {z}, {x} and {y} in them.
        tiles: Vec<(String, String)> = "", pairs("SET=SOURCE", "a list of names with a file or an address each"), false;
        /// File with the token that the providers of `tiles` need.
        tiles_token_file: Option<PathBuf> = "", file(), false;
        /// Space for tiles of providers, in the folder of the services.
        tiles_cache_mib: u64 = "256", whole(1..=1 << 20, "MiB"), false;
    }
    FLEET {
        /// File of the fleet, which hosts, balancers and operators share: it says where hosts register. Without this setting,
        /// the server belongs to no fleet.
        fleet: Option<PathBuf> = "", file(), false;
        /// Name of this host, unique in the fleet. Without it: the first part of the machine's name.
        fleet_name: String = "", label(), false;
        /// Region that this host stands in.
        fleet_region: String = "default", label(), false;
        /// Host name or address, and UDP port, that balancers send clients to. Without it: `public-address`, or `listen` if that
        /// is one address.
        fleet_address: String = "", host_and_port(), false;
        /// Address of a gateway before this host, which balancers send browsers to.
        fleet_gateway: String = "", url(), false;
        /// How many of the newcomers this host gets, compared with others, from balancers that weigh; 0: none.
        fleet_weight: u64 = "100", whole(0..=1_000_000, ""), false;
    }
    "Limits" {
        /// New connections per second, over all cores. Each costs a key exchange, 0.12 ms of a core.
        handshakes_per_second: u64 = "2000", whole(1..=1_000_000, "per second"), true;
        /// New connections per second on one core from one IPv4 address or IPv6 /64.
        address_handshakes_per_second: u64 = "50", whole(1..=1_000_000, "per second"), true;
        /// Burst of new connections on one core from one IPv4 address or IPv6 /64. Allow for all players who share an address:
        /// they reconnect together when the server restarts.
        address_handshakes_at_once: u64 = "500", whole(1..=1_000_000, ""), true;
        /// Messages per second that the server accepts from one connection; 0 for no limit.
        connection_messages_per_second: u64 = "2000", whole(0..=1_000_000_000, "per second"), true;
        /// Bytes per second that the server accepts from one connection; 0 for no limit.
        connection_bytes_per_second: u64 = "1048576", whole(0..=1_000_000_000_000, "bytes"), true;
        /// Message bytes per second that the server sends to one connection; 0 for no limit.
        connection_send_bytes_per_second: u64 = "0", whole(0..=1_000_000_000_000, "bytes"), true;
        /// Networks that may not connect. Their connected clients are disconnected.
        deny: Vec<IpNet> = "", networks(), true;
        /// Networks to which `deny` and the limits per address do not apply, such as relays. The default is this host, so that
        /// local load generators bypass the limits.
        allow: Vec<IpNet> = "127.0.0.0/8,::1", networks(), true;
    }
    "Operation" {
        /// Address of the admin port: HTTP for the dashboard, metrics, and commands such as `ringshard top`.
        admin: Option<SocketAddr> = "127.0.0.1:3566", address().or("off"), false;
        /// File with the token that admin requests need, 16 characters or more. Required if `admin` is not a loopback address.
        /// Without it, the admin port answers GET requests and refuses the commands reload, drain and kick.
        admin_token_file: Option<PathBuf> = "", file(), false;
        /// Unix socket that accepts all admin requests, including commands, without a token. Only the server's user and root can
        /// open it.
        admin_socket: Option<PathBuf> = "", file(), false;
        /// What to log to standard error.
        log: String = "info", log(), true;
        /// Format of log lines: text, or json for one JSON object per line.
        log_format: LogFormat = "text", choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]), false;
        /// How long clients may stay while the server drains; 0: it ends at once. Meanwhile it admits no new clients.
        drain_ms: u64 = "0", milliseconds(0..=3_600_000), true;
        /// Folder for dumps (SIGUSR2) and panic reports. Without it, the working folder of the server.
        dump_dir: Option<PathBuf> = "", folder(), false;
        /// Give traffic secrets to every admin client, for `ringshard capture --key-log`. Only for test servers.
        key_log: bool = "false", switch(), false;
    }
}
