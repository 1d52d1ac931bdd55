//! Clients at a steady rate: over the bare echo, over the gateway, and over the gateway with nothing coming back.

use crate::Outcome;
use crate::clients::{Crowd, Target};
use crate::options::{Kind, Options, Role};
use crate::process::{Process, own_cpu};
use crate::report::{Added, OverBare, Row, print_head};
use crate::udp_echo::UdpEcho;
use serde::Serialize;
use std::time::Duration;

/// Before a measurement, so that buffers have their size.
const WARM_UP: Duration = Duration::from_secs(2);
/// Share of lost datagrams with which a carrier does not hold its clients.
const LOST_MAX: f64 = 0.01;
const CLIENTS: usize = 2_000;

#[derive(Serialize, Default)]
struct Report {
    rows: Vec<Row>,
    added: Vec<Added>,
}

/// Measures each carrier with each number of clients.
pub async fn measure(options: &Options) -> Outcome<()> {
    let numbers = if options.clients.is_empty() { vec![CLIENTS] } else { options.clients.clone() };
    let mut report = Report::default();
    if !options.json {
        print_head();
    }
    for &kind in &options.carriers {
        for &clients in &numbers {
            let lost = measure_carrier(options, kind, clients, &mut report).await?;
            if options.until_full && lost > LOST_MAX {
                break;
            }
        }
    }
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => report.added.iter().for_each(Added::print),
    }
    Ok(())
}

/// Returns the share of the datagrams that the gateway lost.
async fn measure_carrier(options: &Options, kind: Kind, clients: usize, report: &mut Report) -> Outcome<f64> {
    let mut note = |row: Row| {
        if !options.json {
            row.print();
        }
        report.rows.push(row);
    };
    let bare = match Role::bare(kind).filter(|_| !options.only_gateway) {
        None => None,
        Some(role) => {
            eprintln!("{kind:?}: {clients} clients, bare echo");
            let mut process = Process::start(role, options, None)?;
            let row = run(options, kind, clients, &mut process, None).await?.remove(0);
            note(row.clone());
            Some(row)
        }
    };
    eprintln!("{kind:?}: {clients} clients, gateway");
    let echo = UdpEcho::start()?;
    let mut process = Process::start(Role::Gateway, options, Some(echo.address))?;
    let rows = run(options, kind, clients, &mut process, Some(&echo)).await?;
    rows.iter().cloned().for_each(note);
    let both = &rows[0];
    if let Some(up) = rows.get(1) {
        // Half of the datagrams go up. The rest of the time goes down.
        report.added.push(Added {
            carrier: kind,
            clients,
            over_bare: bare.map(|bare| OverBare {
                p50_ms: both.p50_ms - bare.p50_ms,
                p99_ms: both.p99_ms - bare.p99_ms,
                cpu_ratio: both.cpu_us / bare.cpu_us,
            }),
            up_us: up.cpu_us,
            down_us: both.cpu_us * (1.0 + both.up_per_second / both.down_per_second)
                - up.cpu_us * both.up_per_second / both.down_per_second,
        });
    }
    Ok(both.lost.unwrap_or_default())
}

/// Connects the clients and measures: with answers, and if there is a UDP echo, without.
async fn run(
    options: &Options,
    kind: Kind,
    clients: usize,
    process: &mut Process,
    echo: Option<&UdpEcho>,
) -> Outcome<Vec<Row>> {
    let before = process.memory()?;
    let certificate = process.certificate();
    let target = Target { kind, address: process.address, certificate: &certificate };
    let crowd = Crowd::connect(target, clients).await?;
    crowd.play(options.rate, usize::from(options.bytes));
    tokio::time::sleep(WARM_UP).await;
    let mut row = window(options, kind, &crowd, process, echo.is_some()).await?;
    row.clients = clients;
    row.client_kib = process.memory()?.saturating_sub(before) as f64 / 1024.0 / clients as f64;
    let mut rows = vec![row];
    if let Some(echo) = echo.filter(|_| !options.only_gateway) {
        echo.answer(false);
        tokio::time::sleep(WARM_UP).await;
        let up = window(options, kind, &crowd, process, true).await?;
        rows.push(Row { server: "gateway, up only", lost: None, clients, client_kib: rows[0].client_kib, ..up });
    }
    drop(crowd);
    Ok(rows)
}

async fn window(options: &Options, kind: Kind, crowd: &Crowd, process: &mut Process, is_gateway: bool) -> Outcome<Row> {
    let counters = process.counters()?;
    let (cpu, load) = (process.cpu()?, own_cpu()?);
    let span = Duration::from_secs(options.secs);
    let at_end = || -> Outcome<_> { Ok((process.cpu()?, own_cpu()?, process.counters()?)) };
    let (measured, at_end) = crowd.tally.measure(span, at_end).await;
    let (cpu_after, load_after, counters_after) = at_end?;
    let (cpu, load) = (cpu_after.since(cpu), load_after.since(load));
    let count = |name: &str| {
        let of = |counters: &std::collections::BTreeMap<String, u64>| counters.get(name).copied().unwrap_or_default();
        (of(&counters_after) - of(&counters)) as f64
    };
    let ratio = |part: f64, whole: f64| (whole > 0.0).then_some(part / whole);
    let (up, down) = match is_gateway {
        true => (count("datagrams_up"), count("datagrams_down")),
        false => (measured.sent as f64, measured.received as f64),
    };
    let datagrams = (up + down).max(1.0);
    Ok(Row {
        carrier: kind,
        server: if is_gateway { "gateway" } else { "bare echo" },
        clients: 0,
        up_per_second: up / measured.seconds,
        down_per_second: down / measured.seconds,
        lost: Some(measured.lost()),
        ended: measured.ended,
        busy: cpu.total() / measured.seconds,
        cpu_us: cpu.total() * 1e6 / datagrams,
        system_us: cpu.system * 1e6 / datagrams,
        p50_ms: measured.p50,
        p99_ms: measured.p99,
        client_kib: 0.0,
        per_send: ratio(count("datagrams_up"), count("sends")),
        per_receive: ratio(count("datagrams_down"), count("receives")),
        load_busy: load.total() / measured.seconds,
    })
}
