//! What has to hold for PCL beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_pcl::{Concentration, Pcl, densities, prototype_contrast};
use ssl_plugin_kit::api::description::{BatchNormMode, Encoder, PassTransform};
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole, check_gradient,
    close, context, double, matrix, on_ranks, relative, sample, values, vector,
};
use tch::Tensor;

const SAMPLES: usize = 64;

fn config() -> Value {
    json!({
        "projector_hidden_dim": 7, "projector_dim": 6, "queue_size": 48, "warmup_epochs": 2,
        "num_clusters": [3, 5],
    })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("target.1", sample(8, 5, 1))]
}

fn start(config: &Value, ranks: &Ranks) -> Trial {
    Trial::start::<Pcl>(config, context(5, 8), ranks).unwrap()
}

/// A trial at the start of the first epoch with prototypes.
fn after_warm_up() -> Trial {
    let mut trial = start(&config(), &Ranks::single());
    (trial.at.epoch, trial.at.step) = (2, 16);
    trial
}

fn all() -> Tensor {
    sample(SAMPLES as i64, 5, 7)
}

/// The clustering pass over the samples of this rank, in two batches each out of order.
fn cluster(trial: &mut Trial, own: &[i64]) {
    let (second, first) = own.split_at(own.len() / 3);
    let rows = |at: &[i64]| all().index_select(0, &Tensor::from_slice(at));
    let (a, b) = (rows(first), rows(second));
    let batches = [(first, "target.0", &a), (second, "target.0", &b)];
    trial.pass("clustering", SAMPLES, &batches).unwrap();
}

fn everyone() -> Vec<i64> {
    (0..SAMPLES as i64).collect()
}

#[test]
fn the_sheets_four_clusters() {
    // Mean distances 0.3, 0.5, – and 0.4 of 90, 10, 1 and 40 samples.
    let sizes = [(90, 0.3), (10, 0.5), (1, 7.0), (40, 0.4)];
    let (mut labels, mut distances) = (Vec::new(), Vec::new());
    for (cluster, (size, mean)) in sizes.into_iter().enumerate() {
        for i in 0..size {
            labels.push(cluster as i64);
            let spread = if size == 1 { 0.0 } else { 0.1 };
            distances.push(mean + if i % 2 == 0 { spread } else { -spread });
        }
    }
    let settings = Concentration {
        alpha: 10.0,
        clip: [10.0, 90.0],
        temperature: 0.2,
    };
    let phi = densities(
        &Tensor::from_slice(&distances),
        &Tensor::from_slice(&labels),
        4,
        settings,
    );
    let found = Vec::<f32>::try_from(phi).unwrap();
    close(&found, &[0.119_103, 0.260_618, 0.260_618, 0.159_660], 1e-5);
}

#[test]
fn densities_of_samples_on_their_centroids_are_the_temperature() {
    let settings = Concentration {
        alpha: 10.0,
        clip: [10.0, 90.0],
        temperature: 0.2,
    };
    let labels = Tensor::from_slice(&[0_i64, 0, 1, 1]);
    let phi = densities(&Tensor::from_slice(&[0.0_f64; 4]), &labels, 3, settings);
    assert_eq!(Vec::<f32>::try_from(phi).unwrap(), [0.2; 3]);
}

#[test]
fn two_queries_in_one_cluster_by_hand() {
    let q = matrix([[1.0, 0.0], [0.6, 0.8]]);
    let prototypes = matrix([[0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]]);
    let density = vector([0.5, 0.25, 2.0]);
    // Both are in cluster 1, whose column comes twice; φ is the column's.
    let loss = prototype_contrast(q, prototypes, density, &[1, 1, 0, 2], 0).unwrap();
    let row = |logits: [f32; 4]| logits.iter().map(|l| l.exp()).sum::<f32>().ln() - logits[0];
    let first = row([0.0, 0.0, 0.8 / 0.5, -1.0 / 2.0]);
    let second = row([3.2, 3.2, 0.96 / 0.5, -0.6 / 2.0]);
    close(&values(loss), &[(first + second) / 2.0], 1e-6);
}

#[test]
fn gradient_of_the_queries_is_the_central_difference() {
    let prototypes = || double(&[0.8, 0.6, 0.0, 1.0, -1.0, 0.0], [3, 2]);
    let density = || double(&[0.5, 0.25, 2.0], [3]);
    check_gradient(&[1.0, 0.0, 0.6, 0.8], [2, 2], 1e-8, |q| {
        prototype_contrast(q, prototypes(), density(), &[2, 0, 1], 0).unwrap()
    });
}

