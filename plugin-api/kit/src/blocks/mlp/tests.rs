//! What has to hold for chains of layers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::excessive_precision, reason = "values as PyTorch prints them")]
use super::*;
use crate::blocks::testing::{close, cpu, matrix, names, values};
use crate::module::{Role, visit_slots};

/// torch.nn.Sequential(Linear(3, 4), BatchNorm1d(4), ReLU(), Linear(4, 2), GELU()) with weights
/// `0.8 sin(1.7 i)`, i counting through all parameters, 1 added to the batch norm's scale.
fn network() -> Mlp {
    let builder = MlpBuilder::new(3)
        .linear(4, true)
        .batch_norm(Affine::Full)
        .relu()
        .linear(2, true)
        .gelu();
    let mut mlp = builder.build(&mut Random::new(0, "heads"), &cpu(), &Ranks::single());
    let mut i = 0;
    visit_slots(&mut mlp, |name, slot| {
        if slot.role() == Role::Weight {
            let size = slot.storage().unwrap().size();
            let count = size.iter().product::<i64>();
            let wave =
                (tch::Tensor::arange_start(i, i + count, (tch::Kind::Double, tch::Device::Cpu))
                    * 1.7)
                    .sin();
            let offset = if name == "1.weight" { 1.0 } else { 0.0 };
            slot.put(
                (wave * 0.8 + offset)
                    .to_kind(tch::Kind::Float)
                    .reshape(&size),
            );
            i += count;
        }
    });
    mlp
}

fn wave<const R: usize, const C: usize>(scale: f32, wave: impl Fn(f32) -> f32) -> [[f32; C]; R] {
    std::array::from_fn(|r| std::array::from_fn(|c| scale * wave((r * C + c) as f32)))
}

#[test]
fn equals_pytorchs_sequential() {
    let mut mlp = network();
    visit_slots(&mut mlp, |_, slot| slot.begin_step());
    let x = matrix(wave::<5, 3>(1.3, |i| (0.9 * i).cos()))
        .autodiff()
        .require_grad();
    let y = mlp.forward(x.clone()).unwrap();
    let expected = [
        -0.0760005814,
        -0.16993613,
        0.873016689,
        0.793042894,
        -0.164245783,
        -0.140157405,
        1.54363921,
        1.10713395,
        -0.168924926,
        -0.169742296,
    ];
    close(&values(y.clone()), &expected, 1e-5);
    let gradients = (y * matrix(wave::<5, 2>(1.0, |i| (2.3 * i).sin())))
        .sum()
        .backward();
    let expected = [
        -0.0118348839,
        0.0234236063,
        0.00579887848,
        -0.420083621,
        0.951138329,
        0.174985747,
        0.0472669131,
        -0.143972576,
        -0.0101667656,
        0.32297259,
        -0.76289223,
        -0.126383662,
        0.0616790016,
        -0.0676971286,
        -0.044234197,
    ];
    close(&values(x.grad(&gradients).unwrap()), &expected, 1e-5);
    let mut found = Vec::new();
    visit_slots(&mut mlp, |name, slot| {
        if let Some(gradient) = slot.end_step(Some(&gradients)) {
            found.push((
                name.to_owned(),
                Vec::<f32>::try_from(gradient.reshape(-1)).unwrap(),
            ));
        }
    });
    let of = |name: &str| found.iter().find(|(n, _)| n == name).unwrap().1.clone();
    close(
        &of("1.weight"),
        &[-0.0392528915, 0.0299025565, 0.181751348, 0.375909067],
        1e-5,
    );
    let last = [
        0.022835937,
        -0.00116664743,
        -0.335012235,
        0.860991898,
        0.223360357,
        -0.00113727351,
        0.18971705,
        0.0494411746,
    ];
    close(&of("3.weight"), &last, 1e-5);
    // Before a batch norm a bias moves nothing.
    assert!(
        of("0.bias").iter().all(|g| g.abs() < 1e-6),
        "{:?}",
        of("0.bias")
    );
    let eval = [
        0.0724376505,
        -0.164991809,
        0.783796327,
        0.541296165,
        -0.161805518,
        -0.099285783,
        1.33363538,
        0.777965591,
        -0.164053569,
        -0.136862795,
    ];
    let x = matrix(wave::<5, 3>(1.3, |i| (0.9 * i).cos()));
    close(&values(mlp.forward_eval(x).unwrap()), &eval, 1e-5);
}

#[test]
fn names_count_every_layer() {
    let names = names(&mut network());
    let expected = [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "3.weight",
        "3.bias",
    ];
    assert_eq!(names, expected);
}

#[test]
fn one_seed_gives_one_network() {
    let build = |seed| {
        let builder = MlpBuilder::new(3)
            .linear(4, true)
            .linear(2, false)
            .init(Init::FanIn);
        let x = matrix([[1.0, -2.0, 0.5]]);
        let mlp = builder.build(&mut Random::new(seed, "heads"), &cpu(), &Ranks::single());
        values(mlp.forward_eval(x).unwrap())
    };
    assert_eq!(build(1), build(1));
    assert_ne!(build(1), build(2));
}
