//! The file: pcapng, with an IP and a UDP header made up around each datagram.

use etherparse::PacketBuilder;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::{DataLink, PcapError};
use std::borrow::Cow;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};

/// Largest packet: a datagram with its headers.
const SNAP_BYTES: u32 = 2048;
/// Hops that a packet may still take, as made up as the rest of its header.
const HOPS: u8 = 64;
/// Nanoseconds, as the number of their decimals.
const NANOSECONDS: u8 = 9;

pub(super) struct File<W: Write> {
    writer: PcapNgWriter<W>,
    bytes: usize,
    server: SocketAddr,
    first: SystemTime,
    last: SystemTime,
}

impl<W: Write> File<W> {
    /// A file of what a server that listens there sends and receives, written to `out`.
    pub(super) fn new(server: SocketAddr, out: W) -> Result<Self, PcapError> {
        let mut writer = PcapNgWriter::new(out)?;
        writer.write_pcapng_block(InterfaceDescriptionBlock {
            linktype: DataLink::RAW,
            snaplen: SNAP_BYTES,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Owned(format!("ringshard {server}"))),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
            ],
        })?;
        let now = SystemTime::now();
        Ok(File { writer, bytes: 0, server, first: now, last: now })
    }

    /// Bytes of packets in it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands on what was written.
    pub(super) fn flush(&mut self) -> Result<(), PcapError> {
        self.writer.get_mut().flush().map_err(PcapError::IoError)
    }

    /// Adds a datagram that came from `peer`, or goes to it.
    pub(super) fn datagram(
        &mut self,
        at: SystemTime,
        inbound: bool,
        peer: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), PcapError> {
        let packet = packet(self.server, inbound, peer, datagram);
        self.last = at;
        self.packet(since_epoch(at), &packet)
    }

    /// Adds a packet as it is.
    pub(super) fn packet(&mut self, at: Duration, packet: &[u8]) -> Result<(), PcapError> {
        self.bytes += self.writer.write_pcapng_block(EnhancedPacketBlock {
            interface_id: 0,
            timestamp: at,
            original_len: packet.len() as u32,
            data: Cow::Borrowed(packet),
            options: Vec::new(),
        })?;
        Ok(())
    }

    /// Ends it, says in it how many datagrams it lacks, and gives back what it was written to.
    pub(super) fn finish(mut self, lost: u64) -> Result<W, PcapError> {
        let stamp = |at| since_epoch(at).as_nanos() as u64;
        self.writer.write_pcapng_block(InterfaceStatisticsBlock {
            interface_id: 0,
            timestamp: stamp(self.last),
            options: vec![
                InterfaceStatisticsOption::IsbStartTime(stamp(self.first)),
                InterfaceStatisticsOption::IsbEndTime(stamp(self.last)),
                InterfaceStatisticsOption::IsbIfDrop(lost),
            ],
        })?;
        Ok(self.writer.into_inner())
    }
}

fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The datagram in an IP packet. The server's own address is not known where it listens on all: it is then that of its
/// family's loopback.
fn packet(server: SocketAddr, inbound: bool, peer: SocketAddr, datagram: &[u8]) -> Vec<u8> {
    let peer_ip = peer.ip().to_canonical();
    let server_ip = match (server.ip().to_canonical(), peer_ip) {
        (ip, _) if !ip.is_unspecified() && ip.is_ipv4() == peer_ip.is_ipv4() => ip,
        (_, IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (_, IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
    };
    let (here, there) = (SocketAddr::new(server_ip, server.port()), SocketAddr::new(peer_ip, peer.port()));
    let (from, to) = if inbound { (there, here) } else { (here, there) };
    let builder = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), HOPS),
        (from, to) => PacketBuilder::ipv6(octets(from), octets(to), HOPS),
    };
    let mut packet = Vec::with_capacity(SNAP_BYTES as usize);
    builder
        .udp(from.port(), to.port())
        .write(&mut packet, datagram)
        .expect("a datagram fits a packet, and memory a packet");
    packet
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}
