//! Control frames that are sent until they are acknowledged, or no longer wanted (PROTOCOL.md#loss-detection).

use crate::wire::{ConnectionId, FrameWriter, IntegrityFrame, REKEY_NAME_BYTES};

/// Which control frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ControlKind {
    RekeyRequest,
    RekeyResponse,
    NewId,
    Integrity,
}

const ALL: [ControlKind; 4] =
    [ControlKind::RekeyRequest, ControlKind::RekeyResponse, ControlKind::NewId, ControlKind::Integrity];

/// The latest frame of each kind, and which of them are queued.
#[derive(Debug, Default)]
pub(super) struct ControlFrames {
    rekey_request: Option<[u8; 32]>,
    rekey_response: Option<([u8; REKEY_NAME_BYTES], [u8; 32])>,
    new_id: Option<ConnectionId>,
    integrity: Option<IntegrityFrame>,
    /// A bit for each kind that is queued.
    queued: u8,
}

impl ControlFrames {
    pub(super) fn request_rekey(&mut self, key: [u8; 32]) {
        self.rekey_request = Some(key);
        self.queue(ControlKind::RekeyRequest);
    }

    /// The request is answered, or gave way to the peer's.
    pub(super) fn drop_rekey_request(&mut self) {
        self.rekey_request = None;
    }

    pub(super) fn answer_rekey(&mut self, to: [u8; REKEY_NAME_BYTES], key: [u8; 32]) {
        self.rekey_response = Some((to, key));
        self.queue(ControlKind::RekeyResponse);
    }

    pub(super) fn announce_id(&mut self, id: ConnectionId) {
        self.new_id = Some(id);
        self.queue(ControlKind::NewId);
    }

    pub(super) fn check_integrity(&mut self, frame: IntegrityFrame) {
        self.integrity = Some(frame);
        self.queue(ControlKind::Integrity);
    }

    /// Sends the latest frame of this kind again.
    pub(super) fn queue(&mut self, kind: ControlKind) {
        self.queued |= 1 << kind as u8;
        assert!(usize::from(self.queued) < 1 << ALL.len(), "a bit for each kind");
    }

    pub(super) fn any_queued(&self) -> bool {
        self.queued != 0
    }

    /// Writes all queued frames that fit. Calls `on_written` for each.
    pub(super) fn write(&mut self, writer: &mut FrameWriter<'_>, mut on_written: impl FnMut(ControlKind)) {
        if !self.any_queued() {
            return;
        }
        for kind in ALL {
            if self.queued & 1 << kind as u8 == 0 {
                continue;
            }
            let written = match kind {
                ControlKind::RekeyRequest => self.rekey_request.as_ref().map(|key| writer.rekey_request(key)),
                ControlKind::RekeyResponse => {
                    self.rekey_response.as_ref().map(|(to, key)| writer.rekey_response(to, key))
                }
                ControlKind::NewId => self.new_id.map(|id| writer.new_id(id)),
                ControlKind::Integrity => self.integrity.as_ref().map(|frame| writer.integrity(frame)),
            };
            if written == Some(true) {
                on_written(kind);
            }
            // A frame that is no longer wanted leaves the queue unwritten.
            if written != Some(false) {
                self.queued &= !(1 << kind as u8);
            }
        }
    }
}
