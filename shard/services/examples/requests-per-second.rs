//! How many calls per second one thread dispatches, in process: through the door of UDP, with the at-most-once table, and
//! through that of HTTPS, with JSON. The network is not part of it.
//!
//! `cargo run --release -p ringshard-services --example requests-per-second [CALLS]`

use futures_util::future::join_all;
use ringshard_requests::message::{Call, Greeting, Hello};
use ringshard_requests::record;
use ringshard_requests::value::Typed;
use ringshard_services::actions::{Access, Action, Actions, Caller, Client, Failure, Limits, Reply};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATH: &str = "/v1/inventory/use";
/// Calls that are open at the same time.
const PARALLEL: u32 = 100;

record! {
    struct UseItem {
        item: u32,
        count: u16,
        note: Option<String>,
    }

    struct Used {
        left: u16,
    }
}

fn use_item(item: u32) -> UseItem {
    UseItem { item, count: 2, note: None }
}

fn actions() -> Actions {
    let limits = Limits { per_second: 1e9, burst: u32::MAX, parallel: 1000, ..Limits::default() };
    let action = Action { path: PATH, about: "Uses an item.", access: Access::Anybody, limits };
    let mut builder = Actions::builder();
    builder.add(action, async |_: Caller, request: UseItem| Ok::<_, Failure>(Used { left: request.count - 1 }));
    builder.build()
}

/// A client that has said hello, and its epoch.
fn client(actions: &Actions) -> (Client, u64) {
    let client = actions.connect(None, false, ADDRESS);
    let mut message = Vec::new();
    Hello { instance: [1; 16] }.write(&mut message);
    let Reply::Now(greeting) = client.receive(&message) else { panic!("hello is answered") };
    let epoch = Greeting::read(&greeting).expect("it is a greeting").epoch;
    (client, epoch)
}

async fn over_udp(actions: &Actions, calls: u32) {
    let (client, epoch) = client(actions);
    let mut message = Vec::new();
    for first in (1..=calls).step_by(PARALLEL as usize) {
        let replies = (first..first + PARALLEL).map(|number| {
            message.clear();
            let value = use_item(number).into_value().to_bytes();
            Call { number, epoch, oldest: first, deadline: 1000, path: PATH, value: &value }.write(&mut message);
            let Reply::Later(reply) = client.receive(&message) else { panic!("the call is new") };
            reply
        });
        let replies: Vec<_> = replies.collect();
        assert!(join_all(replies).await.iter().all(Option::is_some));
    }
}

async fn over_https(actions: &Actions, calls: u32) {
    for first in (0..calls).step_by(PARALLEL as usize) {
        let outcomes = (first..first + PARALLEL).map(async |item| {
            let request = json!({"item": item, "count": 2});
            actions.call_json(Caller::new(ADDRESS), PATH, &request, None).await.status
        });
        assert!(join_all(outcomes).await.iter().all(|status| *status == 200));
    }
}

/// What this thread has used of a CPU.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time of a thread");
    let ns = stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("it begins with nanoseconds");
    Duration::from_nanos(ns)
}

async fn measured(name: &str, calls: u32, work: impl Future<Output = ()>) {
    let (start, before) = (Instant::now(), cpu());
    work.await;
    let (wall, used) = (start.elapsed(), cpu() - before);
    println!(
        "{name}: {:.0} calls/s of wall time, {:.0} calls/s of CPU time, {:.1} us of CPU per call",
        f64::from(calls) / wall.as_secs_f64(),
        f64::from(calls) / used.as_secs_f64(),
        used.as_secs_f64() * 1e6 / f64::from(calls)
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let calls = std::env::args().nth(1).map_or(200_000, |calls| calls.parse().expect("a number of calls"));
    let calls = u32::div_ceil(calls, PARALLEL) * PARALLEL;
    let actions = actions();
    over_udp(&actions, PARALLEL).await;
    measured("udp", calls, over_udp(&self::actions(), calls)).await;
    measured("https", calls, over_https(&actions, calls)).await;
}
