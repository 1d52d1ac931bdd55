//! Accepts connections until the door closes, then lets what runs finish.

use super::arrivals::Arrivals;
use super::connection::{Shared, serve};
use super::slots::{Full, Slots};
use crate::counters::count;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
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
    let slots = Slots::new(shared.settings.connections_max, shared.settings.connections_per_network_max);
    let mut connections = JoinSet::new();
    let mut closing = shared.closing.clone();
    let mut arrivals = Arrivals::new(shared.settings.connection_every, shared.settings.connections_burst);
    let mut complained = false;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, from)) if !arrivals.arrive(from.ip(), Instant::now()) => count(&shared.counters.connections_fast),
                Ok((stream, from)) => begin(stream, from, &slots, &shared, &mut connections),
                Err(error) => {
                    count(&shared.counters.accept_failed);
                    if !std::mem::replace(&mut complained, true) {
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
    drain(connections, &slots, &shared).await
}

fn begin(stream: TcpStream, from: SocketAddr, slots: &Arc<Slots>, shared: &Arc<Shared>, into: &mut JoinSet<()>) {
    let counters = &shared.counters;
    let address = from.ip().to_canonical();
    match slots.take(address) {
        Ok(slot) => {
            count(&counters.connections);
            // Answers are short: a delay to fill packets gains nothing.
            let _ = stream.set_nodelay(true);
            into.spawn(serve(stream, address, slot, Arc::clone(shared)));
        }
        Err(Full::All) => count(&counters.connections_full),
        Err(Full::Network) => count(&counters.connections_network_full),
    }
}

/// The client gave up before it was accepted: the next connection may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn drain(mut connections: JoinSet<()>, slots: &Slots, shared: &Shared) -> Drained {
    let end = Instant::now() + shared.settings.drain;
    let ended = timeout_at(end, async {
        while connections.join_next().await.is_some() {}
        while slots.taken() > 0 {
            sleep(DRAIN_LOOK).await;
        }
    });
    if ended.await.is_ok() {
        return Drained { cut: 0 };
    }
    let cut = slots.taken();
    shared.counters.connections_cut.fetch_add(cut as u64, std::sync::atomic::Ordering::Relaxed);
    tracing::warn!(cut, "the login door cuts connections that have not ended in time");
    connections.shutdown().await;
    Drained { cut }
}
