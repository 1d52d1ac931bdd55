use super::*;

const TAG: Tag = [1; 8];
const KEY: ConnectionKey = [0, 7, 0];

#[test]
fn answers_go_to_the_client_that_sent_the_connect_and_to_nobody_after_its_time() {
    let mut routes = Routes::default();
    assert_eq!(routes.connect(1, TAG, 0), Upstream::Announced);
    assert_eq!(routes.answered(TAG, TAG_LIFETIME - 1), Some(1));
    assert_eq!(routes.answered(TAG, TAG_LIFETIME), None);
    assert_eq!(routes.answered([2; 8], 0), None);
}

#[test]
fn a_client_cannot_take_the_handshake_of_another_one() {
    let mut routes = Routes::default();
    routes.connect(1, TAG, 0);
    assert_eq!(routes.connect(2, TAG, 5), Upstream::ForeignTag);
    assert_eq!(routes.accepted(TAG, KEY, 6), Some(1));
    assert_eq!(routes.connect(2, TAG, TAG_LIFETIME), Upstream::Announced, "its time is over");
}

#[test]
fn a_connection_goes_to_the_client_that_the_server_accepted_whoever_had_it_before() {
    let mut routes = Routes::default();
    routes.connect(1, TAG, 0);
    routes.accepted(TAG, KEY, 0);
    assert_eq!(routes.encrypted(2, KEY, 1), Upstream::ForeignKey);
    assert_eq!(routes.arrived(KEY, 1), Some(1));
    routes.connect(2, [2; 8], 2);
    assert_eq!(routes.accepted([2; 8], KEY, 3), Some(2));
    assert_eq!(routes.arrived(KEY, 4), Some(2));
    assert_eq!(routes.encrypted(1, KEY, 5), Upstream::ForeignKey);
}

#[test]
fn an_answer_to_a_claim_goes_to_the_client_that_alone_could_have_caused_it() {
    let mut routes = Routes::default();
    assert_eq!(routes.encrypted(1, KEY, 0), Upstream::Announced);
    assert_eq!(routes.encrypted(2, KEY, 1), Upstream::ForeignKey, "the answer to the first may be on its way");
    assert_eq!(routes.arrived(KEY, 2), Some(1));
    assert_eq!(routes.encrypted(2, KEY, 2 + CLAIM), Upstream::ForeignKey);
    assert_eq!(routes.encrypted(2, KEY, 2 + HOLD), Upstream::Announced, "the server no longer knows the holder");
    assert_eq!(routes.encrypted(1, KEY, 2 + HOLD + CLAIM), Upstream::Announced, "it had been answered");
}

#[test]
fn liars_keep_nobody_out_for_longer_than_each_has_a_turn() {
    let mut routes = Routes::default();
    let (liars, honest) = ([1, 2, 3], 9);
    let mut tries = Vec::new();
    for now in (0..4 * SECOND + 10).step_by(SECOND as usize / 600) {
        liars.iter().for_each(|&liar| _ = routes.encrypted(liar, KEY, now));
        if routes.encrypted(honest, KEY, now) != Upstream::ForeignKey {
            tries.push(now);
        }
    }
    assert!(tries[0] < 3 * CLAIM + SECOND / 100, "it waited {} ns", tries[0]);
    assert_eq!(routes.arrived(KEY, tries[0] + 1), Some(honest));
    assert!(liars.iter().all(|&liar| routes.encrypted(liar, KEY, tries[0] + 2) == Upstream::ForeignKey));
}

#[test]
fn a_claim_tells_the_address_until_the_server_answers() {
    let mut routes = Routes::default();
    assert_eq!([0, 1, 2].map(|now| routes.encrypted(1, KEY, now)), [Upstream::Announced; 3]);
    routes.arrived(KEY, 3);
    assert_eq!(routes.encrypted(1, KEY, 4), Upstream::Announced, "no datagram has told it: all were too long");
    routes.told(1, KEY, 5);
    routes.arrived(KEY, 6);
    assert_eq!(routes.encrypted(1, KEY, 7), Upstream::Plain);
}

#[test]
fn a_new_address_is_told_although_datagrams_for_the_former_one_still_arrive() {
    let mut routes = Routes::default();
    routes.connect(1, TAG, 0);
    routes.accepted(TAG, KEY, 0);
    assert_eq!(routes.encrypted(1, KEY, 1), Upstream::Plain, "the Connect has told the address");
    routes.moved(1);
    routes.arrived(KEY, 9 * SECOND);
    assert_eq!(routes.encrypted(1, KEY, 9 * SECOND), Upstream::Announced, "a client may be silent after it has moved");
    routes.told(1, KEY, 10 * SECOND);
    routes.arrived(KEY, 10 * SECOND + 1);
    assert_eq!(routes.encrypted(1, KEY, 10 * SECOND + 2), Upstream::Announced);
    routes.arrived(KEY, 10 * SECOND + IN_FLIGHT);
    assert_eq!(routes.encrypted(1, KEY, 11 * SECOND), Upstream::Plain);
}

