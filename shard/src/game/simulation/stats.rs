//! The counters of a world.

use ringshard_protocol::counters;
use ringshard_world::Refusal;

counters! {
    /// The counters of a world on one core.
    WorldStats {
        /// Ticks.
        ticks,
        /// Ticks that began before all clients had their snapshot of the last one.
        late_ticks,
        /// The present level of load shedding: 0 sheds nothing, 6 most.
        shed_level,
        /// How often the level was raised.
        sheds,
        /// Players at present whose clients are connected.
        players,
        /// Players at present whose clients are silent and can return.
        suspended,
        /// Clients at present about which the game has not decided yet.
        pending,
        /// Players that have entered.
        joined,
        /// Clients that the game has refused.
        refused,
        /// Clients that were refused because their contract differs from the server's.
        wrong_schemas,
        /// Players that the game has put out, or whose account has entered elsewhere in the fleet.
        put_out,
        /// Players that came back from their checkpoint.
        restored,
        /// Checkpoints that are no player of this game, or that the game has refused: their players entered as newcomers.
        restores_refused,
        /// Suspended players that had to leave because too much waited for them.
        backlogs_overflowed,
        /// Entities at present that this core owns.
        entities,
        /// Entities of all cores that this core knows at present.
        known_entities,
        /// Input messages received. Each has several inputs: the last ones are sent again.
        input_messages,
        /// Input messages that were dropped because their client sends more than it may.
        input_messages_refused,
        /// Inputs that were there in time.
        inputs_taken,
        /// Ticks of connected players without an input of theirs: the last one was repeated, or a neutral one was used.
        inputs_missed,
        /// Inputs that arrived after their tick.
        inputs_late,
        /// Inputs that were refused because their tick was too far ahead.
        inputs_early,
        /// Asks that the game got.
        asks,
        /// Asks that were refused because too many of the client were open.
        asks_refused,
        /// Events of clients.
        events_in,
        /// Events sent, once for each client.
        events_out,
        /// Introductions that reached their player.
        introductions,
        /// Introductions that the game did not allow.
        introductions_refused,
        /// Introductions of players that send more than they may.
        introductions_limited,
        /// Introductions to players that are away or gone, or of players without a body.
        introductions_dropped,
        /// Messages that were malformed.
        invalid_messages,
        /// Inputs, asks and events of clients that are not in the world.
        messages_outside,
        /// Snapshots sent.
        snapshots,
        /// Bytes of these snapshots.
        snapshot_bytes,
        /// Bytes of padding, so that snapshots of different sizes leave as one send.
        snapshot_padding_bytes,
        /// Snapshots that the endpoint refused to send; they count as lost.
        snapshots_unsent,
        /// Entries in snapshots.
        entries,
        /// Entries that had to be encoded; the others were encoded already.
        encoded,
        /// Entities that entered a client's sight.
        entered,
        /// Entities that left a client's sight.
        left,
        /// Digests of clients that agreed with what they must see.
        digests_agreed,
        /// Digests that did not agree.
        digests_differ,
        /// Digests that could not be compared, because it is unknown what the client has.
        digests_unknown,
        /// Digests that were not compared, because a tick compares a limited number.
        digests_skipped,
        /// Changes published to other cores.
        changes_published,
        /// Changes received from other cores.
        changes_received,
        /// Changes that found a ring full and were published again later.
        changes_overflowed,
        /// Commands of the game that were refused.
        commands_refused,
        /// Rewinds that the game asked for, those included that were clamped or refused.
        rewinds,
        /// Rewinds clamped to what the client can have shown.
        rewinds_clamped_path,
        /// Rewinds clamped to the earliest tick that the settings allow.
        rewinds_clamped_max,
        /// Rewinds refused: the present was used.
        rewinds_refused,
        /// Jobs given to workers.
        jobs_given,
        /// Jobs that were refused.
        jobs_refused,
        /// Jobs whose results the game has got.
        jobs_done,
        /// Jobs at present that were given and whose results the game has not got.
        jobs_outstanding,
        /// Tickets that were handed to the services.
        services_knocks,
        /// Tickets that the services have refused.
        services_tickets_refused,
        /// Clients at present whose tickets the services check.
        services_knocking,
        /// Messages of clients that were handed to the services.
        services_messages_in,
        /// Messages and tickets that were refused: the client sends too much, or the services do not keep up.
        services_refused,
        /// Messages of services to clients.
        services_messages_out,
        /// Messages of services that were dropped: the client does not keep up, is silent, or has left.
        services_dropped,
        /// Refused: claims of clients that went too fast.
        refused_speed,
        /// Refused: claims of clients that were elsewhere at once.
        refused_teleport,
        /// Refused: claims below the ground.
        refused_ground,
        /// Refused: claims that passed walls.
        refused_wall,
        /// Refused: claims that stayed in the air.
        refused_flight,
        /// Refused: claims that moved in water as nobody can.
        refused_water,
        /// Refused: claims where nobody may be.
        refused_no_go,
        /// Refused: actions that do not exist.
        refused_unknown,
        /// Refused: actions that were still cooling down.
        refused_cooldown,
        /// Refused: actions that lacked a resource.
        refused_cost,
        /// Refused: actions whose target was too far away.
        refused_range,
        /// Refused: actions with something between.
        refused_sight,
        /// Refused: actions that the character's state did not allow.
        refused_state,
        /// Refused: actions with a wrong target.
        refused_target,
        /// Refused: actions during another one.
        refused_busy,
        /// Refused: views of the past that no honest client can have had.
        refused_view,
        /// Refused: ticks in which a client sent more inputs than it may.
        refused_flood,
        /// Refused: refusals for the game's own reasons.
        refused_game,
    }
}

impl WorldStats {
    /// Sets the counters of refusals, by what `count` says about each reason.
    pub(super) fn with_refusals(self, count: impl Fn(Refusal) -> u64) -> Self {
        WorldStats {
            refused_speed: count(Refusal::Speed),
            refused_teleport: count(Refusal::Teleport),
            refused_ground: count(Refusal::Ground),
            refused_wall: count(Refusal::Wall),
            refused_flight: count(Refusal::Flight),
            refused_water: count(Refusal::Water),
            refused_no_go: count(Refusal::NoGo),
            refused_unknown: count(Refusal::Unknown),
            refused_cooldown: count(Refusal::Cooldown),
            refused_cost: count(Refusal::Cost),
            refused_range: count(Refusal::Range),
            refused_sight: count(Refusal::Sight),
            refused_state: count(Refusal::State),
            refused_target: count(Refusal::Target),
            refused_busy: count(Refusal::Busy),
            refused_view: count(Refusal::View),
            refused_flood: count(Refusal::Flood),
            refused_game: count(Refusal::Game),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter() {
        let stats = WorldStats::default().with_refusals(|why| 100 + why.number() as u64);
        for why in Refusal::ALL {
            let counter = format!("refused_{}", why.name().replace('-', "_"));
            let count = stats.entries().find(|(name, _)| *name == counter).map(|(_, count)| count);
            assert_eq!(count, Some(100 + why.number() as u64), "{counter}");
        }
    }
}
