//! Tests of values: each way there and back, and what must be refused.

use super::*;
use crate::codec::Reader;
use crate::limits::{SCHEMA_BYTES_MAX, VALUE_PARTS_MAX};
use proptest::prelude::*;
use serde_json::json;

crate::record! {
    /// What a test uses.
    pub struct UseItem {
        pub item: u32,
        pub note: Option<String>,
        pub at: Vec<f32>,
        pub key: Bytes,
    }

    /// Holds others.
    pub struct Basket {
        pub items: Vec<UseItem>,
        pub owner: u64,
    }
}

fn use_item() -> UseItem {
    UseItem { item: 7, note: None, at: vec![0.1, -2.0], key: Bytes(vec![0xFB, 0xFF]) }
}

fn basket() -> Basket {
    Basket { items: vec![use_item(), UseItem { note: Some("two".into()), ..use_item() }], owner: u64::MAX }
}

fn plain_schema() -> impl Strategy<Value = Schema> {
    use Schema::*;
    prop::sample::select(vec![Nothing, Bool, U8, U16, U32, U64, I8, I16, I32, I64, F32, F64, Text, Bytes])
}

fn any_schema() -> impl Strategy<Value = Schema> {
    plain_schema().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_filter("takes bytes", |inner| inner.bytes_min() > 0).prop_map(Schema::list),
            inner
                .clone()
                .prop_filter("is a value", |inner| !matches!(inner, Schema::Nothing | Schema::Optional(_)))
                .prop_map(Schema::optional),
            prop::collection::vec(inner, 0..4)
                .prop_map(|fields| { Schema::record(["a", "b2", "c_c"].into_iter().zip(fields)) }),
        ]
    })
}

