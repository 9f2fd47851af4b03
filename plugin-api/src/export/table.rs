//! Fills the tables of functions from the traits.

#![expect(unsafe_code, reason = "instances cross as opaque pointers")]

use super::framework::{Framework, Instance, Remarks};
use super::guard::guarded;
use crate::abi::{
    self, Code, EpochPlan, InstanceTable, It, Named, NamedSink, PluginTable, ServicesTable, Sink,
    StepIn, StepOut, Str, TrainStep as RawTrainStep, read_sized, take_features, take_named,
    write_sized,
};
use crate::context::Hello;
use crate::exchange::{StepInput, TrainStep};
use crate::fault::Fault;
use crate::services::SharedServices;
use crate::tensor::{FfiTensor, Lent, Managed};
use crate::version::{ABI_MAJOR, ABI_MINOR};
use serde_json::Value;
use std::sync::OnceLock;

/// What a library contains and needs.
pub struct Library {
    /// Its frameworks.
    pub frameworks: fn() -> Vec<&'static dyn Framework>,
    /// Capabilities without which it cannot run.
    pub requires: &'static [&'static str],
    /// The version of libtorch it was built for, if it uses libtorch.
    pub libtorch: fn() -> Option<String>,
    /// What it says beside its frameworks.
    pub remarks: fn() -> Remarks,
    /// The name of the library's crate.
    pub crate_name: &'static str,
}

static LIBRARY: OnceLock<Library> = OnceLock::new();

/// The library's table. What the exported symbol returns.
pub fn table(library: Library) -> *const PluginTable {
    static TABLE: Shared<PluginTable> = Shared(PluginTable {
        size: size_of::<PluginTable>() as u64,
        major: ABI_MAJOR,
        minor: ABI_MINOR,
        hello: Some(hello),
        describe: Some(describe),
        create: Some(create),
    });
    LIBRARY.get_or_init(|| library);
    &raw const TABLE.0
}

/// A table of numbers and functions, which any thread may read.
struct Shared<T>(T);

// SAFETY: tables have no interior mutability, and hold no pointers but to functions.
unsafe impl<T> Sync for Shared<T> {}

/// The name of the library's crate, once the host has asked for its table.
pub(super) fn crate_name() -> Option<&'static str> {
    LIBRARY.get().map(|library| library.crate_name)
}

fn library() -> Result<&'static Library, Fault> {
    LIBRARY
        .get()
        .ok_or_else(|| Fault::internal("the library was not initialised"))
}

fn framework(id: &str) -> Result<&'static dyn Framework, Fault> {
    (library()?.frameworks)()
        .into_iter()
        .find(|framework| framework.metadata().id == id)
        .ok_or_else(|| Fault::config(format!("no framework named `{id}` in this library")))
}

fn parse(what: &str, json: &str) -> Result<Value, Fault> {
    serde_json::from_str(json)
        .map_err(|error| Fault::config(format!("expected {what} as JSON, found {error}")))
}

fn to_json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

unsafe extern "C" fn hello(json: Sink, error: Sink) -> Code {
    guarded("hello", error, || {
        let library = library()?;
        let Remarks { refused, empty } = (library.remarks)();
        let hello = to_json(&Hello {
            api: env!("CARGO_PKG_VERSION").to_owned(),
            libtorch: (library.libtorch)(),
            requires: library
                .requires
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            frameworks: (library.frameworks)()
                .into_iter()
                .map(Framework::metadata)
                .collect(),
            refused,
            empty,
        })?;
        // SAFETY: the caller's sink, inside its call.
        unsafe { json.put(&hello) };
        Ok(())
    })
}

unsafe extern "C" fn describe(id: Str, config: Str, json: Sink, error: Sink) -> Code {
    guarded("describe", error, || {
        // SAFETY: the caller's strings, inside its call.
        let (id, config) = unsafe { (id.read(), config.read()) };
        let description = framework(&id)?.describe(&parse("a configuration", &config)?)?;
        // SAFETY: the caller's sink, inside its call.
        unsafe { json.put(&to_json(&description)?) };
        Ok(())
    })
}

unsafe extern "C" fn create(
    id: Str,
    config: Str,
    run: Str,
    services: *const ServicesTable,
    it: *mut It,
    table: *mut *const InstanceTable,
    error: Sink,
) -> Code {
    guarded("create", error, || {
        // SAFETY: the caller's strings and services, inside its call.
        let (id, config, run, services) = unsafe {
            (
                id.read(),
                config.read(),
                run.read(),
                SharedServices::from_table(services)?,
            )
        };
        let config = parse("a configuration", &config)?;
        let run = serde_json::from_value(parse("the run", &run)?).map_err(Fault::config)?;
        let instance = framework(&id)?.create(&config, run, services)?;
        // SAFETY: the caller's places for the results.
        unsafe {
            *it = Box::into_raw(Box::new(instance)).cast();
            *table = &raw const INSTANCE.0;
        }
        Ok(())
    })
}

type Boxed = Box<dyn Instance>;

/// The instance behind a pointer.
///
/// # Safety
/// `it` was made by [`create`], is not released yet, and no other call on it is running.
unsafe fn instance<'a>(it: It) -> &'a mut Boxed {
    // SAFETY: the caller's promise.
    unsafe { &mut *it.cast::<Boxed>() }
}

