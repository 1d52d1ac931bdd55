//! Sends what flows have gathered, once the thread has served what is ready. Many clients' datagrams then leave with few
//! system calls.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Flows that have something to send.
#[derive(Default)]
pub(crate) struct Flusher {
    due: RefCell<Vec<Rc<dyn Flush>>>,
    waker: Cell<Option<Waker>>,
}

/// Something that gathers, and sends when told to.
pub(crate) trait Flush {
    /// Sends all that is gathered.
    fn flush(&self);
}

impl Flusher {
    /// This flow has something to send. It calls this once per batch.
    pub(super) fn add(&self, flow: Rc<dyn Flush>) {
        self.due.borrow_mut().push(flow);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Sends, forever. The thread runs this as a task.
    pub(crate) async fn run(&self) {
        let mut flows = Vec::new();
        loop {
            poll_fn(|context| {
                if self.due.borrow().is_empty() {
                    self.waker.set(Some(context.waker().clone()));
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            // Tasks that are ready now add to the batch first.
            tokio::task::yield_now().await;
            std::mem::swap(&mut flows, &mut *self.due.borrow_mut());
            for flow in flows.drain(..) {
                flow.flush();
            }
        }
    }
}
