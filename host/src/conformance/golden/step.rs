//! A golden pretext step: load parameters and state, step once, compare everything.

use super::case::Case;
use super::compare::{Comparison, Tolerance, exceeds, relative};
use ssl_plugin_api::description::{Encoder, FeatureKey, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{Fault, Feature, NamedTensor, SingleProcess, StepInput};
use ssl_plugin_tensor::{export, export_read_only, import};
use std::collections::BTreeMap;
use std::sync::Arc;
use tch::Tensor;

/// Starts the case's framework with the case's parameters and state.
pub(super) fn start(plugin: &Plugin, case: &Case) -> Result<Instance, Fault> {
    let context = case.context();
    let mut instance = plugin.create(
        &case.framework,
        &case.config,
        &context,
        Arc::new(SingleProcess),
    )?;
    instance.load(named(case, "param")?, named(case, "state")?)?;
    Ok(instance)
}

/// The case's tensors under a prefix, for the boundary.
pub(super) fn named(case: &Case, prefix: &str) -> Result<Vec<NamedTensor>, Fault> {
    case.under(prefix)
        .map(|(name, tensor)| {
            Ok(NamedTensor {
                name: name.to_owned(),
                tensor: export(tensor)?,
            })
        })
        .collect()
}

/// Tensors from the boundary, by name, as copies.
pub(super) fn collected(list: Vec<NamedTensor>) -> Result<BTreeMap<String, Tensor>, Fault> {
    list.into_iter()
        .map(|named| Ok((named.name, import(named.tensor)?.copy())))
        .collect()
}

/// Runs a step case.
///
/// # Errors
/// The plugin's fault.
pub(super) fn run(plugin: &Plugin, case: &Case) -> Result<Comparison, Fault> {
    let mut instance = start(plugin, case)?;
    let names: Vec<String> = instance.parameters()?.into_iter().map(|p| p.name).collect();
    let features = case.features();
    let before: Vec<Tensor> = features.iter().map(|(.., tensor)| tensor.copy()).collect();
    let index = case
        .tensors
        .get("index")
        .ok_or_else(|| Fault::shape("the case has no index"))?;
    let output = instance.step(StepInput {
        at: case.at,
        indices: export_read_only(index)?,
        features: features
            .iter()
            .map(|(encoder, view, level, tensor)| {
                Ok(Feature {
                    encoder: *encoder,
                    view: *view,
                    level: *level,
                    tensor: export_read_only(tensor)?,
                })
            })
            .collect::<Result<_, Fault>>()?,
    })?;

    let mut comparison = Comparison::default();
    if let Some(loss) = case.tensors.get("expect.loss") {
        comparison.loss(output.loss, loss.double_value(&[]));
    }
    let mut grads = BTreeMap::new();
    for ((encoder, view, level, _), grad) in features.iter().zip(output.feature_grads) {
        if let Some(grad) = grad {
            grads.insert(name(*encoder, *view, *level), import(grad)?.copy());
        }
    }
    for (name, grad) in names.iter().zip(output.param_grads) {
        if let Some(grad) = grad {
            grads.insert(format!("param.{name}"), import(grad)?.copy());
        }
    }
    for (name, reference) in case.under("expect.grad") {
        comparison.grad(name, grads.get(name), reference);
    }
    zero_grads(case, &grads, &mut comparison);

    let parameters = collected(instance.parameters()?)?;
    for (name, reference) in case.under("expect.param") {
        comparison.state(
            name,
            parameters.get(name),
            reference,
            Tolerance::SINGLE.state,
        );
    }
    let state = collected(instance.state()?)?;
    for (name, reference) in case.under("expect.state") {
        comparison.state(name, state.get(name), reference, Tolerance::SINGLE.state);
    }
    for ((encoder, view, level, tensor), before) in features.iter().zip(&before) {
        if relative(tensor, before) != 0.0 {
            comparison.fault(format!(
                "{}: expected untouched input, found it overwritten",
                name(*encoder, *view, *level)
            ));
        }
    }
    Ok(comparison)
}

/// Gradients that are zero by construction: at most rounding, measured against the largest one.
fn zero_grads(case: &Case, grads: &BTreeMap<String, Tensor>, comparison: &mut Comparison) {
    let norm = |tensor: &Tensor| tensor.norm().double_value(&[]);
    let largest = grads.values().map(norm).fold(0.0, f64::max);
    for name in &case.zero_grad {
        let found = grads.get(name).map_or(0.0, norm);
        if exceeds(found, Tolerance::SINGLE.grad * largest) {
            comparison.fault(format!(
                "{name}: expected a gradient of zero, found norm {found:.3e}"
            ));
        }
    }
}

fn name(encoder: Encoder, view: usize, level: Level) -> String {
    FeatureKey {
        encoder,
        view,
        level,
    }
    .to_string()
}
