//! Counters of services, as each folder declares its own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Declares `Counters`: the names of its metrics begin with the literal, and end with the names of the fields.
macro_rules! counters {
    ($(#[$about:meta])+ $begin:literal: $($(#[$what:meta])+ $name:ident,)+) => {
        $(#[$about])+
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$what])+ pub $name: std::sync::atomic::AtomicU64,)+
        }

        impl Counters {
            /// Calls `give` with the name and the value of each counter.
            pub fn each(&self, give: &mut dyn FnMut(&'static str, u64)) {
                $(give(concat!($begin, stringify!($name)), self.$name.load(std::sync::atomic::Ordering::Relaxed));)+
            }
        }
    };
}

pub(crate) use counters;

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
