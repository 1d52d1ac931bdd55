//! Making and freeing clients, entering, leaving.

use crate::config::{self, Config};
use crate::error::{Failure, rs_error};
use crate::handle::{self, Source, guarded, rs_client, with};
use crate::memory;
use crate::types::{rs_config, rs_result};
use client::protocol::time::Instant;
use client::{Client, NewClientError};

/// Makes a client that connects, and enters the world. It has no socket and no clock: the program moves datagrams
/// (`rs_client_receive`, `rs_client_transmit`) and gives the time, in nanoseconds since any moment.
/// `rs_client_change_of_server` says when it moves to another server. `rs_udp_connect` makes one that has both, and moves by
/// itself.
///
/// `seed` is 32 secret, fresh, random bytes, from which the connection draws its keys; null: the operating system gives them.
/// Free the client with `rs_client_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_new(
    config: *const rs_config,
    seed: *const u8,
    now_ns: u64,
    client: *mut *mut rs_client,
) -> rs_result {
    guarded(|| {
        memory::check(client, "client")?;
        // SAFETY: the header demands a configuration that keeps its promises.
        let Config { game, client: made_with, ticket } = unsafe { config::read(config)? };
        // SAFETY: the header demands null, or 32 bytes.
        let seed = unsafe { seed_of(seed)? };
        let made =
            Client::new(game, made_with, ticket, Instant::from_nanos(now_ns), seed).map_err(|error| match error {
                NewClientError::Key(_) => rs_error::Key,
                NewClientError::Ticket(_) => rs_error::TooLong,
            })?;
        // SAFETY: the header demands room for a pointer.
        unsafe { memory::write(client, handle::new(Source::Bare(made)), "client")? };
        Ok(0)
    })
}

/// The program's seed, or one of the operating system.
///
/// # Safety
/// `seed` is null, or points to 32 bytes.
unsafe fn seed_of(seed: *const u8) -> Result<[u8; 32], Failure> {
    let mut fresh = [0; 32];
    if seed.is_null() {
        getrandom::fill(&mut fresh).map_err(|_| rs_error::Random)?;
    } else {
        // SAFETY: the caller says so.
        fresh.copy_from_slice(unsafe { memory::slice(seed, 32, "seed")? });
    }
    Ok(fresh)
}

/// Frees a client. One with a socket disconnects first. Null is allowed. A client must not be freed from its own callbacks: then
/// it stays, and `rs_last_error` says so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_free(client: *mut rs_client) {
    // SAFETY: the header demands a client that was not freed.
    unsafe { handle::free(client) };
}

/// Asks to enter again, after `RS_NEWS_KIND_REFUSED` or `RS_NEWS_KIND_PUT_OUT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_enter(client: *mut rs_client, ticket: *const u8, ticket_bytes: u32) -> rs_result {
    // SAFETY: the header demands a client, and that many bytes.
    unsafe {
        with(client, |player| {
            let ticket = memory::slice(ticket, ticket_bytes as usize, "ticket")?;
            config::check_ticket(ticket)?;
            if player.client_mut().enter(ticket) { Ok(0) } else { Err(rs_error::NotOutside.into()) }
        })
    }
}

/// Leaves the world, and disconnects. The datagrams that follow tell the server; `RS_NEWS_KIND_CLOSED` follows. A client with a
/// socket needs calls of `rs_udp_poll` for about 100 ms until then; one that is freed before tells the server at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_close(client: *mut rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            match &mut player.source {
                Source::Bare(client) => client.close(),
                Source::Udp(udp) => udp.close(),
            }
            Ok(0)
        })
    }
}

/// 1 if the server has let the client into the world, or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_is_in_world(client: *const rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe { with(client, |player| Ok(player.client().is_in_world().into())) }
}

/// 1 if there is no connection and will be none, or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_is_closed(client: *const rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe { with(client, |player| Ok(player.client().is_closed().into())) }
}
