//! For the tests of plugins: a framework driven step by step in the test's own process, ranks as
//! threads, properties that many frameworks share, and small helpers on tensors.
//!
//! A [`Trial`] goes through the same trait as the host, so leaves, gradients and state are those of
//! a real run.

mod properties;
mod trial;

pub use crate::blocks::testing::{
    check_gradient, close, cpu, double, doubles, matrix, names, values, vector,
};
pub use crate::ranks::testing::on_ranks;
pub use properties::{
    Inputs, Prepare, assert_gradients, assert_loss, assert_order_does_not_matter,
    assert_prepared_ranks_equal_the_whole, assert_prepared_views_may_change_places, assert_slopes,
    assert_two_ranks_equal_the_whole, assert_views_may_change_places, one_step, prepared_step,
};
pub use trial::{Outcome, Trial, context, relative, sample};
