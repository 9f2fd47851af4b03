//! What goes in and out of an instance's calls.

use super::text::{Room, Str};
use crate::exchange::{self, Metric, NamedTensor};
use crate::fault::Fault;
use crate::tensor::{FfiTensor, Lent, Managed};
use abi_stable::StableAbi;
use std::ffi::c_void;

/// `ssl_train_step`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct TrainStep {
    size: u64,
    epoch: u64,
    epochs: u64,
    step: u64,
    steps_per_epoch: u64,
    seed: u64,
}

impl From<&exchange::TrainStep> for TrainStep {
    fn from(at: &exchange::TrainStep) -> Self {
        Self {
            size: size_of::<Self>() as u64,
            epoch: at.epoch,
            epochs: at.epochs,
            step: at.step,
            steps_per_epoch: at.steps_per_epoch,
            seed: at.seed,
        }
    }
}

impl From<TrainStep> for exchange::TrainStep {
    fn from(at: TrainStep) -> Self {
        Self {
            epoch: at.epoch,
            epochs: at.epochs,
            step: at.step,
            steps_per_epoch: at.steps_per_epoch,
            seed: at.seed,
        }
    }
}

/// `ssl_named`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Named {
    name: Str,
    tensor: *mut Managed,
}

/// `ssl_named_sink`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct NamedSink {
    context: *mut c_void,
    put: Option<unsafe extern "C" fn(*mut c_void, Named)>,
}

/// Tensors as they came, or none where there was a null pointer.
#[derive(Default)]
struct Received {
    list: Vec<(String, Option<FfiTensor>)>,
    room: Room,
}

unsafe extern "C" fn push(context: *mut c_void, named: Named) {
    // SAFETY: made by `NamedSink::collect`, whose list outlives the call that the sink is for; the
    // tensor's ownership passes.
    unsafe {
        let all = &mut *context.cast::<Received>();
        // Taken over in any case, so that it is released.
        let tensor = FfiTensor::from_raw(named.tensor.cast());
        let name = all.room.read_item(named.name);
        all.list.extend(name.map(|name| (name, tensor)));
    }
}

/// What a list of tensors must be before Rust code gets it.
fn checked(received: Received, lent: Lent) -> Result<Vec<NamedTensor>, Fault> {
    received.room.check()?;
    let list = received.list;
    list.into_iter()
        .map(|(name, tensor)| {
            let tensor = tensor
                .ok_or_else(|| Fault::shape("expected a tensor, found a null pointer"))
                .and_then(|tensor| tensor.received(lent))
                .map_err(|fault| Fault::new(fault.kind, format!("{name}: {fault}")))?;
            Ok(NamedTensor { name, tensor })
        })
        .collect()
}

impl NamedSink {
    /// Collects what `call` puts; what it gave before a fault is dropped.
    pub(crate) fn collect(
        lent: Lent,
        call: impl FnOnce(Self) -> Result<(), Fault>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        let mut list = Received::default();
        call(Self {
            context: std::ptr::from_mut(&mut list).cast(),
            put: Some(push),
        })?;
        checked(list, lent)
    }

    /// Hands tensors over.
    ///
    /// # Safety
    /// The sink is the other side's, and the call that it was received in has not returned.
    pub(crate) unsafe fn put_all(self, list: Vec<NamedTensor>) {
        let Some(put) = self.put else { return };
        for NamedTensor { name, tensor } in list {
            let named = Named {
                name: Str::new(&name),
                tensor: tensor.into_raw().cast(),
            };
            // SAFETY: the caller's promise; the name lives over the call.
            unsafe { put(self.context, named) }
        }
    }
}

/// Tensors on their way to the other side, which takes them over in the call that they are for.
pub(crate) struct Given {
    items: Vec<Named>,
    /// What the items' names borrow.
    _names: Vec<String>,
}