/// Any value of a schema.
fn value_of(schema: Schema) -> BoxedStrategy<Value> {
    match schema.clone() {
        Schema::Nothing => Just(Value::Nothing).boxed(),
        Schema::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Schema::U8 => any::<u8>().prop_map(Value::U8).boxed(),
        Schema::U16 => any::<u16>().prop_map(Value::U16).boxed(),
        Schema::U32 => any::<u32>().prop_map(Value::U32).boxed(),
        Schema::U64 => any::<u64>().prop_map(Value::U64).boxed(),
        Schema::I8 => any::<i8>().prop_map(Value::I8).boxed(),
        Schema::I16 => any::<i16>().prop_map(Value::I16).boxed(),
        Schema::I32 => any::<i32>().prop_map(Value::I32).boxed(),
        Schema::I64 => any::<i64>().prop_map(Value::I64).boxed(),
        Schema::F32 => any::<f32>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::F32).boxed(),
        Schema::F64 => any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::F64).boxed(),
        Schema::Text => any::<String>().prop_map(Value::Text).boxed(),
        Schema::Bytes => any::<Vec<u8>>().prop_map(Value::Bytes).boxed(),
        Schema::List(element) => prop::collection::vec(value_of((*element).clone()), 0..4)
            .prop_map(move |items| Value::List(List::new(&schema, items).unwrap()))
            .boxed(),
        Schema::Optional(inner) => prop::option::of(value_of((*inner).clone()))
            .prop_map(move |value| Value::Optional(Optional::new(&schema, value).unwrap()))
            .boxed(),
        Schema::Record(fields) => fields
            .iter()
            .map(|field| value_of(field.schema.clone()))
            .collect::<Vec<_>>()
            .prop_map(move |values| Value::Record(Record::new(&schema, values).unwrap()))
            .boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_value_is_read_back_from_its_bytes_and_from_its_json(value in any_schema().prop_flat_map(value_of)) {
        let bytes = value.to_bytes();
        prop_assert_eq!(&Value::from_bytes(&bytes), &Ok(value.clone()));
        prop_assert!(value.is(&value.schema()));
        prop_assert_eq!(&Value::from_json(&value.schema(), &value.to_json()), &Ok(value.clone()));
        for end in 1..bytes.len() {
            prop_assert!(Value::from_bytes(&bytes[..end]).is_err(), "{} of {} bytes are a value", end, bytes.len());
        }
        prop_assert!(Value::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn any_bytes_are_a_value_in_one_way_or_none(bytes in prop::collection::vec(prop_oneof![0u8..0x13, any::<u8>()], 0..40)) {
        if let Ok(value) = Value::from_bytes(&bytes) && !bytes.is_empty() {
            prop_assert_eq!(value.to_bytes(), bytes);
        }
    }
}

#[test]
fn a_struct_is_a_value_and_back() {
    let value = basket().into_value();
    assert_eq!(value.schema(), Basket::schema());
    assert_eq!(Basket::from_value(&Value::from_bytes(&value.to_bytes()).unwrap()), Ok(basket()));
    let json = value.to_json();
    assert_eq!(json["items"][0], json!({"item": 7, "note": null, "at": [0.1, -2.0], "key": "-_8"}));
    assert_eq!(json["owner"], json!("18446744073709551615"));
    assert_eq!(value.field("owner"), Some(&Value::U64(u64::MAX)));
}

#[test]
fn people_read_values_and_schemas() {
    assert_eq!(use_item().into_value().to_string(), r#"{ item: 7, note: none, at: [0.1, -2], key: -_8 }"#);
    assert_eq!(UseItem::schema().to_string(), "{ item: u32, note: optional text, at: list of f32, key: bytes }");
    assert_eq!(Value::Text("a\u{1b}[31m".into()).to_string(), r#""a\u{1b}[31m""#);
}

fn mismatch(json: serde_json::Value) -> String {
    Value::from_json(&Basket::schema(), &json).expect_err("it is no basket").to_string()
}

#[test]
fn a_mismatch_names_the_path_to_the_field() {
    let item = json!({"item": 7, "at": [0.1, "x"], "key": ""});
    assert_eq!(mismatch(json!({"items": [item], "owner": 1})), r#"items[0].at[1]: expected f32, got "x""#);
    assert_eq!(mismatch(json!({"items": []})), "owner: the field is absent");
    assert!(
        mismatch(json!({"items": [], "owner": 1, "ownr": 2}))
            .starts_with(r#"there is no field "ownr"; the fields are"#)
    );
    assert_eq!(
        mismatch(json!({"items": [], "owner": -1})),
        "owner: expected u64 as a number or as decimal text, got -1"
    );
    let small = Value::from_json(&Schema::U8, &json!(256)).unwrap_err();
    assert_eq!(small.to_string(), "256 is out of range for u8");

    let other = Schema::record([("item", Schema::U16)]);
    let value = Value::Record(Record::new(&other, vec![Value::U16(7)]).unwrap());
    assert_eq!(UseItem::from_value(&value).unwrap_err().to_string(), "item: expected u32, got u16");
}

#[test]
fn fields_are_taken_by_name_and_an_optional_one_may_be_absent() {
    let schema = Schema::record([("key", Schema::Bytes), ("at", Vec::<f32>::schema()), ("item", Schema::U32)]);
    let at = vec![0.5f32].into_value();
    let values = vec![Value::Bytes(vec![]), at, Value::U32(7)];
    let value = Value::Record(Record::new(&schema, values).unwrap());
    let expected = UseItem { item: 7, note: None, at: vec![0.5], key: Bytes::default() };
    assert_eq!(UseItem::from_value(&value), Ok(expected));
}

#[test]
fn people_type_values() {
    let parsed = |schema: Schema, text| Value::parse_field(&schema, text);
    assert_eq!(parsed(Schema::Text, "12"), Ok(Value::Text("12".into())));
    assert_eq!(parsed(Schema::U64, "18446744073709551615"), Ok(Value::U64(u64::MAX)));
    assert_eq!(parsed(Schema::I8, "-5"), Ok(Value::I8(-5)));
    assert_eq!(parsed(Schema::Bool, "true"), Ok(Value::Bool(true)));
    assert_eq!(parsed(Option::<String>::schema(), "x"), Ok(Some("x".to_owned()).into_value()));
    assert_eq!(parsed(Option::<String>::schema(), "null"), Ok(None::<String>.into_value()));
    assert_eq!(parsed(Vec::<u8>::schema(), "[1, 2]"), Ok(vec![1u8, 2].into_value()));
    assert!(parsed(Schema::U8, "seven").is_err());
    assert!(parsed(Schema::F32, "1e39").is_err());
}

#[test]
fn schemas_that_are_too_deep_or_ambiguous_are_refused() {
    let read = |bytes: &[u8]| Schema::read(&mut Reader::new(bytes));
    assert!(read(&[0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x03]).is_ok(), "8 deep");
    for (name, bytes) in [
        ("9 deep", &[0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x03][..]),
        ("list of nothing", &[0x0F, 0x01]),
        ("list of empty records", &[0x0F, 0x11, 0]),
        ("optional optional", &[0x10, 0x10, 0x03]),
        ("optional nothing", &[0x10, 0x01]),
        ("unknown type", &[0x12]),
        ("type 0", &[0x00]),
        ("two fields of one name", &[0x11, 2, 1, b'a', 0x03, 1, b'a', 0x03]),
        ("empty name", &[0x11, 1, 0, 0x03]),
        ("name in capitals", &[0x11, 1, 1, b'A', 0x03]),
        ("65 fields", &[0x11, 65]),
    ] {
        assert!(read(bytes).is_err(), "{name}");
    }
}

#[test]
fn a_schema_has_a_bound_of_bytes() {
    // Records of 64 fields inside each other, with names of 32 bytes.
    let mut bytes = vec![0x11, 64];
    for field in 0..64 {
        bytes.extend([32]);
        bytes.extend(format!("f{field:031}").bytes());
        bytes.push(0x03);
    }
    assert!(bytes.len() > SCHEMA_BYTES_MAX);
    assert!(Schema::read(&mut Reader::new(&bytes)).is_err());
}

#[test]
fn few_bytes_do_not_make_many_parts() {
    let fields = (0..60).map(|field| format!("n{field}")).collect::<Vec<_>>();
    let fields = fields.iter().map(|name| (&**name, Schema::Nothing)).chain([("last", Schema::U8)]);
    let list = Schema::list(Schema::record(fields));
    let mut bytes = Vec::new();
    list.write(&mut bytes);
    bytes.extend([0xE8, 0x07]);
    bytes.extend([0; 1000]);
    const { assert!(61 * 1000 > VALUE_PARTS_MAX) };
    assert!(Value::from_bytes(&bytes).is_err());
}
