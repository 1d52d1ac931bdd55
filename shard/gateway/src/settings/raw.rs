//! The settings as they are written: the same names in the file, as flags and in the environment.

use crate::carrier::Carrier;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Settings of a gateway, as flags, as environment variables (`RINGSHARD_GATEWAY_` and the name in capitals) or in the
/// file. Flags and environment win over the file.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Raw {
    /// A server that clients reach: its name in paths, its address, and its public key, which `ringshard keygen` printed.
    /// With `bulk`, QUIC clients reach its login door at that TCP address. With `proxy` behind it, each connection tells the
    /// door the client's address by the PROXY protocol, and the server must list this gateway in `login-proxies`. Repeat the
    /// flag for more servers; the first is the default.
    #[arg(long = "server", value_name = "NAME=ADDRESS,KEY[,bulk=ADDRESS[,proxy]]")]
    #[arg(env = "RINGSHARD_GATEWAY_SERVERS", hide_env = true, value_delimiter = ' ')]
    pub servers: Vec<String>,
    /// Address and port. TCP has the page, WebSocket and signalling; UDP, the same number, has QUIC and WebTransport.
    /// [default: 127.0.0.1:3568]
    #[arg(long, value_name = "ADDRESS", env = "RINGSHARD_GATEWAY_LISTEN", hide_env = true)]
    pub listen: Option<SocketAddr>,
    /// UDP port of WebRTC. Thread i uses this port plus i. [default: 3570]
    #[arg(long, value_name = "PORT", env = "RINGSHARD_GATEWAY_WEBRTC_PORT", hide_env = true)]
    pub webrtc_port: Option<u16>,
    /// UDP address for players who talk directly: STUN, and with `key` a relay for those who find no direct path. `[::]:3478`
    /// serves IPv6 and IPv4, 0.0.0.0:3478 IPv4 alone. [default: off]
    #[arg(long, value_name = "ADDRESS", env = "RINGSHARD_GATEWAY_PEERS", hide_env = true)]
    pub peers: Option<SocketAddr>,
    /// Address that WebRTC clients send to, if it is not that of `listen`.
    #[arg(long, value_name = "IP", env = "RINGSHARD_GATEWAY_PUBLIC_ADDRESS", hide_env = true)]
    pub public_address: Option<IpAddr>,
    /// PEM file with the certificate and its chain. Without it the gateway is for development: on loopback only, without
    /// TLS for TCP, and with a certificate for QUIC that pages pin.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_GATEWAY_CERTIFICATE", hide_env = true)]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_GATEWAY_CERTIFICATE_KEY", hide_env = true)]
    pub certificate_key: Option<PathBuf>,
    /// Folder of the certificate for development, which is made on the first start and made again before it ends.
    /// [default: $STATE_DIRECTORY, or ~/.cache/ringshard]
    #[arg(long, value_name = "FOLDER", env = "RINGSHARD_GATEWAY_DEVELOPMENT_FOLDER", hide_env = true)]
    pub development_folder: Option<PathBuf>,
    /// Origins whose pages may connect, such as `https://game.example`. [default: in development any, otherwise the
    /// gateway's own] (reloadable)
    #[arg(long, value_name = "ORIGIN", env = "RINGSHARD_GATEWAY_ORIGINS", hide_env = true, value_delimiter = ',')]
    pub origins: Vec<String>,
    /// Carriers that are on. [default: all]
    #[arg(long, value_name = "LIST", env = "RINGSHARD_GATEWAY_CARRIERS", hide_env = true, value_delimiter = ',')]
    pub carriers: Vec<Carrier>,
    /// File with the gateway key, as `ringshard keygen` makes it. The gateway signs clients' true addresses with it, for
    /// servers that list it in `gateway-keys`. Without it, servers see the gateway's address.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_GATEWAY_KEY", hide_env = true)]
    pub key: Option<PathBuf>,
    /// Name that clients are told. [default: gateway]
    #[arg(long, value_name = "NAME", env = "RINGSHARD_GATEWAY_NAME", hide_env = true)]
    pub name: Option<String>,
    /// Threads, each with its own sockets and clients. [default: the CPUs that this process may use]
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_THREADS", hide_env = true)]
    pub threads: Option<usize>,
    /// UDP sockets of each thread to each server. [default: 4]
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_FLOWS", hide_env = true)]
    pub flows: Option<usize>,
    /// Address of the admin port: metrics, connections, dashboard; or `off`. Beyond loopback it needs `admin-token-file`.
    /// [default: 127.0.0.1:3569]
    #[arg(long, value_name = "ADDRESS", env = "RINGSHARD_GATEWAY_ADMIN", hide_env = true)]
    pub admin: Option<String>,
    /// File with the token that requests to the admin port need.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_GATEWAY_ADMIN_TOKEN_FILE", hide_env = true)]
    pub admin_token_file: Option<PathBuf>,
    /// Whether `/` serves the page that plays the demonstration. [default: in development true, otherwise false] (reloadable)
    #[arg(long, value_name = "BOOL", env = "RINGSHARD_GATEWAY_PAGE", hide_env = true)]
    pub page: Option<bool>,
    /// Whether QUIC connections may begin with early data (0-RTT), and then only with a Connect. [default: false]
    /// (reloadable)
    #[arg(long, value_name = "BOOL", env = "RINGSHARD_GATEWAY_EARLY_DATA", hide_env = true)]
    pub early_data: Option<bool>,
    /// A client that sends nothing for this many seconds is closed. [default: 60] (reloadable)
    #[arg(long, value_name = "SECONDS", env = "RINGSHARD_GATEWAY_IDLE_TIMEOUT", hide_env = true)]
    pub idle_timeout: Option<u64>,
    /// Largest UDP datagram of a QUIC connection, in bytes: 1200 to 1472. A datagram of the client has about 39 bytes less.
    /// [default: 1472] (reloadable, for new clients)
    #[arg(long, value_name = "BYTES", env = "RINGSHARD_GATEWAY_QUIC_PACKET_BYTES", hide_env = true)]
    pub quic_packet_bytes: Option<usize>,
    /// How long SIGTERM lets clients move elsewhere, in seconds. [default: 30] (reloadable)
    #[arg(long, value_name = "SECONDS", env = "RINGSHARD_GATEWAY_DRAIN_SECS", hide_env = true)]
    pub drain_secs: Option<u64>,
    /// Clients of the gateway. [default: 20000] (reloadable)
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_MAX_CLIENTS", hide_env = true)]
    pub max_clients: Option<usize>,
    /// Clients of one address. An IPv6 address counts as its /64. [default: 200] (reloadable)
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_MAX_CLIENTS_PER_ADDRESS", hide_env = true)]
    pub max_clients_per_address: Option<usize>,
    /// TCP and QUIC connections, those without a client included. [default: 25000] (reloadable)
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_MAX_CONNECTIONS", hide_env = true)]
    pub max_connections: Option<usize>,
    /// TCP and QUIC connections of one address. [default: 300] (reloadable)
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS", hide_env = true)]
    pub max_connections_per_address: Option<usize>,
    /// New connections of one address per second. Ten times as many may come at once. [default: 50] (reloadable)
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_CONNECTS_PER_SECOND", hide_env = true)]
    pub connects_per_second: Option<u32>,
    /// Datagrams that a client may send per second. [default: 1000] (reloadable, for new clients)
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_GATEWAY_DATAGRAMS_PER_SECOND", hide_env = true)]
    pub datagrams_per_second: Option<u32>,
    /// Bytes that a client may send per second. [default: 1048576] (reloadable, for new clients)
    #[arg(long, value_name = "BYTES", env = "RINGSHARD_GATEWAY_BYTES_PER_SECOND", hide_env = true)]
    pub bytes_per_second: Option<u32>,
    /// Bytes of datagrams that wait for a client; beyond them the oldest are dropped. [default: 262144] (reloadable, for
    /// new clients)
    #[arg(long, value_name = "BYTES", env = "RINGSHARD_GATEWAY_QUEUE_BYTES", hide_env = true)]
    pub queue_bytes: Option<usize>,
    /// Bytes that wait for all clients of a thread together; the more slow readers there are, the less each may have.
    /// [default: 67108864] (reloadable)
    #[arg(long, value_name = "BYTES", env = "RINGSHARD_GATEWAY_QUEUE_BYTES_PER_THREAD", hide_env = true)]
    pub queue_bytes_per_thread: Option<usize>,
    /// Networks whose clients are refused, such as 203.0.113.0/24. (reloadable)
    #[arg(long, value_name = "LIST", env = "RINGSHARD_GATEWAY_DENY", hide_env = true, value_delimiter = ',')]
    pub deny: Vec<IpNet>,
    /// Networks that `deny` and limits per address do not apply to. [default: 127.0.0.0/8,::1/128] (reloadable)
    #[arg(long, value_name = "LIST", env = "RINGSHARD_GATEWAY_ALLOW", hide_env = true, value_delimiter = ',')]
    pub allow: Option<Vec<IpNet>>,
}

