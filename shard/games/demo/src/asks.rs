//! What players ask: a potion, to be invisible, to start again.

use crate::Demo;
use ringshard::game::{PlayerId, Shard};
use ringshard_demo_rules::{Answer, Ask, Refusal};
use ringshard_world::EntityId;
use ringshard_world::character::buffs;
use ringshard_world::limits::TICKS_PER_SECOND;
use std::collections::HashMap;

/// Health that a potion restores, of 255.
const POTION_HEALTH: u8 = 100;
/// Mana that it costs to be invisible, of 255.
const HIDE_MANA: u8 = 85;
/// Ticks for which a player is invisible.
const HIDE_TICKS: u16 = 5 * TICKS_PER_SECOND as u16;
/// Ticks between two restarts that a player asks for.
const RESTART_COOLDOWN: u64 = 10 * TICKS_PER_SECOND as u64;

/// What must be remembered of earlier asks.
#[derive(Debug, Default)]
pub struct Asks {
    /// The tick from which each player may restart again.
    restarts_at: HashMap<PlayerId, u64>,
}

impl Asks {
    /// A player is gone.
    pub fn forget(&mut self, player: PlayerId) {
        self.restarts_at.remove(&player);
    }
}

impl Demo {
    /// Does what a player asks, and answers.
    pub(crate) fn answer(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: Ask) -> Answer {
        let Some(body) = shard.body(player) else { return Answer::Refused { why: Refusal::NoBody } };
        let answer = match ask {
            Ask::Drink => drink(shard, player, body),
            Ask::Hide => self.hide(shard, body),
            Ask::Restart => self.restart_player(shard, player, body),
        };
        answer.unwrap_or_else(|why| Answer::Refused { why })
    }

    fn hide(&mut self, shard: &mut Shard<Self>, body: EntityId) -> Result<Answer, Refusal> {
        let shown = shard.entities.shown_mut(body).ok_or(Refusal::NoBody)?;
        shown.mana = shown.mana.checked_sub(HIDE_MANA).ok_or(Refusal::NoMana)?;
        let mana = shown.mana;
        let until = shard.tick() + u64::from(HIDE_TICKS);
        self.buffs.apply(&mut shard.entities, body, buffs::INVISIBLE, 1, until);
        Ok(Answer::Hidden { ticks: HIDE_TICKS, mana })
    }

    fn restart_player(&mut self, shard: &mut Shard<Self>, player: PlayerId, body: EntityId) -> Result<Answer, Refusal> {
        let tick = shard.tick();
        let again_at = self.asks.restarts_at.get(&player).copied().unwrap_or(0);
        if tick < again_at {
            return Err(Refusal::TooEarly { ticks: (again_at - tick) as u16 });
        }
        self.asks.restarts_at.insert(player, tick + RESTART_COOLDOWN);
        self.restart(shard, body);
        Ok(Answer::Restarted)
    }
}

fn drink(shard: &mut Shard<Demo>, player: PlayerId, body: EntityId) -> Result<Answer, Refusal> {
    let potions = shard.own(player).ok_or(Refusal::NoBody)?.potions.checked_sub(1).ok_or(Refusal::NoPotion)?;
    let shown = shard.entities.shown_mut(body).filter(|shown| shown.health < u8::MAX).ok_or(Refusal::Unhurt)?;
    shown.health = shown.health.saturating_add(POTION_HEALTH);
    let health = shown.health;
    shard.own_mut(player).ok_or(Refusal::NoBody)?.potions = potions;
    Ok(Answer::Drunk { health, potions })
}
