//! A running server as its operators meet it.

mod admin;
mod capture;
mod fixture;
mod kick;
mod losses;
mod metrics_page;
mod panics;
mod signals;
mod stuck;
