//! A small framework inside the test: a linear head that predicts a momentum head's output from the
//! other view, with whatever oddity a test wants.

use ssl_plugin_api::description::{
    BatchNormMode, CheckpointMap, Decay, Description, Encoder, EncoderRequest, FeaturePass,
    GroupRule, Grouping, Interpolation, LearningRate, Level, MomentumSchedule, Optimizer,
    PassTransform, Ramp, Recipe, Scaling, Transform, ViewGroup, ViewRole,
};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{
    EpochPlan, Fault, Feature, FfiTensor, Metric, NamedTensor, RunContext, StepInput, StepOutput,
    TrainStep,
};
use ssl_plugin_tensor::{export, import};
use std::sync::{Arc, Mutex};
use tch::{Kind, Tensor, no_grad};

/// Calls in order, in words.
pub type Calls = Arc<Mutex<Vec<String>>>;

/// What a test wants of the framework.
#[derive(Clone, Default)]
pub struct Oddity {
    /// The loss is NaN at this step.
    pub nan_at: Option<u64>,
    /// The order of every epoch.
    pub order: Option<Vec<i64>>,
    /// The head is redrawn at the start of each epoch, at another address.
    pub redraws: bool,
    /// The loss is a mean over images, so that a part of a batch has its part of it.
    pub by_image: bool,
}

pub struct Toy {
    head: Tensor,
    target: Tensor,
    seen: u64,
    /// Sum of all features that a pass brought, weighted by their samples' places.
    bank: f64,
    passed: bool,
    oddity: Oddity,
    calls: Calls,
}

impl Toy {
    pub fn new(context: &RunContext, oddity: Oddity, calls: &Calls) -> Self {
        let dim = context.dim() as i64;
        let ramp = Tensor::arange(4 * dim, (Kind::Float, tch::Device::Cpu));
        let head = (ramp * 0.7 + context.seed as f64).sin().reshape([4, dim]) * 0.3;
        Self {
            target: head.copy(),
            head,
            seen: 0,
            bank: 0.0,
            passed: false,
            oddity,
            calls: Arc::clone(calls),
        }
    }

    fn call(&self, text: String) {
        self.calls.lock().unwrap().push(text);
    }
}

fn named(name: &str, tensor: &Tensor) -> Result<NamedTensor, Fault> {
    Ok(NamedTensor {
        name: name.to_owned(),
        tensor: export(tensor)?,
    })
}

fn owned(tensor: FfiTensor) -> Tensor {
    import(tensor).unwrap().copy()
}

