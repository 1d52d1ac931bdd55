use super::*;
use crate::carrier::Carrier;
use crate::client::QueueMemory;
use crate::clock::SECOND;
use crate::settings::LimitSettings;
use std::net::Ipv4Addr;
use std::task::{Context, Waker};

const SIZE: usize = 200;
const SLOW: u8 = 7;
const FAST: u8 = 8;

/// An encrypted datagram of the connection in this slot.
fn datagram(slot: u8) -> [u8; SIZE] {
    let mut datagram = [0; SIZE];
    (datagram[1], datagram[2], datagram[5]) = (1, slot, 1);
    datagram
}

/// A flow to a server that is not there, and two clients with a connection each.
struct Bench {
    flow: Rc<Flow>,
    clients: [Rc<Client>; 2],
    _seats: [Seat; 2],
    memory: Rc<QueueMemory>,
}

impl Bench {
    fn new() -> Bench {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let flow = Flow::open(server, None, Rc::default(), Arc::default()).unwrap();
        let memory = Rc::new(QueueMemory::new(1 << 20));
        let clients = [SLOW, FAST].map(|host| {
            let address = SocketAddr::from(([127, 0, 0, host], 1));
            let (limits, memory) = (LimitSettings::default(), Rc::clone(&memory));
            Rc::new(Client::new(u64::from(host), 0, Carrier::WebSocket, address, &limits, memory, 0))
        });
        let seats = [0, 1].map(|at| flow.join(Rc::clone(&clients[at])));
        for (seat, slot) in seats.iter().zip([SLOW, FAST]) {
            let claim = datagram(slot);
            let packet = packet::from_client(&claim).unwrap();
            seat.send(packet, &claim, ([127, 0, 0, 1], 1).into(), 0).unwrap();
        }
        Bench { flow, clients, _seats: seats, memory }
    }

    /// A run of datagrams arrives.
    fn arrive(&self, slots: &[u8], now: Nanos) {
        self.flow.round.set(self.flow.round.get() + 1);
        let run: Vec<u8> = slots.iter().flat_map(|slot| datagram(*slot)).collect();
        self.flow.deliver(&run, SIZE, now);
    }

    /// Bytes that are left of the present chunk.
    fn chunk(&self) -> usize {
        self.flow.chunks.borrow()[0].capacity()
    }

    /// What the second client gets.
    fn take_fast(&self, now: Nanos) -> usize {
        std::iter::from_fn(|| self.clients[1].take(now)).count()
    }
}

/// Runs within a runtime, which sockets need.
fn with_runtime(test: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { test() });
}

#[test]
fn what_comes_for_a_stalled_client_is_neither_copied_nor_queued_and_others_get_theirs() {
    with_runtime(|| {
        let bench = Bench::new();
        bench.arrive(&[SLOW, FAST], 0);
        assert_eq!(bench.take_fast(0), 1);
        let later = SECOND + 1;
        let (held, chunk) = (bench.memory.held(), bench.chunk());
        for _ in 0..10 {
            bench.arrive(&[SLOW, SLOW, SLOW, FAST, SLOW, SLOW, SLOW, SLOW], later);
        }
        assert_eq!(chunk - bench.chunk(), 10 * SIZE, "only datagrams for the other client are copied");
        assert_eq!(bench.take_fast(later), 10);
        assert_eq!(bench.memory.held(), held);
        let counters = &bench.flow.counters;
        assert_eq!((counters.stalled.get(), counters.queue_full.get(), counters.datagrams_down.get()), (70, 0, 12));
        assert_eq!(bench.clients[0].tally.dropped.get(), 70);
    });
}

#[test]
fn a_client_that_takes_something_again_gets_what_comes_then() {
    with_runtime(|| {
        let bench = Bench::new();
        bench.arrive(&[SLOW], 0);
        bench.arrive(&[SLOW], 2 * SECOND);
        let slow = &bench.clients[0];
        assert!(slow.is_stalled(2 * SECOND));
        assert!(slow.take(2 * SECOND).is_some());
        bench.arrive(&[SLOW, SLOW], 2 * SECOND);
        assert_eq!(std::iter::from_fn(|| slow.take(2 * SECOND)).count(), 2);
        assert_eq!(bench.flow.counters.stalled.get(), 1);
        // A client for which nothing waits is not slow, whenever it last took something.
        bench.arrive(&[SLOW], 60 * SECOND);
        assert_eq!(bench.flow.counters.stalled.get(), 1);
    });
}

#[test]
fn a_client_is_held_up_before_it_is_stalled_and_no_longer_once_it_takes_something() {
    with_runtime(|| {
        let bench = Bench::new();
        let slow = &bench.clients[0];
        assert!(!slow.is_held_up(SECOND), "nothing waits for it");
        bench.arrive(&[SLOW, SLOW], SECOND);
        let later = SECOND + SECOND / 4 + 1;
        assert!(!slow.is_held_up(later - 1));
        assert!(slow.is_held_up(later) && !slow.is_stalled(later));
        bench.arrive(&[SLOW], later);
        assert_eq!(slow.waiting_bytes(), 3 * SIZE, "what comes for it is kept");
        assert!(slow.take(later).is_some());
        assert!(!slow.is_held_up(later + 1));
    });
}

#[test]
fn a_client_that_is_waiting_for_the_kernel_is_not_woken_by_datagrams() {
    with_runtime(|| {
        let bench = Bench::new();
        let counted = Arc::new(Counted::default());
        let waker = Waker::from(Arc::clone(&counted));
        let slow = &bench.clients[0];
        assert!(slow.poll_arrived(&Context::from_waker(&waker)).is_pending());
        for second in 0..5 {
            bench.arrive(&[SLOW, SLOW, SLOW], second * SECOND);
        }
        assert_eq!(counted.0.load(std::sync::atomic::Ordering::Relaxed), 1, "the first one wakes it");
    });
}

/// Counts wake-ups.
#[derive(Default)]
struct Counted(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}
