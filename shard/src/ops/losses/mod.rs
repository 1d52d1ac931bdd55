//! Everything that a server loses or refuses: a row for each counter, with what to do about it. The log lines about losses
//! come from this table.
//!
//! A counter that is neither here nor in [`WORK`] counts as a loss, so a new one cannot be forgotten.

use crate::ops::report::{CoreSnapshot, ServerReport};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A kind of loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Its counter's name.
    pub name: &'static str,
    /// This many in ten seconds cause a warning. Networks and leaving players always cause fewer.
    pub warn_from: u64,
    /// What it means, and what to do about it.
    pub advice: &'static str,
}

const fn loss(name: &'static str, warn_from: u64, advice: &'static str) -> Loss {
    Loss { name, warn_from, advice }
}

/// Threshold for what always occurs.
const COMMON: u64 = 10_000;

/// All kinds of loss.
pub const LOSSES: &[Loss] = &[
    // What arrived and was dropped.
    loss(
        "bad_size",
        1,
        "datagrams are shorter than a header or longer than 1,472 bytes: they belong to another protocol",
    ),
    loss("malformed", 1, "datagrams belong to another protocol: a port scan or a flood; `deny` refuses a network"),
    loss("unexpected", COMMON, "handshake datagrams reached the wrong end, or arrived too late"),
    loss(
        "unknown_connection",
        COMMON,
        "datagrams name connections that do not exist: clients from before a restart, or a flood",
    ),
    loss("wrong_flags", 1, "datagrams have flags that the state of their connection does not allow: a faulty client"),
    loss(
        "replayed",
        COMMON,
        "datagrams arrived twice or very late: the network duplicates them, or an attacker replays them",
    ),
    loss(
        "not_authentic",
        1,
        "datagrams do not decrypt with the key of their connection: an attacker forges or alters them",
    ),
    loss("bad_frame", 1, "authentic datagrams hold invalid frames: a faulty client, or one of another version"),
    loss("no_memory", 1, "memory for reliable messages is used up: raise message-memory-mib"),
    loss("outdated", COMMON, "sequenced messages arrived after newer ones: the clients' networks reorder datagrams"),
    loss(
        "fragments_abandoned",
        COMMON,
        "fragments of large unreliable messages never arrived: the clients' networks lose datagrams",
    ),
    loss("fragments_refused", 1, "clients send more large unreliable messages at a time than the server reassembles"),
    loss("bad_compression", 1, "a message does not decompress, and its connection was ended: a faulty client"),
    loss(
        "impossible_ack",
        1,
        "a client acknowledged what was never sent, and its connection was ended: a faulty client",
    ),
    loss(
        "beyond_window",
        1,
        "a client sent reliable messages beyond its window, and its connection was ended: a faulty client",
    ),
    loss("weak_key", 1, "a client sent an unusable key in a rekey, and its connection was ended: a faulty client"),
    loss(
        "rekey_refused",
        1,
        "clients asked for new keys too soon, or too many at once: faulty clients if it continues",
    ),
    loss(
        "over_budget",
        1,
        "clients send more than connection-messages-per-second or connection-bytes-per-second: find them with \
         `ringshard sessions --sort over-budget`",
    ),
    loss("denied_address", 1, "datagrams come from a network in `deny`"),
    loss(
        "forged_gateway",
        1,
        "datagrams claim to come from a gateway whose key is not in `gateway-keys`: add the key of a gateway of yours; others \
         are forged",
    ),
    loss("misbehaving_address", 1, "a flood: the server drops Connects from addresses that sent many invalid packets"),
    loss("address_budget", 1, "one address asks for more connections than address-handshakes-per-second allows"),
    loss("reply_queue_full", 1, "a flood of Connects: more arrive than the server answers"),
    loss(
        "handshake_queue_full",
        1,
        "more clients connect than handshakes-per-second and the spare time of the core allow",
    ),
    loss("too_old", 1, "the core is overloaded: datagrams waited too long and were not read; use more cores"),
    loss(
        "over_share",
        1,
        "clients sent more than their share while the core was overloaded: find them with `ringshard sessions --sort rate`",
    ),
    loss(
        "misrouted",
        1,
        "datagrams reached the wrong core, and the ring to theirs was full: that core is overloaded or stuck",
    ),
    loss(
        "link_kernel_drops",
        1,
        "the socket's receive buffer was full: the core is overloaded or was stopped for a moment; use more cores, or raise \
         net.core.rmem_max (`ringshard doctor` has the command) and receive-buffer-ms",
    ),
    loss(
        "link_kernel_refused",
        1,
        "the kernel refused datagrams that are shorter than a header or have a wrong UDP checksum: they belong to \
         another protocol, or were damaged",
    ),
    loss("link_truncated", 1, "datagrams were longer than a receive buffer: they belong to another protocol"),
    // What was not sent.
    loss("rate_limited", 1, "the game sends unreliable messages beyond the rate of their channel or connection"),
    loss(
        "send_queue_full",
        1,
        "a send queue had no room for datagrams to clients: the core is overloaded; use more cores",
    ),
    loss(
        "link_send_failed",
        1,
        "the kernel did not send datagrams: a firewall rule, a missing route, or a full device queue; see \
         `nft list ruleset`, `ip route` and `tc -s qdisc`",
    ),
    loss(
        "link_send_queue_full",
        1,
        "a device queue or the socket's send buffer was full: see `tc -s qdisc`, or raise socket-buffer-kib",
    ),
    loss("link_send_forbidden", 1, "a firewall rule on this host forbids datagrams to clients: see `nft list ruleset`"),
    loss("link_send_unreachable", 1, "this host has no route to clients: see `ip route`"),
    loss(
        "link_send_too_large",
        COMMON,
        "datagrams did not fit the device: probes for larger sizes do that if the MTU is small",
    ),
    loss(
        "link_segmentation_refused",
        1,
        "the kernel did not segment a batch; its datagrams were sent one by one, and none is lost",
    ),
    loss(
        "link_segmentation_stopped",
        1,
        "the network device cannot segment UDP, so each datagram is sent alone, which costs several times more CPU: run \
         `ethtool -K DEVICE tx-udp-segmentation on tx on`",
    ),
    loss(
        "packets_lost",
        COMMON,
        "datagrams to clients were lost in the network; their reliable messages were sent again",
    ),
    loss("world_snapshots_unsent", 1, "a send queue had no room for snapshots: the core is overloaded; use more cores"),
    loss("world_changes_overflowed", 1, "the ring to another core was full: that core is overloaded or stuck"),
    loss(
        "world_commands_refused",
        1,
        "commands of the game were refused: too many wait for another core, which is overloaded or stuck",
    ),
    loss(
        "world_jobs_refused",
        1,
        "jobs of the game were refused: the workers are too slow for them; raise `workers`, or `jobs` for short peaks",
    ),
    loss(
        "world_services_tickets_refused",
        10,
        "tickets of clients were refused: the log names the addresses; clients need a fresh ticket for each attempt",
    ),
    loss(
        "world_services_refused",
        100,
        "messages or tickets for services were refused: a client sends too much, or the services do not keep up; raise \
         `services-threads`",
    ),
    loss(
        "world_services_dropped",
        1000,
        "messages of services to clients were dropped: their clients do not keep up or fell silent; clients ask again",
    ),
    loss(
        "world_script_errors",
        1,
        "hooks of the script failed: the log has the file and the line of each kind of error",
    ),
    loss(
        "world_script_over_budget",
        1,
        "hooks of the script took too long and were ended: make the script faster, or raise script-tick-us",
    ),
    loss(
        "world_script_out_of_memory",
        1,
        "the script has used up its memory: find what it keeps for ever, or raise script-memory-mib",
    ),
    loss(
        "world_script_left_out",
        1,
        "hooks of the script were left out, because the time of their tick was used up: make the script faster, or raise \
         script-tick-us",
    ),
    loss(
        "world_rewinds_clamped_path",
        COMMON,
        "clients say that they showed what they cannot have shown yet: their clocks are wrong, or altered clients",
    ),
    loss(
        "world_rewinds_clamped_max",
        COMMON,
        "players act on a world that is older than rewind-ms: their round trips are long, or raise rewind-ms",
    ),
    loss(
        "world_rewinds_refused",
        COMMON,
        "players act on a world that is older than rewind-ms, so their hits count in the present: their round trips are \
         long, or raise rewind-ms",
    ),
    loss("world_digests_skipped", COMMON, "clients send more digests than a core compares per tick"),
    loss(
        "world_invalid_messages",
        1,
        "messages are not valid for this game: a faulty client, or one of another version",
    ),
    loss(
        "world_messages_outside",
        COMMON,
        "inputs, asks and events came from clients that are not in the world: a few do when a player is put out",
    ),
    loss(
        "world_inputs_missed",
        COMMON,
        "ticks had no input of their player, so its last one was repeated: the networks of clients lose or delay datagrams",
    ),
    loss(
        "world_inputs_late",
        COMMON,
        "inputs arrived after their tick and were dropped: the networks of clients delay datagrams",
    ),
    loss(
        "world_inputs_early",
        100,
        "inputs were refused because their tick is too far ahead: the clocks of clients are wrong, or faulty clients",
    ),
    loss("world_asks_refused", 1, "clients have too many open asks: the game answers too slowly, or faulty clients"),
    loss(
        "world_introductions_limited",
        10,
        "players send more introductions than they may, which are dropped: altered clients, or one that joins too many meshes",
    ),
    loss(
        "world_introductions_dropped",
        COMMON,
        "introductions went to players that are away or gone: clients try again for a while",
    ),
    loss(
        "world_digests_differ",
        1,
        "views of clients differ from what the server sent: a faulty client or server; please report it",
    ),
    // What the server refuses players in the world.
    loss(
        "world_refused_speed",
        1,
        "clients say that their characters go faster than they can: altered clients; find them with `ringshard sessions --sort refusals`",
    ),
    loss(
        "world_refused_teleport",
        1,
        "clients say that their characters are elsewhere at once: altered clients, or the game moved them without `Validator::allow_jump`",
    ),
    loss(
        "world_refused_ground",
        1,
        "clients say that their characters are below the ground: altered clients, or clients with another map",
    ),
    loss(
        "world_refused_wall",
        1,
        "clients say that their characters passed a wall: altered clients, or clients with another map",
    ),
    loss(
        "world_refused_flight",
        1,
        "clients say that their characters stay in the air: altered clients, or limits of the game that are too low",
    ),
    loss(
        "world_refused_water",
        1,
        "clients say that their characters move in water as nobody can: altered clients, or limits of the game that are too low",
    ),
    loss(
        "world_refused_no_go",
        1,
        "clients say that their characters are where nobody may be: altered clients, or clients with another map",
    ),
    loss(
        "world_refused_unknown",
        1,
        "clients ask for actions that do not exist: altered clients, or clients of another version",
    ),
    loss(
        "world_refused_cooldown",
        COMMON,
        "players act before an action has cooled down: their latency explains a few per player",
    ),
    loss(
        "world_refused_cost",
        COMMON,
        "players act without the resource for it: their latency explains a few per player",
    ),
    loss(
        "world_refused_range",
        COMMON,
        "players act on targets that are too far away: their latency explains a few per player",
    ),
    loss(
        "world_refused_sight",
        COMMON,
        "players act on targets behind something: their latency explains a few per player",
    ),
    loss(
        "world_refused_state",
        COMMON,
        "players act although their state does not allow it: their latency explains a few per player",
    ),
    loss(
        "world_refused_target",
        COMMON,
        "players act on targets that are wrong or gone: their latency explains a few per player",
    ),
    loss("world_refused_busy", COMMON, "players act during another action: their latency explains a few per player"),
    loss(
        "world_refused_view",
        100,
        "clients say that they saw what they cannot have seen: altered clients; find them with `ringshard sessions --sort refusals`",
    ),
    loss(
        "world_refused_flood",
        1,
        "clients send more inputs than they may: altered clients; find them with `ringshard sessions --sort refusals`",
    ),
    loss("world_refused_game", COMMON, "the game refuses what players do, for reasons of its own"),
    loss(
        "world_input_messages_refused",
        1,
        "clients send more inputs than they may: altered clients; find them with `ringshard sessions --sort refusals`",
    ),
    // Clients that were refused or disconnected.
    loss(
        "world_wrong_schemas",
        1,
        "clients were refused because they were built with other types of the game: update the older end",
    ),
    loss(
        "world_restores_refused",
        1,
        "players entered as newcomers, because the game does not read their checkpoints: it must read what its former version wrote",
    ),
    loss(
        "world_backlogs_overflowed",
        1,
        "suspended players had to leave because too many reliable messages waited for them: the game sends too many",
    ),
    loss("denied_version", 1, "clients with another protocol version were refused: update the older one"),
    loss(
        "denied_full",
        1,
        "clients were refused because the server is full: raise max-connections, or start another server",
    ),
    loss(
        "denied_key",
        1,
        "clients were refused because they pin another server key: give them the public key of this server",
    ),
    loss(
        "denied_cipher",
        1,
        "clients were refused because they have no cipher in common with the server: check `cipher`",
    ),
    loss("denied_draining", 1, "clients were refused because the server is draining"),
    loss(
        "denied_pre_shared_key",
        1,
        "clients were refused because only one end uses a pre-shared key: check `pre-shared-key`",
    ),
    loss(
        "denied_busy",
        100,
        "clients must wait because too many connect at a time: raise address-handshakes-per-second or \
         handshakes-per-second, or add their network to `allow`",
    ),
    loss("denied", 1, "connections were ended because their network is now in `deny`"),
    loss("timed_out", 100, "connections timed out: the network to these clients failed, or they crashed"),
    loss(
        "half_open_expired",
        COMMON,
        "clients never completed their handshake: a flood, or a network that loses many datagrams",
    ),
    loss("half_open_displaced", 1, "clients that had not proved their keys gave way to others: a flood of handshakes"),
    loss(
        "memory_evicted",
        1,
        "connections that held the most memory were ended because memory is low: raise message-memory-mib",
    ),
    loss(
        "silent_displaced",
        100,
        "the server is full, so silent connections gave way to clients from the same address: raise max-connections",
    ),
    loss(
        "overflowed",
        1,
        "connections were ended because their clients do not acknowledge reliable messages fast enough",
    ),
    loss(
        "integrity_wrong",
        1,
        "clients answered an integrity check wrongly: altered clients, or a wrong integrity-keys file",
    ),
    loss("integrity_unanswered", 100, "clients did not answer an integrity check: altered clients, or lost datagrams"),
    // Time.
    loss(
        "ticks_skipped",
        6,
        "ticks were skipped: the core did not get the CPU, or ticks take too long; see `ringshard doctor` and \
         `ringshard histograms`",
    ),
    loss(
        "world_late_ticks",
        600,
        "clients still waited for the snapshots of a tick when the next tick began: use more cores",
    ),
    loss(
        "world_sheds",
        1,
        "the core is overloaded, so clients get fewer updates: use more cores, or fewer players per core",
    ),
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
    // Each refusal is also counted by its reason.
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
    "overload_ms",
    "overloads",
    "world_ticks",
    "world_shed_level",
    "world_players",
    "world_suspended",
    "world_pending",
    "world_joined",
    // What the game decides.
    "world_refused",
    "world_put_out",
    "world_restored",
    "world_introductions_refused",
    "world_entities",
    "world_known_entities",
    "world_input_messages",
    "world_inputs_taken",
    "world_asks",
    "world_events_in",
    "world_events_out",
    "world_introductions",
    "world_snapshots",
    "world_snapshot_bytes",
    "world_snapshot_padding_bytes",
    "world_entries",
    "world_encoded",
    "world_entered",
    "world_left",
    "world_digests_agreed",
    "world_digests_unknown",
    "world_rewinds",
    "world_services_knocks",
    "world_services_knocking",
    "world_services_messages_in",
    "world_services_messages_out",
    "world_jobs_given",
    "world_jobs_done",
    "world_jobs_outstanding",
    "world_script_calls",
    "world_script_reloads",
    "world_script_micros",
    "world_changes_published",
    "world_changes_received",
];

