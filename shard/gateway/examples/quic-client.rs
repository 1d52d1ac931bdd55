//! A native client that reaches its server over QUIC, through a gateway: for networks that pass QUIC and nothing else.
//!
//! ```sh
//! target/release/ringshard gateway --server arena=127.0.0.1:3565,PUBLIC_KEY
//! cargo run --example quic-client -p ringshard-gateway -- 127.0.0.1:3568 PUBLIC_KEY gateway-tls/short-lived.pem
//! ```
//!
//! The third argument is a PEM file with the certificates to trust: in development, the gateway's own. The client sends a
//! message ten times a second, prints what the server echoes, and every few seconds what QUIC knows of the path.
//!
//! A client over QUIC is [`Client`], which does no I/O, and these few rules:
//!
//! - The TLS handshake names the protocol `ringshard/1`. The first label of the host name may name the server.
//! - Each QUIC datagram is one Ringshard datagram, in both directions. One that does not fit is lost: the client finds out
//!   how large datagrams may be, as over UDP. Packets of at least 1,239 bytes carry datagrams of 1,200 bytes.
//! - Streams that the client opens are bulk streams: the gateway connects each to the server's login door. The client speaks
//!   TLS with the door over the stream, as over TCP.
//! - When the host's address changes, QUIC moves the connection. The client need not know.

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig as QuicConfig, Connection, Endpoint, TransportConfig};
use ringshard_client::protocol::client::{Client, ClientEvent};
use ringshard_client::protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_client::protocol::time::Instant;
use ringshard_client::{Channel, ClientConfig, PublicKey};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Packets are this large until QUIC has probed the path: a Ringshard datagram of 1,200 bytes fits.
const PACKET_BYTES: u16 = 1_250;
const MESSAGE_PERIOD: Duration = Duration::from_millis(100);
/// Messages between two lines about the path.
const REPORT_EVERY: u64 = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: quic-client GATEWAY:PORT SERVER_PUBLIC_KEY CERTIFICATES.pem");
    let gateway: SocketAddr = argument()?.parse()?;
    let key = PublicKey::from_hex(&argument()?)?;
    let quic = quic_config(&argument()?)?;

    let mut endpoint = Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into())?;
    endpoint.set_default_client_config(quic);
    let connection = endpoint.connect(gateway, "localhost")?.await?;
    println!("QUIC is connected, round trip {:?}", connection.rtt());

    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let client = Client::new(ClientConfig::new(key), Instant::ZERO, seed)?;
    play(client, &connection).await
}

/// Trusts the certificates of a PEM file.
fn quic_config(certificates: &str) -> Result<QuicConfig, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificates)? {
        roots.add(certificate?)?;
    }
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"ringshard/1".to_vec()];
    let mut config = QuicConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = TransportConfig::default();
    transport.initial_mtu(PACKET_BYTES);
    config.transport_config(Arc::new(transport));
    Ok(config)
}

async fn play(mut client: Client, connection: &Connection) -> Result<(), Box<dyn Error>> {
    let start = std::time::Instant::now();
    let now = || Instant::ZERO + start.elapsed();
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    let mut ticks = tokio::time::interval(MESSAGE_PERIOD);
    let mut sent = 0;
    loop {
        client.advance(now());
        while let Some(length) = client.poll_transmit(now(), &mut buffer) {
            // What QUIC does not take is lost, as over UDP.
            let _ = connection.send_datagram(buffer[..length].to_vec().into());
        }
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Closed(reason) => return Err(reason.into()),
                event => println!("{event:?}"),
            }
        }
        let due = client.deadline().since(now());
        tokio::select! {
            datagram = connection.read_datagram() => receive(&mut client, now(), &mut datagram?.to_vec()),
            () = tokio::time::sleep(due) => {}
            _ = ticks.tick() => if client.is_connected() {
                client.send(now(), Channel::RELIABLE_ORDERED, format!("message {sent}").as_bytes())?;
                sent += 1;
                if sent % REPORT_EVERY == 0 {
                    let path = connection.stats().path;
                    println!("round trip {:?}, {} of {} packets lost", path.rtt, path.lost_packets, path.sent_packets);
                }
            },
        }
    }
}

fn receive(client: &mut Client, now: Instant, datagram: &mut [u8]) {
    for message in client.receive(now, datagram).into_iter().flatten() {
        println!("{}", String::from_utf8_lossy(message.bytes));
    }
    let mut message = Vec::new();
    while client.read(&mut message).is_some() {
        println!("{}", String::from_utf8_lossy(&message));
    }
}
