//! Update rules against hand-computed steps and against PyTorch; what group rules change.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use ssl_host::optim::{Length, OptimError, Optimizer, Owner, ParameterSpec, Update};
use ssl_plugin_api::description::{
    Clipping, Decay, GroupRule, LearningRate, Optimizer as Kind, Ramp, Recipe, Scaling, Scope,
    TrustForm,
};
use tch::{Kind as Dtype, Tensor};

const LENGTH: Length = Length {
    batch_size: 256,
    epochs: 10,
    steps_per_epoch: 1,
};

fn recipe(optimizer: Kind, lr: &[f64], weight_decay: f64) -> Recipe {
    // One epoch of one step per learning rate; the schedule multiplies by the ratio at step 1.
    let decay = if lr.len() > 1 {
        Decay::Steps {
            milestones: vec![0.1],
            factor: lr[1] / lr[0],
        }
    } else {
        Decay::Constant
    };
    Recipe {
        batch_size: 256,
        epochs: 10,
        optimizer,
        lr: LearningRate {
            base: lr[0],
            scaling: Scaling::None,
            warmup: None,
            decay,
        },
        weight_decay: Ramp::constant(weight_decay),
        groups: Vec::new(),
        clipping: None,
        zero_init_residual: false,
        mixed_precision: false,
    }
}

fn spec(owner: Owner, name: &str, shape: &[i64]) -> ParameterSpec {
    ParameterSpec {
        owner,
        name: name.to_owned(),
        shape: shape.to_vec(),
    }
}

fn row(values: &[f64]) -> Tensor {
    Tensor::from_slice(values).reshape([1, -1])
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.flatten(0, -1).to_kind(Dtype::Double)).unwrap()
}

fn close(found: &Tensor, expected: &[f64], tolerance: f64) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < tolerance, "{found:?} != {expected:?}");
    }
}

/// Runs the gradients, one a step, on a single weight matrix.
fn run(recipe: &Recipe, weight: &[f64], grads: &[&[f64]]) -> Tensor {
    let parameter = row(weight);
    let shape = parameter.size();
    let mut optimizer =
        Optimizer::new(recipe, LENGTH, vec![spec(Owner::Heads, "w", &shape)]).unwrap();
    for (step, grad) in grads.iter().enumerate() {
        let grad = row(grad);
        let update = Update {
            parameter: &parameter,
            grad: Some(&grad),
        };
        optimizer.step(step as u64, &[update]).unwrap();
    }
    parameter
}

#[test]
fn sgd_and_adamw_match_pytorch() {
    // p = Parameter([1., -2., 0.5]); o = torch.optim.SGD([p], momentum=0.9, weight_decay=0.01)
    // with lr 0.1, 0.05, 0.05 and the gradients below, in float64; likewise nesterov=True and
    // AdamW(betas=(0.9, 0.99), eps=1e-6, weight_decay=0.1).
    let grads: [&[f64]; 3] = [&[0.3, -0.1, 0.7], &[-0.2, 0.4, 0.6], &[0.5, 0.5, -1.0]];
    let sgd = |nesterov| Kind::Sgd {
        momentum: 0.9,
        nesterov,
    };
    let adamw = Kind::Adamw {
        betas: [0.9, 0.99],
        eps: 1e-6,
    };
    for (optimizer, decay, expected) in [
        (sgd(false), 0.01, SGD),
        (sgd(true), 0.01, NESTEROV),
        (adamw, 0.1, ADAMW),
    ] {
        let found = run(
            &recipe(optimizer, &[0.1, 0.05], decay),
            &[1.0, -2.0, 0.5],
            &grads,
        );
        close(&found, &expected, 1e-12);
    }
}

const SGD: [f64; 3] = [0.93509216725, -2.037850597, 0.361630694875];
const NESTEROV: [f64; 3] = [0.8946709910927501, -2.065078855423, 0.32473810998512503];
const ADAMW: [f64; 3] = [0.8448020266680704, -1.9273305725614829, 0.33912798239445097];

