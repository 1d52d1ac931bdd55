//! The node that a scene has for its connection.

use crate::game::{Game, rules, rules_on};
use crate::place::{Place, entity, number, number_or_none};
use crate::shape::Shape;
use godot::classes::FileAccess;
use godot::classes::node::ProcessMode;
use godot::global::Error;
use godot::prelude::*;
use ringshard_client::{Channel, ClientConfig, News, Pose, PublicKey, Scene, Udp};

/// A client of the game. It polls in each frame, also while the game is paused, unless the scene sets its process mode. It
/// polls before the nodes that stand below it in the scene.
///
/// A script calls `connect_to_server`, sets what the player does with `set_input`, and listens to the signals. Entities have
/// numbers; 0 is none.
#[derive(GodotClass)]
#[class(init, base = Node)]
pub struct RingshardClient {
    /// Units of the map per metre of the scene.
    #[export]
    #[init(val = 100.0)]
    units_per_metre: f32,
    /// The point of the map that is at the scene's origin, in units: x, y, height. Choose one near the players.
    #[export]
    origin: Vector3,
    /// The server's map file, such as `res://sample.ringmap`. Without one, the world is level ground.
    #[export(file)]
    map: GString,
    udp: Option<Udp<Game>>,
    input: <Game as ringshard_client::Rules>::Input,
    base: Base<Node>,
}

#[godot_api]
impl INode for RingshardClient {
    fn ready(&mut self) {
        // A paused game must not lose its connection.
        if self.base().get_process_mode() == ProcessMode::INHERIT {
            self.base_mut().set_process_mode(ProcessMode::ALWAYS);
        }
    }

    fn process(&mut self, _delta: f64) {
        let input = self.input;
        let Some(udp) = &mut self.udp else { return };
        udp.poll(|_scene| input);
        // A handler may connect anew; the news are then those of the new connection.
        while let Some(news) = self.udp.as_mut().and_then(Udp::news) {
            self.report(news);
        }
        // What the handlers ask and tell leaves with this frame.
        if let Some(udp) = &mut self.udp {
            udp.flush();
        }
    }

    fn exit_tree(&mut self) {
        // A client that is dropped disconnects.
        self.udp = None;
    }
}

#[godot_api]
impl RingshardClient {
    /// The client is in the world.
    #[signal]
    fn entered();
    /// The game refuses the client, with a reason of its own. `enter` asks again.
    #[signal]
    fn refused(reason: i64);
    /// The server has other types, or another map. `advice` says what to do.
    #[signal]
    fn wrong_schema(advice: GString);
    /// The client is no longer in the world. Nothing is in view; `despawned` does not follow.
    #[signal]
    fn put_out(reason: i64);
    /// The client is in the world of another server. Nothing is in view; `despawned` does not follow. Entities have other
    /// numbers there. Asks that wait go on.
    #[signal]
    fn moved();
    /// An entity came into view.
    #[signal]
    fn spawned(entity: i64);
    /// An entity is gone, or too far away.
    #[signal]
    fn despawned(entity: i64);
    /// The player controls another entity, or none (0).
    #[signal]
    fn body_changed(entity: i64);
    /// An event of the game.
    #[signal]
    fn event(event: VarDictionary);
    /// The answer to an ask.
    #[signal]
    fn answered(ask: i64, answer: VarDictionary);
    /// There will be no answer to an ask.
    #[signal]
    fn unanswered(ask: i64, why: GString);
    /// The server's own state differed from the predicted one, by so many metres.
    #[signal]
    fn corrected(by: f64);
    /// The connection is lost, and the client connects again.
    #[signal]
    fn reconnecting(why: GString);
    /// The client is connected again, and goes on in the world.
    #[signal]
    fn resumed();
    /// The client is connected again, with a new session, and enters again. Nothing is in view; `despawned` does not follow.
    #[signal]
    fn renewed();
    /// There is no connection, and will be none. It is the last signal.
    #[signal]
    fn closed(why: GString);

    /// Begins to connect to HOST:PORT, and to enter the world. `key` is the server's public key, as `ringshard keygen` prints
    /// it. `entered`, `refused` or `closed` follows. To resolve a name may block; an address does not.
    #[func]
    fn connect_to_server(&mut self, server: String, key: String, ticket: PackedByteArray) -> Error {
        let key = match PublicKey::from_hex(&key) {
            Ok(key) => key,
            Err(error) => {
                godot_error!("Ringshard: the key: {error}");
                return Error::ERR_INVALID_PARAMETER;
            }
        };
        let rules = match self.map.is_empty() {
            true => Ok(rules()),
            false => rules_on(FileAccess::get_file_as_bytes(&self.map).to_vec()),
        };
        let rules = match rules {
            Ok(rules) => rules,
            Err(error) => {
                godot_error!("Ringshard: the map {}: {error}", self.map);
                return Error::ERR_INVALID_DATA;
            }
        };
        match Udp::connect(server.as_str(), rules, ClientConfig::new(key), ticket.as_slice()) {
            Ok(udp) => {
                self.udp = Some(udp);
                Error::OK
            }
            Err(error) => {
                godot_error!("Ringshard: {error}");
                Error::ERR_CANT_CONNECT
            }
        }
    }

    /// Asks to enter again, after `refused` or `put_out`. False if the client is in the world, on its way, or closed.
    #[func]
    fn enter(&mut self, ticket: PackedByteArray) -> bool {
        self.udp.as_mut().is_some_and(|udp| udp.client_mut().enter(ticket.as_slice()))
    }

    /// Disconnects. `closed` follows.
    #[func]
    fn close(&mut self) {
        if let Some(udp) = &mut self.udp {
            udp.close();
        }
    }

