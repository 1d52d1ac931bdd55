//! Everything that a server loses or refuses: one row for each counter, with what to do about it. The log is written from
//! this list.
//!
//! A counter that is neither here nor in [`WORK`] counts as a loss: a new one cannot be forgotten.

use crate::ops::report::{CoreSnapshot, ServerReport};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A kind of loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Its counter's name.
    pub name: &'static str,
    /// As many of them within ten seconds are worth a warning; fewer are what networks and leaving players make every day.
    pub unusual_from: u64,
    /// What it means, and what to do about it.
    pub advice: &'static str,
}

const fn loss(name: &'static str, unusual_from: u64, advice: &'static str) -> Loss {
    Loss { name, unusual_from, advice }
}

/// As many of what happens every day are worth a warning.
const OFTEN: u64 = 10_000;

/// All of them.
pub const LOSSES: &[Loss] = &[
    // What came, and was dropped.
    loss(
        "bad_size",
        1,
        "datagrams are shorter than a header or longer than 1,472 bytes: they are not of this protocol",
    ),
    loss("malformed", 1, "datagrams are not of this protocol: a scan or a flood; `deny` keeps a network out"),
    loss("unexpected", OFTEN, "handshake datagrams came to the wrong end or too late"),
    loss(
        "unknown_connection",
        OFTEN,
        "datagrams name connections that do not exist: clients of before a restart, or a flood",
    ),
    loss("wrong_flags", 1, "datagrams have flags that their connection's state does not allow: a broken client"),
    loss("replayed", OFTEN, "datagrams came twice, or very late: the network copies them, or somebody replays them"),
    loss("not_authentic", 1, "datagrams do not open under their connection's key: somebody forges or alters them"),
    loss("bad_frame", 1, "authentic datagrams hold frames that make no sense: a broken client, or another version"),
    loss("no_memory", 1, "memory for reliable messages runs low: raise message-memory-mib"),
    loss("outdated", OFTEN, "sequenced messages were overtaken by newer ones: clients' networks reorder datagrams"),
    loss(
        "fragments_abandoned",
        OFTEN,
        "pieces of large unreliable messages never came: clients' networks lose datagrams",
    ),
    loss("fragments_refused", 1, "clients send more large unreliable messages at a time than are put together"),
    loss("bad_compression", 1, "a message does not decompress; its connection was ended: a broken client"),
    loss("impossible_ack", 1, "a client acknowledged what was never sent; its connection was ended: a broken client"),
    loss("beyond_window", 1, "a client sent more reliable messages than may be under way; its connection was ended"),
    loss("weak_key", 1, "a client sent a key of no use in a change of keys; its connection was ended: a broken client"),
    loss("rekey_refused", 1, "a client asked for new keys too soon: a broken client"),
    loss("over_budget", 1, "a client sends more than connection-messages-per-second or connection-bytes-per-second"),
    loss("denied_address", 1, "datagrams come from a network that `deny` names"),
    loss("misbehaving_address", 1, "a flood: Connects are dropped from addresses that much nonsense comes from"),
    loss("address_budget", 1, "one address asks for more connections than address-handshakes-per-second"),
    loss("reply_queue_full", 1, "a flood of Connects: more than are answered"),
    loss(
        "handshake_queue_full",
        1,
        "more clients want to join than handshakes-per-second and the core's spare time allow",
    ),
    loss(
        "misrouted",
        1,
        "datagrams came to the wrong core and the ring to theirs was full: that core is overloaded or stuck",
    ),
    loss(
        "link_kernel_drops",
        1,
        "the socket's receive buffer was full: raise net.core.rmem_max and socket-buffer-kib \
                                  (`ringshard doctor` has the commands), or use more cores",
    ),
    loss(
        "link_kernel_refused",
        1,
        "the kernel refused datagrams that are shorter than a header or have a wrong UDP checksum",
    ),
    loss("link_truncated", 1, "datagrams were longer than a receive buffer: they are not of this protocol"),
    // What was to be sent, and was not.
    loss("rate_limited", 1, "unreliable messages exceed the rate that is set for their channel or connection"),
    loss(
        "send_queue_full",
        1,
        "no room for datagrams to clients within a turn: the core is overloaded; use more cores",
    ),
    loss(
        "link_send_failed",
        1,
        "the kernel would not send datagrams: a firewall rule, no route, or a full device queue; \
                                 compare `nft list ruleset`, `ip route` and `tc -s qdisc`",
    ),
    loss(
        "link_send_queue_full",
        1,
        "a device queue or the socket's send buffer was full: see `tc -s qdisc`, raise socket-buffer-kib",
    ),
    loss("link_send_forbidden", 1, "a firewall rule on this host forbids datagrams to clients: see `nft list ruleset`"),
    loss("link_send_unreachable", 1, "this host has no route to clients: see `ip route`"),
    loss(
        "link_send_too_large",
        OFTEN,
        "datagrams did not fit the device: probes for larger ones do that on small MTUs",
    ),
    loss(
        "link_segmentation_refused",
        1,
        "the kernel refused to segment; the datagrams left one by one, and none is lost",
    ),
    loss(
        "link_segmentation_stopped",
        1,
        "the network device cannot segment UDP, so each datagram is sent alone, which costs \
                                          several times more: `ethtool -K DEVICE tx-udp-segmentation on tx on`",
    ),
    loss("packets_lost", OFTEN, "datagrams to clients were lost on the way; reliable messages were sent again"),
    loss("world_snapshots_unsent", 1, "snapshots found no room to be sent: the core is overloaded; use more cores"),
    loss("world_changes_overflowed", 1, "the ring to another core was full: that core is overloaded or stuck"),
    loss(
        "world_commands_refused",
        1,
        "commands were refused to the game that sent them: too many wait for that core, which is overloaded or stuck",
    ),
    loss("world_digests_skipped", OFTEN, "more digests came than a core compares in a tick: clients send too many"),
    loss("world_strange_messages", 1, "messages make no sense to the game: a broken client, or another version"),
    loss(
        "world_digests_differ",
        1,
        "clients see another world than they should: a broken client, or a fault of the server",
    ),
    // Clients that were turned away or put out.
    loss("denied_version", 1, "clients with another protocol version were refused: update the older of the two"),
    loss(
        "denied_full",
        1,
        "clients were refused because the server is full: raise max-connections, or start another server",
    ),
    loss(
        "denied_key",
        1,
        "clients were refused because they pin another server key: give them this server's public key",
    ),
    loss(
        "denied_cipher",
        1,
        "clients were refused because they have no cipher in common with the server: check `cipher`",
    ),
    loss("denied_draining", 1, "clients were refused because the server is draining"),
    loss("denied_pre_shared_key", 1, "clients were refused because only one end uses a pre-shared key"),
    loss(
        "denied_busy",
        100,
        "clients were asked to wait because more connect than may at a time: raise address-handshakes-per-second or \
         handshakes-per-second, or add their network to `allow`",
    ),
    loss("denied", 1, "connections from a network that `deny` names now were ended"),
    loss("timed_out", 100, "connections ended in silence: the network to these clients is gone, or they crashed"),
    loss(
        "half_open_expired",
        OFTEN,
        "clients asked for a connection and never used it: a flood, or a network that loses much",
    ),
    loss(
        "half_open_displaced",
        1,
        "clients that had yet to prove their keys gave way to others: a flood of handshakes",
    ),
    loss(
        "memory_evicted",
        1,
        "connections that held the most memory were ended because memory is low: raise message-memory-mib",
    ),
    loss(
        "silent_displaced",
        100,
        "silent connections gave way to clients from the same address because the server is full",
    ),
    loss("overflowed", 1, "connections were ended because their clients do not keep up with reliable messages"),
    loss(
        "integrity_wrong",
        1,
        "clients answered an integrity check wrongly: altered clients, or another integrity-keys file",
    ),
    loss("integrity_unanswered", 100, "clients have not answered an integrity check"),
    // Time that was lost.
    loss(
        "ticks_skipped",
        6,
        "ticks were left out: the core was kept from running, or its ticks are too long; see \
                              `ringshard doctor` and `ringshard histograms`",
    ),
    loss("world_late_ticks", 600, "clients still waited for the last tick's snapshots when the next tick began"),
    loss("world_sheds", 1, "the world sheds load: clients get updates of distant entities less often; use more cores"),
];

