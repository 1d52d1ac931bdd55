//! Operating a running server: what it reports, and the orders that it takes.
//!
//! | module | for |
//! |---|---|
//! | [`handle`] | everything that can be asked of a server, and every order that it takes |
//! | [`report`] | what a server reports of itself |
//! | [`losses`] | every counter of something lost, with a threshold and advice |
//! | [`admin`] | the HTTP port |
//! | [`capture`] | datagrams, in a file that Wireshark reads |
//! | [`supervisor`] | signals, the watchdog, the log of losses, the end |
//! | [`panic_report`] | what a core that panics leaves behind |
//! | [`log`] | the log, which nobody waits for |
//! | [`process`] | the process as the system sees it |
//! | [`doctor`] | whether a host is fit to serve |

pub mod admin;
pub mod capture;
pub mod doctor;
pub mod handle;
pub mod log;
pub mod losses;
pub mod panic_report;
pub mod process;
pub mod report;
pub mod supervisor;
