//! The vectors and the limits of `PROTOCOL.md` that are about services.

use crate::codec::Reader;
use crate::message::download::{FromClient, FromServer, Opened, signed_bytes};
use crate::message::*;
use crate::value::{Schema, Value};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

type Vector = BTreeMap<&'static str, Vec<u8>>;

fn vectors() -> BTreeMap<&'static str, Vector> {
    let blocks = DOCUMENT.split("\n```").skip(1).step_by(2);
    let named = blocks.filter_map(|block| block.strip_prefix("services-vector ")?.split_once('\n'));
    named.map(|(name, lines)| (name, lines.lines().map(line).collect())).collect()
}

fn line(line: &'static str) -> (&'static str, Vec<u8>) {
    let (key, digits) = line.split_once(" = ").unwrap_or_else(|| panic!("no `key = hex`: {line}"));
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_else(|_| panic!("not hexadecimal: {line}"));
    (key, (0..digits.len()).step_by(2).map(byte).collect())
}

fn array<const N: usize>(vector: &Vector, key: &str) -> [u8; N] {
    vector[key].as_slice().try_into().unwrap_or_else(|_| panic!("{key} does not have {N} bytes"))
}

fn text<'a>(vector: &'a Vector, key: &str) -> &'a str {
    str::from_utf8(&vector[key]).expect("it is a text")
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn this_list_and_the_document_name_the_same_vectors() {
    let named = ["call", "downloads", "downloads-bad", "outcome", "services", "services-bad", "value", "values-bad"];
    assert_eq!(vectors().keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(named));
}

#[test]
fn the_value_of_all_types() {
    let vector = &vectors()["value"];
    assert_eq!([&vector["schema"][..], &vector["data"]].concat(), vector["value"]);
    let value = Value::from_bytes(&vector["value"]).expect("it is a value");
    assert_eq!(value.to_bytes(), vector["value"]);
    let schema = Schema::read(&mut Reader::new(&vector["schema"])).expect("it is a schema");
    assert!(value.is(&schema));
    let shown = "{ flag: true, tiny: 7, small: 513, number: 67305985, large: 18446744073709551615, down: -1, slope: -32768, \
                 debt: -2, clock: -9223372036854775808, speed: 0.1, ratio: -0.5, name: \"Zoë\", key: -_8A, steps: [1, 300], \
                 absent: none, present: 9, inner: { nothing: nothing, on: false } }";
    assert_eq!(value.to_string(), shown);
}

#[test]
fn bad_values_are_refused() {
    let vectors = vectors();
    assert_eq!(vectors["values-bad"].len(), 21);
    for (name, bytes) in &vectors["values-bad"] {
        assert!(Value::from_bytes(bytes).is_err(), "{name}");
    }
}

#[test]
fn a_call_and_an_outcome() {
    let vectors = vectors();
    let vector = &vectors["call"];
    let call = Call {
        number: u32::from_le_bytes(array(vector, "number")),
        epoch: u64::from_le_bytes(array(vector, "epoch")),
        oldest: u32::from_le_bytes(array(vector, "oldest")),
        deadline: u16::from_le_bytes(array(vector, "deadline")),
        path: text(vector, "path"),
        value: &vector["request"],
    };
    assert_eq!(Call::read(&vector["message"]), Ok(call));
    assert_eq!(written(|out| call.write(out)), vector["message"]);
    assert_eq!(Value::from_bytes(call.value).map(|value| value.to_string()).unwrap(), "{ item: 7, note: none }");

    let vector = &vectors["outcome"];
    let outcome = Outcome {
        number: u32::from_le_bytes(array(vector, "number")),
        status: u16::from_le_bytes(array(vector, "status")),
        wait: u32::from_le_bytes(array(vector, "wait")),
        value: &vector["answer"],
    };
    assert_eq!(Outcome::read(&vector["message"]), Ok(outcome));
    assert_eq!(written(|out| outcome.write(out)), vector["message"]);
    assert_eq!(Value::from_bytes(outcome.value).map(|value| value.to_string()).unwrap(), "{ message: \"wait\" }");
}

#[test]
fn short_messages() {
    let vectors = vectors();
    let vector = &vectors["services"];
    let hello = Hello { instance: array(vector, "instance") };
    assert_eq!((Hello::read(&vector["hello"]), written(|out| hello.write(out))), (Ok(hello), vector["hello"].clone()));
    let greeting = Greeting { epoch: u64::from_le_bytes(array(vector, "epoch")) };
    assert_eq!(Greeting::read(&vector["greeting"]), Ok(greeting));
    assert_eq!(written(|out| greeting.write(out)), vector["greeting"]);
    let cancel = Cancel { number: u32::from_le_bytes(array(vector, "number")) };
    assert_eq!(
        (Cancel::read(&vector["cancel"]), written(|out| cancel.write(out))),
        (Ok(cancel), vector["cancel"].clone())
    );
    let notice = Notice { topic: text(vector, "topic"), value: &vector["notice"] };
    assert_eq!(Notice::read(&vector["message"]), Ok(notice));
    assert_eq!(written(|out| notice.write(out)), vector["message"]);
}

#[test]
fn messages_of_downloads() {
    let vectors = vectors();
    let vector = &vectors["downloads"];
    let number = |key| u32::from_le_bytes(array(vector, key));
    let (download, name, hash) = (number("download"), text(vector, "name"), array(vector, "hash"));
    let (offset, size) = (u64::from_le_bytes(array(vector, "offset")), u64::from_le_bytes(array(vector, "size")));
    for (key, message) in [
        ("open", FromClient::Open { download, name }),
        ("fetch", FromClient::Fetch { download, hash, offset, length: number("length") }),
        ("stop", FromClient::Stop { download }),
    ] {
        assert_eq!(
            (FromClient::read(&vector[key]), written(|out| message.write(out))),
            (Ok(message), vector[key].clone())
        );
    }
    let status = u16::from_le_bytes(array(vector, "status"));
    let opened = Opened { download, status, wait: number("wait"), hash, size, signature: array(vector, "signature") };
    for (key, message) in [
        ("opened", FromServer::Opened(opened)),
        ("refused", FromServer::Opened(Opened::refusal(download, 503, 1500))),
        ("piece", FromServer::Piece { download, offset, bytes: &vector["content"] }),
    ] {
        assert_eq!(
            (FromServer::read(&vector[key]), written(|out| message.write(out))),
            (Ok(message), vector[key].clone())
        );
    }
    assert_eq!(signed_bytes(name, size, &hash), vector["signed"]);
    for (name, message) in &vectors["downloads-bad"] {
        assert!(FromClient::read(message).is_err() && FromServer::read(message).is_err(), "{name}");
    }
}

#[test]
fn bad_messages_are_dropped() {
    let vectors = vectors();
    assert_eq!(vectors["services-bad"].len(), 18);
    for (name, message) in &vectors["services-bad"] {
        let read = match message[0] {
            kinds::HELLO => Hello::read(message).is_ok(),
            kinds::GREETING => Greeting::read(message).is_ok(),
            kinds::CALL => Call::read(message).is_ok(),
            kinds::OUTCOME => Outcome::read(message).is_ok(),
            kinds::CANCEL => Cancel::read(message).is_ok(),
            kinds::NOTICE => Notice::read(message).is_ok(),
            kind => panic!("{name}: no message has kind {kind}"),
        };
        assert!(!read, "{name}");
    }
}
