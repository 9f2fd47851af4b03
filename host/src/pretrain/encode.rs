//! Views through the encoders, and gradients back through the trained one.

use super::error::PretrainError;
use super::pinned;
use super::shuffle::Shuffle;
use crate::augment;
use crate::backbone::Backbone;
use ssl_datasets::loader::Batch;
use ssl_plugin_api::description::{Encoder, EncoderRequest, FeatureKey, Grouping};
use tch::{Device, TchError, Tensor, no_grad};

/// One level of one view from one encoder, attached to the encoder's graph where it is trained.
pub(super) struct EncodedFeature {
    pub(super) key: FeatureKey,
    pub(super) tensor: Tensor,
}

/// The views of a batch as tensors `[batch, 3, size, size]`, with the steps carried out that the
/// loader left to the device.
pub(super) fn view_tensors(batch: &Batch, device: Device) -> Result<Vec<Tensor>, TchError> {
    batch
        .views
        .iter()
        .map(|view| {
            let (count, size) = (batch.len() as i64, view.size as i64);
            let pixels = match pinned::tensor(&view.data) {
                Some(pinned) if device.is_cuda() => pinned?,
                _ => Tensor::f_from_slice(&view.data)?,
            };
            let pixels = pixels
                .f_reshape([count, 3, size, size])?
                .f_to_device(device)?;
            match view.later.is_empty() {
                true => Ok(pixels),
                false => no_grad(|| augment::apply(pixels, &view.later)),
            }
        })
        .collect()
}

/// Answers the requests in the order the boundary wants: request by request, view by view, level
/// by level.
pub(super) fn encode(
    requests: &[EncoderRequest],
    views: &[Tensor],
    online: &Backbone,
    target: Option<&Backbone>,
    shuffle: &Shuffle<'_>,
) -> Result<Vec<EncodedFeature>, PretrainError> {
    let mut encoded = Vec::new();
    for request in requests {
        let backbone = match request.encoder {
            Encoder::Online => online,
            Encoder::Target => target.unwrap_or(online),
        };
        let mut answered: Vec<Option<Vec<Tensor>>> = request.views.iter().map(|_| None).collect();
        for group in groups(request, views) {
            let forward = || forward(backbone, request, &group, views, shuffle);
            let by_place = match request.encoder {
                Encoder::Online => forward()?,
                Encoder::Target => no_grad(forward)?,
            };
            for (place, levels) in group.into_iter().zip(by_place) {
                answered[place] = Some(levels);
            }
        }
        for (&view, levels) in request.views.iter().zip(answered) {
            let levels = levels.unwrap_or_default();
            for (&level, tensor) in request.levels.iter().zip(levels) {
                let key = FeatureKey {
                    encoder: request.encoder,
                    view,
                    level,
                };
                encoded.push(EncodedFeature { key, tensor });
            }
        }
    }
    Ok(encoded)
}

/// Places in `request.views` that go through the backbone together.
fn groups(request: &EncoderRequest, views: &[Tensor]) -> Vec<Vec<usize>> {
    let size = |place: usize| views.get(request.views[place]).map(Tensor::size);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for place in 0..request.views.len() {
        let with = groups
            .iter()
            .position(|g| request.grouping == Grouping::ByResolution && size(g[0]) == size(place));
        match with {
            Some(n) => groups[n].push(place),
            None => groups.push(vec![place]),
        }
    }
    groups
}

/// Features of the views in a group: by view, in the order of the request's levels.
fn forward(
    backbone: &Backbone,
    request: &EncoderRequest,
    group: &[usize],
    views: &[Tensor],
    shuffle: &Shuffle<'_>,
) -> Result<Vec<Vec<Tensor>>, PretrainError> {
    let torch = || PretrainError::torch("putting views together");
    let images: Vec<&Tensor> = group.iter().map(|&p| &views[request.views[p]]).collect();
    let stacked = match images[..] {
        [single] => single.shallow_clone(),
        _ => Tensor::f_cat(&images, 0).map_err(torch())?,
    };
    let features = shuffle.forward(backbone, request, &stacked)?;
    let count = images.first().map_or(1, |i| i.size()[0]);
    let mut by_view: Vec<Vec<Tensor>> = group.iter().map(|_| Vec::new()).collect();
    for level in &request.levels {
        if let Some((_, tensor)) = features.iter().find(|(found, _)| found == level) {
            let parts = tensor.f_split(count, 0).map_err(torch())?;
            for (levels, part) in by_view.iter_mut().zip(parts) {
                levels.push(part);
            }
        }
    }
    Ok(by_view)
}

