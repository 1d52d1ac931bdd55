//! Reading an offer: the SDP with which a browser begins.

use super::bounds::{NAME_CHARACTERS, OFFER_BYTES_MAX, PASSWORD_CHARACTERS};
use std::ops::RangeInclusive;
use str0m::IceCreds;
use str0m::change::SdpOffer;

/// A client's offer.
pub(super) struct Offer {
    pub(super) sdp: SdpOffer,
    /// What the client's STUN is signed with.
    pub(super) credentials: IceCreds,
}

/// An offer that no page of ours makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadOffer {
    #[error("an offer has at most {OFFER_BYTES_MAX} bytes")]
    TooLong,
    #[error("an offer has one m= line, which is m=application: no audio, no video, one data channel")]
    Media,
    #[error("the offer must let the gateway wait for the DTLS handshake: a=setup:actpass")]
    Setup,
    #[error(
        "an offer has a=ice-ufrag with {} to {} characters, and a=ice-pwd with {} to {}",
        NAME_CHARACTERS.start(),
        NAME_CHARACTERS.end(),
        PASSWORD_CHARACTERS.start(),
        PASSWORD_CHARACTERS.end()
    )]
    Credentials,
    #[error("the body is not an SDP offer")]
    NotSdp,
}

/// Checks an offer.
///
/// Its candidates are taken out: the gateway learns a peer's address from the peer's own checks, and sends nothing to an
/// address that has not sent anything.
pub(super) fn read(offer: &str) -> Result<Offer, BadOffer> {
    if offer.len() > OFFER_BYTES_MAX {
        return Err(BadOffer::TooLong);
    }
    // Neither is the end of a line here, nor may str0m take it for one.
    if offer.replace("\r\n", "\n").contains('\r') {
        return Err(BadOffer::NotSdp);
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
    let credentials = IceCreds {
        ufrag: value(offer, "a=ice-ufrag:", NAME_CHARACTERS)?,
        pass: value(offer, "a=ice-pwd:", PASSWORD_CHARACTERS)?,
    };
    let sdp = SdpOffer::from_sdp_string(&kept).map_err(|_| BadOffer::NotSdp)?;
    Ok(Offer { sdp, credentials })
}

/// What the first line with this name says.
fn value(offer: &str, name: &str, characters: RangeInclusive<usize>) -> Result<String, BadOffer> {
    let value = offer.lines().find_map(|line| line.strip_prefix(name)).ok_or(BadOffer::Credentials)?;
    if characters.contains(&value.len()) { Ok(value.to_owned()) } else { Err(BadOffer::Credentials) }
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:")
        || line.starts_with("a=end-of-candidates")
        || line.starts_with("a=remote-candidates:")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=sctp-port:5000\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n";

    #[test]
    fn an_offer_is_read_with_its_credentials() {
        let offer = read(OFFER).unwrap();
        assert_eq!(offer.credentials.ufrag, "abcd");
        assert_eq!(offer.credentials.pass, "abcdefghijklmnopqrstuv");
        assert!(read(&OFFER.replace("\r\n", "\n")).is_ok());
    }

    #[test]
    fn credentials_of_another_length_and_hidden_lines_are_refused() {
        let replaced = |from: &str, to: &str| read(&OFFER.replace(from, to)).err();
        assert_eq!(replaced("a=ice-ufrag:abcd", "a=ice-ufrag:abc"), Some(BadOffer::Credentials));
        assert_eq!(
            replaced("a=ice-ufrag:abcd", &format!("a=ice-ufrag:{}", "a".repeat(257))),
            Some(BadOffer::Credentials)
        );
        assert_eq!(replaced("a=ice-pwd:abcdefghijklmnopqrstuv\r\n", ""), Some(BadOffer::Credentials));
        let hidden = "a=mid:0\ra=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
        assert_eq!(replaced("a=mid:0\r\n", hidden), Some(BadOffer::NotSdp));
    }
}