/// The rules again, as a list of what was granted, oldest first.
#[derive(Default)]
struct Model {
    attempts: Vec<(Tag, Member, Nanos)>,
    grants: Vec<Grant>,
    /// The clients whose claims were in vain, and until when each of them may displace nobody.
    vain: Vec<(Member, ConnectionKey, Nanos)>,
}

#[derive(Clone, Copy)]
struct Grant {
    key: ConnectionKey,
    member: Member,
    held_until: Nanos,
    is_answered: bool,
    announces: bool,
    announced_after: Nanos,
    in_flight: Nanos,
}

impl Model {
    fn connect(&mut self, member: Member, tag: Tag, now: Nanos) -> Upstream {
        if self.attempts.iter().any(|&(it, whose, until)| it == tag && whose != member && now < until) {
            return Upstream::ForeignTag;
        }
        let until = now + TAG_LIFETIME;
        match self.attempts.iter_mut().find(|(it, whose, _)| *it == tag && *whose == member) {
            Some(attempt) => attempt.2 = until,
            None => {
                self.attempts.retain(|(it, ..)| *it != tag);
                self.attempts.push((tag, member, until));
                if self.attempts.iter().filter(|(_, whose, _)| *whose == member).count() > TAGS_MAX {
                    let oldest = self.attempts.iter().position(|(_, whose, _)| *whose == member);
                    self.attempts.remove(oldest.expect("there are some"));
                }
            }
        }
        Upstream::Announced
    }

    fn encrypted(&mut self, member: Member, key: ConnectionKey, now: Nanos) -> Upstream {
        match self.grants.iter().find(|grant| grant.key == key) {
            Some(grant) if grant.member == member && grant.announces => Upstream::Announced,
            Some(grant) if grant.member == member => Upstream::Plain,
            Some(grant) if now < grant.held_until || self.must_wait(member, key, now) => Upstream::ForeignKey,
            former => {
                if let Some(liar) = former.filter(|grant| !grant.is_answered).map(|grant| grant.member) {
                    self.note_vain(liar, key, now);
                }
                self.grant(Grant {
                    key,
                    member,
                    held_until: now + CLAIM,
                    is_answered: false,
                    announces: true,
                    announced_after: NOT_TOLD,
                    in_flight: 0,
                });
                Upstream::Announced
            }
        }
    }

    fn must_wait(&self, member: Member, key: ConnectionKey, now: Nanos) -> bool {
        self.vain.iter().any(|&(it, what, until)| (it, what) == (member, key) && now < until)
    }

    fn note_vain(&mut self, member: Member, key: ConnectionKey, now: Nanos) {
        self.vain.retain(|&(it, _, until)| it != member || now < until);
        if self.vain.iter().filter(|(it, ..)| *it == member).count() >= KEYS_MAX {
            let oldest = self.vain.iter().position(|(it, ..)| *it == member);
            self.vain.remove(oldest.expect("there are some"));
        }
        self.vain.push((member, key, now + HOLD));
    }

    fn answered(&self, tag: Tag, now: Nanos) -> Option<Member> {
        self.attempts.iter().find(|(it, _, until)| *it == tag && now < *until).map(|(_, member, _)| *member)
    }

    fn accepted(&mut self, tag: Tag, key: ConnectionKey, now: Nanos) -> Option<Member> {
        let member = self.answered(tag, now)?;
        let held_until = now + HOLD;
        let announced_after = now;
        self.grant(Grant {
            key,
            member,
            held_until,
            is_answered: true,
            announces: false,
            announced_after,
            in_flight: 0,
        });
        Some(member)
    }

    fn arrived(&mut self, key: ConnectionKey, now: Nanos) -> Option<Member> {
        let grant = self.grants.iter_mut().find(|grant| grant.key == key)?;
        grant.held_until = now + HOLD;
        grant.is_answered = true;
        grant.announces &= now < grant.announced_after;
        Some(grant.member)
    }

    fn told(&mut self, member: Member, key: ConnectionKey, now: Nanos) {
        let grant = self.grants.iter_mut().find(|grant| (grant.key, grant.member) == (key, member));
        if let Some(grant) = grant.filter(|grant| grant.announced_after == NOT_TOLD) {
            grant.announced_after = now + grant.in_flight;
        }
    }

    fn moved(&mut self, member: Member) {
        for grant in self.grants.iter_mut().filter(|grant| grant.member == member) {
            (grant.announces, grant.announced_after, grant.in_flight) = (true, NOT_TOLD, IN_FLIGHT);
        }
    }

