//! Accepts connections until the door closes, then lets what runs finish.

use super::admission::Admission;
use super::connection::{Shared, serve};
use super::proxy_header;
use crate::counters::count;
use ringshard_operation::admission::Full;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Least time between two lines of the log about connections that cannot be accepted. A counter has them all.
const COMPLAINT_PERIOD: Duration = Duration::from_secs(60);
/// Time between two looks at whether all connections have ended. WebSockets outlive the task of their connection.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// How the door closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Connections that were cut, because they still ran when the time to drain was over.
    pub cut: usize,
}

/// Runs until the door closes and every connection has ended.
pub(in crate::login) async fn accept(listener: TcpListener, shared: Arc<Shared>) -> Drained {
    let entrance = Entrance {
        admission: Admission::new(&shared.settings, Arc::clone(&shared.counters)),
        heads: Arc::new(Semaphore::new(shared.settings.connections_max)),
        shared: Arc::clone(&shared),
    };
    let mut connections = JoinSet::new();
    let mut closing = shared.closing.clone();
    let mut silent_until = Instant::now();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => entrance.begin(stream, from.ip().to_canonical(), &mut connections),
                Err(error) => {
                    count(&shared.counters.accept_failed);
                    if Instant::now() >= silent_until {
                        silent_until = Instant::now() + COMPLAINT_PERIOD;
                        tracing::warn!(%error, "the login door cannot accept a connection; it tries on");
                    }
                    if !is_of_one_connection(&error) {
                        sleep(ACCEPT_RETRY).await;
                    }
                }
            },
            Some(_) = connections.join_next() => {}
            () = closing.begun() => break,
        }
    }
    drop(listener);
    drain(connections, &entrance.admission, &shared).await
}

struct Entrance {
    admission: Arc<Admission>,
    /// Connections of proxies whose header has not arrived yet.
    heads: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Entrance {
    fn begin(&self, stream: TcpStream, from: IpAddr, into: &mut JoinSet<()>) {
        // Answers are short: a delay to fill packets gains nothing.
        let _ = stream.set_nodelay(true);
        let (admission, shared) = (Arc::clone(&self.admission), Arc::clone(&self.shared));
        if shared.settings.proxies.iter().any(|proxy| proxy.contains(&from)) {
            match Arc::clone(&self.heads).try_acquire_owned() {
                Ok(head) => drop(into.spawn(behind_proxy(stream, from, head, admission, shared))),
                Err(_) => admission.refused(Full::All),
            }
        } else if let Some(slot) = admission.admit(from) {
            into.spawn(serve(stream, from, slot, shared));
        }
    }
}

/// Serves a client of a proxy, whose header tells the client's address.
async fn behind_proxy(
    mut stream: TcpStream,
    proxy: IpAddr,
    head: OwnedSemaphorePermit,
    admission: Arc<Admission>,
    shared: Arc<Shared>,
) {
    let read = timeout(shared.settings.handshake, proxy_header::read(&mut stream));
    let mut closing = shared.closing.clone();
    let read = tokio::select! {
        read = read => read,
        () = closing.begun() => return,
    };
    let Ok(Ok(client)) = read else {
        count(&shared.counters.proxy_headers_failed);
        return;
    };
    drop(head);
    let client = client.map_or(proxy, |client| client.to_canonical());
    if let Some(slot) = admission.admit(client) {
        serve(stream, client, slot, shared).await;
    }
}

/// The client gave up before it was accepted: the next connection may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn drain(mut connections: JoinSet<()>, admission: &Admission, shared: &Shared) -> Drained {
    let end = Instant::now() + shared.settings.drain;
    let ended = timeout_at(end, async {
        while connections.join_next().await.is_some() {}
        while admission.taken() > 0 {
            sleep(DRAIN_LOOK).await;
        }
    });
    if ended.await.is_ok() {
        return Drained { cut: 0 };
    }
    let cut = admission.taken();
    shared.counters.connections_cut.fetch_add(cut as u64, std::sync::atomic::Ordering::Relaxed);
    tracing::warn!(cut, "the login door cuts connections that have not ended in time");
    connections.shutdown().await;
    Drained { cut }
}
