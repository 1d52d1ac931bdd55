//! Accepts connections until the balancer drains, then lets what runs finish.

use super::connection::{Shared, serve};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Least time between two lines of the log about connections that cannot be accepted. A counter has them all.
const COMPLAINT_PERIOD: Duration = Duration::from_secs(60);

/// Runs until the balancer drains and every connection has ended, at the latest `drain` later. Gives the number of connections
/// that were cut then.
pub(in crate::balance) async fn accept(listener: TcpListener, shared: Arc<Shared>, drain: Duration) -> usize {
    let mut connections = JoinSet::new();
    let mut drains = shared.drains.clone();
    let mut silent_until = Instant::now();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => begin(stream, from, &shared, &mut connections),
                Err(error) => {
                    shared.state.counters.accept_failed.count();
                    if Instant::now() >= silent_until {
                        silent_until = Instant::now() + COMPLAINT_PERIOD;
                        tracing::warn!(%error, "cannot accept a connection; the balancer tries on");
                    }
                    if !is_of_one_connection(&error) {
                        sleep(ACCEPT_RETRY).await;
                    }
                }
            },
            Some(_) = connections.join_next() => {}
            () = drains.begun() => break,
        }
    }
    drop(listener);
    let ended = timeout(drain, async { while connections.join_next().await.is_some() {} });
    if ended.await.is_ok() {
        return 0;
    }
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

fn begin(stream: TcpStream, from: SocketAddr, shared: &Arc<Shared>, into: &mut JoinSet<()>) {
    let (state, address) = (&shared.state, from.ip().to_canonical());
    let is_proxy = state.settings.trusted_proxies.iter().any(|network| network.contains(&address));
    let Some(place) = shared.places.take(address, is_proxy) else { return state.counters.connections_refused.count() };
    state.counters.connections_accepted.count();
    // Answers are short: a delay to fill packets gains nothing.
    let _ = stream.set_nodelay(true);
    into.spawn(serve(stream, address, place, Arc::clone(shared)));
}

/// The client gave up before it was accepted: the next connection may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
