//! Schema numbers: contracts that are encoded differently have different ones.

use ringshard_world::EntityId;
use ringshard_world::contract::{Cooldown, Fields, Text, Wire};
use std::collections::BTreeMap;

/// Declares variants of a contract, a module each.
macro_rules! declared {
    ($($name:ident { $($body:tt)* })*) => {
        $(mod $name {
            #![allow(dead_code, non_snake_case, reason = "only the numbers of these types are compared")]
            ringshard_world::wire! { $($body)* }
        })*
        fn numbers() -> BTreeMap<&'static str, u32> {
            BTreeMap::from([$((stringify!($name), <$name::Type as ringshard_world::Wire>::SCHEMA)),*])
        }
    };
}

declared! {
    plain { pub struct Type { pub health: u8, pub mana: u16 } }
    swapped { pub struct Type { pub mana: u16, pub health: u8 } }
    swapped_names { pub struct Type { pub mana: u8, pub health: u16 } }
    renamed { pub struct Type { pub health: u8, pub manna: u16 } }
    another_type { pub struct Type { pub health: u8, pub mana: i16 } }
    same_size { pub struct Type { pub health: u8, pub mana: [u8; 2] } }
    longer { pub struct Type { pub health: u8, pub mana: u16, pub more: bool } }
    shorter { pub struct Type { pub health: u8 } }
    empty { pub struct Type {} }
    an_option { pub struct Type { pub health: Option<u8>, pub mana: u16 } }
    an_array { pub struct Type { pub health: [u8; 1], pub mana: u16 } }
    a_longer_array { pub struct Type { pub health: [u8; 3], pub mana: u16 } }
    joined_names { pub struct Type { pub healthmana: u16 } }
    nested { pub struct Type { pub inner: Inner } pub struct Inner { pub health: u8, pub mana: u16 } }
    nested_renamed { pub struct Type { pub inner: Inner } pub struct Inner { pub health: u8, pub manna: u16 } }
    variants { pub enum Type { A, B, C } }
    variants_swapped { pub enum Type { B, A, C } }
    variants_fewer { pub enum Type { A, B } }
    variants_joined { pub enum Type { AB, C } }
    variants_split { pub enum Type { A, BC } }
    variants_all_joined { pub enum Type { ABC } }
    variant_with_a_field { pub enum Type { A { x: u8 }, B, C } }
    variant_with_the_field_elsewhere { pub enum Type { A, B { x: u8 }, C } }
    variant_with_two_fields { pub enum Type { A { x: u8, y: u8 }, B, C } }
    variant_with_a_joined_field { pub enum Type { A { xB: u8 }, C } }
    variant_with_another_type { pub enum Type { A { x: i8 }, B, C } }
    one_variant { pub enum Type { A { health: u8, mana: u16 } } }
}

#[test]
fn types_with_other_fields_have_other_numbers() {
    let mut seen = BTreeMap::new();
    for (name, number) in numbers() {
        assert_ne!(number, 0, "{name}: 0 stands for any type");
        if let Some(other) = seen.insert(number, name) {
            panic!("{name} has the number of {other}");
        }
    }
}

#[test]
fn the_name_of_a_type_does_not_matter() {
    ringshard_world::wire! {
        pub struct Different { pub health: u8, pub mana: u16 }
    }
    assert_eq!(<Different as Wire>::SCHEMA, numbers()["plain"]);
    assert_eq!(<Different as Fields>::SCHEMA, numbers()["plain"]);
}

#[test]
fn ready_made_types_have_different_numbers() {
    let numbers = [
        u8::SCHEMA,
        u16::SCHEMA,
        u32::SCHEMA,
        u64::SCHEMA,
        i8::SCHEMA,
        i16::SCHEMA,
        i32::SCHEMA,
        i64::SCHEMA,
        bool::SCHEMA,
        f32::SCHEMA,
        EntityId::SCHEMA,
        Cooldown::SCHEMA,
        Text::<8>::SCHEMA,
        Text::<9>::SCHEMA,
        Option::<u8>::SCHEMA,
        Option::<Option<u8>>::SCHEMA,
        <[u8; 0]>::SCHEMA,
        <[u8; 1]>::SCHEMA,
        <[u8; 2]>::SCHEMA,
        <[[u8; 2]; 1]>::SCHEMA,
        <[[u8; 1]; 2]>::SCHEMA,
        <[Option<u8>; 2]>::SCHEMA,
        Option::<[u8; 2]>::SCHEMA,
    ];
    for (at, number) in numbers.iter().enumerate() {
        assert!(!numbers[..at].contains(number), "number {at}");
    }
}
