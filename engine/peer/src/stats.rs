//! A counter per outcome.

ringshard_protocol::counters! {
    /// What a mesh did, and what it dropped.
    MeshStats {
        /// Introductions sent.
        introductions_out,
        /// Introductions received, all of them.
        introductions_in,
        /// Introductions of players that are no members.
        introductions_of_strangers,
        /// Introductions that do not follow the document.
        introductions_malformed,
        /// Introductions of another mesh.
        introductions_of_other_meshes,
        /// Introductions that are older than one that came before.
        introductions_old,
        /// Introductions that would begin checks anew too often.
        introductions_too_often,
        /// STUN messages received and used.
        checks_in,
        /// STUN messages that belong to no check, or do not authenticate.
        checks_refused,
        /// STUN messages sent.
        checks_out,
        /// Times that checks began anew, because a path was lost or the peer asked.
        restarts,
        /// Times that the path of a session changed.
        path_changes,
        /// Datagrams of sessions received from a peer's address.
        datagrams_in,
        /// Datagrams from an address that belongs to no peer.
        datagrams_of_strangers,
        /// Datagrams of sessions dropped because too many events of the peer wait to be polled.
        datagrams_without_room,
        /// Datagrams sent.
        datagrams_out,
        /// Datagrams not sent because the pair has no path at present.
        datagrams_without_path,
    }
}