fn lars(form: TrustForm) -> Kind {
    Kind::Lars {
        momentum: 0.5,
        trust: 0.1,
        form,
    }
}

#[test]
fn the_three_trust_forms_differ_when_the_rate_changes() {
    // w = (3, 4), g = (0, 2) twice, momentum 0.5, trust 0.1, rate 1 then 0.5, by hand.
    // Without decay: ratio 0.1*5/2, then 0.1*sqrt(21.25)/2 = 0.230488611.
    let grads: [&[f64]; 2] = [&[0.0, 2.0], &[0.0, 2.0]];
    let w = [3.0, 4.0];
    let second = 0.1 * 21.25_f64.sqrt();
    let outside = run(
        &recipe(lars(TrustForm::RateOutside), &[1.0, 0.5], 0.0),
        &w,
        &grads,
    );
    close(&outside, &[3.0, 3.5 - 0.5 * (0.25 + second)], 1e-12);
    let inside = run(
        &recipe(lars(TrustForm::RateInside), &[1.0, 0.5], 0.0),
        &w,
        &grads,
    );
    close(&inside, &[3.0, 3.5 - (0.25 + 0.5 * second)], 1e-12);
    // With decay 0.1: LARC's norm is the gradient's before decay, the others' after it.
    let larc = run(&recipe(lars(TrustForm::Larc), &[1.0, 0.5], 0.1), &w, &grads);
    // w is (2.94, 3.52) after the first step, of squared norm 21.034.
    let scaled_norm = 0.1 * 21.034_f64.sqrt();
    let rate = scaled_norm / (2.0 + scaled_norm);
    let second = [
        2.94 - 0.5 * (0.03 + 0.294 * rate),
        3.52 - 0.5 * (0.24 + 2.352 * rate),
    ];
    close(&larc, &second, 1e-8);
    let decayed = run(
        &recipe(lars(TrustForm::RateOutside), &[1.0], 0.1),
        &w,
        &grads[..1],
    );
    let ratio = 0.5 / 5.85_f64.sqrt();
    close(&decayed, &[3.0 - 0.3 * ratio, 4.0 - 2.4 * ratio], 1e-12);
}

#[test]
fn a_norm_of_zero_turns_trust_scaling_off() {
    for form in [
        TrustForm::RateOutside,
        TrustForm::RateInside,
        TrustForm::Larc,
    ] {
        let from_zero = run(
            &recipe(lars(form), &[0.5], 0.1),
            &[0.0, 0.0],
            &[&[1.0, 2.0]],
        );
        close(&from_zero, &[-0.5, -1.0], 1e-12);
    }
    // Without gradient LARC decays nothing; LARS shrinks the weight by lr*trust.
    let zero: &[f64] = &[0.0, 0.0];
    close(
        &run(
            &recipe(lars(TrustForm::Larc), &[0.5], 0.1),
            &[3.0, 4.0],
            &[zero],
        ),
        &[3.0, 4.0],
        1e-12,
    );
    close(
        &run(
            &recipe(lars(TrustForm::RateOutside), &[0.5], 0.1),
            &[3.0, 4.0],
            &[zero],
        ),
        &[3.0 * 0.95, 4.0 * 0.95],
        1e-7,
    );
}

fn plain(lr: f64, weight_decay: f64, groups: Vec<GroupRule>) -> Recipe {
    Recipe {
        groups,
        ..recipe(
            Kind::Sgd {
                momentum: 0.0,
                nesterov: false,
            },
            &[lr],
            weight_decay,
        )
    }
}

/// One step at `step` with gradient 1 on parameters of value 1; gives back the values.
fn one_step(recipe: &Recipe, specs: Vec<ParameterSpec>, step: u64) -> Vec<f64> {
    let tensors: Vec<Tensor> = specs
        .iter()
        .map(|s| Tensor::ones(&s.shape, (Dtype::Double, tch::Device::Cpu)))
        .collect();
    let grads: Vec<Tensor> = tensors.iter().map(Tensor::ones_like).collect();
    let mut optimizer = Optimizer::new(recipe, LENGTH, specs).unwrap();
    let updates: Vec<Update<'_>> = tensors
        .iter()
        .zip(&grads)
        .map(|(parameter, grad)| Update {
            parameter,
            grad: Some(grad),
        })
        .collect();
    optimizer.step(step, &updates).unwrap();
    tensors.iter().map(|t| values(t)[0]).collect()
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 1e-12, "{found:?} != {expected:?}");
    }
}

