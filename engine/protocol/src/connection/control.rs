//! What the ends ask of each other about the session, repeated until acknowledged or no longer wanted.

use crate::wire::{ConnectionId, FrameWriter, IntegrityFrame, REKEY_NAME_BYTES};

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Control {
    RekeyRequest,
    RekeyResponse,
    NewId,
    Integrity,
}

const ALL: [Control; 4] = [Control::RekeyRequest, Control::RekeyResponse, Control::NewId, Control::Integrity];

/// The latest of each, and which of them wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Controls {
    rekey_request: Option<[u8; 32]>,
    rekey_response: Option<([u8; REKEY_NAME_BYTES], [u8; 32])>,
    new_id: Option<ConnectionId>,
    integrity: Option<IntegrityFrame>,
    /// A bit for each that waits.
    waiting: u8,
}

impl Controls {
    pub(super) fn request_rekey(&mut self, key: [u8; 32]) {
        self.rekey_request = Some(key);
        self.wait(Control::RekeyRequest);
    }

    /// The request was answered, or gave way to the peer's.
    pub(super) fn drop_rekey_request(&mut self) {
        self.rekey_request = None;
    }

    pub(super) fn answer_rekey(&mut self, to: [u8; REKEY_NAME_BYTES], key: [u8; 32]) {
        self.rekey_response = Some((to, key));
        self.wait(Control::RekeyResponse);
    }

    pub(super) fn announce_id(&mut self, id: ConnectionId) {
        self.new_id = Some(id);
        self.wait(Control::NewId);
    }

    pub(super) fn check_integrity(&mut self, frame: IntegrityFrame) {
        self.integrity = Some(frame);
        self.wait(Control::Integrity);
    }

    /// Sends it (again).
    pub(super) fn wait(&mut self, control: Control) {
        self.waiting |= 1 << control as u8;
    }

    pub(super) fn are_waiting(&self) -> bool {
        self.waiting != 0
    }

    /// Writes all that wait and fit; `carry` is told which.
    pub(super) fn write(&mut self, writer: &mut FrameWriter<'_>, mut carry: impl FnMut(Control)) {
        for control in ALL {
            if self.waiting & 1 << control as u8 == 0 {
                continue;
            }
            let written = match control {
                Control::RekeyRequest => self.rekey_request.as_ref().map(|key| writer.rekey_request(key)),
                Control::RekeyResponse => self.rekey_response.as_ref().map(|(to, key)| writer.rekey_response(to, key)),
                Control::NewId => self.new_id.map(|id| writer.new_id(id)),
                Control::Integrity => self.integrity.as_ref().map(|frame| writer.integrity(frame)),
            };
            if written == Some(true) {
                carry(control);
            }
            if written != Some(false) {
                self.waiting &= !(1 << control as u8);
            }
        }
    }
}
