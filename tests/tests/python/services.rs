//! Everything that the boundary offers, from Python.

use super::driven::{BATCH, DIM, at, context, python, raw, start_in, values};
use super::faults::no_child;
use super::{Needs, Outcome, Part, says};
use serde_json::json;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{
    Fault, Feature, FeatureDim, FfiTensor, LogLevel, NamedTensor, Reduce, RunContext, Services,
    StepInput, StepOutput,
};
use ssl_plugin_tensor::{export, import};
use std::sync::Arc;
use tch::Tensor;

pub const SERVICES: Part = Part {
    name: "passes_orders_clusterings_collectives_and_state",
    frameworks: "services_framework:Everything",
    needs: Needs::Torch,
    run: services,
};

const CHANNELS: i64 = 6;

/// Two ranks that have the same.
struct Twins;

impl Services for Twins {
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        let mut tensor = import(tensor)?;
        if reduce == Reduce::Sum {
            let _ = tensor.g_mul_scalar_(2.0);
        }
        Ok(())
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        let tensor = import(tensor)?;
        export(&Tensor::cat(&[&tensor, &tensor], 0))
    }
    fn broadcast(&self, _tensor: FfiTensor, _root: usize) -> Result<(), Fault> {
        Ok(())
    }
}

fn run() -> RunContext {
    let mut run = context();
    run.world_size = 2;
    run.features.push(FeatureDim {
        level: Level::Layer4,
        dim: CHANNELS as usize,
    });
    run
}

pub fn everything(plugin: &Plugin) -> Result<Instance, String> {
    start_in(plugin, "everything", &json!({}), &run(), Arc::new(Twins))
        .map_err(|fault| fault.to_string())
}

fn features(step: u64) -> Vec<Feature> {
    let mut list = Vec::new();
    for (encoder, view, level) in [
        (Encoder::Online, 0, Level::Pooled),
        (Encoder::Online, 0, Level::Layer4),
        (Encoder::Online, 1, Level::Pooled),
        (Encoder::Online, 1, Level::Layer4),
        (Encoder::Target, 0, Level::Pooled),
    ] {
        let all = values(step, view);
        let (shape, values) = match level {
            Level::Pooled => (vec![BATCH as i64, DIM as i64], all),
            _ => (vec![BATCH as i64, CHANNELS, 2, 2], all),
        };
        let tensor = FfiTensor::from_vec(&shape, values);
        list.push(Feature {
            encoder,
            view,
            level,
            tensor,
        });
    }
    list
}

pub fn indices() -> FfiTensor {
    FfiTensor::from_vec(&[BATCH as i64], (0..BATCH as i64).collect())
}

pub fn step(instance: &mut Instance, step: u64) -> Result<StepOutput, String> {
    let input = StepInput {
        at: at(step),
        indices: indices(),
        features: features(step),
    };
    instance.step(input).map_err(|fault| fault.to_string())
}

/// The pass that is due before training.
pub fn prepare(instance: &mut Instance) -> Outcome {
    let words = |fault: Fault| fault.to_string();
    let due = instance.due(&at(0)).map_err(words)?;
    if due.as_deref() != Some("bank") {
        return Err(format!("expected the pass `bank` to be due, found {due:?}"));
    }
    let early = instance
        .absorb(indices(), Vec::new())
        .err()
        .ok_or("expected no open pass")?;
    says(&early.message, &["expected an open feature pass"])?;
    let unknown = instance
        .begin_pass(&at(0), "other", 64)
        .err()
        .ok_or("expected no such pass")?;
    says(&unknown.message, &["bank, views", "found other"])?;
    instance.begin_pass(&at(0), "bank", 64).map_err(words)?;
    instance
        .absorb(indices(), features(0).into_iter().take(1).collect())
        .map_err(words)?;
    instance.end_pass().map_err(words)?;
    match instance.due(&at(0)).map_err(words)? {
        None => Ok(()),
        Some(pass) => Err(format!("expected no pass to be due, found {pass}")),
    }
}

fn named(list: &[NamedTensor], name: &str) -> Result<Vec<u8>, String> {
    let found = list.iter().find(|it| it.name == name);
    found
        .map(|it| raw(&it.tensor))
        .ok_or_else(|| format!("expected {name}, found none"))
}

fn services() -> Outcome {
    everything_is_reachable()?;
    // With the last tensor of its instance, the worker has ended.
    no_child()
}

