//! A client with a socket and a clock of its own.

use crate::config::{self, Config};
use crate::error::{Failure, rs_error};
use crate::handle::{self, Source, guarded, rs_client, with};
use crate::memory;
use crate::types::{rs_config, rs_result};
use client::{ConnectError, Udp};
use std::ffi::c_char;
use std::time::Duration;

/// Makes a client that connects to `server`, HOST:PORT, and enters the world. To resolve a name may block; an address does
/// not. No other call blocks, except `rs_udp_wait`, and no thread is started. A server that does not answer is no error here:
/// `RS_NEWS_KIND_CLOSED` reports it. Free the client with `rs_client_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_udp_connect(
    config: *const rs_config,
    server: *const c_char,
    client: *mut *mut rs_client,
) -> rs_result {
    guarded(|| {
        memory::check(client, "client")?;
        // SAFETY: the header demands a configuration that keeps its promises, and a text that ends with a 0.
        let (Config { game, client: made_with, ticket }, server) =
            unsafe { (config::read(config)?, memory::text(server, "server")?) };
        let udp = Udp::connect(server, game, made_with, ticket).map_err(|error| why(&error))?;
        // SAFETY: the header demands room for a pointer.
        unsafe { memory::write(client, handle::new(Source::Udp(udp)), "client")? };
        Ok(0)
    })
}

fn why(error: &ConnectError) -> Failure {
    let code = match error {
        ConnectError::Unresolved(_) => rs_error::Address,
        ConnectError::Socket { .. } => rs_error::Socket,
        ConnectError::Random(_) => rs_error::Random,
        ConnectError::Key(_) => rs_error::Key,
        ConnectError::Ticket(_) => rs_error::TooLong,
    };
    Failure::new(code, error.to_string())
}

/// Receives what has arrived, and lets time pass. Gives for how many ticks an input is due: call `rs_client_input` that often,
/// and then `rs_udp_flush`. Call it once per frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_udp_poll(client: *mut rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            let udp = player.udp()?;
            udp.receive();
            let now = udp.now();
            Ok(udp.client_mut().advance(now) as i32)
        })
    }
}

/// Sends what is due.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_udp_flush(client: *mut rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            player.udp()?.flush();
            Ok(0)
        })
    }
}

/// Waits until something has arrived or an input is due, for `timeout_ns` at most. For programs without frames.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_udp_wait(client: *mut rs_client, timeout_ns: u64) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            player.udp()?.wait(Duration::from_nanos(timeout_ns));
            Ok(0)
        })
    }
}

/// Moves the connection to a new socket. Call it when the network of this host has changed, for example from Wi-Fi to mobile:
/// the connection goes on from the new address at once. After a failure, the former socket stays in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_udp_rebind(client: *mut rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            player.udp()?.rebind().map_err(|error| why(&error))?;
            Ok(0)
        })
    }
}
