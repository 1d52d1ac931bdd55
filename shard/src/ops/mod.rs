//! Operating a running server: what it reports, and the commands that it accepts.
//!
//! | module | for |
//! |---|---|
//! | [`serve`] | a server from its settings to its last report |
//! | [`handle`] | every question that a server answers, and every command that it accepts |
//! | [`report`] | what a server reports about itself |
//! | [`path`] | the path of one player, tick by tick |
//! | [`losses`] | every counter of a loss, with a threshold and advice |
//! | [`overload`] | what an overloaded server sheds, in words |
//! | `admin` | the HTTP port, and its client |
//! | `capture` | datagrams, in a file for Wireshark |
//! | [`supervisor`] | signals, the watchdog, the log of losses, ending the server |
//! | [`fleet`] | the server's place in a fleet of hosts |
//! | [`host`] | what a server says about itself to a fleet |
//! | [`panic_report`] | the file that a panic leaves behind |
//! | [`log`], `line_queue` | the log, which no other thread waits for |
//! | [`process`] | the process as the system sees it, and its last output |
//! | `doctor` | what makes this host slow or unable to serve |
//! | `discovery` | servers of the local network, by mDNS |
//!
//! `admin`, `capture`, `discovery` and `doctor` need the feature `ops`.

#[cfg(feature = "ops")]
pub mod admin;
#[cfg(feature = "ops")]
pub mod capture;
#[cfg(feature = "ops")]
pub mod discovery;
#[cfg(feature = "ops")]
pub mod doctor;
pub mod fleet;
pub mod handle;
pub mod host;
mod line_queue;
pub mod log;
pub mod losses;
pub mod overload;
pub mod panic_report;
pub mod path;
mod private_file;
pub mod process;
pub mod report;
pub mod serve;
pub mod services;
pub mod supervisor;
