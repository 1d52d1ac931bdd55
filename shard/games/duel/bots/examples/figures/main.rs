//! The figures of rollback: matches of bots in simulated networks, under one virtual clock.
//!
//! ```text
//! cargo run --release -p ringshard-duel-bots --example figures            # ten minutes of the match per row
//! cargo run --release -p ringshard-duel-bots --example figures -- 1      # one minute
//! ```
//! The exit status is 1 if any two ends differed.

mod play;

use play::Play;
use ringshard_duel_rules::DuelRules;
use ringshard_rollback::{MatchConfig, SessionConfig};
use std::process::ExitCode;

const MINUTE_TICKS: u32 = 60 * 60;
const ROWS: [(usize, u8, &str); 8] = [
    (2, 0, "delay=20ms,jitter=5ms,loss=0.5%"),
    (2, 0, "delay=50ms,loss=2%"),
    (2, 3, "delay=50ms,loss=2%"),
    (2, 8, "delay=50ms,loss=2%"),
    (2, 0, "delay=100ms,loss=2%"),
    (2, 0, "delay=100ms,jitter=40ms,loss=5%"),
    (4, 0, "delay=50ms,loss=2%"),
    (8, 0, "delay=50ms,loss=2%"),
];

fn main() -> ExitCode {
    let minutes = std::env::args().nth(1).and_then(|minutes| minutes.parse().ok()).unwrap_or(10);
    println!("{minutes} minutes of each match; ticks are 16.7 ms, the delay of the network is one way");
    println!(
        "{:32} {:>7} {:>5} {:>9} {:>11} {:>8} {:>7} {:>8} {:>7} {:>7} {:>8}",
        "network",
        "players",
        "delay",
        "rollbacks",
        "rolled back",
        "longest",
        "stalled",
        "replaced",
        "digests",
        "differ",
        "bytes/s"
    );
    let rows = ROWS.map(|(players, delay, network)| row(minutes, players, delay, network));
    if rows.into_iter().all(|differences| differences == 0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a match and prints what happened. Gives the differences that were found.
fn row(minutes: u32, players: usize, delay: u8, network: &str) -> u64 {
    let session = SessionConfig { delay, ..SessionConfig::default() };
    let mut play = Play::new(vec![DuelRules; players], network, 7, MatchConfig::default(), session);
    play.play(minutes * MINUTE_TICKS, |_| {});
    let (stats, server) = (play.stats(), play.world.game(0).stats());
    let each = |count: u64| count as f64 / f64::from(minutes * 60) / players as f64;
    println!(
        "{:32} {:>7} {:>5} {:>7.1}/s {:>9.1}/s {:>8} {:>7} {:>8} {:>7} {:>7} {:>8.0}",
        network,
        players,
        delay,
        each(stats.rollbacks),
        each(stats.ticks_rolled_back),
        stats.longest_rollback,
        stats.ticks_stalled,
        stats.inputs_replaced,
        server.digests_agreed,
        server.differences,
        each(server.relay_bytes),
    );
    server.differences
}
