use super::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

type Port = JobPort<(usize, usize), (usize, usize)>;

fn settings(workers: usize, per_core: usize) -> JobSettings {
    JobSettings { workers, per_core, cpus: Vec::new() }
}

/// The next result, which must come.
fn taken<J, D>(port: &mut JobPort<J, D>) -> D {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = port.take() {
            return result;
        }
        assert!(Instant::now() < give_up, "a job was never answered: {:?}", port.stats());
        std::thread::yield_now();
    }
}

#[test]
fn each_of_many_jobs_is_answered_exactly_once_on_its_own_core() {
    const CORES: usize = 4;
    const JOBS: usize = 100_000;
    let (ports, workers) =
        Jobs::start(CORES, &settings(3, 64), |(core, number): (usize, usize)| (core, number)).unwrap();
    let core = |(core, mut port): (usize, Port)| {
        std::thread::spawn(move || {
            let (mut answered, mut given) = (vec![false; JOBS], 0);
            while !answered.iter().all(|it| *it) {
                while given < JOBS && port.give((core, given)).is_ok() {
                    given += 1;
                }
                loop {
                    let (from, number) = taken(&mut port);
                    assert_eq!(from, core, "a result came to another core");
                    assert!(!std::mem::replace(&mut answered[number], true), "job {number} was answered twice");
                    // A core often has nothing outstanding, so that workers fall asleep.
                    if port.outstanding() == 0 || number % 3 == 0 && given < JOBS {
                        break;
                    }
                }
            }
            assert_eq!(port.take(), None);
            let stats = port.stats();
            assert_eq!((stats.given, stats.done, stats.outstanding), (JOBS as u64, JOBS as u64, 0));
        })
    };
    let cores: Vec<_> = ports.into_iter().enumerate().map(core).collect();
    cores.into_iter().for_each(|core| core.join().unwrap());
    assert_eq!(workers.stop(PATIENCE), Stopped::default());
}

/// Holds all workers in their jobs until the gate opens.
fn gated(workers: usize, per_core: usize) -> (JobPort<u32, u32>, JobWorkers, mpsc::SyncSender<()>) {
    let (gate, closed) = mpsc::sync_channel(1024);
    let closed = std::sync::Mutex::new(closed);
    let work = move |number: u32| {
        let _ = closed.lock().unwrap().recv();
        number
    };
    let (mut ports, workers) = Jobs::start(1, &settings(workers, per_core), work).unwrap();
    (ports.remove(0), workers, gate)
}

#[test]
fn a_full_port_refuses_gives_the_job_back_and_recovers() {
    let (mut port, workers, gate) = gated(2, 5);
    for round in 0..3 {
        (0..5).for_each(|number| port.give(number).unwrap());
        assert_eq!(port.give(77), Err(Busy(77)));
        // A job that is done still counts until its result is taken: the result needs its slot.
        gate.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(port.give(78), Err(Busy(78)));
        taken(&mut port);
        port.give(5).unwrap();
        (0..5).for_each(|_| gate.send(()).unwrap());
        for _ in 0..5 {
            taken(&mut port);
        }
        let given = (round + 1) * 6;
        assert_eq!(port.stats(), JobStats { given, refused: 2 * (round + 1), done: given, outstanding: 0 });
    }
    assert_eq!(workers.stop(PATIENCE), Stopped::default());
}

#[test]
fn a_single_job_always_wakes_a_sleeping_worker() {
    for workers in [1, 3] {
        let (mut ports, workers) = Jobs::start(1, &settings(workers, 1), |number: u32| number + 1).unwrap();
        let port = &mut ports[0];
        for round in 0..10_000_u32 {
            // Sometimes the worker sleeps already, and sometimes it is just about to.
            match round % 4 {
                0 => std::thread::sleep(Duration::from_micros(50)),
                1 => std::thread::yield_now(),
                2 => (0..round % 100).for_each(|_| std::hint::spin_loop()),
                _ => {}
            }
            port.give(round).unwrap();
            assert_eq!(taken(port), round + 1);
        }
        assert_eq!(workers.stop(PATIENCE), Stopped::default());
    }
}

