//! Whose a datagram from a server is, and what a client may send: the table of one flow.
//!
//! A client gets what answers its Connect, known by the handshake tag, and what carries the core and slot of its
//! connection. It gets a core and slot in one of two ways:
//!
//! - The server accepts its Connect. The server decides, so the client gets the core and slot whoever had them before.
//! - It sends an encrypted datagram with a core and slot that nobody holds: a *claim*. A session that moves here from
//!   another carrier, or from another flow, comes so. Only the server can tell whether the claim is honest: it answers what
//!   is authentic. So for [`CLAIM`], only one client claims a core and slot in this flow, and an answer is for that one. A
//!   second client claims them in another flow, which the server sees as another path.
//!
//! A client that has a core and slot keeps them against the claims of others for [`HOLD`] after the last datagram from the
//! server. A server pings its clients more often than that. A claim without an answer ends after [`CLAIM`] when another client
//! claims. The former one may displace nobody there for [`HOLD`], so that liars keep nobody out for long.

use crate::clock::{Nanos, SECOND};
use crate::uplink::packet::{ConnectionKey, Tag};
use std::collections::HashMap;

/// Handshake tags of one client. A client that connects needs one, and another one when it starts again.
const TAGS_MAX: usize = 4;
/// Connections of one client. It has one, and another one while it reconnects.
const KEYS_MAX: usize = 8;
/// How long a handshake tag is known after its last Connect.
const TAG_LIFETIME: Nanos = 20 * SECOND;
/// How long a client keeps a core and slot after the last datagram from the server.
const HOLD: Nanos = 15 * SECOND;
/// How long a client has for the server's answer to its claim, before another client may claim the same.
const CLAIM: Nanos = SECOND;
/// How long after a datagram that told a changed address the server's may still be answers to the former one.
const IN_FLIGHT: Nanos = SECOND / 2;

/// No datagram has told the address yet.
const NOT_TOLD: Nanos = Nanos::MAX;

/// A client of this flow.
pub(in crate::uplink) type Member = u32;

/// What happens to a datagram from a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::uplink) enum Upstream {
    /// It goes to the server as it is.
    Plain,
    /// It goes to the server, and tells the client's true address.
    Announced,
    /// Another client has this connection: dropped.
    ForeignKey,
    /// Another client has this handshake tag: dropped.
    ForeignTag,
}

/// The table.
#[derive(Debug, Default)]
pub(in crate::uplink) struct Routes {
    tags: HashMap<Tag, Attempt>,
    keys: HashMap<ConnectionKey, Owner>,
    /// What each member has, oldest first: exactly the entries above with this member.
    members: HashMap<Member, Holdings>,
}

#[derive(Debug)]
struct Attempt {
    member: Member,
    until: Nanos,
}

#[derive(Debug)]
struct Owner {
    member: Member,
    /// Until when claims of others are refused.
    held_until: Nanos,
    /// The server has sent something since the member got this.
    is_answered: bool,
    /// The server has yet to learn the member's address.
    announces: bool,
    /// Datagrams from the server end the announcement only from this time on: [`NOT_TOLD`] until one has told the address.
    announced_after: Nanos,
    /// How long after that they may still be answers to an earlier address.
    in_flight: Nanos,
}

#[derive(Debug, Default)]
struct Holdings {
    tags: Vec<Tag>,
    keys: Vec<ConnectionKey>,
    /// What the member has claimed in vain, and until when it may not displace others there.
    vain: Vec<(ConnectionKey, Nanos)>,
}

impl Routes {
    /// A member sends a Connect.
    pub(in crate::uplink) fn connect(&mut self, member: Member, tag: Tag, now: Nanos) -> Upstream {
        let former = self.tags.get(&tag);
        if former.is_some_and(|attempt| attempt.member != member && now < attempt.until) {
            return Upstream::ForeignTag;
        }
        let former = self.tags.insert(tag, Attempt { member, until: now + TAG_LIFETIME }).map(|attempt| attempt.member);
        if former != Some(member) {
            self.note_tag(member, tag, former);
        }
        Upstream::Announced
    }

    /// A member sends an encrypted datagram.
    pub(in crate::uplink) fn encrypted(&mut self, member: Member, key: ConnectionKey, now: Nanos) -> Upstream {
        match self.keys.get(&key) {
            Some(owner) if owner.member == member => match owner.announces {
                true => Upstream::Announced,
                false => Upstream::Plain,
            },
            _ if !self.is_free(Some(member), key, now) => Upstream::ForeignKey,
            former => {
                if let Some(liar) = former.filter(|owner| !owner.is_answered).map(|owner| owner.member) {
                    self.note_vain(liar, key, now);
                }
                let owner = Owner {
                    member,
                    held_until: now + CLAIM,
                    is_answered: false,
                    announces: true,
                    announced_after: NOT_TOLD,
                    in_flight: 0,
                };
                self.give(member, key, owner);
                Upstream::Announced
            }
        }
    }

