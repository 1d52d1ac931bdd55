//! Messages: what is written reads back, within its documented size, and nothing else is read.

use crate::samples::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::Rules;
use ringshard_world::codec::{Malformed, Reader, Writer};
use ringshard_world::contract::{ContractPart, Fields, Schema};
use ringshard_world::limits::*;
use ringshard_world::messages::*;

ringshard_world::wire! {
    /// As large as an input may be.
    pub struct LargeInput { pub a: [u8; 31], pub b: [u8; 32] }
    /// As large as a state of a player may be.
    pub struct LargeOwn { pub a: [[u8; 17]; 15] }
    pub enum LargeAsk { Small, Large { all: [u8; 1023] } }
    pub enum LargeEvent { Small, Large { all: [u8; 231] } }
}

/// The size of the head of an input message that has everything.
const INPUT_HEAD_BYTES_MAX: usize = 2 + 10 + 4 + 4 + 1;

fn any_header() -> impl Strategy<Value = InputHeader> {
    (any::<Option<(u16, u64)>>(), any::<Option<u32>>(), any_u32()).prop_map(|(received, digest, tick)| InputHeader {
        received,
        digest,
        tick,
    })
}

/// Inputs as a player makes them: often the same as before.
fn any_inputs() -> impl Strategy<Value = Vec<TimedInput<Input>>> {
    vec((any_input(), any::<bool>(), any_u16()), 0..=INPUTS_PER_MESSAGE_MAX).prop_map(|made| {
        let mut last = Input::default();
        made.into_iter()
            .map(|(input, same, view_delay)| {
                last = if same { last } else { input };
                TimedInput { input: last, view_delay }
            })
            .collect()
    })
}

/// Inputs with the ticks for which they are.
type Timed = Vec<(u32, TimedInput<Input>)>;

fn read_inputs(message: &[u8]) -> Result<(InputHeader, Timed), Malformed> {
    InputHeader::read(message, &Input::default()).map(|(header, inputs)| (header, inputs.iter().collect()))
}

/// The inputs with the ticks for which they are.
fn timed(tick: u32, inputs: &[TimedInput<Input>]) -> Timed {
    let ticks = (0..inputs.len() as u32).rev().map(|before| tick.wrapping_sub(before));
    ticks.zip(inputs.iter().copied()).collect()
}