/// A wake-up that is spent on a busy worker would leave a job waiting while another worker sleeps: the barrier would never be
/// reached by all.
#[test]
fn as_many_workers_as_jobs_run_at_the_same_time() {
    const WORKERS: usize = 4;
    let barrier = Arc::new(Barrier::new(WORKERS));
    let meet = move |()| {
        barrier.wait();
    };
    let (ports, workers) = Jobs::start(2, &settings(WORKERS, WORKERS), meet).unwrap();
    let core = |mut port: JobPort<(), ()>| {
        std::thread::spawn(move || {
            for round in 0..2_000 {
                (0..WORKERS / 2).for_each(|_| port.give(()).unwrap());
                if round % 3 == 0 {
                    std::thread::yield_now();
                }
                (0..WORKERS / 2).for_each(|_| taken(&mut port));
            }
        })
    };
    let cores: Vec<_> = ports.into_iter().map(core).collect();
    cores.into_iter().for_each(|core| core.join().unwrap());
    assert_eq!(workers.stop(PATIENCE), Stopped::default());
}

#[test]
fn a_busy_core_does_not_keep_the_workers_from_another() {
    let (seen, order) = mpsc::channel();
    let seen = std::sync::Mutex::new(seen);
    let (gate, closed) = mpsc::sync_channel::<()>(1);
    let closed = std::sync::Mutex::new(closed);
    let work = move |core: usize| {
        if core == 9 {
            let _ = closed.lock().unwrap().recv();
        }
        seen.lock().unwrap().send(core).unwrap();
    };
    let (mut ports, workers) = Jobs::start(2, &settings(1, 100), work).unwrap();
    // The first job holds the only worker until all others wait.
    ports[0].give(9).unwrap();
    (0..50).for_each(|_| ports[0].give(0).unwrap());
    (0..3).for_each(|_| ports[1].give(1).unwrap());
    gate.send(()).unwrap();
    assert_eq!(workers.stop(PATIENCE), Stopped::default());
    let order: Vec<usize> = order.try_iter().collect();
    assert_eq!(order.len(), 54);
    assert_eq!(order[..7], [9, 1, 0, 1, 0, 1, 0]);
}

#[test]
fn a_stop_does_the_jobs_that_wait_and_their_results_can_be_taken() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let work = move |number: u32| {
        std::thread::sleep(Duration::from_millis(1));
        count.fetch_add(1, Ordering::Relaxed);
        number
    };
    let (mut ports, workers) = Jobs::start(2, &settings(2, 40), work).unwrap();
    for port in &mut ports {
        (0..40).for_each(|number| port.give(number).unwrap());
    }
    assert_eq!(workers.stop(PATIENCE), Stopped::default());
    assert_eq!(done.load(Ordering::Relaxed), 80);
    for port in &mut ports {
        assert_eq!(port.give(1), Err(Busy(1)), "the workers are gone");
        let mut results: Vec<u32> = std::iter::from_fn(|| port.take()).collect();
        results.sort_unstable();
        assert_eq!(results, (0..40).collect::<Vec<_>>());
    }
}

#[test]
fn a_stop_names_the_worker_that_is_stuck_and_drops_what_waits() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let held = over.clone();
    let work = move |_job: Dropped| {
        while !held.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let (mut ports, workers) = Jobs::start(1, &settings(1, 9), work).unwrap();
    (0..9).for_each(|_| assert!(ports[0].give(Dropped(dropped.clone())).is_ok()));
    // Until the worker has begun the first.
    std::thread::sleep(Duration::from_millis(50));
    let began = Instant::now();
    let stopped = workers.stop(Duration::from_millis(50));
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(stopped, Stopped { dropped: 8, stuck: vec!["worker-0".into()] });
    assert_eq!(dropped.load(Ordering::Relaxed), 8);
    over.store(true, Ordering::Relaxed);
    taken(&mut ports[0]);
    assert_eq!(dropped.load(Ordering::Relaxed), 9);
}

#[test]
fn without_workers_every_job_is_refused() {
    let mut ports = Jobs::none::<u8, u8>(3);
    assert_eq!(ports.len(), 3);
    for port in &mut ports {
        assert_eq!((port.give(4), port.take()), (Err(Busy(4)), None));
        assert_eq!(port.stats(), JobStats { refused: 1, ..JobStats::default() });
    }
}

#[test]
fn spare_cpus_are_those_without_a_core() {
    let all = spare_cpus(&[]);
    assert!(!all.is_empty());
    assert!(spare_cpus(&all).is_empty());
    assert_eq!(spare_cpus(&all[..1]), all[1..]);
}
