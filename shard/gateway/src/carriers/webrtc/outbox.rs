//! Packets that leave together.

use quinn_udp::{Transmit, UdpSocketState};
use std::io;
use std::net::SocketAddr;
use str0m::net::DatagramSend;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Largest number of bytes of one GSO send.
const RUN_BYTES_MAX: usize = 60_000;

/// Packets that leave with the next [`Outbox::flush`].
pub(super) struct Outbox {
    packets: Vec<(SocketAddr, DatagramSend)>,
    run: Vec<u8>,
    /// The socket takes IPv6 addresses alone, of which some stand for IPv4 addresses.
    is_ipv6: bool,
}

impl Outbox {
    /// For a socket with this address.
    pub(super) fn new(local: SocketAddr) -> Outbox {
        Outbox { packets: Vec::new(), run: Vec::new(), is_ipv6: local.is_ipv6() }
    }

    pub(super) fn push(&mut self, destination: SocketAddr, packet: DatagramSend) {
        let destination = match destination {
            SocketAddr::V4(v4) if self.is_ipv6 => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
            native => native,
        };
        self.packets.push((destination, packet));
    }

    /// Sends all packets. Successive packets of one size to one address are one GSO send. Returns how many were dropped because
    /// the socket's send buffer is full.
    pub(super) fn flush(&mut self, socket: &UdpSocket, state: &UdpSocketState) -> usize {
        let mut sent = 0;
        while sent < self.packets.len() {
            let run = run_length(&self.packets[sent..], state.max_gso_segments());
            if send(socket, state, &self.packets[sent..sent + run], &mut self.run).is_err() {
                break;
            }
            sent += run;
        }
        let dropped = self.packets.len() - sent;
        self.packets.clear();
        dropped
    }
}

/// How many of the first packets make one GSO send: one destination, one size, of which the last may have less.
fn run_length(packets: &[(SocketAddr, DatagramSend)], segments_max: usize) -> usize {
    let (destination, size) = (packets[0].0, packets[0].1.len());
    let longest = segments_max.min(RUN_BYTES_MAX / size.max(1)).max(1);
    let mut run = 1;
    for (next, packet) in packets.iter().take(longest).skip(1) {
        if *next != destination || packet.len() > size {
            break;
        }
        run += 1;
        if packet.len() < size {
            break;
        }
    }
    run
}

fn send(
    socket: &UdpSocket,
    state: &UdpSocketState,
    packets: &[(SocketAddr, DatagramSend)],
    run: &mut Vec<u8>,
) -> io::Result<()> {
    let (destination, first) = &packets[0];
    let contents = match packets {
        [_] => &first[..],
        _ => {
            run.clear();
            packets.iter().for_each(|(_, packet)| run.extend_from_slice(packet));
            &run[..]
        }
    };
    let segment_size = (packets.len() > 1).then_some(first.len());
    let transmit = Transmit { destination: *destination, ecn: None, contents, segment_size, src_ip: None };
    socket.try_io(Interest::WRITABLE, || state.send(socket.into(), &transmit))
}
