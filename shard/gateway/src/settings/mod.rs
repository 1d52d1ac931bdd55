//! What a gateway is told: a TOML file, flags and environment variables, checked once.
//!
//! | file | has |
//! |---|---|
//! | `sources` | where the settings come from |
//! | `raw` | the settings as they are written |
//! | `check` | turns them into [`Settings`], or says what is wrong, where, and what to do |
//! | `server` | the servers behind the gateway |

mod check;
mod raw;
mod server;
mod sources;

pub use raw::Raw;
pub use server::{Door, ServerEntry};
pub use sources::{SettingsError, Sources};

use crate::carrier::Carrier;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringshard_protocol::gateway::GatewayKey;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Threads of a gateway. The first byte of a QUIC connection id names one.
pub(crate) const THREADS_MAX: usize = 256;
/// Values of `quic-packet-bytes`: what every path of QUIC carries (RFC 9000, section 14), up to what an IPv4 packet of 1,500
/// bytes carries.
pub(crate) const QUIC_PACKET_BYTES: RangeInclusive<usize> = 1_200..=1_472;

/// The settings of a gateway, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Name of the gateway, which clients see.
    pub name: String,
    /// TCP: page, WebSocket and signalling. UDP, the same number: QUIC and WebTransport.
    pub listen: SocketAddr,
    /// UDP port of WebRTC for thread 0. Thread i has this port plus i. 0: any free port.
    pub webrtc_port: u16,
    /// UDP: STUN and the relay for players who talk directly. None: there is neither.
    pub peers: Option<SocketAddr>,
    /// The servers. The first is the default.
    pub servers: Vec<ServerEntry>,
    /// The certificate's PEM files. None: development, on loopback only.
    pub certificate: Option<CertificateFiles>,
    /// Folder of the certificate for development.
    pub development_folder: PathBuf,
    /// Address that clients of WebRTC send to, where it is not that of `listen`.
    pub public_address: Option<IpAddr>,
    /// Values of `Origin` that are allowed. Empty: any in development, otherwise the gateway's own.
    pub origins: Vec<String>,
    /// The carriers that are on.
    pub carriers: Vec<Carrier>,
    /// Threads, each with its own sockets and clients.
    pub threads: usize,
    /// UDP sockets of each thread to each server.
    pub flows: usize,
    /// Signs clients' true addresses. None: servers see the gateway's address.
    pub key: Option<GatewayKey>,
    /// The admin port. None: there is none.
    pub admin: Option<AdminSettings>,
    /// Whether `/` serves the demonstration's page.
    pub page: bool,
    /// Whether 0-RTT data of QUIC is read, and then only for a Connect.
    pub early_data: bool,
    /// A client that sends nothing for this long is closed.
    pub idle_timeout: Duration,
    /// Largest UDP datagram of a QUIC connection, which is one QUIC packet or several, in bytes: 1,200 to 1,472. A datagram of the
    /// client has about 39 bytes less.
    pub quic_packet_bytes: usize,
    /// How long a drain may take.
    pub drain: Duration,
    /// Limits per address and per client.
    pub limits: LimitSettings,
    /// Networks whose clients are refused.
    pub deny: Vec<IpNet>,
    /// Networks that no limit per address applies to, and that `deny` does not refuse.
    pub allow: Vec<IpNet>,
}

/// Limits per address and per client. An IPv6 address counts as its /64; a /48 has the limits of 16 of these.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitSettings {
    /// Clients of the gateway.
    pub clients: usize,
    /// Clients of one address.
    pub clients_per_address: usize,
    /// TCP connections and QUIC connections of the gateway, those without a client included.
    pub connections: usize,
    /// TCP connections and QUIC connections of one address.
    pub connections_per_address: usize,
    /// New connections of one address, per second. Ten times as many may come at once.
    pub connects_per_second: u32,
    /// Datagrams that a client may send, per second.
    pub datagrams_per_second: u32,
    /// Bytes that a client may send, per second.
    pub bytes_per_second: u32,
    /// Bytes of datagrams that wait for a client. When there are more, the oldest are dropped.
    pub queue_bytes: usize,
    /// Bytes that wait for all clients of a thread together, 64 per datagram included. The more slow readers there are, the
    /// less each of them may have.
    pub queue_bytes_per_thread: usize,
}

