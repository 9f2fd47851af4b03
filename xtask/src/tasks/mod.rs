//! The tasks that build and run: demo, tests, benches. Each sets libtorch up first.

mod bench;
mod demo;
mod plugins;
mod test;

pub use bench::bench;
pub use demo::demo;
pub use plugins::plugins;
pub use test::test;
