//! Starts and stops all cores. Starting is all or nothing.

use crate::runtime::control::{Control, ControlOutlet, Lifecycle, control_exchange};
use crate::runtime::core::Core;
use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::{Agreement, Backend, Datapath, NoRing, NotAgreed, Offer};
use crate::runtime::entropy::random_bytes;
use crate::runtime::flight_recorder;
use crate::runtime::idle::{Idle, Strategy};
use crate::runtime::mesh::Mesh;
use crate::runtime::out_of_range::OutOfRange;
use crate::runtime::service::Service;
use crate::runtime::status::{CoreStatus, Identity, ServerStatus};
use core_affinity::CoreId;
use ringshard_link::mmsg::MmsgLink;
use ringshard_link::socket::{BUFFER_BYTES, Socket, SocketError};
use ringshard_link::uring::UringLink;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{PreSharedKey, PublicKey, SecretKey, Suites};
use ringshard_protocol::endpoint::{IntegrityConfig, Policy};
use ringshard_protocol::limits::{
    CONNECTIONS_PER_CORE_MAX, CORES_MAX, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_MIN, PORT_DEFAULT, TIMEOUT_DEFAULT,
};
use ringshard_protocol::link::Link;
use ringshard_protocol::{Endpoint, EndpointConfig};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a port that is in use may take to become free.
const PORT_PATIENCE: Duration = Duration::from_secs(1);

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Processors to pin a core to, one each.
    pub cpus: Vec<usize>,
    /// Which link.
    pub datapath: Datapath,
    /// How cores wait.
    pub idle: Strategy,
    /// Connections at most, over all cores.
    pub connections_max: usize,
    /// Receive and send buffer of each socket, in bytes.
    pub socket_buffer_bytes: usize,
    /// Whether the kernel stamps arrivals: without, the histogram of `arrival_to_handled` stays empty.
    pub arrival_stamps: bool,
    /// AEADs that it agrees to.
    pub suites: Suites,
    /// Ping interval and timeout.
    pub heartbeat: HeartbeatConfig,
    /// The static key.
    pub secret: SecretKey,
    /// Mixed into every handshake, when set.
    pub pre_shared: Option<PreSharedKey>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
    /// Memory for messages that are kept, over all cores, in bytes.
    pub message_bytes_max: usize,
    /// How clients' integrity is checked, if it is.
    pub integrity: Option<IntegrityConfig>,
    /// Limits, and networks that are treated otherwise. It can change while the server runs.
    pub policy: Policy,
}

impl ServerConfig {
    /// A server with this key on port 3565 of all addresses, a core pinned to each of these processors, and everything
    /// else as `ringshard serve` has it by default; but without limits.
    pub fn new(secret: SecretKey, cpus: Vec<usize>) -> Self {
        ServerConfig {
            listen: (Ipv6Addr::UNSPECIFIED, PORT_DEFAULT).into(),
            cpus,
            datapath: Datapath::Auto,
            idle: Strategy::Adaptive,
            connections_max: 16_384,
            socket_buffer_bytes: BUFFER_BYTES,
            arrival_stamps: true,
            suites: Suites::native(),
            heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
            secret,
            pre_shared: None,
            transport: TransportConfig::default(),
            message_bytes_max: 256 << 20,
            integrity: None,
            policy: Policy::default(),
        }
    }
}

