//! The content of packets.
//!
//! Numbers are little endian; varints and differences are those of PROTOCOL.md#differences. Every packet begins with its kind,
//! 1 byte, and the number of the match, 2 bytes. Ticks are the server's, 4 bytes, modulo 2^32.
//!
//! | kind | from | content |
//! |---|---|---|
//! | 0: inputs | server | first tick, count of ticks (1 byte, at least 1), then each tick |
//! | 1: state | server | seat (1 byte), seats (1 byte), seats that are present (1 byte), ticks from one check to the next (1 byte), tick of the state, length of the whole state (varint), offset of this part (varint), then the part |
//! | 2: differs | server | checked tick, seat (1 byte), the seats that it differs from (1 byte; 0 is the server) |
//! | 3: lost | server | nothing |
//! | 16: report | client | confirmed tick, 0; or confirmed tick, 1, checked tick, digest (4 bytes) |
//!
//! A tick of inputs begins with a varint: bit `n` says that the input of seat `n` follows, bit 8 that the seats which are
//! present follow, 1 byte. Each input is the difference to that seat's input in the tick before. The first tick of a packet
//! has nobody present and neutral inputs before it, so each packet can be read alone.
//!
//! A digest is the CRC-32C of the state's bytes.

use crate::packet::Packet;
use crate::together::{Inputs, SEATS_MAX, SEATS_MIN};
use ringshard_world::Fields;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::{read_difference, write_difference};

/// Says that the present seats follow.
const PRESENT: u32 = 1 << SEATS_MAX;

mod kinds {
    pub const INPUTS: u8 = 0;
    pub const STATE: u8 = 1;
    pub const DIFFERS: u8 = 2;
    pub const LOST: u8 = 3;
    pub const REPORT: u8 = 16;
}

/// The number of the match that a packet is for, and what follows it.
pub(crate) struct Content<'a> {
    pub(crate) number: u16,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    Inputs(Relay<'a>),
    State(StatePart<'a>),
    Differs(Difference),
    Lost,
    Report(Report),
}

impl<'a> Content<'a> {
    /// Reads all but the inputs, which need to know the match.
    pub(crate) fn read(packet: &'a Packet) -> Result<Self, Malformed> {
        let mut reader = Reader::new(packet.content());
        let (kind, number) = (reader.u8()?, reader.u16()?);
        let body = match kind {
            kinds::INPUTS => Body::Inputs(Relay::read(&mut reader)?),
            kinds::STATE => Body::State(StatePart::read(&mut reader)?),
            kinds::DIFFERS => Body::Differs(Difference::read(&mut reader)?),
            kinds::LOST => Body::Lost,
            kinds::REPORT => Body::Report(Report::read(&mut reader)?),
            _ => return Err(Malformed::UnknownValue),
        };
        reader.finish()?;
        Ok(Content { number, body })
    }
}

fn written(kind: u8, number: u16, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Packet {
    Packet::written(|writer| {
        writer.u8(kind)?;
        writer.u16(number)?;
        write(writer)
    })
}

/// The inputs of some ticks, not yet read.
pub(crate) struct Relay<'a> {
    pub(crate) first: u32,
    count: u8,
    ticks: &'a [u8],
}

impl<'a> Relay<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (first, count) = (reader.u32()?, reader.u8()?);
        let ticks = reader.raw(reader.remaining())?;
        if count == 0 { Err(Malformed::UnknownValue) } else { Ok(Relay { first, count, ticks }) }
    }

    /// Reads the inputs of each tick into `take`. `before` are neutral inputs. Those before a malformed tick are taken.
    pub(crate) fn each<I: Fields>(
        &self,
        before: &Inputs<I>,
        mut take: impl FnMut(u32, &Inputs<I>),
    ) -> Result<(), Malformed> {
        let (mut reader, mut inputs) = (Reader::new(self.ticks), *before);
        for at in 0..u32::from(self.count) {
            read_turn(&mut inputs, &mut reader)?;
            take(self.first.wrapping_add(at), &inputs);
        }
        reader.finish()
    }
}

/// Inputs of consecutive ticks from `first` on. There must be few enough.
pub(crate) fn write_relay<'i, I: Fields>(
    number: u16,
    first: u32,
    before: &'i Inputs<I>,
    ticks: impl ExactSizeIterator<Item = &'i Inputs<I>>,
) -> Packet {
    written(kinds::INPUTS, number, |writer| {
        writer.u32(first)?;
        writer.u8(u8::try_from(ticks.len()).expect("a history has fewer ticks"))?;
        let mut before = before;
        for inputs in ticks {
            write_turn(inputs, before, writer)?;
            before = inputs;
        }
        Ok(())
    })
}

