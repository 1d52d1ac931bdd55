//! One row of the table: a server, its clients, and what they did.

use crate::conversation::{TRANSFER_BYTES, Task};
use crate::harness::{Echo, Harness, Load, Pace, Traffic, Transfer};
use crate::libraries::{ClientOptions, Library, ServeOptions};
use crate::report::Row;
use crate::server_process::{CpuTime, ServerProcess, Usage, free_port};
use std::fmt;
use std::time::Duration;

/// Share of the messages that must come back.
pub const DELIVERED_MIN: f64 = 0.99;
/// How long late answers are waited for.
const DRAIN: Duration = Duration::from_millis(1_100);
/// Most messages under way of a client.
const WINDOW_MAX: u32 = 256;
/// Most messages under way of all clients together.
const UNDER_WAY_MAX: usize = 65_536;
/// A larger window must bring so much more to be worth its delay.
const GAIN: f64 = 1.04;
/// Larger windows that bring nothing, after which the search ends.
const GAINLESS_MAX: u32 = 2;

/// How fast clients send.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rate {
    Max,
    Hz(f64),
}

/// What a row measures.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Case {
    pub task: Task,
    pub clients: usize,
    pub bytes: usize,
    pub rate: Rate,
    /// Messages of each client under way at the maximum rate of the echo; none: search for the best.
    pub window: Option<u32>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { clients, bytes, .. } = self;
        match (self.task, self.rate, self.window) {
            (Task::Transfer, ..) => write!(f, "transfer of {bytes}-byte messages to {clients} clients"),
            (Task::Echo, Rate::Hz(hz), _) => write!(f, "echo of {bytes} bytes, {clients} clients at {hz} Hz"),
            (Task::Echo, Rate::Max, Some(window)) => {
                write!(f, "echo of {bytes} bytes, {clients} clients with {window} under way each")
            }
            (Task::Echo, Rate::Max, None) => write!(f, "echo of {bytes} bytes, {clients} clients at the maximum rate"),
        }
    }
}

/// Where and how long.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub server_cpu: usize,
    /// Length of a measurement.
    pub time: Duration,
    /// Length of a measurement while the best window is searched for.
    pub probe: Duration,
    /// How long the clients send before they are measured.
    pub warm_up: Duration,
}

/// Measures a row.
///
/// # Errors
/// The clients did not connect or lost their connections, or a message was wrong.
pub fn measure(library: Library, case: Case, settings: &Settings) -> Result<Row, String> {
    let on_tick = library.serves_on_tick(case.rate == Rate::Max);
    let Case { task, clients, .. } = case;
    let listen = free_port()?;
    let options = ServeOptions { listen, cpu: settings.server_cpu, task, clients, on_tick };
    let server = ServerProcess::start(library, &options)?;
    let mut harness = Harness::new()?;
    let credential = server.credential.clone();
    harness.connect(library, &ClientOptions { server: listen, task, number: 0, credential }, clients)?;
    let run = Run { server, harness };
    let (observed, window) = match (task, case.rate) {
        (Task::Echo, Rate::Max) => run.echo_as_fast_as_possible(&case, settings)?,
        (Task::Echo, Rate::Hz(hz)) => (run.echo_at(&case, hz, settings)?, None),
        (Task::Transfer, _) => (run.transfer(&case, settings)?, None),
    };
    Ok(Row::new(library, &case, on_tick, window, &observed))
}

/// What was seen in the measured time.
#[derive(Clone, Debug)]
pub struct Observed {
    pub elapsed: Duration,
    /// Messages that arrived at the clients.
    pub arrived: u64,
    /// Share of the messages that arrived.
    pub delivered: f64,
    pub traffic: Traffic,
    pub server_cpu: CpuTime,
    pub server_bytes: u64,
    pub client_cpu: CpuTime,
    /// Median and 99th percentile of the round trip.
    pub round_trip: Option<(Duration, Duration)>,
}

struct Run {
    server: ServerProcess,
    harness: Harness,
}

