//! The steps of views on whole batches of tensors, for devices that are faster at it than the
//! loader's threads.
//!
//! The loader draws what is to happen to each sample ([`Drawn`]) and leaves it to [`apply`]. The
//! arithmetic is that of [`ssl_datasets::views`], so that a run on a GPU sees the same views as one
//! on the CPU, but for rounding.

mod blur;
mod colour;

use ssl_datasets::views::Drawn;
use ssl_plugin_api::description::BlurKernel;
use tch::{Kind, TchError, Tensor};

/// Carries out what the loader left to its consumer.
///
/// # Shapes
/// - `views`: `[samples, 3, size, size]`, `f32` in `[0, 1]`
/// - `later`: `[samples, steps]`, flat; each sample's operations in order
/// - returns `[samples, 3, size, size]`
///
/// # Errors
/// Those of libtorch.
pub fn apply(views: Tensor, later: &[Drawn]) -> Result<Tensor, TchError> {
    let samples = views.size()[0];
    let mut views = views;
    let steps = later.len() / samples.max(1) as usize;
    for step in 0..steps {
        let of_step = later.iter().skip(step).step_by(steps);
        for part in parts(of_step) {
            if part.samples.len() as i64 == samples {
                views = part.apply(&views)?;
                continue;
            }
            let index = Tensor::f_from_slice(&part.samples)?.f_to_device(views.device())?;
            let changed = part.apply(&views.f_index_select(0, &index)?)?;
            views = views.f_index_copy(0, &index, &changed)?;
        }
    }
    Ok(views)
}

/// Samples to which the same kind of operation is applied.
struct Part {
    kind: Drawn,
    samples: Vec<i64>,
    /// The operation's number for each sample, where it has one.
    amounts: Vec<f32>,
}

/// Sorts the operations of one step by kind.
fn parts<'a>(drawn: impl Iterator<Item = &'a Drawn>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (sample, &drawn) in drawn.enumerate() {
        if drawn == Drawn::Nothing {
            continue;
        }
        let at = parts.iter().position(|part| alike(part.kind, drawn));
        let at = at.unwrap_or_else(|| {
            parts.push(Part {
                kind: drawn,
                samples: Vec::new(),
                amounts: Vec::new(),
            });
            parts.len() - 1
        });
        let part = &mut parts[at];
        part.samples.push(sample as i64);
        part.amounts.push(amount(drawn));
    }
    parts
}

/// Whether two operations differ in their amount alone.
fn alike(a: Drawn, b: Drawn) -> bool {
    match (a, b) {
        (Drawn::Blur { kernel: a, .. }, Drawn::Blur { kernel: b, .. }) => a == b,
        (Drawn::Normalize { .. }, Drawn::Normalize { .. }) => a == b,
        _ => std::mem::discriminant(&a) == std::mem::discriminant(&b),
    }
}

fn amount(drawn: Drawn) -> f32 {
    match drawn {
        Drawn::Brightness(x)
        | Drawn::BrightnessShift(x)
        | Drawn::Contrast(x)
        | Drawn::Saturation(x)
        | Drawn::Hue(x) => x,
        Drawn::Blur { sigma, .. } => sigma,
        Drawn::Solarize { threshold } => threshold,
        Drawn::Nothing | Drawn::Flip | Drawn::Grayscale | Drawn::Normalize { .. } => 0.0,
    }
}

impl Part {
    /// Changes all of `x`, which holds the part's samples.
    fn apply(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let amounts = || -> Result<Tensor, TchError> {
            Tensor::f_from_slice(&self.amounts)?
                .f_reshape([-1, 1, 1, 1])?
                .f_to_device(x.device())
        };
        match self.kind {
            Drawn::Nothing => Ok(x.shallow_clone()),
            Drawn::Flip => x.f_flip([3]),
            Drawn::Brightness(_) => x.f_mul(&amounts()?)?.f_clamp(0.0, 1.0),
            Drawn::BrightnessShift(_) => x.f_add(&amounts()?)?.f_clamp(0.0, 1.0),
            Drawn::Contrast(_) => colour::contrast(x, &amounts()?),
            Drawn::Saturation(_) => colour::saturation(x, &amounts()?),
            Drawn::Hue(_) => colour::hue(x, &amounts()?),
            Drawn::Grayscale => colour::grayscale(x),
            Drawn::Solarize { .. } => colour::solarize(x, &amounts()?),
            Drawn::Normalize { mean, std } => colour::normalize(x, mean, std),
            Drawn::Blur { kernel, .. } => match kernel {
                BlurKernel::Pil => blur::pil(x, &self.amounts),
                BlurKernel::Taps { taps } => blur::sampled(x, taps, &self.amounts),
            },
        }
    }
}

/// A row of numbers for the three channels.
fn channels(values: [f32; 3], like: &Tensor) -> Result<Tensor, TchError> {
    Tensor::f_from_slice(&values)?
        .f_to_kind(Kind::Float)?
        .f_reshape([1, 3, 1, 1])?
        .f_to_device(like.device())
}
