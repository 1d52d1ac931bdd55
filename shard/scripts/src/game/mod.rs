//! The game whose hooks call a script.
//!
//! | module | for | may use |
//! |---|---|---|
//! | `timers` | functions that wait for their tick | |
//! | `credit` | the time that one player may have | |
//! | `tree` | what a script keeps over a reload | |
//! | `host` | what this crate keeps for a script besides its own state | `timers` |
//! | `call` | the world and the host of the hook that runs now | `host` |
//! | `api` | the functions that scripts call | `call`, `host`, `timers` |
//! | `sandbox` | what a script finds in its world | `api` |
//! | `vm` | a virtual machine with a script in it, and calling its hooks | those above |
//! | here | [`ScriptGame`]: the hooks of a game, as calls of a script | those above |

mod api;
mod call;
mod credit;
mod host;
mod sandbox;
mod timers;
mod tree;
mod vm;

use crate::budget::{Budget, Need};
use crate::game::api::convert::{self, cut, degrees, number_of, push_values};
use crate::game::api::players::{default_plan, enter};
use crate::game::call::lend;
use crate::game::credit::Credit;
use crate::game::host::Host;
use crate::game::timers::Timers;
use crate::game::vm::{BUTTONS, Hook, Outcome, Vm};
use crate::report::{Reports, ScriptStats};
use crate::source::{Script, ScriptError};
use mlua::{FromLuaMulti, IntoLuaMulti, MultiValue, Value};
use ringshard::game::{Admission, Game, GameStart, Hitbox, Kind, LeaveReason, NoJob, PlayerId, Reply, Shard, Visitor};
use ringshard::runtime::service::{LiveSettings, ServiceCounters};
use ringshard_scripts_rules::messages::{EVENT_VALUES_BYTES_MAX, Name};
use ringshard_scripts_rules::{Answer, Ask, Event, Input, ScriptRules, Shown, Values};
use ringshard_world::{EntityId, Refusal};
use std::collections::BTreeMap;

/// Ticks in a row with their time used up, after which the script is reported loudly.
const LOUD_TICKS: u32 = 60;
/// The farthest that anybody sees an entity, unless the setting `view-radius` says otherwise, in units.
const VIEW_RADIUS: f32 = 100_000.0;
/// The body of a character.
const PERSON: Hitbox = Hitbox::Capsule { radius: 35.0, half_height: 90.0, offset_z: 90.0 };

ringshard_world::wire! {
    /// What a script says to the owner of another entity, on whatever core.
    pub struct Command {
        /// To which the script gives a meaning.
        pub name: Name,
        /// What it carries.
        pub values: Values<EVENT_VALUES_BYTES_MAX>,
    }
}

macro_rules! kinds {
    ($($name:literal)*) => { [$(Kind { name: $name, radius: VIEW_RADIUS, priority: 0 }),*] };
}

/// What this crate knows of a player.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    /// The buttons that it held in its last tick.
    held: u16,
    /// For each button, the tick from which it acts again.
    ready: [u64; BUTTONS],
    /// The time that it may still have.
    credit: Credit,
}

/// A game in Luau, on one core.
#[derive(Debug)]
pub struct ScriptGame {
    rules: ScriptRules,
    budget: Budget,
    vm: Vm,
    host: Host,
    clients: BTreeMap<PlayerId, Client>,
    has_started: bool,
}

impl ScriptGame {
    /// The game of a core.
    ///
    /// # Errors
    /// [`ScriptError::Load`]
    pub fn new(start: &GameStart, script: &Script, budget: Budget) -> Result<ScriptGame, ScriptError> {
        let rules = ScriptRules::new(start.terrain.clone());
        let mut host = Host {
            rules: rules.clone(),
            timers: Timers::default(),
            reports: Reports::default(),
            tick: 0,
            core: start.core,
        };
        let vm = Vm::load(script, budget, &mut host)?;
        Ok(ScriptGame { rules, budget, vm, host, clients: BTreeMap::new(), has_started: false })
    }

    /// What happened so far.
    pub fn stats(&self) -> ScriptStats {
        self.host.reports.stats
    }

    /// The script that runs.
    pub fn script(&self) -> &Script {
        self.vm.script()
    }

