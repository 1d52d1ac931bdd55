//! A gateway with QUIC alone, and clients that trust its certificate.

use super::super::{Keys, Quic, steer};
use super::server::public_key;
use crate::counters::{Counter, Counters};
use crate::limits::Limits;
use crate::settings::{ServerEntry, Settings};
use crate::thread::{ConnectionRow, Order, Orders, Thread};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint, TransportConfig};
use ringshard_certificates::{CertificateSource, Certificates};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use web_transport_proto::ConnectRequest;
use web_transport_proto::http::HeaderValue;
use web_transport_proto::http::header::ORIGIN;
use web_transport_quinn::{ClientError, Session};

/// Host names of the gateway, beside localhost.
const NAMES: [&str; 2] = ["second.example", "third.example"];

/// A gateway on threads of its own. It ends when it is dropped.
pub struct Gateway {
    pub address: SocketAddr,
    pub certificates: Arc<Certificates>,
    pub folder: PathBuf,
    pub settings: Settings,
    limits: Arc<Limits>,
    counters: Vec<Arc<Counters>>,
    orders: Vec<Orders>,
    threads: Vec<JoinHandle<()>>,
}

/// Settings of a gateway before a server at this address.
pub fn before(server: SocketAddr) -> Settings {
    let entry = ServerEntry { name: "arena".to_owned(), address: server, key: public_key(), bulk: None };
    Settings { listen: (Ipv4Addr::LOCALHOST, 0).into(), servers: vec![entry], ..Settings::default() }
}

/// One socket per thread.
fn bind(settings: &Settings) -> Vec<UdpSocket> {
    let mut address = settings.listen;
    let mut group = Vec::new();
    for _ in 0..settings.threads {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.bind(&address.into()).unwrap();
        group.push(UdpSocket::from(socket));
        address = group[0].local_addr().unwrap();
    }
    steer(&group).unwrap();
    group
}

impl Gateway {
    pub fn start(settings: Settings) -> Gateway {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ringshard-gateway-quic-{}-{number}", std::process::id()));
        let source = CertificateSource::ShortLived { folder: folder.clone(), names: NAMES.map(str::to_owned).to_vec() };
        let certificates = Arc::new(Certificates::open(&source).unwrap());
        let keys = Arc::new(Keys::new(Arc::clone(&certificates)));
        let sockets = bind(&settings);
        let address = sockets[0].local_addr().unwrap();
        let limits = Limits::new(&settings);
        let mut gateway = Gateway {
            address,
            certificates,
            folder,
            limits,
            counters: Vec::new(),
            orders: Vec::new(),
            threads: Vec::new(),
            settings,
        };
        for (index, socket) in sockets.into_iter().enumerate() {
            gateway.start_thread(index, socket, &keys);
        }
        gateway
    }

    fn start_thread(&mut self, index: usize, socket: UdpSocket, keys: &Arc<Keys>) {
        let counters = Arc::<Counters>::default();
        let (orders, ordered) = mpsc::unbounded_channel();
        let (settings, limits, keys) = (Arc::new(self.settings.clone()), Arc::clone(&self.limits), Arc::clone(keys));
        self.counters.push(Arc::clone(&counters));
        self.orders.push(orders);
        self.threads.push(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async move {
                let thread = Thread::start(index, settings, limits, counters).unwrap();
                let quic = Quic::open(Rc::clone(&thread), socket, keys).unwrap();
                spawn_local(Rc::clone(&quic).serve());
                thread.run_orders(ordered).await;
                quic.stop().await;
            });
        }));
    }

    /// The sum of a counter over the threads.
    pub fn count(&self, counter: impl Fn(&Counters) -> &Counter) -> u64 {
        self.counters.iter().map(|counters| counter(counters).get()).sum()
    }

    /// Connections and clients that the limits count.
    pub fn taken(&self) -> (usize, usize) {
        self.limits.taken()
    }

    /// How many clients joined each thread over QUIC.
    pub fn joined(&self) -> Vec<u64> {
        self.counters.iter().map(|counters| counters.joined_quic.get()).collect()
    }

    pub fn order(&self, order: impl Fn() -> Order) {
        self.orders.iter().for_each(|orders| orders.send(order()).unwrap());
    }

    /// Changes settings while the gateway runs. Returns once all threads have them.
    pub async fn reload(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.limits.reload(&self.settings);
        let settings = Arc::new(self.settings.clone());
        self.order(|| Order::Reload(Arc::clone(&settings)));
        self.connections().await;
    }

    /// What the admin port tells of the clients.
    pub async fn connections(&self) -> Vec<ConnectionRow> {
        let mut rows = Vec::new();
        for orders in &self.orders {
            let (answer, answered) = oneshot::channel();
            orders.send(Order::Connections(100, answer)).unwrap();
            rows.extend(answered.await.unwrap());
        }
        rows
    }

    /// The certificates that clients trust.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.folder.join("short-lived.pem")).unwrap();
        roots.add(certificate).unwrap();
        roots
    }

    /// A client's TLS, which names this protocol.
    pub fn tls(&self, alpn: &[u8]) -> rustls::ClientConfig {
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        tls.alpn_protocols = vec![alpn.to_vec()];
        tls
    }

    /// A client's end, with a socket of its own.
    pub fn client(&self, alpn: &[u8]) -> Endpoint {
        client(self.tls(alpn))
    }

    /// A connection of raw QUIC.
    pub async fn connect(&self) -> quinn::Connection {
        self.connect_to("localhost", b"ringshard/1").await
    }

    /// A connection by this host name with this protocol.
    pub async fn connect_to(&self, host: &str, alpn: &[u8]) -> quinn::Connection {
        self.client(alpn).connect(self.address, host).unwrap().await.unwrap()
    }

    /// A WebTransport session at this path, from a page of this origin.
    pub async fn session(&self, path: &str, origin: Option<&'static str>) -> Result<Session, ClientError> {
        let url = format!("https://localhost:{}{path}", self.address.port()).parse::<url::Url>().unwrap();
        let mut request = ConnectRequest::new(url);
        if let Some(origin) = origin {
            request = request.with_header(ORIGIN, HeaderValue::from_static(origin));
        }
        Session::connect(self.connect_to("localhost", b"h3").await, request).await
    }
}

/// A client's end with this TLS.
pub fn client(tls: rustls::ClientConfig) -> Endpoint {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let mut transport = TransportConfig::default();
    transport.initial_mtu(1_250).max_idle_timeout(Some(Duration::from_secs(60).try_into().unwrap()));
    config.transport_config(Arc::new(transport));
    let mut endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    endpoint.set_default_client_config(config);
    endpoint
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.orders.iter().for_each(|orders| _ = orders.send(Order::Stop));
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a thread of the gateway panicked");
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
