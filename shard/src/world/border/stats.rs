//! What a border counts.

/// Counters of a border, over all neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BorderStats {
    /// Neighbours at present that are silent.
    pub dark: u64,
    /// Entities of neighbours that are visible here at present.
    pub replicas: u64,
    /// Entities of this host that neighbours see at present, once per neighbour.
    pub shown: u64,
    /// How often a neighbour that had been heard became silent.
    pub darkened: u64,
    /// Messages written.
    pub messages_out: u64,
    /// Bytes of messages written.
    pub bytes_out: u64,
    /// Messages that the caller did not take before the next turn.
    pub messages_unsent: u64,
    /// Messages of neighbours that were understood.
    pub messages_in: u64,
    /// States of entities written.
    pub published: u64,
    /// Of these, full ones: new entities, and those that are repeated from time to time.
    pub published_full: u64,
    /// States of entities that were due and waited, because a neighbour's bytes per second were used up.
    pub deferred: u64,
    /// States of entities that arrived and were shown.
    pub received: u64,
    /// States that could not be shown: they differ from a state that has not arrived. A full one follows.
    pub baseless: u64,
    /// Entities that found no free place here. They are tried again when their owner repeats them.
    pub crowded: u64,
    /// Messages of which an earlier copy had arrived.
    pub repeated: u64,
    /// Messages that arrived too late to be of use.
    pub stale: u64,
    /// Messages of hosts that are no neighbours.
    pub strangers: u64,
    /// Messages that are not understood, or have another game's contract.
    pub malformed: u64,
    /// Messages that got lost on the way to a neighbour. What they carried was sent again.
    pub lost: u64,
    /// Commands and events that went to a neighbour.
    pub commands_out: u64,
    /// Commands and events that a neighbour has taken.
    pub commands_taken: u64,
    /// Commands and events that were given up: the entity or the neighbour was gone, or too many waited.
    pub commands_lost: u64,
    /// Commands and events of neighbours that went to their cores.
    pub commands_in: u64,
    /// Commands and events of neighbours that were refused: of no entity here, or not understood.
    pub commands_refused: u64,
}
