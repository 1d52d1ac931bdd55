//! Reading an offer: the SDP with which a browser begins.

use super::bounds::OFFER_BYTES_MAX;
use str0m::change::SdpOffer;

/// An offer that no page of ours makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadOffer {
    #[error("an offer has at most {OFFER_BYTES_MAX} bytes")]
    TooLong,
    #[error("an offer has one m= line, which is m=application: no audio, no video, one data channel")]
    Media,
    #[error("the offer must let the gateway wait for the DTLS handshake: a=setup:actpass")]
    Setup,
    #[error("the body is not an SDP offer")]
    NotSdp,
}

/// Checks an offer.
///
/// Its candidates are taken out: the gateway learns a peer's address from the peer's own checks, and sends nothing to an
/// address that has not sent anything.
pub(super) fn read(offer: &str) -> Result<SdpOffer, BadOffer> {
    if offer.len() > OFFER_BYTES_MAX {
        return Err(BadOffer::TooLong);
    }
    let mut media = offer.lines().filter(|line| line.starts_with("m="));
    if !media.next().is_some_and(|line| line.starts_with("m=application ")) || media.next().is_some() {
        return Err(BadOffer::Media);
    }
    if offer.lines().any(|line| line.trim_end() == "a=setup:passive") {
        return Err(BadOffer::Setup);
    }
    let mut kept = String::with_capacity(offer.len());
    for line in offer.lines().filter(|line| !is_candidate(line)) {
        kept.push_str(line.trim_end());
        kept.push_str("\r\n");
    }
    SdpOffer::from_sdp_string(&kept).map_err(|_| BadOffer::NotSdp)
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:")
        || line.starts_with("a=end-of-candidates")
        || line.starts_with("a=remote-candidates:")
}
