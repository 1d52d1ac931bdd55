//! A running server as its operators use it: admin port, signals, captures, losses, panics, metrics.

mod admin;
mod balance;
mod call;
mod capture;
mod games;
mod kick;
mod losses;
mod metrics_page;
mod panics;
mod relays;
mod requests;
mod scenarios;
#[cfg(feature = "scripts")]
mod scripts;
#[path = "../shared/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binary uses the rest")]
mod shared;
mod signals;
mod stuck;
