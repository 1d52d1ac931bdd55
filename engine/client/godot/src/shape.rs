//! What a game says about its types, so that scripts can use them.

use godot::prelude::VarDictionary;
use ringshard_client::Rules;

/// Rules whose types have a form in Godot: dictionaries. The game chooses the keys.
pub trait Shape: Rules {
    /// The input that a script has set. Keys that are missing are neutral.
    fn input(&self, from: &VarDictionary) -> Self::Input;

    /// The player's own state.
    fn own(&self, own: &Self::Own) -> VarDictionary;

    /// What an entity shows.
    fn shown(&self, shown: &Self::Shown) -> VarDictionary;

    /// The ask of that dictionary.
    ///
    /// # Errors
    /// What is wrong with it.
    fn ask(&self, from: &VarDictionary) -> Result<Self::Ask, String>;

    /// An answer.
    fn answer(&self, answer: &Self::Answer) -> VarDictionary;

    /// The event of that dictionary.
    ///
    /// # Errors
    /// What is wrong with it.
    fn tell(&self, from: &VarDictionary) -> Result<Self::Event, String>;

    /// An event.
    fn event(&self, event: &Self::Event) -> VarDictionary;
}
