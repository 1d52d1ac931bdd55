//! The terminal: taken, drawn on, listened to, and given back as it was however this ends.

use super::poll::{Poller, Question};
use super::screen::Screen;
use super::view::View;
use ratatui::DefaultTerminal;
use ratatui::crossterm::cursor;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use ratatui::crossterm::execute;
use ringshard::ops::admin::AdminClient;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::error::Error;
use std::io::stdout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TryRecvError;
use std::sync::{Arc, Once};
use std::time::Duration;

/// How long a key is waited for before answers and signals are looked after.
const KEY_PATIENCE: Duration = Duration::from_millis(100);

/// Shows a server until a key, a signal or an error ends it.
pub fn show(asker: &AdminClient, screen: Screen, question: Question, interval: Duration) -> Result<(), Box<dyn Error>> {
    let told_to_end = Arc::new(AtomicBool::new(false));
    // A terminal that has gone away never lets go of who listens to it, and needs nothing back.
    signal_hook::flag::register_conditional_shutdown(SIGHUP, 1, Arc::new(AtomicBool::new(true)))?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, told_to_end.clone())?;
        signal_hook::flag::register(signal, told_to_end.clone())?;
    }
    let poller = Poller::start(asker.clone(), question, interval)?;
    let mut taken = Taken::new()?;
    let mut show = Show { screen, frozen: None, help: false, first_core: 0, question, poller };
    while !told_to_end.load(Ordering::Relaxed) {
        show.draw(&mut taken.0)?;
        if poll(KEY_PATIENCE)?
            && let Event::Key(key) = read()?
            && show.press(key)
        {
            break;
        }
        show.take_answers()?;
    }
    Ok(())
}

/// A terminal that is given back when this is dropped, and before a panic is told of.
struct Taken(DefaultTerminal);

impl Taken {
    fn new() -> Result<Self, String> {
        static HOOK: Once = Once::new();
        // Where a panic aborts, nothing is dropped, and the cursor would stay hidden.
        HOOK.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let _ = execute!(stdout(), cursor::Show);
                hook(info);
            }));
        });
        ratatui::try_init().map(Taken).map_err(|error| {
            let _ = ratatui::try_restore();
            format!("cannot draw on this terminal: {error}; `top --once` prints plain text")
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A panic has given it back already, and has written on it since. A terminal that is gone needs nothing back.
        if !std::thread::panicking() {
            let _ = ratatui::try_restore();
            let _ = execute!(stdout(), cursor::Show);
        }
    }
}

/// What is on the terminal.
struct Show {
    screen: Screen,
    /// What is shown in its place while it is paused.
    frozen: Option<Screen>,
    help: bool,
    /// The core at the top of the list.
    first_core: usize,
    question: Question,
    poller: Poller,
}

impl Show {
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

    /// Does what a key is for; whether it ends this.
    fn press(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return false;
        }
        let cores = self.screen.figures.report.cores.len();
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('s') => {
                self.question.sort = self.screen.next_order();
                self.frozen = self.frozen.take().map(|mut frozen| {
                    frozen.next_order();
                    frozen
                });
                self.poller.ask(self.question);
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
                Err(TryRecvError::Disconnected) => return Err("top asks no more: the thread that did has ended"),
            }
        }
    }
}
