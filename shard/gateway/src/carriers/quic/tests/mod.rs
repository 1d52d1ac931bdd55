//! QUIC and WebTransport over real loopback sockets, between real clients and a real server core. Waits are for what must
//! happen, never for a time.

mod bulk;
mod early;
mod echo;
mod gateway;
mod handshakes;
mod http3;
mod live;
mod player;
mod server;
mod udp_server;

use std::future::Future;
use std::time::Duration;

/// Only a test that fails takes this long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a test's client.
fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(TIMEOUT, client).await.expect("the test hangs") })
}

/// Waits until `done` says so.
async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
