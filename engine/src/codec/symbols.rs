//! Symbols: text that goes over a connection once, and as a number from then on (B2).
//!
//! ```text
//! | 0 varint | text |              plain: it is not kept
//! | n varint | text |              the n-th to be learnt, from 1 on
//! | n varint |                     that one again
//! ```
//! Both ends learn in the order of the messages, so all of them must go over one reliable ordered channel. The writer's
//! end keeps [`SYMBOLS_MAX`] texts of at most [`SYMBOL_BYTES_MAX`]; what is longer, or comes later, goes in plain. That
//! is also the most that a peer can make the reader's end keep: 1 MiB.

use super::{Malformed, NoRoom, Reader, Writer};
use crate::limits::{SYMBOL_BYTES_MAX, SYMBOLS_MAX};
use std::collections::HashMap;

/// The end of a channel that writes.
#[derive(Clone, Debug, Default)]
pub struct SymbolWriter {
    /// In the order they were learnt, from 0 on.
    numbers: HashMap<Box<str>, u32>,
}

impl SymbolWriter {
    /// Symbols that the other end knows.
    pub fn known(&self) -> usize {
        self.numbers.len()
    }

    /// Forgets all but the first `known`: what was written since then did not leave.
    pub fn forget_after(&mut self, known: usize) {
        self.numbers.retain(|_, &mut number| (number as usize) < known);
    }

    /// Appends `text`, or the number that the other end knows it by.
    ///
    /// # Errors
    /// [`NoRoom`], and nothing was learnt.
    pub fn write(&mut self, writer: &mut Writer<'_>, text: &str) -> Result<(), NoRoom> {
        if let Some(number) = self.numbers.get(text) {
            return writer.varint_u32(number + 1);
        }
        let next = self.numbers.len() as u32;
        let learns = text.len() <= SYMBOL_BYTES_MAX && self.numbers.len() < SYMBOLS_MAX;
        writer.whole(|writer| {
            writer.varint_u32(if learns { next + 1 } else { 0 })?;
            writer.text(text)
        })?;
        if learns {
            self.numbers.insert(text.into(), next);
        }
        Ok(())
    }
}

/// The end of a channel that reads.
#[derive(Clone, Debug, Default)]
pub struct SymbolReader {
    texts: Vec<Box<str>>,
}

impl SymbolReader {
    /// Symbols learnt so far.
    pub fn known(&self) -> usize {
        self.texts.len()
    }

    /// Forgets all but the first `known`, to read from there again.
    pub fn forget_after(&mut self, known: usize) {
        self.texts.truncate(known);
    }

    /// Reads a text, and learns it where it is new.
    ///
    /// # Errors
    /// [`Malformed::Symbol`] for a number that is neither known nor the next, [`Malformed::TooLong`] for a text that is
    /// too long to be learnt; and those of [`Reader::text`]. Nothing was learnt then; the two ends are no longer of one
    /// mind, and the connection is not worth keeping.
    pub fn read<'s, 'a: 's>(&'s mut self, reader: &mut Reader<'a>) -> Result<&'s str, Malformed> {
        reader.whole(move |reader| {
            let Some(at) = reader.varint_u32()?.checked_sub(1) else { return reader.text() };
            let at = at as usize;
            if at >= SYMBOLS_MAX || at > self.texts.len() {
                return Err(Malformed::Symbol);
            }
            if at == self.texts.len() {
                let text = reader.text()?;
                if text.len() > SYMBOL_BYTES_MAX {
                    return Err(Malformed::TooLong);
                }
                self.texts.push(text.into());
            }
            Ok(&*self.texts[at])
        })
    }
}