#[test]
fn prototypes_and_densities_get_no_gradient() {
    let leaf = |x: ssl_plugin_kit::Tensor<2>| x.autodiff().require_grad();
    let q = leaf(matrix([[1.0, 0.0], [0.6, 0.8]]));
    let prototypes = leaf(matrix([[0.8, 0.6], [0.0, 1.0]]));
    let density = vector([0.5, 0.25]).autodiff().require_grad();
    let loss = prototype_contrast(q.clone(), prototypes.clone(), density.clone(), &[1, 0], 0);
    let gradients = loss.unwrap().backward();
    assert!(q.grad(&gradients).is_some());
    assert!(prototypes.grad(&gradients).is_none() && density.grad(&gradients).is_none());
}

#[test]
fn the_warm_up_is_a_contrast_with_the_queue_alone() {
    assert_order_does_not_matter::<Pcl>(&config(), &features());
    assert_two_ranks_equal_the_whole::<Pcl>(&config(), features);
    let state = start(&config(), &Ranks::single()).state().unwrap();
    let names: Vec<_> = state.keys().map(String::as_str).collect();
    let head = "target.projector";
    let expected = [
        "queue".to_owned(),
        "queue_ptr".to_owned(),
        format!("{head}.0.bias"),
        format!("{head}.0.weight"),
        format!("{head}.2.bias"),
        format!("{head}.2.weight"),
    ];
    assert_eq!(names, expected);
}

#[test]
fn passes_are_due_once_at_the_start_of_each_epoch_after_the_warm_up() {
    let mut trial = start(&config(), &Ranks::single());
    let mut due = |epoch, batch| {
        (trial.at.epoch, trial.at.step) = (epoch, epoch * 8 + batch);
        trial.due().unwrap()
    };
    assert_eq!((due(0, 0), due(1, 0), due(1, 7)), (None, None, None));
    assert_eq!(due(2, 0).as_deref(), Some("clustering"));
    assert_eq!(due(2, 3), None);
    let mut trial = after_warm_up();
    cluster(&mut trial, &everyone());
    assert_eq!(trial.due().unwrap(), None);
    (trial.at.epoch, trial.at.step) = (3, 24);
    assert_eq!(trial.due().unwrap().as_deref(), Some("clustering"));
}

#[test]
fn a_step_after_the_warm_up_needs_clusters() {
    let mut trial = after_warm_up();
    let list = features();
    let list: Vec<_> = list.iter().map(|(n, t)| (*n, t)).collect();
    let fault = trial.step(&list).unwrap_err();
    assert_eq!(
        fault.message,
        "expected the clusters of this epoch (assignments, prototypes.0, density.0), found none"
    );
}

#[test]
fn the_pass_puts_features_at_their_samples_positions() {
    let mut trial = after_warm_up();
    cluster(&mut trial, &everyone());
    let state = trial.state().unwrap();
    assert_eq!(state["assignments"].size(), [2, SAMPLES as i64]);
    let head = |name: &str| state[&format!("target.projector.{name}")].copy();
    let hidden = all().matmul(&head("0.weight").transpose(0, 1)) + head("0.bias");
    let z = hidden.relu().matmul(&head("2.weight").transpose(0, 1)) + head("2.bias");
    let z: Tensor = &z / z.square().sum_dim_intlist(1, true, None).sqrt();
    for (m, k) in [(0, 3), (1, 5)] {
        let labels = state["assignments"].get(m);
        let prototypes = &state[&format!("prototypes.{m}")];
        let lengths = prototypes.square().sum_dim_intlist(1, false, None);
        assert!((lengths - 1.0).abs().max().double_value(&[]) < 1e-6);
        let density = &state[&format!("density.{m}")];
        let mean = density.mean(tch::Kind::Double).double_value(&[]);
        assert!((mean - 0.2).abs() < 1e-6);
        for c in 0..k {
            let members = z.index_select(0, &labels.eq(c).nonzero().flatten(0, -1));
            let mean = members.mean_dim([0_i64].as_slice(), false, tch::Kind::Float);
            // k-means stops after 20 iterations: near its fixed point, not at it.
            let unit: Tensor = &mean / mean.norm();
            assert!(
                relative(&prototypes.get(c), &unit) < 0.1,
                "cluster {c} of {m}"
            );
        }
    }
    let list = features();
    let list: Vec<_> = list.iter().map(|(n, t)| (*n, t)).collect();
    let with_prototypes = trial
        .step_of(&[63, 5, 17, 0, 9, 33, 21, 40], &list)
        .unwrap();
    let alone = start(&config(), &Ranks::single()).step(&list).unwrap();
    assert!(with_prototypes.loss > alone.loss + 0.1);
    let fault = trial.step_of(&[64, 5, 17, 0, 9, 33, 21, 40], &list);
    assert_eq!(
        fault.unwrap_err().message,
        "expected positions below 64, found 64 (assignments)"
    );
}

