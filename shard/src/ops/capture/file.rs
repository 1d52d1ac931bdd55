//! The file of a capture: pcapng, with an invented IP and UDP header around each datagram.

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
/// The invented hop limit.
const HOPS: u8 = 64;
/// Decimals of a time stamp in nanoseconds.
const NANOSECOND_DECIMALS: u8 = 9;

pub(super) struct File<W: Write> {
    writer: PcapNgWriter<W>,
    bytes: usize,
    server: SocketAddr,
    first: SystemTime,
    last: SystemTime,
}

impl<W: Write> File<W> {
    /// A file, written to `out`, of what a server that listens on this address sends and receives.
    pub(super) fn new(server: SocketAddr, out: W) -> Result<Self, PcapError> {
        let mut writer = PcapNgWriter::new(out)?;
        writer.write_pcapng_block(InterfaceDescriptionBlock {
            linktype: DataLink::RAW,
            snaplen: SNAP_BYTES,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Owned(format!("ringshard {server}"))),
                InterfaceDescriptionOption::IfTsResol(NANOSECOND_DECIMALS),
            ],
        })?;
        let now = SystemTime::now();
        Ok(File { writer, bytes: 0, server, first: now, last: now })
    }

    /// Bytes of packets so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Flushes what was written.
    pub(super) fn flush(&mut self) -> Result<(), PcapError> {
        self.writer.get_mut().flush().map_err(PcapError::IoError)
    }

    /// Adds a datagram from or to `peer`.
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

    /// Adds a packet with its headers.
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

    /// Writes how many datagrams are missing, and returns what the file was written to.
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

/// The datagram in an IP packet. If the server listens on all addresses, its own is not known, and loopback takes its place.
fn packet(server: SocketAddr, inbound: bool, peer: SocketAddr, datagram: &[u8]) -> Vec<u8> {
    let peer_ip = peer.ip().to_canonical();
    let server_ip = match (server.ip().to_canonical(), peer_ip) {
        (ip, _) if !ip.is_unspecified() && ip.is_ipv4() == peer_ip.is_ipv4() => ip,
        (_, IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (_, IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
    };
    let (server, client) = (SocketAddr::new(server_ip, server.port()), SocketAddr::new(peer_ip, peer.port()));
    let (from, to) = if inbound { (client, server) } else { (server, client) };
    let builder = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), HOPS),
        (from, to) => PacketBuilder::ipv6(octets(from), octets(to), HOPS),
    };
    assert!(datagram.len() <= SNAP_BYTES as usize, "a datagram is longer than a packet of the capture");
    let mut packet = Vec::with_capacity(SNAP_BYTES as usize);
    builder.udp(from.port(), to.port()).write(&mut packet, datagram).expect("a datagram fits into a packet");
    packet
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}
