//! What a client is made with, checked.

use crate::error::{Failure, rs_error};
use crate::game::{Functions, Game};
use crate::layout::{Declared, FIELDS_MAX, Layout};
use crate::memory;
use crate::record::Record;
use crate::types::{rs_config, rs_layout};
use client::protocol::crypto::PreSharedKey;
use client::{ClientConfig, PublicKey};
use ringshard_world::limits::{INPUT_BYTES_MAX, OWN_BYTES_MAX, SHOWN_BYTES_MAX, TICKET_BYTES_MAX};
use std::ffi::c_void;

/// A checked configuration.
pub struct Config<'a> {
    pub game: Game,
    pub client: ClientConfig,
    pub ticket: &'a [u8],
}

/// Reads a configuration.
///
/// # Safety
/// `pointer` is null, or points to a configuration that keeps the promises of the header.
pub unsafe fn read<'a>(pointer: *const rs_config) -> Result<Config<'a>, Failure> {
    // SAFETY: the caller says so. Lengths and texts are those that the program gives for its pointers.
    unsafe {
        let config = memory::read_growing(pointer, "config")?;
        let ticket = memory::slice(config.ticket, config.ticket_bytes as usize, "config.ticket")?;
        check_ticket(ticket)?;
        let mut client = ClientConfig::new(PublicKey::from_bytes(config.server_key));
        client.reconnect = config.reconnect != 0;
        if !config.pre_shared_key.is_null() {
            let key = memory::slice(config.pre_shared_key, 32, "config.pre_shared_key")?;
            client.pre_shared = Some(PreSharedKey::from_bytes(key.try_into().expect("it has 32 bytes")));
        }
        let functions = Functions {
            step: config.step.ok_or_else(|| missing("step"))?,
            place: config.place.ok_or_else(|| missing("place"))?,
            agrees: config.agrees,
            user: config.user,
        };
        let input = layout(&config.input, "input", INPUT_BYTES_MAX)?.shared()?;
        let own = layout(&config.own, "own", OWN_BYTES_MAX)?.shared()?;
        let shown = layout(&config.shown, "shown", SHOWN_BYTES_MAX)?.shared()?;
        let game = Game {
            input,
            own,
            shown,
            messages: config.schema,
            level: config.level,
            neutral_input: record(input, config.neutral_input)?,
            blank_own: record(own, config.blank_own)?,
            blank_shown: record(shown, config.blank_shown)?,
            functions,
        };
        Ok(Config { game, client, ticket })
    }
}

/// Fails for a ticket that is too long.
pub fn check_ticket(ticket: &[u8]) -> Result<(), Failure> {
    if ticket.len() > TICKET_BYTES_MAX {
        let len = ticket.len();
        return Err(Failure::new(
            rs_error::TooLong,
            format!("the ticket has {len} bytes; {TICKET_BYTES_MAX} are the most"),
        ));
    }
    Ok(())
}

/// Reads a layout.
///
/// # Safety
/// It keeps the promises of the header.
pub unsafe fn layout(layout: &rs_layout, what: &str, wire_max: usize) -> Result<Layout, Failure> {
    if layout.count as usize > FIELDS_MAX {
        return Err(Failure::new(
            rs_error::Layout,
            format!("{what} has {} fields; {FIELDS_MAX} are the most", layout.count),
        ));
    }
    // SAFETY: the caller says so.
    let fields = unsafe { memory::slice(layout.fields, layout.count as usize, what)? };
    let declared = fields.iter().map(|field| {
        // SAFETY: the caller says so.
        let name = unsafe { memory::text(field.name, "the name of a field")? };
        Ok(Declared { name, offset: field.offset, kind: field.kind, count: field.count })
    });
    Layout::new(declared, layout.bytes as usize, wire_max)
}

/// A record with the bytes of a struct of the program; zeros for null.
///
/// # Safety
/// `pointer` is null, or points to a struct of this layout.
pub unsafe fn record(layout: &'static Layout, pointer: *const c_void) -> Result<Record, Failure> {
    let mut record = Record::new(layout);
    if !pointer.is_null() {
        // SAFETY: the caller says so.
        let bytes = unsafe { memory::slice(pointer.cast::<u8>(), layout.bytes, "a struct")? };
        record.bytes_mut().copy_from_slice(bytes);
    }
    match record.wrong_text() {
        None => Ok(record),
        Some(field) => Err(Failure::new(rs_error::Text, format!("{} is not UTF-8, or too long", field.name()))),
    }
}

fn missing(what: &str) -> Failure {
    Failure::new(rs_error::Null, format!("config.{what} is null: a client needs the game's {what}"))
}
