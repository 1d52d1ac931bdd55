//! Versions, texts, keys, schema numbers.

use crate::config;
use crate::error::{self, Failure, rs_error};
use crate::handle::guarded;
use crate::memory;
use crate::types::{RS_ABI, rs_entity, rs_layout, rs_result};
use client::{EntityId, PublicKey};
use std::ffi::c_char;

/// The version of the library's interface: `RS_ABI` of its header. Compare them before any other call if the library is loaded
/// when the program runs.
#[unsafe(no_mangle)]
pub extern "C" fn rs_abi() -> u32 {
    RS_ABI
}

/// What a result means, and what to do. It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn rs_text(result: rs_result) -> *const c_char {
    error::text(result).as_ptr()
}

/// What the last call that failed on this thread says, with names and numbers. It lives until the next call that fails.
#[unsafe(no_mangle)]
pub extern "C" fn rs_last_error() -> *const c_char {
    error::last()
}

/// Reads a public key from its 64 hexadecimal digits, as `ringshard keygen` prints them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_key(text: *const c_char, key: *mut u8) -> rs_result {
    guarded(|| {
        // SAFETY: the header demands a text that ends with a 0, and room for 32 bytes.
        let (text, key) = unsafe { (memory::text(text, "text")?, memory::slice_mut(key, 32, "key")?) };
        let read =
            PublicKey::from_hex(text).map_err(|_| Failure::new(rs_error::Key, "a key has 64 hexadecimal digits"))?;
        key.copy_from_slice(read.as_bytes());
        Ok(0)
    })
}

/// The schema number of a struct: that of a server's struct with the same fields. Give it to whoever writes the server, or
/// compare it with what the server prints.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_schema(layout: *const rs_layout, number: *mut u32) -> rs_result {
    guarded(|| {
        // SAFETY: the header demands a layout that keeps its promises, and room for a number.
        unsafe {
            let layouts = memory::slice(layout, 1, "layout")?;
            // Which type it is of is not known here, so its size on the wire is not checked.
            let layout = config::layout(&layouts[0], "layout", usize::MAX)?;
            memory::write(number, layout.schema, "number")?;
        }
        Ok(0)
    })
}

/// The number of an entity, of which a message of the game has the two parts.
#[unsafe(no_mangle)]
pub extern "C" fn rs_entity_of(index: u16, generation: u8) -> rs_entity {
    crate::types::entity_number(EntityId { index, generation })
}