    /// Replaces the script. The new one gets what `save` of the present one returns. If it fails, the present one goes on, and
    /// the log says why.
    pub fn replace(&mut self, world: &mut Shard<Self>, script: &Script) -> bool {
        let timers = std::mem::take(&mut self.host.timers);
        match self.successor(world, script) {
            Ok(vm) => {
                self.vm = vm;
                self.host.reports.stats.reloads += 1;
                tracing::info!(core = world.core(), script = script.name(), "the script was replaced");
                true
            }
            Err(why) => {
                self.host.timers = timers;
                self.host.reports.stats.reloads_refused += 1;
                tracing::error!(core = world.core(), script = script.name(), "the former script goes on: {why}");
                false
            }
        }
    }

    /// A machine with the new script, which has the state of the present one.
    fn successor(&mut self, world: &mut Shard<Self>, script: &Script) -> Result<Vm, String> {
        (self.host.tick, self.host.core) = (world.tick(), world.core());
        let mut vm = Vm::load(script, self.budget, &mut self.host).map_err(|error| error.to_string())?;
        // A timer of the present script that `save` makes would not be kept.
        let timers = std::mem::take(&mut self.host.timers);
        let state = self.vm.save(world, &mut self.host)?;
        self.host.timers = timers;
        vm.restore(world, &mut self.host, &state)?;
        Ok(vm)
    }

    fn start(&mut self, world: &mut Shard<Self>) {
        if !self.has_started {
            self.has_started = true;
            let _ = self.vm.call::<()>(world, &mut self.host, Hook::Start, ());
        }
    }

    /// Calls `action` for each button that the player has pressed in this tick and that acts again.
    fn act(&mut self, world: &mut Shard<Self>, player: PlayerId, input: &Input) {
        let tick = world.tick();
        let client = self.clients.entry(player).or_default();
        let pressed = input.buttons & !client.held;
        client.held = input.buttons;
        if pressed == 0 || !self.vm.has(Hook::Action) {
            return;
        }
        let ready = client.ready;
        for button in (0..BUTTONS).filter(|button| pressed & 1 << button != 0 && tick >= ready[*button]) {
            let (yaw, aim) = (degrees(input.steering.yaw), f64::from(input.aim) * 180.0 / 32_768.0);
            let arguments = (player.number(), button + 1, yaw, aim);
            let acted = self.serve::<Value>(world, player, Hook::Action, arguments);
            // An action that returns false has not happened, so it does not cool down. One that fails keeps what it has done.
            if matches!(acted, Outcome::Done(Value::Boolean(false)) | Outcome::LeftOut) {
                continue;
            }
            let cooldown = u64::from(self.vm.cooldowns[button]);
            self.clients.entry(player).or_default().ready[button] = tick + cooldown;
        }
    }

    /// Calls a hook for what a player has sent, unless the player has used up its share of the time.
    fn serve<R: FromLuaMulti>(
        &mut self,
        world: &mut Shard<Self>,
        player: PlayerId,
        hook: Hook,
        arguments: impl IntoLuaMulti,
    ) -> Outcome<R> {
        let ScriptGame { budget, vm, host, clients, .. } = self;
        if !vm.has(hook) {
            return Outcome::Undefined;
        }
        if !clients.entry(player).or_default().credit.is_left(budget, world.tick()) {
            host.reports.stats.left_out += 1;
            world.refuse(player, Refusal::Flood);
            return Outcome::LeftOut;
        }
        let outcome = vm.call(world, host, hook, arguments);
        if !matches!(outcome, Outcome::LeftOut) {
            clients.entry(player).or_default().credit.spend(budget, vm.took());
        }
        outcome
    }

    fn run_timers(&mut self, world: &mut Shard<Self>) {
        let tick = world.tick();
        // A timer that a timer makes waits for a later tick, so this ends.
        while self.host.timers.is_due(tick) {
            if self.vm.grant(tick, Need::May).is_none() {
                // It stays due: a timer that runs once would else be lost.
                self.host.reports.stats.left_out += 1;
                return;
            }
            let function = self.host.timers.next_due(tick).expect("one is due");
            let _ = self.vm.run::<()>(world, &mut self.host, "a timer", Need::May, &function, ());
        }
    }

