//! One client, and the guard of each call.

use crate::error::{Failure, Outcome, rs_error};
use crate::game::Game;
use crate::message::Ask;
use client::{Client, Udp};
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};

const FREE: u8 = 0;
const BUSY: u8 = 1;
const POISONED: u8 = 2;

/// A client of a game. Use it from one thread at a time.
#[allow(non_camel_case_types, reason = "the names are those of the header")]
pub struct rs_client {
    state: AtomicU8,
    player: UnsafeCell<Player>,
}

/// A client with or without a socket.
#[allow(clippy::large_enum_variant, reason = "it is boxed, and there is one per handle")]
pub enum Source {
    Bare(Client<Game>),
    Udp(Udp<Game>),
}

/// What is behind a handle.
pub struct Player {
    pub source: Source,
    /// The bytes of the last news.
    pub bytes: Ask,
    /// The text of the last news. It ends with a 0.
    pub text: String,
}

impl Player {
    pub fn client(&self) -> &Client<Game> {
        match &self.source {
            Source::Bare(client) => client,
            Source::Udp(udp) => udp.client(),
        }
    }

    pub fn client_mut(&mut self) -> &mut Client<Game> {
        match &mut self.source {
            Source::Bare(client) => client,
            Source::Udp(udp) => udp.client_mut(),
        }
    }

    /// The client, if the program moves its datagrams and has its clock.
    pub fn bare(&mut self) -> Result<&mut Client<Game>, Failure> {
        match &mut self.source {
            Source::Bare(client) => Ok(client),
            Source::Udp(_) => Err(rs_error::HasSocket.into()),
        }
    }

    pub fn udp(&mut self) -> Result<&mut Udp<Game>, Failure> {
        match &mut self.source {
            Source::Bare(_) => Err(rs_error::NoSocket.into()),
            Source::Udp(udp) => Ok(udp),
        }
    }
}

/// A handle, which the program owns.
pub fn new(source: Source) -> *mut rs_client {
    let bytes = Ask::new(&[]).expect("it is short enough");
    let player = Player { source, bytes, text: String::with_capacity(256) };
    Box::into_raw(Box::new(rs_client { state: AtomicU8::new(FREE), player: UnsafeCell::new(player) }))
}

/// Runs a call without a client: no panic leaves it.
pub fn guarded(act: impl FnOnce() -> Outcome) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err(rs_error::Internal.into()));
    outcome.unwrap_or_else(Failure::report)
}

/// Runs a call with a client: no panic leaves it, and none runs inside another.
///
/// # Safety
/// `client` is null, or a handle that was not freed.
pub unsafe fn with(client: *const rs_client, act: impl FnOnce(&mut Player) -> Outcome) -> i32 {
    // SAFETY: the caller says so. A handle is only ever shared; what can change is in cells.
    let Some(client) = (unsafe { client.as_ref() }) else {
        return Failure::new(rs_error::Null, "the client is null: give one of rs_client_new or rs_udp_connect")
            .report();
    };
    if let Err(state) = client.state.compare_exchange(FREE, BUSY, Ordering::Acquire, Ordering::Relaxed) {
        let code = if state == POISONED { rs_error::Poisoned } else { rs_error::Busy };
        return Failure::from(code).report();
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: only one call at a time gets past BUSY, so nothing else refers to the player.
        act(unsafe { &mut *client.player.get() })
    }));
    client.state.store(if outcome.is_ok() { FREE } else { POISONED }, Ordering::Release);
    outcome.unwrap_or_else(|_| Err(rs_error::Internal.into())).unwrap_or_else(Failure::report)
}

/// Frees a handle. One that is in a call stays: to free it would leave that call without a client.
///
/// # Safety
/// `client` is null, or a handle that was not freed.
pub unsafe fn free(client: *mut rs_client) {
    // SAFETY: the caller says so.
    let Some(shared) = (unsafe { client.as_ref() }) else { return };
    // It stays busy: what it calls while it is dropped must not get in.
    if shared.state.swap(BUSY, Ordering::Acquire) == BUSY {
        Failure::from(rs_error::Busy).report();
        return;
    }
    guarded(|| {
        // SAFETY: `new` made it of a box, no call runs, and the program gives it up.
        drop(unsafe { Box::from_raw(client) });
        Ok(0)
    });
}
