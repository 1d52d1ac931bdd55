//! quinn: QUIC. Datagrams (RFC 9221) for the echo; for the transfer a stream per client, with messages of a fixed size.
//!
//! Settings: the [defaults](https://docs.rs/quinn/0.11/quinn/struct.TransportConfig.html), with rustls on ring. The server has a
//! task per connection, as in quinn's [examples](https://github.com/quinn-rs/quinn/tree/main/quinn/examples), on a runtime of
//! one thread, because it has one CPU. It serves on arrival. The clients are quinn-proto, the same protocol without I/O.

mod client;
mod server;

pub use self::client::QuinnClient;
pub use self::server::serve;

/// The name in the server's certificate.
const SERVER_NAME: &str = "localhost";
/// The protocol that both ends offer.
const ALPN: &[u8] = b"peers";
