//! Tokio for quinn, with timers that are cheap to move.
//!
//! Almost every packet moves a connection's deadline, mostly to later. Tokio's timer would be taken out and put in each time.
//! Here it stays where it is, and is put in again when it fires too early.

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::time::{Sleep, sleep_until};

/// The runtime.
#[derive(Debug)]
pub(super) struct LazyTimers;

impl Runtime for LazyTimers {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer { deadline: at, sleep: Box::pin(sleep_until(at.into())) })
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}

#[derive(Debug)]
struct Timer {
    deadline: Instant,
    /// Fires at the deadline or before it.
    sleep: Pin<Box<Sleep>>,
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.deadline = at;
        if at < self.sleep.deadline().into_std() {
            self.sleep.as_mut().reset(at.into());
        }
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(Future::poll(self.sleep.as_mut(), context));
            let deadline = self.deadline;
            if deadline <= self.sleep.deadline().into_std() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    /// When a timer fires, in milliseconds, that is moved to each of these times at once.
    async fn fires_at(moves: &[u64]) -> u64 {
        let start = tokio::time::Instant::now();
        let at = |ms| (start + Duration::from_millis(ms)).into_std();
        let mut timer = LazyTimers.new_timer(at(moves[0]));
        for ms in moves {
            timer.as_mut().reset(at(*ms));
            // A connection polls its timer after each move.
            let mut first = true;
            poll_fn(|context| {
                if std::mem::take(&mut first) {
                    let _ = timer.as_mut().poll(context);
                }
                Poll::Ready(())
            })
            .await;
        }
        poll_fn(|context| timer.as_mut().poll(context)).await;
        start.elapsed().as_millis() as u64
    }

    #[test]
    fn a_timer_fires_at_the_last_deadline_whether_it_was_moved_to_later_or_to_earlier() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for (moves, least) in [(&[10][..], 10), (&[10, 40], 40), (&[10, 40, 20], 20), (&[5, 10, 15, 30], 30)] {
                let fired = fires_at(moves).await;
                assert!(fired >= least, "{moves:?} fired after {fired} ms");
            }
            // It does not wait for the former, later deadline.
            let fired = fires_at(&[60_000, 10]).await;
            assert!(fired < 30_000, "{fired}");
        });
    }
}
