//! What every framework uses: `use ssl_plugin_kit::prelude::*;`.

pub use crate::framework::{Features, Framework, Identity, Loss, Start};
pub use crate::module::{Buffer, IntBuffer, Module, Momentum, NamedTensors, Weight};
pub use crate::random::Random;
pub use crate::ranks::Ranks;
pub use crate::{config, module, versions};
pub use burn::tensor::{Device, Int, Tensor};
pub use ssl_plugin_api::description::*;
pub use ssl_plugin_api::{EpochPlan, Fault, TrainStep};