impl ServerConfig {
    /// Whether such a server can be.
    ///
    /// # Errors
    /// The first thing that is out of range, and what the range is.
    pub fn check(&self) -> Result<(), OutOfRange> {
        self.misfits().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is out of range, and what the range is.
    pub fn misfits(&self) -> Vec<OutOfRange> {
        let cores = self.cpus.len();
        let mut misfits = Vec::new();
        let mut wrong = |settings, text| misfits.push(OutOfRange { settings, text });
        if !(1..=CORES_MAX).contains(&cores) {
            wrong(&["cpus"], format!("cpus names {cores} processors; a server has 1 to {CORES_MAX}"));
        }
        let (connections, most) = (self.connections_max, cores * CONNECTIONS_PER_CORE_MAX);
        if !(1..=most).contains(&connections) {
            let text = format!("max-connections is {connections}; {cores} core(s) take 1 to {most}");
            wrong(&["max-connections", "cpus"], text);
        }
        let (memory, least) = (self.message_bytes_max >> 20, (cores * MESSAGE_MEMORY_BYTES_MIN) >> 20);
        if memory < least {
            let text = format!("message-memory-mib is {memory}; {cores} core(s) need {least} or more");
            wrong(&["message-memory-mib", "cpus"], text);
        }
        let HeartbeatConfig { interval, timeout } = self.heartbeat;
        if interval.as_millis() == 0 || timeout <= interval || timeout.as_millis() > u32::MAX.into() {
            let text = format!(
                "timeout-ms is {} and heartbeat-ms is {}; the timeout must be the longer one",
                timeout.as_millis(),
                interval.as_millis()
            );
            wrong(&["timeout-ms", "heartbeat-ms"], text);
        }
        misfits
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A figure out of its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// No socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No io_uring, though it was asked for.
    #[error("{0}; or let datapath be auto")]
    Uring(#[from] NoRing),
    /// Anything else, with what was tried.
    #[error("cannot {0}: {1}")]
    Failed(&'static str, io::Error),
}

/// A running server.
pub struct Server {
    identity: Identity,
    public_key: PublicKey,
    lifecycle: Arc<Lifecycle>,
    control: Arc<Mutex<Control>>,
    cores: Vec<JoinHandle<CoreReport>>,
}

impl Server {
    /// Starts every core; `service` makes what each serves.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start<S: Service + Send + 'static>(
        config: &ServerConfig,
        mut service: impl FnMut(usize) -> S,
    ) -> Result<Server, StartError> {
        let count = config.cpus.len();
        config.check()?;
        let sockets = open_group(config.listen, count)?;
        let listen = sockets[0].local_addr().map_err(|error| StartError::Failed("name the socket", error))?;
        for socket in &sockets {
            socket.resize_buffers(config.socket_buffer_bytes);
            if config.arrival_stamps {
                socket.stamp_arrivals().map_err(|error| StartError::Failed("have arrivals stamped", error))?;
            }
        }
        warn_of_small_buffers(&sockets[0], config.socket_buffer_bytes);

        let lifecycle = Arc::new(Lifecycle::default());
        let (agreement, offers) = Agreement::between(count);
        let (ready, readiness) = mpsc::channel();
        let mut inlets = Vec::new();
        let mut cores = Vec::new();
        for (((number, socket), mesh), offer) in sockets.into_iter().enumerate().zip(Mesh::between(count)).zip(offers) {
            let (inlet, outlet) = control_exchange();
            inlets.push(inlet);
            let parts = Parts {
                number,
                cpu: config.cpus[number],
                mesh,
                control: outlet,
                service: service(number),
                lifecycle: lifecycle.clone(),
                config: config.clone(),
            };
            let ready = ready.clone();
            let thread = std::thread::Builder::new()
                .name(format!("core-{number}"))
                .spawn(move || run(parts, socket, offer, &ready))
                .map_err(|error| StartError::Failed("start a thread", error));
            match thread {
                Ok(thread) => cores.push(thread),
                Err(error) => {
                    drop(agreement);
                    return Err(abandon(&lifecycle, cores, error));
                }
            }
        }
        let datapath = match agreement.conclude(config.datapath) {
            Ok((datapath, why)) => {
                tracing::info!(%datapath, %why, "datapath chosen");
                datapath
            }
            Err(error) => return Err(abandon(&lifecycle, cores, error.into())),
        };
        drop(ready);
        if let Some(error) = readiness.iter().take(count).find_map(Result::err) {
            return Err(abandon(&lifecycle, cores, error));
        }
        let connections_per_core_max = config.connections_max.div_ceil(count);
        let identity = Identity { listen, datapath, started: Instant::now(), connections_per_core_max };
        let control = Control::new(identity.clone(), lifecycle.clone(), inlets);
        let control = Arc::new(Mutex::new(control));
        Ok(Server { identity, public_key: config.secret.public(), lifecycle, control, cores })
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.identity.listen
    }

    /// Its public key, for clients to pin.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Which link it uses.
    pub fn datapath(&self) -> Backend {
        self.identity.datapath
    }

    /// How far it has come; through this it is drained and stopped.
    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// For questions and orders to its cores.
    pub fn control(&self) -> &Arc<Mutex<Control>> {
        &self.control
    }

    /// Whether every core has ended.
    pub fn has_ended(&self) -> bool {
        self.cores.iter().all(JoinHandle::is_finished)
    }

    /// Waits until every core has ended; gives their last report.
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

/// Ends what has started already, because of `error`.
fn abandon(lifecycle: &Lifecycle, cores: Vec<JoinHandle<CoreReport>>, error: StartError) -> StartError {
    lifecycle.stop();
    for core in cores {
        let _ = core.join();
    }
    error
}

/// What a core's thread is given.
struct Parts<S> {
    number: usize,
    cpu: usize,
    mesh: Mesh,
    control: ControlOutlet,
    service: S,
    lifecycle: Arc<Lifecycle>,
    config: ServerConfig,
}

/// The life of a core's thread: pin, agree on the datapath, open the link, turn.
fn run<S: Service>(
    parts: Parts<S>,
    socket: Socket,
    offer: Offer,
    ready: &mpsc::Sender<Result<(), StartError>>,
) -> CoreReport {
    let Parts { number, cpu, .. } = parts;
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

/// Says whether the link could be opened, and turns over it until told to stop.
fn turn_over<L: Link, S: Service>(
    link: io::Result<L>,
    parts: Parts<S>,
    ready: &mpsc::Sender<Result<(), StartError>>,
) -> CoreReport {
    let Parts { number, mesh, control, service, lifecycle, config, .. } = parts;
    let mut link = match link {
        Ok(link) => link,
        Err(error) => {
            let _ = ready.send(Err(StartError::Failed("get memory for a link", error)));
            return CoreReport::new();
        }
    };
    let mut endpoint = Endpoint::new(
        EndpointConfig {
            core: number as u8,
            cores: config.cpus.len(),
            connections_max: config.connections_max.div_ceil(config.cpus.len()),
            suites: config.suites,
            heartbeat: config.heartbeat,
            secret: config.secret,
            pre_shared: config.pre_shared,
            transport: config.transport,
            message_bytes_max: config.message_bytes_max / config.cpus.len(),
            integrity: config.integrity,
        },
        link.now(),
        random_bytes(),
    );
    endpoint.swap_policy(&mut config.policy.clone());
    let core = Core::new(link, endpoint, service, mesh, Idle::new(config.idle), control, lifecycle);
    let _ = ready.send(Ok(()));
    core.run()
}

/// One socket per core, in the order of the cores, with the filter that steers by connection id.
///
/// All addresses of a host without IPv6 are its IPv4 addresses. A particular address has no stand-in.
fn open_group(address: SocketAddr, count: usize) -> Result<Vec<Socket>, StartError> {
    match open_group_at(address, count) {
        Err(StartError::Socket(SocketError::NoIpv6(_))) if address.ip().is_unspecified() => {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            tracing::warn!(listen = %address, "this host has no IPv6; listening on all its IPv4 addresses instead");
            open_group_at(address, count)
        }
        outcome => outcome,
    }
}

fn open_group_at(address: SocketAddr, count: usize) -> Result<Vec<Socket>, StartError> {
    let alone = listen_alone(address)?;
    if count == 1 {
        return Ok(vec![alone]);
    }
    // Sharing the port would let a second server slip into the group: nobody had it a moment ago.
    drop(alone);
    let first = Socket::listen(address, true)?;
    let address = first.local_addr().map_err(|error| StartError::Failed("name the socket", error))?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(Socket::listen(address, true)?);
    }
    if let Err(error) = sockets[0].steer_by_connection_id() {
        tracing::warn!(%error, "the kernel cannot steer by connection id; datagrams cross between cores instead");
    }
    Ok(sockets)
}

/// A socket that nobody shares. A server that was killed holds its port for some moments more, until the kernel has taken
/// its ring apart: the one that is started in its place waits for it.
fn listen_alone(address: SocketAddr) -> Result<Socket, SocketError> {
    let give_up = Instant::now() + PORT_PATIENCE;
    loop {
        match Socket::listen(address, false) {
            Err(SocketError::InUse(_)) if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(20)),
            outcome => return outcome,
        }
    }
}

fn warn_of_small_buffers(socket: &Socket, wanted: usize) {
    let bytes = socket.receive_buffer_bytes();
    if bytes < wanted {
        tracing::warn!(
            bytes,
            wanted,
            "the receive buffer is smaller than wanted; raise it with `sysctl -w net.core.rmem_max={wanted}`, or grant \
             CAP_NET_ADMIN"
        );
    }
}