impl Given {
    pub(crate) fn new(list: Vec<NamedTensor>) -> Self {
        let (names, tensors): (Vec<_>, Vec<_>) =
            list.into_iter().map(|n| (n.name, n.tensor)).unzip();
        let items = names.iter().zip(tensors).map(|(name, tensor)| Named {
            name: Str::new(name),
            tensor: tensor.into_raw().cast(),
        });
        Self {
            items: items.collect(),
            _names: names,
        }
    }

    pub(crate) fn as_ptr(&self) -> *const Named {
        self.items.as_ptr()
    }

    pub(crate) const fn len(&self) -> u64 {
        self.items.len() as u64
    }
}

/// Takes over a list of tensors.
///
/// # Safety
/// `items` leads to `count` items, or may be null if there are none; their tensors' ownership passes.
pub(crate) unsafe fn take_named(
    items: *const Named,
    count: u64,
    lent: Lent,
) -> Result<Vec<NamedTensor>, Fault> {
    let mut list = Received::default();
    for n in 0..count as usize {
        // SAFETY: the caller's promise.
        unsafe { push(std::ptr::from_mut(&mut list).cast(), *items.add(n)) }
    }
    checked(list, lent)
}

/// `ssl_feature`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Feature {
    pub(crate) size: u64,
    pub(crate) encoder: u32,
    pub(crate) level: u32,
    pub(crate) view: u32,
    pub(crate) reserved: u32,
    pub(crate) tensor: *mut Managed,
}

/// `ssl_step_in`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct StepIn {
    pub(crate) size: u64,
    pub(crate) at: *const TrainStep,
    pub(crate) indices: *mut Managed,
    pub(crate) features: *const *const Feature,
    pub(crate) feature_count: u64,
}

/// `ssl_metric_sink`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct MetricSink {
    context: *mut c_void,
    put: Option<unsafe extern "C" fn(*mut c_void, Str, f64)>,
}

/// Numbers on their way through a sink.
#[derive(Default)]
pub(crate) struct Metrics {
    list: Vec<Metric>,
    room: Room,
}

impl Metrics {
    /// The numbers.
    ///
    /// # Errors
    /// More than one call may put.
    pub(crate) fn taken(self) -> Result<Vec<Metric>, Fault> {
        self.room.check()?;
        Ok(self.list)
    }
}

unsafe extern "C" fn push_metric(context: *mut c_void, name: Str, value: f64) {
    // SAFETY: made by `MetricSink::list`, whose list outlives the call that the sink is for.
    unsafe {
        let all = &mut *context.cast::<Metrics>();
        let name = all.room.read_item(name);
        all.list.extend(name.map(|name| Metric { name, value }));
    }
}

impl MetricSink {
    /// Collects numbers.
    pub(crate) fn list(into: &mut Metrics) -> Self {
        Self {
            context: std::ptr::from_mut(into).cast(),
            put: Some(push_metric),
        }
    }

    /// Hands a number over.
    ///
    /// # Safety
    /// The sink is the other side's, and the call that it was received in has not returned.
    pub(crate) unsafe fn put(self, metric: &Metric) {
        if let Some(put) = self.put {
            // SAFETY: the caller's promise; the name lives over the call.
            unsafe { put(self.context, Str::new(&metric.name), metric.value) }
        }
    }
}

/// `ssl_step_out`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct StepOut {
    pub(crate) size: u64,
    pub(crate) loss: f64,
    pub(crate) feature_grads: *mut *mut Managed,
    pub(crate) param_grads: *mut *mut Managed,
    pub(crate) param_count: u64,
    pub(crate) metrics: MetricSink,
    pub(crate) parameters_moved: u32,
    pub(crate) reserved: u32,
}

/// `ssl_epoch_plan`.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct EpochPlan {
    pub(crate) size: u64,
    pub(crate) order: *mut Managed,
    pub(crate) reset_optimizer: super::text::Sink,
    pub(crate) parameters_moved: u32,
    pub(crate) reserved: u32,
}