/// Writes the inputs of one tick as their differences to those of the tick before.
pub(crate) fn write_turn<I: Fields>(
    inputs: &Inputs<I>,
    before: &Inputs<I>,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    let mut changed = if inputs.present() == before.present() { 0 } else { PRESENT };
    for (seat, (input, former)) in inputs.all().iter().zip(before.all()).enumerate() {
        changed |= u32::from(input.changed_from(former) != 0) << seat;
    }
    writer.varint_u32(changed)?;
    if changed & PRESENT != 0 {
        writer.u8(inputs.present())?;
    }
    for (seat, (input, former)) in inputs.all().iter().zip(before.all()).enumerate() {
        if changed & 1 << seat != 0 {
            write_difference(input, former, writer)?;
        }
    }
    Ok(())
}

fn read_turn<I: Fields>(inputs: &mut Inputs<I>, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let (changed, seats) = (reader.varint_u32()?, inputs.seats());
    if changed & !(PRESENT | ((1 << seats) - 1)) != 0 {
        return Err(Malformed::UnknownValue);
    }
    if changed & PRESENT != 0 {
        let present = reader.u8()?;
        if u32::from(present) >> seats != 0 {
            return Err(Malformed::UnknownValue);
        }
        inputs.set_present(present);
    }
    for seat in (0..seats).filter(|seat| changed & 1 << seat != 0) {
        let mut input = *inputs.of(seat);
        read_difference(&mut input, reader)?;
        inputs.set(seat, input);
    }
    Ok(())
}

/// A part of a state, and whose it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct StatePart<'a> {
    pub(crate) seat: u8,
    pub(crate) seats: u8,
    pub(crate) present: u8,
    pub(crate) check_every: u8,
    pub(crate) tick: u32,
    pub(crate) len: u32,
    pub(crate) at: u32,
    pub(crate) bytes: &'a [u8],
}

impl<'a> StatePart<'a> {
    /// Bytes of a state in one part.
    pub(crate) const BYTES_MAX: usize = crate::packet::PACKET_BYTES_MAX - (3 + 4 + 4 + 3 + 3);

    pub(crate) fn packet(&self, number: u16) -> Packet {
        written(kinds::STATE, number, |writer| {
            writer.raw(&[self.seat, self.seats, self.present, self.check_every])?;
            writer.u32(self.tick)?;
            writer.varint_u32(self.len)?;
            writer.varint_u32(self.at)?;
            writer.raw(self.bytes)
        })
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let [seat, seats, present, check_every] = reader.array()?;
        let tick = reader.u32()?;
        let (len, at) = (reader.varint_u32()?, reader.varint_u32()?);
        let bytes = reader.raw(reader.remaining())?;
        let has_seat = seat < seats && (SEATS_MIN..=SEATS_MAX).contains(&usize::from(seats));
        let fits = u64::from(at) + bytes.len() as u64 <= u64::from(len);
        if !has_seat || u32::from(present) >> seats != 0 || check_every == 0 || !fits {
            return Err(Malformed::UnknownValue);
        }
        Ok(StatePart { seat, seats, present, check_every, tick, len, at, bytes })
    }
}

/// A client whose state differs from that of other ends after a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The checked tick. The step that went wrong lies between the last check before it and this tick.
    pub tick: u32,
    /// The seat of the client.
    pub seat: u8,
    /// A bit for each seat that it differs from. 0: it differs from the server, which is right.
    pub from: u8,
}

impl Difference {
    /// Whether the server has stepped the match, and has another state.
    pub fn is_from_server(&self) -> bool {
        self.from == 0
    }

    pub(crate) fn packet(&self, number: u16) -> Packet {
        written(kinds::DIFFERS, number, |writer| {
            writer.u32(self.tick)?;
            writer.raw(&[self.seat, self.from])
        })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (tick, [seat, from]) = (reader.u32()?, reader.array()?);
        if usize::from(seat) >= SEATS_MAX || from & 1 << seat != 0 {
            return Err(Malformed::UnknownValue);
        }
        Ok(Difference { tick, seat, from })
    }
}

/// The server cannot give a client what it needs to go on.
pub(crate) fn lost_packet(number: u16) -> Packet {
    written(kinds::LOST, number, |_| Ok(()))
}

/// What a client has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// It has the inputs of all ticks up to this one.
    pub(crate) confirmed: u32,
    /// The digest of its state after a tick.
    pub(crate) check: Option<(u32, u32)>,
}

impl Report {
    pub(crate) fn packet(&self, number: u16) -> Packet {
        written(kinds::REPORT, number, |writer| {
            writer.u32(self.confirmed)?;
            writer.bool(self.check.is_some())?;
            let Some((tick, digest)) = self.check else { return Ok(()) };
            writer.u32(tick)?;
            writer.u32(digest)
        })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let confirmed = reader.u32()?;
        let check = if reader.bool()? { Some((reader.u32()?, reader.u32()?)) } else { None };
        Ok(Report { confirmed, check })
    }
}

#[cfg(test)]
mod tests;
