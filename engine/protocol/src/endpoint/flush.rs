//! The way of a datagram out: at the end of a turn, what was composed is sealed into the link's memory, and admission
//! answers unknown addresses.

use super::Endpoint;
use super::entry::{Entry, Phase};
use super::life::Departure;
use super::observer::show;
use super::send_queue::SendQueue;
use crate::connection::sealed_len;
use crate::crypto::Csprng;
use crate::link::Link;
use crate::time::Instant;
use crate::wire::DisconnectReason;

/// How many datagrams ahead of the one being sealed a connection is prefetched.
const PREFETCH_AHEAD: usize = 2;

impl Endpoint {
    /// Seals all composed datagrams into the link's memory. Then answers unknown addresses, within the budget of a
    /// flush.
    ///
    /// What the link has no room for waits for the next flush.
    pub fn flush(&mut self, now: Instant, link: &mut impl Link) {
        self.compose_active(now);
        self.challenge_paths(now, link);
        if !self.seal_queued(now, link) {
            return;
        }
        self.end_closing(now);
        let (admission, mut context) = self.admission();
        admission.flush(now, link, &mut context);
        self.displace_silent(now);
    }

    /// Lets the connections that have something to send write it, each as much as its path allows.
    #[inline]
    fn compose_active(&mut self, now: Instant) {
        for _ in 0..self.active.len() {
            let Some(slot) = self.active.pop_front() else { break };
            let Some(id) = self.table.id_in_slot(slot.into()) else { continue };
            let Some(entry) = self.table.get_mut(id) else { continue };
            entry.is_active = false;
            if entry.is_closing() {
                continue;
            }
            let done = fill(now, entry, &mut self.send_queue, &mut self.resources.random);
            self.table.schedule(id);
            if !done {
                // No buffer is free: this connection is the first to continue at the next flush.
                if let Some(entry) = self.table.get_mut(id) {
                    entry.is_active = true;
                    self.active.push_front(id.slot());
                }
                break;
            }
        }
    }

    /// Seals the datagrams in the send queue into the link's memory; false if the link ran out of room.
    #[inline]
    fn seal_queued(&mut self, now: Instant, link: &mut impl Link) -> bool {
        while let Some(queued) = self.send_queue.front() {
            if let Some(ahead) = self.send_queue.ahead(PREFETCH_AHEAD) {
                self.table.prefetch_to_seal(ahead);
            }
            let Some(entry) = self.table.get_mut(queued.id) else {
                self.send_queue.pop();
                continue;
            };
            let len = sealed_len(queued.padded);
            let Some(datagram) = link.reserve(entry.path, len) else { return false };
            entry.close_datagram(queued.index);
            if entry.connection.seal(queued.sequence, queued.frames, datagram).is_err() {
                // The reserved room leaves anyway. An empty header is something that every peer drops.
                datagram.fill(0);
                let id = queued.id;
                self.send_queue.pop();
                self.leave(now, id, Departure::Server(DisconnectReason::KeyExhausted));
                continue;
            }
            show(&mut self.observer, false, entry.path, datagram);
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += len as u64;
            self.send_queue.pop();
        }
        true
    }

    /// Ends the closing connections: their last datagrams have left.
    #[inline]
    fn end_closing(&mut self, now: Instant) {
        while let Some(slot) = self.send_queue.next_closing() {
            let Some(id) = self.table.id_in_slot(slot.into()) else { continue };
            if let Some(&Phase::Closing(reason)) = self.table.get(id).map(|entry| &entry.phase) {
                self.leave(now, id, Departure::Server(reason));
            }
        }
    }

    /// Whether every composed datagram has gone to the link.
    pub fn is_flushed(&self) -> bool {
        self.send_queue.is_empty()
    }

    /// Whether admission has work left that the budget of the last flush did not cover.
    pub fn has_admissions_waiting(&self) -> bool {
        self.admission.has_work()
    }
}

/// Lets a connection write what is due: first into its open datagram, then into new ones. False if no buffer is free.
fn fill(now: Instant, entry: &mut Entry, queue: &mut SendQueue, random: &mut Csprng) -> bool {
    let Entry { connection, open_datagram, .. } = entry;
    if let Some(index) = *open_datagram {
        let carried = queue.write(index, |frames| connection.fill(now, frames, false));
        let (sequence, used) = queue.contents(index);
        connection.sent(now, sequence, used, carried);
    }
    while connection.wants_datagram(now) {
        let Some(index) = queue.begin(connection.fresh_frames_max(now)) else { return false };
        let carried = queue.write(index, |frames| connection.fill(now, frames, true));
        let (_, used) = queue.contents(index);
        if used == 0 {
            break;
        }
        let sequence = connection.begin_datagram(random);
        queue.enqueue(connection.id(), index, sequence);
        connection.sent(now, sequence, used, carried);
        *open_datagram = Some(index);
    }
    true
}
