//! Signals that end a command.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use tokio::sync::watch;

/// Becomes true with SIGTERM or SIGINT. A second one ends the process at once.
///
/// # Errors
/// The system gives no thread, or does not pass signals on.
pub(crate) fn end_signal() -> io::Result<watch::Receiver<bool>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (sender, receiver) = watch::channel(false);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send_replace(true) {
                std::process::exit(128 + signal);
            }
        }
    })?;
    Ok(receiver)
}
