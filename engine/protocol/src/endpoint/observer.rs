//! Shows every datagram, as it is on the wire, to an observer: for captures.

use crate::link::Path;

/// A datagram as it is on the wire.
#[derive(Clone, Copy, Debug)]
pub struct ObservedDatagram<'a> {
    /// True if it was received, false if it is sent.
    pub inbound: bool,
    /// Its addresses.
    pub path: Path,
    /// Its bytes.
    pub datagram: &'a [u8],
}

type Observe = dyn FnMut(ObservedDatagram<'_>) + Send;

/// Is shown every datagram. It runs inside the core's turn, so it must not block.
pub struct Observer(Box<Observe>);

impl Observer {
    /// An observer that calls `observe`.
    pub fn new(observe: impl FnMut(ObservedDatagram<'_>) + Send + 'static) -> Self {
        Observer(Box::new(observe))
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
    if let Some(Observer(observe)) = observer {
        observe(ObservedDatagram { inbound, path, datagram });
    }
}
