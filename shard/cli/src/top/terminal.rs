//! The terminal: draws on it, and reads keys.

use super::poll::{Poller, Query};
use super::screen::Screen;
use super::view::View;
use crate::restored::RestoredTerminal;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use ringshard::ops::admin::AdminClient;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

/// How long to wait for a key before answers and signals are handled.
const KEY_TIMEOUT: Duration = Duration::from_millis(100);

/// Shows a server until a key, a signal or an error ends `top`.
pub fn show(client: &AdminClient, screen: Screen, query: Query, interval: Duration) -> Result<(), Box<dyn Error>> {
    let told_to_end = Arc::new(AtomicBool::new(false));
    // Reading from a terminal that has gone never returns, and there is nothing to restore.
    signal_hook::flag::register_conditional_shutdown(SIGHUP, 1, Arc::new(AtomicBool::new(true)))?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, told_to_end.clone())?;
        signal_hook::flag::register(signal, told_to_end.clone())?;
    }
    let poller = Poller::start(client.clone(), query, interval)?;
    let mut terminal = RestoredTerminal::new("`ringshard top --once` prints plain text")?;
    let mut top = Top { screen, frozen: None, help: false, first_core: 0, query, poller };
    while !told_to_end.load(Ordering::Relaxed) {
        top.draw(&mut terminal.0)?;
        if poll(KEY_TIMEOUT)?
            && let Event::Key(key) = read()?
            && top.press(key)
        {
            break;
        }
        top.take_answers()?;
    }
    Ok(())
}

/// The state of `top`.
struct Top {
    screen: Screen,
    /// What is shown instead while paused.
    frozen: Option<Screen>,
    help: bool,
    /// The core at the top of the list.
    first_core: usize,
    query: Query,
    poller: Poller,
}

impl Top {
    fn draw(&self, terminal: &mut DefaultTerminal) -> Result<(), String> {
        let view = View {
            screen: self.frozen.as_ref().unwrap_or(&self.screen),
            paused: self.frozen.is_some(),
            help: self.help,
            first_core: self.first_core,
            live: true,
        };
        let drawn = terminal.draw(|frame| frame.render_widget(view, frame.area()));
        drawn.map(drop).map_err(|error| format!("cannot draw on this terminal any more: {error}"))
    }

    /// Handles a key; true if it ends `top`.
    fn press(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return false;
        }
        let cores = self.screen.figures.report.cores.len();
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('s') => {
                self.query.sort = self.screen.next_order();
                self.frozen = self.frozen.take().map(|mut frozen| {
                    frozen.next_order();
                    frozen
                });
                self.poller.ask(self.query);
            }
            KeyCode::Char('p') => self.frozen = if self.frozen.is_none() { Some(self.screen.clone()) } else { None },
            KeyCode::Char('?') => self.help = !self.help,
            KeyCode::Up | KeyCode::Char('k') => self.first_core = self.first_core.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.first_core = (self.first_core + 1).min(cores.saturating_sub(1)),
            _ => {}
        }
        false
    }

    fn take_answers(&mut self) -> Result<(), &'static str> {
        loop {
            match self.poller.answers.try_recv() {
                Ok(outcome) => self.screen.take(outcome),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err("the thread that asks the server has ended"),
            }
        }
    }
}
