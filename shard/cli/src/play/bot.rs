//! A player without a terminal: it walks about, presses buttons, and reports what it saw.

use super::session::Session;
use crate::output;
use ringshard_client::world::contract::Text;
use ringshard_scripts_rules::{Event, Input, Value, Values};
use ringshard_terrain::movement::keys;
use std::error::Error;
use std::time::{Duration, Instant};

/// How long it keeps a direction.
const DIRECTION_TIME: Duration = Duration::from_millis(700);
/// How long it waits to enter the world.
const ENTER_TIME: Duration = Duration::from_secs(10);
/// Lines of the game in the report.
const LINES: usize = 20;

/// What a bot saw.
#[derive(serde::Serialize)]
struct Report {
    seconds: f64,
    /// How far it went, in units.
    distance: f32,
    events: u64,
    corrections: u64,
    worst_correction: f32,
    most_in_sight: usize,
    round_trip_ms: f64,
    variables: Vec<i32>,
    lines: Vec<String>,
}

/// Plays for a time, and prints a report.
pub fn run(mut session: Session, time: Duration, is_json: bool) -> Result<(), Box<dyn Error>> {
    let from = Instant::now();
    while !session.has_entered {
        session.turn(Duration::from_millis(20), Input::default())?;
        if from.elapsed() > ENTER_TIME {
            return Err("the server does not answer".into());
        }
    }
    let report = play(&mut session, time)?;
    if is_json {
        return Ok(output::print_line(serde_json::to_string(&report)?)?);
    }
    let Report { seconds, distance, events, corrections, most_in_sight, round_trip_ms, .. } = report;
    output::print_line(format_args!(
        "{seconds:.1} s: went {distance:.0} units, heard {events} events, saw up to {most_in_sight} others, was corrected \
         {corrections} times, round trip {round_trip_ms:.1} ms"
    ))?;
    Ok(output::print_line(report.lines.join("\n"))?)
}

fn play(session: &mut Session, time: Duration) -> Result<Report, Box<dyn Error>> {
    let (from, mut turned, mut random) = (Instant::now(), Instant::now(), u64::from(std::process::id()) | 1);
    let (mut input, mut distance, mut most_in_sight, mut last) = (Input::default(), 0.0, 0, None);
    session.tell(&Event { name: Text::new("say"), values: Values::of(&[Value::Text("hello")])? });
    while from.elapsed() < time {
        if turned.elapsed() >= DIRECTION_TIME {
            turned = Instant::now();
            input = some_input(&mut random);
        }
        session.turn(Duration::from_millis(10), input)?;
        let scene = session.udp.client().scene();
        most_in_sight = most_in_sight.max(scene.others().count());
        if let Some(pose) = scene.own_pose() {
            let [x, y, _] = pose.point;
            let [from_x, from_y]: [f32; 2] = last.replace([x, y]).unwrap_or([x, y]);
            distance += (x - from_x).hypot(y - from_y);
        }
    }
    let client = session.udp.client();
    Ok(Report {
        seconds: from.elapsed().as_secs_f64(),
        distance,
        events: session.events,
        corrections: session.corrections,
        worst_correction: client.worst_correction(),
        most_in_sight,
        round_trip_ms: session.round_trip_ms(),
        variables: client.scene().own().map(|own| own.variables.to_vec()).unwrap_or_default(),
        lines: session.lines.iter().rev().take(LINES).rev().cloned().collect(),
    })
}

/// A direction, sometimes a jump, sometimes a button.
fn some_input(random: &mut u64) -> Input {
    // Xorshift: nothing depends on how good it is.
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let mut input = Input { buttons: 1 << (*random >> 40 & 3), ..Input::default() };
    input.steering.yaw = *random as u16;
    input.steering.forward = 127;
    input.steering.keys = keys::RUN | if *random >> 32 & 3 == 0 { keys::JUMP } else { 0 };
    input
}