fn everything_is_reachable() -> Outcome {
    let words = |fault: Fault| fault.to_string();
    let plugin = python()?;
    let mut instance = everything(&plugin)?;
    prepare(&mut instance)?;
    let plan = instance.begin_epoch(&at(0)).map_err(words)?;
    let order = plan.order.ok_or("expected an order")?;
    let mut order = order
        .as_slice::<i64>()
        .map_err(|error| error.to_string())?
        .to_vec();
    let drawn = order.clone();
    order.sort_unstable();
    if order != (0..64).collect::<Vec<_>>()
        || drawn == order
        || plan.reset_optimizer != ["head.weight"]
    {
        return Err(format!(
            "expected a drawn order and a reset, found {drawn:?}, {:?}",
            plan.reset_optimizer
        ));
    }
    // Gradients of a step stay what they are while the host has them.
    let first = step(&mut instance, 0)?;
    let grads = |output: &StepOutput| {
        output
            .param_grads
            .iter()
            .flatten()
            .map(raw)
            .collect::<Vec<_>>()
    };
    let kept = grads(&first);
    for n in 1..4 {
        let output = step(&mut instance, n)?;
        if grads(&output) == kept || output.parameters_moved {
            return Err("expected other gradients in another step, and no move".to_owned());
        }
        instance.after_update(&at(n), Some(0.5)).map_err(words)?;
    }
    if grads(&first) != kept {
        return Err("expected the first step's gradients to stay, found them changed".to_owned());
    }
    let metric = |name: &str| {
        first
            .metrics
            .iter()
            .find(|it| it.name == name)
            .map(|it| it.value)
    };
    if metric("seen") != Some(1.0) || metric("infinite") != Some(f64::INFINITY) {
        return Err(format!("expected the metrics, found {:?}", first.metrics));
    }
    if first.feature_grads.len() != 5 || first.feature_grads[4].is_some() {
        return Err("expected gradients of the four online features alone".to_owned());
    }
    let state = instance.state().map_err(words)?;
    for name in [
        "target.head.weight",
        "bank",
        "random.of.order",
        "random.of.noise",
        "random.torch",
        "random.python",
    ] {
        named(&state, name)?;
    }
    if named(&state, "grown")?.len() != 4 * 4 * 4 || named(&state, "seen")? != 4_i64.to_le_bytes() {
        return Err("expected four rows and a count of four".to_owned());
    }
    load_is_atomic(&mut instance)?;
    let found = instance
        .cluster(&at(4), vec![bank("bank.features")?, bank("bank.index")?])
        .map_err(words)?;
    named(&found, "centroids.0")?;
    named(&found, "assignment.0")?;
    // The next epoch has two parameters more.
    let plan = instance.begin_epoch(&at(4)).map_err(words)?;
    if !plan.parameters_moved || instance.parameters().map_err(words)?.len() != 6 {
        return Err("expected the new epoch to have six parameters and to say so".to_owned());
    }
    let output = step(&mut instance, 4)?;
    if output.param_grads.iter().flatten().count() != 6 {
        return Err("expected gradients of the new parameters".to_owned());
    }
    Ok(())
}

fn bank(name: &str) -> Result<NamedTensor, String> {
    let tensor = match name {
        "bank.index" => indices(),
        _ => FfiTensor::from_vec(&[BATCH as i64, DIM as i64], values(0, 0)),
    };
    Ok(NamedTensor {
        name: name.to_owned(),
        tensor,
    })
}

fn load_is_atomic(instance: &mut Instance) -> Outcome {
    let words = |fault: Fault| fault.to_string();
    let tensor = |name: &str, shape: &[i64]| NamedTensor {
        name: name.to_owned(),
        tensor: FfiTensor::from_vec(shape, vec![9.0_f32; shape.iter().product::<i64>() as usize]),
    };
    let all = |instance: &mut Instance| -> Result<Vec<_>, String> {
        let mut list = super::driven::bytes(&instance.parameters().map_err(words)?);
        list.extend(super::driven::bytes(&instance.state().map_err(words)?));
        Ok(list)
    };
    let before = all(instance)?;
    for (parameters, state, expected) in [
        (
            vec![tensor("head.bias", &[4])],
            vec![tensor("replaced", &[5])],
            "`replaced`: expected float32 of shape [4]",
        ),
        (
            vec![tensor("head.bias", &[4])],
            vec![tensor("nothing", &[4])],
            "found `nothing`",
        ),
        (
            vec![tensor("head.bias", &[3])],
            vec![tensor("replaced", &[4])],
            "`head.bias`: expected f32 of shape [4]",
        ),
        (
            vec![tensor("head.bias", &[4]), tensor("target.head.bias", &[4])],
            vec![],
            "found `target.head.bias`",
        ),
        (
            vec![],
            vec![tensor("replaced", &[4]), tensor("seen", &[])],
            "`seen`: expected int64",
        ),
    ] {
        let fault = instance
            .load(parameters, state)
            .err()
            .ok_or("expected a refusal")?;
        says(&fault.message, &[expected])?;
        if all(instance)? != before {
            return Err(format!(
                "expected a refused load to change nothing ({expected})"
            ));
        }
    }
    // A buffer that may change its shape takes another one.
    instance
        .load(
            vec![tensor("head.bias", &[4])],
            vec![tensor("grown", &[7, 4])],
        )
        .map_err(words)?;
    if all(instance)? == before {
        return Err("expected a load to change something".to_owned());
    }
    Ok(())
}
