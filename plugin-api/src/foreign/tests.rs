//! Host and plugin in one process, over the C tables: what either side keeps stays alive, everything
//! is released once, and every call says on one side what it heard on the other.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::{Instance, Plugin};
use crate::context::RunContext;
use crate::description::{Description, Encoder, Family, Level, Metadata, Schema};
use crate::exchange::{EpochPlan, Feature, Metric, NamedTensor, StepInput, StepOutput, TrainStep};
use crate::export::{Framework, Instance as Contract, entry};
use crate::fault::{Fault, FaultKind};
use crate::services::{LogLevel, Reduce, Services, SharedServices};
use crate::tensor::{Device, Dtype, FfiTensor, Flags};
use serde_json::{Value, json};
use std::ffi::c_void;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

/// Keeps every feature; its loss is their sum. What it is to do besides is in its configuration.
struct Keeper {
    kept: Vec<FfiTensor>,
    weight: Vec<f32>,
    services: Option<SharedServices>,
    released: mpsc::Sender<()>,
}

/// Where the keepers of a test say that they were released, by the test's name.
static RELEASED: Mutex<Vec<(String, mpsc::Sender<()>)>> = Mutex::new(Vec::new());
/// Services that a keeper did not give back.
static STOLEN: Mutex<Vec<SharedServices>> = Mutex::new(Vec::new());

struct KeeperFramework;

impl Framework for KeeperFramework {
    fn metadata(&self) -> Metadata {
        Metadata {
            id: "keeper".to_owned(),
            name: "Keeper".to_owned(),
            family: Family::Other,
            paper: "none".to_owned(),
            year: 2026,
            version: "0.1.0".to_owned(),
            license: "MIT".to_owned(),
            schema: Schema::default(),
        }
    }

    fn describe(&self, _config: &Value) -> Result<Description, Fault> {
        unreachable!("no test asks for it")
    }

    fn create(
        &self,
        config: &Value,
        _site: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Contract>, Fault> {
        let test = config["test"].as_str().unwrap();
        let senders = RELEASED.lock().unwrap();
        let (_, released) = senders.iter().find(|(name, _)| name == test).unwrap();
        Ok(Box::new(Keeper {
            kept: Vec::new(),
            weight: vec![1.0, 2.0],
            services: Some(services),
            released: released.clone(),
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.weight.fill(-1.0);
        let _heard = self.released.send(());
    }
}

fn sum(tensor: &FfiTensor) -> f64 {
    let values = tensor.as_slice::<f32>().unwrap();
    values.iter().map(|&v| f64::from(v)).sum()
}

fn scalar(name: &str, value: f64) -> NamedTensor {
    NamedTensor {
        name: name.to_owned(),
        tensor: FfiTensor::from_vec(&[1], vec![value]),
    }
}

impl Contract for Keeper {
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        let data = self.weight.as_mut_ptr().cast();
        #[expect(
            unsafe_code,
            reason = "a view of the plugin's own memory, as a C plugin gives"
        )]
        // SAFETY: two numbers that live until the instance is released, which is what the host
        // promises to wait for.
        let tensor = unsafe {
            FfiTensor::from_raw_parts(
                (),
                data,
                Device::CPU,
                Dtype::F32,
                &[2],
                &[1],
                Flags::default(),
            )
        };
        Ok(vec![NamedTensor {
            name: "weight".to_owned(),
            tensor,
        }])
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        Ok(vec![scalar("kept", self.kept.len() as f64)])
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        let names: Vec<&str> = parameters
            .iter()
            .chain(&state)
            .map(|n| n.name.as_str())
            .collect();
        Err(Fault::state(format!("heard {}", names.join(" and "))))
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        Ok((at.epoch == 1).then(|| "bank".to_owned()))
    }

    fn begin_pass(&mut self, _moment: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        Err(Fault::internal(format!("began {id} over {samples}")))
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        let first = &features[0];
        Err(Fault::internal(format!(
            "absorbed {:?} of view {} at {:?}",
            first.level,
            first.view,
            indices.as_slice::<i64>()?
        )))
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        Ok(EpochPlan {
            order: Some(FfiTensor::from_vec(&[2], vec![at.seed as i64, 0])),
            reset_optimizer: vec!["a".to_owned(), "b".to_owned()],
            parameters_moved: true,
        })
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let grads = input.features.iter().map(|_| None).collect();
        self.kept
            .extend(input.features.into_iter().map(|f| f.tensor));
        Ok(StepOutput {
            loss: self.kept.iter().map(sum).sum(),
            metrics: vec![Metric {
                name: "kept".to_owned(),
                value: self.kept.len() as f64,
            }],
            feature_grads: grads,
            param_grads: vec![Some(FfiTensor::from_vec(&[2], vec![0.5_f32, 0.25]))],
            parameters_moved: false,
        })
    }

    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        let services = self.services.take().unwrap();
        services.log(LogLevel::Warn, &format!("{} {momentum:?}", at.step));
        let mine = FfiTensor::from_vec(&[1], vec![3.0_f32]);
        let all = services.all_gather(mine)?;
        services.log(LogLevel::Info, &format!("{:?}", all.as_slice::<f32>()?));
        let fault = services.broadcast(all, 7).unwrap_err();
        services.log(LogLevel::Info, &fault.message);
        STOLEN.lock().unwrap().push(services);
        Ok(())
    }

