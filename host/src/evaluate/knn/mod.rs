//! Weighted k-nearest-neighbour classification on frozen features: exact search ([`nearest`]), then
//! a vote weighted by similarity ([`vote`]).

mod bank;
mod pool;
mod search;
mod tile;
mod vote;
mod workers;

pub use bank::Bank;
pub use search::{Blocks, Neighbours, nearest};
pub use vote::{KnnProtocol, vote};
