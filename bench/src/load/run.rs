//! One measured run of the generator: connect, warm up, measure, drain.

use super::generator::{Outcome, Phase, Shared};
use crate::scenario::Scenario;
use crate::system::interrupt;
use crate::system::usage::{Usage, usage};
use crate::terminal::{bar, grouped};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time for the last answers.
const DRAIN: Duration = Duration::from_millis(700);
/// How long all clients together may take to connect.
const CONNECT: Duration = Duration::from_secs(60);

/// A running load.
pub struct Run<'a> {
    pub name: &'static str,
    pub scenario: &'a Scenario,
    pub shared: &'a Arc<Shared>,
    pub generators: Vec<JoinHandle<Result<Outcome, String>>>,
}

/// Both sides, before and after the measured time.
pub struct Measured<T> {
    pub before: T,
    pub after: T,
    pub elapsed: Duration,
    pub client_usage: (Usage, Usage),
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
                return Err(interrupt::too_early("clients were connecting"));
            }
            if failed > 0 || ended || began.elapsed() > CONNECT {
                bar.finish_and_clear();
                let why = self.finish().err().unwrap_or_else(|| "timed out".into());
                return Err(format!("only {connected} of {clients} clients connected: {why}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Warms up, measures, drains, and ends the generators. A signal shortens the measurement. `look` is called before
    /// and after the measured time.
    pub fn measure<T>(&mut self, look: impl Fn() -> Result<T, String>) -> Result<Measured<T>, String> {
        std::thread::sleep(self.scenario.warm_up);
        if interrupt::is_requested() {
            let _ = self.finish();
            return Err(interrupt::too_early("clients were warming up"));
        }
        let own = std::process::id();
        let before = look()?;
        let client_before = usage(own);
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
            bar.set_message(format!("{} messages/s", grouped(rate)));
        }
        let after = look()?;
        let elapsed = began.elapsed();
        let client_usage = (client_before, usage(own));
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