/// Counters of ordinary work, and of states.
pub const WORK: &[&str] = &[
    "datagrams_in",
    "bytes_in",
    "datagrams_out",
    "bytes_out",
    "messages_in",
    "messages_out",
    "duplicates",
    "late_in",
    "unvalidated_bytes_in",
    "unvalidated_bytes_out",
    "connects_in",
    "cookies_out",
    "handshakes",
    "handshakes_repeated",
    // Each refusal is counted by its reason, too.
    "denied_out",
    "joined",
    "left",
    "path_changed",
    "migrated",
    "resumed",
    "integrity_checks",
    "link_datagrams_in",
    "link_arrivals",
    "link_datagrams_out",
    "link_sends",
    "link_rearmed",
    "link_waits",
    "ticks",
    "message_bytes",
    "world_ticks",
    "world_shed_level",
    "world_players",
    "world_suspended",
    "world_entities",
    "world_known_entities",
    "world_inputs",
    "world_snapshots",
    "world_snapshot_bytes",
    "world_entries",
    "world_encoded",
    "world_entered",
    "world_left",
    "world_digests_agreed",
    "world_digests_unknown",
    "world_changes_published",
    "world_changes_received",
];

/// What a server lost of one kind in some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// The counter's name.
    pub name: String,
    /// How many.
    pub count: u64,
    /// The last address that the counter was noted for, on a core that has any of them.
    pub last_from: Option<SocketAddr>,
}

