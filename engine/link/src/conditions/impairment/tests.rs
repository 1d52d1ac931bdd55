use super::*;
use crate::conditions::{BurstLoss, Outage, RateLimit, Reorder};

const MS: Duration = Duration::from_millis(1);
const NONE: Conditions = Conditions::none(Duration::ZERO);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn impairment(conditions: Conditions) -> Impairment {
    Impairment::new(conditions, 1, 0)
}

/// The fates of `count` datagrams of 100 bytes, `apart` from each other.
fn fates(conditions: Conditions, count: u32, apart: Duration) -> Vec<Fate> {
    let mut impairment = impairment(conditions);
    (0..count).map(|number| impairment.pass(Instant::ZERO + apart * number, 100)).collect()
}

fn share(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

#[test]
fn without_faults_each_arrives_once_after_the_delay() {
    for (number, fate) in fates(Conditions::none(20 * MS), 1_000, MS).into_iter().enumerate() {
        assert_eq!(fate, [Some(Delivery { at: at(20 + number as u64), flipped_bit: None }), None]);
    }
}

#[test]
fn random_losses_have_their_rate_and_are_independent() {
    let fates = fates(Conditions { loss: Chance::per_mille(200), ..NONE }, 100_000, MS);
    let lost = |fate: &Fate| fate[0].is_none();
    let losses = fates.iter().filter(|fate| lost(fate)).count();
    assert!((0.195..0.205).contains(&share(losses, 100_000)), "{losses}");
    let in_a_row = fates.windows(2).filter(|pair| lost(&pair[0]) && lost(&pair[1])).count();
    assert!((0.19..0.21).contains(&share(in_a_row, losses)), "{in_a_row} of {losses}");
}

#[test]
fn bursts_have_their_frequency_and_mean_length() {
    let burst = BurstLoss { enter: Chance::per_mille(10), mean_length: 8 };
    let fates = fates(Conditions { burst: Some(burst), ..NONE }, 2_000_000, MS);
    let lost: Vec<bool> = fates.iter().map(|fate| fate[0].is_none()).collect();
    let losses = lost.iter().filter(|&&lost| lost).count();
    let begun = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let passed = lost.len() - losses;
    // One in a hundred bursts continues into another one, and both count as one.
    assert!((7.9..8.3).contains(&share(losses, begun)), "mean {}", share(losses, begun));
    // One in a hundred datagrams outside a burst began one.
    assert!((0.0097..0.0102).contains(&share(begun, passed + begun)), "{begun} of {passed}");
}

#[test]
fn a_line_delays_by_its_queue_and_drops_what_does_not_fit() {
    // 100 bytes take a millisecond; 12 of them fit.
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 1_200 });
    let mut impairment = impairment(Conditions { rate, delay: 5 * MS, ..NONE });
    for number in 1..=12 {
        assert_eq!(impairment.pass(at(0), 100)[0].unwrap().at, at(5 + number));
    }
    assert_eq!(impairment.pass(at(0), 100), Fate::default());
    assert_eq!(impairment.stats(), ImpairmentStats { entered: 13, queue_full: 1, ..Default::default() });
    // Three have left; three more fit behind the nine.
    for number in 1..=3 {
        assert_eq!(impairment.pass(at(3), 100)[0].unwrap().at, at(5 + 12 + number));
    }
    assert_eq!(impairment.pass(at(3), 1), Fate::default());
    // An idle line takes a datagram of any size, and then no other one.
    assert_eq!(impairment.pass(at(100), 1_500)[0].unwrap().at, at(100 + 15 + 5));
    assert_eq!(impairment.pass(at(100), 100), Fate::default());
}

#[test]
fn a_saturated_line_has_exactly_its_rate() {
    // A byte takes 3.2 ns: rounding each datagram's time would show.
    let rate = Some(RateLimit { bytes_per_second: 312_500_000, queue_bytes: 1 << 20 });
    let mut impairment = impairment(Conditions { rate, ..NONE });
    let (mut bytes, mut last) = (0, Instant::ZERO);
    for number in 0..1_000_000u64 {
        if let Some(delivery) = impairment.pass(Instant::from_nanos(number * 50), 64)[0] {
            bytes += 64;
            last = delivery.at;
        }
    }
    assert!(impairment.stats().queue_full > 0);
    let expected = (f64::from(bytes) / 312_500_000.0 * 1e9) as u64;
    assert!(last.as_nanos().abs_diff(expected) <= 2, "{last:?}, {expected}");
}

