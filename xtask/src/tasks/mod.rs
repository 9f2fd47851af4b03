//! The tasks that build and run: demo, tests, benches. Each sets libtorch up first.

mod bench;
mod demo;
mod test;

pub use bench::bench;
pub use demo::demo;
pub use test::test;
