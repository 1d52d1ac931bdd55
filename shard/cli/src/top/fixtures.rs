//! Answers of imaginary servers, for tests.

use super::poll::Answer;
use ringshard::ops::report::{ConnectionSnapshot, ServerReport};
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The address of a player.
pub fn player(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 40_000 + u16::from(number)))
}

/// A server with this many cores, `seconds` after its start. Each second, each core receives 1,000 datagrams, spends a fifth of
/// its time in turns of 100 us, and drops 10 datagrams.
pub fn report(cores: usize, seconds: u64) -> ServerReport {
    let core = |core: usize| {
        json!({
            "core": core,
            "connections": 300,
            "counters": {
                "datagrams_in": 1_000 * seconds,
                "datagrams_out": 2_000 * seconds,
                "bytes_in": 100_000 * seconds,
                "bytes_out": 1_024_000 * seconds,
                "ticks": 60 * seconds,
                "world_refused_speed": 3 * seconds,
                "world_refused_no_go": 0,
            },
            "drops": { "replayed": 10 * seconds, "malformed": 5_000, "bad_size": 0 },
            "offenders": { "replayed": player(core as u8) },
            "stages": [
                { "name": "turn", "buckets": [[100_000, 2_000 * seconds]] },
                { "name": "tick", "buckets": [[50_000, 60 * seconds]] },
            ],
            "ticks": [],
        })
    };
    let report = json!({
        "version": "0.1.0",
        "pid": 7,
        "uptime_s": seconds as f64,
        "listen": "0.0.0.0:3565",
        "datapath": "uring",
        "draining": false,
        "cores": (0..cores).map(core).collect::<Vec<_>>(),
    });
    serde_json::from_value(report).expect("these are all fields that a report needs")
}

/// A connection `seconds` after it began, with this many bytes per second in each direction.
pub fn connection(number: u8, seconds: u64, rate: u64) -> ConnectionSnapshot {
    ConnectionSnapshot {
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
        player: Some(format!("{number}.7")),
        score: f64::from(number),
        refusals: [("speed".to_owned(), u32::from(number) * 3)].into(),
    }
}

/// The answer of a server `seconds` after its start.
pub fn answer(began: Instant, cores: usize, seconds: u64) -> Answer {
    let connections = vec![connection(1, seconds, 100), connection(2, seconds, 2_048)];
    Answer::at(began + Duration::from_secs(seconds), report(cores, seconds), connections)
}
