//! Packets of matches with rollback, at both ends.

use crate::input::Input as Fuzzed;
use ringshard_rollback::{
    HISTORY, Inputs, Match, MatchConfig, PACKET_BYTES_MAX, Packet, Session, SessionConfig, Together,
};
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::{Wire, wire};

wire! {
    pub struct Input { pub right: i8, pub aim: f32, pub fire: bool }
    pub struct State { pub ticks: u32, pub sum: i64, pub shots: [u32; 3] }
}

struct Adding;

impl Together for Adding {
    type State = State;
    type Input = Input;
    const SEATS: usize = 3;

    fn step_together(&self, state: &mut State, inputs: &Inputs<Input>) {
        state.ticks = state.ticks.wrapping_add(1);
        for (input, shots) in inputs.all().iter().zip(&mut state.shots) {
            state.sum = state.sum.wrapping_add(input.right.into());
            *shots = shots.wrapping_add(input.fire.into());
        }
    }
}

/// The match that fuzzed packets are mostly for.
const NUMBER: u16 = 1;
/// Its first tick.
const FIRST: u64 = 50;

/// Reads each piece as a packet of the server and as one of a client, between ticks of a real match and inputs of a session.
/// What is settled stays within what is confirmed and shown, and a match never lets a client go ahead of it.
pub fn rollback(data: &[u8]) {
    let mut input = Fuzzed::new(data);
    let is_stepped = input.byte() % 2 == 0;
    let config = MatchConfig { is_stepped, check_every: 16 };
    let mut server = Match::begin(Adding, NUMBER, FIRST, State::default(), &[1, 2, 3], config);
    let mut session = Session::new(Adding, SessionConfig { delay: 1, prediction_max: 9 });
    let mut tick = FIRST;
    while !input.is_empty() {
        let mode = input.byte();
        // Some packets of the server arrive, others are lost.
        if mode % 4 == 0 {
            tick += 1;
            server.taken(1, &Input { right: mode as i8, ..Input::default() });
            server.tick(tick, |player, _, packet| {
                if player == 1 && mode % 8 == 0 {
                    let _ = session.take(&packet);
                }
            });
        }
        let piece = input.piece(PACKET_BYTES_MAX + 1);
        match Packet::new(piece) {
            None => assert!(piece.len() > PACKET_BYTES_MAX),
            Some(packet) => {
                check_wire(&packet);
                let _ = session.take(&packet);
                let _ = server.report(i32::from(mode % 5), &packet);
            }
        }
        let made = Input { fire: mode % 2 == 1, ..Input::default() };
        session.advance((tick as u32).wrapping_add(u32::from(mode / 16)), &made);
        if let Some(packet) = session.report() {
            let _ = server.report(1, &packet);
        }
        check(&session);
    }
}

/// A packet is a field of an event: it is read back.
fn check_wire(packet: &Packet) {
    let mut bytes = [0; Packet::BYTES_MAX];
    let mut writer = Writer::new(&mut bytes);
    packet.write(&mut writer).expect("that is the largest");
    assert_eq!(Packet::read(&mut Reader::new(writer.written())), Ok(*packet));
}

fn check(session: &Session<Adding>) {
    let ticks = (session.tick(), session.settled_tick(), session.confirmed_tick());
    let (Some(shown), Some(settled), Some(confirmed)) = ticks else { return };
    let ahead = |of: u32, than: u32| of.wrapping_sub(than) as usize;
    assert!(ahead(shown, settled) < HISTORY && ahead(confirmed, settled) < HISTORY, "{session:?}");
    assert!(session.stats().longest_rollback <= 9);
}
