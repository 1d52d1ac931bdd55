//! The server of a game of its own, with settings and jobs.

use crate::shared::{Folder, TIMEOUT, wait_for_line};
use ringshard::config::Sources;
use ringshard::game::{Admission, Game, GameStart, PlayerId, Reply, Shard, Visitor};
use ringshard::serve::run_game;
use ringshard_world::{Pose, Rules, wire};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::io::{BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long the job takes that the game gives when it drains.
const SAVING: Duration = Duration::from_millis(300);

#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Settings {
    faulty: bool,
    save_as: String,
}

enum Job {
    Count(usize, u32),
    Save { file: String, count: u32 },
    Fault,
}

wire! {
    /// No client ever plays it.
    pub struct Nothing {}
    /// Nobody asks or tells anything.
    pub enum Never { Is }
}

struct NoRules;

impl Rules for NoRules {
    type Input = Nothing;
    type Own = Nothing;
    type Shown = Nothing;
    type Ask = Never;
    type Answer = Never;
    type Event = Never;

    fn step(&self, _: &mut Nothing, _: &Nothing) {}

    fn pose(&self, _: &Nothing) -> Pose {
        Pose::default()
    }
}

/// Has always one job outstanding, and gives one more when the server drains.
struct Counting {
    core: usize,
    settings: Settings,
    is_waiting: bool,
    count: u32,
}

impl Game for Counting {
    type Rules = NoRules;
    type Command = Never;
    type Job = Job;
    type Done = (usize, u32);

    fn rules(&self) -> &NoRules {
        &NoRules
    }

    fn join(&mut self, _: &mut Shard<Self>, _: PlayerId, _: Visitor<'_>) -> Admission {
        Admission::Refused(0)
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Never, reply: Reply) {
        shard.reply(reply, &Never::Is);
    }

    fn done(&mut self, _: &mut Shard<Self>, (core, count): (usize, u32)) {
        assert_eq!(core, self.core, "a result came to another core");
        (self.is_waiting, self.count) = (false, count);
        if count == 10 {
            tracing::info!(core, "counted to 10");
        }
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        if !std::mem::replace(&mut self.is_waiting, true) {
            let job = if self.settings.faulty { Job::Fault } else { Job::Count(self.core, self.count) };
            assert!(shard.give(job).is_ok());
        }
    }

    fn draining(&mut self, shard: &mut Shard<Self>) {
        let file = format!("{}-{}", self.settings.save_as, self.core);
        assert!(shard.give(Job::Save { file, count: self.count }).is_ok());
    }
}

/// Runs on a worker's thread.
fn work(job: Job) -> (usize, u32) {
    match job {
        Job::Count(core, count) => (core, count + 1),
        Job::Save { file, count } => {
            std::thread::sleep(SAVING);
            std::fs::write(file, count.to_string()).unwrap();
            (0, 0)
        }
        Job::Fault => panic!("a job panicked on purpose"),
    }
}

/// The server, in this process. The tests below run it as a process of its own.
#[test]
#[ignore = "it serves until it is stopped; the tests below run it"]
fn serves_a_game() {
    let sources = Sources { file: Some(std::env::var("SETTINGS").unwrap().into()), ..Sources::default() };
    let game = |start: GameStart, settings: &Settings| Counting {
        core: start.core,
        settings: settings.clone(),
        is_waiting: false,
        count: 0,
    };
    run_game(sources, game, work).unwrap();
}

fn start(folder: &Folder, game: &str) -> (Child, BufReader<ChildStderr>) {
    let settings =
        format!("cpus = \"0\"\nlisten = \"127.0.0.1:0\"\nadmin = \"off\"\ndump-dir = {:?}\n[game]\n{game}\n", folder.0);
    let file = folder.file("settings.toml");
    std::fs::write(&file, settings).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "games::serves_a_game", "--ignored", "--nocapture"])
        .env("SETTINGS", file)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    (child, log)
}

fn end(child: &mut Child) -> ExitStatus {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < give_up, "the server does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_game_gets_its_settings_and_its_results_and_its_last_job_is_done_before_the_server_ends() {
    let folder = Folder::new("game");
    let (mut child, mut log) = start(&folder, &format!("save-as = {:?}", folder.file("saved")));
    wait_for_line(&mut log, "counted to 10");
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert!(end(&mut child).success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    let saved = std::fs::read_to_string(folder.file("saved-0")).unwrap_or_else(|error| panic!("{error}: {rest}"));
    assert!(saved.parse::<u32>().unwrap() >= 10, "{saved}");
    assert!(rest.contains("stopped") && !rest.contains("jobs were dropped"), "{rest}");
}

#[test]
fn a_panic_in_a_job_ends_the_process_and_its_report_names_the_worker() {
    let folder = Folder::new("game-panic");
    let (mut child, mut log) = start(&folder, "faulty = true");
    assert!(!end(&mut child).success());
    let mut printed = String::new();
    log.read_to_string(&mut printed).unwrap();
    assert!(printed.contains("thread worker-") && printed.contains("a job panicked on purpose"), "{printed}");
    let file = folder.file(&format!("ringshard-panic-{}.json", child.id()));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(report["thread"].as_str().unwrap().starts_with("worker-"), "{report}");
    assert!(report["core"].is_null());
}
