//! What a balancer counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $about:literal])* $name:ident,)*) => {
        /// Counters of a balancer since its start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $about])* pub $name: Counter,)*
        }

        impl Counters {
            /// Calls `visit` with the name, the meaning and the value of every counter.
            pub fn each(&self, visit: &mut dyn FnMut(&'static str, &'static str, u64)) {
                $(visit(stringify!($name), concat!($($about),*).trim_ascii(), self.$name.get());)*
            }
        }
    };
}

counters! {
    /// Connections accepted.
    connections_accepted,
    /// Connections refused because there are as many as there may be, in all or from their address.
    connections_refused,
    /// Connections closed because there is no certificate, and they come neither from loopback nor from `trusted-proxies`.
    connections_exposed,
    /// Connections that could not be accepted, for example because the process has no file descriptor left.
    accept_failed,
    /// TLS handshakes that failed or took too long.
    handshakes_failed,
    /// Connections that ended with an error, such as a head of a request that is too long or too slow.
    connections_failed,
    /// Connections cut because the client read too slowly.
    readers_slow,
    /// Requests answered.
    requests,
    /// Requests refused because their address asks too fast.
    requests_limited,
    /// Requests whose address is too long, or whose fields are wrong.
    requests_malformed,
    /// Bodies that are too long, too slow, or not what is needed.
    bodies_refused,
    /// Requests refused because they need a token and have none, or a wrong one.
    unauthorized,
    /// Requests refused because their token may only read.
    forbidden,
    /// Clients sent to a host.
    routed,
    /// Clients told to wait.
    queued,
    /// Clients sent nowhere, for whatever reason.
    refused,
    /// Queue tickets, receipts and passes that no balancer of this fleet signed.
    forged,
    /// Queue tickets, receipts and passes that are too old, from the future, used up or of another client.
    stale,
    /// Reports of clients that could not reach a host.
    failures_reported,
    /// Hosts that are avoided because several clients could not reach them.
    hosts_avoided,
    /// Tickets that the login door made.
    tickets,
    /// Tickets that the login door refused to make, or did not make in time.
    tickets_failed,
    /// Changes by operators.
    changes,
    /// Changes that holders of tokens tried, and that were refused or could not be made.
    changes_failed,
    /// Lines of the audit that could not be written.
    audit_failed,
    /// Times that the directory was taken in.
    directories,
    /// Policies taken.
    policies,
    /// Policies that could not be taken.
    policies_failed,
    /// Files of tokens that could not be taken.
    tokens_failed,
    /// Location databases read.
    locations,
    /// Location databases that could not be read.
    locations_failed,
    /// Certificates that could not be read again.
    certificates_failed,
}