    fn complain(&self, core: usize) {
        let ticks = self.vm.exhausted_ticks();
        if ticks > 0 && ticks.is_multiple_of(LOUD_TICKS) {
            tracing::error!(
                core,
                script = self.vm.script().name(),
                ticks,
                "the script has used up its time in each of these ticks, so parts of the game are left out: make it faster, \
                 or raise script-tick-us"
            );
        }
    }
}

impl Game for ScriptGame {
    type Rules = ScriptRules;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    const KINDS: &'static [Kind] = &kinds!(
        "kind0" "kind1" "kind2" "kind3" "kind4" "kind5" "kind6" "kind7" "kind8" "kind9" "kind10" "kind11" "kind12" "kind13"
        "kind14" "kind15"
    );

    const HITBOXES: &'static [Hitbox] = &[PERSON];

    fn rules(&self) -> &ScriptRules {
        &self.rules
    }

    /// Rays go through entities of kind 0. All others have the size of a person.
    fn hitbox(&self, shown: &Shown) -> Option<usize> {
        (shown.kind > 0).then_some(0)
    }

    /// Kinds above 15 share the last row.
    fn kind(&self, shown: &Shown) -> usize {
        usize::from(shown.kind).min(Self::KINDS.len() - 1)
    }

    fn join(&mut self, world: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let name = visitor.name();
        let account = match visitor {
            Visitor::Account { id, .. } => Some(id.0 as f64),
            Visitor::Guest(_) => None,
        };
        self.start(world);
        let ScriptGame { vm, host, .. } = self;
        let Ok(text) = vm.lua().create_string(name) else { return Admission::Refused(0) };
        let admission = match vm.call::<MultiValue>(world, host, Hook::Join, (player.number(), text, account)) {
            Outcome::Undefined => Admission::Accepted,
            Outcome::LeftOut | Outcome::Failed => Admission::Refused(0),
            Outcome::Done(values) => admission(&values),
        };
        if admission == Admission::Accepted && world.body(player).is_none() {
            let Ok(plan) = default_plan(vm.lua(), name) else { return Admission::Refused(0) };
            if lend(None, host, || enter(world, player, &plan)).is_none() {
                return Admission::Refused(0);
            }
        }
        if let Admission::Refused(_) = admission
            && let Some(body) = world.body(player)
        {
            world.entities.despawn(body);
        }
        admission
    }

    fn leave(&mut self, world: &mut Shard<Self>, player: PlayerId, reason: LeaveReason) -> u32 {
        let (reason, number) = reason_of(reason);
        let arguments = (player.number(), reason, number);
        let stays = self.vm.call::<Option<f64>>(world, &mut self.host, Hook::Leave, arguments);
        self.clients.remove(&player);
        // The cast takes NaN and negative numbers to 0.
        stays.done().flatten().unwrap_or(0.0) as u32
    }

    fn suspended(&mut self, world: &mut Shard<Self>, player: PlayerId) {
        let _ = self.vm.call::<()>(world, &mut self.host, Hook::Suspended, player.number());
    }

    fn resumed(&mut self, world: &mut Shard<Self>, player: PlayerId) {
        let _ = self.vm.call::<()>(world, &mut self.host, Hook::Resumed, player.number());
    }

    fn stepped(&mut self, world: &mut Shard<Self>, player: PlayerId, input: &Input) {
        self.act(world, player, input);
        if self.vm.has(Hook::Input) {
            let steering = input.steering;
            let (forward, left) = (f64::from(steering.forward) / 127.0, f64::from(steering.left) / 127.0);
            let arguments =
                (player.number(), forward, left, degrees(steering.yaw), u32::from(input.buttons), steering.keys);
            let _ = self.vm.call::<()>(world, &mut self.host, Hook::Input, arguments);
        }
    }

    fn ask(&mut self, world: &mut Shard<Self>, player: PlayerId, ask: Ask, reply: Reply) {
        let mut arguments = MultiValue::new();
        let answer = match arguments_of(self.vm.lua(), player, &ask.name, &ask.values, &mut arguments) {
            Err(_) => None,
            Ok(()) => self.serve::<MultiValue>(world, player, Hook::Ask, arguments).done(),
        };
        world.reply(reply, &answer.map_or(Answer::Refused, |values| self.answer(&values)));
    }

    fn event(&mut self, world: &mut Shard<Self>, player: PlayerId, event: Event) {
        if !self.vm.has(Hook::Message) {
            return;
        }
        let mut arguments = MultiValue::new();
        if arguments_of(self.vm.lua(), player, &event.name, &event.values, &mut arguments).is_ok() {
            let _ = self.serve::<()>(world, player, Hook::Message, arguments);
        }
    }

    fn command(&mut self, world: &mut Shard<Self>, to: EntityId, from: EntityId, command: Command) {
        let mut arguments = MultiValue::new();
        arguments.push_back(Value::Number(number_of(to).into()));
        arguments.push_back(Value::Number(number_of(from).into()));
        let lua = self.vm.lua();
        let Ok(name) = lua.create_string(command.name.as_str()) else { return };
        arguments.push_back(Value::String(name));
        if push_values(lua, &command.values, &mut arguments).is_ok() {
            let _ = self.vm.call::<()>(world, &mut self.host, Hook::Command, arguments);
        }
    }

    fn tick(&mut self, world: &mut Shard<Self>) {
        self.start(world);
        self.vm.collect();
        self.run_timers(world);
        let _ = self.vm.call::<()>(world, &mut self.host, Hook::Tick, world.tick());
        self.complain(world.core());
    }

    fn draining(&mut self, world: &mut Shard<Self>) {
        let _ = self.vm.call::<()>(world, &mut self.host, Hook::Draining, ());
    }

    fn reload(&mut self, world: &mut Shard<Self>, settings: &LiveSettings) {
        if let Some(script) = settings.get::<Script>() {
            self.replace(world, script);
        }
    }

    fn count(&self, counters: &mut ServiceCounters) {
        self.host.reports.stats.count(counters);
    }
}

