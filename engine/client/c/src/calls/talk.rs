//! News, asks, events.

use crate::error::{Failure, rs_error};
use crate::game::Game;
use crate::handle::{Player, rs_client, with};
use crate::memory;
use crate::message::{Ask, Event};
use crate::reason;
use crate::types::{entity_number, rs_news, rs_news_kind, rs_result, rs_unanswered};
use client::{Channel, News, Unanswered};
use std::fmt::{Display, Write};

/// Takes the oldest news that was not taken. 1 if there was one, or 0: then nothing is written. Take all of them in each frame:
/// while 1024 wait, nothing is received.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_news(client: *mut rs_client, news: *mut rs_news) -> rs_result {
    // SAFETY: the header demands a client, and news whose size is set.
    unsafe {
        with(client, |player| {
            memory::check_growing(news, "news")?;
            let Some(taken) = player.client_mut().news() else { return Ok(0) };
            let value = told(player, &taken);
            memory::write_growing(news, value, "news")?;
            Ok(1)
        })
    }
}

/// News as the program gets it. What it points to is kept in the player.
fn told(player: &mut Player, news: &News<Game>) -> rs_news {
    let mut value = rs_news {
        size: 0,
        kind: 0,
        entity: 0,
        ask: 0,
        reason: 0,
        by: 0.0,
        bytes: std::ptr::null(),
        text: std::ptr::null(),
        bytes_count: 0,
        reserved: 0,
    };
    let kind = match *news {
        News::Entered { .. } => rs_news_kind::Entered,
        News::Moved { .. } => rs_news_kind::Moved,
        News::Refused(reason) => {
            value.reason = reason.into();
            rs_news_kind::Refused
        }
        News::WrongSchema(which) => {
            value.reason = which as i32;
            set_text(player, &mut value, &which.advice());
            rs_news_kind::WrongSchema
        }
        News::PutOut(reason) => {
            value.reason = reason.into();
            rs_news_kind::PutOut
        }
        News::Spawned(id) => {
            value.entity = entity_number(id);
            rs_news_kind::Spawned
        }
        News::Despawned(id) => {
            value.entity = entity_number(id);
            rs_news_kind::Despawned
        }
        News::BodyChanged(body) => {
            value.entity = body.map_or(0, entity_number);
            rs_news_kind::BodyChanged
        }
        News::Event(event) => {
            set_bytes(player, &mut value, event.bytes());
            rs_news_kind::Event
        }
        News::Answer(id, answer) => {
            value.ask = id.0.into();
            set_bytes(player, &mut value, answer.bytes());
            rs_news_kind::Answer
        }
        News::Unanswered(id, why) => {
            value.ask = id.0.into();
            value.reason = unanswered(why) as i32;
            rs_news_kind::Unanswered
        }
        News::Corrected { by } => {
            value.by = by;
            rs_news_kind::Corrected
        }
        News::Reconnecting(why) => {
            value.reason = reason::number(&why);
            set_text(player, &mut value, &why);
            rs_news_kind::Reconnecting
        }
        News::Resumed => rs_news_kind::Resumed,
        News::Renewed => rs_news_kind::Renewed,
        News::Closed(why) => {
            value.reason = reason::number(&why);
            set_text(player, &mut value, &why);
            rs_news_kind::Closed
        }
    };
    rs_news { kind: kind as u32, ..value }
}

fn unanswered(why: Unanswered) -> rs_unanswered {
    match why {
        Unanswered::TooMany => rs_unanswered::TooMany,
        Unanswered::Malformed => rs_unanswered::Malformed,
        Unanswered::PutOut => rs_unanswered::PutOut,
        Unanswered::SessionLost => rs_unanswered::SessionLost,
    }
}

fn set_bytes(player: &mut Player, news: &mut rs_news, bytes: &[u8]) {
    player.bytes = Ask::new(bytes).expect("an ask and an event are short enough");
    (news.bytes, news.bytes_count) = (player.bytes.bytes().as_ptr(), bytes.len() as u32);
}

fn set_text(player: &mut Player, news: &mut rs_news, text: &dyn Display) {
    player.text.clear();
    write!(player.text, "{text}\0").expect("a string takes every text");
    news.text = player.text.as_ptr().cast();
}

/// Asks the server, and gives the ask's name, of at most 65535. `RS_NEWS_KIND_ANSWER` or `RS_NEWS_KIND_UNANSWERED` follows, once.
/// `RS_ERROR_FULL` if 64 asks wait, or the queue of reliable messages is full.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_ask(
    client: *mut rs_client,
    ask: *const u8,
    bytes: usize,
    id: *mut u32,
) -> rs_result {
    // SAFETY: the header demands a client, that many bytes, and null or room for a number.
    unsafe {
        with(client, |player| {
            let given = memory::slice(ask, bytes, "ask")?;
            let ask = Ask::new(given).ok_or(rs_error::TooLong)?;
            in_world(player)?;
            let asked = player.client_mut().ask(&ask).ok_or(rs_error::Full)?;
            memory::write_optional(id, u32::from(asked.0));
            Ok(0)
        })
    }
}

/// Tells the server an event, over a channel of 0 to 15: see `rs_channel`. `RS_ERROR_FULL` if the queue of reliable messages is
/// full, or an unreliable event does not fit the datagram that is about to be sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_tell(
    client: *mut rs_client,
    channel: u8,
    event: *const u8,
    bytes: usize,
) -> rs_result {
    // SAFETY: the header demands a client, and that many bytes.
    unsafe {
        with(client, |player| {
            let given = memory::slice(event, bytes, "event")?;
            let event = Event::new(given).ok_or(rs_error::TooLong)?;
            let Some(channel) = Channel::new(channel) else {
                return Err(Failure::new(rs_error::Value, format!("the channel is {channel}; give 0 to 15")));
            };
            in_world(player)?;
            if player.client_mut().tell(channel, &event) { Ok(0) } else { Err(rs_error::Full.into()) }
        })
    }
}

fn in_world(player: &Player) -> Result<(), Failure> {
    if player.client().is_in_world() { Ok(()) } else { Err(rs_error::NotInWorld.into()) }
}
