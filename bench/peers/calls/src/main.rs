//! The same call over the login door, over plain axum and over tonic, in one run.
//!
//! All servers have the same TLS settings: TLS 1.3 on ring, one certificate, no resumption. Each has one thread; the clients
//! share another one. A call sends two numbers and gets one back. The door's has what a call of a game has: types that are
//! checked, a rate limit, and room of its own for the action. It has no idempotency key, so no outcome is kept.
//!
//! | module | for | may use |
//! |---|---|---|
//! | `measure` | rows in turn, and the table | `clients`, `servers` |
//! | `clients` | connections that call | `grpc` |
//! | `servers` | a thread for each server | `grpc` |
//! | `grpc` | the call as tonic has it | |

mod clients;
mod grpc;
mod measure;
mod servers;

use clap::Parser;
use std::error::Error;
use std::time::Duration;

/// Measures the same call over the login door, plain axum and tonic, with TLS 1.3, and prints a table.
#[derive(Parser)]
struct Arguments {
    /// Length of each measurement, in seconds
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    secs: f64,
    /// How often each row is measured; the table has medians
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 8)]
    connections: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let time = Duration::try_from_secs_f64(arguments.secs)?;
    measure::compare(arguments.connections, arguments.rounds.max(1), time)
}
