//! Descriptions that contradict themselves.
#![expect(clippy::unwrap_used, reason = "tests")]

use ssl_plugin_api::description::{
    BatchNormMode, Decay, Description, Encoder, EncoderRequest, FeaturePass, Grouping,
    Interpolation, LearningRate, Level, MomentumSchedule, Optimizer, PassTransform, Published,
    Ramp, Recipe, Scaling, Transform, ViewGroup, ViewRole,
};

fn recipe() -> Recipe {
    Recipe {
        batch_size: 8,
        epochs: 1,
        optimizer: Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        },
        lr: LearningRate {
            base: 0.1,
            scaling: Scaling::None,
            warmup: None,
            decay: Decay::Constant,
        },
        weight_decay: Ramp::constant(0.0),
        groups: Vec::new(),
        clipping: None,
        zero_init_residual: false,
        mixed_precision: false,
    }
}

/// Two views through the trained encoder.
fn sound() -> Description {
    Description {
        views: vec![ViewGroup {
            name: "view".to_owned(),
            count: 2,
            role: ViewRole::Global,
            transforms: vec![Transform::RandomResizedCrop {
                size: 224,
                area: [0.08, 1.0],
                ratio: [0.75, 1.25],
                interpolation: Interpolation::Bilinear,
            }],
            patches: None,
        }],
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            0..2,
            Grouping::PerView,
        )],
        momentum: None,
        passes: Vec::new(),
        recipe: recipe(),
        linear: None,
        finetune: Vec::new(),
        stops_gradient: None,
        published: Vec::new(),
        checkpoint: Default::default(),
    }
}

fn faults(change: impl FnOnce(&mut Description)) -> Vec<String> {
    let mut description = sound();
    change(&mut description);
    description.validate().err().unwrap_or_default()
}

#[test]
fn requests_name_views_that_there_are_once_each() {
    assert_eq!(faults(|_| {}), [""; 0]);
    assert_eq!(
        faults(|d| d.encoders[0].views = vec![0, 2]),
        ["request for the Online encoder: expected views below 2, found view 2"]
    );
    assert_eq!(
        faults(|d| d.encoders[0].views = vec![1, 1]),
        ["request for the Online encoder: view 1 is listed twice"]
    );
    assert_eq!(
        faults(|d| d.encoders[0].views.clear()),
        ["request for the Online encoder: expected views and levels, found 0 and 1"]
    );
    assert_eq!(
        faults(|d| d.encoders.clear()),
        ["expected at least one encoder request, found none"]
    );
}

#[test]
fn a_view_less_than_the_requests_need_is_a_contradiction() {
    assert_eq!(
        faults(|d| d.views[0].count = 1),
        ["request for the Online encoder: expected views below 1, found view 1"]
    );
}

#[test]
fn a_target_encoder_needs_a_momentum() {
    let target = |d: &mut Description| d.encoders[0].encoder = Encoder::Target;
    assert_eq!(
        faults(target),
        ["a request names the target encoder, expected a momentum schedule, found none"]
    );
    assert_eq!(
        faults(|d| {
            target(d);
            d.momentum = Some(MomentumSchedule::Constant { value: 0.99 });
        }),
        [""; 0]
    );
}

#[test]
fn passes_look_at_views_that_there_are() {
    let pass = |views| FeaturePass {
        id: "memory".to_owned(),
        encoder: Encoder::Online,
        batch_norm: BatchNormMode::Train,
        transform: PassTransform::Views { views },
        level: Level::Pooled,
        shuffle: false,
        drop_last: false,
    };
    assert_eq!(faults(|d| d.passes.push(pass(vec![1]))), [""; 0]);
    assert_eq!(
        faults(|d| d.passes.push(pass(vec![0, 3]))),
        ["feature pass memory: expected views below 2, found view 3"]
    );
}

#[test]
fn published_numbers_are_percent_with_a_source_and_one_of_a_kind() {
    let number = Published::linear("1000ep", 74.3, "arXiv:2006.07733");
    let two = [number.clone(), Published::knn("1000ep", 66.9, "the same")];
    assert_eq!(faults(|d| d.published = two.to_vec()), [""; 0]);
    assert_eq!(
        faults(|d| d.published = vec![
            number.clone(),
            Published {
                value: 74.4,
                ..number.clone()
            }
        ]),
        ["published.1: a second number for `1000ep`, linear, top-1"]
    );
    for value in [-0.1, 743.0, f64::NAN] {
        assert_eq!(
            faults(|d| d.published = vec![Published {
                value,
                ..number.clone()
            }]),
            [format!(
                "published.0.value: expected percent in 0..=100, found {value}"
            )]
        );
    }
    let unsourced = Published {
        source: " ".to_owned(),
        ..number.clone()
    };
    assert_eq!(
        faults(|d| d.published = vec![unsourced]),
        ["published.0.source: expected a text, found none"]
    );
}

#[test]
fn a_description_without_published_numbers_reads_as_before() {
    let text = serde_json::to_string(&sound()).unwrap();
    assert!(!text.contains("published"), "{text}");
    assert_eq!(serde_json::from_str::<Description>(&text).unwrap(), sound());
}
