//! Counts of a client, and its clocks.

use ringshard_protocol::time::Duration;

ringshard_protocol::counters! {
    /// What a client did.
    ClientStats {
        /// Snapshots applied.
        snapshots,
        /// Bytes of those.
        snapshot_bytes,
        /// Updates of entities in those, without entities that came into view or left it.
        updates,
        /// Snapshots that were malformed, or built on something unknown: the server violates the protocol.
        snapshots_refused,
        /// Snapshots older than one that was applied.
        snapshots_late,
        /// Snapshots that arrived while the client was not in the world.
        snapshots_outside,
        /// Predicted ticks that were compared with the server's.
        predicted,
        /// Of those, the ones that differed.
        mispredicted,
        /// Corrections that moved the own pose.
        corrections,
        /// Inputs that the game made.
        inputs_made,
        /// Input messages sent.
        inputs_sent,
        /// Snapshots whose tick the server stepped without the player's input.
        inputs_missed,
        /// Ticks that were stepped without asking the game for an input, because a frame took too long.
        ticks_skipped,
        /// Frames shown.
        frames,
        /// Frames whose shown tick was past the newest snapshot.
        starved,
        /// Of those, the ones that extrapolation could still bridge.
        extrapolated,
        /// Connections that were lost, after which the client connects again.
        reconnects,
        /// Moves to another server.
        moves,
        /// Messages that were malformed, or of an unknown kind: the server violates the protocol.
        malformed,
        /// Messages of services that were dropped because the application does not take them.
        services_dropped,
        /// Introductions of other players that were dropped because the game does not take them.
        introductions_dropped,
        /// Datagrams that were ignored because the game does not take its news.
        ignored,
        /// Datagrams received, authentic or not.
        datagrams_in,
        /// Bytes of those.
        bytes_in,
        /// Datagrams handed out to be sent.
        datagrams_out,
        /// Bytes of those.
        bytes_out,
    }
}

/// The clocks of a client, in ticks of the server that do not wrap at 2^32.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Clock {
    /// The server's tick as it probably is there now.
    pub server: f64,
    /// The tick at which others are shown.
    pub shown: f64,
    /// How far the own inputs are ahead of the server.
    pub ahead: f64,
    /// How much faster than time the clock of the own inputs runs: at most 0.02 faster or slower.
    pub rate: f64,
    /// Mean deviation of the arrivals of snapshots.
    pub jitter: Duration,
    /// The connection's round trip; zero before it is measured.
    pub round_trip: Duration,
}
