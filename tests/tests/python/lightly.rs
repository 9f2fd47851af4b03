//! lightly's losses with lightly's heads beside the native plugins: the loss of every step for the same weights.

use super::driven::{at, input, python, start};
use super::{Needs, Outcome, Part, library};
use serde_json::{Value, json};
use ssl_plugin_api::description::Encoder;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{FfiTensor, NamedTensor};
use ssl_plugin_tensor::{export, import};
use tch::{Tensor, no_grad};

pub const COMPARED: Part = Part {
    name: "lightly_computes_what_the_native_plugins_do",
    frameworks: "lightly_frameworks:SimCLR,lightly_frameworks:MoCo,lightly_frameworks:BYOL,\
                 lightly_frameworks:SimSiam,lightly_frameworks:Barlow,lightly_frameworks:VICReg",
    needs: Needs::Lightly,
    run: compared,
};

const STEPS: u64 = 12;
/// Largest relative difference of two losses.
const TOLERANCE: f64 = 1e-5;
const RATE: f64 = 0.05;

type Features = &'static [(Encoder, usize)];

const PAIR: Features = &[(Encoder::Online, 0), (Encoder::Online, 1)];
const BOTH: Features = &[
    (Encoder::Online, 0),
    (Encoder::Online, 1),
    (Encoder::Target, 0),
    (Encoder::Target, 1),
];
const QUERY_AND_KEY: Features = &[(Encoder::Online, 0), (Encoder::Target, 1)];

/// The native id, its configuration, that of lightly's, the features.
fn cases() -> Vec<(&'static str, Value, Value, Features)> {
    let projector = json!({ "projector_hidden_dim": 32, "projector_dim": 16 });
    let with = |more: &[(&str, Value)]| {
        let mut config = projector.clone();
        for (key, value) in more {
            config[*key] = value.clone();
        }
        config
    };
    let predictor = with(&[("predictor_hidden_dim", json!(24))]);
    let queue = with(&[("queue_size", json!(64))]);
    let simsiam = json!({ "projector_dim": 16, "predictor_hidden_dim": 8 });
    let wide = json!({ "projector_dims": [32, 32, 16] });
    vec![
        ("simclr", projector.clone(), projector.clone(), PAIR),
        ("moco", queue.clone(), queue, QUERY_AND_KEY),
        ("byol", predictor.clone(), predictor, BOTH),
        ("simsiam", simsiam.clone(), simsiam, PAIR),
        ("barlow", wide.clone(), wide.clone(), PAIR),
        ("vicreg", wide.clone(), wide, PAIR),
    ]
}

fn compared() -> Outcome {
    let lightly = python()?;
    for (id, native, own, features) in cases() {
        compare(&lightly, id, &native, &own, features).map_err(|fault| format!("{id}: {fault}"))?;
    }
    Ok(())
}

fn compare(lightly: &Plugin, id: &str, native: &Value, own: &Value, features: Features) -> Outcome {
    let words = |fault: ssl_plugin_api::Fault| fault.to_string();
    let plugin = Plugin::open(&library(id)).map_err(|error| error.to_string())?;
    let mut native = start(&plugin, id, native).map_err(words)?;
    let mut python = start(lightly, &format!("lightly-{id}"), own).map_err(words)?;
    let mut losses = Vec::new();
    for step in 0..STEPS {
        copy(&mut native, &mut python)?;
        let output = native.step(input(step, features)).map_err(words)?;
        let found = python.step(input(step, features)).map_err(words)?.loss;
        let expected = output.loss;
        if (found - expected).abs() > TOLERANCE * expected.abs() {
            return Err(format!(
                "step {step}: expected a loss of {expected}, found {found}"
            ));
        }
        losses.push(expected);
        descend(&mut native, output.param_grads)?;
        native.after_update(&at(step), Some(0.99)).map_err(words)?;
    }
    if losses.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!(
            "expected losses that differ from step to step, found {losses:?}"
        ));
    }
    println!(
        "{id}: {STEPS} losses from {:.5} to {:.5}",
        losses[0],
        losses[losses.len() - 1]
    );
    Ok(())
}

/// Where lightly's head has what the native one calls `name`; nothing for what it has not.
fn place(name: &str) -> Option<String> {
    match name {
        "queue" => Some("criterion.memory_bank.bank".to_owned()),
        "queue_ptr" => Some("criterion.memory_bank.bank_ptr".to_owned()),
        _ => {
            let (module, layer) = name
                .strip_prefix("target.")
                .map_or_else(|| name.split_once('.'), |rest| rest.split_once('.'))?;
            let target = if name.starts_with("target.") {
                "target."
            } else {
                ""
            };
            Some(format!("{target}{module}.layers.{layer}"))
        }
    }
}

/// Gives the native weights and state to lightly's framework.
fn copy(native: &mut Instance, python: &mut Instance) -> Outcome {
    let words = |fault: ssl_plugin_api::Fault| fault.to_string();
    let names = |list: Vec<NamedTensor>| list.into_iter().map(|it| it.name).collect::<Vec<_>>();
    let known = [
        names(python.parameters().map_err(words)?),
        names(python.state().map_err(words)?),
    ];
    let given = [
        native.parameters().map_err(words)?,
        native.state().map_err(words)?,
    ];
    let mut lists = Vec::new();
    for (list, known) in given.into_iter().zip(&known) {
        let mut renamed = Vec::new();
        for NamedTensor { name, tensor } in list {
            let Some(to) = place(&name).filter(|to| known.contains(to)) else {
                if name.contains("running_") {
                    // Statistics of a batch norm that lightly computes without; training does not read them.
                    continue;
                }
                return Err(format!("expected a place for {name} among {known:?}"));
            };
            let tensor = laid_out(&name, tensor)?;
            renamed.push(NamedTensor { name: to, tensor });
        }
        lists.push(renamed);
    }
    let state = lists.pop().unwrap_or_default();
    python
        .load(lists.pop().unwrap_or_default(), state)
        .map_err(words)
}

/// Native queues are rows, lightly's banks are columns.
fn laid_out(name: &str, tensor: FfiTensor) -> Result<FfiTensor, String> {
    if name != "queue" && name != "queue_ptr" {
        return Ok(tensor);
    }
    let tensor = import(tensor).map_err(|fault| fault.to_string())?;
    let changed = if name == "queue" {
        tensor.tr().contiguous()
    } else {
        tensor.reshape([1])
    };
    export(&changed).map_err(|fault| fault.to_string())
}

/// One step of gradient descent.
fn descend(native: &mut Instance, grads: Vec<Option<FfiTensor>>) -> Outcome {
    let parameters = native.parameters().map_err(|fault| fault.to_string())?;
    for (parameter, grad) in parameters.into_iter().zip(grads) {
        let tensor = |it: FfiTensor| import(it).map_err(|fault| fault.to_string());
        let (mut parameter, Some(grad)) = (tensor(parameter.tensor)?, grad) else {
            continue;
        };
        let grad: Tensor = tensor(grad)?;
        no_grad(|| {
            let _ = parameter.subtract_(&(grad * RATE));
        });
    }
    Ok(())
}
