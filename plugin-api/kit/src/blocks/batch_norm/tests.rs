//! What has to hold for batch normalisation.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::excessive_precision, reason = "values as PyTorch prints them")]
use super::*;
use crate::blocks::testing::{check_gradient, close, cpu, double, matrix, names, values, vector};
use crate::module::visit_slots;
use crate::ranks::testing::on_ranks;

// torch.nn.BatchNorm1d in float64: weight, bias, running statistics as in `layer`, `(y * UPSTREAM).sum().backward()`.
const X: [[f32; 3]; 4] = [
    [101.0, -2.0, 0.5],
    [103.5, 1.0, 0.25],
    [98.0, 0.5, -3.0],
    [100.25, 4.0, 1.5],
];
const UPSTREAM: [[f32; 3]; 4] = [
    [1.0, -2.0, 0.5],
    [0.25, 3.0, -1.0],
    [2.0, 0.5, 1.5],
    [-0.5, 1.0, -2.5],
];
const Y: [f32; 12] = [
    0.338727321,
    0.874141198,
    0.513697969,
    2.24854589,
    0.170689513,
    0.217807798,
    -1.95305496,
    0.287931461,
    -3.62876442,
    -0.234218249,
    -0.532762171,
    1.69725865,
];
const GRAD_X: [f32; 12] = [
    0.302823142,
    0.279608682,
    1.6433824,
    0.242644145,
    -0.542294401,
    -0.352964732,
    0.451430681,
    -0.0145040621,
    -0.267142473,
    -0.996897969,
    0.277189781,
    -1.0232752,
];
const RUNNING_MEAN: [f32; 3] = [10.96875, 1.8875, 2.68125];
const RUNNING_VAR: [f32; 3] = [0.9640625, 1.95625, 2.63072917];

fn layer(ranks: Ranks) -> BatchNorm1d {
    let mut norm = BatchNorm1d::new(3, Affine::Full, &cpu(), ranks);
    norm.weight = Some(Weight::new(vector([1.5, -0.5, 2.0])));
    norm.bias = Some(Weight::new(vector([0.1, 0.2, -0.3])));
    norm.running_mean = Buffer::new(vector([1.0, 2.0, 3.0]));
    norm.running_var = Buffer::new(vector([0.5, 1.5, 2.5]));
    norm
}

#[test]
fn training_equals_pytorch_forward_and_backward() {
    let mut norm = layer(Ranks::single());
    visit_slots(&mut norm, |_, slot| slot.begin_step());
    let x = matrix(X).autodiff().require_grad();
    let y = norm.forward(x.clone()).unwrap();
    close(&values(y.clone()), &Y, 1e-6);
    let gradients = (y * matrix(UPSTREAM)).sum().backward();
    close(&values(x.grad(&gradients).unwrap()), &GRAD_X, 2e-6);
    let weight = norm
        .weight
        .as_ref()
        .unwrap()
        .val()
        .grad(&gradients)
        .unwrap();
    close(&values(weight), &[-2.108758, 4.25002059, -5.04862603], 2e-6);
    let bias = norm.bias.as_ref().unwrap().val().grad(&gradients).unwrap();
    close(&values(bias), &[2.75, 2.5, -1.5], 1e-6);
    close(&values(norm.running_mean.val()), &RUNNING_MEAN, 1e-6);
    close(&values(norm.running_var.val()), &RUNNING_VAR, 1e-6);
}

