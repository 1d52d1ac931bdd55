//! The score of a place: a sum of parts, each of which says why.
//!
//! | part | value, from 0 to 1 | points |
//! |---|---|---|
//! | budget | 1 up to the price for one person, then falling to 0 at one and a half times of it | 0.25 x value |
//! | cuisine | [`similarity`]; 1 if none is asked for | 0.25 x value |
//! | distance | 1 here, one half at 2 km: 2 / (2 + km) | 0.20 x value |
//! | rating | a fifth of the rating; one half without a rating | 0.15 x value |
//! | novelty | 1 if the player has not been there; after a visit, it grows from 0 to 1 in 30 days | 0.05 x value |
//! | feedback | not one | liked +0.10, disliked -0.50; and +0.03 for each liked and -0.03 for each disliked other place of the same cuisine, at most 0.09 both ways |
//!
//! A place beyond one and a half times of the price is left out. Nothing is learned: the same question, feedback and time give
//! the same answer.

use super::cuisine::similarity;
use super::feedback::{Remark, Verdict};
use crate::places::{Near, fold};

/// How far above the budget a price may be.
const PRICE_OVER: f64 = 0.5;
const HALF_DISTANCE: f64 = 2_000.0;
const MS_PER_DAY: f64 = 86_400_000.0;
const NOVELTY_DAYS: f64 = 30.0;
const CUISINE_STEP: f64 = 0.03;
const CUISINE_MOST: i64 = 3;

/// What somebody asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct Wish {
    /// At least 1.
    pub people: u32,
    /// For all of them together.
    pub price: f64,
    /// Empty: any.
    pub cuisine: String,
}

/// A part of a score.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// As in the table.
    pub name: &'static str,
    /// What it adds to the score.
    pub points: f64,
    /// A sentence.
    pub why: String,
}

/// The parts of a score, whose points are its sum; None if the place is left out.
pub fn score(wish: &Wish, near: &Near, remarks: &[Remark], now_ms: u64) -> Option<Vec<Part>> {
    let place = &near.place;
    let parts = vec![
        budget(wish, place.price)?,
        cuisine(&wish.cuisine, &place.cuisine),
        distance(near.distance),
        rating(place.rating),
        novelty(remarks.iter().find(|it| it.place == place.key), now_ms),
        feedback(place.key, &place.cuisine, remarks),
    ];
    Some(parts)
}

fn part(name: &'static str, weight: f64, value: f64, why: String) -> Part {
    assert!((0.0..=1.0).contains(&value), "the value of {name} is {value}");
    Part { name, points: weight * value, why }
}

fn budget(wish: &Wish, price: Option<f64>) -> Option<Part> {
    let budget = wish.price / f64::from(wish.people.max(1));
    let Some(price) = price else { return Some(part("budget", 0.25, 0.5, "its price is not known".to_owned())) };
    let over = if price <= budget { 0.0 } else { price / budget - 1.0 };
    if over > PRICE_OVER {
        return None;
    }
    let why = match over {
        0.0 => format!("{price:.0} for one person is within {budget:.0}"),
        _ => format!("{price:.0} for one person is {:.0}% above {budget:.0}", over * 100.0),
    };
    Some(part("budget", 0.25, 1.0 - over / PRICE_OVER, why))
}

fn cuisine(asked: &str, found: &str) -> Part {
    let (value, why) = match (asked, found) {
        ("", _) => (1.0, "any cuisine is asked for".to_owned()),
        (_, "") => (0.0, "its cuisine is not known".to_owned()),
        (asked, found) => match similarity(asked, found) {
            1.0 => (1.0, format!("it is {asked}")),
            0.0 => (0.0, format!("{found} is not like {asked}")),
            value => (value, format!("{found} is like {asked} ({value})")),
        },
    };
    part("cuisine", 0.25, value, why)
}

fn distance(metres: f64) -> Part {
    let value = HALF_DISTANCE / (HALF_DISTANCE + metres);
    part("distance", 0.20, value, format!("it is {:.1} km away", metres / 1_000.0))
}

fn rating(rating: Option<f64>) -> Part {
    match rating {
        Some(rating) => part("rating", 0.15, (rating / 5.0).clamp(0.0, 1.0), format!("it is rated {rating:.1} of 5")),
        None => part("rating", 0.15, 0.5, "it has no rating".to_owned()),
    }
}

fn novelty(remark: Option<&Remark>, now_ms: u64) -> Part {
    let Some(visited) = remark.and_then(|it| it.visited_ms) else {
        return part("novelty", 0.05, 1.0, "you have not been there".to_owned());
    };
    let days = now_ms.saturating_sub(visited) as f64 / MS_PER_DAY;
    part("novelty", 0.05, (days / NOVELTY_DAYS).min(1.0), format!("you were there {days:.0} days ago"))
}

fn feedback(place: u64, cuisine: &str, remarks: &[Remark]) -> Part {
    let about = |remark: &Remark| match remark.verdict {
        Some(Verdict::Liked) => 1,
        Some(Verdict::Disliked) => -1,
        _ => 0,
    };
    let (own, own_why) = match remarks.iter().find(|it| it.place == place).map_or(0, about) {
        1 => (0.10, "you like it"),
        -1 => (-0.50, "you dislike it"),
        _ => (0.0, "you said nothing about it"),
    };
    let folded = fold(cuisine);
    let others = remarks.iter().filter(|it| it.place != place && !folded.is_empty() && fold(&it.cuisine) == folded);
    let net: i64 = others.map(about).sum::<i64>().clamp(-CUISINE_MOST, CUISINE_MOST);
    let why = match net {
        0 => own_why.to_owned(),
        net => format!("{own_why}, and {} other {cuisine} places", if net > 0 { "like" } else { "dislike" }),
    };
    Part { name: "feedback", points: own + CUISINE_STEP * net as f64, why }
}