    fn leave(&mut self, member: Member) {
        self.attempts.retain(|(_, whose, _)| *whose != member);
        self.grants.retain(|grant| grant.member != member);
        self.vain.retain(|(it, ..)| *it != member);
    }

    fn grant(&mut self, grant: Grant) {
        let same = self.grants.iter_mut().find(|other| other.key == grant.key && other.member == grant.member);
        if let Some(same) = same {
            *same = grant;
            return;
        }
        self.grants.retain(|other| other.key != grant.key);
        self.grants.push(grant);
        if self.grants.iter().filter(|other| other.member == grant.member).count() > KEYS_MAX {
            let oldest = self.grants.iter().position(|other| other.member == grant.member);
            self.grants.remove(oldest.expect("there are some"));
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

const MEMBERS: u64 = 6;

/// Random clients connect, are accepted, claim, steal, move and leave. The table does as the model, forgets whoever left, and
/// stays within its bounds.
fn walk(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let (mut routes, mut model) = (Routes::default(), Model::default());
    let mut now = 0;
    // Each client has tags of its own, some of which are pushed out, and sometimes uses another's.
    let tag_of = |random: &mut Random, member: Member| match random.below(5) {
        0 => [random.below(6 * MEMBERS) as u8; 8],
        _ => [(6 * u64::from(member) + random.below(6)) as u8; 8],
    };
    for step in 0..steps {
        now += random.below(SECOND) * random.below(8);
        let member = random.below(MEMBERS) as Member;
        let key = [random.below(2) as u8, random.below(12) as u8, 0];
        let tag = tag_of(&mut random, member);
        let context = format!("seed {seed}, step {step}, member {member}");
        match random.below(18) {
            0..3 => assert_eq!(routes.connect(member, tag, now), model.connect(member, tag, now), "{context}"),
            3..9 => assert_eq!(routes.encrypted(member, key, now), model.encrypted(member, key, now), "{context}"),
            9..11 => assert_eq!(routes.accepted(tag, key, now), model.accepted(tag, key, now), "{context}"),
            11..13 => assert_eq!(routes.arrived(key, now), model.arrived(key, now), "{context}"),
            13 => assert_eq!(routes.answered(tag, now), model.answered(tag, now), "{context}"),
            14 => (routes.moved(member), model.moved(member)).0,
            15..17 => (routes.told(member, key, now), model.told(member, key, now)).0,
            _ => (routes.leave(member), model.leave(member)).0,
        }
        let (tags, keys) = routes.sizes();
        assert!(tags == model.attempts.len() && keys == model.grants.len(), "{context}: {tags} and {keys}");
    }
    (0..MEMBERS).for_each(|member| routes.leave(member as Member));
    assert_eq!(routes.sizes(), (0, 0), "whoever left has nothing");
    assert!(routes.members.is_empty());
}

#[test]
fn random_clients_get_what_the_rules_say_and_nothing_else() {
    for seed in 0..200 {
        walk(seed, 400);
    }
}

/// Clients that try everything they can to get the datagrams of another one that the server accepted and pings.
#[test]
fn no_client_gets_the_datagrams_of_one_that_the_server_pings() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let (victim, mut now) = (0, 0);
        let mut routes = Routes::default();
        routes.connect(victim, TAG, now);
        assert_eq!(routes.accepted(TAG, KEY, now), Some(victim));
        let mut pinged = now;
        for _ in 0..500 {
            now += random.below(SECOND);
            let thief = 1 + random.below(5) as Member;
            match random.below(4) {
                0 => _ = routes.connect(thief, TAG, now),
                1 => assert_eq!(routes.encrypted(thief, KEY, now), Upstream::ForeignKey),
                2 => routes.leave(thief),
                // Claims until the table is full of them.
                _ => (0..20).for_each(|slot| _ = routes.encrypted(thief, [9, slot, 0], now)),
            }
            if now > pinged + 10 * SECOND {
                pinged = now;
                assert_eq!(routes.arrived(KEY, now), Some(victim), "seed {seed}");
            }
        }
    }
}

#[test]
fn what_one_client_holds_is_bounded_and_its_oldest_goes_first() {
    let mut routes = Routes::default();
    for number in 0..100_u8 {
        routes.connect(1, [number; 8], 0);
        routes.encrypted(1, [0, number, 0], 0);
    }
    assert_eq!(routes.sizes(), (TAGS_MAX, KEYS_MAX));
    assert_eq!(routes.answered([95; 8], 1), None);
    assert_eq!(routes.answered([96; 8], 1), Some(1));
    assert_eq!(routes.arrived([0, 91, 0], 1), None);
    assert_eq!(routes.arrived([0, 92, 0], 1), Some(1));
}
