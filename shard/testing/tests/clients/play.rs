//! Figures of worlds in which clients play.

use crate::measure::*;

#[test]
fn players_on_a_bad_network_rarely_mispredict_and_every_input_is_taken_once() {
    let figures = players_that_run(16, 20 * SECOND, "delay=22ms,jitter=16ms,loss=1%");
    assert!(figures.mispredicted_percent() <= 0.5, "{figures:?}");
    assert_eq!((figures.strange, figures.violations), (0, 0));
    assert!(figures.predicted > 16 * 20 * 50 && figures.in_time_percent() >= 99.8, "{figures:?}");
    assert!(figures.datagrams_per_second <= 62.0, "{figures:?}");
    assert!(percent(figures.starved, figures.frames) < 5.0, "{figures:?}");
}

#[test]
fn inputs_are_in_time_although_five_of_a_hundred_datagrams_are_lost() {
    let figures = players_that_run(8, 30 * SECOND, "delay=22ms,jitter=16ms,loss=5%");
    assert!(figures.in_time_percent() >= 99.9, "{figures:?}");
    assert_eq!((figures.strange, figures.violations), (0, 0));
}

#[test]
fn every_snapshot_contains_the_input_that_it_names() {
    for others in [1, 8, 15] {
        let Acknowledged { right, wrong } = acknowledged_behind(others, 8 * SECOND, "delay=30ms,jitter=16ms,loss=1%");
        assert!(right > 200 && wrong == 0, "behind {others} others: {right} right, {wrong} wrong");
    }
}

#[test]
fn honest_hits_are_granted_because_the_world_is_rewound() {
    let hits = honest_hits(16, 10 * SECOND, "delay=60ms,loss=2%");
    assert!(hits.claims > 300, "{hits:?}");
    assert!(percent(hits.granted, hits.claims) >= 90.0, "{hits:?}");
    assert!(percent(hits.granted_without_rewind, hits.claims) < 60.0, "{hits:?}");
}

#[test]
fn a_forged_view_gains_nothing() {
    let forged = forged_views(300, "delay=30ms");
    assert!(forged.shots >= 290 && forged.honest_shots >= 290, "{forged:?}");
    assert_eq!((forged.gained, forged.rewound_too_far), (0, 0), "{forged:?}");
    assert!(percent(forged.honest_hits, forged.honest_shots) > 90.0, "{forged:?}");
}

#[test]
fn a_player_keeps_everything_over_an_outage_of_25_seconds() {
    let outage = outage(25 * SECOND, "delay=22ms,jitter=16ms,loss=1%");
    assert!(outage.same_player && outage.same_body && outage.view_goes_on && outage.in_order, "{outage:?}");
    assert_eq!((outage.arrived, outage.violations), (outage.told, 0), "{outage:?}");
    assert!(outage.mispredicted_after < 10, "{outage:?}");
}

#[test]
fn sessions_resume_at_any_moment_from_any_address_on_any_number_of_cores() {
    for cores in [1, 2, 4] {
        let Resumes { resumed, lost, violations } = resumes(4, 8, cores, "delay=20ms,jitter=10ms,loss=1%");
        assert!(resumed >= 4, "{resumed} on {cores} cores");
        assert_eq!((lost, violations), (0, 0), "{resumed} resumed on {cores} cores");
    }
}

#[test]
fn a_warm_world_allocates_nothing() {
    assert_eq!(allocations_per_second(6, "delay=22ms,jitter=16ms,loss=1%"), 0);
}

#[test]
fn clocks_follow_a_server_that_has_run_for_long() {
    for first_tick in [100 * 24 * 3_600 * 60, (1 << 32) - 600, (1 << 32) - 1_200] {
        let run = world_from_tick(first_tick, "delay=22ms,jitter=16ms,loss=1%");
        assert!(run.clock_error_ticks < 3.0 && run.in_time_percent > 99.5, "from {first_tick}: {run:?}");
        assert!(run.mispredicted * 200 <= run.predicted, "from {first_tick}: {run:?}");
        assert_eq!(run.violations, 0, "from {first_tick}: {run:?}");
    }
}
