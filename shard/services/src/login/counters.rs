//! Counters of the login door.

use crate::counters::counters;

counters! {
    /// Counters of the login door since its start.
    "services_login_":
    /// Connections accepted.
    connections,
    /// Connections refused because the door has `connections_max`.
    connections_full,
    /// Connections refused because their network has `connections_per_network_max`.
    connections_network_full,
    /// Connections refused because their network connects too fast.
    connections_fast,
    /// Connections of proxies that did not begin with a header of the PROXY protocol in time.
    proxy_headers_failed,
    /// Connections that could not be accepted, for example because the process has no file descriptor left.
    accept_failed,
    /// TLS handshakes that failed.
    handshakes_failed,
    /// TLS handshakes that took too long.
    handshakes_late,
    /// Connections closed because the headers of a request took too long.
    headers_late,
    /// Connections closed because they had no request for too long.
    connections_idle,
    /// Connections cut because the client read too slowly.
    readers_slow,
    /// Connections that ended with another error, such as one of the protocol.
    connections_failed,
    /// Connections cut because they still ran when the time to drain was over.
    connections_cut,
    /// Requests answered.
    requests,
    /// Requests answered with a status of 400 to 499.
    requests_refused,
    /// Requests answered with a status of 500 or more.
    requests_failed,
    /// Requests without a token, or with one that is not valid.
    unauthorized,
    /// Bodies that were too long.
    bodies_long,
    /// Bodies that took too long.
    bodies_late,
    /// Bodies, and messages of WebSockets, that are not the JSON needed.
    bodies_malformed,
    /// Requests whose answer took too long.
    answers_late,
    /// WebSockets opened.
    sockets,
    /// WebSockets refused because their web page has an unknown origin.
    sockets_origin,
    /// WebSockets closed because they did not show a valid token in time.
    sockets_unauthorized,
    /// WebSockets closed because their token is not valid any more.
    sockets_revoked,
    /// WebSockets closed because they answered no ping.
    sockets_silent,
    /// Messages of WebSockets refused because they came too fast.
    socket_messages_fast,
    /// Certificates read again.
    certificates_loaded,
    /// Certificates that could not be read again.
    certificates_failed,
}