impl Run {
    /// Measures with the window that brings most messages.
    fn echo_as_fast_as_possible(mut self, case: &Case, settings: &Settings) -> Result<(Observed, Option<u32>), String> {
        let mut echo = Echo::new(case.clients, case.bytes);
        if let Some(window) = case.window {
            return Ok((self.echo(&mut echo, Pace::Window(window), settings.time, settings)?, Some(window)));
        }
        let mut best = self.best_window(&mut echo, case, settings)?;
        // A longer measurement may lose more: then fewer under way.
        loop {
            let seen = self.echo(&mut echo, Pace::Window(best), settings.time, settings)?;
            if seen.delivered >= DELIVERED_MIN || best == 1 {
                return Ok((seen, Some(best)));
            }
            best /= 2;
        }
    }

    /// Doubles the window until two windows in turn bring no more, or lose messages.
    fn best_window(&mut self, echo: &mut Echo, case: &Case, settings: &Settings) -> Result<u32, String> {
        let (mut best, mut best_arrived) = (1, 0.0);
        let (mut window, mut gainless) = (1, 0);
        while window <= WINDOW_MAX && window as usize * case.clients <= UNDER_WAY_MAX && gainless < GAINLESS_MAX {
            let seen = self.echo(echo, Pace::Window(window), settings.probe, settings)?;
            let per_second = seen.arrived as f64 / seen.elapsed.as_secs_f64();
            if seen.delivered >= DELIVERED_MIN && per_second >= best_arrived * GAIN {
                (best, best_arrived, gainless) = (window, per_second, 0);
            } else {
                gainless += 1;
            }
            window *= 2;
        }
        Ok(best)
    }

    fn echo_at(mut self, case: &Case, hz: f64, settings: &Settings) -> Result<Observed, String> {
        let mut echo = Echo::new(case.clients, case.bytes);
        self.echo(&mut echo, Pace::Hz(hz), settings.time, settings)
    }

    fn echo(&mut self, echo: &mut Echo, pace: Pace, time: Duration, settings: &Settings) -> Result<Observed, String> {
        echo.set_pace(self.harness.now(), pace);
        self.run(echo, settings.warm_up)?;
        echo.begin();
        let before = self.look();
        self.run(echo, time)?;
        let after = self.look();
        echo.end();
        let arrived = echo.tally.arrived;
        echo.set_pace(self.harness.now(), Pace::Stopped);
        let until = self.harness.now() + DRAIN;
        while !echo.is_settled() && self.harness.now() < until {
            self.run(echo, Duration::from_millis(5))?;
        }
        let tally = &echo.tally;
        let quantile = |share| Duration::from_nanos(tally.round_trip.value_at_quantile(share));
        let round_trip = (!tally.round_trip.is_empty()).then(|| (quantile(0.5), quantile(0.99)));
        Ok(Observed { delivered: tally.delivered(), round_trip, ..after.since(&before, arrived) })
    }

    fn transfer(mut self, case: &Case, settings: &Settings) -> Result<Observed, String> {
        assert_eq!(case.bytes, TRANSFER_BYTES, "messages of a transfer have one size");
        let mut transfer = Transfer::new(case.clients);
        self.run(&mut transfer, settings.warm_up)?;
        transfer.measuring = true;
        let before = self.look();
        self.run(&mut transfer, settings.time)?;
        let after = self.look();
        Ok(after.since(&before, transfer.arrived))
    }

    fn run(&mut self, load: &mut impl Load, time: Duration) -> Result<(), String> {
        let until = self.harness.now() + time;
        self.harness.run(load, until)?;
        if self.server.has_ended() {
            return Err("the server ended".into());
        }
        self.harness.lost().map_or(Ok(()), |reason| Err(format!("a client lost its connection: {reason}")))
    }

    fn look(&self) -> Look {
        Look {
            at: self.harness.now(),
            traffic: self.harness.traffic,
            server: self.server.usage(),
            client_cpu: CpuTime::of_this_thread(),
        }
    }
}

/// A moment of a run.
struct Look {
    at: Duration,
    traffic: Traffic,
    server: Usage,
    client_cpu: CpuTime,
}

impl Look {
    fn since(&self, before: &Look, arrived: u64) -> Observed {
        Observed {
            elapsed: self.at - before.at,
            arrived,
            delivered: 1.0,
            traffic: Traffic {
                received: self.traffic.received - before.traffic.received,
                sent: self.traffic.sent - before.traffic.sent,
            },
            server_cpu: self.server.cpu.since(before.server.cpu),
            server_bytes: self.server.resident_bytes,
            client_cpu: self.client_cpu.since(before.client_cpu),
            round_trip: None,
        }
    }
}
