//! The checks, by what they are about; each file registers its own.

mod behaviour;
mod configuration;
mod cost;
mod describe;
mod gradients;
mod independence;
mod inputs;
mod learning;
mod life_cycle;
mod load;
mod metadata;
mod ownership;
mod parameters;
mod process;
mod ranks;
mod repeats;
mod resume;
mod state;
