//! Counters of the login door.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$about:meta])* $name:ident => $public:literal,)*) => {
        /// Counters of the login door since its start.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$about])* pub $name: AtomicU64,)* }

        impl Counters {
            /// Calls `visit` with the name and value of every counter.
            pub fn each(&self, visit: &mut dyn FnMut(&'static str, u64)) {
                $(visit($public, self.$name.load(Ordering::Relaxed));)*
            }
        }
    };
}

counters! {
    /// Connections accepted.
    connections => "services_login_connections",
    /// Connections refused because the door has `connections_max`.
    connections_full => "services_login_connections_full",
    /// Connections refused because their network has `connections_per_network_max`.
    connections_network_full => "services_login_connections_network_full",
    /// Connections refused because their network connects too fast.
    connections_fast => "services_login_connections_fast",
    /// Connections that could not be accepted, for example because the process has no file descriptor left.
    accept_failed => "services_login_accept_failed",
    /// TLS handshakes that failed.
    handshakes_failed => "services_login_handshakes_failed",
    /// TLS handshakes that took too long.
    handshakes_late => "services_login_handshakes_late",
    /// Connections closed because the headers of a request took too long.
    headers_late => "services_login_headers_late",
    /// Connections closed because they had no request for too long.
    connections_idle => "services_login_connections_idle",
    /// Connections cut because the client read too slowly.
    readers_slow => "services_login_readers_slow",
    /// Connections that ended with another error, such as one of the protocol.
    connections_failed => "services_login_connections_failed",
    /// Connections cut because they still ran when the time to drain was over.
    connections_cut => "services_login_connections_cut",
    /// Requests answered.
    requests => "services_login_requests",
    /// Requests answered with a status of 400 to 499.
    requests_refused => "services_login_requests_refused",
    /// Requests answered with a status of 500 or more.
    requests_failed => "services_login_requests_failed",
    /// Requests without a token, or with one that is not valid.
    unauthorized => "services_login_unauthorized",
    /// Bodies that were too long.
    bodies_long => "services_login_bodies_long",
    /// Bodies that took too long.
    bodies_late => "services_login_bodies_late",
    /// Bodies, and messages of WebSockets, that are not the JSON needed.
    bodies_malformed => "services_login_bodies_malformed",
    /// Requests whose answer took too long.
    answers_late => "services_login_answers_late",
    /// WebSockets opened.
    sockets => "services_login_sockets",
    /// WebSockets refused because their web page has an unknown origin.
    sockets_origin => "services_login_sockets_origin",
    /// WebSockets closed because they did not show a valid token in time.
    sockets_unauthorized => "services_login_sockets_unauthorized",
    /// WebSockets closed because their token is not valid any more.
    sockets_revoked => "services_login_sockets_revoked",
    /// WebSockets closed because they answered no ping.
    sockets_silent => "services_login_sockets_silent",
    /// Messages of WebSockets refused because they came too fast.
    socket_messages_fast => "services_login_socket_messages_fast",
    /// Certificates read again.
    certificates_loaded => "services_login_certificates_loaded",
    /// Certificates that could not be read again.
    certificates_failed => "services_login_certificates_failed",
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
