//! What a border counts.

use ringshard_protocol::counters;

counters! {
    /// Counters of a border, over all neighbours.
    BorderStats {
        /// Neighbours at present that are silent.
        dark,
        /// Entities of neighbours that are visible here at present.
        replicas,
        /// Entities of this host that neighbours see at present, once per neighbour.
        shown,
        /// How far the offset of a neighbour's clock can be off at present, in microseconds: the largest of all neighbours.
        clock_error_us,
        /// Neighbours at present that are left out: there are more than [`NEIGHBOURS_MAX`](super::NEIGHBOURS_MAX).
        left_out,
        /// How often a neighbour that had been heard became silent.
        darkened,
        /// Messages written.
        messages_out,
        /// Bytes of messages written.
        bytes_out,
        /// Messages that the caller did not take before the next turn.
        messages_unsent,
        /// Messages of neighbours that were understood.
        messages_in,
        /// States of entities written.
        published,
        /// Of these, full ones: new entities, and those that are repeated from time to time.
        published_full,
        /// States of entities that were due and waited, because a neighbour's bytes per second were used up.
        deferred,
        /// States of entities that arrived and were shown.
        received,
        /// States that could not be shown: they differ from a state that has not arrived. A full one follows.
        baseless,
        /// Entities that found no free place here. They are tried again when their owner repeats them.
        crowded,
        /// Messages of which an earlier copy had arrived.
        repeated,
        /// Messages that arrived too late to be of use.
        stale,
        /// Messages that came while too many others waited for a turn. What they carried comes again.
        overflowed,
        /// Messages of hosts that are no neighbours, or that are left out.
        strangers,
        /// Messages that are not understood, or have another game's contract.
        malformed,
        /// Messages that got lost on the way to a neighbour. What they carried was sent again.
        lost,
        /// Commands and events that went to a neighbour.
        commands_out,
        /// Commands and events that a neighbour has taken.
        commands_taken,
        /// Commands and events that were given up: the entity or the neighbour was gone, or too many waited.
        commands_lost,
        /// Commands and events of neighbours that went to their cores.
        commands_in,
        /// Commands and events of neighbours that were refused: of no entity here, or not understood.
        commands_refused,
    }
}

/// The counters that can fall: levels at present.
pub const GAUGES: [&str; 5] = ["dark", "replicas", "shown", "clock_error_us", "left_out"];
