//! Flags.

use clap::{Parser, ValueEnum};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Measures a gateway beside a bare echo of the same library.
///
/// The gateway runs in a process of its own on one CPU. On another CPU run the clients and a UDP echo that stands for the
/// servers. Each client sends datagrams at a steady rate, and each comes back. The same clients then use a bare echo without
/// a UDP leg: tokio-tungstenite, web-transport-quinn, or quinn. The difference in latency is what the gateway adds. There is no bare
/// echo of WebRTC.
///
/// Columns: `up/s`, `down/s`: datagrams from and to clients. `lost`: share that did not come back within a second. `busy`:
/// CPU time of the measured process, in percent of one CPU. `us`: CPU time per datagram, up and down counted alike; `system`
/// is the kernel's part. `up us`: the same in a run in which nothing comes back. `p50`, `p99`: round trip. `KiB`: resident
/// memory per client. `per send`, `per receive`: datagrams per system call towards the servers. `load busy`: CPU time of the
/// clients. Close to 100 it says that the clients are the limit, and that latencies are theirs.
///
/// With --flood, a few honest clients are measured before, during and after a flood from other addresses.
///
/// Examples:
///   gateway-load --carriers websocket,webtransport --clients 2000
///   gateway-load --carriers quic --clients 500,1000,2000,4000 --until-full
///   gateway-load --flood handshakes --carriers websocket
#[derive(Parser, Clone, Debug)]
#[command(name = "gateway-load", verbatim_doc_comment)]
pub struct Options {
    /// Carriers to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Websocket, Kind::Webtransport, Kind::Quic])]
    pub carriers: Vec<Kind>,
    /// Clients. Several numbers are measured one after the other. [default: 2000; with --flood 200]
    #[arg(long, value_delimiter = ',')]
    pub clients: Vec<usize>,
    /// Datagrams per second of each client.
    #[arg(long, default_value_t = 60)]
    pub rate: u32,
    /// Bytes of a datagram, 26 to 1200.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(26..=1200))]
    pub bytes: u16,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    pub secs: u64,
    /// Do not measure a carrier with more clients once more than 1 % of the datagrams are lost.
    #[arg(long)]
    pub until_full: bool,
    /// Measure the gateway alone: no bare echo, no run without answers.
    #[arg(long)]
    pub only_gateway: bool,
    /// Measure what a flood does to honest clients of the first carrier.
    #[arg(long, value_enum)]
    pub flood: Option<Flood>,
    /// Flood: connections that it opens per second; `half-open` and `slow` keep them. It runs at the lowest priority, so that
    /// the honest clients get their CPU.
    #[arg(long, default_value_t = 500)]
    pub flood_rate: u32,
    /// Flood: addresses that it comes from, 127.0.1.1 and on. The gateway's limits per address apply to them.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=250))]
    pub flood_addresses: u8,
    /// CPU of the measured process.
    #[arg(long, default_value_t = 0)]
    pub server_cpu: usize,
    /// CPU of the clients.
    #[arg(long, default_value_t = 1)]
    pub load_cpu: usize,
    /// Run the measured process under this command, such as `valgrind --tool=callgrind`.
    #[arg(long, value_name = "COMMAND", default_value = "")]
    pub runner: String,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub json: bool,

    /// What this process is. The program starts itself with it.
    #[arg(long, value_enum, hide = true)]
    pub role: Option<Role>,
    /// The UDP echo behind a gateway, or the gateway that an attack aims at.
    #[arg(long, hide = true)]
    pub target: Option<SocketAddr>,
    /// Where the certificate is.
    #[arg(long, hide = true)]
    pub folder: Option<PathBuf>,
}

/// What carries the datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Websocket,
    Webtransport,
    Quic,
    Webrtc,
}

/// A flood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flood {
    /// Complete handshakes, each of a connection that ends at once.
    Handshakes,
    /// TCP connections that send half a request; or QUIC connections that ask for no session.
    HalfOpen,
    /// WebSockets that send much and read nothing.
    Slow,
    /// WebSocket messages of 1 MiB.
    Oversize,
}

/// What a process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Role {
    Gateway,
    BareWebsocket,
    BareWebtransport,
    BareQuic,
    Attack,
}

impl Role {
    /// The bare echo of a carrier, if there is one.
    pub fn bare(kind: Kind) -> Option<Role> {
        match kind {
            Kind::Websocket => Some(Role::BareWebsocket),
            Kind::Webtransport => Some(Role::BareWebtransport),
            Kind::Quic => Some(Role::BareQuic),
            Kind::Webrtc => None,
        }
    }
}
