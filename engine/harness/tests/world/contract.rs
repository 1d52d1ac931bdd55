//! Types of contracts: values and differences read back within their documented size, and all else is refused.

use crate::samples::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::{Malformed, Reader};
use ringshard_world::contract::{Cooldown, Fields, Text, Wire, read_difference, write_difference};
use ringshard_world::messages::read_whole;
use std::fmt::Debug;

ringshard_world::wire! {
    pub struct Nothing {}
    pub struct Seven { pub a: u8, pub b: u8, pub c: u8, pub d: u8, pub e: u8, pub f: u8, pub g: u8 }
    pub struct Eight { pub a: u8, pub b: u8, pub c: u8, pub d: u8, pub e: u8, pub f: u8, pub g: u8, pub h: u8 }

    /// As many fields as a set has bits.
    pub struct Widest {
        pub a0: u8, pub a1: u8, pub a2: u8, pub a3: u8, pub a4: u8, pub a5: u8, pub a6: u8, pub a7: u8,
        pub b0: u8, pub b1: u8, pub b2: u8, pub b3: u8, pub b4: u8, pub b5: u8, pub b6: u8, pub b7: u8,
        pub c0: u8, pub c1: u8, pub c2: u8, pub c3: u8, pub c4: u8, pub c5: u8, pub c6: u8, pub c7: u8,
        pub d0: u8, pub d1: u8, pub d2: u8, pub d3: u8, pub d4: u8, pub d5: u8, pub d6: u8, pub d7: u8,
        pub e0: u8, pub e1: u8, pub e2: u8, pub e3: u8, pub e4: u8, pub e5: u8, pub e6: u8, pub e7: u8,
        pub f0: u8, pub f1: u8, pub f2: u8, pub f3: u8, pub f4: u8, pub f5: u8, pub f6: u8, pub f7: u8,
        pub g0: u8, pub g1: u8, pub g2: u8, pub g3: u8, pub g4: u8, pub g5: u8, pub g6: u8, pub g7: u8,
        pub h0: u8, pub h1: u8, pub h2: u8, pub h3: u8, pub h4: u8, pub h5: u8, pub h6: u8, pub h7: u8,
    }
}

fn any_widest() -> impl Strategy<Value = Widest> {
    // A struct of bytes is encoded as its bytes.
    vec(any::<u8>(), 64).prop_map(|bytes| read_whole(&bytes).expect("64 bytes"))
}

fn encoded(value: &impl Wire) -> Vec<u8> {
    written(|writer| value.write(writer))
}

fn differing<T: Fields>(state: &T, base: &T) -> Vec<u8> {
    written(|writer| write_difference(state, base, writer))
}

fn applied<T: Fields>(base: &T, bytes: &[u8]) -> Result<T, Malformed> {
    let (mut state, mut reader) = (*base, Reader::new(bytes));
    read_difference(&mut state, &mut reader)?;
    reader.finish()?;
    Ok(state)
}

fn check_value<T: Wire + PartialEq>(value: T) {
    let bytes = encoded(&value);
    assert!(bytes.len() <= T::BYTES_MAX, "{value:?} has {} bytes", bytes.len());
    assert_eq!(read_whole(&bytes), Ok(value));
    for cut in 0..bytes.len() {
        assert!(read_whole::<T>(&bytes[..cut]).is_err(), "{value:?}, cut to {cut} bytes");
        assert_eq!(within(cut, |writer| value.write(writer)), None, "{value:?}, with room for {cut} bytes");
    }
    assert_eq!(read_whole::<T>(&[&bytes[..], &[0]].concat()).err(), Some(Malformed::TooLong));
}

fn check_difference<T: Fields>(state: T, base: T) {
    let bytes = differing(&state, &base);
    assert!(bytes.len() <= T::BYTES_MAX, "{state:?} from {base:?} takes {} bytes", bytes.len());
    assert_eq!(applied(&base, &bytes), Ok(state));
    for cut in 0..bytes.len() {
        assert!(applied(&base, &bytes[..cut]).is_err(), "{state:?}, cut to {cut} bytes");
    }
    assert_eq!(applied(&base, &[&bytes[..], &[0]].concat()), Err(Malformed::TooLong));
    assert_eq!(differing(&state, &state), [0], "no field differs");
}

