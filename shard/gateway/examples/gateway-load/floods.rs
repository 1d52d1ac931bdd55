//! Honest clients before, during and after a flood from other addresses.

use crate::Outcome;
use crate::clients::{Crowd, Target};
use crate::options::{Flood, Kind, Options, Role};
use crate::process::{Process, command};
use crate::report::{Phase, print_flood_head};
use crate::udp_echo::UdpEcho;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CLIENTS: usize = 200;
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures the honest clients twice before the flood, which tells the noise, once during it, and once after it.
pub async fn measure(options: &Options, flood: Flood) -> Outcome<()> {
    let kind = *options.carriers.first().unwrap_or(&Kind::Websocket);
    if kind == Kind::Webrtc {
        return Err("there is no flood over WebRTC: choose websocket, webtransport or quic with --carriers".into());
    }
    let clients = *options.clients.first().unwrap_or(&CLIENTS);
    let echo = UdpEcho::start()?;
    let mut process = Process::start(Role::Gateway, options, Some(echo.address))?;
    let certificate = process.certificate();
    let crowd = Crowd::connect(Target { kind, address: process.address, certificate: &certificate }, clients).await?;
    crowd.play(options.rate, usize::from(options.bytes));
    tokio::time::sleep(WARM_UP).await;
    if !options.json {
        print_flood_head(clients);
    }
    let mut phases = Vec::new();
    for name in ["before", "again", "during", "after"] {
        let attack = (name == "during").then(|| Attack::start(options, kind, flood, &process)).transpose()?;
        if matches!(name, "during" | "after") {
            tokio::time::sleep(WARM_UP).await;
        }
        let mut phase = window(options, flood, name, &crowd, &mut process).await?;
        drop(attack);
        phase.memory_mib = process.memory()? as f64 / f64::from(1 << 20);
        if !options.json {
            phase.print();
        }
        phases.push(phase);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&phases)?);
    }
    Ok(())
}

async fn window(
    options: &Options,
    flood: Flood,
    name: &'static str,
    crowd: &Crowd,
    process: &mut Process,
) -> Outcome<Phase> {
    let (cpu, counters) = (process.cpu()?, process.counters()?);
    let at_end = || -> Outcome<_> { Ok((process.cpu()?, process.counters()?)) };
    let (measured, at_end) = crowd.tally.measure(Duration::from_secs(options.secs), at_end).await;
    let (cpu_after, counters_after) = at_end?;
    let sum = |of: &BTreeMap<String, u64>, names: &[&str]| -> u64 {
        names.iter().map(|name| of.get(*name).copied().unwrap_or_default()).sum()
    };
    let grown = |names: &[&str]| sum(&counters_after, names) - sum(&counters, names);
    Ok(Phase {
        busy: cpu_after.since(cpu).total() / measured.seconds,
        taken: grown(&["tcp_accepted", "quic_handshakes"]),
        refused: grown(&["tcp_refused", "refused", "quic_refused", "quic_retries"]),
        ..Phase::new(flood, name, &measured)
    })
}

/// The process that floods. It ends when this is dropped.
struct Attack(Child);

impl Attack {
    fn start(options: &Options, kind: Kind, flood: Flood, gateway: &Process) -> Outcome<Attack> {
        let folder = gateway.certificate();
        let folder = folder.parent().ok_or("the certificate is in a folder")?;
        let plain = command(Role::Attack, options, Some(gateway.address), folder)?;
        // The lowest priority: the honest clients on the same CPU come first.
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(plain.get_program()).args(plain.get_args());
        for (flag, value) in [("--carriers", name(kind)), ("--flood", name(flood))] {
            nice.args([flag, &value]);
        }
        nice.args(["--flood-rate", &options.flood_rate.to_string()]);
        nice.args(["--flood-addresses", &options.flood_addresses.to_string()]);
        nice.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Attack(nice.spawn()?))
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn name(value: impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
