//! Views: executes what a framework declares.
//!
//! A [`ViewPlan`] is compiled once from [`ViewGroup`]s; [`ViewPlan::render`] then makes all views of
//! one image. The image is read as 8-bit RGB; from the resize on everything is `f32` in `[0, 1]`,
//! plane by plane, so nothing is rounded between steps (Pillow rounds to 8 bits after each).
//!
//! Random numbers depend on (seed, epoch, sample, view) alone ([`ViewKey`]).
//!
//! Arithmetic, with the sources it follows:
//! - resize: Pillow's antialiased filters (support scaled with the reduction), [`resample`];
//! - random resized crop: torchvision's sampling rule, [`crop`];
//! - colour: torchvision's operations on float tensors, [`colour`];
//! - blur: Pillow's three box blurs, or a sampled Gaussian with mirrored borders, [`blur`].

pub mod blur;
pub mod colour;
pub mod crop;
mod draw;
mod evaluate;
mod geometry;
mod plan;
mod render;
pub mod resample;
mod sum;
mod tune;
mod weights;
mod wide;

pub use draw::Drawn;
pub use evaluate::{EvalTransform, evaluation, normalization};
pub use plan::{ViewPlan, ViewSpec};
pub use render::{RenderScratch, ViewKey};
pub use tune::{ViewTuning, rescale};

#[cfg(doc)]
use ssl_plugin_api::description::ViewGroup;
