//! An open port, and the tasks behind it.

use super::api;
use super::audit::Audit;
use super::connections::{Shared, accept};
use super::draining::{self, Drain, Draining};
use super::feed;
use super::fleet::{Fleet, Registry, read_policy};
use super::login::Login;
use super::settings::Settings;
use super::state::{Parts, State};
use super::tokens::Tokens;
use crate::balancer::{Balancer, KEY_BYTES, Policy, Seal};
use crate::location::{Database, Watched};
use crate::registry::DirectoryReader;
use ringshard_certificates::{CertificateError, CertificateSource, Certificates};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_rustls::TlsAcceptor;

/// Bytes that the kernel holds for a client that does not read. Few, so that slow readers are seen.
const SEND_BUFFER_BYTES: u32 = 65_536;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A balancer that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its address.
    #[error("cannot listen at {0}: {1}; set `listen` to another address")]
    Listen(SocketAddr, io::Error),
    /// Its certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file: the policy, the tokens, the login door's certificate.
    #[error("{0}")]
    File(String),
    /// The audit.
    #[error("cannot open the audit {0}: {1}")]
    Audit(PathBuf, io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// A balancer that serves.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    drain: Drain,
    accepting: JoinHandle<usize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the port. The tasks run on the runtime of the caller. Without a registry, hosts take no orders.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        settings: Settings,
        directory: DirectoryReader,
        registry: Option<Registry>,
    ) -> Result<Server, StartError> {
        let (drain, draining) = draining::channel();
        let (watched, locator) = settings.location.as_deref().map(Watched::new).unzip();
        let parts = parts(&settings, locator, draining.clone())?;
        let limit = settings.drain;
        let certificates = certificates(&settings).await?;
        let listener = listen(settings.listen).map_err(|error| StartError::Listen(settings.listen, error))?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(settings.listen, error))?;
        let fleet = Fleet { registry, policy: settings.policy.clone() };
        let freshness = directory.freshness.clone();
        let state = Arc::new(State::new(settings, fleet, freshness, parts));
        let mut watched = watched;
        if let Some(watched) = &mut watched {
            feed::report(&state, &watched.look());
        }
        state.balancer().set_directory(&directory.latest());
        let mut tasks = vec![
            tokio::spawn(feed::directories(Arc::clone(&state), directory)),
            tokio::spawn(feed::files(Arc::clone(&state), watched)),
        ];
        if let Some(certificates) = &certificates {
            tasks.push(tokio::spawn(feed::certificates(Arc::clone(&state), Arc::clone(certificates))));
        }
        let shared = Shared {
            places: Arc::clone(&state.places),
            router: api::router(Arc::clone(&state)),
            tls: certificates.map(|certificates| TlsAcceptor::from(Arc::new(certificates.tls(&[b"http/1.1"])))),
            drains: draining,
            state,
        };
        let accepting = tokio::spawn(accept(listener, Arc::new(shared), limit));
        Ok(Server { address, drain, accepting, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, and lets running requests end. Gives the number of connections that were cut.
    pub async fn drain(self) -> usize {
        self.drain.begin();
        let cut = self.accepting.await.unwrap_or(0);
        for task in self.tasks {
            task.abort();
        }
        cut
    }
}

/// Reads the files that the settings name.
pub(super) fn check(settings: &Settings) -> Result<(), StartError> {
    settings.policy.as_deref().map(read_policy).transpose().map_err(StartError::File)?;
    settings.tokens.as_deref().map(Tokens::load).transpose().map_err(StartError::File)?;
    settings.login.as_ref().map(Login::new).transpose().map_err(StartError::File)?;
    let database = settings.location.as_deref().map(Database::open).transpose();
    database.map_err(|error| StartError::File(error.to_string()))?;
    if let Some(files) = settings.certificate.clone() {
        Certificates::open(&CertificateSource::Files { chain: files.chain, key: files.key })?;
    }
    Ok(())
}

fn parts(
    settings: &Settings,
    locator: Option<crate::location::Locator>,
    drains: Draining,
) -> Result<Parts, StartError> {
    let mut random = [0; KEY_BYTES + 8];
    getrandom::fill(&mut random).map_err(StartError::Random)?;
    let (drawn, seed) = random.split_at(KEY_BYTES);
    let drawn: [u8; KEY_BYTES] = drawn.try_into().expect("the key is the first part");
    if settings.key.is_none() {
        tracing::warn!(
            "there is no `key`: other balancers do not know the queue tickets of this one, nor does its next start"
        );
    }
    let policy = settings.policy.as_deref().map(read_policy).transpose().map_err(StartError::File)?;
    let tokens = settings.tokens.as_deref().map(Tokens::load).transpose().map_err(StartError::File)?;
    let audit = Audit::open(settings.audit.as_deref())
        .map_err(|error| StartError::Audit(settings.audit.clone().unwrap_or_default(), error))?;
    Ok(Parts {
        balancer: Balancer::new(policy.unwrap_or_else(Policy::default), 0),
        seal: Seal::new(&settings.key.unwrap_or(drawn)),
        locator,
        tokens,
        audit,
        login: settings.login.as_ref().map(Login::new).transpose().map_err(StartError::File)?,
        drains,
        random: u64::from_be_bytes(seed.try_into().expect("the seed is the rest")),
    })
}

async fn certificates(settings: &Settings) -> Result<Option<Arc<Certificates>>, StartError> {
    let Some(files) = settings.certificate.clone() else { return Ok(None) };
    let source = CertificateSource::Files { chain: files.chain, key: files.key };
    let opened = spawn_blocking(move || Certificates::open(&source)).await;
    Ok(Some(Arc::new(opened.expect("reading certificates does not panic")?)))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
