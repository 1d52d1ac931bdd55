//! The admin port and the admin socket, and accepting connections on them.

use super::http_connections::HttpConnections;
use super::routes::routes;
use crate::ops::handle::ServerHandle;
use axum::Router;
use ringshard_operation::Guard;
use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a port without a token refuses commands.
const NO_COMMANDS: &str = "this port accepts no commands: set admin-token-file and send its token, use admin-socket, or send \
                           a signal (SIGHUP reloads, SIGTERM drains)";
/// Wait after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// An admin port or socket that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port.
    #[error("cannot open the admin port {0}: {1}; choose another address with admin, or set admin = off")]
    Port(SocketAddr, io::Error),
    /// The socket.
    #[error("cannot open the admin socket {path}: {error}; choose another path with admin-socket")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system reports.
        error: io::Error,
    },
    /// Another server uses the socket.
    #[error("another server uses the admin socket {0}: stop it, or choose another path with admin-socket")]
    SocketInUse(PathBuf),
}

/// An open port or socket that is not served yet.
#[derive(Debug)]
pub struct AdminListener {
    listener: Listener,
    guard: Guard,
}

#[derive(Debug)]
enum Listener {
    Port(TcpListener),
    Socket(UnixListener),
}

impl AdminListener {
    /// Opens a TCP port. With a `token`, requests need it; without one, the port refuses commands.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(address: SocketAddr, token: Option<String>) -> Result<Self, BindError> {
        let failed = |error| BindError::Port(address, error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(AdminListener { listener: Listener::Port(listener), guard: Guard::of_port(token.as_deref(), NO_COMMANDS) })
    }

    /// The address of a port; None for a socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Port(listener) => listener.local_addr().ok(),
            Listener::Socket(_) => None,
        }
    }

    /// Opens a Unix socket that only the user of this process can use. Replaces one that a former server left behind.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind_socket(path: &Path) -> Result<Self, BindError> {
        let failed = |error| BindError::Socket { path: path.to_owned(), error };
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
        if is_socket {
            if UnixStream::connect(path).is_ok() {
                return Err(BindError::SocketInUse(path.to_owned()));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        // Until the permissions are set, the socket has another name, so that no client connects to it.
        let hidden = path.with_extension(format!("{}.new", std::process::id()));
        let listener = UnixListener::bind(&hidden).map_err(failed)?;
        let named = std::fs::set_permissions(&hidden, Permissions::from_mode(0o600))
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| std::fs::rename(&hidden, path));
        named.map_err(failed)?;
        Ok(AdminListener { listener: Listener::Socket(listener), guard: Guard::Socket })
    }

    /// Serves requests on a thread of its own, until the process ends.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn serve(self, handle: Arc<ServerHandle>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = move || {
            let routes = routes(handle, self.guard);
            if let Err(error) = runtime.block_on(accept(self.listener, routes)) {
                tracing::error!(%error, "the admin port does not answer any more: restart the server to get it back");
            }
        };
        std::thread::Builder::new().name("admin".into()).spawn(serve).map(drop)
    }
}

/// Accepts connections for ever.
async fn accept(listener: Listener, routes: Router) -> io::Result<()> {
    let mut connections = HttpConnections::default();
    match listener {
        Listener::Port(listener) => {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => connections.serve(stream, &routes),
                    Err(error) => accept_failed(&error, &mut connections).await,
                }
            }
        }
        Listener::Socket(listener) => {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => connections.serve(stream, &routes),
                    Err(error) => accept_failed(&error, &mut connections).await,
                }
            }
        }
    }
}

/// Waits after a connection that could not be accepted, because the cause, such as too many open files, does not pass at
/// once. Closes an idle connection to make room.
async fn accept_failed(error: &io::Error, connections: &mut HttpConnections) {
    tracing::debug!(%error, "cannot accept a connection to the admin port; trying again");
    connections.close_idle();
    tokio::time::sleep(ACCEPT_RETRY).await;
}
