//! Accepts connections until the balancer drains, then lets what runs finish.

use super::connection::{Shared, serve};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Least time between two lines of the log about connections that are not served. Counters have them all.
const COMPLAINT_PERIOD: Duration = Duration::from_secs(60);

/// Runs until the balancer drains and every connection has ended, at the latest `drain` later. Gives the number of connections
/// that were cut then.
pub(in crate::balance) async fn accept(listener: TcpListener, shared: Arc<Shared>, drain: Duration) -> usize {
    let mut connections = JoinSet::new();
    let mut drains = shared.drains.clone();
    let (mut failed, mut exposed) = (Complaint::new(), Complaint::new());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => begin(stream, from, &shared, &mut connections, &mut exposed),
                Err(error) => {
                    shared.state.counters.accept_failed.count();
                    if failed.is_due() {
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

fn begin(stream: TcpStream, from: SocketAddr, shared: &Arc<Shared>, into: &mut JoinSet<()>, exposed: &mut Complaint) {
    let (state, address) = (&shared.state, from.ip().to_canonical());
    let is_proxy = state.settings.trusted_proxies.iter().any(|network| network.contains(&address));
    if shared.tls.is_none() && is_exposed(address, is_proxy) {
        state.counters.connections_exposed.count();
        if exposed.is_due() {
            tracing::warn!(
                %address,
                "closed a connection, because its tokens would cross a network in the clear: set `certificate`, or name the \
                 proxy in `trusted-proxies`"
            );
        }
        return;
    }
    let Some(place) = shared.places.take(address, is_proxy) else { return state.counters.connections_refused.count() };
    state.counters.connections_accepted.count();
    // Answers are short: a delay to fill packets gains nothing.
    let _ = stream.set_nodelay(true);
    into.spawn(serve(stream, address, place, Arc::clone(shared)));
}

/// Whether what this address sends over HTTP crosses a network in the clear. Before a proxy, clients speak HTTPS.
fn is_exposed(address: IpAddr, is_proxy: bool) -> bool {
    !address.is_loopback() && !is_proxy
}

/// A line of the log that repeats itself.
struct Complaint {
    silent_until: Instant,
}

impl Complaint {
    fn new() -> Complaint {
        Complaint { silent_until: Instant::now() }
    }

    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = now >= self.silent_until;
        if is_due {
            self.silent_until = now + COMPLAINT_PERIOD;
        }
        is_due
    }
}

/// The client gave up before it was accepted: the next connection may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_and_proxies_say_nothing_to_a_network() {
        for (address, is_proxy, expected) in [
            ("127.0.0.1", false, false),
            ("::1", false, false),
            ("10.0.0.1", true, false),
            ("10.0.0.1", false, true),
            ("2001:db8::1", false, true),
        ] {
            assert_eq!(is_exposed(address.parse().unwrap(), is_proxy), expected, "{address}");
        }
    }
}
