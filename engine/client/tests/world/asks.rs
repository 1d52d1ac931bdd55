//! Asks, answers and events.

use crate::model::{Answer, Ask, Bench, Event, Path, Walking};
use ringshard_client::protocol::client::ClientConfig;
use ringshard_client::world::contract::Text;
use ringshard_client::{AskId, Channel, News, Unanswered};
use std::time::Duration;

fn answers(news: &[News<Walking>]) -> Vec<(AskId, u32)> {
    let answers = news.iter().filter_map(|news| match news {
        News::Answer(id, Answer::Doubled { number }) => Some((*id, *number)),
        _ => None,
    });
    answers.collect()
}

fn unanswered(news: &[News<Walking>]) -> Vec<(AskId, Unanswered)> {
    let unanswered = news.iter().filter_map(|news| match news {
        News::Unanswered(id, why) => Some((*id, *why)),
        _ => None,
    });
    unanswered.collect()
}

#[test]
fn each_ask_is_answered_once_whatever_is_lost() {
    let mut bench = Bench::new(1, Path::new(30, 20, 0.2));
    assert_eq!(bench.client.ask(&Ask::Double { number: 1 }), None, "it is not in the world");
    bench.enter();
    let mut asked = Vec::new();
    for number in 0..200 {
        if let Some(id) = bench.client.ask(&Ask::Double { number }) {
            asked.push((id, number * 2));
        }
        bench.pass(Duration::from_millis(20));
    }
    bench.pass_seconds(5);
    assert!(asked.len() > 100);
    assert_eq!(answers(&bench.news), asked, "answers come in the order of their asks");
    assert!(unanswered(&bench.news).is_empty());
}

#[test]
fn at_most_64_asks_are_open_and_the_game_is_told_why_one_has_no_answer() {
    let mut bench = Bench::new(2, Path::new(30, 0, 0.0));
    bench.enter();
    bench.server.answers = false;
    let open: Vec<AskId> = std::iter::from_fn(|| bench.client.ask(&Ask::Double { number: 1 })).collect();
    assert_eq!(open.len(), 64);
    bench.pass_seconds(1);
    let now = bench.time();
    bench.server.put_out(now, 1);
    bench.pass_seconds(1);
    let expected: Vec<_> = open.iter().map(|id| (*id, Unanswered::PutOut)).collect();
    assert_eq!(unanswered(&bench.news), expected);
    bench.news.clear();
    bench.server.answers = true;
    bench.client.enter(b"again");
    bench.enter();
    while !bench.client.is_in_world() {
        bench.pass(Duration::from_millis(1));
    }
    let refused = bench.client.ask(&Ask::Nothing).unwrap();
    assert!(!open.contains(&refused));
    bench.pass_seconds(1);
    assert_eq!(unanswered(&bench.news), [(refused, Unanswered::TooMany)]);
}

#[test]
fn asks_of_a_lost_session_stay_without_an_answer() {
    let config = ClientConfig { reconnect: true, ..Bench::config() };
    let mut bench = Bench::with(3, Path::new(30, 0, 0.0), 1_000, config);
    bench.enter();
    bench.server.answers = false;
    let lost = bench.client.ask(&Ask::Double { number: 1 }).unwrap();
    bench.pass_seconds(1);
    bench.restart_server(50_000);
    bench.pass_seconds(40);
    assert_eq!(unanswered(&bench.news), [(lost, Unanswered::SessionLost)]);
    let next = bench.client.ask(&Ask::Double { number: 4 }).unwrap();
    bench.pass_seconds(1);
    assert_eq!(answers(&bench.news), [(next, 8)]);
}

#[test]
fn an_answer_that_cannot_be_read_or_was_not_asked_for_is_no_answer() {
    let mut bench = Bench::new(4, Path::new(10, 0, 0.0));
    bench.enter();
    bench.server.answers = false;
    let id = bench.client.ask(&Ask::Double { number: 1 }).unwrap();
    bench.pass_seconds(1);
    let now = bench.time();
    let [low, high] = id.0.to_le_bytes();
    // Of an ask that is not open; of no kind that there is; empty; an answer of another game; and that again.
    let messages: [&[u8]; 7] =
        [&[9, 77, 77, 1], &[99, 1], &[], &[9], &[7, 200], &[9, low, high, 0, 99], &[9, low, high, 1]];
    for message in messages {
        bench.server.send_raw(now, message);
    }
    bench.pass_seconds(1);
    assert_eq!(unanswered(&bench.news), [(id, Unanswered::Malformed)]);
    assert!(answers(&bench.news).is_empty());
    assert_eq!(bench.client.stats().malformed, 5);
}

#[test]
fn events_go_both_ways() {
    let mut bench = Bench::new(5, Path::new(10, 0, 0.0));
    let said = |text: &str| Event::Said { text: Text::new(text) };
    assert!(!bench.client.tell(Channel::RELIABLE_ORDERED, &said("early")));
    bench.enter();
    for channel in [Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE] {
        assert!(bench.client.tell(channel, &said("up")));
        let now = bench.time();
        bench.server.tell(now, channel, &said("down"));
    }
    bench.pass_seconds(1);
    assert_eq!(bench.server.events, [said("up"); 3]);
    let events = bench.news.iter().filter(|news| matches!(news, News::Event(event) if *event == said("down")));
    assert_eq!(events.count(), 3);
}

/// A queue that overflows would end the connection.
#[test]
fn a_game_that_tells_too_much_is_refused_and_stays_connected() {
    let mut bench = Bench::new(6, Path::new(10, 0, 0.0));
    bench.enter();
    let event = Event::Said { text: Text::new("a long story") };
    let told = (0..1_000_000).take_while(|_| bench.client.tell(Channel::RELIABLE_ORDERED, &event)).count();
    assert!((100..999_999).contains(&told), "{told}");
    assert_eq!(bench.client.ask(&Ask::Nothing), None);
    bench.pass_seconds(20);
    assert_eq!(bench.server.events.len(), told);
    assert!(bench.client.tell(Channel::RELIABLE_ORDERED, &event));
}

#[test]
fn a_game_that_takes_no_news_bounds_the_memory_and_loses_nothing_reliable() {
    let mut bench = Bench::new(7, Path::new(10, 0, 0.0));
    bench.enter();
    bench.takes_news = false;
    let event = Event::Said { text: Text::new("again and again") };
    for _ in 0..2_000 {
        let now = bench.time();
        bench.server.tell(now, Channel::RELIABLE_ORDERED, &event);
    }
    bench.pass_seconds(3);
    assert!(!bench.client.has_room());
    let waiting: Vec<_> = std::iter::from_fn(|| bench.client.news()).collect();
    assert!(waiting.len() < 1_024 + 1_000, "{}", waiting.len());
    bench.news.extend(waiting);
    bench.takes_news = true;
    bench.pass_seconds(10);
    assert_eq!(bench.news.iter().filter(|news| matches!(news, News::Event(_))).count(), 2_000);
}
