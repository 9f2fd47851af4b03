//! Properties that many frameworks share, as assertions.

use super::trial::{Outcome, Trial, context, place};
use crate::framework::Exported;
use crate::ranks::Ranks;
use crate::testing::on_ranks;
use serde_json::Value;
use ssl_plugin_api::FeatureDim;
use std::collections::BTreeMap;
use tch::Tensor;

/// Inputs by name, as a test writes them.
pub type Inputs = Vec<(&'static str, Tensor)>;

/// Largest relative distance of gradients that should be equal: those of float32.
const TOLERANCE: f64 = 1e-4;

/// What a test does to a fresh framework before its step: labels, prototypes, an epoch.
pub type Prepare<'a> = &'a (dyn Fn(&mut Trial) + Sync);

/// One step of a fresh framework, the first feature a pooled one; also gives the state that the step left.
///
/// # Panics
/// When the framework refuses.
pub fn one_step<E: Exported>(
    config: &Value,
    features: &Inputs,
    ranks: &Ranks,
) -> (Outcome, BTreeMap<String, Tensor>) {
    prepared_step::<E>(config, features, ranks, &|_| {})
}

/// As [`one_step`], after `prepare`; a rank has the samples that follow those of the ranks before it.
///
/// # Panics
/// When the framework refuses, or a momentum encoder's features get a gradient.
pub fn prepared_step<E: Exported>(
    config: &Value,
    features: &Inputs,
    ranks: &Ranks,
    prepare: Prepare<'_>,
) -> (Outcome, BTreeMap<String, Tensor>) {
    let size = features[0].1.size();
    let mut context = context(size[1] as usize, size[0] as usize);
    for (name, map) in features.iter().filter(|(_, tensor)| tensor.dim() == 4) {
        let (_, _, level) = place(name);
        let dim = map.size()[1] as usize;
        context.features.push(FeatureDim { level, dim });
    }
    let mut trial = Trial::start::<E>(config, context, ranks).expect("the framework starts");
    prepare(&mut trial);
    let list: Vec<_> = features.iter().map(|(n, t)| (*n, t)).collect();
    let first = ranks.rank() as i64 * size[0];
    let samples: Vec<i64> = (first..first + size[0]).collect();
    let outcome = trial.step_of(&samples, &list).expect("the step succeeds");
    for name in outcome.features.keys() {
        assert!(name.starts_with("online"), "{name} has a gradient");
    }
    (outcome, trial.state().expect("the state can be read"))
}

/// Asserts that the order of the samples does not matter: same loss, same parameter gradients, and
/// feature gradients in the new order.
///
/// # Panics
/// When it does.
pub fn assert_order_does_not_matter<E: Exported>(config: &Value, features: &Inputs) {
    let rows = features[0].1.size()[0];
    let order: Vec<i64> = (0..rows).map(|row| (row * 5 + 3) % rows).collect();
    assert!(
        rows % 5 != 0,
        "the new order needs a batch that 5 does not divide"
    );
    let order = Tensor::from_slice(&order);
    let shuffled = |tensor: &Tensor| tensor.index_select(0, &order);
    let (straight, _) = one_step::<E>(config, features, &Ranks::single());
    let list = features.iter().map(|(name, t)| (*name, shuffled(t)));
    let (permuted, _) = one_step::<E>(config, &list.collect(), &Ranks::single());
    assert_loss(permuted.loss, straight.loss);
    let expected = straight
        .features
        .iter()
        .map(|(n, t)| (n.clone(), shuffled(t)));
    assert_gradients(&permuted.features, &expected.collect());
    assert_gradients(&permuted.parameters, &straight.parameters);
}

/// Asserts that views 0 and 1 may change places: same loss, same parameter gradients, feature
/// gradients exchanged.
///
/// # Panics
/// When they may not.
pub fn assert_views_may_change_places<E: Exported>(config: &Value, features: &Inputs) {
    assert_prepared_views_may_change_places::<E>(config, features, &|_| {});
}

/// As [`assert_views_may_change_places`], after `prepare`.
///
/// # Panics
/// When they may not.
pub fn assert_prepared_views_may_change_places<E: Exported>(
    config: &Value,
    features: &Inputs,
    prepare: Prepare<'_>,
) {
    let other = |name: &str| match name {
        "online.0" => "online.1",
        "online.1" => "online.0",
        "target.0" => "target.1",
        "target.1" => "target.0",
        name => panic!("expected a feature of view 0 or 1, found {name}"),
    };
    let step =
        |features: &Inputs| prepared_step::<E>(config, features, &Ranks::single(), prepare).0;
    let straight = step(features);
    let list = features.iter().map(|(name, t)| (other(name), t.copy()));
    let swapped = step(&list.collect());
    assert_loss(swapped.loss, straight.loss);
    let expected = straight
        .features
        .iter()
        .map(|(n, t)| (other(n).to_owned(), t.copy()));
    assert_gradients(&swapped.features, &expected.collect());
    assert_gradients(&swapped.parameters, &straight.parameters);
}

/// Asserts that two ranks with half the batch each do what one rank does with the whole: the mean of
/// their losses, the mean of their gradients, and the state.
///
/// # Panics
/// When they do not.
pub fn assert_two_ranks_equal_the_whole<E: Exported>(
    config: &Value,
    features: impl Fn() -> Inputs + Sync,
) {
    assert_prepared_ranks_equal_the_whole::<E>(config, features, &|_| {}, &[]);
}

/// As [`assert_two_ranks_equal_the_whole`], after `prepare`; the state named in `own` is each rank's.
///
/// # Panics
/// When they do not.
pub fn assert_prepared_ranks_equal_the_whole<E: Exported>(
    config: &Value,
    features: impl Fn() -> Inputs + Sync,
    prepare: Prepare<'_>,
    own: &[&str],
) {
    let (whole, state) = prepared_step::<E>(config, &features(), &Ranks::single(), prepare);
    let halves = on_ranks(2, |ranks| {
        let half = |tensor: Tensor| {
            let rows = tensor.size()[0] / 2;
            tensor
                .narrow(0, ranks.rank() as i64 * rows, rows)
                .contiguous()
        };
        let own = features().into_iter().map(|(name, t)| (name, half(t)));
        prepared_step::<E>(config, &own.collect(), &ranks, prepare)
    });
    let [(first, state_0), (second, state_1)] = &halves[..] else {
        panic!("two ranks give two outcomes");
    };
    assert_loss((first.loss + second.loss) / 2.0, whole.loss);
    // The host averages what reaches parameters, those of the backbone behind the features too.
    let rows =
        |name: &String| Tensor::cat(&[&first.features[name], &second.features[name]], 0) / 2.0;
    let found = whole.features.keys().map(|name| (name.clone(), rows(name)));
    assert_gradients(&found.collect(), &whole.features);
    let mean = |name: &String| (&first.parameters[name] + &second.parameters[name]) / 2.0;
    let found = whole
        .parameters
        .keys()
        .map(|name| (name.clone(), mean(name)));
    assert_gradients(&found.collect(), &whole.parameters);
    let shared = state.iter().filter(|(name, _)| !own.contains(&&name[..]));
    for (name, expected) in shared {
        let norm = |tensor: &Tensor| tensor.to_kind(tch::Kind::Double).norm().double_value(&[]);
        for found in [&state_0[name], &state_1[name]] {
            let distance = norm(&(found - expected));
            assert!(
                distance <= 1e-5 * norm(expected).max(1e-2),
                "{name}: found {found}, expected {expected}"
            );
        }
    }
}

/// Asserts that the gradient of each feature is the slope of the loss along it, after `prepare`: to a
/// hundredth, as the loss is of single precision.
///
/// # Panics
/// When it is not.
pub fn assert_slopes<E: Exported>(config: &Value, features: &Inputs, prepare: Prepare<'_>) {
    const STEP: f64 = 1e-2;
    let loss = |features: &Inputs| {
        prepared_step::<E>(config, features, &Ranks::single(), prepare)
            .0
            .loss
    };
    let (straight, _) = prepared_step::<E>(config, features, &Ranks::single(), prepare);
    for (name, gradient) in &straight.features {
        let norm = gradient.norm().double_value(&[]);
        let along = |step: f64| {
            let moved = features.iter().map(|(n, t)| {
                let t = if n == name {
                    t + gradient * (step / norm)
                } else {
                    t.copy()
                };
                (*n, t)
            });
            loss(&moved.collect())
        };
        let slope = (along(STEP) - along(-STEP)) / (2.0 * STEP);
        assert!(
            (slope - norm).abs() < 1e-2 * norm,
            "{name}: expected a slope of {norm}, found {slope}"
        );
    }
}

/// Asserts that two losses agree to `1e-5` of their size.
///
/// # Panics
/// When they do not.
pub fn assert_loss(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-5 * expected.abs().max(1e-2),
        "expected a loss of {expected}, found {found}"
    );
}

/// Asserts that two lists of gradients agree, each tensor to `1e-4` of its norm; tensors that are
/// zero but for rounding only have to be so in both.
///
/// # Panics
/// When they do not.
pub fn assert_gradients(found: &BTreeMap<String, Tensor>, expected: &BTreeMap<String, Tensor>) {
    let names = |list: &BTreeMap<String, Tensor>| list.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    let norm = |tensor: &Tensor| tensor.norm().double_value(&[]);
    let largest = expected.values().map(norm).fold(0.0, f64::max);
    assert!(
        largest > 0.0 || expected.is_empty(),
        "gradients of zero test nothing"
    );
    for (name, expected) in expected {
        let scale = norm(expected).max(1e-2 * largest);
        let distance = norm(&(&found[name] - expected));
        assert!(
            distance <= TOLERANCE * scale,
            "{name}: expected a gradient within {TOLERANCE} of norm {scale:.3e}, found a distance of {distance:.3e}"
        );
    }
}
