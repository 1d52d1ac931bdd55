//! Every counter has its row, and what is lost is summed and reported.

use super::*;
use crate::game::simulation::WorldStats;
use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::Backend;
use crate::runtime::status::{CoreStatus, Identity, ServerStatus};
use std::collections::BTreeSet;

#[test]
fn every_counter_is_either_work_or_a_loss_with_advice() {
    let mut all = CoreReport::new();
    WorldStats::default().entries().for_each(|(name, count)| all.service.push(name, count));
    let core = CoreSnapshot::new(0, &all);
    let counted: BTreeSet<&str> = core.counters.keys().chain(core.drops.keys()).map(String::as_str).collect();
    let losses: BTreeSet<&str> = LOSSES.iter().map(|loss| loss.name).collect();
    let work: BTreeSet<&str> = WORK.iter().copied().collect();
    assert_eq!(losses.len() + work.len(), LOSSES.len() + WORK.len(), "each has one row");
    assert_eq!(losses.intersection(&work).collect::<Vec<_>>(), Vec::<&&str>::new());
    let listed: BTreeSet<&str> = losses.union(&work).copied().collect();
    let missing: Vec<_> = counted.difference(&listed).collect();
    assert!(missing.is_empty(), "these counters are neither in WORK nor in LOSSES: {missing:?}");
    // Only the game of scripts counts these, with `Game::count`.
    let of_scripts = |name: &&&str| name.starts_with("world_script_");
    let gone: Vec<_> = listed.difference(&counted).filter(|name| !of_scripts(name)).collect();
    assert!(gone.is_empty(), "nothing counts these: {gone:?}");
    assert!(core.drops.keys().all(|reason| losses.contains(reason.as_str())), "a drop is never work");
}

#[test]
fn what_was_lost_since_the_last_look_is_summed_over_the_cores_with_an_address() {
    let identity = Identity {
        listen: ([127, 0, 0, 1], 3565).into(),
        datapath: Backend::Uring,
        started: std::time::Instant::now(),
        connections_per_core_max: 1,
    };
    let report = |kernel: [u64; 2], denied: u64| {
        let core = |number: usize| {
            let mut report = CoreReport::new();
            report.link.kernel_drops = kernel[number];
            report.endpoint.denied_full = denied;
            report.endpoint.datagrams_in = 7;
            CoreStatus { report: Box::new(report), stuck: None }
        };
        let cores = vec![core(0), core(1)];
        let mut report = ServerReport::from(ServerStatus { identity: identity.clone(), draining: false, cores });
        for core in &mut report.cores {
            core.offenders.insert("denied_full".into(), ([192, 0, 2, 1], 9).into());
        }
        report
    };
    let lost = since(Some(&report([1, 2], 4)), &report([1, 5], 5));
    let named: Vec<_> = lost.iter().map(|lost| (lost.name.as_str(), lost.count, lost.last_from.is_some())).collect();
    assert_eq!(named, [("denied_full", 2, true), ("link_kernel_drops", 3, false)]);
    assert!(lost[1].kind().advice.contains("rmem_max"));
    assert_eq!(since(None, &report([1, 2], 0)).len(), 1, "without an earlier look, all since the start");
    let new = Lost { name: "brand_new".into(), count: 1, last_from: None };
    assert_eq!(new.kind().warn_from, 1, "a counter in no table causes a warning");
}