/// The admin port.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// Token that requests need. Without it the port answers questions of this host alone.
    pub token: Option<String>,
}

impl fmt::Debug for AdminSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AdminSettings({}, {})", self.listen, if self.token.is_some() { "token" } else { "no token" })
    }
}

/// PEM files of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFiles {
    /// The certificate and its chain.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            name: "gateway".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 3568)),
            webrtc_port: 3570,
            peers: None,
            servers: Vec::new(),
            certificate: None,
            development_folder: development_folder(),
            public_address: None,
            origins: Vec::new(),
            carriers: Carrier::ALL.to_vec(),
            threads: 1,
            flows: 4,
            key: None,
            admin: Some(AdminSettings { listen: SocketAddr::from(([127, 0, 0, 1], 3569)), token: None }),
            page: true,
            early_data: false,
            idle_timeout: Duration::from_secs(60),
            quic_packet_bytes: 1472,
            drain: Duration::from_secs(30),
            limits: LimitSettings::default(),
            deny: Vec::new(),
            allow: vec![
                Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
                Ipv6Net::from(Ipv6Addr::LOCALHOST).into(),
            ],
        }
    }
}

/// Where systemd lets a service write, or the user's cache.
fn development_folder() -> PathBuf {
    let of = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache =
        || of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache"))).map(|cache| cache.join("ringshard"));
    of("STATE_DIRECTORY").or_else(cache).unwrap_or_else(|| std::env::temp_dir().join("ringshard"))
}

impl Default for LimitSettings {
    fn default() -> LimitSettings {
        LimitSettings {
            clients: 20_000,
            clients_per_address: 200,
            connections: 25_000,
            connections_per_address: 300,
            connects_per_second: 50,
            datagrams_per_second: 1_000,
            bytes_per_second: 1 << 20,
            queue_bytes: 256 << 10,
            queue_bytes_per_thread: 64 << 20,
        }
    }
}

impl Settings {
    /// The settings after a reload: those of `fresh` that can change while the gateway runs, and its own otherwise. Also
    /// the names of settings that differ and need a restart.
    pub(crate) fn reloaded(&self, fresh: Settings) -> (Settings, Vec<&'static str>) {
        let chain = |settings: &Settings| settings.certificate.as_ref().map(|files| files.chain.clone());
        let key = |settings: &Settings| settings.certificate.as_ref().map(|files| files.key.clone());
        let listen = |settings: &Settings| settings.admin.as_ref().map(|admin| admin.listen);
        let token = |settings: &Settings| settings.admin.as_ref().and_then(|admin| admin.token.clone());
        let differ = [
            ("name", self.name != fresh.name),
            ("listen", self.listen != fresh.listen),
            ("webrtc-port", self.webrtc_port != fresh.webrtc_port),
            ("peers", self.peers != fresh.peers),
            ("servers", self.servers != fresh.servers),
            ("certificate", chain(self) != chain(&fresh)),
            ("certificate-key", key(self) != key(&fresh)),
            ("development-folder", self.development_folder != fresh.development_folder),
            ("public-address", self.public_address != fresh.public_address),
            ("carriers", self.carriers != fresh.carriers),
            ("threads", self.threads != fresh.threads),
            ("flows", self.flows != fresh.flows),
            ("key", self.key != fresh.key),
            ("admin", listen(self) != listen(&fresh)),
            ("admin-token-file", token(self) != token(&fresh)),
        ];
        let need_restart = differ.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        let kept = self.clone();
        let next = Settings {
            name: kept.name,
            listen: kept.listen,
            webrtc_port: kept.webrtc_port,
            peers: kept.peers,
            servers: kept.servers,
            certificate: kept.certificate,
            development_folder: kept.development_folder,
            public_address: kept.public_address,
            carriers: kept.carriers,
            threads: kept.threads,
            flows: kept.flows,
            key: kept.key,
            admin: kept.admin,
            ..fresh
        };
        (next, need_restart)
    }

    /// Whether the gateway is for development: without a certificate of its own.
    pub fn is_development(&self) -> bool {
        self.certificate.is_none()
    }
}
