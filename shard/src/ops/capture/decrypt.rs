//! Decrypts the datagrams of a capture, with the traffic secrets from the server.

use super::file::File;
use super::key_log;
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use pcap_file::pcapng::{Block, PcapNgReader};
use ringshard_protocol::connection::nonce;
use ringshard_protocol::crypto::{AeadKey, noise};
use ringshard_protocol::limits::HEADER_BYTES;
use ringshard_protocol::wire::{Header, flags};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Keys by core, slot and key phase. A slot may have had several connections, and a connection several ids.
#[derive(Debug, Default)]
pub struct Secrets(HashMap<(u8, u16, u8), Vec<Keys>>);

#[derive(Debug)]
struct Keys {
    client_to_server: AeadKey,
    server_to_client: AeadKey,
}

/// A line that does not belong into a key log.
#[derive(Debug, thiserror::Error)]
#[error("line {0} is not a traffic secret: {1}; `ringshard capture --key-log` makes key logs")]
pub struct BadLine(usize, String);

impl Secrets {
    /// Parses a key log.
    ///
    /// # Errors
    /// The first wrong line.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut secrets = Secrets::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line = key_log::parse(line).map_err(|why| BadLine(index + 1, why))?;
            let halves = noise::Secrets::from_split(line.client_to_server, line.server_to_client);
            let (client_to_server, server_to_client) = halves.traffic_keys(line.suite);
            let keys = secrets.0.entry((line.id.core(), line.id.slot(), line.phase)).or_default();
            keys.push(Keys { client_to_server, server_to_client });
        }
        Ok(secrets)
    }
}

/// A decrypted capture.
#[derive(Clone, Debug)]
pub struct Decrypted {
    /// The capture. In each opened datagram, the flag for encryption is cleared and the tag removed.
    pub file: Vec<u8>,
    /// Datagrams that were decrypted.
    pub opened: u64,
    /// Datagrams whose secrets are missing: they stay encrypted.
    pub sealed: u64,
    /// Datagrams that were not encrypted: handshakes.
    pub clear: u64,
}

/// Decrypts a capture of a server that listens on `port`, as far as the secrets allow.
///
/// # Errors
/// The file is not a capture.
pub fn decrypt(capture: &[u8], secrets: &Secrets, port: u16) -> Result<Decrypted, pcap_file::PcapError> {
    let mut reader = PcapNgReader::new(capture)?;
    let mut file = File::new(SocketAddr::from(([0, 0, 0, 0], port)), Vec::new())?;
    let mut decrypted = Decrypted { file: Vec::new(), opened: 0, sealed: 0, clear: 0 };
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block? else { continue };
        let counter = match open(&packet.data, secrets, port) {
            Outcome::Opened(opened) => {
                file.packet(packet.timestamp, &opened)?;
                &mut decrypted.opened
            }
            outcome => {
                file.packet(packet.timestamp, &packet.data)?;
                if matches!(outcome, Outcome::Clear) { &mut decrypted.clear } else { &mut decrypted.sealed }
            }
        };
        *counter += 1;
    }
    decrypted.file = file.finish(0)?;
    Ok(decrypted)
}

enum Outcome {
    Opened(Vec<u8>),
    Sealed,
    Clear,
}

fn open(packet: &[u8], secrets: &Secrets, port: u16) -> Outcome {
    let Ok(SlicedPacket { net: Some(net), transport: Some(TransportSlice::Udp(udp)), .. }) =
        SlicedPacket::from_ip(packet)
    else {
        return Outcome::Clear;
    };
    let mut datagram = udp.payload().to_vec();
    let Ok(header) = Header::decode(&datagram) else { return Outcome::Clear };
    if header.flags & flags::ENCRYPTED == 0 {
        return Outcome::Clear;
    }
    let inbound = udp.destination_port() == port;
    let of_slot = (header.connection.core(), header.connection.slot(), header.flags & flags::REKEY);
    let Some(frames) = secrets.0.get(&of_slot).into_iter().flatten().find_map(|keys| {
        let key = if inbound { &keys.client_to_server } else { &keys.server_to_client };
        // A failed attempt overwrites its input.
        let mut sealed = datagram[HEADER_BYTES..].to_vec();
        let nonce = nonce(header.connection, header.sequence);
        key.open(nonce, &datagram[..HEADER_BYTES], &mut sealed).ok().map(|frames| frames.to_vec())
    }) else {
        return Outcome::Sealed;
    };
    datagram.truncate(HEADER_BYTES);
    datagram[5] &= !flags::ENCRYPTED;
    datagram.extend_from_slice(&frames);
    let builder = match &net {
        NetSlice::Ipv4(ip) => PacketBuilder::ipv4(ip.header().source(), ip.header().destination(), ip.header().ttl()),
        NetSlice::Ipv6(ip) => {
            PacketBuilder::ipv6(ip.header().source(), ip.header().destination(), ip.header().hop_limit())
        }
        _ => return Outcome::Sealed,
    };
    let mut opened = Vec::with_capacity(packet.len());
    match builder.udp(udp.source_port(), udp.destination_port()).write(&mut opened, &datagram) {
        Ok(()) => Outcome::Opened(opened),
        Err(_) => Outcome::Sealed,
    }
}