impl ScriptGame {
    /// The answer that the script's hook has returned. If it returns nothing, the ask is refused.
    fn answer(&mut self, values: &MultiValue) -> Answer {
        if values.is_empty() || matches!(values.front(), Some(Value::Nil)) {
            return Answer::Refused;
        }
        match convert::values(values) {
            Ok(values) => Answer::Values { values },
            Err(error) => {
                let Host { reports, core, tick, .. } = &mut self.host;
                reports.stats.errors += 1;
                let text = error.to_string();
                let why = format!("{}: the answer: {}", self.vm.script().name(), cut(&text, 200));
                reports.failed(*core, *tick, "ask", &why);
                Answer::Refused
            }
        }
    }
}

/// What `join` returns: true or nothing, or false, or a number that says why not.
fn admission(values: &MultiValue) -> Admission {
    let number = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => *number as u8,
        Some(Value::Integer(number)) => *number as u8,
        _ => 0,
    };
    match values.front() {
        None | Some(Value::Nil | Value::Boolean(true)) => Admission::Accepted,
        Some(Value::Boolean(false)) => Admission::Refused(number(values.get(1))),
        other => Admission::Refused(number(other)),
    }
}

fn reason_of(reason: LeaveReason) -> (&'static str, u8) {
    match reason {
        LeaveReason::Left => ("left", 0),
        LeaveReason::TimedOut => ("timed out", 0),
        LeaveReason::PutOut(number) => ("put out", number),
        LeaveReason::Backlog => ("backlog", 0),
        LeaveReason::Refused(number) => ("refused", number),
        LeaveReason::Disconnected => ("disconnected", 0),
        LeaveReason::ShuttingDown => ("shutting down", 0),
        LeaveReason::Moved => ("moved", 0),
    }
}

/// The arguments of a hook that gets what a client sends.
fn arguments_of<const N: usize>(
    lua: &mlua::Lua,
    player: PlayerId,
    name: &Name,
    values: &Values<N>,
    into: &mut MultiValue,
) -> mlua::Result<()> {
    into.push_back(Value::Number(player.number() as f64));
    into.push_back(Value::String(lua.create_string(name.as_str())?));
    push_values(lua, values, into)
}
