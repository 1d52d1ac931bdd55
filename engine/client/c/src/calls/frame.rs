//! Datagrams, time and inputs, and the servers that datagrams go to. For clients without a socket, except `rs_client_input`. A
//! client of `rs_udp_connect` moves to another server by itself.

use crate::address::rs_address;
use crate::config;
use crate::error::{Failure, rs_error};
use crate::handle::{rs_client, with};
use crate::memory;
use crate::types::{RS_DATAGRAM_BYTES_MAX, rs_result};
use client::protocol::time::Instant;
use std::ffi::c_void;

/// Hands in a datagram from the server, or from the one that the session moves to. It is decrypted where it lies. Anything may
/// be handed in: what is not authentic is dropped.
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
/// least `RS_DATAGRAM_BYTES_MAX`. While the session moves, `rs_client_place` says which server it is for.
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

/// Gives the server that the present one wants the session to move to. 1 if there is one, or 0: then nothing is written. Each
/// is given once. Call it after each `rs_client_receive`. The program opens a socket to that address, and calls
/// `rs_client_move_to`. A program that cannot reach it does nothing: the session stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_change_of_server(client: *mut rs_client, address: *mut rs_address) -> rs_result {
    // SAFETY: the header demands a client, and room for an address.
    unsafe {
        with(client, |player| {
            // Before the server is taken: it is given once.
            memory::check(address, "address")?;
            let Some(server) = player.bare()?.change_of_server() else { return Ok(0) };
            memory::write(address, server.into(), "address")?;
            Ok(1)
        })
    }
}

/// Begins to move to the server of `rs_client_change_of_server`; without one, it does nothing. `place` is the program's number
/// for the socket to that server. That of the first server is 0. The number of the present server's socket is refused. A session
/// that ends does not move: `rs_client_is_moving` says whether it does.
///
/// The present connection stays until the other server accepts: both sockets are in use until `rs_client_is_moving` gives 0.
/// Then only that of `rs_client_server_place` is, and the program closes the other. `RS_NEWS_KIND_MOVED` follows if the session
/// has moved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_move_to(client: *mut rs_client, now_ns: u64, place: u32) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe {
        with(client, |player| {
            let client = player.bare()?;
            if client.connection().server_place() == place {
                let wrong = format!("the place is {place}, which is that of the present server: give another number");
                return Err(Failure::new(rs_error::Value, wrong));
            }
            client.move_to(Instant::from_nanos(now_ns), place);
            Ok(0)
        })
    }
}

/// Gives the place of the datagram that the next `rs_client_transmit` with this time writes. Call it before each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_place(client: *mut rs_client, now_ns: u64, place: *mut u32) -> rs_result {
    // SAFETY: the header demands a client, and room for a number.
    unsafe {
        with(client, |player| {
            memory::check(place, "place")?;
            let (client, now) = (player.bare()?, Instant::from_nanos(now_ns));
            client.flush(now);
            memory::write(place, client.place(now), "place")?;
            Ok(0)
        })
    }
}

/// 1 if the session moves, or 0. It moves until the other server is heard, or the session stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_is_moving(client: *const rs_client) -> rs_result {
    // SAFETY: the header demands a client.
    unsafe { with(client, |player| Ok(player.bare()?.connection().is_moving().into())) }
}

/// Gives the place of the server that has the session, or that the client tries to reach.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_server_place(client: *const rs_client, place: *mut u32) -> rs_result {
    // SAFETY: the header demands a client, and room for a number.
    unsafe {
        with(client, |player| {
            memory::write(place, player.bare()?.connection().server_place(), "place")?;
            Ok(0)
        })
    }
}
