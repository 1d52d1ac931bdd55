//! Rankings over invented restaurants, and how feedback moves them.

use super::{Feedback, PLACES_MAX, SuggestError, Suggester, Suggestion, Verdict, Wish};
use crate::AccountId;
use crate::places::import::{Columns, Format, Import, import};
use crate::places::{Places, Position};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

const DAY: u64 = 86_400_000;
const NOW: u64 = 20_000 * DAY;
const HERE: Position = Position { latitude: 52.5, longitude: 13.4 };

struct Town(PathBuf);

impl Drop for Town {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Town {
    fn new(rows: &str) -> Town {
        static TOWNS: AtomicU32 = AtomicU32::new(0);
        let name = format!("ringshard-suggestions-{}-{}", std::process::id(), TOWNS.fetch_add(1, Ordering::Relaxed));
        let town = Town(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&town.0).unwrap();
        let source = town.0.join("town.csv");
        std::fs::write(&source, format!("name,lat,lon,price,cuisine,rating\n{rows}")).unwrap();
        let columns = Columns::default();
        let what = Import { source: &source, format: Format::Csv, kind: "restaurant", columns, skip_invalid: false };
        import(&town.0.join("places.db"), &what, &mut |_| ()).unwrap();
        town
    }

    /// 600 invented restaurants.
    fn large() -> Town {
        let cuisines = ["italian", "pizza", "thai", "french", "burger", "sushi", ""];
        let mut rows = String::new();
        for at in 0..600_u32 {
            let (north, east) = (f64::from(at * 7 % 101) / 1_000.0, f64::from(at * 13 % 89) / 1_000.0);
            let (price, rating) = (8 + at * 11 % 60, f64::from(at * 3 % 50) / 10.0);
            let cuisine = cuisines[at as usize % cuisines.len()];
            writeln!(rows, "R{at},{},{},{price},{cuisine},{rating}", 52.45 + north, 13.36 + east).unwrap();
        }
        Town::new(&rows)
    }

