//! The generator: threads that each drive a share of the peers over their own sockets.
//!
//! Send times are fixed in advance and written into each message, so a generator or server that falls behind shows as
//! latency, not as fewer samples. The main thread sets the phase; the generators only read it.

mod driver;
mod outcome;
mod pace;
mod shared;

pub use self::outcome::Outcome;
pub use self::shared::{Phase, Shared};

use self::driver::Share;
use crate::scenario::{Rate, Scenario};
use core_affinity::CoreId;
use ringshard_link::mmsg::MmsgLink;
use ringshard_link::socket::Socket;
use ringshard_link::uring::{Ring, UringLink};
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts a generator on each client CPU. Without a `key` the peers send plain datagrams.
pub fn start(
    scenario: &Scenario,
    server: SocketAddr,
    key: Option<PublicKey>,
    shared: &Arc<Shared>,
) -> Vec<JoinHandle<Result<Outcome, String>>> {
    let threads = scenario.client_cpus.len().min(scenario.sockets);
    let share = |total: usize, thread: usize| total * (thread + 1) / threads - total * thread / threads;
    (0..threads)
        .map(|thread| {
            let (clients, sockets) = (share(scenario.clients, thread), share(scenario.sockets, thread));
            let (scenario, shared, cpu) = (scenario.clone(), shared.clone(), scenario.client_cpus[thread]);
            std::thread::spawn(move || {
                core_affinity::set_for_current(CoreId { id: cpu });
                let sockets = (0..sockets)
                    .map(|_| Socket::connect(server))
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|error| error.to_string())?;
                // At full speed there is always a backlog, and time stamps would cost CPU time.
                if scenario.rate != Rate::Max {
                    stamp_arrivals(&sockets);
                }
                let share = Share { scenario: &scenario, thread, server, key, clients, shared };
                match Ring::open() {
                    Ok(ring) => Ok(share.drive(UringLink::new(ring, sockets).map_err(|error| error.to_string())?)),
                    Err(_) => Ok(share.drive(MmsgLink::new(sockets).map_err(|error| error.to_string())?)),
                }
            })
        })
        .collect()
}

/// Asks the kernel to time-stamp arrivals. Without stamps, only the time that datagrams stay unread is unknown.
pub fn stamp_arrivals(sockets: &[Socket]) {
    for socket in sockets {
        let _ = socket.stamp_arrivals();
    }
}
