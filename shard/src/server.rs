//! Starts and stops all cores. Starting is all or nothing.

use crate::admin::Admin;
use crate::core::Core;
use crate::datapath::{Backend, Datapath};
use crate::idle::{Idle, Strategy};
use crate::keys::random_bytes;
use crate::mesh::Mesh;
use crate::report::{CoreSnapshot, ServerReport};
use crate::service::Service;
use crate::stages::{CoreReport, ReportOutlet, report_exchange};
use core_affinity::CoreId;
use ringshard_engine::crypto::{PreSharedKey, PublicKey, SecretKey, Suites};
use ringshard_engine::endpoint::IntegrityConfig;
use ringshard_engine::limits::{
    CONNECTIONS_PER_CORE_MAX, CORES_MAX, HEARTBEAT_DEFAULT, MESSAGE_MEMORY_BYTES_MIN, PORT_DEFAULT, TIMEOUT_DEFAULT,
};
use ringshard_engine::link::Link;
use ringshard_engine::link::mmsg::MmsgLink;
use ringshard_engine::link::socket::{Socket, SocketError};
use ringshard_engine::link::uring::{UringError, UringLink};
use ringshard_engine::session::{HeartbeatConfig, TransportConfig};
use ringshard_engine::{Endpoint, EndpointConfig};
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

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
    /// Where to answer questions about it.
    pub admin: Option<SocketAddr>,
}

