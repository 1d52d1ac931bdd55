//! Many runs in parallel, until enough time is simulated or a violation is found.

use super::simulator;
use super::simulator::{Options, Outcome};
use super::totals::Totals;
use crate::system::interrupt;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How much to simulate.
#[derive(Clone, Debug)]
pub enum Extent {
    /// These seeds.
    Seeds(Range<u64>),
    /// Seeds from `from` on, until enough time is simulated.
    Hours { from: u64, hours: f64 },
}

/// Many runs.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub extent: Extent,
    /// Players in every run; None: drawn.
    pub clients: Option<usize>,
    /// Minutes of traffic and faults in every run.
    pub minutes: u64,
    /// Runs in parallel.
    pub threads: usize,
    /// Log every event.
    pub log: bool,
    /// Continue after a violation.
    pub keep_going: bool,
}

/// A violation, and how to reproduce it.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    /// Time since the start of the run.
    pub at: Duration,
    pub what: String,
    /// The command that reproduces it.
    pub replay: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, at, what, replay } = self;
        write!(f, "seed {seed}, {:.3} s into the run: {what}\nreproduce it with: {replay}", at.as_secs_f64())
    }
}

/// The result of a campaign.
#[derive(Clone, Debug)]
pub struct CampaignResult {
    /// Sums over all runs.
    pub totals: Totals,
    /// The first seed, and the one after the last that was started.
    pub seeds: Range<u64>,
    pub took: Duration,
    /// All violations, by seed.
    pub failures: Vec<Failure>,
}

struct Shared {
    next: u64,
    totals: Totals,
    failures: Vec<Failure>,
}

thread_local! {
    /// The command that reproduces this thread's run.
    static REPLAY: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Campaign {
    pub fn run(&self) -> CampaignResult {
        print_replay_on_panic();
        let began = Instant::now();
        let from = match &self.extent {
            Extent::Seeds(seeds) => seeds.start,
            Extent::Hours { from, .. } => *from,
        };
        let shared = Mutex::new(Shared { next: from, totals: Totals::default(), failures: Vec::new() });
        let bar = self.bar();
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| self.work(&shared, &bar));
            }
        });
        bar.finish_and_clear();
        let Shared { next, totals, mut failures } = shared.into_inner().expect("a thread that panics ends the process");
        failures.sort_by_key(|failure| failure.seed);
        CampaignResult { totals, seeds: from..next, took: began.elapsed(), failures }
    }

    fn bar(&self) -> ProgressBar {
        let (length, unit) = match &self.extent {
            Extent::Seeds(seeds) => (seeds.end - seeds.start, "runs"),
            Extent::Hours { hours, .. } => ((hours * 60.0).ceil() as u64, "simulated minutes"),
        };
        let template = format!("{{elapsed_precise}} {{wide_bar}} {{pos}}/{{len}} {unit} {{msg}}");
        let style = ProgressStyle::with_template(&template).expect("the template is well-formed");
        let bar = if self.log { ProgressBar::hidden() } else { ProgressBar::new(length) };
        bar.with_style(style)
    }

    fn work(&self, shared: &Mutex<Shared>, bar: &ProgressBar) {
        while let Some(seed) = self.next_seed(shared) {
            let replay = self.replay(seed);
            REPLAY.set(replay.clone());
            let began = Instant::now();
            let mut outcome =
                simulator::run(Options { seed, clients: self.clients, minutes: self.minutes, log: self.log });
            outcome.totals.worked_s = began.elapsed().as_secs_f64();
            self.take(shared, seed, replay, outcome, bar);
        }
    }

    fn next_seed(&self, shared: &Mutex<Shared>) -> Option<u64> {
        let mut shared = shared.lock().expect("a thread that panics ends the process");
        let goes_on = match &self.extent {
            Extent::Seeds(seeds) => shared.next < seeds.end,
            Extent::Hours { hours, .. } => shared.totals.simulated_s < hours * 3600.0,
        };
        if !goes_on || interrupt::is_requested() || !self.keep_going && !shared.failures.is_empty() {
            return None;
        }
        shared.next += 1;
        Some(shared.next - 1)
    }

    fn take(&self, shared: &Mutex<Shared>, seed: u64, replay: String, outcome: Outcome, bar: &ProgressBar) {
        let mut shared = shared.lock().expect("a thread that panics ends the process");
        shared.totals.add(&outcome.totals);
        bar.set_position(match &self.extent {
            Extent::Seeds(_) => shared.totals.runs,
            Extent::Hours { .. } => (shared.totals.simulated_s / 60.0) as u64,
        });
        bar.set_message(format!("{:.0}x real time per core", shared.totals.speed()));
        if let Some(violation) = outcome.violation {
            shared.failures.push(Failure { seed, at: violation.at, what: violation.what, replay });
        }
    }

    fn replay(&self, seed: u64) -> String {
        let program = std::env::args().next().unwrap_or_else(|| "ringshard-bench".into());
        let mut command = format!("{program} simulate --seed {seed} --minutes {}", self.minutes);
        if let Some(clients) = self.clients {
            command.push_str(&format!(" --clients {clients}"));
        }
        command + " --log"
    }
}

/// A failed assertion of the engine is a violation, too.
fn print_replay_on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        REPLAY.with(|text| eprintln!("reproduce it with: {}", text.borrow()));
    }));
}
