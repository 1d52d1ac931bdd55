//! A stream whose reader must keep up: writes fail once the other end has read too little for too long.
//!
//! It lies below TLS, so it sees each byte that the kernel takes. A spell begins when the kernel takes no more, and ends when
//! all is written. Within a spell the other end may stall for a fixed time, and gains time with each byte that it reads. So
//! reading one byte now and then holds nothing for long.

use super::super::counters::Counters;
use crate::counters::count;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The stream.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    stalled: Duration,
    bytes_per_second_min: u32,
    /// When the spell must be over. Allocated once, at the first spell.
    spell: Option<Pin<Box<Sleep>>>,
    in_spell: bool,
    counters: Arc<Counters>,
}

impl<S> Paced<S> {
    /// # Panics
    /// If `bytes_per_second_min` is 0.
    pub(super) fn new(stream: S, stalled: Duration, bytes_per_second_min: u32, counters: Arc<Counters>) -> Paced<S> {
        assert!(bytes_per_second_min > 0, "a reader reads at least one byte per second");
        Paced { stream, stalled, bytes_per_second_min, spell: None, in_spell: false, counters }
    }

    /// The kernel takes nothing now: begins a spell, or fails if the present one has lasted too long.
    fn blocked<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.in_spell {
            self.in_spell = true;
            let end = Instant::now() + self.stalled;
            match &mut self.spell {
                Some(spell) => spell.as_mut().reset(end),
                None => self.spell = Some(Box::pin(tokio::time::sleep_until(end))),
            }
        }
        let spell = self.spell.as_mut().expect("a spell has its end");
        ready!(spell.as_mut().poll(context));
        count(&self.counters.readers_slow);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")))
    }

    fn wrote(&mut self, bytes: usize) {
        let Some(spell) = self.spell.as_mut().filter(|_| self.in_spell) else { return };
        let gained = Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second_min));
        let end = spell.deadline() + gained;
        spell.as_mut().reset(end);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Pending => self.blocked(context),
            Poll::Ready(Ok(written)) => {
                self.wrote(written);
                Poll::Ready(Ok(written))
            }
            failed => failed,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, slices) {
            Poll::Pending => self.blocked(context),
            Poll::Ready(Ok(written)) => {
                self.wrote(written);
                Poll::Ready(Ok(written))
            }
            failed => failed,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The layer above flushes only once all its bytes are written: the spell is over.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.blocked(context),
            ready => {
                self.in_spell = false;
                ready
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.blocked(context),
            ready => ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const STALLED: Duration = Duration::from_secs(10);

    fn paced() -> (Paced<DuplexStream>, DuplexStream, Arc<Counters>) {
        let (near, far) = duplex(100);
        let counters = Arc::new(Counters::default());
        (Paced::new(near, STALLED, 10, Arc::clone(&counters)), far, counters)
    }

    async fn write_and_flush(mut stream: Paced<DuplexStream>, bytes: usize) -> io::Result<()> {
        stream.write_all(&vec![7; bytes]).await?;
        stream.flush().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_reads_nothing_is_cut_after_the_time_for_a_stall() {
        let (stream, _far, counters) = paced();
        let start = Instant::now();
        let error = write_and_flush(stream, 101).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), STALLED);
        assert_eq!(counters.readers_slow.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_drips_is_cut_although_each_byte_comes_before_a_stall() {
        let (stream, mut far, counters) = paced();
        let drip = async {
            loop {
                tokio::time::sleep(STALLED / 2).await;
                let _ = far.read_u8().await;
            }
        };
        tokio::select! {
            wrote = write_and_flush(stream, 1_000) => assert!(wrote.is_err()),
            () = drip => unreachable!("a drip never ends"),
        }
        assert_eq!(counters.readers_slow.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_slow_but_steady_gets_everything() {
        let (stream, mut far, counters) = paced();
        let reader = tokio::spawn(async move {
            let (mut all, mut some) = (0, [0; 50]);
            loop {
                tokio::time::sleep(Duration::from_secs(4)).await;
                match far.read(&mut some).await.unwrap() {
                    0 => return all,
                    read => all += read,
                }
            }
        });
        write_and_flush(stream, 5_000).await.unwrap();
        assert_eq!(reader.await.unwrap(), 5_000);
        assert_eq!(counters.readers_slow.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn each_spell_has_its_own_time() {
        let (mut stream, mut far, _) = paced();
        for _ in 0..5 {
            let (wrote, ()) = tokio::join!(
                async {
                    stream.write_all(&[1; 150]).await?;
                    stream.flush().await
                },
                async {
                    tokio::time::sleep(STALLED - Duration::from_secs(1)).await;
                    far.read_exact(&mut [0; 150]).await.unwrap();
                }
            );
            wrote.unwrap();
        }
    }
}
