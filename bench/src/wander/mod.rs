//! `wander`: players of a fleet who walk from zone to zone. Each says numbered words and must hear each of them once. One whose
//! host is killed must go on where it was.

mod bot;
mod login;
mod route;
mod trail;
mod zones;

use self::bot::Bot;
use self::login::Login;
use self::route::Balancers;
use self::zones::ZoneAges;
use crate::report::verdict::Verdict;
use crate::system::{interrupt, raise_file_limit};
use crate::terminal::{Page, bar};
use hdrhistogram::Histogram;
use ringshard_protocol::crypto::PublicKey;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Time between two looks at all players.
const FRAME: Duration = Duration::from_millis(8);
/// A frame looks at one of so many parts of the players.
const LOOKS: usize = 128;
/// Time after the walk in which what is under way arrives.
const SETTLE: Duration = Duration::from_secs(5);

/// Arguments of `wander`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A server of the fleet: ADDRESS:PORT=KEY. Give it once per server; without balancers, the players begin at them in turn.
    #[arg(long = "at", value_name = "ADDRESS:PORT=KEY", required = true)]
    servers: Vec<Place>,
    /// URL of a balancer of the fleet, such as http://127.0.0.1:3580. Give it once per balancer; the players then enter where one of
    /// them sends them. Each asks with an address of its own: the balancers must trust this machine as a proxy.
    #[arg(long = "balancer", value_name = "URL")]
    balancers: Vec<String>,
    /// Players.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// Milliseconds between two players that connect.
    #[arg(long, default_value_t = 10)]
    stagger_ms: u32,
    /// Seconds that they walk.
    #[arg(long, default_value_t = 60)]
    secs: u64,
    /// The part of the map that they walk in: the least x and y, and the greatest, in units of the map.
    #[arg(long, value_name = "X,Y..X,Y", allow_hyphen_values = true)]
    within: Rectangle,
    /// Longest interruption of the snapshots at a crossing, in milliseconds: 99 of 100 must be shorter.
    #[arg(long, default_value_t = 150)]
    interruption_ms: u64,
    /// Fewest crossings that must happen.
    #[arg(long, default_value_t = 1)]
    crossings: u64,
    /// Players that may lose their session, for instance because a host is killed.
    #[arg(long, default_value_t = 0)]
    lost: u64,
    /// File with the private key of a login, as ticket.key in the folder of its services: each player then has an account.
    #[arg(long, value_name = "FILE")]
    ticket_key: Option<PathBuf>,
    /// Highest age of the state with which a player comes back that has lost its session, in milliseconds. Zones may fall back
    /// by as much, and 2 s. Without it, players may come back as newcomers, and zones begin anew.
    #[arg(long, requires = "ticket_key")]
    restored_ms: Option<u64>,
    /// Write the result as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A server.
#[derive(Clone, Copy)]
struct Place {
    address: SocketAddr,
    key: PublicKey,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, key) = text.split_once('=').ok_or("write ADDRESS:PORT=KEY")?;
        let address = address.parse().map_err(|error| format!("{address}: {error}"))?;
        let key = PublicKey::from_hex(key).map_err(|error| error.to_string())?;
        Ok(Place { address, key })
    }
}

/// A part of the map.
#[derive(Clone, Copy)]
struct Rectangle {
    min: [f32; 2],
    max: [f32; 2],
}

impl FromStr for Rectangle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let corner = |text: &str| -> Option<[f32; 2]> {
            let (x, y) = text.split_once(',')?;
            Some([x.parse().ok()?, y.parse().ok()?])
        };
        let corners = text.split_once("..").and_then(|(min, max)| Some((corner(min)?, corner(max)?)));
        let (min, max) = corners.ok_or_else(|| format!("{text} is no part of a map: write X,Y..X,Y"))?;
        let is_one = (0..2).all(|axis| min[axis] < max[axis] && min[axis].is_finite() && max[axis].is_finite());
        if is_one { Ok(Rectangle { min, max }) } else { Err(format!("{text} has no inside")) }
    }
}