#[test]
fn clusters_do_not_depend_on_ranks_and_repeat() {
    let state = |ranks: &Ranks| {
        let mut trial = start(&config(), ranks);
        (trial.at.epoch, trial.at.step) = (2, 16);
        let world = ranks.world_size() as i64;
        let own = everyone().into_iter();
        let own: Vec<i64> = own.filter(|i| i % world == ranks.rank() as i64).collect();
        cluster(&mut trial, &own);
        trial.state().unwrap()
    };
    let whole = state(&Ranks::single());
    for other in on_ranks(2, |ranks| state(&ranks)) {
        assert_eq!(other["assignments"], whole["assignments"]);
        // Threads add in an order of their own, so that sums differ in their last bit.
        for name in ["prototypes.0", "density.1"] {
            let apart = relative(&other[name], &whole[name]);
            assert!(apart < 1e-6, "{name}: {apart:e}");
        }
    }
}

#[test]
fn samples_that_no_pass_brought_have_no_say() {
    let mut trial = after_warm_up();
    cluster(&mut trial, &everyone()[..48]);
    let state = trial.state().unwrap();
    let missing = state["assignments"].narrow(1, 48, 16);
    assert_eq!(missing.abs().max().int64_value(&[]), 0);
    assert!(state["density.0"].min().double_value(&[]) > 0.0);
}

#[test]
fn keys_of_zeros_are_keys() {
    // A head of zeros gives keys of zeros for all samples: one cluster takes them all.
    let mut trial = after_warm_up();
    let zeros: Vec<_> = trial
        .state()
        .unwrap()
        .into_iter()
        .filter(|(name, _)| name.starts_with("target."))
        .map(|(name, tensor)| (name, tensor.zeros_like()))
        .collect();
    let zeros: Vec<_> = zeros.iter().map(|(n, t)| (n.as_str(), t)).collect();
    trial.load(&[], &zeros).unwrap();
    cluster(&mut trial, &everyone());
    let labels = trial.state().unwrap()["assignments"].get(0);
    let first = labels.int64_value(&[0]);
    assert!(bool::try_from(labels.eq(first).all()).unwrap());
}

#[test]
fn one_layer_is_the_head_of_version_1() {
    let given = json!({ "projector_layers": 1, "queue_size": 24, "warmup_epochs": 20 });
    let mut trial = start(&given, &Ranks::single());
    let names: Vec<_> = trial.parameters().unwrap().into_keys().collect();
    assert_eq!(names, ["projector.0.bias", "projector.0.weight"]);
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let refusal = |config: Value| {
        let trial = Trial::start::<Pcl>(&config, context(5, 8), &Ranks::single());
        trial.err().unwrap().message
    };
    assert_eq!(
        refusal(json!({ "queue_size": 20, "num_clusters": [3] })),
        "`queue_size`: expected a multiple of the global batch of 8, found 20"
    );
    assert_eq!(
        refusal(json!({ "warmup_epochs": 2, "num_clusters": [3, 65] })),
        "`num_clusters`: expected at most as many clusters as there are samples, 64, found 65"
    );
    assert_eq!(
        refusal(json!({ "concentration_clip": [90, 10] })),
        "`concentration_clip`: expected the lower percentile first, found [90, 10]"
    );
}

#[test]
fn what_the_host_is_asked_for() {
    let description = Pcl::description(&Value::Null).unwrap();
    assert_eq!(description.validate(), Ok(()));
    let pass = &description.passes[0];
    assert_eq!(
        (pass.encoder, pass.batch_norm, &pass.transform),
        (Encoder::Target, BatchNormMode::Eval, &PassTransform::Center)
    );
    assert!(!pass.drop_last && description.recipe.groups.is_empty());
    assert_eq!(description.momentum.unwrap().after_step(9, 10), 0.999);
}
