//! The leaves of a module: weights, float buffers, integer buffers.

use super::numbers::Numbers;
use crate::bridge::{from_tch, from_tch_int, to_tch, to_tch_int};
use burn::tensor::{Gradients, Int, Tensor};

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Trained by the host's optimiser.
    Weight,
    /// Kept by the framework.
    Buffer,
}

/// A named tensor of a module, whatever its rank.
pub trait Slot {
    /// What it is for.
    fn role(&self) -> Role;
    /// The storage, shared; `None` while there is nothing.
    fn storage(&self) -> Option<tch::Tensor>;
    /// The size of what it holds, or will hold.
    fn size(&self) -> Vec<i64>;
    /// Why it cannot hold these values, as the end of a sentence.
    fn refusal(&self, tensor: &tch::Tensor) -> Option<String> {
        let _ = tensor;
        None
    }
    /// Whether the elements are integers.
    fn is_int(&self) -> bool {
        false
    }
    /// Takes over a tensor of the same rank: into the same storage where the sizes agree.
    fn put(&mut self, tensor: tch::Tensor);
    /// Makes a fresh leaf of the graph, for one step.
    fn begin_step(&mut self) {}
    /// Drops the leaf; the gradient that backward left for it.
    fn end_step(&mut self, gradients: Option<&Gradients>) -> Option<tch::Tensor> {
        let _ = gradients;
        None
    }
}

fn signed<const D: usize>(shape: [usize; D]) -> Vec<i64> {
    shape.map(|size| size as i64).to_vec()
}

/// Overwrites `storage` where the sizes agree, else gives back what replaces it.
fn overwrite(storage: Option<tch::Tensor>, tensor: tch::Tensor) -> Option<tch::Tensor> {
    match storage {
        Some(mut storage) if storage.size() == tensor.size() => {
            tch::no_grad(|| storage.copy_(&tensor));
            None
        }
        _ => Some(tensor.copy()),
    }
}

/// A trained tensor. Its storage keeps its address for life.
#[derive(Debug)]
pub struct Weight<const D: usize> {
    storage: Tensor<D>,
    leaf: Option<Tensor<D>>,
}

impl<const D: usize> Weight<D> {
    /// A weight with these values.
    #[must_use]
    pub fn new(values: Tensor<D>) -> Self {
        Self {
            storage: from_tch(to_tch(&values).copy()),
            leaf: None,
        }
    }

    /// The values: a leaf of the graph inside a step, a constant outside.
    pub fn val(&self) -> Tensor<D> {
        self.leaf.as_ref().unwrap_or(&self.storage).clone()
    }

    /// Sizes of the dimensions.
    #[must_use]
    pub fn dims(&self) -> [usize; D] {
        self.storage.dims()
    }

    /// Overwrites the values in place, outside any graph. Inside a step, call it before the values
    /// are first used.
    pub fn rewrite(&mut self, values: &Tensor<D>) {
        let mut storage = to_tch(&self.storage);
        tch::no_grad(|| storage.copy_(&to_tch(values)));
    }

    /// Replaces the storage itself, when the number of outputs changes; the framework must tell the
    /// host that parameters moved.
    pub fn replace(&mut self, values: &Tensor<D>) {
        *self = Self::new(values.clone());
    }
}

impl<const D: usize> Slot for Weight<D> {
    fn role(&self) -> Role {
        Role::Weight
    }
    fn storage(&self) -> Option<tch::Tensor> {
        Some(to_tch(&self.storage))
    }
    fn size(&self) -> Vec<i64> {
        signed(self.storage.dims())
    }
    fn put(&mut self, tensor: tch::Tensor) {
        if let Some(tensor) = overwrite(self.storage(), tensor) {
            self.storage = from_tch(tensor);
        }
    }
    fn begin_step(&mut self) {
        self.leaf = Some(self.storage.clone().autodiff().require_grad());
    }
    fn end_step(&mut self, gradients: Option<&Gradients>) -> Option<tch::Tensor> {
        let leaf = self.leaf.take()?;
        leaf.grad(gradients?).map(|grad| to_tch(&grad))
    }
}

/// State of floats: a queue, a centre, running statistics.
#[derive(Debug)]
pub struct Buffer<const D: usize> {
    storage: Option<Tensor<D>>,
    shape: [usize; D],
}

impl<const D: usize> Buffer<D> {
    /// A buffer with these values, of fixed size.
    #[must_use]
    pub fn new(values: Tensor<D>) -> Self {
        Self {
            shape: values.dims(),
            storage: Some(from_tch(to_tch(&values).copy())),
        }
    }

    /// A buffer that is not there yet, and will have this shape.
    #[must_use]
    pub const fn absent(shape: [usize; D]) -> Self {
        Self {
            storage: None,
            shape,
        }
    }

