//! DTLS 1.2 by dimpl, as str0m wants it.

use super::primitives;
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
        // A peer has answered a STUN check of its address before: a cookie would prove nothing more.
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
        Ok(Box::new(Session { dtls: Dtls::new_12(CONFIG.clone(), certificate.clone(), now) }))
    }
}

/// One side of a DTLS connection. It keeps the keys for media to itself.
struct Session {
    dtls: Dtls,
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
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        match self.dtls.poll_output(buffer) {
            // dimpl has said `Connected` before, and str0m ignores the second one.
            DtlsOutput::KeyingMaterial(..) => DtlsOutput::Connected,
            output => output,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
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
