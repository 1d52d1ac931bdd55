//! A terminal that is restored at the end, however that comes.

use ratatui::DefaultTerminal;
use ratatui::crossterm::cursor;
use ratatui::crossterm::execute;
use std::io::stdout;
use std::sync::Once;

/// Restores the terminal when it is dropped, and before a panic message.
pub struct RestoredTerminal(pub DefaultTerminal);

impl RestoredTerminal {
    /// Takes the terminal over. If that fails, the error says what to do `instead`.
    pub fn new(instead: &str) -> Result<Self, String> {
        static HOOK: Once = Once::new();
        // If a panic aborts, nothing is dropped, and the cursor would stay hidden.
        HOOK.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let _ = execute!(stdout(), cursor::Show);
                hook(info);
            }));
        });
        ratatui::try_init().map(RestoredTerminal).map_err(|error| {
            let _ = ratatui::try_restore();
            format!("cannot draw on this terminal: {error}; {instead}")
        })
    }
}

impl Drop for RestoredTerminal {
    fn drop(&mut self) {
        // A panic has already restored it and printed its message. If the terminal has gone, nothing needs to be restored.
        if !std::thread::panicking() {
            let _ = ratatui::try_restore();
            let _ = execute!(stdout(), cursor::Show);
        }
    }
}
