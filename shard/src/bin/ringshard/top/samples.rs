//! Servers for the tests of what is shown of them.

use super::poll::Answer;
use ringshard::datapath::Backend;
use ringshard::report::{CoreSnapshot, ServerReport, SessionSnapshot, StageSnapshot};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An address of a player.
pub fn player(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 40_000 + u16::from(number)))
}

/// A server with that many cores `seconds` after its start, steadily at work: each core takes in 1,000 datagrams a second,
/// spends a fifth of its time in turns of 100 us, and drops 10 datagrams a second.
pub fn report(cores: usize, seconds: u64) -> ServerReport {
    let core = |core: usize| CoreSnapshot {
        core,
        connections: 300,
        stuck_s: None,
        counters: BTreeMap::from([
            ("datagrams_in".into(), 1_000 * seconds),
            ("datagrams_out".into(), 2_000 * seconds),
            ("bytes_in".into(), 100_000 * seconds),
            ("bytes_out".into(), 1_024_000 * seconds),
            ("ticks".into(), 60 * seconds),
        ]),
        drops: BTreeMap::from([("replayed".into(), 10 * seconds), ("malformed".into(), 5_000), ("bad_size".into(), 0)]),
        offenders: BTreeMap::from([("replayed".into(), player(core as u8))]),
        stages: vec![
            StageSnapshot { name: "turn".into(), buckets: vec![(100_000, 2_000 * seconds)] },
            StageSnapshot { name: "tick".into(), buckets: vec![(50_000, 60 * seconds)] },
        ],
        ticks: Vec::new(),
    };
    ServerReport {
        version: "0.1.0".into(),
        pid: 7,
        uptime_s: seconds as f64,
        listen: ([0, 0, 0, 0], 3565).into(),
        datapath: Backend::Uring,
        draining: false,
        connections_max: 16_384,
        cores: (0..cores).map(core).collect(),
    }
}

/// A connection `seconds` after it began, at this many bytes a second each way.
pub fn session(number: u8, seconds: u64, rate: u64) -> SessionSnapshot {
    SessionSnapshot {
        id: format!("0.{number}.1"),
        core: 0,
        address: player(number),
        standing: "established".into(),
        age_s: seconds as f64,
        silent_s: 0.1,
        suite: "aes".into(),
        round_trip_ms: Some(12.5),
        loss: 0.02,
        datagrams_in: 10 * seconds,
        datagrams_out: 10 * seconds,
        bytes_in: rate * seconds,
        bytes_out: rate * seconds,
        datagram_bytes: 1_200,
        unacknowledged_bytes: 64,
        messages_in_pieces: 0,
        window_bytes: None,
        in_flight_bytes: None,
        packets_lost: 0,
        over_budget: 0,
        key_changes: 0,
    }
}

/// What a server answers `seconds` after its start.
pub fn answer(began: Instant, cores: usize, seconds: u64) -> Answer {
    let sessions = vec![session(1, seconds, 100), session(2, seconds, 2_048)];
    Answer::at(began + Duration::from_secs(seconds), report(cores, seconds), sessions)
}
