//! The terminal of a player: draws on it, reads keys, and restores it at the end.

use super::keys::{Direction, Keys};
use super::line::{self, Line};
use super::screen::Screen;
use super::session::Session;
use crate::restored::RestoredTerminal;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(33);
/// How long the client waits for datagrams before it looks for keys.
const WAIT: Duration = Duration::from_millis(8);
/// Longest line that can be typed, in bytes.
const LINE_BYTES_MAX: usize = 190;
/// Units per column.
const ZOOMS: std::ops::RangeInclusive<f32> = 25.0..=3_200.0;

/// Plays until a key, a signal or an error ends it.
pub fn show(mut session: Session) -> Result<(), Box<dyn Error>> {
    let told_to_end = Arc::new(AtomicBool::new(false));
    // Reading from a terminal that has gone never returns, and there is nothing to restore.
    signal_hook::flag::register_conditional_shutdown(SIGHUP, 1, Arc::new(AtomicBool::new(true)))?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, told_to_end.clone())?;
        signal_hook::flag::register(signal, told_to_end.clone())?;
    }
    let mut terminal = RestoredTerminal::new("`ringshard play --bot 10` plays without one")?;
    let (mut screen, mut keys, mut drawn) = (Screen::default(), Keys::default(), Instant::now() - FRAME);
    while !told_to_end.load(Ordering::Relaxed) {
        session.turn(WAIT, keys.input(Instant::now()))?;
        while poll(Duration::ZERO)? {
            if let Event::Key(key) = read()?
                && press(key, &mut screen, &mut keys, &mut session)
            {
                return Ok(());
            }
        }
        if drawn.elapsed() >= FRAME {
            drawn = Instant::now();
            let outcome = terminal.0.draw(|frame| screen.draw(frame, &session));
            outcome.map_err(|error| format!("cannot draw on this terminal any more: {error}"))?;
        }
    }
    Ok(())
}

/// Handles a key; true if it ends the game.
fn press(key: KeyEvent, screen: &mut Screen, keys: &mut Keys, session: &mut Session) -> bool {
    if key.kind == KeyEventKind::Release {
        return false;
    }
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return true;
    }
    match screen.line.take() {
        Some(line) => screen.line = typed(line, key.code, session),
        None => return played(key.code, screen, keys),
    }
    false
}

/// Handles a key while a line is typed; gives the line if it goes on.
fn typed(mut line: String, key: KeyCode, session: &mut Session) -> Option<String> {
    match key {
        KeyCode::Enter => {
            match line::read(&line) {
                Ok(Some(Line::Tell(event))) => session.tell(&event),
                Ok(Some(Line::Ask(ask))) => session.ask(&ask),
                Ok(None) => {}
                Err(why) => session.say(why),
            }
            return None;
        }
        KeyCode::Esc => return None,
        KeyCode::Backspace => _ = line.pop(),
        KeyCode::Char(letter) if line.len() + letter.len_utf8() <= LINE_BYTES_MAX => line.push(letter),
        _ => {}
    }
    Some(line)
}

/// Handles a key of the game; true if it ends it.
fn played(key: KeyCode, screen: &mut Screen, keys: &mut Keys) -> bool {
    let now = Instant::now();
    match key {
        KeyCode::Char('q') | KeyCode::Esc => return true,
        KeyCode::Up | KeyCode::Char('w') => keys.go(Direction::Up, now),
        KeyCode::Left | KeyCode::Char('a') => keys.go(Direction::Left, now),
        KeyCode::Down | KeyCode::Char('s') => keys.go(Direction::Down, now),
        KeyCode::Right | KeyCode::Char('d') => keys.go(Direction::Right, now),
        KeyCode::Char('x') => keys.stop(),
        KeyCode::Char('r') => keys.walks = !keys.walks,
        KeyCode::Char(' ') => keys.jump(now),
        KeyCode::Char(digit @ '1'..='9') => keys.press(digit as usize - '0' as usize, now),
        KeyCode::Char('+') => screen.zoom = (screen.zoom / 2.0).max(*ZOOMS.start()),
        KeyCode::Char('-') => screen.zoom = (screen.zoom * 2.0).min(*ZOOMS.end()),
        KeyCode::Enter => screen.line = Some(String::new()),
        KeyCode::Char(sign @ ('/' | '?')) => screen.line = Some(sign.into()),
        _ => {}
    }
    false
}