/// Exactly the fields in the set change.
fn check_subset<T: Fields>(state: T, base: T, mask: u64) {
    let mask = mask & base.all();
    let bytes = written(|writer| {
        writer.varint_u64(mask)?;
        state.write_fields(mask, writer)
    });
    let mixed = applied(&base, &bytes).expect("it is a difference");
    assert_eq!(mixed.changed_from(&state) & mask, 0, "all fields of the set are there");
    assert_eq!(mixed.changed_from(&base) & !mask, 0, "and no others");
    assert_eq!(mixed.changed_from(&base), state.changed_from(&base) & mask);
}

/// Whatever bytes are read as a value are those that it is written as, except that -0 is read as it is.
fn check_any<T: Wire + Debug>(bytes: &[u8], keeps_bytes: bool) {
    let mut reader = Reader::new(bytes);
    let Ok(value) = T::read(&mut reader) else { return };
    let again = encoded(&value);
    assert!(again.len() <= T::BYTES_MAX);
    let read = &bytes[..bytes.len() - reader.remaining()];
    assert!(!keeps_bytes || again == read, "{value:?}");
    assert_eq!(again.len(), read.len());
}

proptest! {
    #[test]
    fn values_read_back(
        (input, own, shown) in (any_input(), any_own(), any_shown()),
        (ask, answer, event) in (any_ask(), any_answer(), any_event()),
        wide in any_widest(),
    ) {
        check_value(input);
        check_value(own);
        check_value(shown);
        check_value(ask);
        check_value(answer);
        check_value(event);
        check_value(wide);
        check_value([Some(input), None]);
    }

    #[test]
    fn differences_lead_from_any_state_to_any_other(
        inputs in [any_input(), any_input()],
        owns in [any_own(), any_own()],
        showns in [any_shown(), any_shown()],
        wides in [any_widest(), any_widest()],
        mask in any::<u64>(),
    ) {
        check_difference(inputs[0], inputs[1]);
        check_difference(owns[0], owns[1]);
        check_difference(showns[0], showns[1]);
        check_difference(wides[0], wides[1]);
        check_subset(inputs[0], inputs[1], mask);
        check_subset(owns[0], owns[1], mask);
        check_subset(showns[0], showns[1], mask);
        check_subset(wides[0], wides[1], mask);
    }

    #[test]
    fn any_bytes_are_a_value_or_refused(bytes in prop_oneof![vec(any::<u8>(), 0..80), vec(0..3u8, 0..80)]) {
        check_any::<Input>(&bytes, true);
        check_any::<Shown>(&bytes, true);
        check_any::<Ask>(&bytes, true);
        check_any::<Answer>(&bytes, true);
        check_any::<Own>(&bytes, false);
        check_any::<Event>(&bytes, false);
        let mut own = Own::default();
        let _ = read_difference(&mut own, &mut Reader::new(&bytes));
        check_difference(own, Own::default());
    }

    /// A text keeps as many whole characters as fit.
    #[test]
    fn a_text_is_the_longest_beginning_that_fits(text in any::<String>()) {
        fn check<const N: usize>(text: &str) {
            let kept = Text::<N>::new(text);
            let rest = text.strip_prefix(kept.as_str()).expect("it is a beginning");
            assert!(kept.as_str().len() <= N);
            assert!(rest.chars().next().is_none_or(|next| kept.as_str().len() + next.len_utf8() > N));
            check_value(kept);
        }
        check::<0>(&text);
        check::<1>(&text);
        check::<8>(&text);
        check::<127>(&text);
        check::<255>(&text);
    }
}

