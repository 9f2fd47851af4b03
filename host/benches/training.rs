//! What a training step costs in the host: the backbone forward and backward, the optimiser.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ssl_host::backbone::{Backbone, BackboneConfig, Depth, Stem};
use ssl_host::optim::{Length, Optimizer, Owner, ParameterSpec, Update};
use ssl_plugin_api::description::{
    BatchNormMode, Decay, GroupRule, LearningRate, Level, Optimizer as Kind, Ramp, Recipe, Scaling,
    TrustForm,
};
use tch::{Device, Kind as Dtype, Tensor};

fn backbone(depth: Depth, stem: Stem, width: f64) -> Backbone {
    let config = BackboneConfig {
        depth,
        stem,
        width,
        zero_init_residual: false,
    };
    Backbone::new(&config, 0, Device::Cpu).expect("a valid configuration")
}

fn step_of_the_backbone(c: &mut Criterion) {
    let backbone = backbone(Depth::Resnet18, Stem::Cifar, 0.25);
    let parameters: Vec<&Tensor> = backbone.parameters().iter().map(|n| &n.tensor).collect();
    let mut group = c.benchmark_group("resnet18_quarter_cifar32");
    group.sample_size(10);
    for (threads, batch) in [(1, 128_i64), (2, 128), (2, 512)] {
        let images = Tensor::rand([batch, 3, 32, 32], (Dtype::Float, Device::Cpu));
        group.throughput(Throughput::Elements(batch as u64));
        let id = BenchmarkId::new(
            "forward_backward",
            format!("{threads}_threads_batch_{batch}"),
        );
        group.bench_function(id, |b| {
            tch::set_num_threads(threads);
            b.iter(|| {
                let features = backbone
                    .forward(&images, BatchNormMode::Train, &[Level::Pooled])
                    .expect("images fit");
                let h = features.get(Level::Pooled).expect("it was asked for");
                let sum = h.square().sum(Dtype::Float);
                Tensor::run_backward(&[sum], &parameters, false, false)
            });
        });
    }
    group.finish();
}

fn recipe(optimizer: Kind) -> Recipe {
    Recipe {
        batch_size: 256,
        epochs: 100,
        optimizer,
        lr: LearningRate {
            base: 1e-4,
            scaling: Scaling::None,
            warmup: None,
            decay: Decay::Constant,
        },
        weight_decay: Ramp::constant(1e-4),
        groups: vec![GroupRule::exempt_1d()],
        clipping: None,
        zero_init_residual: false,
        mixed_precision: false,
    }
}

fn step_of_the_optimizer(c: &mut Criterion) {
    tch::set_num_threads(1);
    let optimizers = [
        (
            "sgd",
            Kind::Sgd {
                momentum: 0.9,
                nesterov: false,
            },
        ),
        (
            "lars",
            Kind::Lars {
                momentum: 0.9,
                trust: 1e-3,
                form: TrustForm::RateOutside,
            },
        ),
        (
            "adamw",
            Kind::Adamw {
                betas: [0.9, 0.999],
                eps: 1e-8,
            },
        ),
    ];
    for (model, backbone) in [
        (
            "resnet18_quarter",
            backbone(Depth::Resnet18, Stem::Cifar, 0.25),
        ),
        ("resnet50", backbone(Depth::Resnet50, Stem::Imagenet, 1.0)),
    ] {
        let specs: Vec<ParameterSpec> = backbone
            .parameters()
            .iter()
            .map(|n| ParameterSpec {
                owner: Owner::Backbone,
                name: n.name.clone(),
                shape: n.tensor.size(),
            })
            .collect();
        let grads: Vec<Tensor> = backbone
            .parameters()
            .iter()
            .map(|n| n.tensor.detach().ones_like() * 1e-3)
            .collect();
        let mut group = c.benchmark_group("optimizer");
        group.sample_size(20);
        for (name, kind) in &optimizers {
            let length = Length {
                batch_size: 256,
                epochs: 100,
                steps_per_epoch: 100,
            };
            let mut optimizer = Optimizer::new(&recipe(kind.clone()), length, specs.clone())
                .expect("the rules have no pattern");
            group.bench_function(BenchmarkId::new(*name, model), |b| {
                b.iter(|| {
                    let updates: Vec<Update<'_>> = backbone
                        .parameters()
                        .iter()
                        .zip(&grads)
                        .map(|(n, grad)| Update {
                            parameter: &n.tensor,
                            grad: Some(grad),
                        })
                        .collect();
                    optimizer.step(0, &updates).expect("shapes fit")
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, step_of_the_backbone, step_of_the_optimizer);
criterion_main!(benches);
