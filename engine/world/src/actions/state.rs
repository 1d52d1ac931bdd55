//! The state of a player's actions, and its step.

use super::input::{ActionInput, Aim, CANCEL};
use super::table::Action;
use crate::Refusal;
use crate::contract::Cooldown;

/// Actions of a game: the encoding has a bit for each, and one for the shared cooldown.
pub const ACTIONS_MAX: usize = 31;
/// Ticks for which an action that the server has refused, or whose cast was interrupted, cannot be asked for again: 100 ms. So a
/// client that asks for what is out of range does not make the server look for it in every tick.
pub const RETRY_TICKS: u16 = 6;

crate::wire! {
    /// An action that has begun, and is executed later.
    pub struct Cast {
        /// The number of its ask.
        pub number: u8,
        /// The action.
        pub action: u8,
        /// Ticks until it is executed.
        pub ticks: u16,
        /// At what.
        pub aim: Aim,
    }

    /// What became of an ask.
    pub struct Decided {
        /// The number of the ask; 0 if there was none.
        pub number: u8,
        /// What became of it.
        pub verdict: Verdict,
    }

    /// What became of an ask.
    #[derive(Default)]
    pub enum Verdict {
        /// Its cast is under way, or nothing was asked.
        #[default]
        Pending,
        /// It was executed.
        Done,
        /// It was refused.
        Refused { why: Refusal },
        /// Its cast was interrupted.
        Interrupted,
    }
}

/// What a step has done.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Outcome {
    /// Nothing.
    #[default]
    Nothing,
    /// A cast has begun.
    Began {
        /// The action.
        action: u8,
        /// At what.
        aim: Aim,
    },
    /// An action is executed.
    Executed {
        /// The action.
        action: u8,
        /// At what.
        aim: Aim,
    },
    /// A cast has ended without an execution.
    Interrupted {
        /// The action.
        action: u8,
        /// At what.
        aim: Aim,
    },
    /// An ask was refused, or a cast could not be executed at its end.
    Refused {
        /// The action.
        action: u8,
        /// Why.
        why: Refusal,
    },
}

/// The state of a player's actions, as a field of a game's [`Own`](crate::Rules::Own): `A` actions, at most [`ACTIONS_MAX`],
/// and `R` resources.
///
/// Two states are equal if everything but [`Self::outcome`] is equal: the outcome of a step does not travel.
#[derive(Clone, Copy, Debug)]
pub struct ActionState<const A: usize, const R: usize> {
    pub(super) cooldowns: [Cooldown; A],
    pub(super) shared: Cooldown,
    pub(super) resources: [u16; R],
    pub(super) cast: Option<Cast>,
    /// The number of the ask that was seen last.
    pub(super) number: u8,
    pub(super) decided: Decided,
    /// What the last step has done.
    outcome: Outcome,
}

impl<const A: usize, const R: usize> Default for ActionState<A, R> {
    fn default() -> Self {
        ActionState {
            cooldowns: [Cooldown::default(); A],
            shared: Cooldown::default(),
            resources: [0; R],
            cast: None,
            number: 0,
            decided: Decided::default(),
            outcome: Outcome::Nothing,
        }
    }
}

impl<const A: usize, const R: usize> PartialEq for ActionState<A, R> {
    fn eq(&self, other: &Self) -> bool {
        let Self { cooldowns, shared, resources, cast, number, decided, outcome: _ } = self;
        (cooldowns, shared, resources) == (&other.cooldowns, &other.shared, &other.resources)
            && (cast, number, decided) == (&other.cast, &other.number, &other.decided)
    }
}