#[test]
fn the_largest_values_have_the_documented_size() {
    let text = |len: usize| "x".repeat(len);
    assert_eq!(encoded(&Text::<255>::new(&text(300))).len(), Text::<255>::BYTES_MAX);
    assert_eq!(encoded(&Text::<128>::new(&text(128))).len(), Text::<128>::BYTES_MAX);
    // All fields differ from the blank ones: the set takes two bytes.
    let own = Own {
        fuel: 1,
        ammo: 1,
        score: 1,
        account: 1,
        lean: 1,
        slope: 1,
        debt: 1,
        clock: 1,
        speed: 1.0,
        grounded: true,
        spot: [1.0; 2],
        dash: read_whole::<Cooldown>(&[1, 0]).unwrap(),
    };
    assert_eq!(encoded(&own).len(), <Own as Wire>::BYTES_MAX);
    assert_eq!(differing(&own, &Own::default()).len(), <Own as Fields>::BYTES_MAX);
    let wide: Widest = read_whole(&[1; 64]).unwrap();
    assert_eq!(differing(&wide, &Widest::default()).len(), <Widest as Fields>::BYTES_MAX);
    assert_eq!(<Widest as Fields>::BYTES_MAX, 10 + 64);
    assert_eq!((<Seven as Fields>::BYTES_MAX, <Eight as Fields>::BYTES_MAX), (1 + 7, 2 + 8));
    assert_eq!((<Nothing as Fields>::BYTES_MAX, differing(&Nothing {}, &Nothing {}).len()), (1, 1));
    assert_eq!(encoded(&Event::Said { words: Text::new(&text(200)) }).len(), Event::BYTES_MAX);
}

#[test]
fn a_set_with_an_unknown_field_is_refused() {
    for bit in 5..64 {
        let set = written(|writer| writer.varint_u64(1 << bit));
        let bytes = [&set[..], &[0; 8]].concat();
        let mut input = Input::default();
        assert_eq!(read_difference(&mut input, &mut Reader::new(&bytes)), Err(Malformed::UnknownValue), "bit {bit}");
        assert_eq!(input, Input::default());
    }
    assert_eq!(applied(&Nothing {}, &[0]), Ok(Nothing {}));
    assert_eq!(applied(&Nothing {}, &[1]), Err(Malformed::UnknownValue));
    assert_eq!(applied(&Widest::default(), &[0; 1]), Ok(Widest::default()));
}

#[test]
fn an_unknown_variant_is_refused() {
    for number in 0..=u8::MAX {
        let bytes = [&[number][..], &[0; 16]].concat();
        assert_eq!(Ask::read(&mut Reader::new(&bytes)).is_ok(), number < 3, "{number}");
        assert_eq!(Answer::read(&mut Reader::new(&bytes)).is_ok(), number < 2, "{number}");
    }
}

/// Everything that a client sends becomes part of what the game calculates with.
#[test]
fn floats_on_the_wire_are_finite() {
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7F80_0001)] {
        assert_eq!(read_whole::<f32>(&value.to_le_bytes()), Err(Malformed::UnknownValue), "{value}");
        assert!(read_whole::<[f32; 2]>(&[[0; 4], value.to_le_bytes()].concat()).is_err());
    }
    for value in [f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 0.0] {
        assert_eq!(read_whole::<f32>(&value.to_le_bytes()), Ok(value));
    }
}

/// The two zeros are equal, so no difference says which it is. Digests would otherwise differ.
#[test]
fn a_zero_on_the_wire_has_no_sign() {
    assert_eq!(encoded(&-0.0_f32), [0; 4]);
    let negative = Own { speed: -0.0, ..Own::default() };
    assert_eq!(differing(&negative, &Own::default()), [0]);
    assert_eq!(encoded(&negative), encoded(&Own::default()));
    assert_eq!(encoded(&-f32::MIN_POSITIVE), (-f32::MIN_POSITIVE).to_le_bytes(), "other numbers keep their sign");
}

#[test]
fn a_bool_is_0_or_1_also_in_an_option() {
    for byte in 2..=u8::MAX {
        assert_eq!(read_whole::<bool>(&[byte]), Err(Malformed::UnknownValue));
        assert_eq!(read_whole::<Option<u8>>(&[byte, 0]), Err(Malformed::UnknownValue));
    }
}

#[test]
fn an_ability_is_ready_again_after_its_ticks() {
    let mut dash = Cooldown::default();
    assert!(dash.is_ready() && dash.start(2) && !dash.is_ready());
    assert!(!dash.start(9), "a second use must wait");
    dash.count_down();
    assert_eq!((dash.ticks(), dash.is_ready()), (1, false));
    dash.count_down();
    dash.count_down();
    assert!(dash.is_ready() && dash.start(u16::MAX));
    dash.end();
    assert!(dash.is_ready());
}