#[test]
fn a_late_datagram_queues_behind_earlier_ones() {
    // As behind a bottleneck that reorders datagrams.
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 1_200 });
    let mut impairment = impairment(Conditions { rate, ..NONE });
    let leave = [10, 0, 11, 12].map(|ms| impairment.pass(at(ms), 100)[0].unwrap().at);
    assert_eq!(leave, [at(11), at(12), at(13), at(14)]);
}

#[test]
fn nothing_enters_during_an_outage() {
    let outage = Some(Outage { from: at(10), to: at(20) });
    let mut impairment = impairment(Conditions { outage, ..Conditions::none(5 * MS) });
    let passes: Vec<bool> = (0..30).map(|ms| impairment.pass(at(ms), 100)[0].is_some()).collect();
    assert_eq!(passes, [[true; 10], [false; 10], [true; 10]].concat());
    assert_eq!(impairment.stats().lost_in_outage, 10);
}

#[test]
fn a_path_swallows_what_is_larger_than_its_mtu() {
    let mut impairment = impairment(Conditions { mtu: Some(1_200), ..NONE });
    assert!(impairment.pass(at(0), 1_200)[0].is_some());
    assert_eq!(impairment.pass(at(0), 1_201), Fate::default());
    assert_eq!((impairment.stats().too_large, impairment.stats().all_lost()), (1, 1));
}

#[test]
fn without_a_queue_only_an_idle_line_takes_a_datagram() {
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 0 });
    let mut impairment = impairment(Conditions { rate, ..NONE });
    let passes = [0, 0, 1, 1, 1, 2].map(|ms| impairment.pass(at(ms), 100)[0].is_some());
    assert_eq!(passes, [true, false, true, false, false, true]);
}

fn overtaken(fates: &[Fate]) -> usize {
    let arrivals: Vec<Instant> = fates.iter().map(|fate| fate[0].unwrap().at).collect();
    (0..arrivals.len()).filter(|&of| arrivals[of + 1..].iter().take(20).any(|&later| later < arrivals[of])).count()
}

#[test]
fn jitter_is_even_and_reorders_unless_order_is_kept() {
    let jitters = Conditions { jitter: 10 * MS, ..Conditions::none(20 * MS) };
    let free = fates(jitters, 10_000, MS);
    let late: Vec<Duration> = (0..).zip(&free).map(|(ms, fate)| fate[0].unwrap().at.since(at(ms))).collect();
    assert!(late.iter().all(|late| (20 * MS..30 * MS).contains(late)));
    let mean = late.iter().sum::<Duration>() / 10_000;
    assert!((Duration::from_micros(24_900)..Duration::from_micros(25_100)).contains(&mean), "{mean:?}");
    assert!(overtaken(&free) > 5_000, "{}", overtaken(&free));

    let kept = fates(Conditions { keeps_order: true, ..jitters }, 10_000, MS);
    assert_eq!(overtaken(&kept), 0);
    assert!((0..).zip(&kept).any(|(ms, fate)| fate[0].unwrap().at.since(at(ms)) > 25 * MS));
}

#[test]
fn held_back_datagrams_have_their_rate_and_are_overtaken_even_if_jitter_keeps_the_order() {
    let reorder = Some(Reorder { chance: Chance::per_mille(50), hold_max: 10 * MS });
    let conditions = Conditions { reorder, jitter: 2 * MS, keeps_order: true, ..Conditions::none(20 * MS) };
    let fates = fates(conditions, 20_000, MS);
    let overtaken = share(overtaken(&fates), 20_000);
    assert!((0.035..0.05).contains(&overtaken), "{overtaken}");
    let longest = (0..).zip(&fates).map(|(ms, fate)| fate[0].unwrap().at.since(at(ms))).max().unwrap();
    assert!((29 * MS..32 * MS).contains(&longest), "{longest:?}");
}

