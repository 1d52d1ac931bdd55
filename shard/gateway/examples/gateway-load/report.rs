//! Tables and JSON.

use crate::clients::Measured;
use crate::options::{Flood, Kind};
use serde::Serialize;

/// One measurement of clients at a steady rate.
#[derive(Clone, Serialize)]
pub struct Row {
    pub carrier: Kind,
    /// `bare echo`, `gateway`, or `gateway, up only`.
    pub server: &'static str,
    pub clients: usize,
    pub up_per_second: f64,
    pub down_per_second: f64,
    /// Share that did not come back. None where nothing is to come back.
    pub lost: Option<f64>,
    /// Connections that ended.
    pub ended: u64,
    /// CPU time of the measured process, share of one CPU.
    pub busy: f64,
    /// Microseconds of CPU per datagram, up and down counted alike.
    pub cpu_us: f64,
    /// The kernel's part.
    pub system_us: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Resident memory per client.
    pub client_kib: f64,
    /// Datagrams per send call and per receive call towards the servers.
    pub per_send: Option<f64>,
    pub per_receive: Option<f64>,
    /// CPU time of the clients, share of one CPU.
    pub load_busy: f64,
}

pub fn print_head() {
    println!(
        "{:<13} {:<17} {:>7} {:>8} {:>8} {:>7} {:>5} {:>6} {:>6} {:>8} {:>8} {:>6} {:>8} {:>11} {:>9}",
        "carrier",
        "server",
        "clients",
        "up/s",
        "down/s",
        "lost",
        "busy",
        "us",
        "system",
        "p50 ms",
        "p99 ms",
        "KiB",
        "per send",
        "per receive",
        "load busy"
    );
}

impl Row {
    pub fn print(&self) {
        let optional = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
        println!(
            "{:<13} {:<17} {:>7} {:>8.0} {:>8.0} {:>7} {:>4.0}% {:>6.2} {:>6.2} {:>8.2} {:>8.2} {:>6.1} {:>8} {:>11} {:>8.0}%",
            name(self.carrier),
            self.server,
            self.clients,
            self.up_per_second,
            self.down_per_second,
            self.lost.map_or("-".to_owned(), percent),
            self.busy * 100.0,
            self.cpu_us,
            self.system_us,
            self.p50_ms,
            self.p99_ms,
            self.client_kib,
            optional(self.per_send),
            optional(self.per_receive),
            self.load_busy * 100.0,
        );
        if self.ended > 0 {
            println!("{} connections ended", self.ended);
        }
    }
}

/// What the gateway adds to the bare echo.
#[derive(Clone, Serialize)]
pub struct OverBare {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU per datagram, gateway to bare echo.
    pub cpu_ratio: f64,
}

/// What a carrier costs at the gateway.
#[derive(Clone, Serialize)]
pub struct Added {
    pub carrier: Kind,
    pub clients: usize,
    /// None: there is no bare echo.
    pub over_bare: Option<OverBare>,
    /// Microseconds of CPU per datagram from a client and to a client.
    pub up_us: f64,
    pub down_us: f64,
}

impl Added {
    pub fn print(&self) {
        let Added { carrier, clients, over_bare, up_us, down_us } = self;
        let carrier = name(*carrier);
        print!("{carrier} with {clients} clients: {up_us:.2} us per datagram up, {down_us:.2} us per datagram down");
        match over_bare {
            None => println!(),
            Some(OverBare { p50_ms, p99_ms, cpu_ratio }) => println!(
                "; the gateway adds {p50_ms:.2} ms at p50 and {p99_ms:.2} ms at p99, and takes {cpu_ratio:.2} times the CPU of \
                 the bare echo"
            ),
        }
    }
}

/// Honest clients in one phase of a flood.
#[derive(Clone, Serialize)]
pub struct Phase {
    pub flood: Flood,
    pub phase: &'static str,
    pub sent: u64,
    pub lost: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub busy: f64,
    /// Resident memory of the gateway.
    pub memory_mib: f64,
    /// The flood's connections that the gateway took and refused in this phase.
    pub taken: u64,
    pub refused: u64,
}

pub fn print_flood_head(clients: usize) {
    println!("{clients} honest clients");
    println!(
        "{:<11} {:<7} {:>8} {:>7} {:>8} {:>8} {:>6} {:>8} {:>7} {:>8}",
        "flood", "phase", "sent", "lost", "p50 ms", "p99 ms", "busy", "MiB", "taken", "refused"
    );
}

impl Phase {
    pub fn new(flood: Flood, phase: &'static str, measured: &Measured) -> Phase {
        Phase {
            flood,
            phase,
            sent: measured.sent,
            lost: measured.lost(),
            p50_ms: measured.p50,
            p99_ms: measured.p99,
            busy: 0.0,
            memory_mib: 0.0,
            taken: 0,
            refused: 0,
        }
    }

    pub fn print(&self) {
        let flood = clap::ValueEnum::to_possible_value(&self.flood);
        println!(
            "{:<11} {:<7} {:>8} {:>7} {:>8.2} {:>8.2} {:>5.0}% {:>8.1} {:>7} {:>8}",
            flood.as_ref().map_or("", |flood| flood.get_name()),
            self.phase,
            self.sent,
            percent(self.lost),
            self.p50_ms,
            self.p99_ms,
            self.busy * 100.0,
            self.memory_mib,
            self.taken,
            self.refused,
        );
    }
}

fn name(kind: Kind) -> String {
    clap::ValueEnum::to_possible_value(&kind).map_or_else(String::new, |value| value.get_name().to_owned())
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}
