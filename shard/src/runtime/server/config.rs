//! What a server is started with, and which values are valid.

use crate::runtime::core::QUEUE_MAX;
use crate::runtime::datapath::Datapath;
use crate::runtime::idle::Strategy;
use crate::runtime::out_of_range::OutOfRange;
use crate::runtime::tick::TICKS_PER_SECOND;
use ringshard_link::socket::BUFFER_BYTES;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PreSharedKey, SecretKey, Suites};
use ringshard_protocol::endpoint::{IntegrityConfig, Policy};
use ringshard_protocol::limits::{
    CONNECTIONS_PER_CORE_MAX, CORES_MAX, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_MIN, PORT_DEFAULT, TIMEOUT_DEFAULT,
};
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

/// What the receive buffer of a socket holds by default: half of [`QUEUE_MAX`] if every slot is taken, and more if not.
const RECEIVE_BUFFER: Duration = Duration::from_millis(50);
/// What the kernel charges for a small datagram in a receive buffer, in bytes: its own structures, and the least memory that
/// it takes for the contents.
const BUFFERED_DATAGRAM_BYTES: u64 = 768;
/// Least size of a receive buffer, in bytes: a burst of as many datagrams as a turn takes from the kernel.
const RECEIVE_BUFFER_BYTES_MIN: usize = 256 << 10;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// CPUs to pin the cores to, one core each.
    pub cpus: Vec<usize>,
    /// The link to use.
    pub datapath: Datapath,
    /// How cores wait.
    pub idle: Strategy,
    /// Most connections, over all cores.
    pub connections_max: usize,
    /// Size of the send buffer of each socket, and the largest size of its receive buffer, in bytes.
    pub socket_buffer_bytes: usize,
    /// The receive buffer of each socket holds what all clients of its core send in this time.
    pub receive_buffer: Duration,
    /// Datagrams that have waited longer are dropped unread. None: no datagram is dropped for its age.
    pub queue_max: Option<Duration>,
    /// Whether the kernel timestamps arrivals. Without timestamps, the histogram `arrival_to_handled` stays empty.
    pub arrival_stamps: bool,
    /// AEADs that the server accepts.
    pub suites: Suites,
    /// Ping interval and timeout.
    pub heartbeat: HeartbeatConfig,
    /// The static key of the server.
    pub secret: SecretKey,
    /// The pre-shared key, mixed into every handshake if set.
    pub pre_shared: Option<PreSharedKey>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
    /// Memory for buffered messages, over all cores, in bytes.
    pub message_bytes_max: usize,
    /// How clients' integrity is checked, if at all.
    pub integrity: Option<IntegrityConfig>,
    /// Limits per address, and networks with rules of their own. It can change while the server runs.
    pub policy: Policy,
}

impl ServerConfig {
    /// A server with this key on port 3565 of all addresses and a core pinned to each of these CPUs. All other values are the
    /// defaults of `ringshard serve`, except that there are no limits per address.
    pub fn new(secret: SecretKey, cpus: Vec<usize>) -> Self {
        ServerConfig {
            listen: (Ipv6Addr::UNSPECIFIED, PORT_DEFAULT).into(),
            cpus,
            datapath: Datapath::Auto,
            idle: Strategy::Adaptive,
            connections_max: 16_384,
            socket_buffer_bytes: BUFFER_BYTES,
            receive_buffer: RECEIVE_BUFFER,
            queue_max: Some(QUEUE_MAX),
            arrival_stamps: true,
            suites: Suites::native(),
            heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
            secret,
            pre_shared: None,
            transport: TransportConfig::default(),
            message_bytes_max: 256 << 20,
            integrity: None,
            policy: Policy::default(),
        }
    }

    /// Size of the receive buffer of each socket, in bytes, for which the server asks the kernel. The kernel grants twice as
    /// much, for its own structures.
    pub fn receive_buffer_bytes(&self) -> usize {
        let clients = self.connections_max.div_ceil(self.cpus.len().max(1)) as u64;
        let datagrams = clients * u64::from(TICKS_PER_SECOND) * self.receive_buffer.as_millis() as u64 / 1_000;
        let bytes = (datagrams * BUFFERED_DATAGRAM_BYTES / 2) as usize;
        bytes.max(RECEIVE_BUFFER_BYTES_MIN).min(self.socket_buffer_bytes)
    }

    /// Checks that all values are in their ranges.
    ///
    /// # Errors
    /// The first value that is out of range, and its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        self.violations().into_iter().next().map_or(Ok(()), Err)
    }

    /// Every value that is out of range, and its range.
    pub fn violations(&self) -> Vec<OutOfRange> {
        let cores = self.cpus.len();
        let mut violations = Vec::new();
        let mut wrong = |settings, text| violations.push(OutOfRange { settings, text });
        if !(1..=CORES_MAX).contains(&cores) {
            wrong(&["cpus"], format!("cpus names {cores} processors; a server has 1 to {CORES_MAX}"));
        }
        let (connections, most) = (self.connections_max, cores * CONNECTIONS_PER_CORE_MAX);
        if !(1..=most).contains(&connections) {
            let text = format!("max-connections is {connections}; {cores} core(s) take 1 to {most}");
            wrong(&["max-connections", "cpus"], text);
        }
        let (memory, least) = (self.message_bytes_max >> 20, (cores * MESSAGE_MEMORY_BYTES_MIN) >> 20);
        if memory < least {
            let text = format!("message-memory-mib is {memory}; {cores} core(s) need {least} or more");
            wrong(&["message-memory-mib", "cpus"], text);
        }
        let HeartbeatConfig { interval, timeout } = self.heartbeat;
        if interval.as_millis() == 0 || timeout <= interval || timeout.as_millis() > u32::MAX.into() {
            let text = format!(
                "timeout-ms is {} and heartbeat-ms is {}; the timeout must be the longer one",
                timeout.as_millis(),
                interval.as_millis()
            );
            wrong(&["timeout-ms", "heartbeat-ms"], text);
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_buffer_holds_what_a_full_core_gets_in_its_time_within_bounds() {
        let config = |connections_max, cores, millis| ServerConfig {
            connections_max,
            receive_buffer: Duration::from_millis(millis),
            ..ServerConfig::new(SecretKey::from_bytes([1; 32]), (0..cores).collect())
        };
        let bytes = |connections_max, cores, millis| config(connections_max, cores, millis).receive_buffer_bytes();
        // 10,000 clients send 30,000 datagrams in 50 ms. The kernel doubles what it is asked for.
        assert_eq!(bytes(10_000, 1, 50), 30_000 * 768 / 2);
        assert_eq!(bytes(10_000, 4, 50), bytes(2_500, 1, 50));
        assert_eq!((bytes(1, 1, 1), bytes(1, 64, 50)), (RECEIVE_BUFFER_BYTES_MIN, RECEIVE_BUFFER_BYTES_MIN));
        assert_eq!(bytes(CONNECTIONS_PER_CORE_MAX * CORES_MAX, 1, 60_000), BUFFER_BYTES);
        let small = ServerConfig { socket_buffer_bytes: 64 << 10, ..config(10_000, 1, 50) };
        assert_eq!(small.receive_buffer_bytes(), 64 << 10, "the operator's limit is the last word");
    }
}
