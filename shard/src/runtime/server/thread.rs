//! The thread of a core: it pins itself, agrees on the datapath with the other cores, opens the link and turns.

use super::config::ServerConfig;
use super::error::StartError;
use crate::runtime::control::{CoreEnd, Lifecycle};
use crate::runtime::core::Core;
use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::{NotAgreed, Offer};
use crate::runtime::entropy::random_bytes;
use crate::runtime::flight_recorder;
use crate::runtime::idle::Idle;
use crate::runtime::mesh::Mesh;
use crate::runtime::service::Service;
use core_affinity::CoreId;
use ringshard_link::mmsg::MmsgLink;
use ringshard_link::socket::Socket;
use ringshard_link::uring::UringLink;
use ringshard_protocol::link::Link;
use ringshard_protocol::{Endpoint, EndpointConfig};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// What a core's thread is given.
pub(super) struct Parts<S> {
    pub(super) number: usize,
    pub(super) mesh: Mesh,
    pub(super) control: CoreEnd,
    pub(super) service: S,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) config: ServerConfig,
}

/// Starts the thread. It reports on `ready` whether its link could be opened, and returns the core's last report.
pub(super) fn spawn<S: Service + Send + 'static>(
    parts: Parts<S>,
    socket: Socket,
    offer: Offer,
    ready: Sender<Result<(), StartError>>,
) -> Result<JoinHandle<CoreReport>, StartError> {
    std::thread::Builder::new()
        .name(format!("core-{}", parts.number))
        .spawn(move || run(parts, socket, offer, &ready))
        .map_err(|error| StartError::Failed("start a thread", error))
}

fn run<S: Service>(
    parts: Parts<S>,
    socket: Socket,
    offer: Offer,
    ready: &Sender<Result<(), StartError>>,
) -> CoreReport {
    let number = parts.number;
    let cpu = parts.config.cpus[number];
    if !core_affinity::set_for_current(CoreId { id: cpu }) {
        tracing::warn!(core = number, cpu, "could not pin the core to its processor; it runs where the system puts it");
    }
    flight_recorder::begin(number);
    match offer.settle(parts.config.datapath) {
        Ok(Some(ring)) => turn_over(UringLink::new(ring, vec![socket]), parts, ready),
        Ok(None) => turn_over(MmsgLink::new(vec![socket]), parts, ready),
        Err(NotAgreed) => CoreReport::new(),
    }
}

/// Reports whether the link could be opened, and turns over it until the server stops.
fn turn_over<L: Link, S: Service>(
    link: io::Result<L>,
    parts: Parts<S>,
    ready: &Sender<Result<(), StartError>>,
) -> CoreReport {
    let Parts { number, mesh, control, service, lifecycle, config } = parts;
    let mut link = match link {
        Ok(link) => link,
        Err(error) => {
            let _ = ready.send(Err(StartError::Failed("get memory for a link", error)));
            return CoreReport::new();
        }
    };
    let mut endpoint = Endpoint::new(endpoint_config(&config, number), link.now(), random_bytes());
    endpoint.swap_policy(&mut config.policy.clone());
    let core = Core::new(link, endpoint, service, mesh, Idle::new(config.idle), control, lifecycle)
        .with_queue_max(config.queue_max);
    let _ = ready.send(Ok(()));
    core.run()
}

/// One core's share of the server.
fn endpoint_config(config: &ServerConfig, number: usize) -> EndpointConfig {
    let cores = config.cpus.len();
    EndpointConfig {
        core: u8::try_from(number).expect("a server has at most 256 cores"),
        cores,
        connections_max: config.connections_max.div_ceil(cores),
        suites: config.suites,
        heartbeat: config.heartbeat,
        secret: config.secret.clone(),
        pre_shared: config.pre_shared.clone(),
        transport: config.transport,
        message_bytes_max: config.message_bytes_max / cores,
        integrity: config.integrity.clone(),
    }
}
