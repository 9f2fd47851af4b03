//! What every plugin refuses before it trains: inputs, states and settings that do not fit, named.

mod driver;
mod inputs;
mod settings;
mod states;
