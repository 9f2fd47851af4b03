//! A framework at work in a worker, as the boundary's trait.

use crate::framework::end_spare;
use crate::memory::Spot;
use crate::worker::Worker;
use serde_json::{Value, json};
use ssl_plugin_api::description::Encoder;
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{
    Dtype, EpochPlan, Fault, Feature, FfiTensor, Metric, NamedTensor, SharedServices, StepInput,
    StepOutput, TrainStep,
};

/// An instance.
pub struct Running {
    worker: Worker,
    services: SharedServices,
    /// The trained parameters and where they lie.
    parameters: Vec<(String, Spot)>,
    /// The passes of its description.
    passes: Vec<String>,
    is_pass_open: bool,
    /// Whether something happens after the optimiser.
    follows: bool,
}

fn list<'a>(said: &'a Value, name: &str) -> &'a [Value] {
    said[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn named(worker: &Worker, said: &[Value]) -> Result<Vec<(String, Spot)>, Fault> {
    let name = |it: &Value| it["name"].as_str().unwrap_or_default().to_owned();
    said.iter()
        .map(|it| Ok((name(it), worker.memory.spot(it)?)))
        .collect()
}

fn tensors(named: Vec<(String, Spot)>) -> Vec<NamedTensor> {
    let tensor = |(name, spot): (String, Spot)| NamedTensor {
        name,
        tensor: spot.tensor(),
    };
    named.into_iter().map(tensor).collect()
}

fn place(at: &TrainStep) -> Value {
    json!([at.epoch, at.epochs, at.step, at.steps_per_epoch, at.seed])
}

impl Running {
    /// The instance that the answer to `create` tells of.
    pub fn new(worker: Worker, services: SharedServices, said: &Value) -> Result<Self, Fault> {
        let passes = list(said, "passes")
            .iter()
            .filter_map(|it| Some(it.as_str()?.to_owned()));
        Ok(Self {
            parameters: named(&worker, list(said, "parameters"))?,
            passes: passes.collect(),
            is_pass_open: false,
            follows: said["follows"] == true,
            worker,
            services,
        })
    }

    fn ask(&mut self, op: &str, request: Value) -> Result<Value, Fault> {
        self.worker.ask(op, request, Some(&self.services))
    }

    /// Takes note of parameters that moved.
    fn look_again(&mut self, said: &Value) -> Result<bool, Fault> {
        if said["moved"] != true {
            return Ok(false);
        }
        let said = self.ask("layout", json!({}))?;
        self.parameters = named(&self.worker, list(&said, "parameters"))?;
        Ok(true)
    }

    /// Named tensors, copied into one region.
    fn given(&mut self, lists: &[&[NamedTensor]]) -> Result<Vec<Vec<Value>>, Fault> {
        let all: Vec<&FfiTensor> = lists
            .iter()
            .flat_map(|list| list.iter().map(|it| &it.tensor))
            .collect();
        let mut spots = self.worker.memory.copies(&all)?.into_iter();
        let mut with_name = |it: &NamedTensor| {
            let mut spec = spots.next().map_or(Value::Null, |spot| spot.spec());
            spec["name"] = json!(it.name);
            spec
        };
        Ok(lists
            .iter()
            .map(|list| list.iter().map(&mut with_name).collect())
            .collect())
    }
}

/// Indices and features in one region, and the region's places as the worker reads them.
fn batch(
    worker: &mut Worker,
    indices: &FfiTensor,
    features: &[Feature],
) -> Result<(Vec<Spot>, Value), Fault> {
    if indices.dtype() != Dtype::I64 || indices.shape().len() != 1 {
        return Err(Fault::shape(format!(
            "expected indices as [batch] of i64, found {indices:?}"
        )));
    }
    for feature in features {
        let tensor = &feature.tensor;
        let rows = tensor.shape().first();
        if tensor.dtype() != Dtype::F32 || rows != indices.shape().first() {
            return Err(Fault::shape(format!(
                "{}: expected f32 with {} rows, found {tensor:?}",
                feature.key(),
                indices.shape()[0]
            )));
        }
    }
    let all: Vec<&FfiTensor> = std::iter::once(indices)
        .chain(features.iter().map(|it| &it.tensor))
        .collect();
    let spots = worker.memory.copies(&all)?;
    let specs = features.iter().zip(&spots[1..]).map(|(feature, spot)| {
        let mut spec = spot.spec();
        spec["encoder"] = json!(feature.encoder);
        spec["view"] = json!(feature.view);
        spec["level"] = json!(feature.level);
        spec
    });
    let request = json!({ "indices": spots[0].spec(), "features": specs.collect::<Vec<_>>() });
    Ok((spots, request))
}

impl Instance for Running {
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        Ok(tensors(self.parameters.clone()))
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        let said = self.ask("state", json!({}))?;
        Ok(tensors(named(&self.worker, list(&said, "state"))?))
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        let specs = self.given(&[&parameters, &state])?;
        self.ask("load", json!({ "parameters": specs[0], "state": specs[1] }))?;
        Ok(())
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        if self.passes.is_empty() {
            return Ok(None);
        }
        let said = self.ask("due", json!({ "at": place(at) }))?;
        Ok(said["pass"].as_str().map(str::to_owned))
    }

    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        if !self.passes.iter().any(|known| known == id) {
            return Err(Fault::unsupported(format!(
                "expected a feature pass of the description ({}), found {id}",
                self.passes.join(", ")
            )));
        }
        self.ask(
            "begin_pass",
            json!({ "at": place(at), "id": id, "samples": samples }),
        )?;
        self.is_pass_open = true;
        Ok(())
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        self.check_open()?;
        let (_spots, request) = batch(&mut self.worker, &indices, &features)?;
        self.ask("absorb", request)?;
        Ok(())
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.check_open()?;
        self.is_pass_open = false;
        self.ask("end_pass", json!({}))?;
        Ok(())
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let said = self.ask("begin_epoch", json!({ "at": place(at) }))?;
        let order = match &said["order"] {
            Value::Null => None,
            spec => Some(self.worker.memory.spot(spec)?.tensor()),
        };
        let reset = list(&said, "reset")
            .iter()
            .filter_map(|it| Some(it.as_str()?.to_owned()));
        Ok(EpochPlan {
            order,
            reset_optimizer: reset.collect(),
            parameters_moved: self.look_again(&said)?,
        })
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let (spots, mut request) = batch(&mut self.worker, &input.indices, &input.features)?;
        let online = |feature: &Feature| feature.encoder == Encoder::Online;
        let of_features = input
            .features
            .iter()
            .zip(&spots[1..])
            .filter(|(feature, _)| online(feature));
        let of_features = of_features.map(|(_, spot)| (Dtype::F32, spot.shape()));
        let of_parameters = self
            .parameters
            .iter()
            .map(|(_, spot)| (Dtype::F32, spot.shape()));
        let wanted: Vec<_> = of_features.chain(of_parameters).collect();
        let mut room = self.worker.memory.spots(&wanted)?.into_iter();
        let feature_room: Vec<Option<Spot>> = input
            .features
            .iter()
            .map(|it| if online(it) { room.next() } else { None })
            .collect();
        let parameter_room: Vec<Option<Spot>> = room.map(Some).collect();
        let specs = |room: &[Option<Spot>]| -> Vec<Value> {
            room.iter()
                .map(|spot| spot.as_ref().map_or(Value::Null, Spot::spec))
                .collect()
        };
        request["at"] = place(&input.at);
        request["feature_grads"] = json!(specs(&feature_room));
        request["param_grads"] = json!(specs(&parameter_room));
        let said = self.ask("step", request)?;
        let given = |name: &str, room: Vec<Option<Spot>>| -> Vec<Option<FfiTensor>> {
            let given = list(&said, name).iter().map(|it| it == true);
            room.into_iter()
                .zip(given)
                .map(|(spot, given)| spot.filter(|_| given).map(|it| it.tensor()))
                .collect()
        };
        let number = |value: &Value| match value {
            Value::String(text) => text.parse().unwrap_or(f64::NAN),
            number => number.as_f64().unwrap_or(f64::NAN),
        };
        let metrics = said["metrics"].as_object().into_iter().flatten();
        Ok(StepOutput {
            loss: number(&said["loss"]),
            metrics: metrics
                .map(|(name, value)| Metric {
                    name: name.clone(),
                    value: number(value),
                })
                .collect(),
            feature_grads: given("feature_grads", feature_room),
            param_grads: given("param_grads", parameter_room),
            parameters_moved: self.look_again(&said)?,
        })
    }

    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        if self.follows {
            self.ask(
                "after_update",
                json!({ "at": place(at), "momentum": momentum }),
            )?;
        }
        Ok(())
    }

    fn cluster(
        &mut self,
        at: &TrainStep,
        bank: Vec<NamedTensor>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        let specs = self.given(&[&bank])?;
        let said = self.ask("cluster", json!({ "at": place(at), "bank": specs[0] }))?;
        Ok(tensors(named(&self.worker, list(&said, "found"))?))
    }
}

impl Running {
    fn check_open(&self) -> Result<(), Fault> {
        if self.is_pass_open {
            return Ok(());
        }
        Err(Fault::state("expected an open feature pass, found none"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end_spare();
    }
}
