//! One thread of the gateway, from start to end.

use super::sockets::{StartError, ThreadSockets, bind_error};
use crate::carrier::Carrier;
use crate::carriers::quic::{Keys, Quic};
use crate::carriers::webrtc::WebRtc;
use crate::carriers::websocket::Buffers;
use crate::counters::Counters;
use crate::http::{self, Site, WebTransportOffer};
use crate::limits::Limits;
use crate::settings::Settings;
use crate::thread::{Order, Thread};
use ringshard_certificates::Certificates;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;

/// Tasks that run before the thread asks the kernel again what has arrived. The more, the longer are the runs of datagrams to
/// a server.
const TASKS_PER_TURN: u32 = 256;

/// What a thread begins with.
pub(super) struct Worker {
    pub(super) index: usize,
    pub(super) settings: Arc<Settings>,
    pub(super) limits: Arc<Limits>,
    pub(super) counters: Arc<Counters>,
    /// None: HTTP without TLS, and no QUIC.
    pub(super) certificates: Option<Arc<Certificates>>,
    /// None: no QUIC.
    pub(super) keys: Option<Arc<Keys>>,
    pub(super) sockets: ThreadSockets,
    pub(super) orders: UnboundedReceiver<Order>,
}

impl Worker {
    /// Runs the thread until it is told to stop. Says when it serves, or why it does not.
    pub(super) fn run(self, ready: &mpsc::Sender<Result<(), StartError>>) {
        pin(self.index);
        let mut builder = Builder::new_current_thread();
        builder.enable_all().event_interval(TASKS_PER_TURN);
        let runtime = match builder.build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(source) => {
                let _ = ready.send(Err(StartError::Spawn { source }));
                return;
            }
        };
        runtime.block_on(async move {
            let Worker { index, settings, limits, counters, certificates, keys, sockets, orders } = self;
            let started = Thread::start(index, settings, limits, counters)
                .map_err(|source| StartError::Uplink { source })
                .and_then(|thread| serve(&thread, sockets, certificates.as_ref(), keys).map(|quic| (thread, quic)));
            match started {
                Ok((thread, quic)) => {
                    // Whoever started the gateway waits for this, or is gone.
                    let _ = ready.send(Ok(()));
                    thread.run_orders(orders).await;
                    if let Some(quic) = quic {
                        quic.stop().await;
                    }
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
    }
}

/// Starts the carriers and the listener of a thread. Returns its QUIC endpoint, if it has one.
fn serve(
    thread: &Rc<Thread>,
    sockets: ThreadSockets,
    certificates: Option<&Arc<Certificates>>,
    keys: Option<Arc<Keys>>,
) -> Result<Option<Rc<Quic>>, StartError> {
    let settings = thread.settings();
    let on = |carrier| settings.carriers.contains(&carrier);
    let failed = |carrier: Carrier| move |source| StartError::Carrier { carrier: carrier.name(), source };
    let quic = match (sockets.quic, keys) {
        (Some(socket), Some(keys)) => {
            let quic = Quic::open(Rc::clone(thread), socket, keys).map_err(failed(Carrier::Quic))?;
            spawn_local(Rc::clone(&quic).serve());
            Some(quic)
        }
        _ => None,
    };
    let webrtc = match sockets.webrtc {
        None => None,
        Some(socket) => {
            let webrtc = WebRtc::open(Rc::clone(thread), socket).map_err(failed(Carrier::WebRtc))?;
            spawn_local(Rc::clone(&webrtc).serve());
            Some(webrtc)
        }
    };
    let listener =
        TcpListener::from_std(sockets.tcp).map_err(|source| bind_error(settings.listen, "TCP", "listen", source))?;
    // In development, pages come without TLS: browsers trust loopback.
    let tls = certificates.filter(|_| !settings.is_development());
    let tls = tls.map(|certificates| Arc::new(certificates.tls(&[b"http/1.1"])));
    let offer = certificates.map(Arc::clone).filter(|_| on(Carrier::WebTransport));
    let (port, pinned) = (listener.local_addr().map_or(0, |address| address.port()), settings.is_development());
    let webtransport = Box::new(move || {
        let hashes =
            |certificates: &Arc<Certificates>| pinned.then(|| certificates.fingerprint()).into_iter().collect();
        offer.as_ref().map(|certificates| WebTransportOffer { port, certificate_hashes: hashes(certificates) })
    });
    let site = Site { thread: Rc::clone(thread), webrtc, buffers: Buffers::default(), tls, webtransport };
    spawn_local(http::run(listener, Rc::new(site)));
    Ok(quic)
}

/// Pins the thread to its CPU, where the host allows it.
fn pin(index: usize) {
    let cpus = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(cpu) = cpus.get(index) {
        core_affinity::set_for_current(*cpu);
    }
}