    /// The values, if any.
    #[must_use]
    pub fn get(&self) -> Option<Tensor<D>> {
        self.storage.clone()
    }

    /// The values.
    ///
    /// # Panics
    /// When the buffer is absent: a mistake of the framework's.
    #[track_caller]
    pub fn val(&self) -> Tensor<D> {
        self.get().expect("the buffer was filled before it is read")
    }

    /// Overwrites the values: in place where the sizes agree and nobody else holds them.
    pub fn set(&mut self, values: &Tensor<D>) {
        self.put(to_tch(values));
    }

    /// The storage, for writing a part of it in place. What [`Buffer::val`] gave out before keeps its values: if a
    /// graph or a variable still holds them, the buffer moves to a copy first. `None` while there is nothing.
    pub fn writable(&mut self) -> Option<tch::Tensor> {
        let storage = self.storage.as_mut()?;
        if !storage.can_mut() {
            *storage = from_tch(to_tch(storage).copy());
        }
        Some(to_tch(storage))
    }

    /// Removes the values.
    pub fn clear(&mut self) {
        self.storage = None;
    }
}

impl<const D: usize> Slot for Buffer<D> {
    fn role(&self) -> Role {
        Role::Buffer
    }
    fn storage(&self) -> Option<tch::Tensor> {
        self.storage.as_ref().map(to_tch)
    }
    fn size(&self) -> Vec<i64> {
        signed(self.shape)
    }
    fn put(&mut self, tensor: tch::Tensor) {
        let alone = self.storage.as_ref().is_some_and(Tensor::can_mut);
        let storage = self.storage().filter(|_| alone);
        if let Some(tensor) = overwrite(storage, tensor) {
            self.storage = Some(from_tch(tensor));
        }
    }
}

/// State of 64-bit integers: assignments, pointers, indices.
#[derive(Debug)]
pub struct IntBuffer<const D: usize> {
    storage: Option<Tensor<D, Int>>,
    shape: [usize; D],
    numbers: Option<Numbers>,
}

impl<const D: usize> IntBuffer<D> {
    /// A buffer with these values, of fixed size.
    #[must_use]
    pub fn new(values: Tensor<D, Int>) -> Self {
        Self {
            shape: values.dims(),
            storage: Some(from_tch_int(to_tch_int(&values).copy())),
            numbers: None,
        }
    }

    /// A buffer that is not there yet, and will have this shape.
    #[must_use]
    pub const fn absent(shape: [usize; D]) -> Self {
        Self {
            storage: None,
            shape,
            numbers: None,
        }
    }

    /// The same buffer, which refuses all other numbers of a checkpoint. Whatever is an index needs this: libtorch
    /// throws, or reads elsewhere, at the first use of one that is out of bounds.
    #[must_use]
    pub fn of(self, numbers: Numbers) -> Self {
        Self {
            numbers: Some(numbers),
            ..self
        }
    }

    /// The values, if any.
    #[must_use]
    pub fn get(&self) -> Option<Tensor<D, Int>> {
        self.storage.clone()
    }

    /// The values.
    ///
    /// # Panics
    /// When the buffer is absent: a mistake of the framework's.
    #[track_caller]
    pub fn val(&self) -> Tensor<D, Int> {
        self.get().expect("the buffer was filled before it is read")
    }

    /// Overwrites the values: in place where the sizes agree and nobody else holds them.
    pub fn set(&mut self, values: &Tensor<D, Int>) {
        self.put(to_tch_int(values));
    }

    /// The storage, for writing a part of it in place; as [`Buffer::writable`].
    pub fn writable(&mut self) -> Option<tch::Tensor> {
        let storage = self.storage.as_mut()?;
        if !storage.can_mut() {
            *storage = from_tch_int(to_tch_int(storage).copy());
        }
        Some(to_tch_int(storage))
    }
}

impl<const D: usize> Slot for IntBuffer<D> {
    fn role(&self) -> Role {
        Role::Buffer
    }
    fn storage(&self) -> Option<tch::Tensor> {
        self.storage.as_ref().map(to_tch_int)
    }
    fn size(&self) -> Vec<i64> {
        signed(self.shape)
    }
    fn refusal(&self, tensor: &tch::Tensor) -> Option<String> {
        self.numbers.as_ref()?.refusal(tensor)
    }
    fn is_int(&self) -> bool {
        true
    }
    fn put(&mut self, tensor: tch::Tensor) {
        let alone = self.storage.as_ref().is_some_and(Tensor::can_mut);
        let storage = self.storage().filter(|_| alone);
        if let Some(tensor) = overwrite(storage, tensor) {
            self.storage = Some(from_tch_int(tensor));
        }
    }
}

#[cfg(test)]
mod tests;
