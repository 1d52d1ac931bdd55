//! Starts and stops a gateway.

mod sockets;
mod worker;

pub use sockets::StartError;
pub(crate) use sockets::{BUFFER_BYTES, bind_error};

use crate::carrier::Carrier;
use crate::carriers::quic::Keys;
use crate::control::Control;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::peers::Peers;
use crate::settings::{CertificateFiles, Settings};
use ringshard_certificates::{CertificateSource, Certificates};

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc::unbounded_channel;

/// A running gateway. Dropping it stops it at once; [`Control::drain`] comes before a gentle end.
#[derive(Debug)]
pub struct Gateway {
    listen: SocketAddr,
    webrtc: Vec<SocketAddr>,
    peers: Option<Peers>,
    control: Arc<Control>,
    threads: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Binds all sockets, starts the threads, and returns once all of them serve.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub fn start(settings: Settings) -> Result<Gateway, StartError> {
        let bound = sockets::bind(&settings)?;
        // Clients learn the port, also where the system chose it.
        let peers = bound.peers.as_ref().and_then(|socket| socket.local_addr().ok());
        let settings = Arc::new(Settings { peers, ..settings });
        let listen = bound.listen;
        let webrtc = bound.threads.iter().filter_map(|sockets| sockets.webrtc.as_ref()?.local_addr().ok()).collect();
        let limits = Limits::new(&settings);
        let certificates = certificates(&settings)?;
        let keys = certificates.as_ref().map(|certificates| Arc::new(Keys::new(Arc::clone(certificates))));
        let (ready, readiness) = mpsc::channel();
        let (mut orders, mut counters, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        for (index, sockets) in bound.threads.into_iter().enumerate() {
            let (sender, receiver) = unbounded_channel();
            let of_thread = Arc::new(Counters::default());
            orders.push(sender);
            counters.push(Arc::clone(&of_thread));
            let worker = worker::Worker {
                index,
                settings: Arc::clone(&settings),
                limits: Arc::clone(&limits),
                counters: of_thread,
                certificates: certificates.clone(),
                keys: keys.clone(),
                sockets,
                orders: receiver,
            };
            threads.push(spawn(index, worker, ready.clone())?);
        }
        drop(ready);
        let peers = match bound.peers {
            None => None,
            Some(socket) => {
                let of_peers = Arc::new(Counters::default());
                counters.push(Arc::clone(&of_peers));
                let peers = Peers::start(socket, &settings, Arc::clone(&limits), of_peers);
                Some(peers.map_err(|source| StartError::Peers { source })?)
            }
        };
        let of_relay = peers.as_ref().map(|peers| Arc::clone(peers.shared()));
        let control = Arc::new(Control::new(settings, limits, certificates, of_relay, orders, counters));
        let gateway = Gateway { listen, webrtc, peers, control, threads };
        for _ in &gateway.threads {
            readiness.recv().unwrap_or(Err(StartError::Thread))?;
        }
        Ok(gateway)
    }

    /// Address of TCP connections and of QUIC.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// UDP addresses of WebRTC, one per thread; none if it is off.
    pub fn webrtc(&self) -> &[SocketAddr] {
        &self.webrtc
    }

    /// UDP address of STUN and the relay; None if `peers` is off.
    pub fn peers(&self) -> Option<SocketAddr> {
        self.peers.as_ref().map(Peers::address)
    }

    /// Counters, reload and drain.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.control.stop();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Binds all sockets for a moment.
///
/// # Errors
/// A port cannot be had.
pub(crate) fn try_ports(settings: &Settings) -> Result<(), StartError> {
    sockets::bind(settings).map(drop)
}

/// The certificate: from files, or one for development if a carrier needs it.
fn certificates(settings: &Settings) -> Result<Option<Arc<Certificates>>, StartError> {
    let needed = [Carrier::Quic, Carrier::WebTransport].iter().any(|carrier| settings.carriers.contains(carrier));
    let source = match &settings.certificate {
        Some(CertificateFiles { chain, key }) => CertificateSource::Files { chain: chain.clone(), key: key.clone() },
        None if needed => {
            CertificateSource::ShortLived { folder: settings.development_folder.clone(), names: Vec::new() }
        }
        None => return Ok(None),
    };
    Ok(Some(Arc::new(Certificates::open(&source)?)))
}

fn spawn(
    index: usize,
    worker: worker::Worker,
    ready: mpsc::Sender<Result<(), StartError>>,
) -> Result<JoinHandle<()>, StartError> {
    let named = thread::Builder::new().name(format!("gateway-{index}"));
    named.spawn(move || worker.run(&ready)).map_err(|source| StartError::Spawn { source })
}