impl<const A: usize, const R: usize> ActionState<A, R> {
    /// Advances by one tick: cooldowns and the cast under way, and then what the input asks for. `bits` is what
    /// [`Action::needs`] and [`Action::forbids`] speak of. Call it once in each [`Rules::step`](crate::Rules::step).
    ///
    /// In a tick in which a cast ends, an ask waits for the next input that repeats it.
    pub fn step(&mut self, table: &[Action], input: &ActionInput, bits: u32) -> Outcome {
        self.cooldowns.iter_mut().for_each(Cooldown::count_down);
        self.shared.count_down();
        self.outcome = self.advance_cast(table, bits);
        let asks = input.number != 0 && input.number != self.number;
        if asks && self.outcome == Outcome::Nothing {
            self.number = input.number;
            self.outcome = self.ask(table, input, bits);
        }
        self.outcome
    }

    /// What the last [`Self::step`] has done, and [`Self::refuse`] has left of it. It is known at the end that has stepped.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why an ask for this action would be refused now, as far as a client can know.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self, table: &[Action], action: u8, aim: &Aim, bits: u32) -> Result<(), Refusal> {
        let row = self.row(table, action).ok_or(Refusal::Unknown)?;
        let is_cool = self.cooldowns[usize::from(action)].is_ready();
        let waits = row.shared_cooldown > 0 && !self.shared.is_ready();
        match () {
            () if self.cast.is_some() => Err(Refusal::Busy),
            () if !row.target.fits(aim) => Err(Refusal::Target),
            () if !row.allows(bits) => Err(Refusal::State),
            () if !is_cool || waits => Err(Refusal::Cooldown),
            () if !self.can_pay(row) => Err(Refusal::Cost),
            () => Ok(()),
        }
    }

    /// Ticks until an action is ready, its shared cooldown not counted; 0 for an unknown one.
    pub fn cooldown(&self, action: u8) -> u16 {
        self.cooldowns.get(usize::from(action)).map_or(0, |cooldown| cooldown.ticks())
    }

    /// Ticks of the shared cooldown that are left.
    pub fn shared_cooldown(&self) -> u16 {
        self.shared.ticks()
    }

    /// The cast under way.
    pub fn cast(&self) -> Option<&Cast> {
        self.cast.as_ref()
    }

    /// The number of the ask that was seen last; 0 before the first.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// The ask that was decided last, and what became of it. It stays until the next one: a client compares the number with
    /// [`Asking::number`](super::Asking::number).
    pub fn decided(&self) -> Decided {
        self.decided
    }

    /// What there is of a resource.
    ///
    /// # Panics
    /// If there is no such resource; so do the other methods that take one.
    pub fn resource(&self, resource: usize) -> u16 {
        self.resources[resource]
    }

    /// Sets a resource.
    pub fn set_resource(&mut self, resource: usize, amount: u16) {
        self.resources[resource] = amount;
    }

    /// Adds to a resource, up to `most`. If there is more already, it stays.
    pub fn add_resource(&mut self, resource: usize, amount: u16, most: u16) {
        let present = &mut self.resources[resource];
        *present = present.saturating_add(amount).min(most).max(*present);
    }

    /// Ends the cast under way, for a reason that only the server knows, such as damage. Gives what was cast.
    ///
    /// The action then cools down for [`RETRY_TICKS`], however the cast was interrupted: a client that begins a cast and cancels
    /// it, in turn, would otherwise make all viewers hear of it in every tick.
    pub fn interrupt(&mut self) -> Option<Cast> {
        let cast = self.cast.take()?;
        // A state that a server has sent may name any action.
        if let Some(cooldown) = self.cooldowns.get_mut(usize::from(cast.action)) {
            cooldown.end();
            cooldown.start(RETRY_TICKS);
        }
        self.decided = Decided { number: cast.number, verdict: Verdict::Interrupted };
        Some(cast)
    }

    /// Ends all cooldowns and the cast, and keeps the resources: for a player that starts again. A default state would have
    /// forgotten the number of the last ask, and execute it again while the client repeats it.
    pub fn reset(&mut self) {
        let Self { resources, number, decided, .. } = *self;
        *self = ActionState { resources, number, decided, ..Self::default() };
    }

    /// The server refuses what the last step has begun or executed, in the same tick. What it cost is given back, and its
    /// cooldown is only [`RETRY_TICKS`]. False, and nothing is done, if the step has begun and executed nothing.
    pub fn refuse(&mut self, table: &[Action], why: Refusal) -> bool {
        let (Outcome::Began { action, .. } | Outcome::Executed { action, .. }) = self.outcome else { return false };
        let row = self.row(table, action).expect("the step has found it");
        let is_executed = matches!(self.outcome, Outcome::Executed { .. });
        if is_executed {
            for &(resource, amount) in row.cost {
                self.resources[resource] = self.resources[resource].saturating_add(amount);
            }
        }
        let number = self.cast.take().map_or(self.decided.number, |cast| cast.number);
        // The shared cooldown of a cast began with the ask, and passes while it lasts.
        if row.shared_cooldown > 0 && !(is_executed && row.cast > 0) {
            self.shared.end();
        }
        let cooldown = &mut self.cooldowns[usize::from(action)];
        cooldown.end();
        cooldown.start(RETRY_TICKS);
        self.decided = Decided { number, verdict: Verdict::Refused { why } };
        self.outcome = Outcome::Refused { action, why };
        true
    }

    fn row<'t>(&self, table: &'t [Action], action: u8) -> Option<&'t Action> {
        table.get(usize::from(action)).filter(|_| usize::from(action) < A)
    }

    fn can_pay(&self, row: &Action) -> bool {
        row.cost.iter().all(|&(resource, amount)| self.resources[resource] >= amount)
    }

    fn ask(&mut self, table: &[Action], input: &ActionInput, bits: u32) -> Outcome {
        let ActionInput { number, action, aim } = *input;
        if action == CANCEL {
            let cancelled = self.interrupt();
            return cancelled
                .map_or(Outcome::Nothing, |cast| Outcome::Interrupted { action: cast.action, aim: cast.aim });
        }
        if let Err(why) = self.check(table, action, &aim, bits) {
            return self.refused(number, action, why);
        }
        let row = self.row(table, action).expect("it was checked");
        if row.shared_cooldown > 0 {
            self.shared.start(row.shared_cooldown);
        }
        if row.cast > 0 {
            self.cast = Some(Cast { number, action, ticks: row.cast, aim });
            self.decided = Decided { number, verdict: Verdict::Pending };
            return Outcome::Began { action, aim };
        }
        self.execute(row, number, action, aim)
    }

    fn advance_cast(&mut self, table: &[Action], bits: u32) -> Outcome {
        let Some(cast) = &mut self.cast else { return Outcome::Nothing };
        cast.ticks = cast.ticks.saturating_sub(1);
        let cast = *cast;
        let Cast { number, action, ticks, aim } = cast;
        let row = self.row(table, action);
        let Some(row) = row.filter(|row| row.allows(bits)) else {
            self.interrupt();
            return Outcome::Interrupted { action, aim };
        };
        if ticks > 0 {
            return Outcome::Nothing;
        }
        self.cast = None;
        // The server may have taken resources since the cast began.
        if self.can_pay(row) {
            self.execute(row, number, action, aim)
        } else {
            self.refused(number, action, Refusal::Cost)
        }
    }

    fn execute(&mut self, row: &Action, number: u8, action: u8, aim: Aim) -> Outcome {
        for &(resource, amount) in row.cost {
            let left = self.resources[resource].checked_sub(amount);
            self.resources[resource] = left.expect("it was checked, and a cost has each resource once");
        }
        self.cooldowns[usize::from(action)].start(row.cooldown);
        self.decided = Decided { number, verdict: Verdict::Done };
        Outcome::Executed { action, aim }
    }

    fn refused(&mut self, number: u8, action: u8, why: Refusal) -> Outcome {
        self.decided = Decided { number, verdict: Verdict::Refused { why } };
        Outcome::Refused { action, why }
    }
}
