//! A virtual machine with a script in it, and calling its hooks.

use crate::budget::{Budget, Meter, Need, TickBudget};
use crate::game::call::{World, lend};
use crate::game::host::Host;
use crate::game::sandbox::{self, Place};
use crate::game::tree::Tree;
use crate::report::describe;
use crate::source::{Script, ScriptError};
use mlua::chunk::ChunkMode;
use mlua::state::{GcIncParams, GcMode};
use mlua::{FromLuaMulti, Function, IntoLuaMulti, Lua, Table, Value};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Buttons of an input.
pub const BUTTONS: usize = 16;
/// Part of the memory from which it is short, in per cent.
const SHORT_PERCENT: usize = 50;
/// How large memory may get until garbage was collected again, in per cent of what was left the last time: normally, and while
/// memory is short.
const GOAL: i32 = 200;
const SHORT_GOAL: i32 = 120;
/// Ticks for which a script rests whose memory is used up twice within as many ticks.
const REST_TICKS: u64 = 60;

macro_rules! hooks {
    ($($(#[doc = $doc:literal])* $hook:ident = $name:literal, $need:ident;)*) => {
        /// The functions of a script that this crate calls.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Hook { $($(#[doc = $doc])* $hook),* }

        impl Hook {
            /// All of them, in order.
            pub const ALL: &'static [Hook] = &[$(Hook::$hook),*];

            /// The name of the function.
            pub fn name(self) -> &'static str {
                match self { $(Hook::$hook => $name),* }
            }

            fn need(self) -> Need {
                match self { $(Hook::$hook => Need::$need),* }
            }
        }
    };
}

hooks! {
    /// The first tick of the server.
    Start = "start", Load;
    Join = "join", Join;
    Leave = "leave", Must;
    Suspended = "suspended", Must;
    Resumed = "resumed", Must;
    Input = "input", Client;
    Message = "message", Client;
    Ask = "ask", Client;
    Action = "action", Client;
    Command = "command", Must;
    Tick = "tick", May;
    Draining = "draining", Must;
    /// Gives what the next script must know.
    Save = "save", Load;
    /// Gets it.
    Restore = "load", Load;
}

/// What became of a call.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The script has no such hook.
    Undefined,
    /// It was left out: nothing has happened. That is counted.
    LeftOut,
    /// It has failed, after whatever it did. That is counted and logged.
    Failed,
    /// It returned this.
    Done(T),
}

impl<T> Outcome<T> {
    /// What it returned.
    pub fn done(self) -> Option<T> {
        match self {
            Outcome::Done(value) => Some(value),
            Outcome::Undefined | Outcome::LeftOut | Outcome::Failed => None,
        }
    }
}

/// A virtual machine with a script in it.
#[derive(Debug)]
pub struct Vm {
    lua: Lua,
    script: Script,
    meter: Arc<Meter>,
    place: Place,
    ticks: TickBudget,
    hooks: Vec<Option<Function>>,
    /// For each button, the ticks until it acts again.
    pub cooldowns: [u32; BUTTONS],
    memory: usize,
    is_short: bool,
    /// When the script's memory was last used up.
    starved_at: Option<u64>,
    /// How long the last call took.
    took: Duration,
    /// The script rests until this tick.
    rests_until: u64,
}

impl Vm {
    /// Loads a script: runs everything that is outside of its functions. The world is not there meanwhile.
    ///
    /// # Errors
    /// [`ScriptError::Load`]
    pub fn load(script: &Script, budget: Budget, host: &mut Host) -> Result<Vm, ScriptError> {
        let failed = |error: &mlua::Error| ScriptError::Load(describe(error, script.name()));
        let lua = sandbox::machine(&budget, script.settings()).map_err(|error| failed(&error))?;
        let mut vm = Vm {
            memory: lua.used_memory() + budget.memory,
            lua,
            script: script.clone(),
            meter: Arc::new(Meter::new(budget)),
            place: Place::default(),
            ticks: TickBudget::new(budget),
            hooks: Vec::new(),
            cooldowns: [0; BUTTONS],
            is_short: false,
            starved_at: None,
            took: Duration::ZERO,
            rests_until: 0,
        };
        sandbox::watch(&vm.lua, vm.meter.clone(), vm.place.clone());
        let chunk = vm.lua.load(script.code()).set_name(format!("={}", script.name())).set_mode(ChunkMode::Binary);
        let chunk = chunk.into_function().map_err(|error| failed(&error))?;
        vm.meter.begin(budget.load);
        let ran = lend(None, host, || chunk.call::<()>(()));
        vm.meter.end();
        ran.and_then(|()| vm.find_hooks()).map_err(|error| failed(&error))?;
        Ok(vm)
    }

