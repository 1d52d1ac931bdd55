//! A client that is correct, except for what it sends in place of datagrams.

use super::super::crypto;
use super::browser::{Browser, channel};
use std::cell::Cell;
use std::time::Instant;
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};

/// Makes packets out of one that has the data of a message.
type Attack = fn(&[u8]) -> Vec<Vec<u8>>;

thread_local! {
    static ATTACK: Cell<Option<Attack>> = const { Cell::new(None) };
}

/// A client that sends what `attack` makes of its datagrams. There is one attack per thread.
pub(super) async fn attacker(attack: Attack) -> Browser {
    ATTACK.set(Some(attack));
    Browser::with(CryptoProvider { dtls_provider: &Provider, ..crypto::provider() }, &[channel()]).await
}

/// A DATA chunk.
pub(super) fn data(flags: u8, tsn: u32, stream: u16, number: u16, bytes: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend_from_slice(&stream.to_be_bytes());
    value.extend_from_slice(&number.to_be_bytes());
    value.extend_from_slice(&53_u32.to_be_bytes());
    value.extend_from_slice(bytes);
    chunk(0, flags, &value)
}

/// A chunk with padding.
pub(super) fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, flags];
    chunk.extend_from_slice(&u16::try_from(4 + value.len()).unwrap().to_be_bytes());
    chunk.extend_from_slice(value);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// A packet of the same association as `packet`, with these chunks.
pub(super) fn packet(packet: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut new = packet[..8].to_vec();
    new.extend_from_slice(&[0; 4]);
    new.extend(chunks.concat());
    let sum = crc32c(&new);
    new[8..12].copy_from_slice(&sum.to_le_bytes());
    new
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0x82f6_3b78 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

/// Whether the packet begins with a DATA chunk of a binary message.
fn has_message(packet: &[u8]) -> bool {
    packet.len() > 28 && packet[12] == 0 && packet[24..28] == [0, 0, 0, 53]
}

#[derive(Debug)]
struct Provider;

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        crypto::provider().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Session(crypto::provider().dtls_provider.new_dtls(certificate, now, version, mtu)?)))
    }
}

#[derive(Debug)]
struct Session(Box<dyn DtlsInstance>);

impl DtlsInstance for Session {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        match ATTACK.get() {
            Some(attack) if has_message(data) => {
                for packet in attack(data) {
                    self.0.send_application_data(&packet)?;
                }
                Ok(data.len())
            }
            _ => self.0.send_application_data(data),
        }
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
