//! A running server as its operators meet it.

mod admin;
mod capture;
mod fixture;
mod losses;
mod panics;
mod signals;
mod stuck;