#[test]
fn group_rules_pick_by_owner_dimensions_and_name_and_later_ones_win() {
    let groups = vec![
        GroupRule::exempt_1d(),
        GroupRule {
            scope: Scope::Heads,
            lr_scale: Some(2.0),
            ..GroupRule::default()
        },
        GroupRule {
            name: Some("^predictor".to_owned()),
            lr_scale: Some(3.0),
            own_weight_decay: Some(0.0),
            ..GroupRule::default()
        },
    ];
    let specs = vec![
        spec(Owner::Backbone, "conv1.weight", &[2, 2]),
        spec(Owner::Backbone, "bn1.bias", &[2]),
        spec(Owner::Heads, "projector.0.weight", &[2, 2]),
        spec(Owner::Heads, "predictor.0.weight", &[2, 2]),
    ];
    let found = one_step(&plain(0.1, 0.5, groups), specs, 0);
    near(&found, &[1.0 - 0.15, 1.0 - 0.1, 1.0 - 0.3, 1.0 - 0.3]);
}

#[test]
fn rates_of_their_own_do_not_follow_the_schedule() {
    let rule = |name: &str| GroupRule {
        name: Some(name.to_owned()),
        ..GroupRule::default()
    };
    let groups = vec![
        GroupRule {
            constant_lr: Some(true),
            ..rule("constant")
        },
        GroupRule {
            own_lr: Some(0.05),
            ..rule("own")
        },
    ];
    let mut recipe = plain(0.4, 0.0, groups);
    recipe.lr.decay = Decay::Cosine {
        end_fraction: 0.0,
        end: None,
        per: ssl_plugin_api::description::Period::Step,
    };
    let specs = ["usual", "constant", "own"]
        .map(|name| spec(Owner::Heads, name, &[2, 2]))
        .to_vec();
    // Halfway through training the cosine is at half the peak.
    near(&one_step(&recipe, specs, 5), &[0.8, 0.6, 0.95]);
}

#[test]
fn frozen_parameters_see_no_decay_and_no_momentum() {
    let frozen = |steps, epochs| GroupRule {
        frozen_steps: steps,
        frozen_epochs: epochs,
        ..GroupRule::default()
    };
    for rule in [frozen(Some(3), None), frozen(None, Some(3))] {
        let mut recipe = recipe(
            Kind::Sgd {
                momentum: 0.9,
                nesterov: false,
            },
            &[0.1],
            0.5,
        );
        recipe.groups = vec![rule];
        let gradient: &[f64] = &[1.0, 1.0];
        close(
            &run(&recipe, &[1.0, 2.0], &[gradient; 3]),
            &[1.0, 2.0],
            1e-12,
        );
        // The first update has an empty momentum buffer: lr * (g + wd * w).
        close(
            &run(&recipe, &[1.0, 2.0], &[gradient; 4]),
            &[0.85, 1.8],
            1e-12,
        );
    }
}

#[test]
fn a_group_may_have_an_optimizer_of_its_own() {
    let mut recipe = recipe(lars(TrustForm::RateOutside), &[1.0], 0.0);
    recipe.groups = vec![GroupRule {
        name: Some("own".to_owned()),
        optimizer: Some(Kind::Sgd {
            momentum: 0.0,
            nesterov: false,
        }),
        ..GroupRule::default()
    }];
    let specs = ["own", "other"]
        .map(|name| spec(Owner::Heads, name, &[2, 2]))
        .to_vec();
    near(&one_step(&recipe, specs, 0), &[0.0, 0.9]);
}

