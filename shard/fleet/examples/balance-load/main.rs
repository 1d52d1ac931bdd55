//! Load on a balancer: one server thread on a core of its own, one generator on another, an open loop over connections that stay.
//!
//! ```text
//! cargo run --release -p ringshard-fleet --example balance-load -- [RATE [SECONDS [HOSTS [REGIONS]]]]
//! ```
//! Defaults: 10,000 requests per second for 10 s, 1,000 hosts in 20 regions. With `LOCATION_DATABASE`, addresses are
//! located. Every 100 ms all hosts tell new figures, so that the balancer prepares its index again.
//!
//! The exit code is 1 if fewer than 99 % of the requests were answered in the time, if one was answered with anything but a host, if
//! the 99th percentile is 2 ms or more, or if a decision takes 20 us or more.

mod fleet;
mod generator;
mod server;

use ringshard_fleet::balancer::{Ask, Balancer, Request};
use std::process::ExitCode;
use std::time::Duration;

const P99_MAX: Duration = Duration::from_millis(2);
const DECISION_MAX: Duration = Duration::from_micros(20);

fn main() -> ExitCode {
    let numbers: Vec<u32> =
        std::env::args().skip(1).map(|word| word.parse().expect("the arguments are numbers")).collect();
    let number = |at: usize, usual: u32| numbers.get(at).copied().unwrap_or(usual);
    let (rate, seconds) = (number(0, 10_000), number(1, 10));
    let (hosts, regions) = (number(2, 1_000), number(3, 20));
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let decision = decision_time(hosts, regions);
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("decision          {:.2} us of CPU time, with {hosts} hosts in {regions} regions", micros(decision));
    println!("new directory     {:.0} us of CPU time", micros(preparation_time(hosts, regions)));

    let server = server::Running::start(hosts, regions, cores.first().copied());
    if let Some(core) = cores.get(1) {
        core_affinity::set_for_current(*core);
    }
    // The first second fills caches and the tables of the kernel.
    generator::run(server.address, rate, Duration::from_secs(1));
    let cpu_before = cpu_of(&server.thread);
    let result = generator::run(server.address, rate, Duration::from_secs(seconds.into()));
    let cpu = cpu_of(&server.thread).saturating_sub(cpu_before);
    server.stop();

    let answered = result.latency.len();
    let percentile = |share: f64| Duration::from_nanos(result.latency.value_at_quantile(share));
    let (median, p99, most) = (percentile(0.5), percentile(0.99), percentile(1.0));
    println!(
        "answered          {answered} of {} in {:.2} s: {:.0}/s",
        result.asked,
        result.time.as_secs_f64(),
        result.rate()
    );
    println!("not a host        {}", result.wrong);
    println!("latency           p50 {median:.0?}, p99 {p99:.0?}, most {most:.0?}");
    println!("CPU per request   {:.1} us of the server's thread", micros(cpu) / answered.max(1) as f64);
    let holds = result.wrong == 0
        && answered * 100 >= result.asked * 99
        && result.rate() >= f64::from(rate) * 0.99
        && p99 < P99_MAX
        && decision < DECISION_MAX;
    println!("{}", if holds { "holds" } else { "does not hold" });
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The CPU time of one decision, without HTTP.
fn decision_time(hosts: u32, regions: u32) -> Duration {
    const DECISIONS: u32 = 100_000;
    let mut balancer = Balancer::new(fleet::policy(regions), 1_000_000);
    balancer.set_directory(&fleet::directory(hosts, regions, 0));
    let asks: Vec<Ask> = (0..1_000)
        .map(|number| Ask {
            request: Request { round_trips: fleet::round_trips(number, regions), ..Request::default() },
            network: number.into(),
            holder: number.into(),
            ticket: None,
            has_account: false,
        })
        .collect();
    let before = cpu_of("thread-self");
    for number in 0..DECISIONS {
        // 10,000 decisions per second.
        let now_ms = 2_000_000 + u64::from(number) / 10;
        std::hint::black_box(balancer.route(&asks[number as usize % asks.len()], now_ms, number.into()));
    }
    cpu_of("thread-self").saturating_sub(before) / DECISIONS
}

/// The CPU time of preparing a directory, and of giving up the one before.
fn preparation_time(hosts: u32, regions: u32) -> Duration {
    const ROUNDS: u32 = 100;
    let mut balancer = Balancer::new(fleet::policy(regions), 1_000_000);
    let directories: Vec<_> = (0..ROUNDS).map(|round| fleet::directory(hosts, regions, round)).collect();
    let before = cpu_of("thread-self");
    for directory in directories {
        balancer.set_directory(&directory);
    }
    cpu_of("thread-self").saturating_sub(before) / ROUNDS
}

/// The CPU time of a thread, named by its folder in /proc.
fn cpu_of(thread: &str) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{thread}/schedstat")).unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}
