//! Weighted k-nearest-neighbour classification on frozen features: exact search ([`nearest`]), then
//! a vote weighted by similarity ([`vote`]).

mod bank;
mod neighbours;
mod operand;
mod pool;
mod precision;
mod search;
mod slack;
mod tile;
mod vote;
mod workers;

pub use bank::FeatureBank;
pub use neighbours::{Blocks, Neighbours};
pub use search::nearest;
pub use vote::{KnnProtocol, vote};