proptest! {
    #[test]
    fn inputs_read_back(header in any_header(), inputs in any_inputs()) {
        let neutral = Input::default();
        let message = written(|writer| header.write(&neutral, &inputs, writer));
        prop_assert!(message.len() <= INPUT_MESSAGE_BYTES_MAX);
        prop_assert_eq!(read_inputs(&message), Ok((header, timed(header.tick, &inputs))));
        for cut in 0..message.len() {
            prop_assert!(read_inputs(&message[..cut]).is_err(), "cut to {}", cut);
        }
        prop_assert_eq!(read_inputs(&[&message[..], &[0]].concat()), Err(Malformed::TooLong));
    }

    /// In a short buffer, the message has the newest inputs, and one more would not fit.
    #[test]
    fn a_short_message_leaves_out_the_oldest_inputs(header in any_header(), inputs in any_inputs(), room in 0..120usize) {
        let neutral = Input::default();
        let len_of = |newest: usize| {
            written(|writer| header.write(&neutral, &inputs[inputs.len() - newest..], writer)).len()
        };
        let least = inputs.len().min(1);
        let Some(message) = within(room, |writer| header.write(&neutral, &inputs, writer)) else {
            prop_assert!(len_of(least) > room);
            return Ok(());
        };
        let (read, kept) = read_inputs(&message).expect("it is an input message");
        prop_assert_eq!(read, header);
        prop_assert!(kept.len() >= least);
        prop_assert_eq!(&kept, &timed(header.tick, &inputs[inputs.len() - kept.len()..]));
        prop_assert!(kept.len() == inputs.len() || len_of(kept.len() + 1) > room);
    }

    #[test]
    fn an_owner_block_reads_back_from_any_baseline(
        (number, tick, lead, input_age) in (any_u16(), any_u32(), any::<i8>(), any::<u8>()),
        (owner, base) in (any_owner(), any_owner()),
        interval in 1..=INPUT_INTERVAL_MAX,
        (baseline, same) in (0..=OWNER_BASELINE_MAX, any::<[bool; 2]>()),
    ) {
        let body = if same[0] { base.body } else { owner.body };
        let owner = Owner { body, own: if same[1] { base.own } else { owner.own } };
        let header = SnapshotHeader::new(number, tick, lead, input_age).with_input_interval(interval);
        let message = written(|writer| header.write(&owner, baseline, &base, writer));
        prop_assert!(message.len() <= SnapshotHeader::BYTES_MAX);
        let is_shortest = message.len() == SnapshotHeader::BYTES;
        prop_assert_eq!(is_shortest, owner == base && interval == 1, "only what differs is written");
        let reader = &mut Reader::new(&message);
        let read = SnapshotHeader::read(reader).expect("it is a header");
        prop_assert_eq!((read.number, read.tick, read.lead, read.input_age), (number, tick, lead, input_age));
        prop_assert_eq!((read.input_interval, read.baseline), (interval, baseline));
        prop_assert_eq!(read.read_owner(base, reader), Ok(owner));
        prop_assert_eq!(reader.remaining(), 0);
        for cut in 0..message.len() {
            let reader = &mut Reader::new(&message[..cut]);
            let read = SnapshotHeader::read(reader).and_then(|header| header.read_owner(base, reader));
            prop_assert!(read.is_err(), "cut to {}", cut);
            prop_assert_eq!(within(cut, |writer| header.write(&owner, baseline, &base, writer)), None);
        }
    }

    #[test]
    fn a_request_reads_back(numbers in any::<[u32; 7]>(), ticket in vec(any::<u8>(), 0..=TICKET_BYTES_MAX)) {
        let request = EnterRequest { schema: Schema(numbers), ticket: &ticket };
        let message = written(|writer| request.write(writer));
        prop_assert!(message.len() <= EnterRequest::BYTES_MAX);
        prop_assert_eq!(EnterRequest::read(&message), Ok(request));
        for cut in 0..=Schema::BYTES {
            prop_assert!(EnterRequest::read(&message[..cut]).is_err(), "cut to {}", cut);
        }
    }

    #[test]
    fn an_answer_without_a_map_reads_back(reason in any::<u8>(), which in prop::sample::select(&ContractPart::ALL)) {
        for answer in [EnterAnswer::Refused(reason), EnterAnswer::PutOut(reason), EnterAnswer::WrongSchema(which)] {
            let message = written(|writer| answer.write(writer));
            prop_assert_eq!(EnterAnswer::read(&message), Ok(answer));
            prop_assert!((0..message.len()).all(|cut| EnterAnswer::read(&message[..cut]).is_err()));
            prop_assert!(EnterAnswer::read(&[&message[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn asks_and_their_answers_read_back(number in any_u16(), ask in any_ask(), answer in any_answer()) {
        let message = written(|writer| write_ask(number, &ask, writer));
        let (read, rest) = read_ask_number(&message).expect("it is an ask");
        prop_assert_eq!((read, read_whole(rest)), (number, Ok(ask)));
        for answered in [Answered::Answer(answer), Answered::TooMany, Answered::Malformed] {
            let message = written(|writer| write_answer(number, &answered, writer));
            prop_assert_eq!(read_answer(&message), Ok((number, answered)));
            for cut in 0..message.len() {
                prop_assert!(read_answer::<Answer>(&message[..cut]).is_err(), "cut to {}", cut);
            }
            prop_assert!(read_answer::<Answer>(&[&message[..], &[0]].concat()).is_err());
        }
    }

    /// The server owes an answer to each ask of which it knows the number, however damaged the rest is.
    #[test]
    fn a_damaged_ask_still_has_its_number(number in any_u16(), rest in vec(any::<u8>(), 0..20)) {
        let message = [&[kinds::ASK][..], &number.to_le_bytes(), &rest].concat();
        prop_assert_eq!(read_ask_number(&message), Ok((number, &rest[..])));
        prop_assert!((0..3).all(|cut| read_ask_number(&message[..cut]).is_err()));
    }

    #[test]
    fn an_event_reads_back(event in any_event()) {
        let message = written(|writer| write_event(&event, writer));
        prop_assert!(message.len() <= EVENT_MESSAGE_BYTES_MAX);
        prop_assert_eq!(read_event(&message), Ok(event));
        prop_assert!((0..message.len()).all(|cut| read_event::<Event>(&message[..cut]).is_err()));
        prop_assert!(read_event::<Event>(&[&message[..], &[0]].concat()).is_err());
    }

    /// Nothing is read as another kind of message, and no bytes are too strange to be looked at.
    #[test]
    fn any_bytes_are_one_kind_of_message_or_none(bytes in vec(any::<u8>(), 0..60), kind in 0..12u8) {
        let message = [&[kind][..], &bytes].concat();
        let read = [
            (kinds::SYNC_ENTITY_QUANTIZED, read_inputs(&message).is_ok()),
            (kinds::ENTER_TO_WORLD, EnterRequest::read(&message).is_ok()),
            (kinds::ENTER_TO_WORLD, EnterAnswer::read(&message).is_ok()),
            (kinds::DELTA_SYNC, SnapshotHeader::read(&mut Reader::new(&message)).is_ok()),
            (kinds::EVENT, read_event::<Event>(&message).is_ok()),
            (kinds::ASK, read_ask_number(&message).is_ok()),
            (kinds::ANSWER, read_answer::<Answer>(&message).is_ok()),
        ];
        prop_assert!(read.iter().all(|&(of, is)| !is || of == kind));
    }
}

/// All inputs of a message fit even where each is as large as can be, so none of them is ever left out.
#[test]
fn the_largest_inputs_fit_into_a_message() {
    assert_eq!(<LargeInput as Fields>::BYTES_MAX, INPUT_BYTES_MAX);
    let header = InputHeader { received: Some((1, 2)), digest: Some(3), tick: 4 };
    let input = |at: usize| LargeInput { a: [at as u8 + 1; 31], b: [at as u8 + 1; 32] };
    let inputs: Vec<_> =
        (0..INPUTS_PER_MESSAGE_MAX).map(|at| TimedInput { input: input(at), view_delay: u16::MAX }).collect();
    let neutral = LargeInput { a: [0; 31], b: [0; 32] };
    let message = written(|writer| header.write(&neutral, &inputs, writer));
    assert_eq!(message.len(), INPUT_HEAD_BYTES_MAX + INPUTS_PER_MESSAGE_MAX * (2 + INPUT_BYTES_MAX));
    assert!(message.len() <= INPUT_MESSAGE_BYTES_MAX);
    let (_, read) = InputHeader::read(&message, &neutral).expect("it is an input message");
    assert!(read.iter().map(|(_, timed)| timed).eq(inputs));
}

/// The bound is that of the message, wherever in a buffer it begins.
#[test]
fn a_message_behind_others_has_the_same_inputs() {
    let mut buffer = [0; 4096];
    let mut writer = Writer::new(&mut buffer);
    writer.raw(&[9; 2000]).expect("there is room");
    let inputs: Vec<_> =
        (0..5).map(|at| TimedInput { input: Input { yaw: at, ..Input::default() }, view_delay: 0 }).collect();
    let header = InputHeader { tick: 2, ..InputHeader::default() };
    header.write(&Input::default(), &inputs, &mut writer).expect("there is room");
    assert_eq!(read_inputs(&writer.written()[2000..]), Ok((header, timed(2, &inputs))));
}

#[test]
#[should_panic(expected = "a message has at most 16 inputs")]
fn more_inputs_than_a_message_holds_are_a_fault_of_the_caller() {
    let inputs = [TimedInput::<Input>::default(); INPUTS_PER_MESSAGE_MAX + 1];
    let _ = within(4096, |writer| InputHeader::default().write(&Input::default(), &inputs, writer));
}

#[test]
#[should_panic(expected = "the distance of a baseline has 5 bits")]
fn an_owner_block_has_no_baseline_32_snapshots_back() {
    let owner = blank_owner();
    let _ = within(99, |writer| SnapshotHeader::new(1, 1, 0, 0).write(&owner, 32, &owner, writer));
}

#[test]
fn the_largest_messages_have_their_documented_size() {
    assert_eq!(<LargeOwn as Fields>::BYTES_MAX, OWN_BYTES_MAX);
    let (owner, base) = (
        Owner { body: Some(id(1, 1)), own: LargeOwn { a: [[1; 17]; 15] } },
        Owner { body: None, own: LargeOwn { a: [[0; 17]; 15] } },
    );
    let header = SnapshotHeader::new(1, 1, 0, 0).with_input_interval(INPUT_INTERVAL_MAX);
    let snapshot = written(|writer| header.write(&owner, 31, &base, writer));
    assert_eq!(snapshot.len(), SnapshotHeader::BYTES_MAX);

    let ask = written(|writer| write_ask(1, &LargeAsk::Large { all: [1; 1023] }, writer));
    let answered = Answered::Answer(LargeAsk::Large { all: [1; 1023] });
    let answer = written(|writer| write_answer(1, &answered, writer));
    assert_eq!(ask.len().max(answer.len()), ASK_MESSAGE_BYTES_MAX);
    assert!(written(|writer| write_ask(1, &LargeAsk::Small, writer)).len() == 4);
    let event = written(|writer| write_event(&LargeEvent::Large { all: [1; 231] }, writer));
    assert_eq!(event.len(), EVENT_MESSAGE_BYTES_MAX);
    assert!(written(|writer| write_event(&LargeEvent::Small, writer)).len() == 2);

    let map = ringshard_world::Map::default();
    let welcome = EnterAnswer::Welcome(Welcome { tick: 1, first_snapshot: 1, map });
    assert_eq!(written(|writer| welcome.write(writer)).len(), EnterAnswer::BYTES_MAX);
    let request = EnterRequest { schema: Sample.schema(), ticket: &[7; TICKET_BYTES_MAX] };
    let request = written(|writer| request.write(writer));
    assert_eq!(request.len(), EnterRequest::BYTES_MAX);
    assert_eq!(EnterRequest::read(&[&request[..], &[7]].concat()), Err(Malformed::TooLong));
}
