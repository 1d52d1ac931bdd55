//! A client that sends from another address keeps its connection (PROTOCOL.md#migration): the endpoint challenges the
//! new path, and moves the connection there once the client has answered over it.

use super::Endpoint;
use super::candidate_path::Candidate;
use super::entry::Entry;
use super::events::Event;
use super::observer::show;
use super::offenders::Offence;
use super::sender::Sender;
use crate::connection::sealed_len;
use crate::link::{Link, Path};
use crate::time::Instant;
use crate::wire::{ConnectionId, FrameWriter, Header};
use rand_chacha::rand_core::Rng;

/// What a new path costs the client's budget, in messages: each needs a challenge in a datagram of its own.
const CANDIDATE_MESSAGES: u64 = 10;

impl Endpoint {
    /// An authentic datagram arrived over another path than the connection's.
    #[cold]
    pub(super) fn heard_on_other_path(
        &mut self,
        now: Instant,
        id: ConnectionId,
        sender: Sender,
        header: &Header,
        bytes: usize,
    ) {
        if self.policy.denies(sender.ip()) {
            // The datagram counts, but the connection does not move there.
            self.resources.drops.denied_address += 1;
            self.offenders.note(Offence::Denied, sender.address());
            return;
        }
        self.stats.path_changed += 1;
        let value = self.resources.random.next_u64();
        let Some(entry) = self.table.get_mut(id) else { return };
        match &mut entry.candidate {
            Some(candidate) if candidate.sender.path == sender.path => candidate.heard(sender, bytes),
            // A datagram that was overtaken shows where the client was, not where it is.
            _ if !entry.connection.is_newest(header.sequence) => return,
            candidate => {
                *candidate = Some(Box::new(Candidate::new(sender, value, now, bytes)));
                entry.budget.charge(now, &self.prices, CANDIDATE_MESSAGES, 0, 0);
            }
        }
        self.challenges.push_back(id.slot());
        self.table.schedule(id);
    }

    /// The client has answered a challenge. The path is validated if the answer came over it.
    pub(super) fn path_response(&mut self, now: Instant, path: Path, id: ConnectionId, value: u64) {
        let Some(entry) = self.table.get(id) else { return };
        let answers = |candidate: &&Candidate| candidate.sender.path == path && candidate.value == value;
        let Some(&Candidate { sender, .. }) = entry.candidate.as_deref().filter(answers) else { return };
        if self.policy.denies(sender.ip()) {
            return;
        }
        let Some(entry) = self.table.set_path(id, sender) else { return };
        entry.connection.path_changed(now);
        self.stats.migrated += 1;
        if entry.connection.is_changing_id() {
            return;
        }
        let Some(renamed) = self.table.rename(id) else { return };
        let Some(entry) = self.table.get_mut(renamed) else { return };
        entry.connection.announce_id(now, renamed);
        self.resumption.rename(&entry.connection.resume_key().token, renamed);
        self.events.push(Event::Renamed { id: renamed, former: id });
    }

    /// Gives up the candidate path if its challenges went unanswered, or lists it for the next challenge.
    pub(super) fn advance_candidate(&mut self, now: Instant, id: ConnectionId) {
        let Some(entry) = self.table.get_mut(id) else { return };
        let Some(candidate) = &entry.candidate else { return };
        if candidate.is_given_up(now) {
            entry.candidate = None;
        } else if candidate.deadline() <= now {
            self.challenges.push_back(id.slot());
        }
    }

    /// Sends the challenges that are due, each over its candidate path.
    pub(super) fn challenge_paths(&mut self, now: Instant, link: &mut impl Link) {
        while let Some(slot) = self.challenges.pop_front() {
            let Some(id) = self.table.id_in_slot(slot.into()) else { continue };
            let Some(Entry { candidate: Some(candidate), connection, .. }) = self.table.get_mut(id) else { continue };
            if !candidate.is_due(now) {
                continue;
            }
            let mut frames = [0; 16];
            let mut writer = FrameWriter::new(&mut frames, 0);
            writer.path_challenge(candidate.value);
            let used = writer.used();
            let len = sealed_len(used);
            let room = if candidate.allows(len) { link.reserve(candidate.sender.path, len) } else { None };
            candidate.challenged(now, if room.is_some() { len } else { 0 });
            let Some(datagram) = room else {
                self.table.schedule(id);
                continue;
            };
            let sequence = connection.begin_datagram(&mut self.resources.random);
            if connection.seal(sequence, &frames[..used], datagram).is_err() {
                datagram.fill(0);
            }
            show(&mut self.observer, false, candidate.sender.path, datagram);
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += len as u64;
            self.table.schedule(id);
        }
    }
}
