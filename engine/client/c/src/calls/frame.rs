//! Datagrams, time and inputs. For clients without a socket, except `rs_client_input`.

use crate::config;
use crate::error::{Failure, rs_error};
use crate::handle::{rs_client, with};
use crate::memory;
use crate::types::{RS_DATAGRAM_BYTES_MAX, rs_result};
use client::protocol::time::Instant;
use std::ffi::c_void;

/// Hands in a datagram from the server. It is decrypted where it lies. Anything may be handed in: what is not authentic is
/// dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_receive(
    client: *mut rs_client,
    now_ns: u64,
    datagram: *mut u8,
    bytes: usize,
) -> rs_result {
    // SAFETY: the header demands a client, and that many bytes.
    unsafe {
        with(client, |player| {
            let datagram = memory::slice_mut(datagram, bytes, "datagram")?;
            player.bare()?.receive(Instant::from_nanos(now_ns), datagram);
            Ok(0)
        })
    }
}

/// Writes the next datagram for the server, and gives its bytes; 0 if there is none. Call it until it gives 0. `room` is at
/// least `RS_DATAGRAM_BYTES_MAX`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_transmit(
    client: *mut rs_client,
    now_ns: u64,
    datagram: *mut u8,
    room: usize,
) -> rs_result {
    // SAFETY: the header demands a client, and that much room.
    unsafe {
        with(client, |player| {
            if room < RS_DATAGRAM_BYTES_MAX as usize {
                return Err(Failure::new(rs_error::Room, format!("room is {room}; give {RS_DATAGRAM_BYTES_MAX}")));
            }
            let datagram = memory::slice_mut(datagram, room, "datagram")?;
            let written = player.bare()?.transmit(Instant::from_nanos(now_ns), datagram);
            Ok(written.map_or(0, |bytes| bytes as i32))
        })
    }
}

/// When to call `rs_client_update` and `rs_client_transmit` next, at the latest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_deadline(client: *const rs_client, deadline_ns: *mut u64) -> rs_result {
    // SAFETY: the header demands a client, and room for a number.
    unsafe {
        with(client, |player| {
            let deadline = player.bare()?.deadline();
            memory::write(deadline_ns, deadline.as_nanos(), "deadline_ns")?;
            Ok(0)
        })
    }
}

/// Lets time pass. Gives for how many ticks an input is due: call `rs_client_input` that often. Call it once per frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_update(client: *mut rs_client, now_ns: u64) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe { with(client, |player| Ok(player.bare()?.advance(Instant::from_nanos(now_ns)) as i32)) }
}

/// Takes the input of the next tick that is due, the struct of `rs_config.input`, and steps the own state with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_input(client: *mut rs_client, input: *const c_void) -> rs_result {
    // SAFETY: the header demands a client, and a struct of the layout of inputs.
    unsafe {
        with(client, |player| {
            memory::check(input, "input")?;
            let client = player.client_mut();
            let input = config::record(client.rules().input, input)?;
            if client.input(&input) { Ok(0) } else { Err(rs_error::NotDue.into()) }
        })
    }
}

/// The client's own address has changed, for example from Wi-Fi to mobile: the connection goes on from the new one at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_address_changed(client: *mut rs_client, now_ns: u64) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            player.bare()?.address_changed(Instant::from_nanos(now_ns));
            Ok(0)
        })
    }
}