/// What was counted.
#[derive(Serialize)]
struct Report {
    players: usize,
    entered: u64,
    crossings: u64,
    interruption_p50_ms: u64,
    interruption_p99_ms: u64,
    interruption_max_ms: u64,
    /// Routes that balancers have answered; of these, those that the next one answered because one did not; and questions that none
    /// answered.
    routes: u64,
    routes_of_the_next: u64,
    routes_unanswered: u64,
    /// Times that a player lost its connection, and got its session back at the same server.
    resumed: u64,
    /// Times that a player lost its session: it entered again, or has gone.
    sessions_lost: u64,
    /// Longest time that a player was out of the world after it had lost its session.
    longest_absence_ms: u64,
    /// Players that came back after that where they had been, and as newcomers.
    restored: u64,
    came_as_newcomers: u64,
    /// The greatest time between the state with which a player came back, and the last that it had seen.
    oldest_state_ms: u64,
    /// Zones whose sentinel was seen, and the most seconds that one fell back.
    zones_seen: usize,
    zone_fallen_s: u32,
    words_said: u64,
    words_heard: u64,
    words_lost: u64,
    words_doubled: u64,
    corrections: u64,
    verdict: Verdict,
}

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    raise_file_limit();
    let mut bots = Vec::with_capacity(arguments.clients);
    let Rectangle { min, max } = arguments.within;
    let login = Login::open(arguments.ticket_key.as_deref())?;
    let begin = Instant::now();
    let walk = Duration::from_secs(arguments.secs);
    let progress = bar("wander", "walking", arguments.secs);
    let mut zones = ZoneAges::default();
    let mut frames = 0;
    let stagger = Duration::from_millis(arguments.stagger_ms.into());
    let mut end = begin + stagger * arguments.clients as u32 + walk;
    while Instant::now() < end + SETTLE {
        let frame = Instant::now();
        if bots.len() < arguments.clients && frame >= begin + stagger * bots.len() as u32 {
            let number = bots.len() as u32;
            let balancers = Balancers::new(&arguments.balancers, number);
            bots.push(Bot::connect(number, &arguments.servers, balancers, [min, max], login.clone())?);
        }
        let speaks = frame < end;
        bots.iter_mut().for_each(|bot| bot.frame(frame, speaks));
        // Each player looks around once in a second or so.
        frames += 1;
        bots.iter().skip(frames % LOOKS).step_by(LOOKS).for_each(|bot| bot.look_around(&mut zones));
        if interrupt::is_requested() {
            end = end.min(frame);
        }
        progress.set_position(frame.duration_since(begin).as_secs().min(arguments.secs));
        std::thread::sleep(FRAME.saturating_sub(frame.elapsed()));
    }
    progress.finish_and_clear();
    let report = report(arguments, &bots, &zones);
    print!("{}", page(&report));
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn report(arguments: &Arguments, bots: &[Bot], zones: &ZoneAges) -> Report {
    let sum = |of: fn(&Bot) -> u64| bots.iter().map(of).sum::<u64>();
    let mut interruptions = Histogram::<u64>::new(3).expect("three digits are few");
    for ms in bots.iter().flat_map(|bot| &bot.interruptions) {
        interruptions.saturating_record(ms.as_millis() as u64);
    }
    let words_said = sum(|bot| bot.said.into());
    let words_heard = sum(|bot| bot.heard.len() as u64);
    let mut report = Report {
        players: bots.len(),
        entered: sum(|bot| u64::from(bot.entered > 0)),
        crossings: sum(|bot| bot.interruptions.len() as u64),
        interruption_p50_ms: interruptions.value_at_quantile(0.5),
        interruption_p99_ms: interruptions.value_at_quantile(0.99),
        interruption_max_ms: interruptions.max(),
        routes: sum(|bot| bot.routes),
        routes_of_the_next: sum(|bot| bot.routes_of_the_next),
        routes_unanswered: sum(|bot| bot.routes_unanswered),
        resumed: sum(|bot| bot.resumed.saturating_sub(bot.interruptions.len() as u64)),
        sessions_lost: sum(|bot| bot.lost),
        longest_absence_ms: bots.iter().map(|bot| bot.longest_absence.as_millis() as u64).max().unwrap_or(0),
        restored: sum(|bot| bot.restored.len() as u64),
        came_as_newcomers: sum(|bot| bot.renewed),
        oldest_state_ms: bots.iter().flat_map(|bot| &bot.restored).map(|age| age.as_millis() as u64).max().unwrap_or(0),
        zones_seen: zones.seen(),
        zone_fallen_s: zones.fallen_s,
        words_said,
        words_heard,
        // Words of a lost session went with it.
        words_lost: bots.iter().filter(|bot| bot.lost == 0).map(Bot::unheard).sum(),
        words_doubled: sum(|bot| bot.doubled),
        corrections: sum(Bot::corrections),
        verdict: Verdict::Pass,
    };
    let restored_ms = arguments.restored_ms.unwrap_or(u64::MAX);
    let must = [
        (report.entered == report.players as u64, format!("{} of {} players entered", report.entered, report.players)),
        (
            report.crossings >= arguments.crossings,
            format!("{} crossings, at least {}", report.crossings, arguments.crossings),
        ),
        (
            report.sessions_lost <= arguments.lost,
            format!("{} sessions lost, at most {}", report.sessions_lost, arguments.lost),
        ),
        (
            arguments.restored_ms.is_none() || report.came_as_newcomers == 0,
            format!("{} players came back as newcomers", report.came_as_newcomers),
        ),
        (
            report.oldest_state_ms <= restored_ms,
            format!("a player came back with a state {} ms old, at most {restored_ms} ms", report.oldest_state_ms),
        ),
        (
            u64::from(report.zone_fallen_s) <= (restored_ms / 1_000).saturating_add(2),
            format!("a zone fell back by {} s", report.zone_fallen_s),
        ),
        (report.routes_unanswered == 0, format!("{} questions that no balancer answered", report.routes_unanswered)),
        (report.words_lost == 0, format!("{} words lost", report.words_lost)),
        (report.words_doubled == 0, format!("{} words heard twice", report.words_doubled)),
        (
            report.interruption_p99_ms <= arguments.interruption_ms,
            format!("p99 interruption {} ms, at most {} ms", report.interruption_p99_ms, arguments.interruption_ms),
        ),
    ];
    let missed = must.into_iter().filter(|(is_met, _)| !is_met).map(|(_, what)| what).collect();
    report.verdict = Verdict::of_computed(missed);
    report
}

