//! Listing, loading, copying and averaging the tensors of modules.

use super::slot::Role;
use super::visit::{Module, visit_slots};
use ssl_plugin_api::{Fault, NamedTensor};
use ssl_plugin_tensor::{export, import};

/// Tensors by name: a bank of features handed over for clustering, what to load.
pub type NamedTensors = Vec<(String, tch::Tensor)>;

/// A copy of the tensor of this name and number of dimensions.
///
/// # Errors
/// [`Fault::shape`] when there is none.
pub fn find_tensor(list: &NamedTensors, name: &str, dims: usize) -> Result<tch::Tensor, Fault> {
    list.iter()
        .find(|(n, tensor)| n == name && tensor.dim() == dims)
        .map(|(_, tensor)| tensor.copy())
        .ok_or_else(|| {
            Fault::shape(format!(
                "expected `{name}` of {dims} dimensions in the bank, found none"
            ))
        })
}

/// Views of all tensors of one role, in the module's order.
///
/// # Errors
/// A tensor that cannot cross.
pub fn tensors(module: &mut dyn Module, role: Role) -> Result<Vec<NamedTensor>, Fault> {
    let mut list = Vec::new();
    let mut failed = None;
    visit_slots(module, |name, slot| {
        let Some(storage) = slot.storage().filter(|_| slot.role() == role) else {
            return;
        };
        match export(&storage) {
            Ok(tensor) => list.push(NamedTensor {
                name: name.to_owned(),
                tensor,
            }),
            Err(fault) => failed = Some(fault),
        }
    });
    failed.map_or(Ok(list), Err)
}

/// Loads tensors by name into the slots of one role; names that no slot has stay in `given`. With
/// `dry` nothing is changed: only type, size and whole numbers are checked.
///
/// # Errors
/// A tensor whose shape or type does not fit, or a whole number that the slot cannot hold, named.
pub fn load(
    module: &mut dyn Module,
    given: &mut NamedTensors,
    role: Role,
    dry: bool,
) -> Result<(), Fault> {
    let mut failed = None;
    visit_slots(module, |name, slot| {
        let Some(at) = given
            .iter()
            .position(|(n, _)| n == name && slot.role() == role)
        else {
            return;
        };
        let (_, tensor) = given.swap_remove(at);
        let (expected, found) = (slot.size(), tensor.size());
        let kind = if slot.is_int() {
            tch::Kind::Int64
        } else {
            tch::Kind::Float
        };
        let refusal = if expected == found && tensor.kind() == kind {
            slot.refusal(&tensor)
        } else {
            Some(format!(
                "expected {kind:?} of shape {expected:?}, found {:?} of shape {found:?}",
                tensor.kind()
            ))
        };
        if let Some(refusal) = refusal {
            failed.get_or_insert_with(|| Fault::state(format!("{name}: {refusal}")));
        } else if !dry {
            slot.put(tensor);
        }
    });
    failed.map_or(Ok(()), Err)
}

/// Takes the boundary's tensors in, as copies that outlive the call.
pub(crate) fn owned(list: Vec<NamedTensor>) -> Result<NamedTensors, Fault> {
    list.into_iter()
        .map(|named| Ok((named.name, import(named.tensor)?.copy())))
        .collect()
}

fn weights(module: &mut dyn Module) -> Vec<tch::Tensor> {
    let mut list = Vec::new();
    visit_slots(module, |_, slot| {
        if slot.role() == Role::Weight {
            list.extend(slot.storage());
        }
    });
    list
}

/// `to ← m·to + (1 − m)·from`, weights only, in place; buffers stay each module's own.
///
/// # Panics
/// When the modules are not of the same build: a mistake of the framework's.
pub(super) fn average_weights(from: &mut dyn Module, to: &mut dyn Module, m: f64) {
    let (from, to) = (weights(from), weights(to));
    assert_eq!(from.len(), to.len(), "both modules have the same weights");
    tch::no_grad(|| {
        for (from, mut to) in from.iter().zip(to) {
            if m == 0.0 {
                to.copy_(from);
            } else {
                let _averaged = to.g_mul_scalar_(m).g_add_(&(from * (1.0 - m)));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::module::{Buffer, IntBuffer, Numbers};

    fn ones(size: [i64; 2]) -> NamedTensors {
        let tensor = tch::Tensor::ones(size, (tch::Kind::Float, tch::Device::Cpu));
        vec![(String::new(), tensor)]
    }

    #[test]
    fn a_buffer_that_is_not_there_yet_takes_its_own_shape_alone() {
        let mut queue = Buffer::<2>::absent([2, 3]);
        let fault = load(&mut queue, &mut ones([3, 2]), Role::Buffer, false).unwrap_err();
        assert_eq!(
            fault.message,
            ": expected Float of shape [2, 3], found Float of shape [3, 2]"
        );
        assert!(queue.get().is_none());
        load(&mut queue, &mut ones([2, 3]), Role::Buffer, false).unwrap();
        assert_eq!(queue.val().dims(), [2, 3]);
    }

    #[test]
    fn numbers_of_another_type_are_refused() {
        let mut queue = Buffer::<2>::absent([2, 3]);
        for kind in [tch::Kind::Double, tch::Kind::Half, tch::Kind::Bool] {
            let mut given = ones([2, 3]);
            given[0].1 = given[0].1.to_kind(kind);
            let fault = load(&mut queue, &mut given, Role::Buffer, true).unwrap_err();
            let expected =
                format!(": expected Float of shape [2, 3], found {kind:?} of shape [2, 3]");
            assert_eq!(fault.message, expected);
        }
    }

    #[test]
    fn whole_numbers_out_of_bounds_are_refused_before_anything_is_taken() {
        let mut places = IntBuffer::<1>::absent([2]).of(Numbers::within(0..2));
        let given = |last: i64| vec![(String::new(), tch::Tensor::from_slice(&[0, last]))];
        for dry in [true, false] {
            let fault = load(&mut places, &mut given(2), Role::Buffer, dry).unwrap_err();
            let expected = ": expected whole numbers in 0..2, found 2";
            assert_eq!(fault.message, expected);
        }
        assert!(places.get().is_none());
        load(&mut places, &mut given(1), Role::Buffer, false).unwrap();
        assert!(places.get().is_some());
    }
}
