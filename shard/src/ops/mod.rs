//! Operating a running server: what it reports, and the commands that it accepts.
//!
//! | module | for |
//! |---|---|
//! | [`handle`] | every question that a server answers, and every command that it accepts |
//! | [`report`] | what a server reports about itself |
//! | [`losses`] | every counter of a loss, with a threshold and advice |
//! | [`admin`] | the HTTP port, and its client |
//! | [`capture`] | datagrams, in a file for Wireshark |
//! | [`supervisor`] | signals, the watchdog, the log of losses, ending the server |
//! | [`panic_report`] | the file that a panic leaves behind |
//! | [`log`] | the log, which no other thread waits for |
//! | [`process`] | the process as the system sees it, and its last output |
//! | [`doctor`] | what makes this host slow or unable to serve |

pub mod admin;
pub mod capture;
pub mod doctor;
pub mod handle;
pub mod log;
pub mod losses;
pub mod panic_report;
mod private_file;
pub mod process;
pub mod report;
pub mod supervisor;