fn page(report: &Report) -> String {
    let mut text = Page::default();
    text.line("players", format_args!("{}, {} entered", report.players, report.entered));
    text.line("crossings", report.crossings);
    text.line(
        "interruption",
        format_args!(
            "of snapshots at a crossing: p50 {} ms, p99 {} ms, most {} ms",
            report.interruption_p50_ms, report.interruption_p99_ms, report.interruption_max_ms
        ),
    );
    if report.routes + report.routes_unanswered > 0 {
        text.line(
            "routes",
            format_args!(
                "{} of balancers, of these {} from the next one because one did not answer; {} questions without an answer",
                report.routes, report.routes_of_the_next, report.routes_unanswered
            ),
        );
    }
    text.line(
        "sessions",
        format_args!(
            "{} lost, {} resumed; the longest absence was {} ms",
            report.sessions_lost, report.resumed, report.longest_absence_ms
        ),
    );
    if report.sessions_lost > 0 {
        text.line(
            "restored",
            format_args!(
                "{} players where they had been, {} as newcomers; the oldest state was {} ms old",
                report.restored, report.came_as_newcomers, report.oldest_state_ms
            ),
        );
    }
    text.line(
        "zones",
        format_args!("{} seen; the most that one fell back is {} s", report.zones_seen, report.zone_fallen_s),
    );
    text.line(
        "words",
        format_args!(
            "{} said, {} heard, {} lost, {} heard twice",
            report.words_said, report.words_heard, report.words_lost, report.words_doubled
        ),
    );
    text.line("corrections", format_args!("{} of predicted states", report.corrections));
    text.with_verdict(&report.verdict)
}
