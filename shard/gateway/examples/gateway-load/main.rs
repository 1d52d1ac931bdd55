//! Measures a gateway: CPU per datagram, added latency, memory per client, and what floods do to other clients.
//!
//! ```sh
//! cargo run --release -p ringshard-gateway --example gateway-load -- --help
//! ```
//!
//! | file | has |
//! |---|---|
//! | `options` | flags |
//! | `steady` | clients at a steady rate: the bare echo, then the gateway |
//! | `floods` | honest clients before, during and after a flood |
//! | `attack` | the flood itself, in a process of its own |
//! | `clients` | clients of each carrier, and what they measure |
//! | `udp_echo` | stands for the servers behind the gateway |
//! | `server` | the process under measurement: the gateway or a bare echo |
//! | `process` | starts it, and reads its CPU time and memory |
//! | `report` | tables and JSON |

mod attack;
mod clients;
mod floods;
mod options;
mod process;
mod report;
mod server;
mod steady;
mod udp_echo;

use clap::Parser;
use options::{Options, Role};
use std::error::Error;
use tokio::task::LocalSet;

/// An error of any kind ends the program.
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let options = Options::parse();
    pin(match options.role {
        None | Some(Role::Attack) => options.load_cpu,
        Some(_) => options.server_cpu,
    });
    match options.role {
        None => on_this_thread(measure(&options)),
        Some(Role::Attack) => on_this_thread(attack::run(&options)),
        Some(role) => server::run(role, &options),
    }
}

async fn measure(options: &Options) -> Outcome<()> {
    match options.flood {
        Some(flood) => floods::measure(options, flood).await,
        None => steady::measure(options).await,
    }
}

/// Runs on a current-thread runtime, whose tasks share one CPU.
fn on_this_thread(future: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, future)
}

/// Pins this thread, and the threads that it starts, to a CPU.
fn pin(cpu: usize) {
    if !core_affinity::set_for_current(core_affinity::CoreId { id: cpu }) {
        eprintln!("cannot pin to CPU {cpu}: the figures mix the server's CPU time with that of the clients");
    }
}
