//! The servers, each on a thread of its own.

use crate::grpc::Inventory;
use axum::routing::post;
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use ringshard_requests::record;
use ringshard_services::accounts::{AccountSettings, Accounts};
use ringshard_services::actions::{Access, Action, Actions, Caller, Failure, Limits};
use ringshard_services::hub::{Hub, HubSettings};
use ringshard_services::login::certificates::CertificateSource;
use ringshard_services::login::{Door, LoginSettings};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use serde::{Deserialize, Serialize};
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Where the door and plain axum have the call.
pub const PATH: &str = "/v1/inventory/use";

/// A running server. It ends with the process.
pub struct Server {
    pub address: SocketAddr,
    /// The kernel's account of its thread.
    account: PathBuf,
}

impl Server {
    /// The CPU time that it has used.
    pub fn cpu(&self) -> Duration {
        let text = std::fs::read_to_string(&self.account).expect("the thread runs");
        let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("it begins with nanoseconds");
        Duration::from_nanos(nanos)
    }
}

/// Starts a thread, on which the server that `open` opens runs on.
fn start<F: Future<Output = (SocketAddr, T)>, T>(open: impl FnOnce() -> F + Send + 'static) -> Server {
    let (opened, server) = channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        runtime.block_on(async move {
            let (address, _kept) = open().await;
            let thread = std::fs::read_link("/proc/thread-self").expect("Linux names the thread");
            let account = Path::new("/proc").join(thread).join("schedstat");
            opened.send(Server { address, account }).expect("the main thread waits");
            pending::<()>().await;
        });
    });
    server.recv().expect("the server has opened")
}

record! {
    /// Uses items.
    struct UseItem {
        item: u32,
        count: u32,
    }

    /// They were used.
    struct Used {
        left: u32,
    }
}

/// The login door, with its files in `folder`.
pub fn door(folder: PathBuf) -> Server {
    start(async move || {
        let limits = Limits { per_second: 1e9, burst: u32::MAX, parallel: 1_000, ..Limits::default() };
        let action = Action { path: PATH, about: "Uses items.", access: Access::Anybody, limits };
        let mut actions = Actions::builder();
        actions.add(action, async |_: Caller, it: UseItem| Ok::<_, Failure>(Used { left: it.count - 1 }));
        let certificate = CertificateSource::Development { folder: folder.clone(), names: Vec::new() };
        let settings = LoginSettings::new(SocketAddr::from(([127, 0, 0, 1], 0)), certificate);
        let accounts = Accounts::open(&folder, AccountSettings::default()).expect("accounts can be made");
        let hub = Hub::new(HubSettings::default());
        let door = Door::open(settings, accounts, actions.build(), hub).await.expect("the door opens");
        (door.address(), door)
    })
}

#[derive(Deserialize)]
struct PlainUseItem {
    #[serde(rename = "item")]
    _item: u32,
    count: u32,
}

#[derive(Serialize)]
struct PlainUsed {
    left: u32,
}

/// An axum router with nothing else, with the certificate of the door in `folder`.
pub fn axum(folder: &Path) -> Server {
    let router =
        Router::new().route(PATH, post(async |Json(it): Json<PlainUseItem>| Json(PlainUsed { left: it.count - 1 })));
    serve(folder, router)
}

/// A tonic service with nothing else.
pub fn tonic(folder: &Path) -> Server {
    serve(folder, tonic::service::Routes::new(Inventory).prepare().into_axum_router())
}

fn serve(folder: &Path, router: Router) -> Server {
    let tls = TlsAcceptor::from(Arc::new(tls(folder)));
    start(async move || {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (tls, router) = (tls.clone(), router.clone());
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let served = TowerToHyperService::new(router);
                    let _ =
                        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), served).await;
                });
            }
        });
        (address, accepting)
    })
}

/// What the door has, too.
fn tls(folder: &Path) -> ServerConfig {
    let certificate = CertificateDer::from_pem_file(folder.join("development.pem")).expect("the door has made it");
    let key = PrivateKeyDer::from_pem_file(folder.join("development.key")).expect("the door has made it");
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is of the certificate");
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
