//! Tests of messages: there and back, and what must be refused.

use super::*;
use crate::limits::{CALL_BYTES_MAX, CALLS_SPAN_MAX};
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn call() -> Call<'static> {
    Call { number: 7, epoch: 9, oldest: 3, deadline: 100, path: "/v1/a", value: &[] }
}

proptest! {
    #[test]
    fn a_call_is_read_back(
        number in 1u32.., back in 0u32..CALLS_SPAN_MAX, epoch: u64, deadline in 1..=Call::DEADLINE_UNITS_MAX,
        path in "/[a-z0-9/_-]{1,63}", value: Vec<u8>,
    ) {
        let oldest = number.saturating_sub(back).max(1);
        let call = Call { number, epoch, oldest, deadline, path: &path, value: &value };
        let message = written(|out| call.write(out));
        prop_assert_eq!(Call::read(&message), Ok(call));
    }

    #[test]
    fn an_outcome_is_read_back(number in 1u32.., status in 200u16..600, wait: u32, value: Vec<u8>) {
        let wait = if matches!(status, status::TOO_MANY | status::BUSY) { wait } else { 0 };
        let outcome = Outcome { number, status, wait, value: &value };
        let message = written(|out| outcome.write(out));
        prop_assert_eq!(Outcome::read(&message), Ok(outcome));
    }

    #[test]
    fn what_is_read_is_written_alike(kind in 15u8..28, rest: Vec<u8>) {
        let message = [&[kind], &rest[..]].concat();
        if let Ok(call) = Call::read(&message) {
            prop_assert_eq!(&written(|out| call.write(out)), &message);
        }
        if let Ok(outcome) = Outcome::read(&message) {
            prop_assert_eq!(&written(|out| outcome.write(out)), &message);
        }
        if let Ok(notice) = Notice::read(&message) {
            prop_assert_eq!(&written(|out| notice.write(out)), &message);
        }
    }
}

#[test]
fn short_messages_are_read_back_and_nothing_else_is() {
    let hello = Hello { instance: [5; 16] };
    let greeting = Greeting { epoch: u64::MAX };
    let cancel = Cancel { number: 1 };
    let notice = Notice { topic: "chat", value: &[1] };
    assert_eq!(Hello::read(&written(|out| hello.write(out))), Ok(hello));
    assert_eq!(Greeting::read(&written(|out| greeting.write(out))), Ok(greeting));
    assert_eq!(Cancel::read(&written(|out| cancel.write(out))), Ok(cancel));
    let message = written(|out| notice.write(out));
    assert_eq!(Notice::read(&message), Ok(notice));
    assert!(Hello::read(&written(|out| greeting.write(out))).is_err());
    assert!(Hello::read(&[16; 18]).is_err());
    assert!(Cancel::read(&[20, 0, 0, 0, 0]).is_err());
    assert!(Notice::read(&[26, 0, 1]).is_err());
}

#[test]
fn impossible_calls_are_refused() {
    let message = written(|out| call().write(out));
    let changed = |at: usize, byte: u8| {
        let mut message = message.clone();
        message[at] = byte;
        Call::read(&message).map(|call| call.number)
    };
    assert_eq!(Call::read(&message), Ok(call()));
    assert!(changed(1, 0).is_err(), "number 0");
    assert!(changed(1, 2).is_err(), "number below the oldest");
    assert!(changed(2, 8).is_err(), "number far above the oldest");
    assert!(changed(13, 0).is_err(), "oldest 0");
    assert!(changed(17, 0).is_err(), "no deadline");
    assert!(changed(18, 255).is_err(), "long deadline");
    assert!(changed(20, b'v').is_err(), "path without a slash");
    assert!(changed(21, b'V').is_err(), "path in capitals");
    assert!(Call::read(&[&message[..], &vec![0; CALL_BYTES_MAX]].concat()).is_err(), "too long");
}

#[test]
fn only_a_refusal_that_passes_has_a_wait() {
    let message = |status: u16| [&[19, 1, 0, 0, 0][..], &status.to_le_bytes(), &[9, 0, 0, 0]].concat();
    assert!(Outcome::read(&message(status::BUSY)).is_ok());
    assert!(Outcome::read(&message(status::TOO_MANY)).is_ok());
    assert!(Outcome::read(&message(status::OK)).is_err());
    assert!(Outcome::read(&message(199)).is_err());
    assert!(Outcome::read(&message(600)).is_err());
}
