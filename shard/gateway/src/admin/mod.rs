//! The admin port: metrics, clients, reload, drain, and a dashboard. It has a thread of its own, so that a scrape holds up no
//! client.
//!
//! | file | has |
//! |---|---|
//! | `routes` | what is answered |
//! | `metrics` | metrics for Prometheus |

mod metrics;
mod routes;

use crate::control::Control;
use crate::settings::AdminSettings;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ringshard_operation::Guard;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// Why a port without a token refuses commands.
const NO_COMMANDS: &str = "this port accepts no commands: set admin-token-file and send its token, or send a signal (SIGHUP \
                           reloads, SIGTERM drains)";
/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// For a connection.
const CONNECTION: Duration = Duration::from_secs(60);
/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The running port. It closes when this is dropped.
#[derive(Debug)]
pub struct Admin {
    listen: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Opens the port, if the settings have one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn start(control: &Arc<Control>) -> io::Result<Option<Admin>> {
        let settings = control.settings();
        let Some(AdminSettings { listen, token }) = &settings.admin else { return Ok(None) };
        let hint = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot open the admin port {listen}: {error}; set `admin` to another"),
            )
        };
        let listener = StdListener::bind(listen).map_err(hint)?;
        listener.set_nonblocking(true)?;
        let listen = listener.local_addr()?;
        let guard = Arc::new(Guard::of_port(token.as_deref(), NO_COMMANDS));
        let (stop, stopped) = oneshot::channel();
        let control = Arc::clone(control);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, control, guard) => {}
                    // The owner of the port drops it.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Some(Admin { listen, stop: Some(stop), thread: Some(thread) }))
    }

    /// The port's address.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: StdListener, control: Arc<Control>, guard: Arc<Guard>) {
    let listener = TcpListener::from_std(listener).expect("the listener is in non-blocking mode");
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, _)) => {
                let (control, guard) = (Arc::clone(&control), Arc::clone(&guard));
                tokio::spawn(async move {
                    connection(stream, control, guard).await;
                    drop(place);
                });
            }
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
}

async fn connection(stream: TcpStream, control: Arc<Control>, guard: Arc<Guard>) {
    let service = service_fn(|request| {
        let (control, guard) = (Arc::clone(&control), Arc::clone(&guard));
        async move { Ok::<_, Infallible>(routes::answer(&request, &control, &guard).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    // Errors are the client's.
    let _ = timeout(CONNECTION, builder.serve_connection(TokioIo::new(stream), service)).await;
}

#[cfg(test)]
mod tests;
