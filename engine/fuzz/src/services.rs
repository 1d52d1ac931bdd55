//! Values, services messages, and the calls of a client.

use crate::input::Input;
use ringshard_requests::caller::Calls;
use ringshard_requests::limits::{CALLS_OPEN_MAX, SCHEMA_DEPTH_MAX};
use ringshard_requests::message::{Call, Cancel, Greeting, Hello, Notice, Outcome};
use ringshard_requests::value::Value;
use std::time::Duration;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// A value: it is written as the same bytes, and comes back from JSON.
pub fn value(bytes: &[u8]) {
    let Ok(value) = Value::from_bytes(bytes) else { return };
    if !bytes.is_empty() {
        assert_eq!(value.to_bytes(), bytes);
    }
    let schema = value.schema();
    assert!(schema.depth() <= SCHEMA_DEPTH_MAX);
    assert!(value.is(&schema));
    assert_eq!(Value::from_json(&schema, &value.to_json()).as_ref(), Ok(&value));
    assert!(!value.to_string().chars().any(char::is_control), "a terminal shows it as it is");
}

/// A services message: whatever can be read is written as the same bytes.
pub fn services_messages(message: &[u8]) {
    let same = |again: Vec<u8>| assert_eq!(again, message);
    let _ = Hello::read(message).map(|hello| same(written(|out| hello.write(out))));
    let _ = Greeting::read(message).map(|greeting| same(written(|out| greeting.write(out))));
    let _ = Call::read(message).map(|call| same(written(|out| call.write(out))));
    let _ = Outcome::read(message).map(|outcome| same(written(|out| outcome.write(out))));
    let _ = Cancel::read(message).map(|cancel| same(written(|out| cancel.write(out))));
    let _ = Notice::read(message).map(|notice| same(written(|out| notice.write(out))));
}

/// The calls of a client, to which the server sends anything: each call ends once, and what the client sends can be read.
pub fn client_calls(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut calls = Calls::new([1; 16], 1);
    let (mut now, mut made, mut ended) = (Duration::ZERO, 0, Vec::new());
    while !input.is_empty() {
        match input.byte() % 8 {
            0 => calls.connected(now),
            1 => calls.disconnected(),
            2 => {
                let deadline = Duration::from_millis(u64::from(input.byte()) * 200);
                if calls.call(now, "/v1/a", &[], deadline).is_ok() {
                    made += 1;
                }
            }
            3 => calls.cancel(now, input.byte().into()),
            4 => now += Duration::from_millis(u64::from(input.byte()) * 10),
            5 => {
                let mut message = vec![0x13, input.byte(), 0, 0, 0];
                let status = u16::from(input.byte()) + 340;
                message.extend(status.to_le_bytes());
                message.extend([0; 4]);
                let _ = calls.receive(now, &message);
            }
            6 => {
                let mut message = vec![0x11];
                message.extend(u64::from(input.byte()).to_le_bytes());
                calls.receive(now, &message).expect("it is a greeting");
            }
            _ => {
                let length = input.byte().into();
                let _ = calls.receive(now, input.take(length));
            }
        }
        while let Some(message) = calls.next_send(now) {
            assert!(Hello::read(message).is_ok() || Call::read(message).is_ok() || Cancel::read(message).is_ok());
        }
        ended.extend(std::iter::from_fn(|| calls.poll(now)).map(|(number, _)| number));
        assert!(calls.open() <= CALLS_OPEN_MAX);
        assert_eq!(calls.open() + ended.len(), made, "a call is open or has ended");
        assert!(calls.next_deadline().is_none_or(|next| next > now), "nothing is due that was not sent");
    }
    now += Duration::from_secs(41);
    ended.extend(std::iter::from_fn(|| calls.poll(now)).map(|(number, _)| number));
    ended.sort_unstable();
    assert!(ended.iter().copied().eq(1..=made as u32), "each call ends once");
}
