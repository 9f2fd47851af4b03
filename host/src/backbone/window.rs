//! How a convolution moves over a map, and the convolution itself.

use tch::{TchError, Tensor};

/// A square window: its side, the step from one place to the next, zeros of half its side around
/// the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) kernel: i64,
    pub(super) stride: i64,
}

impl Window {
    /// The convolution of `x` with `weight` and, where there is one, `bias`.
    ///
    /// A window of one pixel with a stride only reads every `stride`-th row and column. These are
    /// taken out first, and the convolution has stride 1: the weight gradient that oneDNN computes
    /// for the strided form on channels-last maps writes past its workspace.
    pub(super) fn convolve(
        self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor, TchError> {
        if self.kernel == 1 && self.stride > 1 {
            let thinned = thin(x, self.stride)?;
            return thinned.f_conv2d(weight, bias, [1, 1], [0, 0], [1, 1], 1);
        }
        let (stride, padding) = (self.stride, self.kernel / 2);
        x.f_conv2d(
            weight,
            bias,
            [stride, stride],
            [padding, padding],
            [1, 1],
            1,
        )
    }
}

/// Every `stride`-th row and column. A mean over one pixel is the pixel, and unlike slicing its
/// gradient keeps the channels side by side in memory.
fn thin(x: &Tensor, stride: i64) -> Result<Tensor, TchError> {
    x.f_avg_pool2d([1, 1], [stride, stride], [0, 0], false, true, None)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::backbone::forward::channels_last;
    use crate::backbone::plan::{ConvNorm, Plan};
    use crate::backbone::{BackboneConfig, Depth, Stem};
    use std::collections::BTreeSet;
    use tch::{Device, Kind};

    /// A convolution of a backbone: its window, channels in and out, side of the map.
    type Shape = ([i64; 2], [i64; 2], i64);

    /// The convolutions of a backbone on images of this size, each shape once.
    fn shapes(depth: Depth, stem: Stem, width: f64, size: i64) -> BTreeSet<Shape> {
        let plan = Plan::of(&BackboneConfig {
            depth,
            stem,
            width,
            ..BackboneConfig::default()
        });
        let mut found = BTreeSet::new();
        let mut note = |layer: &ConvNorm, side: i64| {
            let weight = &plan.parameters[layer.weight].shape;
            let Window { kernel, stride } = layer.window;
            found.insert(([kernel, stride], [weight[1], weight[0]], side));
            (side - 1) / stride + 1
        };
        let mut side = note(&plan.stem, size);
        if plan.max_pool {
            side = (side - 1) / 2 + 1;
        }
        for block in plan.stages.iter().flatten() {
            if let Some(shortcut) = &block.shortcut {
                note(shortcut, side);
            }
            side = block
                .layers
                .iter()
                .fold(side, |side, layer| note(layer, side));
        }
        found
    }

    fn noise(shape: &[i64], seed: f64) -> Tensor {
        let n: i64 = shape.iter().product();
        let phase = Tensor::arange(n, (Kind::Double, Device::Cpu)) * 12.9898 + seed;
        let value: Tensor = (phase.sin() * 43758.5453).frac() - 0.3;
        value.to_kind(Kind::Float).reshape(shape)
    }

    /// Relative errors of output, gradient of the map and gradient of the weight against float64,
    /// where every window is a plain convolution.
    fn errors(
        ([kernel, stride], [input, output], side): Shape,
        batch: i64,
        convolve: impl Fn(&Tensor, &Tensor) -> Tensor,
    ) -> [f64; 3] {
        let x = channels_last(&noise(&[batch, input, side, side], 1.0)).unwrap();
        let weight = noise(&[output, input, kernel, kernel], 2.0);
        let run = |kind: Kind, convolve: &dyn Fn(&Tensor, &Tensor) -> Tensor| {
            let leaf = |t: &Tensor| t.to_kind(kind).detach().set_requires_grad(true);
            let (x, weight) = (leaf(&x), leaf(&weight));
            let y = convolve(&x, &weight);
            let gradient = channels_last(&noise(&y.size(), 3.0).to_kind(kind)).unwrap();
            let product = (&y * gradient).sum(kind);
            let mut all = Tensor::run_backward(&[product], &[&x, &weight], false, false);
            all.insert(0, y.detach());
            all
        };
        let expected = run(Kind::Double, &|x, weight| {
            x.conv2d::<Tensor>(weight, None, stride, kernel / 2, 1, 1)
        });
        let found = run(Kind::Float, &convolve);
        std::array::from_fn(|n| {
            let error = (found[n].to_kind(Kind::Double) - &expected[n]).abs().max();
            (error / expected[n].abs().max()).double_value(&[])
        })
    }

    fn ours([kernel, stride]: [i64; 2]) -> impl Fn(&Tensor, &Tensor) -> Tensor {
        move |x, weight| Window { kernel, stride }.convolve(x, weight, None).unwrap()
    }

    #[test]
    fn strided_windows_of_one_pixel_agree_with_float64() {
        let mut tried = 0;
        for (depth, stem, width, size) in [
            (Depth::Resnet18, Stem::Cifar, 0.125, 32),
            (Depth::Resnet18, Stem::Cifar, 0.125, 64),
            (Depth::Resnet34, Stem::Cifar, 0.25, 63),
            (Depth::Resnet18, Stem::Imagenet, 0.125, 224),
            (Depth::Resnet50, Stem::Imagenet, 0.125, 224),
            (Depth::Resnet50, Stem::Imagenet, 1.0, 64),
        ] {
            for shape in shapes(depth, stem, width, size) {
                if shape.0 != [1, 2] {
                    continue;
                }
                for batch in [1, 2] {
                    let found = errors(shape, batch, ours(shape.0));
                    assert!(found.iter().all(|e| *e < 1e-5), "{shape:?} {found:?}");
                    tried += 1;
                }
            }
        }
        assert_eq!(tried, 36, "three shortcuts of each backbone have a stride");
    }

    /// All convolutions of all backbones, one line for each. `SSL_LOTTERY_FROM` skips the first of
    /// them and `SSL_LOTTERY_PLAIN=1` takes libtorch's convolution as it is, so that a run can go on
    /// after a shape that ended the process.
    #[test]
    #[ignore = "some minutes"]
    fn measure_every_convolution() {
        let from = std::env::var("SSL_LOTTERY_FROM").map_or(0, |n| n.parse().unwrap());
        let plain = std::env::var_os("SSL_LOTTERY_PLAIN").is_some();
        let mut all = BTreeSet::new();
        for depth in [Depth::Resnet18, Depth::Resnet34, Depth::Resnet50] {
            for width in [0.125, 0.25, 0.5, 1.0] {
                for (stem, sizes) in [
                    (Stem::Cifar, [24, 32, 48, 64]),
                    (Stem::Imagenet, [64, 96, 160, 224]),
                ] {
                    for size in sizes {
                        all.extend(shapes(depth, stem, width, size));
                    }
                }
            }
        }
        for (n, shape) in all.iter().enumerate().skip(from) {
            for batch in [2, 16] {
                let [kernel, stride] = shape.0;
                let ([input, output], side) = (shape.1, shape.2 / stride);
                // What a batch of 16 shows is the split of work between threads and blocks.
                if batch > 2 && batch * input * output * (kernel * side).pow(2) > 100_000_000 {
                    continue;
                }
                print!("{n} of {}: {shape:?} batch {batch}", all.len());
                std::io::Write::flush(&mut std::io::stdout()).unwrap();
                let found = match plain {
                    true => errors(*shape, batch, |x, weight| {
                        x.conv2d::<Tensor>(weight, None, stride, kernel / 2, 1, 1)
                    }),
                    false => errors(*shape, batch, ours(shape.0)),
                };
                let [output, map, weight] = found;
                println!(" output {output:.1e} map {map:.1e} weight {weight:.1e}");
                assert!(plain || found.iter().all(|e| *e < 1e-4), "{shape:?}");
            }
        }
    }
}
