//! Counts of actions, and of what became of sessions.

use ringshard_protocol::counters;
use std::collections::BTreeMap;

/// Counts by name.
pub type Counts = BTreeMap<&'static str, u64>;

pub fn add(counts: &mut Counts, more: impl Iterator<Item = (&'static str, u64)>) {
    more.for_each(|(name, count)| *counts.entry(name).or_default() += count);
}

counters! {
    /// Actions of clients.
    ActionCounts {
        arrivals,
        enters,
        inputs,
        messages,
        key_changes_asked,
        moves,
        hang_ups,
        silences,
        returns,
        vanished,
        handshakes_by_hand,
        refused_by_hand,
        resumed_by_hand,
        former_keys_used,
        unproven,
        hostile_datagrams,
        ghosts,
        kicks,
        rests,
    }
}

counters! {
    /// What became of sessions and players, on one core.
    SessionCounts {
        joined,
        resumed_live,
        resumed_suspended,
        renamed,
        suspended,
        ended_by_client,
        ended_by_server,
        expired,
        entered,
        bodies_replaced,
        displaced,
    }
}
