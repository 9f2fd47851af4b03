//! The architecture as a list of layers that refer to named tensors by their place.

use super::config::{BackboneConfig, Depth, Stem};
use super::window::Window;

/// How a tensor starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// Normal with mean 0 and standard deviation `√(2 / fan_out)`.
    HeNormal {
        /// Outgoing connections of a unit: output channels times kernel area.
        fan_out: i64,
    },
    /// All elements equal.
    Constant(f32),
}

/// A tensor the architecture wants.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) shape: Vec<i64>,
    pub(super) start: Start,
}

/// A convolution without bias and the batch norm after it.
///
/// `weight`, `scale` and `offset` are places among the parameters, `mean` and `var` among the buffers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvNorm {
    pub(super) weight: usize,
    pub(super) scale: usize,
    pub(super) offset: usize,
    pub(super) mean: usize,
    pub(super) var: usize,
    pub(super) window: Window,
}

/// A residual block: 2 (basic) or 3 (bottleneck) layers beside the shortcut.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) layers: Vec<ConvNorm>,
    pub(super) shortcut: Option<ConvNorm>,
}

/// The whole architecture.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) stem: ConvNorm,
    pub(super) max_pool: bool,
    pub(super) stages: [Vec<Block>; 4],
    pub(super) parameters: Vec<Spec>,
    pub(super) buffers: Vec<Spec>,
}

impl Plan {
    /// Lays the architecture out, in the order of torchvision's state dict.
    pub(super) fn of(config: &BackboneConfig) -> Self {
        let mut tensors = Tensors::default();
        let planes = config.planes();
        let stem = match config.stem {
            Stem::Imagenet => tensors.conv_norm("conv1", "bn1", [3, planes[0]], 7, 2),
            Stem::Cifar => tensors.conv_norm("conv1", "bn1", [3, planes[0]], 3, 1),
        };
        let mut channels = planes[0];
        let stages = std::array::from_fn(|stage| {
            (0..config.depth.blocks()[stage])
                .map(|block| {
                    let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                    let name = format!("layer{}.{block}", stage + 1);
                    let block = tensors.block(&name, config, [channels, planes[stage]], stride);
                    channels = planes[stage] * config.depth.expansion();
                    block
                })
                .collect()
        });
        Self {
            stem,
            max_pool: config.stem == Stem::Imagenet,
            stages,
            parameters: tensors.parameters,
            buffers: tensors.buffers,
        }
    }
}

#[derive(Default)]
struct Tensors {
    parameters: Vec<Spec>,
    buffers: Vec<Spec>,
}

impl Tensors {
    fn block(
        &mut self,
        name: &str,
        config: &BackboneConfig,
        [input, planes]: [i64; 2],
        stride: i64,
    ) -> Block {
        let output = planes * config.depth.expansion();
        // Input channels, output channels, kernel, stride of each layer.
        let shapes: Vec<([i64; 2], i64, i64)> = match config.depth {
            Depth::Resnet18 | Depth::Resnet34 => {
                vec![([input, planes], 3, stride), ([planes, planes], 3, 1)]
            }
            Depth::Resnet50 => vec![
                ([input, planes], 1, 1),
                ([planes, planes], 3, stride),
                ([planes, output], 1, 1),
            ],
        };
        let layers: Vec<ConvNorm> = shapes
            .into_iter()
            .enumerate()
            .map(|(n, (channels, kernel, stride))| {
                let conv = format!("{name}.conv{}", n + 1);
                let norm = format!("{name}.bn{}", n + 1);
                self.conv_norm(&conv, &norm, channels, kernel, stride)
            })
            .collect();
        if config.zero_init_residual
            && let Some(last) = layers.last()
        {
            self.parameters[last.scale].start = Start::Constant(0.0);
        }
        let shortcut = (stride != 1 || input != output).then(|| {
            let conv = format!("{name}.downsample.0");
            let norm = format!("{name}.downsample.1");
            self.conv_norm(&conv, &norm, [input, output], 1, stride)
        });
        Block { layers, shortcut }
    }

    fn conv_norm(
        &mut self,
        conv: &str,
        norm: &str,
        [input, output]: [i64; 2],
        kernel: i64,
        stride: i64,
    ) -> ConvNorm {
        let fan_out = output * kernel * kernel;
        let weight = Spec {
            name: format!("{conv}.weight"),
            shape: vec![output, input, kernel, kernel],
            start: Start::HeNormal { fan_out },
        };
        let vector = |suffix: &str, value: f32| Spec {
            name: format!("{norm}.{suffix}"),
            shape: vec![output],
            start: Start::Constant(value),
        };
        let first = self.parameters.len();
        self.parameters
            .extend([weight, vector("weight", 1.0), vector("bias", 0.0)]);
        let first_buffer = self.buffers.len();
        self.buffers
            .extend([vector("running_mean", 0.0), vector("running_var", 1.0)]);
        ConvNorm {
            weight: first,
            scale: first + 1,
            offset: first + 2,
            mean: first_buffer,
            var: first_buffer + 1,
            window: Window { kernel, stride },
        }
    }
}