impl Instance for Toy {
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        Ok(vec![named("head.weight", &self.head)?])
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        Ok(vec![
            named("target.head.weight", &self.target)?,
            named("seen", &Tensor::from(self.seen as i64))?,
            named("bank", &Tensor::from(self.bank))?,
        ])
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        for NamedTensor { name, tensor } in parameters.into_iter().chain(state) {
            let tensor = owned(tensor);
            match name.as_str() {
                "head.weight" => self.head.copy_(&tensor),
                "target.head.weight" => self.target.copy_(&tensor),
                "bank" => self.bank = tensor.double_value(&[]),
                "seen" => self.seen = tensor.int64_value(&[]) as u64,
                other => return Err(Fault::state(format!("no tensor {other}"))),
            }
        }
        Ok(())
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        let wanted = at.step == 0 && !self.passed;
        Ok(wanted.then(|| "bank".to_owned()))
    }

    fn begin_pass(&mut self, _: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        self.passed = true;
        self.call(format!("begin {id} {samples}"));
        Ok(())
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        let Some(Feature {
            tensor, encoder, ..
        }) = features.into_iter().next()
        else {
            return Err(Fault::shape("a feature"));
        };
        let shape = tensor.shape().to_vec();
        let rows = owned(tensor).to_kind(Kind::Double);
        let samples = indices.as_slice::<i64>()?;
        let weights = Tensor::from_slice(samples).to_kind(Kind::Double) + 1.0;
        let sums = rows.sum_dim_intlist([1_i64].as_slice(), false, Kind::Double);
        self.bank += (sums * weights).sum(Kind::Double).double_value(&[]);
        self.call(format!("absorb {samples:?} {shape:?} {encoder:?}"));
        Ok(())
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.call("end".to_owned());
        Ok(())
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        self.call(format!("epoch {}", at.epoch));
        if self.oddity.redraws {
            self.head = self.head.ones_like() * (1.0 + at.epoch as f64);
        }
        let order = self.oddity.order.clone();
        Ok(EpochPlan {
            order: order.map(|o| FfiTensor::from_vec(&[o.len() as i64], o)),
            reset_optimizer: self
                .oddity
                .redraws
                .then(|| "head.weight".to_owned())
                .into_iter()
                .collect(),
            parameters_moved: self.oddity.redraws,
        })
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let at = input.at;
        self.call(format!(
            "step {} {:?}",
            at.step,
            input.indices.as_slice::<i64>()?
        ));
        self.seen += input.indices.len() as u64;
        let [h0, h1, t0, t1]: [Feature; 4] = input.features.try_into().unwrap();
        assert_eq!((h1.view, t0.view), (1, 0));
        assert_eq!((h0.encoder, t1.encoder), (Encoder::Online, Encoder::Target));
        let leaf = |f: Feature| owned(f.tensor).set_requires_grad(true);
        let (h0, h1, head) = (leaf(h0), leaf(h1), self.head.copy().set_requires_grad(true));
        let project = |f: Feature| owned(f.tensor).matmul(&self.target.transpose(0, 1));
        let half = |h: &Tensor, t: Tensor| {
            (h.matmul(&head.transpose(0, 1)) - t)
                .square()
                .mean(Kind::Float)
        };
        let loss = half(&h0, project(t1)) + half(&h1, project(t0));
        let loss = match self.oddity.by_image {
            true => loss - (h0.square() + h1.square()).mean(Kind::Float),
            false => loss - h0.std(true) - h1.std(true),
        };
        let grads = Tensor::run_backward(&[&loss], &[&h0, &h1, &head], false, false);
        let nan = self.oddity.nan_at == Some(at.step);
        Ok(StepOutput {
            loss: if nan {
                f64::NAN
            } else {
                loss.double_value(&[])
            },
            metrics: vec![Metric {
                name: "seen".to_owned(),
                value: self.seen as f64,
            }],
            feature_grads: vec![
                Some(export(&grads[0])?),
                Some(export(&grads[1])?),
                None,
                None,
            ],
            param_grads: vec![Some(export(&grads[2])?)],
            parameters_moved: false,
        })
    }

    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        let momentum = momentum.unwrap();
        self.call(format!("after {} {momentum:.6}", at.step));
        no_grad(|| {
            let _ = self.target.lerp_(&self.head, 1.0 - momentum);
        });
        Ok(())
    }
}

pub fn description(momentum: MomentumSchedule) -> Description {
    let pass = FeaturePass {
        id: "bank".to_owned(),
        encoder: Encoder::Target,
        batch_norm: BatchNormMode::Eval,
        transform: PassTransform::Center,
        level: Level::Pooled,
        shuffle: false,
        drop_last: false,
    };
    Description {
        views: vec![ViewGroup {
            name: "global".to_owned(),
            count: 2,
            role: ViewRole::Global,
            transforms: vec![
                Transform::RandomResizedCrop {
                    size: 16,
                    area: [0.3, 1.0],
                    ratio: [0.75, 1.333],
                    interpolation: Interpolation::Bilinear,
                },
                Transform::HorizontalFlip { p: 0.5 },
            ],
            patches: None,
        }],
        encoders: vec![
            EncoderRequest::pooled(Encoder::Online, [0, 1], Grouping::ByResolution),
            EncoderRequest::pooled(Encoder::Target, [0, 1], Grouping::PerView),
        ],
        momentum: Some(momentum),
        passes: vec![pass],
        recipe: Recipe {
            batch_size: 8,
            epochs: 3,
            optimizer: Optimizer::Sgd {
                momentum: 0.9,
                nesterov: false,
            },
            lr: LearningRate {
                base: 0.005,
                scaling: Scaling::None,
                warmup: None,
                decay: Decay::Constant,
            },
            weight_decay: Ramp::constant(1e-4),
            groups: vec![GroupRule::exempt_1d()],
            clipping: None,
            zero_init_residual: false,
            mixed_precision: false,
        },
        finetune: Vec::new(),
        linear: None,
        stops_gradient: None,
        published: Vec::new(),
        checkpoint: CheckpointMap::default(),
    }
}