/// One exported function: forwards to the trait's method inside the guard.
macro_rules! export {
    ($name:ident ( $($arg:ident : $ty:ty),* ), |$it:ident| $body:expr) => {
        unsafe extern "C" fn $name(it: It $(, $arg: $ty)*, error: Sink) -> Code {
            guarded(stringify!($name), error, || {
                // SAFETY: called through the table with its own pointer. All arguments are the
                // caller's, inside its call, as the header says.
                unsafe {
                    let $it = instance(it);
                    $body
                }
            })
        }
    };
}

unsafe extern "C" fn release(it: It) {
    // There is nobody to tell.
    let _panicked = super::guard::contained(|| {
        // SAFETY: made by `Box::into_raw` in `create`; the host calls this once.
        drop(unsafe { Box::from_raw(it.cast::<Boxed>()) });
    });
}

export!(parameters(out: NamedSink), |it| {
    out.put_all(it.parameters()?);
    Ok(())
});
export!(state(out: NamedSink), |it| {
    out.put_all(it.state()?);
    Ok(())
});
export!(load(parameters: *const Named, parameter_count: u64, state: *const Named, state_count: u64), |it| {
    // Both before either is looked at: their ownership has passed.
    let parameters = take_named(parameters, parameter_count, Lent::Copied);
    let state = take_named(state, state_count, Lent::Copied);
    it.load(parameters?, state?)
});
export!(due(at: *const RawTrainStep, pass: Sink), |it| {
    if let Some(id) = it.due(&read_step(at))? {
        pass.put(&id);
    }
    Ok(())
});
export!(begin_pass(at: *const RawTrainStep, pass: Str, samples: u64), |it| {
    it.begin_pass(&read_step(at), &pass.read(), samples as usize)
});
export!(absorb(indices: *mut Managed, features: *const *const abi::Feature, count: u64), |it| {
    let indices = FfiTensor::from_raw(indices.cast());
    let features = take_features(features, count);
    it.absorb(received(indices)?, features?)
});
export!(end_pass(), |it| it.end_pass());
export!(begin_epoch(at: *const RawTrainStep, plan: *mut EpochPlan), |it| {
    let mut raw = read_sized(plan);
    let wanted = it.begin_epoch(&read_step(at))?;
    for name in &wanted.reset_optimizer {
        raw.reset_optimizer.put(name);
    }
    raw.order = wanted.order.map_or(std::ptr::null_mut(), |order| order.into_raw().cast());
    raw.parameters_moved = wanted.parameters_moved.into();
    write_sized(plan, &raw);
    Ok(())
});
export!(step(input: *const StepIn, out: *mut StepOut), |it| {
    let (input, mut raw) = (read_sized(input), read_sized(out));
    let indices = FfiTensor::from_raw(input.indices.cast());
    let features = take_features(input.features, input.feature_count);
    let output = it.step(StepInput {
        at: read_step(input.at),
        indices: received(indices)?,
        features: features?,
    })?;
    fill("feature", raw.feature_grads, input.feature_count, output.feature_grads)?;
    fill("parameter", raw.param_grads, raw.param_count, output.param_grads)?;
    for metric in &output.metrics {
        raw.metrics.put(metric);
    }
    raw.loss = output.loss;
    raw.parameters_moved = output.parameters_moved.into();
    write_sized(out, &raw);
    Ok(())
});
export!(after_update(at: *const RawTrainStep, momentum: *const f64), |it| {
    it.after_update(&read_step(at), momentum.as_ref().copied())
});
export!(cluster(at: *const RawTrainStep, bank: *const Named, count: u64, out: NamedSink), |it| {
    let bank = take_named(bank, count, Lent::Copied)?;
    out.put_all(it.cluster(&read_step(at), bank)?);
    Ok(())
});

/// # Safety
/// The host's, inside its call.
unsafe fn read_step(at: *const RawTrainStep) -> TrainStep {
    // SAFETY: the caller's promise.
    unsafe { read_sized(at) }.into()
}

fn received(indices: Option<FfiTensor>) -> Result<FfiTensor, Fault> {
    indices
        .ok_or_else(|| Fault::shape("expected indices, found a null pointer"))?
        .received(Lent::Copied)
}

/// Hands gradients over in the host's array.
///
/// # Safety
/// `to` leads to `places` null pointers.
unsafe fn fill(
    of: &str,
    to: *mut *mut Managed,
    places: u64,
    grads: Vec<Option<FfiTensor>>,
) -> Result<(), Fault> {
    if grads.len() as u64 != places {
        return Err(Fault::shape(format!(
            "expected {places} {of} gradients, found {} (step)",
            grads.len()
        )));
    }
    for (n, grad) in grads.into_iter().enumerate() {
        if let Some(grad) = grad {
            // SAFETY: the caller's promise.
            unsafe { *to.add(n) = grad.into_raw().cast() }
        }
    }
    Ok(())
}

static INSTANCE: Shared<InstanceTable> = Shared(InstanceTable {
    size: size_of::<InstanceTable>() as u64,
    release: Some(release),
    parameters: Some(parameters),
    step: Some(step),
    state: Some(state),
    load: Some(load),
    after_update: Some(after_update),
    begin_epoch: Some(begin_epoch),
    due: Some(due),
    begin_pass: Some(begin_pass),
    absorb: Some(absorb),
    end_pass: Some(end_pass),
    cluster: Some(cluster),
});
