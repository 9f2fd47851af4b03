//! Optimisers: what a recipe says, applied to the parameters of backbone and heads.
//!
//! An [`Optimizer`] resolves the recipe's group rules once for each parameter and then updates the
//! parameters in place, wherever their memory belongs.

mod clip;
mod error;
mod optimizer;
mod rule;
mod settings;
mod state;

pub use error::OptimError;
pub use optimizer::{Length, Optimizer, StepReport, Update};
pub use settings::{Owner, ParameterSpec, Settings};