    fn cluster(
        &mut self,
        _moment: &TrainStep,
        bank: Vec<NamedTensor>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        Ok(vec![scalar(&format!("of {}", bank[0].name), 4.0)])
    }
}

/// The plugin of this process, and how often its keepers of this test were released.
fn start(test: &str, services: Arc<dyn Services>) -> (Instance, mpsc::Receiver<()>) {
    let (sender, released) = mpsc::channel();
    RELEASED.lock().unwrap().push((test.to_owned(), sender));
    let table = entry::table(entry::Library {
        frameworks: || vec![&KeeperFramework],
        requires: &[],
        libtorch: || None,
        remarks: Default::default,
        crate_name: "ssl_plugin_api",
    });
    #[expect(unsafe_code, reason = "the table is this process's own")]
    // SAFETY: a table of this build.
    let plugin = Plugin::greet(Path::new("here"), unsafe { *table }).unwrap();
    assert_eq!(plugin.frameworks()[0].name, "Keeper");
    let context = RunContext {
        features: Vec::new(),
        samples: 4,
        batch_size: 2,
        steps_per_epoch: 2,
        epochs: 2,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 5,
    };
    let instance = plugin.create("keeper", &json!({ "test": test }), &context, services);
    (instance.unwrap(), released)
}

fn at(epoch: u64) -> TrainStep {
    TrainStep {
        epoch,
        epochs: 2,
        step: 2 * epoch,
        steps_per_epoch: 2,
        seed: 5,
    }
}

fn feature(tensor: FfiTensor) -> Feature {
    Feature {
        encoder: Encoder::Target,
        view: 3,
        level: Level::Layer2,
        tensor,
    }
}

fn input(tensor: FfiTensor) -> StepInput {
    StepInput {
        at: at(0),
        indices: FfiTensor::from_vec(&[2], vec![0_i64, 1]),
        features: vec![feature(tensor)],
    }
}

/// A host that hears.
#[derive(Default)]
struct Host(Mutex<Vec<String>>);

impl Services for Host {
    fn log(&self, level: LogLevel, message: &str) {
        self.0.lock().unwrap().push(format!("{level:?}: {message}"));
    }
    fn cancelled(&self) -> bool {
        true
    }
    fn all_reduce(&self, _tensor: FfiTensor, _reduce: Reduce) -> Result<(), Fault> {
        panic!("of the host's own")
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        let mine = tensor.as_slice::<f32>()?[0];
        Ok(FfiTensor::from_vec(&[2], vec![mine, 10.0 * mine]))
    }
    fn broadcast(&self, _tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        Err(Fault::new(FaultKind::Collective, format!("no rank {root}")))
    }
}

#[test]
fn features_that_a_plugin_keeps_stay_alive() {
    let (mut instance, _) = start("kept", Arc::new(Host::default()));
    let mut total = 0.0;
    for n in 1..=3_u8 {
        let values = vec![f32::from(n), 1.0, 1.0, 1.0];
        total += f64::from(n) + 3.0;
        let output = instance
            .step(input(FfiTensor::from_vec(&[2, 2], values)))
            .unwrap();
        assert_eq!(output.loss, total);
        assert_eq!(output.metrics[0].value, f64::from(n));
        let grad = output.param_grads[0].as_ref().unwrap();
        assert_eq!(grad.as_slice::<f32>().unwrap(), [0.5, 0.25]);
    }
}

/// Memory that a host lends for a call: a descriptor without a deleter, with strides.
struct Loan {
    values: Vec<f32>,
    raw: *mut Deleter,
    deleter: Deleter,
}

/// A word of a descriptor; the third is its deleter.
type Deleter = Option<unsafe extern "C" fn(*mut c_void)>;