    fn find_hooks(&mut self) -> mlua::Result<()> {
        let globals = self.lua.globals();
        for hook in Hook::ALL {
            let function = match globals.get::<Value>(hook.name())? {
                Value::Nil => None,
                Value::Function(function) => Some(function),
                other => {
                    let why = format!("`{}` is a hook, and not a {}", hook.name(), other.type_name());
                    return Err(mlua::Error::runtime(why));
                }
            };
            self.hooks.push(function);
        }
        if let Some(cooldowns) = globals.get::<Option<Table>>("cooldowns")? {
            for (button, ticks) in self.cooldowns.iter_mut().enumerate() {
                *ticks = cooldowns.get::<Option<u32>>(button + 1)?.unwrap_or(0);
            }
        }
        Ok(())
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The machine, to make values for it.
    pub fn lua(&self) -> &Lua {
        &self.lua
    }

    /// Whether the script has this hook.
    #[inline]
    pub fn has(&self, hook: Hook) -> bool {
        self.hooks[hook as usize].is_some()
    }

    /// Calls a hook.
    pub fn call<R: FromLuaMulti>(
        &mut self,
        world: &mut World,
        host: &mut Host,
        hook: Hook,
        arguments: impl IntoLuaMulti,
    ) -> Outcome<R> {
        // Taken out while it runs: cloning it would cost more than a short hook.
        let Some(function) = self.hooks[hook as usize].take() else { return Outcome::Undefined };
        let outcome = self.run(world, host, hook.name(), hook.need(), &function, arguments);
        self.hooks[hook as usize] = Some(function);
        outcome
    }

    /// The time that a call would get in this tick; none if it would be left out.
    pub fn grant(&mut self, tick: u64, need: Need) -> Option<Duration> {
        self.ticks.grant(tick, need).filter(|_| tick >= self.rests_until)
    }

    /// How long the last call took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Calls a function of the script. Errors name `what`.
    pub fn run<R: FromLuaMulti>(
        &mut self,
        world: &mut World,
        host: &mut Host,
        what: &str,
        need: Need,
        function: &Function,
        arguments: impl IntoLuaMulti,
    ) -> Outcome<R> {
        (host.tick, host.core) = (world.tick(), world.core());
        let Some(time) = self.grant(host.tick, need) else {
            host.reports.stats.left_out += 1;
            return Outcome::LeftOut;
        };
        self.meter.begin(time);
        let outcome = lend(Some(world), host, || function.call(arguments));
        let (took, is_over) = self.meter.end();
        self.ticks.spend(need, took);
        self.took = took;
        let stats = &mut host.reports.stats;
        stats.calls += 1;
        stats.nanos += took.as_nanos() as u64;
        match outcome {
            Ok(value) => Outcome::Done(value),
            Err(error) => {
                self.failed(host, what, &error, is_over);
                Outcome::Failed
            }
        }
    }

    #[cold]
    fn failed(&mut self, host: &mut Host, what: &str, error: &mlua::Error, is_over: bool) {
        host.reports.stats.errors += 1;
        let mut why = describe(error, self.script.name());
        if is_over {
            host.reports.stats.over_budget += 1;
            let place = std::mem::take(&mut *self.place.lock().unwrap_or_else(PoisonError::into_inner));
            why = format!("{place}: the script has used up its time, and the hook was ended");
        }
        if is_memory_error(error) {
            host.reports.stats.out_of_memory += 1;
            why = format!("{why}: the script has used up its memory");
            self.free_memory(host.tick);
        }
        host.reports.failed(host.core, host.tick, what, &why);
    }

    /// Nothing can run after an error for lack of memory until garbage was collected. That takes long, so a script which needs
    /// it again and again rests.
    fn free_memory(&mut self, tick: u64) {
        // It fails only if a destructor does, and Luau has none.
        let _ = self.lua.gc_collect();
        if self.starved_at.is_some_and(|last| tick < last + REST_TICKS) {
            self.rests_until = tick + REST_TICKS;
        }
        self.starved_at = Some(tick);
    }

    /// Once per tick: if memory gets short, collects garbage earlier than the machine would by itself. The calls of the script
    /// that allocate do the work, a part each.
    pub fn collect(&mut self) {
        let is_short = self.lua.used_memory() > self.memory / 100 * SHORT_PERCENT;
        if is_short != self.is_short {
            self.is_short = is_short;
            let goal = if is_short { SHORT_GOAL } else { GOAL };
            self.lua.gc_set_mode(GcMode::Incremental(GcIncParams::default().goal(goal)));
        }
        if is_short {
            // It begins to collect, if it does not do so already. It fails only if a destructor does, and Luau has none.
            let _ = self.lua.gc_step();
        }
    }

    /// In how many ticks, in a row, the script has used up its time.
    pub fn exhausted_ticks(&self) -> u32 {
        self.ticks.exhausted_ticks()
    }

    /// What the script keeps for the next one; nothing if it has no hook for that.
    ///
    /// # Errors
    /// The hook fails, or what it returns cannot be kept.
    pub fn save(&mut self, world: &mut World, host: &mut Host) -> Result<Tree, String> {
        match self.call::<Value>(world, host, Hook::Save, ()) {
            Outcome::Undefined => Ok(Tree::Nil),
            Outcome::LeftOut | Outcome::Failed => Err("the hook `save` of the present script fails".into()),
            Outcome::Done(value) => Tree::of(&value)
                .map_err(|why| format!("what `save` of the present script returns cannot be kept: {why}")),
        }
    }

    /// Hands the script what the former one has kept.
    ///
    /// # Errors
    /// The hook fails.
    pub fn restore(&mut self, world: &mut World, host: &mut Host, state: &Tree) -> Result<(), String> {
        let state = state.build(&self.lua).map_err(|error| error.to_string())?;
        match self.call::<()>(world, host, Hook::Restore, state) {
            Outcome::LeftOut | Outcome::Failed => Err("its hook `load` fails".into()),
            Outcome::Undefined | Outcome::Done(()) => Ok(()),
        }
    }
}

fn is_memory_error(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::MemoryError(_) => true,
        mlua::Error::CallbackError { cause, .. } | mlua::Error::WithContext { cause, .. } => is_memory_error(cause),
        mlua::Error::BadArgument { cause, .. } => is_memory_error(cause),
        _ => false,
    }
}
