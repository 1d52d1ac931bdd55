//! Asks for a password at the terminal, and does not show it.

use crate::failure::Failure;
use crate::output;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use std::io::{IsTerminal, Write, stderr, stdin};

/// The variable that holds the password of programs.
const VARIABLE: &str = "RINGSHARD_PASSWORD";
/// Longest password, in characters.
const LENGTH_MAX: usize = 1_024;

/// The password of an account: from `RINGSHARD_PASSWORD`, or as it is typed.
///
/// # Errors
/// [`Failure::Usage`]: there is no terminal to ask at, or the user does not answer.
pub fn of(email: &str) -> Result<String, Failure> {
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(password);
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Failure::Usage(format!("there is no terminal to ask for a password at: set {VARIABLE}")));
    }
    let _ = write!(stderr(), "password of {email}: ");
    let typed = typed();
    output::remark("");
    typed
}

/// A terminal that shows nothing of what is typed, until it is dropped.
struct Hidden;

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

fn typed() -> Result<String, Failure> {
    let broken = |error| Failure::Usage(format!("cannot read from this terminal: {error}; set {VARIABLE}"));
    enable_raw_mode().map_err(broken)?;
    let _hidden = Hidden;
    let mut password = String::new();
    loop {
        let Event::Key(key) = read().map_err(broken)? else { continue };
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if key.kind == KeyEventKind::Release => {}
            KeyCode::Enter => return Ok(password),
            KeyCode::Esc => return Err(cancelled()),
            KeyCode::Char('c' | 'd') if is_control => return Err(cancelled()),
            KeyCode::Char('u') if is_control => password.clear(),
            KeyCode::Char(typed) if !is_control && password.chars().count() < LENGTH_MAX => password.push(typed),
            KeyCode::Backspace => {
                password.pop();
            }
            _ => {}
        }
    }
}

fn cancelled() -> Failure {
    Failure::Usage("no password, no login".into())
}