    fn suggester(&self) -> Suggester {
        let feedback = Feedback::open(&self.0.join("suggestions.db")).unwrap();
        Suggester::new(Places::new(self.0.join("places.db")), "restaurant", feedback)
    }
}

fn wish(people: u32, price: f64, cuisine: &str) -> Wish {
    Wish { people, price, cuisine: cuisine.to_owned() }
}

async fn ask(suggester: &Suggester, account: Option<u64>, wish: &Wish, now: u64) -> Vec<Suggestion> {
    suggester.suggest(account.map(AccountId), wish, (HERE, 10_000.0), (20, now)).await.unwrap()
}

fn names(found: &[Suggestion]) -> Vec<&str> {
    found.iter().map(|it| it.place.name.as_str()).collect()
}

#[tokio::test]
async fn each_part_moves_the_ranking_as_documented() {
    let pairs = [
        ("Cheap,52.5,13.4,20,thai,4", "Dear,52.5,13.4,27,thai,4", "budget"),
        ("Same,52.5,13.4,20,thai,4", "Like,52.5,13.4,20,vietnamese,4", "cuisine"),
        ("Like,52.5,13.4,20,vietnamese,4", "Other,52.5,13.4,20,pizza,4", "cuisine"),
        ("Near,52.5,13.4,20,thai,4", "Far,52.53,13.4,20,thai,4", "distance"),
        ("Good,52.5,13.4,20,thai,5", "Bad,52.5,13.4,20,thai,1", "rating"),
    ];
    for (better, worse, part) in pairs {
        let town = Town::new(&format!("{worse}\n{better}\n"));
        let found = ask(&town.suggester(), None, &wish(4, 80.0, "thai"), NOW).await;
        assert_eq!(found.len(), 2);
        assert!(better.starts_with(&found[0].place.name), "{better} before {worse}");
        let points = |at: usize, name: &str| found[at].parts.iter().find(|it| it.name == name).unwrap().points;
        assert!(points(0, part) > points(1, part) + 0.01);
        for other in
            ["budget", "cuisine", "distance", "rating", "novelty", "feedback"].into_iter().filter(|it| *it != part)
        {
            assert!((points(0, other) - points(1, other)).abs() < 1e-9, "{other} differs");
        }
        for it in &found {
            assert!((it.parts.iter().map(|it| it.points).sum::<f64>() - it.score).abs() < 1e-12);
            assert!(it.parts.iter().all(|it| !it.why.is_empty()) && it.score <= 1.0);
        }
    }
}

#[tokio::test]
async fn what_is_far_above_the_budget_is_left_out() {
    let town = Town::new("Fits,52.5,13.4,30,thai,4\nOver,52.5,13.4,31,thai,5\nUnknown,52.5,13.4,,thai,\n");
    let suggester = town.suggester();
    assert_eq!(names(&ask(&suggester, None, &wish(2, 40.0, "thai"), NOW).await), ["Unknown", "Fits"]);
    assert_eq!(ask(&suggester, None, &wish(1, 40.0, ""), NOW).await.len(), 3, "fewer people have more each");
    let far = suggester.suggest(None, &wish(1, 9.0, ""), (Position { latitude: 0.0, ..HERE }, 5_000.0), (9, NOW)).await;
    assert_eq!(far.unwrap(), []);
}

#[tokio::test]
async fn feedback_moves_the_ranking_of_its_account_only() {
    let town = Town::large();
    let suggester = town.suggester();
    let asked = wish(2, 60.0, "italian");
    let before = ask(&suggester, Some(1), &asked, NOW).await;
    let first = before[0].place.clone();
    let second = before[1].place.clone();
    suggester.say(AccountId(1), first.key, Verdict::Disliked, NOW).await.unwrap();
    let after = ask(&suggester, Some(1), &asked, NOW).await;
    assert!(!names(&after).contains(&first.name.as_str()), "half a point less leads out of the first twenty");
    assert_eq!(names(&ask(&suggester, Some(2), &asked, NOW).await), names(&before));
    assert_eq!(names(&ask(&suggester, None, &asked, NOW).await), names(&before));
    suggester.say(AccountId(1), first.key, Verdict::Nothing, NOW).await.unwrap();
    assert_eq!(ask(&suggester, Some(1), &asked, NOW).await, before, "taken back without a trace");

    suggester.say(AccountId(1), second.key, Verdict::Liked, NOW).await.unwrap();
    assert_eq!(ask(&suggester, Some(1), &asked, NOW).await[0].place, second);
    let points = async |now, name: &str| {
        let found = ask(&suggester, Some(1), &asked, now).await;
        let of = found.iter().find(|it| it.place == second).unwrap();
        of.parts.iter().find(|it| it.name == name).unwrap().clone()
    };
    suggester.say(AccountId(1), second.key, Verdict::Visited, NOW).await.unwrap();
    assert_eq!(points(NOW, "feedback").await.why, "you like it", "a visit does not take a like back");
    assert_eq!(points(NOW, "novelty").await.points, 0.0);
    assert!((points(NOW + 15 * DAY, "novelty").await.points - 0.025).abs() < 1e-9);
    assert!((points(NOW + 90 * DAY, "novelty").await.points - 0.05).abs() < 1e-9);
}

#[tokio::test]
async fn likes_of_a_cuisine_reach_its_other_places_within_bounds() {
    let town = Town::large();
    let suggester = town.suggester();
    let thai = suggester.places().nearest(HERE, 1e5, None, 1_000).await.unwrap();
    let thai: Vec<_> = thai.into_iter().map(|it| it.place).filter(|it| it.cuisine == "thai").collect();
    for place in &thai[..10] {
        suggester.say(AccountId(1), place.key, Verdict::Disliked, NOW).await.unwrap();
    }
    let found = ask(&suggester, Some(1), &wish(1, 100.0, "thai"), NOW).await;
    let other = found.iter().find(|it| it.place.cuisine == "thai" && !thai[..10].contains(&it.place)).unwrap();
    let part = other.parts.iter().find(|it| it.name == "feedback").unwrap();
    assert!((part.points + 0.09).abs() < 1e-9, "{part:?}");
    assert_eq!(part.why, "you said nothing about it, and dislike other thai places");
}

#[tokio::test]
async fn remarks_survive_a_restart_are_bounded_and_name_real_places() {
    let town = Town::large();
    let all = town.suggester().places().nearest(HERE, 1e5, None, 1_000).await.unwrap();
    let suggester = town.suggester();
    for (at, near) in all[..PLACES_MAX + 5].iter().enumerate() {
        suggester.say(AccountId(1), near.place.key, Verdict::Liked, NOW + at as u64).await.unwrap();
    }
    let error = suggester.say(AccountId(1), 12345, Verdict::Liked, NOW).await.unwrap_err();
    assert!(matches!(error, SuggestError::NoPlace));
    drop(suggester);
    let feedback = Feedback::open(&town.0.join("suggestions.db")).unwrap();
    let remarks = feedback.of(AccountId(1)).unwrap();
    assert_eq!(remarks.len(), PLACES_MAX);
    assert!(all[..5].iter().all(|near| remarks.iter().all(|it| it.place != near.place.key)), "the oldest ones went");
    assert_eq!(feedback.of(AccountId(2)).unwrap(), []);
    std::fs::write(town.0.join("broken.db"), "no database, but a text which is long enough to be looked at as one")
        .unwrap();
    let error = Feedback::open(&town.0.join("broken.db")).err().unwrap().to_string();
    assert!(error.starts_with("cannot use the feedback about places: ") && error.contains("broken.db"), "{error}");
}

#[tokio::test]
async fn the_same_question_has_the_same_answer() {
    let town = Town::large();
    let one = ask(&town.suggester(), Some(1), &wish(3, 75.0, "pizza"), NOW).await;
    let other = ask(&town.suggester(), Some(1), &wish(3, 75.0, "pizza"), NOW).await;
    assert_eq!(one, other);
    assert_eq!(one.len(), 20);
}
