//! The process under measurement: the gateway, or a bare echo of the library that carries the datagrams.

use crate::Outcome;
use crate::options::{Options, Role};
use crate::process::Ready;
use futures_util::{SinkExt, StreamExt};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, MtuDiscoveryConfig, ServerConfig, TokioRuntime, TransportConfig};
use ringshard_certificates::{CertificateSource, Certificates};
use ringshard_gateway::settings::{LimitSettings, ServerEntry, Settings};
use ringshard_gateway::{Carrier, Gateway};
use ringshard_protocol::crypto::SecretKey;
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use web_transport_quinn::Request;

/// Loopback, on a free port.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Buffers of a UDP socket, as the gateway has them.
const BUFFER_BYTES: usize = 4 << 20;

/// Serves until the input ends.
pub fn run(role: Role, options: &Options) -> Outcome<()> {
    let folder = options.folder.as_deref().ok_or("the process of a server needs --folder")?;
    if role == Role::Gateway {
        let gateway =
            Gateway::start(settings(options.target.ok_or("the process of a gateway needs --target")?, folder))?;
        return answer(gateway.listen(), || counters(&gateway));
    }
    let (ready, readiness) = std::sync::mpsc::channel();
    let folder = folder.to_owned();
    std::thread::spawn(move || serve_bare(role, &folder, &ready).expect("the bare echo serves"));
    answer(readiness.recv()?, BTreeMap::new)
}

/// Says where it listens, and tells the counters whenever it is asked.
fn answer(listen: SocketAddr, counters: impl Fn() -> BTreeMap<&'static str, u64>) -> Outcome<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", serde_json::to_string(&Ready { listen })?)?;
    for line in std::io::stdin().lock().lines() {
        line?;
        writeln!(output, "{}", serde_json::to_string(&counters())?)?;
    }
    Ok(())
}

fn counters(gateway: &Gateway) -> BTreeMap<&'static str, u64> {
    let mut sums = BTreeMap::new();
    for counters in gateway.control().counters() {
        counters.each(&mut |name, _, value| *sums.entry(name).or_insert(0) += value);
    }
    sums
}

/// The gateway's default settings, but for one thread, and limits per address for floods alone: they come from 127.0.1.x.
fn settings(server: SocketAddr, folder: &Path) -> Settings {
    let key = SecretKey::from_bytes([7; 32]).public();
    Settings {
        listen: ANY,
        webrtc_port: 0,
        servers: vec![ServerEntry { name: "echo".to_owned(), address: server, key, bulk: None }],
        carriers: Carrier::ALL.to_vec(),
        development_folder: folder.to_owned(),
        threads: 1,
        admin: None,
        allow: vec!["127.0.0.1/32".parse().expect("it is a network")],
        limits: LimitSettings::default(),
        ..Settings::default()
    }
}

fn serve_bare(role: Role, folder: &Path, ready: &Sender<SocketAddr>) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match role {
            Role::BareWebsocket => serve_websocket(ready).await,
            Role::BareWebtransport => serve_quic(endpoint(folder, b"h3")?, ready, true).await,
            _ => serve_quic(endpoint(folder, b"ringshard/1")?, ready, false).await,
        }
    })
}

async fn serve_websocket(ready: &Sender<SocketAddr>) -> Outcome<()> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&ANY.into())?;
    socket.listen(1024)?;
    let listener = TcpListener::from_std(socket.into())?;
    ready.send(listener.local_addr()?)?;
    // The gateway's buffers, so that memory and system calls compare.
    let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        spawn_local(async move {
            let Ok(mut socket) = tokio_tungstenite::accept_hdr_async_with_config(stream, agree, Some(config)).await
            else {
                return;
            };
            while let Some(Ok(message)) = socket.next().await {
                if !message.is_binary() || socket.send(message).await.is_err() {
                    return;
                }
            }
        });
    }
}

type HttpRequest = tokio_tungstenite::tungstenite::handshake::server::Request;
type HttpAnswer = tokio_tungstenite::tungstenite::handshake::server::Response;
type HttpRefusal = tokio_tungstenite::tungstenite::handshake::server::ErrorResponse;

/// Takes the subprotocol of the clients.
#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "tungstenite wants this signature")]
fn agree(_: &HttpRequest, mut answer: HttpAnswer) -> Result<HttpAnswer, HttpRefusal> {
    answer.headers_mut().insert("sec-websocket-protocol", "ringshard.1".parse().expect("it is a header"));
    Ok(answer)
}

/// A QUIC endpoint with the packet sizes and buffers of the gateway.
fn endpoint(folder: &Path, alpn: &[u8]) -> Outcome<Endpoint> {
    let source = CertificateSource::ShortLived { folder: folder.to_owned(), names: Vec::new() };
    let certificates = Arc::new(Certificates::open(&source)?);
    let crypto = QuicServerConfig::try_from(certificates.tls(&[alpn]))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    let mut probing = MtuDiscoveryConfig::default();
    probing.upper_bound(1472);
    transport.initial_mtu(1250).mtu_discovery_config(Some(probing));
    transport.max_idle_timeout(Some(Duration::from_secs(60).try_into()?));
    config.transport_config(Arc::new(transport));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    socket.set_send_buffer_size(BUFFER_BYTES)?;
    socket.bind(&ANY.into())?;
    let socket = UdpSocket::from(socket);
    Ok(Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?)
}

async fn serve_quic(endpoint: Endpoint, ready: &Sender<SocketAddr>, in_session: bool) -> Outcome<()> {
    ready.send(endpoint.local_addr()?)?;
    while let Some(incoming) = endpoint.accept().await {
        spawn_local(async move {
            let Ok(connection) = incoming.await else { return };
            if in_session {
                let Ok(request) = Request::accept(connection).await else { return };
                let Ok(session) = request.ok().await else { return };
                while let Ok(datagram) = session.read_datagram().await {
                    if session.send_datagram(datagram).is_err() {
                        return;
                    }
                }
            } else {
                while let Ok(datagram) = connection.read_datagram().await {
                    if connection.send_datagram(datagram).is_err() {
                        return;
                    }
                }
            }
        });
    }
    Ok(())
}
