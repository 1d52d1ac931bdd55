//! What a world counts.

use ringshard_protocol::counters;

counters! {
    /// What a world counts, on one core.
    WorldStats {
        /// Ticks.
        ticks,
        /// Ticks at whose beginning clients still waited to be told of the last.
        late_ticks,
        /// How much is shed now: 0 for nothing, up to 3.
        shed_level,
        /// Times that more was shed, ever.
        sheds,
        /// Players now whose clients are connected.
        players,
        /// Players now whose clients are silent and can come back.
        suspended,
        /// Entities that this core owns now.
        entities,
        /// Entities of all cores that this one knows now.
        known_entities,
        /// Inputs taken.
        inputs,
        /// Messages that made no sense, or came from a client that is not in the world.
        strange_messages,
        /// Snapshots sent, and bytes of them.
        snapshots,
        /// Bytes of those.
        snapshot_bytes,
        /// Snapshots that found no room to be sent; they count as lost.
        snapshots_unsent,
        /// Entries in snapshots.
        entries,
        /// Entries that had to be encoded: the others were encoded already.
        encoded,
        /// Entities that came into a client's sight, and left it.
        entered,
        /// Entities that left a client's sight.
        left,
        /// Digests of clients that agreed with what they must have.
        digests_agreed,
        /// Digests that did not.
        digests_differ,
        /// Digests that nothing can be said of.
        digests_unknown,
        /// Digests that were not compared, because a tick compares only so many.
        digests_skipped,
        /// Changes published to other cores.
        changes_published,
        /// Changes taken from other cores.
        changes_received,
        /// Changes that found a ring full, and were published again later.
        changes_overflowed,
        /// Commands that were refused to the game that sent them.
        commands_refused,
    }
}