impl Raw {
    /// These settings, and those of `below` where these say nothing.
    pub(super) fn over(self, below: Raw) -> Raw {
        fn list<T>(own: Vec<T>, below: Vec<T>) -> Vec<T> {
            if own.is_empty() { below } else { own }
        }
        Raw {
            servers: list(self.servers, below.servers),
            listen: self.listen.or(below.listen),
            webrtc_port: self.webrtc_port.or(below.webrtc_port),
            peers: self.peers.or(below.peers),
            public_address: self.public_address.or(below.public_address),
            certificate: self.certificate.or(below.certificate),
            certificate_key: self.certificate_key.or(below.certificate_key),
            development_folder: self.development_folder.or(below.development_folder),
            origins: list(self.origins, below.origins),
            carriers: list(self.carriers, below.carriers),
            key: self.key.or(below.key),
            name: self.name.or(below.name),
            threads: self.threads.or(below.threads),
            flows: self.flows.or(below.flows),
            admin: self.admin.or(below.admin),
            admin_token_file: self.admin_token_file.or(below.admin_token_file),
            page: self.page.or(below.page),
            early_data: self.early_data.or(below.early_data),
            idle_timeout: self.idle_timeout.or(below.idle_timeout),
            quic_packet_bytes: self.quic_packet_bytes.or(below.quic_packet_bytes),
            drain_secs: self.drain_secs.or(below.drain_secs),
            max_clients: self.max_clients.or(below.max_clients),
            max_clients_per_address: self.max_clients_per_address.or(below.max_clients_per_address),
            max_connections: self.max_connections.or(below.max_connections),
            max_connections_per_address: self.max_connections_per_address.or(below.max_connections_per_address),
            connects_per_second: self.connects_per_second.or(below.connects_per_second),
            datagrams_per_second: self.datagrams_per_second.or(below.datagrams_per_second),
            bytes_per_second: self.bytes_per_second.or(below.bytes_per_second),
            queue_bytes: self.queue_bytes.or(below.queue_bytes),
            queue_bytes_per_thread: self.queue_bytes_per_thread.or(below.queue_bytes_per_thread),
            deny: list(self.deny, below.deny),
            allow: self.allow.or(below.allow),
        }
    }
}
