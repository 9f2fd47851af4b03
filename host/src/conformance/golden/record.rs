//! Golden files of a plugin's own making: what one step of it computes today, to be compared with what
//! it computes tomorrow.

use crate::conformance::inputs::Input;
use crate::conformance::session::Session;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::tensors::{Named, tensor_bytes, value_bytes};
use crate::conformance::verdict::{Broken, broken};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;
use ssl_plugin_api::description::FeatureKey;
use std::collections::{BTreeMap, HashMap};
use tch::{Kind, Tensor};

/// The version of the format.
const FORMAT: &str = "1";

/// A golden file of one step in the middle of a run on drawn features, as bytes.
///
/// Loss, gradients and state are the plugin's own, so the file shows when they change, and not
/// whether they are right.
///
/// # Errors
/// The plugin's fault.
pub fn record(subject: &Subject) -> Result<Vec<u8>, Broken> {
    let plugin = subject.open()?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    let batch = session.batch();
    let mut tensors = BTreeMap::new();
    let mut put = |name: String, tensor: &Tensor| {
        tensors.insert(name, tensor.detach().copy());
    };
    put("index".to_owned(), &Tensor::from_slice(&batch.indices));
    let key = |it: &Input| FeatureKey {
        encoder: it.encoder,
        view: it.view,
        level: it.level,
    };
    let names: Vec<String> = batch
        .features
        .iter()
        .map(|it| key(it).to_string())
        .collect();
    for (name, input) in names.iter().zip(&batch.features) {
        put(name.clone(), &input.tensor);
    }
    let before = session.saved()?;
    let stepped = session.step(&batch)?;
    let after = session.saved()?;
    for (prefix, before, after) in [
        ("param", &before[0], &after[0]),
        ("state", &before[1], &after[1]),
    ] {
        for (name, tensor) in before {
            put(format!("{prefix}.{name}"), tensor);
        }
        for (name, tensor) in changed(before, after) {
            put(format!("expect.{prefix}.{name}"), tensor);
        }
    }
    put(
        "expect.loss".to_owned(),
        &Tensor::from(stepped.loss).to_kind(Kind::Float),
    );
    let mut zero = Vec::new();
    let parameters = before[0].iter().map(|(name, _)| format!("param.{name}"));
    let gradients = stepped.features.iter().chain(&stepped.parameters);
    for (name, gradient) in names.iter().cloned().chain(parameters).zip(gradients) {
        match gradient {
            Some(gradient) if gradient.count_nonzero(None).int64_value(&[]) > 0 => {
                put(format!("expect.grad.{name}"), gradient);
            }
            _ => zero.push(name),
        }
    }
    let metadata = HashMap::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("framework".to_owned(), subject.id().to_owned()),
        ("config".to_owned(), subject.config.to_string()),
        (
            "context".to_owned(),
            json!({
                "epoch": session.at.epoch, "epochs": session.at.epochs,
                "step": session.at.step, "steps_per_epoch": session.at.steps_per_epoch,
            })
            .to_string(),
        ),
        ("zero_grad".to_owned(), json!(zero).to_string()),
        (
            "source".to_owned(),
            format!(
                "recorded from {} {}",
                subject.id(),
                subject.metadata.version
            ),
        ),
    ]);
    let stored: Vec<(&String, Dtype, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .filter_map(|(name, tensor)| {
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            Some((name, dtype(tensor.kind())?, shape, value_bytes(tensor)))
        })
        .collect();
    let views = stored.iter().map(|(name, dtype, shape, bytes)| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name, view))
    });
    let views = views.collect::<Result<Vec<_>, _>>();
    views
        .and_then(|views| safetensors::serialize(views, Some(metadata)))
        .map_err(|error| broken(error.to_string()))
}

/// The types that the format has; state of another type is left out.
fn dtype(kind: Kind) -> Option<Dtype> {
    match kind {
        Kind::Float => Some(Dtype::F32),
        Kind::Double => Some(Dtype::F64),
        Kind::Int64 => Some(Dtype::I64),
        _ => None,
    }
}

/// The tensors that a step changed.
fn changed<'a>(before: &'a Named, after: &'a Named) -> impl Iterator<Item = &'a (String, Tensor)> {
    after.iter().filter(|(name, tensor)| {
        let old = before.iter().find(|(known, _)| known == name);
        old.is_none_or(|(_, old)| tensor_bytes(old) != tensor_bytes(tensor))
    })
}
