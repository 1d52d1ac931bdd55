//! Whoever wants to see every datagram as it is on the wire: captures, and nothing else.

use crate::link::Path;

/// A datagram on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Whether it came, or goes.
    pub inbound: bool,
    /// Between whom.
    pub path: Path,
    /// As it is on the wire.
    pub datagram: &'a [u8],
}

type Look = dyn FnMut(Sighting<'_>) + Send;

/// Is shown every datagram. It runs inside the core's turn: it must not block.
pub struct Observer(Box<Look>);

impl Observer {
    /// Looks by calling `look`.
    pub fn new(look: impl FnMut(Sighting<'_>) + Send + 'static) -> Self {
        Observer(Box::new(look))
    }
}

impl core::fmt::Debug for Observer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Observer")
    }
}

/// Shows a datagram to the observer, if there is one.
#[inline]
pub(super) fn show(observer: &mut Option<Observer>, inbound: bool, path: Path, datagram: &[u8]) {
    if let Some(Observer(look)) = observer {
        look(Sighting { inbound, path, datagram });
    }
}
