//! The end of the services, for one core. One task of the services has it.

use super::records::{RecordReader, RecordWriter};
use super::{FromCore, ToCore, Wake};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::task::{Context, Poll};

/// The end of the services, for one core.
#[derive(Debug)]
pub struct ServicesEnd {
    from_core: RecordReader,
    to_core: RecordWriter,
    wake: Arc<Wake>,
    record: Vec<u8>,
}

impl ServicesEnd {
    pub(super) fn new(from_core: RecordReader, to_core: RecordWriter, wake: Arc<Wake>) -> Self {
        ServicesEnd { from_core, to_core, wake, record: Vec::new() }
    }

    /// The next thing that the core says, if it has said something.
    pub fn take(&mut self) -> Option<FromCore<'_>> {
        self.from_core.next(&mut self.record).map(FromCore::read)
    }

    /// Waits until the core has said something.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.from_core.is_empty() {
            return Poll::Ready(());
        }
        self.wake.services.register(cx.waker());
        // The core may have written between the look and the registration.
        if self.from_core.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Says something to the core, which takes it in its next turn. Waits until there is room.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, letter: &ToCore<'_>) -> Poll<()> {
        if self.send(letter) {
            return Poll::Ready(());
        }
        self.wake.services.register(cx.waker());
        self.wake.waits_for_room.store(true, Ordering::Relaxed);
        // Either the core sees that this end waits, or this end sees the room that the core has made.
        fence(Ordering::SeqCst);
        if self.send(letter) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn send(&mut self, letter: &ToCore<'_>) -> bool {
        let (head, rest) = letter.write();
        self.to_core.push(&[&head, rest])
    }
}