/// A loss of one kind in a period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// The counter's name.
    pub name: String,
    /// Its increase in the period.
    pub count: u64,
    /// The last address that caused it, if a core knows one.
    pub last_from: Option<SocketAddr>,
}

impl Lost {
    /// The kind of loss.
    pub fn kind(&self) -> Loss {
        let unknown = loss("", 1, "this version of ringshard does not know this counter");
        LOSSES.iter().find(|loss| loss.name == self.name).copied().unwrap_or(unknown)
    }
}

/// What a server lost after `earlier`, or since its start. Kinds without losses are left out.
pub fn since(earlier: Option<&ServerReport>, report: &ServerReport) -> Vec<Lost> {
    let since = earlier.map_or_else(|| report.clone(), |earlier| report.since(earlier));
    let mut lost: BTreeMap<&str, Lost> = BTreeMap::new();
    for core in &since.cores {
        for (name, count) in of(core) {
            let none = || Lost { name: name.to_owned(), count: 0, last_from: None };
            let lost = lost.entry(name).or_insert_with(none);
            lost.count += count;
            lost.last_from = core.offenders.get(name).copied().or(lost.last_from);
        }
    }
    assert!(lost.values().all(|lost| lost.count > 0), "a loss of nothing");
    lost.into_values().collect()
}

/// The losses of a core, by counter. Those that are 0 are left out.
fn of(core: &CoreSnapshot) -> impl Iterator<Item = (&str, u64)> {
    let counters = core.counters.iter().filter(|(name, _)| !WORK.contains(&name.as_str()));
    core.drops.iter().chain(counters).filter(|&(_, &count)| count > 0).map(|(name, &count)| (name.as_str(), count))
}

/// Whether every row has a name, a threshold and advice.
const fn rows_are_complete() -> bool {
    let (mut index, mut complete) = (0, true);
    while index < LOSSES.len() {
        complete &= LOSSES[index].warn_from > 0 && !LOSSES[index].name.is_empty() && !LOSSES[index].advice.is_empty();
        index += 1;
    }
    complete
}

const _: () = assert!(rows_are_complete(), "a row of LOSSES has no name, no threshold or no advice");

#[cfg(test)]
mod tests;