/// Gradients of the backbone's parameters from gradients of its features.
///
/// With `s = Σ h·g` the derivative of `s` with respect to each `h` is exactly `g`, so one backward
/// pass from `s` is the chain rule through the backbone. A parameter that no feature depends on has
/// no gradient.
pub(super) fn backward(
    backbone: &Backbone,
    features: &[(&Tensor, &Tensor)],
) -> Result<Vec<Option<Tensor>>, TchError> {
    let mut surrogate: Option<Tensor> = None;
    for (h, g) in features {
        let term = h.f_mul(g)?.f_sum(h.kind())?;
        surrogate = Some(match surrogate {
            Some(sum) => sum.f_add(&term)?,
            None => term,
        });
    }
    let Some(surrogate) = surrogate else {
        return Ok(backbone.parameters().iter().map(|_| None).collect());
    };
    let parameters: Vec<&Tensor> = backbone.parameters().iter().map(|n| &n.tensor).collect();
    let grads = Tensor::f_run_backward(&[surrogate], &parameters, false, false)?;
    Ok(grads
        .into_iter()
        .map(|grad| grad.defined().then_some(grad))
        .collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]
    use super::*;
    use crate::backbone::{BackboneConfig, Depth, Stem};
    use crate::pretrain::peers::Peers;
    use ssl_plugin_api::TrainStep;
    use ssl_plugin_api::description::{BatchNormMode, BatchNormScope, Level};
    use tch::Kind;

    fn backbone() -> Backbone {
        let config = BackboneConfig {
            depth: Depth::Resnet18,
            stem: Stem::Cifar,
            width: 0.125,
            zero_init_residual: false,
        };
        Backbone::new(&config, 3, Device::Cpu).unwrap()
    }

    fn images(seed: i64, count: i64, size: i64) -> Tensor {
        let n = count * 3 * size * size;
        let ramp = Tensor::arange(n, (Kind::Float, Device::Cpu));
        ((ramp * (0.37 + 0.11 * seed as f64)).sin() + 0.3 * seed as f64)
            .reshape([count, 3, size, size])
    }

    fn request(grouping: Grouping, views: &[usize], levels: &[Level]) -> EncoderRequest {
        EncoderRequest {
            encoder: Encoder::Online,
            views: views.to_vec(),
            levels: levels.to_vec(),
            grouping,
            batch_norm: BatchNormMode::Train,
            scope: BatchNormScope::Synchronized,
        }
    }

    fn encode_alone(
        requests: &[EncoderRequest],
        views: &[Tensor],
        online: &Backbone,
        target: Option<&Backbone>,
    ) -> Vec<EncodedFeature> {
        let at = TrainStep {
            epoch: 0,
            epochs: 1,
            step: 0,
            steps_per_epoch: 1,
            seed: 3,
        };
        let peers = Peers::default();
        encode(requests, views, online, target, &Shuffle::new(&peers, &at)).unwrap()
    }

    /// A loss with cross terms between views, as a plugin's is.
    fn loss(h: &[Tensor]) -> Tensor {
        (&h[0] * &h[1]).tanh().sum(Kind::Float) + h[1].square().mean(Kind::Float)
    }

    #[test]
    fn surrogate_backward_gives_the_gradients_of_the_whole_graph() {
        let views = [images(1, 4, 16), images(2, 4, 16)];
        let requests = [request(Grouping::ByResolution, &[0, 1], &[Level::Pooled])];

        let whole = backbone();
        let encoded = encode_alone(&requests, &views, &whole, None);
        let h: Vec<Tensor> = encoded.iter().map(|p| p.tensor.shallow_clone()).collect();
        let parameters: Vec<&Tensor> = whole.parameters().iter().map(|n| &n.tensor).collect();
        let expected = Tensor::run_backward(&[loss(&h)], &parameters, false, false);

        let cut = backbone();
        let encoded = encode_alone(&requests, &views, &cut, None);
        let leaves: Vec<Tensor> = encoded
            .iter()
            .map(|p| p.tensor.detach().set_requires_grad(true))
            .collect();
        let grads = Tensor::run_backward(&[loss(&leaves)], &leaves, false, false);
        let pairs: Vec<_> = encoded.iter().map(|p| &p.tensor).zip(&grads).collect();
        let found = backward(&cut, &pairs).unwrap();

        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.as_ref().unwrap(), expected);
        }
    }

    #[test]
    fn grouping_decides_over_which_images_statistics_are_taken() {
        let views = [images(1, 4, 16), images(2, 4, 16), images(3, 4, 8)];
        let pooled = |grouping, order: &[usize]| {
            let requests = [request(grouping, order, &[Level::Pooled])];
            encode_alone(&requests, &views, &backbone(), None)
        };
        let together = pooled(Grouping::ByResolution, &[0, 2, 1]);
        assert_eq!(
            together.iter().map(|p| p.key.view).collect::<Vec<_>>(),
            [0, 2, 1]
        );
        let apart = pooled(Grouping::PerView, &[0, 2, 1]);
        let joint = Tensor::cat(&[&views[0], &views[1]], 0);
        let joint = backbone().features(&joint, BatchNormMode::Train).unwrap();
        assert_eq!(together[0].tensor, joint.narrow(0, 0, 4));
        assert_eq!(together[2].tensor, joint.narrow(0, 4, 4));
        let alone = backbone()
            .features(&views[0], BatchNormMode::Train)
            .unwrap();
        assert_eq!(apart[0].tensor, alone);
        assert_ne!(apart[0].tensor, together[0].tensor);
        assert_eq!(apart[1].tensor, together[1].tensor);
    }

    #[test]
    fn the_target_gives_features_without_graph_and_levels_come_in_order() {
        let views = [images(1, 3, 16)];
        let online = backbone();
        let target = online.frozen_copy().unwrap();
        let wanted = [Level::Layer3, Level::Pooled, Level::Layer1];
        let mut request = request(Grouping::PerView, &[0], &wanted);
        request.encoder = Encoder::Target;
        let encoded = encode_alone(&[request], &views, &online, Some(&target));
        assert_eq!(
            encoded.iter().map(|p| p.key.level).collect::<Vec<_>>(),
            wanted
        );
        assert!(encoded.iter().all(|p| !p.tensor.requires_grad()));
        assert_eq!(encoded[0].tensor.size(), [3, 32, 4, 4]);
        assert_eq!(encoded[1].tensor.size(), [3, 64]);
    }
}
