//! What admission touches of its endpoint.

use super::super::observer::Observer;
use super::super::offenders::{Offence, Offenders};
use super::super::policy::Policy;
use super::super::resumption::Resumption;
use super::super::sender::Sender;
use super::super::table::Table;
use crate::stats::{Drops, EndpointStats};

/// What admission touches of its endpoint.
pub(in super::super) struct Context<'a> {
    pub(in super::super) policy: &'a Policy,
    pub(in super::super) table: &'a mut Table,
    pub(in super::super) resumption: &'a Resumption,
    pub(in super::super) stats: &'a mut EndpointStats,
    pub(in super::super) drops: &'a mut Drops,
    pub(in super::super) offenders: &'a mut Offenders,
    pub(in super::super) observer: &'a mut Option<Observer>,
}

impl Context<'_> {
    /// Counts a dropped packet, and notes its sender.
    pub(super) fn drop_packet(&mut self, offence: Offence, sender: Sender) {
        let drops = &mut *self.drops;
        *match offence {
            Offence::Denied => &mut drops.denied_address,
            Offence::Unexpected => &mut drops.unexpected,
            Offence::MisbehavingAddress => &mut drops.misbehaving_address,
            Offence::AddressBudget => &mut drops.address_budget,
            Offence::ReplyQueueFull => &mut drops.reply_queue_full,
            Offence::HandshakeQueueFull => &mut drops.handshake_queue_full,
            _ => &mut drops.malformed,
        } += 1;
        self.offenders.note(offence, sender.address());
    }
}
