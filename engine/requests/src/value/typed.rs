//! Rust types that are values.

use super::data::{List, Optional, Record, Value};
use super::mismatch::Mismatch;
use super::schema::Schema;

/// A Rust type that is a value. [`record!`](crate::record) implements it for structs.
pub trait Typed: Sized {
    /// The type of the value.
    fn schema() -> Schema;

    /// The value.
    fn into_value(self) -> Value;

    /// Converts a value to the Rust type.
    ///
    /// # Errors
    /// If the value has another type. The error names the field.
    fn from_value(value: &Value) -> Result<Self, Mismatch>;

    /// The value of an absent field. None: the field is required.
    fn absent() -> Option<Self> {
        None
    }
}

macro_rules! plain {
    ($($type:ty, $variant:ident;)*) => {$(
        impl Typed for $type {
            fn schema() -> Schema {
                Schema::$variant
            }

            fn into_value(self) -> Value {
                Value::$variant(self)
            }

            fn from_value(value: &Value) -> Result<Self, Mismatch> {
                if let Value::$variant(value) = value { Ok(value.clone()) } else { Err(other_type::<Self>(value)) }
            }
        }
    )*};
}

plain! {
    bool, Bool; u8, U8; u16, U16; u32, U32; u64, U64; i8, I8; i16, I16; i32, I32; i64, I64; f32, F32; f64, F64;
    String, Text;
}

fn other_type<T: Typed>(value: &Value) -> Mismatch {
    Mismatch::new(format!("expected {}, got {}", T::schema(), value.schema()))
}

impl Typed for () {
    fn schema() -> Schema {
        Schema::Nothing
    }

    fn into_value(self) -> Value {
        Value::Nothing
    }

    /// An empty record counts as nothing, too.
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Nothing => Ok(()),
            Value::Record(record) if record.iter().len() == 0 => Ok(()),
            value => Err(other_type::<Self>(value)),
        }
    }
}

/// Bytes, as opposed to a list of u8.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bytes(pub Vec<u8>);

impl Typed for Bytes {
    fn schema() -> Schema {
        Schema::Bytes
    }

    fn into_value(self) -> Value {
        Value::Bytes(self.0)
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if let Value::Bytes(value) = value { Ok(Bytes(value.clone())) } else { Err(other_type::<Self>(value)) }
    }
}

impl<T: Typed> Typed for Vec<T> {
    fn schema() -> Schema {
        Schema::list(T::schema())
    }

    fn into_value(self) -> Value {
        let items = self.into_iter().map(T::into_value).collect();
        Value::List(List::new(&Self::schema(), items).expect("all items are of one type"))
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let Value::List(list) = value else { return Err(other_type::<Self>(value)) };
        let item = |(at, item)| T::from_value(item).map_err(|mismatch| mismatch.at(at));
        list.items().iter().enumerate().map(item).collect()
    }
}

impl<T: Typed> Typed for Option<T> {
    fn schema() -> Schema {
        Schema::optional(T::schema())
    }

    fn into_value(self) -> Value {
        Value::Optional(Optional::new(&Self::schema(), self.map(T::into_value)).expect("it is of the type"))
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let Value::Optional(optional) = value else { return Err(other_type::<Self>(value)) };
        optional.value().map(T::from_value).transpose()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// The fields of a record, for [`record!`](crate::record): takes them out by name and finds those that nobody took.
pub struct Taken<'a> {
    record: &'a Record,
    taken: usize,
}

impl<'a> Taken<'a> {
    /// Takes fields of `value`, which a `T` is made from.
    pub fn new<T: Typed>(value: &'a Value) -> Result<Self, Mismatch> {
        if let Value::Record(record) = value { Ok(Taken { record, taken: 0 }) } else { Err(other_type::<T>(value)) }
    }

    /// Takes the field `name`.
    pub fn take<T: Typed>(&mut self, name: &str) -> Result<T, Mismatch> {
        match self.record.field(name) {
            Some(value) => {
                self.taken += 1;
                T::from_value(value).map_err(|mismatch| mismatch.in_field(name))
            }
            None => T::absent().ok_or_else(|| Mismatch::new("the field is absent").in_field(name)),
        }
    }

    /// Checks that all fields of the record were taken: `names` are those that were asked for.
    pub fn finish(self, names: &[&str]) -> Result<(), Mismatch> {
        if self.taken == self.record.iter().len() {
            return Ok(());
        }
        let (other, _) = self.record.iter().find(|(name, _)| !names.contains(name)).expect("one was not taken");
        Err(Mismatch::new(format!("there is no field {other:?}; the fields are {}", names.join(", "))))
    }
}

/// Declares structs that are records: a value with the struct's fields, in their order.
///
/// Fields may be of any type that is [`Typed`]: bool, the integers of 8 to 64 bits, f32, f64, String, [`Bytes`], `Vec` and
/// `Option` of such types, and other records. A field of type `Option` may be absent. The names of fields
/// are in lower case. The structs derive `Clone`, `Debug` and `PartialEq`; more is derived with `#[derive(..)]`.
///
/// ```
/// ringshard_requests::record! {
///     /// Uses an item.
///     pub struct UseItem {
///         /// Number of the item.
///         pub item: u32,
///         pub note: Option<String>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty ),* $(,)? }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name { $( $(#[$field_meta])* $field_vis $field: $type, )* }

        impl $crate::value::Typed for $name {
            fn schema() -> $crate::value::Schema {
                static SCHEMA: ::std::sync::OnceLock<$crate::value::Schema> = ::std::sync::OnceLock::new();
                let fields = || $crate::value::Schema::record([
                    $( (stringify!($field), <$type as $crate::value::Typed>::schema()) ),*
                ]);
                SCHEMA.get_or_init(fields).clone()
            }

            fn into_value(self) -> $crate::value::Value {
                let values = vec![$( $crate::value::Typed::into_value(self.$field) ),*];
                let record = $crate::value::Record::new(&<Self as $crate::value::Typed>::schema(), values);
                $crate::value::Value::Record(record.expect("the fields are of their types"))
            }

            fn from_value(value: &$crate::value::Value) -> Result<Self, $crate::value::Mismatch> {
                #[allow(unused_mut, reason = "a record may have no fields")]
                let mut fields = $crate::value::Taken::new::<Self>(value)?;
                let record = $name { $( $field: fields.take(stringify!($field))? ),* };
                fields.finish(&[$( stringify!($field) ),*])?;
                Ok(record)
            }
        }
    )+};
}
