//! The twelve, and what drives them: features, steps, files.

use serde_json::{Value, json};
use ssl_plugin_api::description::{Encoder, FeatureKey, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{
    Fault, Feature, FeatureDim, FfiTensor, NamedTensor, RunContext, SingleProcess, StepInput,
    StepOutput, TrainStep,
};
use ssl_plugin_tensor::{export, export_read_only, import};
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Features by name.
pub type Inputs = Vec<(String, Encoder, usize, Level, Tensor)>;
/// Parameters and state, as a file would hold them.
pub type File = [Vec<(String, Tensor)>; 2];

pub const BATCH: i64 = 8;
pub const DIM: i64 = 6;

/// All twelve, each with a small configuration and one with other shapes. No two have tensors of the
/// same names and shapes, but for PCL before its first clusters and MoCo v2.
pub fn frameworks() -> Vec<(&'static str, Value, Value)> {
    let widths = |a: usize, b: usize| json!({ "projector_hidden_dim": a, "projector_dim": b });
    let with = |mut base: Value, more: Value| {
        for (key, value) in more.as_object().into_iter().flatten() {
            base[key] = value.clone();
        }
        base
    };
    let both = |id, base: Value, other: Value| (id, base.clone(), with(base, other));
    vec![
        both(
            "barlow",
            json!({ "projector_dims": [9, 5] }),
            json!({ "projector_dims": [9, 4] }),
        ),
        both(
            "byol",
            with(widths(7, 5), json!({ "predictor_hidden_dim": 4 })),
            widths(9, 5),
        ),
        both(
            "deepcluster",
            with(widths(7, 5), json!({ "num_prototypes": [3, 4] })),
            json!({ "num_prototypes": [3, 5] }),
        ),
        both(
            "dino",
            json!({
                "out_dim": 9, "projector_hidden_dim": 7, "bottleneck_dim": 5, "num_local_crops": 1,
            }),
            json!({ "out_dim": 10 }),
        ),
        both(
            "moco",
            with(widths(7, 5), json!({ "queue_size": 16 })),
            json!({ "queue_size": 24 }),
        ),
        both(
            "obow",
            json!({ "bow_levels": ["layer4"], "num_crops": [2], "num_words": 16 }),
            json!({ "num_words": 24 }),
        ),
        both(
            "pcl",
            with(
                widths(7, 5),
                json!({ "queue_size": 16, "num_clusters": [3], "warmup_epochs": 2 }),
            ),
            json!({ "projector_hidden_dim": 8 }),
        ),
        both(
            "sela",
            with(widths(7, 5), json!({ "num_prototypes": [3, 4] })),
            json!({ "num_prototypes": [3] }),
        ),
        both("simclr", widths(7, 5), json!({ "projector_layers": 1 })),
        both(
            "simsiam",
            json!({ "projector_dim": 5, "predictor_hidden_dim": 4 }),
            json!({ "predictor_hidden_dim": 3 }),
        ),
        both(
            "swav",
            with(widths(7, 5), json!({ "num_prototypes": 4 })),
            widths(7, 6),
        ),
        both(
            "vicreg",
            json!({ "projector_dims": [8, 5] }),
            json!({ "projector_dims": [8, 4] }),
        ),
    ]
}

pub fn plugin(id: &str) -> Plugin {
    let exe = std::env::current_exe().expect("a test has a path");
    Plugin::open(&exe.with_file_name(format!("libssl_{id}.so"))).expect("the library loads")
}

pub fn context() -> RunContext {
    let levels = [(Level::Pooled, DIM), (Level::Layer3, 4), (Level::Layer4, 5)];
    RunContext {
        features: levels
            .map(|(level, dim)| FeatureDim {
                level,
                dim: dim as usize,
            })
            .into(),
        samples: 64,
        batch_size: BATCH as usize,
        steps_per_epoch: 8,
        epochs: 10,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 3,
    }
}

pub fn start(plugin: &Plugin, id: &str, config: &Value) -> Result<Instance, Fault> {
    plugin.create(id, config, &context(), Arc::new(SingleProcess))
}

/// The features that the framework asks for, with names.
pub fn features(plugin: &Plugin, id: &str, config: &Value) -> Inputs {
    tch::manual_seed(5);
    let description = plugin
        .describe(id, config)
        .expect("the configuration is sound");
    let mut list = Vec::new();
    for request in &description.encoders {
        for (&view, &level) in request
            .views
            .iter()
            .flat_map(|v| request.levels.iter().map(move |l| (v, l)))
        {
            let key = FeatureKey {
                encoder: request.encoder,
                view,
                level,
            };
            let (name, size) = match level {
                Level::Pooled => (key.to_string(), vec![BATCH, DIM]),
                _ => (key.to_string(), vec![BATCH, 5, 6, 5]),
            };
            let tensor = Tensor::randn(size, (Kind::Float, tch::Device::Cpu));
            list.push((name, request.encoder, view, level, tensor));
        }
    }
    list
}

pub fn step(instance: &mut Instance, features: &Inputs) -> Result<StepOutput, Fault> {
    let samples = Tensor::arange(BATCH, (Kind::Int64, tch::Device::Cpu));
    let at = TrainStep {
        epoch: 0,
        epochs: 10,
        step: 0,
        steps_per_epoch: 8,
        seed: 3,
    };
    instance.step(StepInput {
        at,
        indices: export_read_only(&samples)?,
        features: features
            .iter()
            .map(|(_, encoder, view, level, tensor)| {
                Ok(Feature {
                    encoder: *encoder,
                    view: *view,
                    level: *level,
                    tensor: export_read_only(tensor)?,
                })
            })
            .collect::<Result<_, Fault>>()?,
    })
}

pub fn values(tensor: FfiTensor) -> Tensor {
    import(tensor).expect("the tensor crosses").copy()
}

/// Parameters and state, as a file would hold them.
pub fn file(instance: &mut Instance) -> File {
    let copies = |list: Vec<NamedTensor>| {
        let named = list.into_iter().map(|n| (n.name, values(n.tensor)));
        named.collect()
    };
    [
        copies(instance.parameters().expect("parameters can be read")),
        copies(instance.state().expect("the state can be read")),
    ]
}

pub fn load(instance: &mut Instance, file: &File) -> Result<(), Fault> {
    let named = |list: &Vec<(String, Tensor)>| -> Result<Vec<NamedTensor>, Fault> {
        list.iter()
            .map(|(name, tensor)| {
                Ok(NamedTensor {
                    name: name.clone(),
                    tensor: export(tensor)?,
                })
            })
            .collect()
    };
    instance.load(named(&file[0])?, named(&file[1])?)
}
