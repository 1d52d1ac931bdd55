//! Clients over raw QUIC and WebTransport.

use super::Tally;
use crate::Outcome;
use crate::options::Kind;
use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, spawn_local};
use web_transport_quinn::Session;

/// The first byte of a WebTransport datagram: the connection's only session.
const SESSION: u8 = 0;

pub struct Client {
    connection: Connection,
    /// It ends when this is dropped.
    session: Option<Session>,
    reader: AbortHandle,
}

impl Client {
    pub async fn connect(endpoint: &Endpoint, kind: Kind, address: SocketAddr, tally: Rc<Tally>) -> Outcome<Client> {
        let connection = endpoint.connect(address, "localhost")?.await?;
        let session = match kind {
            Kind::Webtransport => Some(open_session(connection.clone(), address).await?),
            _ => None,
        };
        let reader = spawn_local(read(connection.clone(), usize::from(session.is_some()), tally)).abort_handle();
        Ok(Client { connection, session, reader })
    }

    pub fn send(&self, datagram: &[u8]) -> bool {
        let mut bytes = Vec::with_capacity(1 + datagram.len());
        if self.session.is_some() {
            bytes.push(SESSION);
        }
        bytes.extend_from_slice(datagram);
        self.connection.send_datagram(Bytes::from(bytes)).is_ok()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
        self.connection.close(0_u32.into(), b"");
    }
}

/// Asks for a WebTransport session.
pub async fn open_session(connection: Connection, address: SocketAddr) -> Outcome<Session> {
    let url = format!("https://localhost:{}/v1/servers/echo/webtransport", address.port()).parse::<url::Url>()?;
    Ok(Session::connect(connection, url).await?)
}

async fn read(connection: Connection, prefix: usize, tally: Rc<Tally>) {
    while let Ok(datagram) = connection.read_datagram().await {
        tally.receive(datagram.get(prefix..).unwrap_or_default());
    }
    tally.count_ended();
}

/// An endpoint at this address. It trusts the certificates of a PEM file.
pub fn endpoint(from: IpAddr, kind: Kind, certificate: &Path) -> Outcome<Endpoint> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate)? {
        roots.add(certificate?)?;
    }
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![if kind == Kind::Quic { b"ringshard/1".to_vec() } else { b"h3".to_vec() }];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = TransportConfig::default();
    transport.initial_mtu(1_250).mtu_discovery_config(None).max_idle_timeout(Some(Duration::from_secs(60).try_into()?));
    config.transport_config(Arc::new(transport));
    let mut endpoint = Endpoint::client(SocketAddr::new(from, 0))?;
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}