    /// A datagram with this core and slot has told the server the member's address.
    pub(in crate::uplink) fn told(&mut self, member: Member, key: ConnectionKey, now: Nanos) {
        if let Some(owner) = self.keys.get_mut(&key).filter(|owner| owner.member == member)
            && owner.announced_after == NOT_TOLD
        {
            owner.announced_after = now + owner.in_flight;
        }
    }

    /// The member that has this core and slot.
    pub(in crate::uplink) fn owner(&self, key: ConnectionKey) -> Option<Member> {
        self.keys.get(&key).map(|owner| owner.member)
    }

    /// Whether a client that claims this core and slot gets them. `member`: what it is here, if it is here.
    pub(in crate::uplink) fn is_free(&self, member: Option<Member>, key: ConnectionKey, now: Nanos) -> bool {
        let holdings = member.and_then(|member| self.members.get(&member));
        let must_wait = || holdings.is_some_and(|it| it.vain.iter().any(|&(vain, until)| vain == key && now < until));
        self.keys.get(&key).is_none_or(|owner| now >= owner.held_until && !must_wait())
    }

    /// The server answers a Connect. Returns whose it is.
    pub(in crate::uplink) fn answered(&self, tag: Tag, now: Nanos) -> Option<Member> {
        self.tags.get(&tag).filter(|attempt| now < attempt.until).map(|attempt| attempt.member)
    }

    /// The server accepts a Connect. Returns whose it is.
    pub(in crate::uplink) fn accepted(&mut self, tag: Tag, key: ConnectionKey, now: Nanos) -> Option<Member> {
        let member = self.answered(tag, now)?;
        // The Connect has told the address.
        let held_until = now + HOLD;
        let owner =
            Owner { member, held_until, is_answered: true, announces: false, announced_after: now, in_flight: 0 };
        self.give(member, key, owner);
        Some(member)
    }

    /// The server sends an encrypted datagram. Returns whose it is.
    pub(in crate::uplink) fn arrived(&mut self, key: ConnectionKey, now: Nanos) -> Option<Member> {
        let owner = self.keys.get_mut(&key)?;
        owner.held_until = now + HOLD;
        owner.is_answered = true;
        if owner.announces && now >= owner.announced_after {
            owner.announces = false;
        }
        Some(owner.member)
    }

    /// A member's address has changed: its next datagrams tell the server so.
    pub(in crate::uplink) fn moved(&mut self, member: Member) {
        let Some(holdings) = self.members.get(&member) else { return };
        for key in &holdings.keys {
            let owner = self.keys.get_mut(key).expect("what a member has is in the table");
            owner.announces = true;
            (owner.announced_after, owner.in_flight) = (NOT_TOLD, IN_FLIGHT);
        }
    }

    /// A member is gone. Whatever it had is free.
    pub(in crate::uplink) fn leave(&mut self, member: Member) {
        let Some(holdings) = self.members.remove(&member) else { return };
        holdings.tags.iter().for_each(|tag| _ = self.tags.remove(tag));
        holdings.keys.iter().for_each(|key| _ = self.keys.remove(key));
    }

    /// Handshake tags and connections in the table.
    #[cfg(test)]
    pub(in crate::uplink) fn sizes(&self) -> (usize, usize) {
        (self.tags.len(), self.keys.len())
    }

    fn give(&mut self, member: Member, key: ConnectionKey, owner: Owner) {
        let former = self.keys.insert(key, owner).map(|owner| owner.member);
        if former == Some(member) {
            return;
        }
        if let Some(holdings) = former.and_then(|former| self.members.get_mut(&former)) {
            holdings.keys.retain(|held| *held != key);
        }
        let holdings = self.members.entry(member).or_default();
        holdings.keys.push(key);
        if holdings.keys.len() > KEYS_MAX {
            let oldest = holdings.keys.remove(0);
            self.keys.remove(&oldest);
        }
    }

    /// The server has not answered the member's claim, and another one claims the same.
    fn note_vain(&mut self, member: Member, key: ConnectionKey, now: Nanos) {
        let vain = &mut self.members.entry(member).or_default().vain;
        vain.retain(|&(_, until)| now < until);
        if vain.len() >= KEYS_MAX {
            vain.remove(0);
        }
        vain.push((key, now + HOLD));
    }

    fn note_tag(&mut self, member: Member, tag: Tag, former: Option<Member>) {
        if let Some(holdings) = former.and_then(|former| self.members.get_mut(&former)) {
            holdings.tags.retain(|held| *held != tag);
        }
        let holdings = self.members.entry(member).or_default();
        holdings.tags.push(tag);
        if holdings.tags.len() > TAGS_MAX {
            let oldest = holdings.tags.remove(0);
            self.tags.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