impl Loan {
    /// Two rows of two numbers, of which a transposed view is lent.
    fn new(values: [f32; 4]) -> (Self, FfiTensor) {
        let mut values = values.to_vec();
        #[expect(
            unsafe_code,
            reason = "takes a descriptor apart as a C host would make it"
        )]
        // SAFETY: the memory outlives the descriptor, whose deleter `drop` puts back.
        unsafe {
            let tensor = FfiTensor::from_raw_parts(
                (),
                values.as_mut_ptr().cast(),
                Device::CPU,
                Dtype::F32,
                &[2, 2],
                &[1, 2],
                Flags::READ_ONLY,
            );
            let raw = tensor.into_raw().cast::<Deleter>();
            let deleter = raw.add(2).replace(None);
            let lent = FfiTensor::from_raw(raw.cast()).unwrap();
            let loan = Self {
                values,
                raw,
                deleter,
            };
            (loan, lent)
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "as in `new`")]
        // SAFETY: the descriptor is whole again and nobody else's.
        unsafe {
            self.raw.add(2).write(self.deleter);
            drop(FfiTensor::from_raw(self.raw.cast()));
        }
    }
}

#[test]
fn memory_that_a_host_lends_for_a_call_is_copied() {
    let (mut instance, _) = start("lent", Arc::new(Host::default()));
    let (mut loan, lent) = Loan::new([1.0, 2.0, 3.0, 4.0]);
    assert_eq!(instance.step(input(lent)).unwrap().loss, 10.0);
    loan.values.fill(100.0);
    drop(loan);
    let output = instance
        .step(input(FfiTensor::from_vec(&[1], vec![0.5_f32])))
        .unwrap();
    assert_eq!(output.loss, 10.5, "what was lent keeps its values");
}

#[test]
fn parameters_that_the_host_keeps_keep_the_instance() {
    let (mut instance, released) = start("parameters", Arc::new(Host::default()));
    let parameters = instance.parameters().unwrap();
    drop(instance);
    assert!(released.try_recv().is_err(), "not released yet");
    assert_eq!(sum(&parameters[0].tensor), 3.0);
    drop(parameters);
    assert!(
        released.try_recv().is_ok(),
        "released with the last of them"
    );
    assert!(released.try_recv().is_err(), "and once");
}

#[test]
fn services_that_a_plugin_keeps_outlive_the_instance() {
    let host = Arc::new(Host::default());
    let (mut instance, released) = start("services", Arc::clone(&host) as Arc<dyn Services>);
    instance.after_update(&at(1), Some(0.5)).unwrap();
    drop(instance);
    assert!(released.try_recv().is_ok());
    let stolen = STOLEN.lock().unwrap().pop().unwrap();
    assert!(stolen.cancelled());
    let fault = stolen
        .all_reduce(FfiTensor::from_vec(&[1], vec![1.0_f32]), Reduce::Max)
        .unwrap_err();
    assert_eq!(fault.message, "a host service panicked");
    stolen.log(LogLevel::Debug, "still here");
    drop(stolen);
    assert_eq!(
        *host.0.lock().unwrap(),
        [
            "Warn: 2 Some(0.5)",
            "Info: [3.0, 30.0]",
            "Info: no rank 7",
            "Debug: still here"
        ]
    );
    assert_eq!(Arc::strong_count(&host), 1, "given back");
}

#[test]
fn every_call_crosses_with_what_it_carries() {
    let (mut instance, _) = start("calls", Arc::new(Host::default()));
    let tensor = || FfiTensor::from_vec(&[2], vec![1.0_f32, 2.0]);
    let named = |name: &str| NamedTensor {
        name: name.to_owned(),
        tensor: tensor(),
    };
    let state = instance.state().unwrap();
    assert_eq!(state[0].name, "kept");
    assert_eq!(state[0].tensor.as_slice::<f64>().unwrap(), [0.0]);
    let fault = instance
        .load(vec![named("w")], vec![named("s")])
        .unwrap_err();
    assert_eq!(fault, Fault::state("heard w and s"));
    assert_eq!(instance.due(&at(0)).unwrap(), None);
    assert_eq!(instance.due(&at(1)).unwrap().as_deref(), Some("bank"));
    let fault = instance.begin_pass(&at(1), "bank", 4).unwrap_err();
    assert_eq!(fault.message, "began bank over 4");
    let indices = FfiTensor::from_vec(&[2], vec![7_i64, 8]);
    let fault = instance
        .absorb(indices, vec![feature(tensor())])
        .unwrap_err();
    assert_eq!(fault.message, "absorbed Layer2 of view 3 at [7, 8]");
    instance.end_pass().unwrap();
    let plan = instance.begin_epoch(&at(1)).unwrap();
    let order = plan.order.unwrap();
    assert_eq!(order.as_slice::<i64>().unwrap(), [5, 0]);
    assert_eq!(plan.reset_optimizer, ["a", "b"]);
    assert!(plan.parameters_moved);
    let clusters = instance
        .cluster(&at(1), vec![named("bank.features")])
        .unwrap();
    assert_eq!(clusters[0].name, "of bank.features");
    assert_eq!(clusters[0].tensor.as_slice::<f64>().unwrap(), [4.0]);
}
