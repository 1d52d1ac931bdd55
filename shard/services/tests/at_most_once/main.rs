//! A simulator of calls: the client's state machine against the real dispatch, over a network that loses, repeats and
//! reorders messages, with clients that reconnect and a server that is killed. An auditor counts executions.
//!
//! The time is tokio's, paused: minutes pass in seconds.

mod audit;
mod network;
mod random;

use audit::Audit;
use network::Network;

/// What is simulated.
struct Plan {
    seed: u64,
    clients: usize,
    /// Calls of one client that are open at the same time.
    parallel: usize,
    /// Calls of all clients.
    calls: usize,
}

async fn simulated(plan: &Plan) -> Audit {
    let mut network = Network::new(plan.seed, plan.clients);
    network.run(plan.parallel, plan.calls).await;
    network.into_audit()
}

#[tokio::test(start_paused = true)]
async fn each_call_is_executed_once_or_reported_unknown_and_none_twice() {
    for seed in 1..=2 {
        let plan = Plan { seed, clients: 10, parallel: 100, calls: 2000 };
        let audit = simulated(&plan).await;
        println!("seed {seed}: {audit}");
        audit.check();
        audit.assert_something_happened();
    }
}

/// The large campaign: run it with `--release`. `AT_MOST_ONCE_SEED` chooses another course of events.
#[tokio::test(start_paused = true)]
#[ignore = "takes a quarter of a minute when it is optimised"]
async fn a_hundred_thousand_calls_of_a_hundred_clients() {
    let seed = std::env::var("AT_MOST_ONCE_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let plan = Plan { seed, clients: 100, parallel: 100, calls: 100_000 };
    let audit = simulated(&plan).await;
    println!("seed {seed}: {audit}");
    audit.check();
    audit.assert_something_happened();
}
