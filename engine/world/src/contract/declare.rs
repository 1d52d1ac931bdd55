//! The macro that declares the types of a contract.

/// Declares types for a contract: public structs with public fields, and public enums.
///
/// | declared | derives | implements |
/// |---|---|---|
/// | a struct of up to 64 fields | `Clone, Copy, PartialEq, Debug, Default` | [`Wire`](crate::contract::Wire), [`Fields`](crate::contract::Fields) |
/// | an enum of up to 256 variants, with named fields or none | `Clone, Copy, PartialEq, Debug` | [`Wire`](crate::contract::Wire) |
///
/// Fields are of any type that implements [`Wire`](crate::contract::Wire): numbers, `bool`, arrays, `Option`,
/// [`EntityId`](crate::EntityId), [`Text`](crate::contract::Text), and types that were declared with this macro. The type of
/// a field of a struct also needs a `Default`: arrays have one up to 32 items; for an enum, the game implements it.
///
/// The bytes are the fields in their order; an enum begins with the number of the variant, one byte.
#[macro_export]
macro_rules! wire {
    () => {};
    (
        $(#[$meta:meta])* pub struct $name:ident { $($(#[$note:meta])* pub $field:ident: $kind:ty),* $(,)? }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Debug, Default)]
        #[allow(missing_docs, reason = "the game documents its own types")]
        pub struct $name { $($(#[$note])* pub $field: $kind),* }

        impl $crate::contract::Wire for $name {
            const BYTES_MAX: usize = 0 $(+ <$kind as $crate::contract::Wire>::BYTES_MAX)*;
            const SCHEMA: u32 = {
                let number = $crate::contract::mix(0x811C_9DC5, "struct");
                $(let number = $crate::contract::mix(
                    number ^ <$kind as $crate::contract::Wire>::SCHEMA,
                    stringify!($field),
                );)*
                number
            };

            #[inline]
            #[allow(unused_variables, reason = "a struct may have no field")]
            fn write(&self, writer: &mut $crate::codec::Writer<'_>) -> Result<(), $crate::codec::NoRoom> {
                $($crate::contract::Wire::write(&self.$field, writer)?;)*
                Ok(())
            }

            #[inline]
            #[allow(unused_variables, reason = "a struct may have no field")]
            fn read(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Malformed> {
                Ok($name { $($field: $crate::contract::Wire::read(reader)?),* })
            }
        }

        impl $crate::contract::Fields for $name {
            const BYTES_MAX: usize = <Self as $crate::contract::Wire>::BYTES_MAX + {
                let names: &[&str] = &[$(stringify!($field)),*];
                assert!(names.len() <= 64, "a state has at most 64 fields");
                names.len().div_ceil(7) + (names.is_empty() as usize)
            };
            const SCHEMA: u32 = <Self as $crate::contract::Wire>::SCHEMA;

            #[inline]
            #[allow(unused_variables, unused_mut, unused_assignments, reason = "a struct may have no field")]
            fn changed_from(&self, base: &Self) -> u64 {
                let (mut changed, mut bit) = (0, 1_u64);
                $(
                    changed |= if self.$field != base.$field { bit } else { 0 };
                    bit = bit.wrapping_shl(1);
                )*
                changed
            }

            #[inline]
            fn all(&self) -> u64 {
                const NAMES: &[&str] = &[$(stringify!($field)),*];
                if NAMES.is_empty() { 0 } else { u64::MAX >> (64 - NAMES.len()) }
            }

            #[inline]
            #[allow(unused_variables, unused_mut, unused_assignments, reason = "a struct may have no field")]
            fn write_fields(
                &self,
                changed: u64,
                writer: &mut $crate::codec::Writer<'_>,
            ) -> Result<(), $crate::codec::NoRoom> {
                let mut bit = 1_u64;
                $(
                    if changed & bit != 0 {
                        $crate::contract::Wire::write(&self.$field, writer)?;
                    }
                    bit = bit.wrapping_shl(1);
                )*
                Ok(())
            }

            #[inline]
            #[allow(unused_variables, unused_mut, unused_assignments, reason = "a struct may have no field")]
            fn read_fields(
                &mut self,
                changed: u64,
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<(), $crate::codec::Malformed> {
                let mut bit = 1_u64;
                $(
                    if changed & bit != 0 {
                        self.$field = $crate::contract::Wire::read(reader)?;
                    }
                    bit = bit.wrapping_shl(1);
                )*
                Ok(())
            }
        }

        $crate::wire! { $($rest)* }
    };
    (
        $(#[$meta:meta])* pub enum $name:ident {
            $($(#[$note:meta])* $variant:ident $({ $($field:ident: $kind:ty),* $(,)? })?),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        #[allow(missing_docs, reason = "the game documents its own types")]
        pub enum $name { $($(#[$note])* $variant $({ $($field: $kind),* })?),* }

        impl $crate::contract::Wire for $name {
            const BYTES_MAX: usize = {
                let most = 0;
                $(
                    let bytes = 0 $($(+ <$kind as $crate::contract::Wire>::BYTES_MAX)*)?;
                    let most = if bytes > most { bytes } else { most };
                )*
                1 + most
            };
            const SCHEMA: u32 = {
                let names: &[&str] = &[$(stringify!($variant)),*];
                assert!(names.len() <= 256, "an enum has at most 256 variants");
                let number = $crate::contract::mix(0x811C_9DC5, "enum");
                $(
                    // Without the bar, the variants `A, BC` would have the number of `AB, C`.
                    let number = $crate::contract::mix(number, concat!("|", stringify!($variant)));
                    $($(let number = $crate::contract::mix(
                        number ^ <$kind as $crate::contract::Wire>::SCHEMA,
                        stringify!($field),
                    );)*)?
                )*
                number
            };

            #[inline]
            #[allow(unused_assignments, reason = "the number of the last variant is counted in vain")]
            fn write(&self, writer: &mut $crate::codec::Writer<'_>) -> Result<(), $crate::codec::NoRoom> {
                let mut number = 0_u8;
                $(
                    if let $name::$variant $({ $($field),* })? = self {
                        writer.u8(number)?;
                        $($($crate::contract::Wire::write($field, writer)?;)*)?
                        return Ok(());
                    }
                    number = number.wrapping_add(1);
                )*
                unreachable!("every variant is written")
            }

            #[inline]
            #[allow(unused_assignments, reason = "the number of the last variant is counted in vain")]
            fn read(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Malformed> {
                let which = reader.u8()?;
                let mut number = 0_u8;
                $(
                    if which == number {
                        return Ok($name::$variant $({ $($field: $crate::contract::Wire::read(reader)?),* })?);
                    }
                    number = number.wrapping_add(1);
                )*
                Err($crate::codec::Malformed::UnknownValue)
            }
        }

        $crate::wire! { $($rest)* }
    };
}
