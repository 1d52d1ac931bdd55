//! Which changes of a host are worth a write. Players and load change all the time; thousands of hosts share the store, and
//! every write goes to all balancers.

use crate::model::Host;
use std::time::Duration;

/// Shortest time between two writes for players and load alone.
const INTERVAL: Duration = Duration::from_secs(1);
/// Smallest change of the load that is worth a write.
const LOAD_STEP: f32 = 0.01;
/// Smallest change of the players that is worth a write, in parts of the capacity.
const PLAYERS_SHARE: u32 = 100;

/// When `host` is to be written, if `written` was written at `written_at`. None: it is not.
pub(super) fn write_at(written: &Host, written_at: Duration, host: &Host) -> Option<Duration> {
    let figures = Host { players: host.players, load: host.load, ..written.clone() };
    if figures != *host {
        return Some(Duration::ZERO);
    }
    let players = host.players.abs_diff(written.players);
    let crosses_full = (host.free() == 0) != (written.free() == 0);
    let step = (host.capacity / PLAYERS_SHARE).max(1);
    let is_worth = players >= step || (host.load - written.load).abs() >= LOAD_STEP || (players > 0 && crosses_full);
    is_worth.then(|| written_at + INTERVAL)
}