#[test]
fn training_needs_no_autodiff_and_eval_uses_running_statistics() {
    let mut norm = layer(Ranks::single());
    let y = norm.forward(matrix(X)).unwrap();
    assert!(!y.is_autodiff());
    close(&values(y), &Y, 1e-6);
    let eval = [
        137.640213,
        1.5897194,
        -2.9896548,
        141.459448,
        0.517267129,
        -3.29792469,
        133.05713,
        0.696009173,
        -7.30543328,
        136.494442,
        -0.555185138,
        -1.75657524,
    ];
    close(&values(norm.forward_eval(matrix(X)).unwrap()), &eval, 1e-6);
    close(&values(norm.running_mean.val()), &RUNNING_MEAN, 1e-6);
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    let halves = on_ranks(2, |ranks| {
        let half = 2 * ranks.rank();
        let mut norm = layer(ranks);
        visit_slots(&mut norm, |_, slot| slot.begin_step());
        let x = matrix([X[half], X[half + 1]]).autodiff().require_grad();
        let y = norm.forward(x.clone()).unwrap();
        let gradients = (y.clone() * matrix([UPSTREAM[half], UPSTREAM[half + 1]]))
            .sum()
            .backward();
        close(&values(norm.running_mean.val()), &RUNNING_MEAN, 1e-6);
        close(&values(norm.running_var.val()), &RUNNING_VAR, 1e-6);
        [values(y), values(x.grad(&gradients).unwrap())]
    });
    close(
        &[halves[0][0].clone(), halves[1][0].clone()].concat(),
        &Y,
        1e-6,
    );
    close(
        &[halves[0][1].clone(), halves[1][1].clone()].concat(),
        &GRAD_X,
        2e-6,
    );
}

#[test]
fn gradient_is_the_central_difference() {
    let at = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4, 1.5, 0.2];
    let upstream = || double(&[1.0, -2.0, 0.5, 0.3, 0.9, -1.1, 0.4, 2.0], [4, 2]);
    check_gradient(&at, [4, 2], 1e-7, |x| {
        let mut norm = BatchNorm1d::new(2, Affine::None, &cpu(), Ranks::single());
        norm.running_mean = Buffer::new(double(&[0.0, 0.0], [2]));
        norm.running_var = Buffer::new(double(&[1.0, 1.0], [2]));
        (norm.forward(x).unwrap() * upstream()).sum()
    });
}

#[test]
fn a_far_away_mean_cancels_nothing() {
    let mut norm = BatchNorm1d::new(1, Affine::None, &cpu(), Ranks::single());
    let y = norm
        .forward(matrix([[4096.0], [4096.5], [4097.0], [4097.5]]))
        .unwrap();
    let unit = (0.3125_f32 + 1e-5).sqrt().recip();
    close(
        &values(y),
        &[-0.75 * unit, -0.25 * unit, 0.25 * unit, 0.75 * unit],
        1e-6,
    );
}

#[test]
fn names_and_roles_follow_the_affine_form() {
    let named = |affine| names(&mut BatchNorm1d::new(2, affine, &cpu(), Ranks::single()));
    assert_eq!(
        named(Affine::Full),
        ["weight", "bias", "running_mean", "running_var"]
    );
    assert_eq!(
        named(Affine::Scale),
        ["weight", "running_mean", "running_var"]
    );
    assert_eq!(named(Affine::None), ["running_mean", "running_var"]);
}

#[test]
fn one_row_is_refused() {
    let error = layer(Ranks::single())
        .forward(matrix([[1.0, 2.0, 3.0]]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected at least 2 rows for batch statistics, found 1 (batch norm)"
    );
    assert!(
        layer(Ranks::single())
            .forward(matrix([[1.0], [2.0]]))
            .is_err()
    );
}

#[test]
fn huge_columns_have_finite_gradients() {
    let mut norm = layer(Ranks::single());
    visit_slots(&mut norm, |_, slot| slot.begin_step());
    // Squares of the first column overflow, so its values become 0; so do its products with the gradient.
    let x = matrix([[1e30, 1.0, 2.0], [-1e30, 3.0, 0.5], [2e30, -1.0, 1.0]]);
    let x = x.autodiff().require_grad();
    let upstream = matrix([[1e9, 1.0, -2.0], [2e9, 0.5, 1.0], [-1e9, -1.0, 3.0]]);
    let gradients = (norm.forward(x.clone()).unwrap() * upstream)
        .sum()
        .backward();
    let gradient = values(x.grad(&gradients).unwrap());
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    let weight = norm.weight.unwrap().val().grad(&gradients).unwrap();
    assert!(values(weight).iter().all(|g| g.is_finite()));
}