#[test]
fn duplicates_and_damage_have_their_rate() {
    let conditions = Conditions {
        duplication: Chance::per_mille(100),
        corruption: Chance::per_million(20_000),
        jitter: 1_000 * MS,
        ..NONE
    };
    let fates = fates(conditions, 100_000, MS);
    let twice = fates.iter().filter(|fate| fate[1].is_some()).count();
    assert!((0.097..0.103).contains(&share(twice, 100_000)), "{twice}");
    assert!(fates.iter().filter(|fate| fate[1].is_some()).all(|[first, second]| first != second));
    let bits: Vec<usize> = fates.iter().flatten().flatten().filter_map(|delivery| delivery.flipped_bit).collect();
    assert!((0.019..0.021).contains(&share(bits.len(), 100_000 + twice)), "{}", bits.len());
    assert!(bits.iter().all(|&bit| bit < 800) && bits.iter().any(|&bit| bit > 790) && bits.iter().any(|&bit| bit < 10));
    // An empty datagram has no bit to invert.
    let mut always = impairment(Conditions { corruption: Chance::ALWAYS, ..NONE });
    assert_eq!(always.pass(at(0), 0)[0].unwrap().flipped_bit, None);
}

#[test]
fn damage_inverts_one_bit() {
    let mut bytes = [0xFF; 4];
    Delivery { at: at(0), flipped_bit: Some(18) }.damage(&mut bytes);
    assert_eq!(bytes, [0xFF, 0xFF, 0b1111_1011, 0xFF]);
    Delivery { at: at(0), flipped_bit: None }.damage(&mut bytes);
    assert_eq!(bytes, [0xFF, 0xFF, 0b1111_1011, 0xFF]);
}

#[test]
fn a_fate_follows_from_seed_and_stream() {
    let conditions = Conditions { loss: Chance::per_mille(500), jitter: MS, ..NONE };
    let run = |seed, stream| {
        let mut impairment = Impairment::new(conditions, seed, stream);
        (0..100).map(|ms| impairment.pass(at(ms), 100)).collect::<Vec<_>>()
    };
    assert_eq!(run(1, 0), run(1, 0));
    assert_ne!(run(1, 0), run(2, 0));
    assert_ne!(run(1, 0), run(1, 1));
}

#[test]
fn changed_conditions_apply_to_later_datagrams() {
    let rate = Some(RateLimit { bytes_per_second: 100_000, queue_bytes: 1_200 });
    let mut impairment = impairment(Conditions { rate, ..NONE });
    for _ in 0..12 {
        impairment.pass(at(0), 100);
    }
    let faster = Some(RateLimit { bytes_per_second: 200_000, queue_bytes: 2_000 });
    impairment.set_conditions(Conditions { rate: faster, ..NONE });
    assert_eq!(impairment.pass(at(0), 200)[0].unwrap().at, at(7), "1,400 bytes at the new rate");
    impairment.set_conditions(Conditions { loss: Chance::ALWAYS, ..NONE });
    assert_eq!(impairment.pass(at(1), 100), Fate::default());
    impairment.set_conditions(NONE);
    assert_eq!(impairment.pass(at(2), 100)[0].unwrap().at, at(2));
}

#[test]
fn a_burst_ends_when_its_condition_is_removed() {
    let burst = |enter| Some(BurstLoss { enter, mean_length: 1_000_000 });
    let mut impairment = impairment(Conditions { burst: burst(Chance::ALWAYS), ..NONE });
    assert_eq!(impairment.pass(at(0), 100), Fate::default());
    impairment.set_conditions(Conditions { burst: burst(Chance::NEVER), ..NONE });
    assert_eq!(impairment.pass(at(0), 100), Fate::default(), "the burst goes on");
    impairment.set_conditions(NONE);
    impairment.set_conditions(Conditions { burst: burst(Chance::NEVER), ..NONE });
    assert!(impairment.pass(at(0), 100)[0].is_some());
}

#[test]
#[should_panic(expected = "loss")]
fn conditions_out_of_range_are_refused() {
    impairment(Conditions { loss: Chance::per_mille(1_001), ..NONE });
}
