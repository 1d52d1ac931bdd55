//! Measures a server of its own that sends.

use super::process::SendingServer;
use super::receiver::{Counts, Receiver};
use super::server::SendOptions;
use crate::load::fleet::{Connected, Fleet, FleetResult};
use crate::scenario::Scenario;
use crate::system::interrupt;
use crate::system::usage::{Usage, usage};
use crate::terminal::grouped;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Sending before the measurement, until congestion control has found its rate.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the last messages may take.
const DRAIN: Duration = Duration::from_secs(20);

/// Both sides at one moment.
pub struct Observation {
    pub at: Instant,
    pub messages: u64,
    pub datagrams: u64,
    pub server: ServerReport,
    pub server_usage: Usage,
    pub client_usage: Usage,
}

/// Before and after the measured time, and when everything had arrived.
pub struct Measured {
    pub before: Observation,
    pub after: Observation,
    pub end: Observation,
}

/// Lets a server of its own send for the measured time, then end. Returns the measurements and the clients' result.
pub fn measure(
    scenario: &Scenario,
    load: &SendOptions,
) -> Result<(Measured, FleetResult<Connected<Receiver>>), String> {
    let mut server = SendingServer::start(scenario, load)?;
    let (bodies, counts) = (Arc::new(load.bodies()), Arc::new(Counts::default()));
    let receiver = |_| Connected::new(Receiver::new(load, bodies.clone(), counts.clone()));
    let receivers = (0..scenario.clients).map(receiver).collect();
    let config = ClientConfig { transport: load.transport(), ..ClientConfig::new(server.key) };
    let fleet = Fleet::start("transfer", scenario, server.address, config, receivers).connect()?;
    server.command("send")?;
    fleet.wait("warming up", WARM_UP, interrupt::is_requested, |_| String::new());
    if interrupt::is_requested() {
        return Err(interrupt::too_early("the server was warming up"));
    }
    fleet.measure(true);
    let before = observe(&server, &fleet, &counts)?;
    let mut last = (before.at, before.messages);
    fleet.wait("measuring", scenario.measure, interrupt::is_requested, |_| {
        let seen = (Instant::now(), counts.messages.load(Ordering::Relaxed));
        let rate = (seen.1 - last.1) as f64 / (seen.0 - last.0).as_secs_f64();
        last = seen;
        format!("{} messages/s", grouped(rate))
    });
    let after = observe(&server, &fleet, &counts)?;
    fleet.measure(false);
    server.command("end")?;
    let complete = || counts.complete.load(Ordering::Relaxed) == scenario.clients as u64;
    fleet.wait("draining", DRAIN, complete, |_| String::new());
    let end = observe(&server, &fleet, &counts)?;
    let mut result = fleet.stop()?;
    result.members.iter_mut().for_each(|member| member.workload.close());
    Ok((Measured { before, after, end }, result))
}

fn observe(server: &SendingServer, fleet: &Fleet<Connected<Receiver>>, counts: &Counts) -> Result<Observation, String> {
    let (report, server_usage) = server.observe()?;
    Ok(Observation {
        at: Instant::now(),
        messages: counts.messages.load(Ordering::Relaxed),
        datagrams: fleet.shared.datagrams.load(Ordering::Relaxed),
        server: report,
        server_usage,
        client_usage: usage(std::process::id()),
    })
}