    /// Whether the server has let the client into the world.
    #[func]
    fn is_in_world(&self) -> bool {
        self.udp.as_ref().is_some_and(|udp| udp.client().is_in_world())
    }

    /// What the player does, from the next tick on, until it is set again. `demo.rs` lists the keys.
    #[func]
    fn set_input(&mut self, input: VarDictionary) {
        self.input = rules().input(&input);
    }

    /// The entity that the player controls, or 0.
    #[func]
    fn body(&self) -> i64 {
        number_or_none(self.scene().and_then(|scene| scene.body()))
    }

    /// Where the player is, predicted. Without a state yet, it is at the scene's origin: see `has_own`.
    #[func]
    fn own_pose(&self) -> Transform3D {
        self.transform(self.scene().and_then(|scene| scene.own_pose()))
    }

    /// Whether there is an own state.
    #[func]
    fn has_own(&self) -> bool {
        self.scene().is_some_and(|scene| scene.own().is_some())
    }

    /// The player's own state, predicted; empty if there is none.
    #[func]
    fn own(&self) -> VarDictionary {
        let own = self.scene().and_then(|scene| scene.own());
        own.map(|own| rules().own(own)).unwrap_or_default()
    }

    /// The entities in view but the own body.
    #[func]
    fn others(&self) -> PackedInt64Array {
        self.scene().map(|scene| scene.others().map(|(id, _, _)| number(id)).collect()).unwrap_or_default()
    }

    /// Where an entity is. One that is not in view is at the scene's origin.
    #[func]
    fn pose(&self, entity_number: i64) -> Transform3D {
        self.transform(self.scene().zip(entity(entity_number)).and_then(|(scene, id)| scene.pose(id)))
    }

    /// What an entity shows; empty if it is not in view.
    #[func]
    fn shown(&self, entity_number: i64) -> VarDictionary {
        let shown = self.scene().zip(entity(entity_number)).and_then(|(scene, id)| scene.shown(id));
        shown.map(|shown| rules().shown(shown)).unwrap_or_default()
    }

    /// Asks the server, and gives the ask's number; `answered` or `unanswered` follows. -1 if nothing was asked: the client is
    /// not in the world, too much waits, or the dictionary is wrong, which is reported.
    #[func]
    fn ask(&mut self, ask: VarDictionary) -> i64 {
        let ask = match rules().ask(&ask) {
            Ok(ask) => ask,
            Err(error) => {
                godot_error!("Ringshard: {error}");
                return -1;
            }
        };
        let id = self.udp.as_mut().and_then(|udp| udp.client_mut().ask(&ask));
        id.map_or(-1, |id| i64::from(id.0))
    }

    /// Tells the server an event, reliably and in order. False if nothing was told: the client is not in the world, too much
    /// waits, or the dictionary is wrong, which is reported.
    #[func]
    fn tell(&mut self, event: VarDictionary) -> bool {
        match rules().tell(&event) {
            Ok(event) => {
                let udp = self.udp.as_mut();
                udp.is_some_and(|udp| udp.client_mut().tell(Channel::RELIABLE_ORDERED, &event))
            }
            Err(error) => {
                godot_error!("Ringshard: {error}");
                false
            }
        }
    }

    /// What the client did so far.
    #[func]
    fn stats(&self) -> VarDictionary {
        let Some(udp) = &self.udp else { return VarDictionary::new() };
        let (stats, clock) = (udp.client().stats(), udp.client().clock());
        vdict! {
            "snapshots" => stats.snapshots as i64,
            "snapshots_refused" => stats.snapshots_refused as i64,
            "malformed" => stats.malformed as i64,
            "predicted" => stats.predicted as i64,
            "mispredicted" => stats.mispredicted as i64,
            "inputs_made" => stats.inputs_made as i64,
            "starved" => stats.starved as i64,
            "round_trip_ms" => clock.round_trip.as_secs_f64() * 1e3,
        }
    }

    fn scene(&self) -> Option<Scene<'_, Game>> {
        self.udp.as_ref().map(|udp| udp.client().scene())
    }

    fn transform(&self, pose: Option<Pose>) -> Transform3D {
        let place = Place { units_per_metre: self.units_per_metre, origin: self.origin.to_array() };
        pose.map_or(Transform3D::IDENTITY, |pose| place.transform(&pose))
    }

    /// Emits the signal of a piece of news.
    fn report(&mut self, news: News<Game>) {
        match news {
            News::Entered { .. } => self.signals().entered().emit(),
            News::Refused(reason) => self.signals().refused().emit(i64::from(reason)),
            News::WrongSchema(which) => self.signals().wrong_schema().emit(&which.advice()),
            News::PutOut(reason) => self.signals().put_out().emit(i64::from(reason)),
            News::Moved { .. } => self.signals().moved().emit(),
            News::Spawned(id) => self.signals().spawned().emit(number(id)),
            News::Despawned(id) => self.signals().despawned().emit(number(id)),
            News::BodyChanged(body) => self.signals().body_changed().emit(number_or_none(body)),
            News::Event(event) => self.signals().event().emit(&rules().event(&event)),
            News::Answer(id, answer) => self.signals().answered().emit(i64::from(id.0), &rules().answer(&answer)),
            News::Unanswered(id, why) => self.signals().unanswered().emit(i64::from(id.0), &format!("{why:?}")),
            News::Corrected { by } => {
                let metres = f64::from(by / self.units_per_metre);
                self.signals().corrected().emit(metres);
            }
            News::Reconnecting(reason) => self.signals().reconnecting().emit(&reason.to_string()),
            News::Resumed => self.signals().resumed().emit(),
            News::Renewed => self.signals().renewed().emit(),
            News::Closed(reason) => self.signals().closed().emit(&reason.to_string()),
        }
    }
}