impl Lost {
    /// What there is to know of this kind of loss.
    pub fn about(&self) -> Loss {
        let unknown = loss("", 1, "this server counts it as a loss and knows nothing more of it");
        LOSSES.iter().find(|loss| loss.name == self.name).copied().unwrap_or(unknown)
    }
}

/// What a server lost after `earlier`, or since its start.
pub fn since(earlier: Option<&ServerReport>, report: &ServerReport) -> Vec<Lost> {
    let since = earlier.map_or_else(|| report.clone(), |earlier| report.since(earlier));
    let mut lost: BTreeMap<&str, Lost> = BTreeMap::new();
    for core in &since.cores {
        for (name, count) in of(core) {
            let nothing = || Lost { name: name.to_owned(), count: 0, last_from: None };
            let lost = lost.entry(name).or_insert_with(nothing);
            lost.count += count;
            lost.last_from = core.offenders.get(name).copied().or(lost.last_from);
        }
    }
    lost.into_values().collect()
}

/// The losses of a core, by the names of their counters; those that never struck are left out.
fn of(core: &CoreSnapshot) -> impl Iterator<Item = (&str, u64)> {
    let counters = core.counters.iter().filter(|(name, _)| !WORK.contains(&name.as_str()));
    core.drops.iter().chain(counters).filter(|&(_, &count)| count > 0).map(|(name, &count)| (name.as_str(), count))
}

#[cfg(test)]
mod tests {
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
        assert!(
            missing.is_empty(),
            "say of these whether they are work or a loss, and what to do about it: {missing:?}"
        );
        let gone: Vec<_> = listed.difference(&counted).collect();
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
        let named: Vec<_> =
            lost.iter().map(|lost| (lost.name.as_str(), lost.count, lost.last_from.is_some())).collect();
        assert_eq!(named, [("denied_full", 2, true), ("link_kernel_drops", 3, false)]);
        assert!(lost[1].about().advice.contains("rmem_max"));
        assert_eq!(since(None, &report([1, 2], 0)).len(), 1, "without an earlier look, all since the start");
        let new = Lost { name: "brand_new".into(), count: 1, last_from: None };
        assert_eq!(new.about().unusual_from, 1, "a counter that nobody has listed is told of");
    }
}
