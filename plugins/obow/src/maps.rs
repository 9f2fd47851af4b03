//! What is cut out of the teacher's feature maps.

use ssl_plugin_kit::blocks::BlockError;
use ssl_plugin_kit::burn::tensor::module::avg_pool2d;
use ssl_plugin_kit::burn::tensor::ops::AvgPoolOptions;
use ssl_plugin_kit::{Int, Tensor};

/// A map without its outermost ring of positions, whose receptive fields reach over the border.
///
/// # Shapes
/// - `map`: `[batch, channels, height, width]`, `height` and `width` at least 3
/// - returns `[batch, channels, height − 2, width − 2]`
///
/// # Errors
/// [`BlockError::Shape`] for a smaller map.
///
/// # Source
/// `builder_obow.py`, `BoWExtractor.forward`.
pub fn inner(map: Tensor<4>) -> Result<Tensor<4>, BlockError> {
    let [batch, channels, height, width] = at_least_3(&map, "feature map")?;
    Ok(map.slice([0..batch, 0..channels, 1..height - 1, 1..width - 1]))
}

/// Means over windows of 3 × 3 positions, stride 1, no padding.
///
/// # Shapes
/// As [`inner`].
///
/// # Errors
/// As [`inner`].
pub fn averaged(map: Tensor<4>) -> Result<Tensor<4>, BlockError> {
    at_least_3(&map, "feature map without its border")?;
    Ok(avg_pool2d(
        map,
        AvgPoolOptions::new([3, 3]).with_stride([1, 1]),
    ))
}

/// One position of each image's map, counted row by row.
///
/// # Shapes
/// - `map`: `[batch, channels, height, width]`
/// - `positions`: `[batch]`, each below `height · width`
/// - returns `[batch, channels]`
#[must_use]
pub fn words_at(map: Tensor<4>, positions: Tensor<1, Int>) -> Tensor<2> {
    let [batch, channels, height, width] = map.dims();
    let positions = positions.reshape([batch, 1, 1]).repeat_dim(1, channels); // [batch, channels, 1]
    map.reshape([batch, channels, height * width])
        .gather(2, positions)
        .reshape([batch, channels])
}

fn at_least_3(map: &Tensor<4>, what: &'static str) -> Result<[usize; 4], BlockError> {
    let dims = map.dims();
    if dims[2] >= 3 && dims[3] >= 3 {
        return Ok(dims);
    }
    Err(BlockError::Shape {
        what,
        expected: "[batch, channels, at least 3, at least 3]".to_owned(),
        found: dims.to_vec(),
        at: "bag of words",
    })
}
