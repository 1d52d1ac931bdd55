//! World messages other than snapshots.

use crate::contract::{Answer, Ask, Event, Input};
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::limits::{INPUT_MESSAGE_BYTES_MAX, INPUTS_PER_MESSAGE_MAX};
use ringshard_world::messages::{
    ASK_MESSAGE_BYTES_MAX, EVENT_MESSAGE_BYTES_MAX, EnterAnswer, EnterRequest, InputHeader, read_answer,
    read_ask_number, read_event, read_whole, write_answer, write_ask, write_event,
};

/// The bytes of a message of at most `most`.
fn written(most: usize, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    let mut buffer = vec![0; most];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).expect("that is the largest");
    writer.written().to_vec()
}

/// An input message. Written anew, it has the same inputs for the same ticks, without fields that did not change.
pub fn inputs(message: &[u8]) {
    let neutral = Input { forward: 1, ..Input::default() };
    let Ok((header, inputs)) = InputHeader::read(message, &neutral) else { return };
    let (ticks, timed): (Vec<_>, Vec<_>) = inputs.iter().unzip();
    assert!(timed.len() <= INPUTS_PER_MESSAGE_MAX);
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    assert!(ticks.last().is_none_or(|&newest| newest == header.tick));
    let again = written(INPUT_MESSAGE_BYTES_MAX, |writer| header.write(&neutral, &timed, writer));
    assert!(again.len() < message.len() || again == message);
    let (same_header, same_inputs) = InputHeader::read(&again, &neutral).expect("it was written");
    assert_eq!(same_header, header);
    assert!(same_inputs.iter().eq(inputs.iter()));
}

/// A request to enter the world: it is written as the same bytes.
pub fn enter_request(message: &[u8]) {
    let Ok(request) = EnterRequest::read(message) else { return };
    assert_eq!(written(EnterRequest::BYTES_MAX, |writer| request.write(writer)), message);
    assert_eq!(request.schema.difference(&request.schema), None);
}

/// An answer to such a request. It is written as the same bytes, except that the height of a map becomes a whole number
/// of steps.
pub fn enter_answer(message: &[u8]) {
    let Ok(answer) = EnterAnswer::read(message) else { return };
    let again = written(EnterAnswer::BYTES_MAX, |writer| answer.write(writer));
    assert_eq!(EnterAnswer::read(&again), Ok(answer));
    let EnterAnswer::Welcome(welcome) = answer else { return assert_eq!(again, message) };
    let far = welcome.map.size();
    assert!(far.iter().all(|length| length.is_finite() && *length > 0.0));
    assert!(welcome.map.contains(welcome.map.quantise(far)), "the far corner is taken to the edge");
}

/// An ask: it is written as the same bytes.
pub fn ask(message: &[u8]) {
    let Ok((number, rest)) = read_ask_number(message) else { return };
    let Ok(ask) = read_whole::<Ask>(rest) else { return };
    assert_eq!(written(ASK_MESSAGE_BYTES_MAX, |writer| write_ask(number, &ask, writer)), message);
}

/// An answer to an ask: it is written as the same bytes.
pub fn answer(message: &[u8]) {
    let Ok((number, answered)) = read_answer::<Answer>(message) else { return };
    assert_eq!(written(ASK_MESSAGE_BYTES_MAX, |writer| write_answer(number, &answered, writer)), message);
}

/// An event. It is written as bytes of the same number; only the sign of a zero is lost.
pub fn event(message: &[u8]) {
    let Ok(event) = read_event::<Event>(message) else { return };
    let again = written(EVENT_MESSAGE_BYTES_MAX, |writer| write_event(&event, writer));
    assert_eq!(again.len(), message.len());
    assert_eq!(read_event(&again), Ok(event));
}
