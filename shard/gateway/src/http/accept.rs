//! Accepts connections.

use super::Site;
use super::connection;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Least time between two lines of the log about connections that cannot be accepted. A counter has them all.
const COMPLAINT_PERIOD: Duration = Duration::from_secs(60);
/// Bytes that wait in the kernel of one connection before the network takes them. More would be old when it arrives.
const UNSENT_BYTES: u32 = 16 << 10;

/// Accepts, forever. The thread runs this as a task.
pub(crate) async fn run(listener: TcpListener, site: Rc<Site>) {
    let counters = site.thread.counters();
    let mut silent_until = Instant::now();
    loop {
        match listener.accept().await {
            Ok((stream, from)) => begin(stream, from, &site),
            Err(error) => {
                counters.tcp_failed.add(1);
                if Instant::now() >= silent_until {
                    silent_until = Instant::now() + COMPLAINT_PERIOD;
                    tracing::warn!(%error, "cannot accept a connection; the gateway tries on");
                }
                if !is_of_one_connection(&error) {
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

fn begin(stream: TcpStream, from: SocketAddr, site: &Rc<Site>) {
    let counters = site.thread.counters();
    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
    let Ok(place) = site.thread.connection(from.ip()) else { return counters.tcp_refused.add(1) };
    counters.tcp_accepted.add(1);
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
    spawn_local(connection::serve(stream, from, place, Rc::clone(site)));
}

/// The client gave up before it was accepted: the next connection may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
