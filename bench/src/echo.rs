//! `echo`: messages through an encrypted server and back.

use crate::generator::{self, Outcome, Phase, Shared};
use crate::interrupt;
use crate::process::{self, Server};
use crate::report::{ClientFigures, Connecting, Load, Report, ServerFigures};
use crate::scenario::{self, Cipher, Rate, Scenario};
use crate::verdict::{Missed, Verdict};
use indicatif::{ProgressBar, ProgressStyle};
use ringshard_protocol::crypto::Suite;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Sending before measuring.
const WARM_UP: Duration = Duration::from_secs(1);
/// Time for the last answers.
const DRAIN: Duration = Duration::from_millis(700);
/// How long all clients together may take to connect.
const CONNECT: Duration = Duration::from_secs(60);

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    #[command(flatten)]
    load: scenario::Arguments,
    #[command(flatten)]
    serving: scenario::Serving,
    #[command(flatten)]
    settings: scenario::Settings,
    #[command(flatten)]
    between: scenario::Network,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, serving, settings, between } = arguments;
    let scenario = Scenario::new(load.load(), &load.place, serving, settings, between.network)?;
    let report = measure_beside_floor("echo", &scenario)?;
    println!("echo\n{}", report.page());
    if let Some(histograms) = &report.histograms {
        println!("{histograms}");
    }
    let verdict = report.judge(Missed::default());
    if verdict != Verdict::Pass {
        println!("\nverdict: {verdict}");
    }
    if let Some(path) = &arguments.load.json {
        report.write_json(path)?;
    }
    Ok(verdict)
}

/// Measures the scenario between two runs of its floor: the same load on plain sockets, as fast as it goes, for at most
/// three seconds each. The speed of a virtual machine drifts; the mean of before and after drifts with it. A bad network
/// has no floor to be held against.
pub fn measure_beside_floor(name: &'static str, scenario: &Scenario) -> Result<Report, String> {
    if scenario.network.is_some() {
        return measure(name, scenario);
    }
    let floor = Scenario { rate: Rate::Max, measure: scenario.measure.min(Duration::from_secs(3)), ..scenario.clone() };
    let mut floors = vec![crate::floor::measure(&floor)?];
    if interrupt::is_requested() {
        return Err(interrupt::too_early("the floor was measured"));
    }
    let report = measure(name, scenario)?;
    if !interrupt::is_requested() {
        floors.push(crate::floor::measure(&floor)?);
    }
    Ok(report.beside(&floors))
}

/// Runs the scenario against a server of its own.
pub fn measure(name: &'static str, scenario: &Scenario) -> Result<Report, String> {
    raise_file_limit();
    let server = Server::start(scenario)?;
    let shared = Arc::new(Shared::default());
    let (began, idle) = (Instant::now(), server.usage());
    let generators = generator::start(scenario, server.address, Some(server.key), &shared);
    let mut run = Run { name, scenario, shared: &shared, generators };
    run.connect()?;
    let connecting = Connecting::new(scenario.clients, began.elapsed(), idle, server.usage());
    let measured = run.through(|| Ok((server.report()?, server.usage())))?;
    let (before, after) = (&measured.before.0, &measured.after.0);
    let load = Load::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let seen = after.since(before);
    let figures = ServerFigures::new(&seen, &load, measured.after.1, scenario.server_cpus.len());
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    server.stop()?;
    let mut report = Report::new(name, scenario, figures, client, &measured.outcome, &load);
    report.datapath = seen.datapath.to_string();
    report.cipher = match scenario.cipher {
        Cipher::Chacha => Suite::ChaCha20Poly1305.name().into(),
        Cipher::Aes => Suite::Aes128Gcm.name().into(),
    };
    report.connecting = Some(connecting);
    report.histograms = Some(seen.table());
    Ok(report)
}

/// A load that is under way.
pub struct Run<'a> {
    pub name: &'static str,
    pub scenario: &'a Scenario,
    pub shared: &'a Arc<Shared>,
    pub generators: Vec<JoinHandle<Result<Outcome, String>>>,
}

/// What was seen on both sides of the measured time.
pub struct Measured<T> {
    pub before: T,
    pub after: T,
    pub elapsed: Duration,
    pub client_usage: (process::Usage, process::Usage),
    pub outcome: Outcome,
}

impl Run<'_> {
    /// Waits until every client is connected.
    pub fn connect(&mut self) -> Result<(), String> {
        let clients = self.scenario.clients as u64;
        let bar = bar(self.name, "connecting", clients);
        let began = Instant::now();
        loop {
            let connected = self.shared.connected.load(Ordering::Relaxed);
            let failed = self.shared.failed.load(Ordering::Relaxed);
            bar.set_position(connected);
            if connected + failed >= clients && failed == 0 {
                break;
            }
            let ended = self.generators.iter().any(JoinHandle::is_finished);
            if interrupt::is_requested() {
                bar.finish_and_clear();
                let _ = self.finish();
                return Err(interrupt::too_early("clients connected"));
            }
            if failed > 0 || ended || began.elapsed() > CONNECT {
                bar.finish_and_clear();
                let why = self.finish().err().unwrap_or_else(|| "out of time".into());
                return Err(format!("{connected} of {clients} clients connected: {why}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Warms up, measures, drains, and ends the generators; measures for less when a signal says so. `look` is called at both ends of the measured time.
    pub fn through<T>(&mut self, look: impl Fn() -> Result<T, String>) -> Result<Measured<T>, String> {
        std::thread::sleep(WARM_UP);
        if interrupt::is_requested() {
            let _ = self.finish();
            return Err(interrupt::too_early("clients warmed up"));
        }
        let own = std::process::id();
        let before = look()?;
        let client_before = process::usage(own);
        let began = Instant::now();
        self.shared.set_phase(Phase::Measure);
        let millis = self.scenario.measure.as_millis() as u64;
        let bar = bar(self.name, "measuring", millis);
        let mut last = (began, self.shared.received.load(Ordering::Relaxed));
        while began.elapsed() < self.scenario.measure && !interrupt::is_requested() {
            let left = self.scenario.measure - began.elapsed().min(self.scenario.measure);
            std::thread::sleep(left.min(Duration::from_millis(200)));
            let received = self.shared.received.load(Ordering::Relaxed);
            let rate = (received - last.1) as f64 / last.0.elapsed().as_secs_f64();
            last = (Instant::now(), received);
            bar.set_position(began.elapsed().as_millis() as u64);
            bar.set_message(format!("{} messages/s", crate::report::grouped(rate)));
        }
        let after = look()?;
        let elapsed = began.elapsed();
        let client_usage = (client_before, process::usage(own));
        self.shared.set_phase(Phase::Drain);
        bar.finish_and_clear();
        std::thread::sleep(DRAIN);
        let outcome = self.finish()?;
        Ok(Measured { before, after, elapsed, client_usage, outcome })
    }

    fn finish(&mut self) -> Result<Outcome, String> {
        self.shared.set_phase(Phase::Stop);
        let mut total = Outcome::new();
        for generator in self.generators.drain(..) {
            total.add(generator.join().map_err(|_| "a generator thread panicked")??);
        }
        match total.closed.take() {
            Some(reason) => Err(format!("a client lost its connection: {reason}")),
            None => Ok(total),
        }
    }
}

pub fn bar(name: &str, step: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {percent:>3} % {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_prefix(format!("{name}: {step}"))
}

/// A socket per client needs a file per client.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
