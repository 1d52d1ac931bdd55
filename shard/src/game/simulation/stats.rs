//! The counters of a world.

use ringshard_protocol::counters;

counters! {
    /// The counters of a world on one core.
    WorldStats {
        /// Ticks.
        ticks,
        /// Ticks that began before all clients had their snapshot of the last one.
        late_ticks,
        /// The present level of load shedding: 0 sheds nothing, 3 most.
        shed_level,
        /// How often the level was raised.
        sheds,
        /// Players at present whose clients are connected.
        players,
        /// Players at present whose clients are silent and can return.
        suspended,
        /// Entities at present that this core owns.
        entities,
        /// Entities of all cores that this core knows at present.
        known_entities,
        /// Inputs received.
        inputs,
        /// Messages that were malformed, or came from a client that is not in the world.
        invalid_messages,
        /// Snapshots sent.
        snapshots,
        /// Bytes of these snapshots.
        snapshot_bytes,
        /// Snapshots that the endpoint refused to send; they count as lost.
        snapshots_unsent,
        /// Entries in snapshots.
        entries,
        /// Entries that had to be encoded; the others were encoded already.
        encoded,
        /// Entities that entered a client's sight.
        entered,
        /// Entities that left a client's sight.
        left,
        /// Digests of clients that agreed with what they must see.
        digests_agreed,
        /// Digests that did not agree.
        digests_differ,
        /// Digests that could not be compared, because it is unknown what the client has.
        digests_unknown,
        /// Digests that were not compared, because a tick compares a limited number.
        digests_skipped,
        /// Changes published to other cores.
        changes_published,
        /// Changes received from other cores.
        changes_received,
        /// Changes that found a ring full and were published again later.
        changes_overflowed,
        /// Commands of the game that were refused.
        commands_refused,
    }
}
