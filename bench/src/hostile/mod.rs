//! `hostile`: players at a steady rate beside peers that have valid keys but break the protocol.

mod attack;
mod attackers;

use self::attack::Attack;
use crate::load::generator;
use crate::load::generator::Shared;
use crate::load::run::Run;
use crate::report::verdict::{Missed, Verdict};
use crate::report::{ClientFigures, CpuTime, Report, ServerFigures};
use crate::scenario;
use crate::scenario::Scenario;
use crate::server_process::Server;
use crate::system::{interrupt, raise_file_limit};
use crate::terminal::grouped;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Target: 99 % of the players' round trips end within this many microseconds.
const P99_MAX_US: f64 = 50_000.0;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Peers that attack. Each does one of these: acknowledges datagrams that were never sent, starts 64 KiB messages
    /// that it never completes, sends LZ4 bombs, acknowledges huge ranges, sends endless tiny messages. It reconnects
    /// when the server ends its connection.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = peers)]
    peers: usize,
    /// Datagrams per second of all attackers together.
    #[arg(long, value_name = "PPS", default_value_t = 20_000)]
    attacks: u64,
    #[command(flatten)]
    load: scenario::Arguments,
    #[command(flatten)]
    serving: scenario::ServerOptions,
    #[command(flatten)]
    settings: scenario::Settings,
}

fn peers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(peers) if (1..=30_000).contains(&peers) => Ok(peers),
        _ => Err("give a number from 1 to 30000".into()),
    }
}

/// Measures the same players first alone, then beside the attackers.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, serving, settings, .. } = arguments;
    let scenario = Scenario::new(load.players()?, &load.place, serving, settings, None)?;
    raise_file_limit();
    let alone = measure(&scenario, None)?;
    println!("players alone\n{}", alone.report.page());
    if interrupt::is_requested() {
        return Err(interrupt::too_early("measuring players alone"));
    }
    let beside = measure(&scenario, Some(arguments))?;
    let mut missed = Missed::default();
    if beside.players_lost > 0 {
        missed.clients.push(format!("{} players lost their connection", beside.players_lost));
    }
    if beside.report.client.rtt.p99_us >= P99_MAX_US {
        missed.clients.push(format!("p99 round trip {:.1} ms", beside.report.client.rtt.p99_us / 1000.0));
    }
    let mut report = beside.report;
    let verdict = report.judge(missed);
    report.verdict = Some(verdict.clone());
    println!("players beside {} attackers\n{}", arguments.peers, report.page());
    println!(
        "  attacks      {} datagrams/s, {} reconnects\n  memory       {:.1} MiB resident, {:.1} MiB without attackers\n\nverdict: {verdict}",
        grouped(beside.attacks_per_second),
        beside.put_out,
        beside.resident_mib,
        alone.resident_mib,
    );
    if let Some(path) = &arguments.load.json {
        report.write_json(path)?;
    }
    Ok(verdict)
}

struct Measured {
    report: Report,
    players_lost: u64,
    attacks_per_second: f64,
    put_out: u64,
    resident_mib: f64,
}

fn measure(scenario: &Scenario, attack: Option<&Arguments>) -> Result<Measured, String> {
    let server = Server::start(scenario)?;
    let shared = Arc::new(Shared::default());
    let generators = generator::start(scenario, server.address, Some(server.key), &shared);
    let mut run = Run { name: "hostile", scenario, shared: &shared, generators };
    run.connect()?;
    let cpu = *scenario.client_cpus.last().unwrap_or(&0);
    let start = |it: &Arguments| Attack::start(server.address, server.key, it.peers, it.attacks, cpu);
    let attack = attack.map(start);
    let attacks =
        || attack.as_ref().map_or((0, 0), |it| (it.sent.load(Ordering::Relaxed), it.put_out.load(Ordering::Relaxed)));
    let measured = run.measure(|| Ok((server.report()?, server.usage(), attacks())))?;
    let (sent, put_out) = (measured.after.2.0 - measured.before.2.0, measured.after.2.1 - measured.before.2.1);
    if let Some(attack) = attack {
        attack.stop();
    }
    let load = CpuTime::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let seen = measured.after.0.since(&measured.before.0);
    let figures = ServerFigures::new(&seen, &load, measured.after.1, scenario.server_cpus.len());
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    let players_lost = shared.failed.load(Ordering::Relaxed);
    let mut report = Report::new("hostile", scenario, figures, client, &measured.outcome, &load);
    report.datapath = seen.datapath.to_string();
    report.cipher = scenario::option_name(scenario.cipher);
    let resident_mib = measured.after.1.resident_bytes as f64 / f64::from(1 << 20);
    server.stop()?;
    let attacks_per_second = sent as f64 / measured.elapsed.as_secs_f64();
    Ok(Measured { report, players_lost, attacks_per_second, put_out, resident_mib })
}
