//! The passes of parties. The founder of a party waits for the places of all, so its members pass the queue: each takes one of
//! these places, while they are held. After that, a pass only says where the others are.

use super::live::PARTY_HOLD_SECONDS;
use super::seal::Pass;
use std::collections::HashMap;

/// A pass counts for so long: the members of a party come within minutes.
pub(super) const PASS_MS: u64 = 900_000;
/// Parties that are remembered. Beyond them, the members of others stand in line like everybody.
const PARTIES_MAX: usize = 50_000;
const PARTY_HOLD_MS: u64 = PARTY_HOLD_SECONDS * 1_000;

/// The parties whose places are held, as far as this balancer knows.
#[derive(Debug, Default)]
pub(super) struct Passes {
    parties: HashMap<Pass, Places>,
    /// Parties that a copy has left out. They count as remembered.
    left_out: usize,
    swept_s: u64,
}

/// The places of a party.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Places {
    /// Members that may still pass the queue.
    pub(super) left: u32,
    /// Places that are held for them at this balancer. If another one has sent the founder, there are none.
    pub(super) held: u32,
    /// Until when, by the clock of decisions.
    until_ms: u64,
}

impl Passes {
    /// A copy that answers one who shows this pass, at that time.
    pub(super) fn copy_for(&self, pass: Option<&Pass>, now_ms: u64) -> Passes {
        let known = pass.and_then(|pass| Some((pass.clone(), *self.parties.get(pass)?)));
        let known: HashMap<Pass, Places> = known.into_iter().collect();
        let is_swept = now_ms / 1_000 <= self.swept_s;
        let stays =
            |(pass, places): &(&Pass, &Places)| (is_swept || now_ms < places.until_ms) && !known.contains_key(*pass);
        let left_out = self.parties.iter().filter(stays).count();
        Passes { parties: known, left_out, swept_s: self.swept_s }
    }

    /// A founder was sent to the host of this pass, and places are held there.
    pub(super) fn found(&mut self, pass: &Pass, held: u32, now_ms: u64) {
        if self.has_room() {
            // One of the places is the founder's own. It may come again, if there is a free place.
            let places = Places { left: pass.size, held: held.saturating_sub(1), until_ms: now_ms + PARTY_HOLD_MS };
            self.parties.insert(pass.clone(), places);
        }
    }

    /// What the members of a party still have. None: its places are given back by now, or unknown. `wall_ms` is the time since 1970.
    pub(super) fn places(&self, pass: &Pass, now_ms: u64, wall_ms: u64) -> Option<Places> {
        if let Some(places) = self.parties.get(pass) {
            return Some(*places).filter(|places| now_ms < places.until_ms);
        }
        let founded_ms = pass.until_ms.saturating_sub(PASS_MS);
        let left_ms = (founded_ms + PARTY_HOLD_MS).saturating_sub(wall_ms).min(PARTY_HOLD_MS);
        let is_new = left_ms > 0 && self.has_room();
        is_new.then_some(Places { left: pass.size, held: 0, until_ms: now_ms + left_ms })
    }

    fn has_room(&self) -> bool {
        self.parties.len() + self.left_out < PARTIES_MAX
    }

    /// A member takes one of these places. Gives whether it was held.
    pub(super) fn take(&mut self, pass: &Pass, places: Places) -> bool {
        let rest = Places { left: places.left - 1, held: places.held.saturating_sub(1), ..places };
        self.parties.insert(pass.clone(), rest);
        places.held > 0
    }

    /// A member does not come after all.
    pub(super) fn give_back(&mut self, pass: &Pass, was_held: bool) {
        if let Some(places) = self.parties.get_mut(pass) {
            places.left += 1;
            places.held += u32::from(was_held);
        }
    }

    /// The founder does not come after all.
    pub(super) fn forget(&mut self, pass: &Pass) {
        self.parties.remove(pass);
    }

    /// Forgets parties whose places are given back. It does something once per second.
    pub(super) fn advance(&mut self, now_ms: u64) {
        if now_ms / 1_000 > self.swept_s {
            self.swept_s = now_ms / 1_000;
            self.parties.retain(|_, places| now_ms < places.until_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 5_000;
    const WALL: u64 = 1_000_000_000;

    fn pass(size: u32) -> Pass {
        Pass { party: 1, size, until_ms: WALL + PASS_MS, host: "a".parse().unwrap() }
    }

    #[test]
    fn each_member_takes_a_place_and_a_pass_without_places_is_dead() {
        let (mut passes, pass) = (Passes::default(), pass(3));
        passes.found(&pass, 3, NOW);
        let mut takes = || passes.places(&pass, NOW, WALL).filter(|it| it.left > 0).map(|it| passes.take(&pass, it));
        assert_eq!([(); 4].map(|()| takes()), [Some(true), Some(true), Some(false), None]);
        passes.give_back(&pass, true);
        assert_eq!(passes.places(&pass, NOW, WALL).map(|it| (it.left, it.held)), Some((1, 1)));
        assert_eq!(passes.places(&pass, NOW + PARTY_HOLD_MS, WALL), None);
        passes.advance(NOW + PARTY_HOLD_MS);
        assert!(passes.parties.is_empty());
    }

    #[test]
    fn a_copy_says_of_its_pass_what_the_original_says_also_when_it_is_full() {
        let mut passes = Passes::default();
        let founded = |party: u64| Pass { party, ..pass(3) };
        for party in 0..PARTIES_MAX as u64 {
            passes.found(&founded(party), 3, NOW);
        }
        let later = NOW + PARTY_HOLD_MS;
        for now_ms in [NOW, later - 1, later, later + 1_000] {
            for pass in [founded(7), Pass { until_ms: WALL + 2 * PASS_MS, ..founded(u64::MAX) }] {
                let mut copy = passes.copy_for(Some(&pass), now_ms);
                copy.advance(now_ms);
                passes.advance(now_ms);
                assert_eq!(copy.places(&pass, now_ms, WALL), passes.places(&pass, now_ms, WALL), "{now_ms} {pass:?}");
            }
        }
        assert_eq!(passes.copy_for(None, later + 1_000).left_out, 0);
    }

    #[test]
    fn the_pass_of_another_balancer_counts_while_that_one_holds_the_places() {
        let (passes, pass) = (Passes::default(), pass(3));
        let known = passes.places(&pass, NOW, WALL).unwrap();
        assert_eq!((known.left, known.held), (3, 0));
        assert!(passes.places(&pass, NOW, WALL + PARTY_HOLD_MS - 1).is_some());
        assert_eq!(passes.places(&pass, NOW, WALL + PARTY_HOLD_MS), None);
    }
}
