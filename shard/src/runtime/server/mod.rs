//! Starting and stopping all cores of a server. If one core does not start, none does.
//!
//! | module | for |
//! |---|---|
//! | `config` | what a server is started with, and which values are valid |
//! | `error` | why a server did not start |
//! | `sockets` | one UDP socket per core on the same port |
//! | `thread` | a core's thread, from pinning to the last turn |

mod config;
mod error;
mod sockets;
mod thread;

pub use config::ServerConfig;
pub use error::StartError;

use crate::runtime::control::{Control, ControlEnd, Lifecycle, mailbox};
use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::{Agreement, Backend};
use crate::runtime::mesh::Mesh;
use crate::runtime::service::Service;
use crate::runtime::status::{CoreStatus, Identity, ServerStatus};
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;
use thread::Parts;

/// A running server.
pub struct Server {
    identity: Identity,
    public_key: PublicKey,
    lifecycle: Arc<Lifecycle>,
    control: Arc<Mutex<Control>>,
    contract: String,
    cores: Vec<JoinHandle<CoreReport>>,
}

/// Cores that are starting, and the ends to talk to them.
#[derive(Default)]
struct Starting {
    lifecycle: Arc<Lifecycle>,
    control_ends: Vec<ControlEnd>,
    contract: String,
    cores: Vec<JoinHandle<CoreReport>>,
}

impl Server {
    /// Starts every core; `service` makes the service of each.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start<S: Service + Send + 'static>(
        config: &ServerConfig,
        service: impl FnMut(usize) -> S,
    ) -> Result<Server, StartError> {
        config.check()?;
        let mut starting = Starting::default();
        match starting.start(config, service) {
            Ok(identity) => Ok(starting.into_server(config, identity)),
            Err(error) => {
                starting.abandon();
                Err(error)
            }
        }
    }

    /// The address it listens on.
    pub fn listen(&self) -> SocketAddr {
        self.identity.listen
    }

    /// Its public key, for clients to pin.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// What its clients must have alike, by the name of [`Service::contract`].
    pub fn contract(&self) -> &str {
        &self.contract
    }

    /// The link that it uses.
    pub fn datapath(&self) -> Backend {
        self.identity.datapath
    }

    /// The stage of its life: drain and stop the server through this.
    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// Sends requests to its cores.
    pub fn control(&self) -> &Arc<Mutex<Control>> {
        &self.control
    }

    /// Whether every core has ended.
    pub fn has_ended(&self) -> bool {
        self.cores.iter().all(JoinHandle::is_finished)
    }

    /// Waits until every core has ended; returns their last reports.
    ///
    /// # Panics
    /// When a core panicked.
    pub fn join(self) -> ServerStatus {
        let status = |core: JoinHandle<CoreReport>| CoreStatus {
            report: Box::new(core.join().expect("a core panicked")),
            stuck: None,
        };
        let cores = self.cores.into_iter().map(status).collect();
        ServerStatus { identity: self.identity, draining: self.lifecycle.is_draining(), cores }
    }
}

impl Starting {
    /// Opens the sockets, starts the threads, and waits until every core has its link.
    fn start<S: Service + Send + 'static>(
        &mut self,
        config: &ServerConfig,
        mut service: impl FnMut(usize) -> S,
    ) -> Result<Identity, StartError> {
        let count = config.cpus.len();
        let (listen, sockets) = sockets::open(config)?;
        assert_eq!(sockets.len(), count, "each core has a socket");
        let (agreement, offers) = Agreement::between(count);
        let (ready, readiness) = mpsc::channel();
        for (((number, socket), mesh), offer) in sockets.into_iter().enumerate().zip(Mesh::between(count)).zip(offers) {
            let (control_end, control) = mailbox();
            self.control_ends.push(control_end);
            let (service, lifecycle, config) = (service(number), self.lifecycle.clone(), config.clone());
            self.contract = service.contract();
            let parts = Parts { number, mesh, control, service, lifecycle, config };
            self.cores.push(thread::spawn(parts, socket, offer, ready.clone())?);
        }
        let (datapath, why) = agreement.conclude(config.datapath)?;
        tracing::info!(%datapath, %why, "datapath chosen");
        drop(ready);
        readiness.iter().take(count).collect::<Result<(), _>>()?;
        let connections_per_core_max = config.connections_max.div_ceil(count);
        Ok(Identity { listen, datapath, started: Instant::now(), connections_per_core_max })
    }

    fn into_server(self, config: &ServerConfig, identity: Identity) -> Server {
        let Starting { lifecycle, control_ends, contract, cores } = self;
        let control = Control::new(identity.clone(), lifecycle.clone(), control_ends);
        let control = Arc::new(Mutex::new(control));
        Server { identity, public_key: config.secret.public(), lifecycle, control, contract, cores }
    }

    /// Ends the cores that have started.
    fn abandon(self) {
        self.lifecycle.stop();
        for core in self.cores {
            let _ = core.join();
        }
    }
}
