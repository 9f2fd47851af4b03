//! Momentum copies of modules.

use super::slot::{Role, Slot};
use super::transfer::average_weights;
use super::visit::{Module, Path, Visitor};
use ssl_plugin_api::export::called;
use std::ops::{Deref, DerefMut};

/// A copy of a module whose weights follow those of the trained one: a momentum head, a teacher.
///
/// Its weights are shown as buffers under their own names, so they are state, not parameters. Its buffers
/// (running statistics) are its own. It is used like the module itself.
///
/// ```
/// use ssl_plugin_kit::blocks::MlpBuilder;
/// use ssl_plugin_kit::module::{Momentum, Role, visit_slots};
/// use ssl_plugin_kit::{bridge::device, random::Random, ranks::Ranks};
///
/// let new = |seed| {
///     let mut random = Random::new(seed, "heads");
///     MlpBuilder::new(3).linear(2, false).build(&mut random, &device("cpu").unwrap(), &Ranks::single())
/// };
/// let mut online = new(1);
/// let mut target = Momentum::of(&mut online, new(2));
/// visit_slots(&mut target, |name, slot| {
///     assert_eq!((name, slot.role()), ("0.weight", Role::Buffer));
/// });
/// target.follow(&mut online, Some(0.99));
/// ```
pub struct Momentum<M>(M);

impl<M: Module> Momentum<M> {
    /// A copy, which starts with the weights of the trained module; both are of the same build.
    ///
    /// # Panics
    /// When they are not: a mistake of the framework's.
    #[track_caller]
    pub fn of(online: &mut M, mut copy: M) -> Self {
        let _call = called();
        average_weights(online, &mut copy, 0.0);
        Self(copy)
    }

    /// `copy ← m·copy + (1 − m)·online`, weights only, in place; nothing without a momentum.
    ///
    /// # Panics
    /// When the modules are not of the same build: a mistake of the framework's.
    #[track_caller]
    pub fn follow(&mut self, online: &mut M, momentum: Option<f64>) {
        let _call = called();
        if let Some(m) = momentum {
            average_weights(online, &mut self.0, m);
        }
    }
}

impl<M> Deref for Momentum<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M> DerefMut for Momentum<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.0
    }
}

impl<M: Module> Module for Momentum<M> {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        self.0.visit(path, &mut |name: &str, slot: &mut dyn Slot| {
            visitor.slot(name, &mut Kept(slot));
        });
    }
}

/// A slot as state: never a leaf of the graph.
struct Kept<'a>(&'a mut dyn Slot);

impl Slot for Kept<'_> {
    fn role(&self) -> Role {
        Role::Buffer
    }
    fn storage(&self) -> Option<tch::Tensor> {
        self.0.storage()
    }
    fn size(&self) -> Vec<i64> {
        self.0.size()
    }
    fn refusal(&self, tensor: &tch::Tensor) -> Option<String> {
        self.0.refusal(tensor)
    }
    fn is_int(&self) -> bool {
        self.0.is_int()
    }
    fn put(&mut self, tensor: tch::Tensor) {
        self.0.put(tensor);
    }
}
