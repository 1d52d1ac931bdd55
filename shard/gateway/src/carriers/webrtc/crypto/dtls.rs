//! DTLS 1.2 by dimpl, as str0m wants it.

use super::primitives;
use crate::carriers::webrtc::inbound::Inbound;
use dimpl::{Config, Dtls};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use str0m::config::{DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};

/// The largest UDP payload of a handshake. Datagrams of a session are larger, and are not cut by DTLS.
const HANDSHAKE_PACKET_BYTES: usize = 1_200;
/// When a flight of the handshake is first repeated. RFC 6347 says a second, but a player waits.
const REPEAT_FIRST: Duration = Duration::from_millis(250);
/// How often a flight is repeated, each time after twice as long.
const REPEATS: usize = 5;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// One configuration for all peers. Making it runs dimpl's known-answer tests, which take longer than a handshake.
static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let config = Config::builder()
        .with_crypto_provider(primitives::provider())
        // DTLS is taken from proven addresses only: a cookie would prove nothing more.
        .use_server_cookie(false)
        .mtu(HANDSHAKE_PACKET_BYTES)
        .flight_start_rto(REPEAT_FIRST)
        .flight_retries(REPEATS)
        .handshake_timeout(HANDSHAKE)
        .build();
    Arc::new(config.expect("ring gives the known answers of DTLS"))
});

#[derive(Debug)]
pub(super) struct Provider;

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        let key = rcgen::KeyPair::generate().ok()?;
        let certificate = rcgen::CertificateParams::default().self_signed(&key).ok()?;
        Some(DtlsCert { certificate: certificate.der().to_vec(), private_key: key.serialize_der() })
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let dtls = Dtls::new_12(CONFIG.clone(), certificate.clone(), now);
        Ok(Box::new(Session { dtls, inbound: Inbound::new(now) }))
    }
}

/// Whether a record of the packet is an alert that is not encrypted: its epoch is 0 (RFC 6347, section 4.1).
fn has_plain_alert(packet: &[u8]) -> bool {
    const HEADER_BYTES: usize = 13;
    const ALERT: u8 = 21;
    let mut rest = packet;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
        if header[0] == ALERT && header[3..5] == [0, 0] {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        rest = after.get(length..).unwrap_or_default();
    }
    false
}

/// One side of a DTLS connection. It keeps the keys for media to itself, and passes only what a data channel needs.
struct Session {
    dtls: Dtls,
    inbound: Inbound,
}

impl Session {
    /// The gateway is the passive side. The active one, in tests, plays the client.
    fn passes(&mut self, data: &[u8]) -> bool {
        self.dtls.is_active() || self.inbound.passes(data, Instant::now())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

impl DtlsInstance for Session {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        // Anybody can write an alert in plain text, and dimpl ends a handshake for it. A client that gives up is late instead.
        if has_plain_alert(packet) { Ok(()) } else { self.dtls.handle_packet(packet) }
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        match self.dtls.poll_output(buffer) {
            // dimpl has said `Connected` before, and str0m ignores the second one.
            DtlsOutput::KeyingMaterial(..) => DtlsOutput::Connected,
            // str0m ignores an empty packet.
            DtlsOutput::ApplicationData(data) if !self.passes(data) => DtlsOutput::ApplicationData(&[]),
            output => output,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        let sent = self.dtls.send_application_data(data)?;
        if sent > 0 && !self.dtls.is_active() {
            self.inbound.sends(data);
        }
        Ok(sent)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