impl ServerConfig {
    /// A server with this key on port 3565 of all addresses, a core pinned to each of these processors, and everything
    /// else as `ringshard serve` has it by default; but nobody to answer questions about it.
    pub fn new(secret: SecretKey, cpus: Vec<usize>) -> Self {
        ServerConfig {
            listen: (Ipv6Addr::UNSPECIFIED, PORT_DEFAULT).into(),
            cpus,
            datapath: Datapath::Auto,
            idle: Strategy::Adaptive,
            connections_max: 16_384,
            arrival_stamps: true,
            suites: Suites::native(),
            heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
            secret,
            pre_shared: None,
            transport: TransportConfig::default(),
            message_bytes_max: 256 << 20,
            integrity: None,
            admin: None,
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A figure out of its range.
    #[error("{0}")]
    OutOfRange(String),
    /// No socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No io_uring, though it was asked for.
    #[error("{0}; or let --datapath auto choose")]
    Uring(#[from] UringError),
    /// No admin port.
    #[error("cannot answer on admin address {0}: {1}; choose another with --admin, or none with --no-admin")]
    Admin(SocketAddr, io::Error),
    /// Anything else, with what was tried.
    #[error("cannot {0}: {1}")]
    Failed(&'static str, io::Error),
}

/// A running server.
pub struct Server {
    listen: SocketAddr,
    datapath: Backend,
    public_key: PublicKey,
    started: Instant,
    stop: Arc<AtomicBool>,
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
        check_ranges(config)?;
        let (datapath, why) = config.datapath.choose()?;
        tracing::info!(datapath = %datapath, %why, "datapath chosen");

        let sockets = open_group(config.listen, count)?;
        let listen = sockets[0].local_addr().map_err(|error| StartError::Failed("name the socket", error))?;
        warn_of_small_buffers(&sockets[0]);
        if config.arrival_stamps {
            for socket in &sockets {
                socket.stamp_arrivals().map_err(|error| StartError::Failed("have arrivals stamped", error))?;
            }
        }
        let admin_listener = match config.admin {
            Some(admin) => Some(TcpListener::bind(admin).map_err(|error| StartError::Admin(admin, error))?),
            None => None,
        };

        let stop = Arc::new(AtomicBool::new(false));
        let (ready, readiness) = mpsc::channel();
        let mut inlets = Vec::new();
        let mut cores = Vec::new();
        for ((number, socket), mesh) in sockets.into_iter().enumerate().zip(Mesh::between(count)) {
            let (inlet, outlet) = report_exchange();
            inlets.push(inlet);
            let parts = Parts {
                number,
                cpu: config.cpus[number],
                socket,
                mesh,
                outlet,
                service: service(number),
                stop: stop.clone(),
                config: config.clone(),
            };
            let ready = ready.clone();
            let thread = std::thread::Builder::new()
                .name(format!("core-{number}"))
                .spawn(move || match datapath {
                    Backend::Uring => {
                        run(parts, |socket| UringLink::new(vec![socket]).map_err(StartError::from), &ready)
                    }
                    Backend::Mmsg => run(
                        parts,
                        |socket| {
                            MmsgLink::new(vec![socket]).map_err(|error| StartError::Failed("set up recvmmsg", error))
                        },
                        &ready,
                    ),
                })
                .map_err(|error| StartError::Failed("start a thread", error));
            match thread {
                Ok(thread) => cores.push(thread),
                Err(error) => return Err(abandon(&stop, cores, error)),
            }
        }
        drop(ready);
        if let Some(error) = readiness.iter().take(count).find_map(Result::err) {
            return Err(abandon(&stop, cores, error));
        }
        let started = Instant::now();
        if let Some(listener) = admin_listener {
            let admin = Admin { listen, datapath, started, cores: inlets };
            let thread = std::thread::Builder::new().name("admin".into()).spawn(move || admin.serve(&listener));
            if let Err(error) = thread {
                return Err(abandon(&stop, cores, StartError::Failed("start a thread", error)));
            }
        }
        Ok(Server { listen, datapath, public_key: config.secret.public(), started, stop, cores })
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Its public key, for clients to pin.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Which link it uses.
    pub fn datapath(&self) -> Backend {
        self.datapath
    }

    /// Setting this stops the server.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Waits until every core has ended; gives their last report.
    ///
    /// # Panics
    /// When a core panicked.
    pub fn join(self) -> ServerReport {
        let cores = self
            .cores
            .into_iter()
            .enumerate()
            .map(|(number, core)| CoreSnapshot::new(number, &core.join().expect("a core panicked")))
            .collect();
        ServerReport {
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs_f64(),
            listen: self.listen,
            datapath: self.datapath,
            cores,
        }
    }
}

/// Ends what has started already, because of `error`.
fn abandon(stop: &AtomicBool, cores: Vec<JoinHandle<CoreReport>>, error: StartError) -> StartError {
    stop.store(true, Ordering::Relaxed);
    for core in cores {
        let _ = core.join();
    }
    error
}

/// What a core's thread is given.
struct Parts<S> {
    number: usize,
    cpu: usize,
    socket: Socket,
    mesh: Mesh,
    outlet: ReportOutlet,
    service: S,
    stop: Arc<AtomicBool>,
    config: ServerConfig,
}

/// The life of a core's thread: pin, open the link, say whether that worked, turn.
fn run<L: Link, S: Service>(
    parts: Parts<S>,
    open: impl FnOnce(Socket) -> Result<L, StartError>,
    ready: &mpsc::Sender<Result<(), StartError>>,
) -> CoreReport {
    let Parts { number, cpu, socket, mesh, outlet, service, stop, config } = parts;
    if !core_affinity::set_for_current(CoreId { id: cpu }) {
        tracing::warn!(core = number, cpu, "could not pin the core to its processor; it runs where the system puts it");
    }
    let mut link = match open(socket) {
        Ok(link) => link,
        Err(error) => {
            let _ = ready.send(Err(error));
            return CoreReport::new();
        }
    };
    let endpoint = Endpoint::new(
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
    let core = Core::new(link, endpoint, service, mesh, Idle::new(config.idle), outlet, stop);
    let _ = ready.send(Ok(()));
    core.run()
}

fn check_ranges(config: &ServerConfig) -> Result<(), StartError> {
    let (cores, connections) = (config.cpus.len(), config.connections_max);
    let out_of_range = |text: String| Err(StartError::OutOfRange(text));
    if !(1..=CORES_MAX).contains(&cores) {
        return out_of_range(format!("{cores} cores are asked for; a server has 1 to {CORES_MAX}"));
    }
    let most = cores * CONNECTIONS_PER_CORE_MAX;
    if !(1..=most).contains(&connections) {
        return out_of_range(format!("--max-connections is {connections}; {cores} core(s) take 1 to {most}"));
    }
    let memory = cores * MESSAGE_MEMORY_BYTES_MIN;
    if config.message_bytes_max < memory {
        return out_of_range(format!(
            "--message-memory is {} MiB; {cores} core(s) need {} MiB or more",
            config.message_bytes_max >> 20,
            memory >> 20
        ));
    }
    let HeartbeatConfig { interval, timeout } = config.heartbeat;
    if interval.as_millis() == 0 || timeout <= interval || timeout.as_millis() > u32::MAX.into() {
        return out_of_range(format!(
            "the timeout is {timeout:?} and the heartbeat {interval:?}; the heartbeat is 1 ms or more and the timeout above it"
        ));
    }
    Ok(())
}

/// One socket per core, in the order of the cores, with the filter that steers by connection id.
fn open_group(address: SocketAddr, count: usize) -> Result<Vec<Socket>, StartError> {
    if count == 1 {
        return Ok(vec![Socket::listen(address, false)?]);
    }
    // Sharing the port would let a second server slip into the group: make sure that nobody has it.
    if address.port() != 0 {
        drop(Socket::listen(address, false)?);
    }
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

fn warn_of_small_buffers(socket: &Socket) {
    let bytes = socket.receive_buffer_bytes();
    if bytes < 8 << 20 {
        tracing::warn!(
            bytes,
            "the receive buffer is small; raise it with `sysctl -w net.core.rmem_max=33554432`, or grant CAP_NET_ADMIN"
        );
    }
}