#[test]
fn clipping_is_per_tensor_or_over_all() {
    let clipped = |clipping| {
        let mut recipe = plain(1.0, 0.0, Vec::new());
        recipe.clipping = Some(clipping);
        let specs = vec![
            spec(Owner::Heads, "a", &[1, 4]),
            spec(Owner::Heads, "b", &[3, 4]),
        ];
        one_step(&recipe, specs, 0)
    };
    // Norms of the gradients: 2 and sqrt(12); together 4.
    let per = |norm: f64, max: f64| 1.0 - (max / (norm + 1e-6)).min(1.0);
    near(
        &clipped(Clipping::PerTensor { max_norm: 3.0 }),
        &[0.0, per(12.0_f64.sqrt(), 3.0)],
    );
    // The total norm is computed in single precision.
    let global = clipped(Clipping::Global { max_norm: 3.0 });
    assert!(
        global.iter().all(|v| (v - per(4.0, 3.0)).abs() < 1e-6),
        "{global:?}"
    );
    near(&clipped(Clipping::Global { max_norm: 5.0 }), &[0.0, 0.0]);
}

#[test]
fn optimizer_state_resumes_bit_identically() {
    for kind in [
        lars(TrustForm::RateInside),
        Kind::Adamw {
            betas: [0.9, 0.99],
            eps: 1e-8,
        },
    ] {
        let recipe = recipe(kind, &[0.1], 0.1);
        let specs = vec![spec(Owner::Backbone, "w", &[1, 3])];
        let parameter = row(&[1.0, 2.0, 3.0]);
        let mut first = Optimizer::new(&recipe, LENGTH, specs.clone()).unwrap();
        let step = |optimizer: &mut Optimizer, parameter: &Tensor, n: u64| {
            let grad = row(&[0.5, -0.5, 1.0 + n as f64]);
            let update = Update {
                parameter,
                grad: Some(&grad),
            };
            optimizer.step(n, &[update]).unwrap();
        };
        step(&mut first, &parameter, 0);
        let copy = parameter.copy();
        let saved: Vec<(String, Tensor)> = first
            .state()
            .into_iter()
            .map(|(n, t)| (n, t.copy()))
            .collect();
        assert!(
            saved.iter().any(|(n, _)| n == "first.backbone.w"),
            "{saved:?}"
        );
        let mut second = Optimizer::new(&recipe, LENGTH, specs).unwrap();
        second
            .load_state(saved.iter().map(|(n, t)| (n.as_str(), t)))
            .unwrap();
        step(&mut first, &parameter, 1);
        step(&mut second, &copy, 1);
        assert_eq!(parameter, copy);

        let stray = [("first.backbone.v", &copy)];
        assert!(matches!(
            second.load_state(stray),
            Err(OptimError::State { .. })
        ));
        second.adopt(vec![spec(Owner::Heads, "w", &[1, 3])]);
        assert!(
            second.state().is_empty(),
            "another owner's parameter starts afresh"
        );
        first.reset_heads(&["w".to_owned()]);
        assert!(!first.state().is_empty(), "the backbone is not reset");
    }
}

#[test]
fn parameters_and_gradients_of_another_shape_are_named() {
    let recipe = plain(0.1, 0.0, Vec::new());
    let mut optimizer =
        Optimizer::new(&recipe, LENGTH, vec![spec(Owner::Heads, "w", &[1, 3])]).unwrap();
    let (parameter, grad) = (row(&[1.0, 2.0, 3.0]), row(&[1.0, 2.0]));
    let update = Update {
        parameter: &parameter,
        grad: Some(&grad),
    };
    let error = optimizer.step(0, &[update]).unwrap_err().to_string();
    assert_eq!(
        error,
        "expected the gradient of w of shape [1, 3], found [1, 2]"
    );
    let bad = plain(
        0.1,
        0.0,
        vec![GroupRule {
            name: Some("(".to_owned()),
            ..GroupRule::default()
        }],
    );
    let Err(error) = Optimizer::new(&bad, LENGTH, Vec::new()) else {
        panic!("expected the pattern to be refused");
    };
    assert_eq!(
        error.to_string(),
        "group rule 0: expected a regular expression, found `(`"
    );
}
