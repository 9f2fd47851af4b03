//! What an optimiser remembers, as named tensors for checkpoints.

use super::error::OptimError;
use super::optimizer::Optimizer;
use super::rule::Memory;
use std::collections::HashMap;
use tch::Tensor;

impl Optimizer {
    /// Everything remembered: `first.KEY`, `second.KEY` and `updates.KEY`, where `KEY` is the
    /// parameter's own (`backbone.conv1.weight`, `param.projector.0.weight`).
    #[must_use]
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut tensors = Vec::new();
        for slot in self.slots.iter().filter(|slot| slot.memory.updates > 0) {
            let key = slot.spec.key();
            let memory = &slot.memory;
            for (kind, tensor) in [("first", &memory.first), ("second", &memory.second)] {
                if let Some(tensor) = tensor {
                    tensors.push((format!("{kind}.{key}"), tensor.shallow_clone()));
                }
            }
            tensors.push((
                format!("updates.{key}"),
                Tensor::from(memory.updates as i64),
            ));
        }
        tensors
    }

    /// Takes over what [`Optimizer::state`] gave; parameters without an entry start afresh.
    ///
    /// # Errors
    /// [`OptimError::State`] for an entry of no parameter, or of another shape; nothing is taken
    /// over then.
    pub fn load_state<'a>(
        &mut self,
        tensors: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
    ) -> Result<(), OptimError> {
        let mut offered: HashMap<&str, &Tensor> = tensors.into_iter().collect();
        let mut memories = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let key = slot.spec.key();
            let mut take = |kind: &str, shape: &[i64]| {
                let name = format!("{kind}.{key}");
                match offered.remove(name.as_str()) {
                    Some(tensor) if tensor.size() != shape => Err(OptimError::State {
                        expected: format!("{name} of shape {shape:?}"),
                        found: format!("shape {:?}", tensor.size()),
                    }),
                    found => Ok(found),
                }
            };
            let shape = &slot.spec.shape;
            let updates = take("updates", &[])?.map_or(0, |t| t.int64_value(&[]));
            let mut buffer = |kind| Ok(take(kind, shape)?.map(Tensor::copy));
            memories.push(Memory {
                first: buffer("first")?,
                second: buffer("second")?,
                updates: updates.max(0) as u64,
            });
        }
        if let Some(name) = offered.keys().min() {
            return Err(OptimError::State {
                expected: "entries of the run's parameters".to_owned(),
                found: (*name).to_owned(),
            });
        }
        for (slot, memory) in self.slots.iter_mut().zip(memories) {
            slot.memory = memory;
        }
        Ok(())
    }
}
