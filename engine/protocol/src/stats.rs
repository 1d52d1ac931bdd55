//! Counters: one per outcome, one per drop reason. No drop goes uncounted.

/// Declares a struct of counters, which can be listed by name and summed.
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

            /// Adds the counts of `other`.
            pub fn add(&mut self, other: &$name) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counters! {
    /// Why datagrams or messages were dropped.
    Drops {
        /// Shorter than a header, or longer than the largest datagram.
        bad_size,
        /// Unencrypted packet with a wrong checksum, an unknown type or value, or a wrong length.
        malformed,
        /// Unencrypted packet sent to the wrong end, or too late.
        unexpected,
        /// No such connection here, or it is gone.
        unknown_connection,
        /// Flags or channel that the connection's state does not allow.
        wrong_flags,
        /// Received before, or too old to tell.
        replayed,
        /// Does not open with the connection's key.
        not_authentic,
        /// A frame that was delimited but not understood. The other frames of the datagram were read.
        bad_frame,
        /// Has messages that must be kept, and memory is low. Treated as lost in transit.
        no_memory,
        /// A sequenced message that is older than one that was delivered.
        outdated,
        /// An unreliable message given up because fragments of it never arrived.
        fragments_abandoned,
        /// A fragment of an unreliable message while the most messages are being reassembled already.
        fragments_refused,
        /// A message that does not decompress to its stated size. Its connection ends.
        bad_compression,
        /// An acknowledgment of a packet that was not sent. Its connection ends.
        impossible_ack,
        /// A reliable message beyond the window. Its connection ends.
        beyond_window,
        /// A public key in a rekey that no correct peer sends. Its connection ends.
        weak_key,
        /// A request for new keys that came too soon, during another rekey, or when too many connections asked.
        rekey_refused,
        /// An unreliable message beyond the rate of its channel or connection.
        rate_limited,
        /// A datagram of a client that sends more than it may. Treated as lost in transit.
        over_budget,
        /// From a denied network.
        denied_address,
        /// A forwarded datagram that no known gateway has written.
        forged_gateway,
        /// A Connect without a cookie, from an address that sends many malformed packets, while the reply queue was
        /// full.
        misbehaving_address,
        /// A valid cookie beyond the key exchanges that its address may have.
        address_budget,
        /// A reply to an unknown address that was not sent: the reply queue, or the link, was full.
        reply_queue_full,
        /// A valid cookie beyond those that may wait for a key exchange.
        handshake_queue_full,
        /// Waited too long in the queue of an overloaded core. Not read.
        too_old,
        /// Of a connection that sent more than its share while the core was overloaded. Not read.
        over_share,
        /// For another core that does not exist, or whose ring is full.
        misrouted,
        /// A datagram for a peer that could not be composed: the send queue is full.
        send_queue_full,
    }
}

counters! {
    /// What one endpoint did.
    EndpointStats {
        /// Datagrams received.
        datagrams_in,
        /// Bytes of those.
        bytes_in,
        /// Datagrams handed to the link.
        datagrams_out,
        /// Bytes of those.
        bytes_out,
        /// Messages delivered to the caller.
        messages_in,
        /// Messages taken from the caller.
        messages_out,
        /// Bytes from addresses that are not validated.
        unvalidated_bytes_in,
        /// Bytes to addresses that are not validated. Never more than came in.
        unvalidated_bytes_out,
        /// Connects received.
        connects_in,
        /// Cookies sent.
        cookies_out,
        /// Key exchanges done.
        handshakes,
        /// Connects of clients that have a connection already. They get the same answer as before, or none.
        handshakes_repeated,
        /// Denials sent. Each is also counted by its reason.
        denied_out,
        /// Denials of clients with another protocol version.
        denied_version,
        /// Denials because all slots of the core are taken.
        denied_full,
        /// Denials of clients that pin another server key.
        denied_key,
        /// Denials of clients that have no cipher in common with the server.
        denied_cipher,
        /// Denials because the server is draining.
        denied_draining,
        /// Denials because only one of client and server uses a pre-shared key.
        denied_pre_shared_key,
        /// Denials because more clients connect than the server admits at a time. They were asked to wait.
        denied_busy,
        /// Datagrams of connections that had just ended in order: late ones, or copies of the last one.
        late_in,
        /// Connections whose client has proved its keys.
        joined,
        /// Connections that ended.
        left,
        /// Connections that ended because the client was silent.
        timed_out,
        /// Connections whose client did not prove its keys in time.
        half_open_expired,
        /// Connections whose client had not proved its keys yet when another client needed the slot.
        half_open_displaced,
        /// Connections that ended because their network is denied now.
        denied,
        /// Authentic datagrams from another address than the connection's.
        path_changed,
        /// Connections that moved to another address, after it was validated.
        migrated,
        /// Sessions that were resumed over another connection.
        resumed,
        /// Connections that ended because their client did not keep up with reliable messages.
        overflowed,
        /// Connections that ended because memory was low and their messages held the most of it.
        memory_evicted,
        /// Silent connections whose slot went to a client that connected from the same address.
        silent_displaced,
        /// Datagrams lost in transit. Their reliable messages were sent again.
        packets_lost,
        /// Integrity challenges sent.
        integrity_checks,
        /// Wrong answers to integrity challenges.
        integrity_wrong,
        /// Integrity challenges that were not answered when the next one was due.
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
        /// Pings that the peer answered.
        pongs_in,
        /// Datagrams dropped because the peer exceeded its limits.
        over_budget,
    }
}

impl ConnectionStats {
    /// Share of the peer's datagrams that were lost, 0 to 1. The sequence numbers that a sender skips
    /// (PROTOCOL.md#sequence) show as a loss of 0.05 %.
    pub fn loss(&self, highest_sequence: u64) -> f64 {
        if highest_sequence == 0 {
            return 0.0;
        }
        1.0 - (self.datagrams_in as f64 / highest_sequence as f64).min(1.0)
    }
}
