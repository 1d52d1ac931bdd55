//! Counters: one per outcome, one per reason for a drop. A drop is never silent.

/// A struct of counters that knows their names.
#[macro_export]
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: u64,)*
        }

        impl $name {
            /// Every counter with its name, in the order of declaration.
            pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Why datagrams or messages were dropped.
    Drops {
        /// Shorter than a header, or longer than the largest datagram.
        bad_size,
        /// Outside encryption: wrong checksum, unknown type or value, wrong length.
        malformed,
        /// Outside encryption and sent to the wrong end, or too late.
        unexpected,
        /// No such connection here, or one that is gone.
        unknown_connection,
        /// Flags or channel that the connection's state does not allow.
        wrong_flags,
        /// Seen before, or too old to tell.
        replayed,
        /// Does not open under the connection's key.
        not_authentic,
        /// A frame that was delimited but not understood; the frames beside it were read.
        bad_frame,
        /// Holds messages that would have to be kept, and memory is low; taken for lost on the way.
        no_memory,
        /// A sequenced message that is older than one that was delivered.
        outdated,
        /// An unreliable message given up because pieces of it never came.
        fragments_abandoned,
        /// A piece of an unreliable message for which there was no place: as many as may be are put together already.
        fragments_refused,
        /// A message that does not decompress to what it says; its connection ends.
        bad_compression,
        /// An acknowledgment of what was not sent; its connection ends.
        impossible_ack,
        /// A reliable message beyond what may be under way; its connection ends.
        beyond_window,
        /// A public key that no correct end sends, in a change of keys; its connection ends.
        weak_key,
        /// A request for new keys that came too soon, while one was under way, or when too many connections asked.
        rekey_refused,
        /// An unreliable message beyond the rate of its channel or connection.
        rate_limited,
        /// A datagram of a connection that sends more than it may; taken for lost on the way.
        over_budget,
        /// From a network that is denied.
        denied_address,
        /// A Connect without a cookie from an address that much nonsense comes from.
        misbehaving_address,
        /// Valid cookies beyond the key exchanges that an address may have.
        address_budget,
        /// Strangers beyond what a flush answers.
        reply_queue_full,
        /// Valid cookies beyond what may wait for a key exchange.
        handshake_queue_full,
        /// For another core that does not exist or whose ring is full.
        misrouted,
        /// A datagram for a peer that could not be composed: the staging area is full.
        send_queue_full,
    }
}

counters! {
    /// What one endpoint did.
    EndpointStats {
        /// Datagrams handed in.
        datagrams_in,
        /// Bytes in those.
        bytes_in,
        /// Datagrams handed to the link.
        datagrams_out,
        /// Bytes in those.
        bytes_out,
        /// Messages given to the caller.
        messages_in,
        /// Messages taken from the caller.
        messages_out,
        /// Bytes that came from addresses not yet validated.
        unvalidated_bytes_in,
        /// Bytes sent to addresses not yet validated. Never more than came in.
        unvalidated_bytes_out,
        /// Connects received.
        connects_in,
        /// Cookies sent.
        cookies_out,
        /// Key exchanges done.
        handshakes,
        /// Connects of clients that have a connection already; answered with what they were answered before, if at all.
        handshakes_repeated,
        /// Refusals sent. Each is also counted by its reason.
        denied_out,
        /// Refusals of clients that speak another protocol version.
        denied_version,
        /// Refusals because all slots of the core are taken.
        denied_full,
        /// Refusals of clients that pin another server key.
        denied_key,
        /// Refusals of clients that have no cipher in common with the server.
        denied_cipher,
        /// Refusals because the server is draining.
        denied_draining,
        /// Refusals because only one of client and server uses a pre-shared key.
        denied_pre_shared_key,
        /// Refusals because more clients connect than the server lets in at a time; they were asked to wait.
        denied_busy,
        /// Datagrams of connections that had ended in order a moment before: they were on their way, or were copies of the
        /// last one.
        late_in,
        /// Connections whose client has proved its keys.
        joined,
        /// Connections that ended.
        left,
        /// Connections of those that ended in silence.
        timed_out,
        /// Key exchanges whose client never proved its keys.
        half_open_expired,
        /// Key exchanges whose client had not yet proved its keys when others needed the room.
        half_open_displaced,
        /// Connections that were ended because their network is denied now.
        denied,
        /// Authentic datagrams from another address than the connection's.
        path_changed,
        /// Connections that moved to another address, after it was validated.
        migrated,
        /// Sessions that went on over another connection.
        resumed,
        /// Connections that ended because their client did not keep up with reliable messages.
        overflowed,
        /// Connections that ended because memory was low and their messages held the most of it.
        memory_evicted,
        /// Silent connections whose slot went to a client that connected from the same address.
        silent_displaced,
        /// Datagrams given up as lost; what they carried of reliable messages was sent again.
        packets_lost,
        /// Integrity challenges.
        integrity_checks,
        /// Wrong answers to those.
        integrity_wrong,
        /// Times that a challenge was still not answered when the next was due.
        integrity_unanswered,
    }
}

counters! {
    /// What one connection did, at either end.
    ConnectionStats {
        /// Authentic datagrams received.
        datagrams_in,
        /// Datagrams sealed.
        datagrams_out,
        /// Bytes in datagrams received.
        bytes_in,
        /// Bytes in datagrams sealed.
        bytes_out,
        /// Pings answered by the peer.
        pongs_in,
        /// Datagrams refused because the peer sent more than it may.
        over_budget,
    }
}

impl ConnectionStats {
    /// Share of the peer's datagrams that never came, 0 to 1. A sender of reliable messages leaves out a number now and
    /// then, which shows as a loss of 0.05 %.
    pub fn loss(&self, highest_sequence: u64) -> f64 {
        if highest_sequence == 0 {
            return 0.0;
        }
        1.0 - (self.datagrams_in as f64 / highest_sequence as f64).min(1.0)
    }
}
