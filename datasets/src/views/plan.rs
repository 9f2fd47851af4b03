//! Compiling view groups into something that runs.

use ssl_plugin_api::description::{BlurKernel, Brightness, PatchGrid, Transform, ViewGroup};

use super::geometry::{Geometry, ordered};
use crate::DataError;

/// The views of one image, ready to be rendered.
#[derive(Clone, Debug)]
pub struct ViewPlan {
    pub(super) groups: Vec<GroupPlan>,
    specs: Vec<ViewSpec>,
}

/// What a view is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewSpec {
    /// Name of the view's group.
    pub group: String,
    /// Width and height in pixels.
    pub size: usize,
}

#[derive(Clone, Debug)]
pub(super) struct GroupPlan {
    /// Number of the group's first view.
    pub first: usize,
    pub count: usize,
    pub geometry: Geometry,
    /// Side of what the geometry gives.
    pub side: usize,
    pub steps: Vec<Step>,
    pub patches: Option<PatchGrid>,
}

/// A step on the square.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Flip {
        p: f32,
    },
    Jitter(Jitter),
    Grayscale {
        p: f32,
    },
    Blur {
        p: f32,
        sigma: [f32; 2],
        kernel: BlurKernel,
    },
    Solarize {
        p: f32,
        threshold: f32,
    },
    Normalize {
        mean: [f32; 3],
        std: [f32; 3],
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter {
    pub p: f32,
    pub brightness: f32,
    pub contrast: f32,
    pub saturation: f32,
    pub hue: f32,
    pub form: Brightness,
}

impl ViewPlan {
    /// Compiles groups; views are numbered through all of them.
    ///
    /// # Errors
    /// [`DataError::BadViews`] when a group does not begin with a geometry (a random resized crop, a
    /// centre crop, or a resize followed by a centre crop), has a second one, or has a value out of
    /// range.
    pub fn new(groups: &[ViewGroup]) -> Result<Self, DataError> {
        let mut plans = Vec::with_capacity(groups.len());
        let mut specs = Vec::new();
        for group in groups {
            let plan =
                GroupPlan::new(group, specs.len()).map_err(|message| DataError::BadViews {
                    group: group.name.clone(),
                    message,
                })?;
            let size = plan.patches.map_or(plan.side, |p| p.patch);
            specs.extend((0..group.count).map(|_| ViewSpec {
                group: group.name.clone(),
                size,
            }));
            plans.push(plan);
        }
        if specs.is_empty() {
            return Err(DataError::BadViews {
                group: "(all)".to_owned(),
                message: "expected at least one view, found none".to_owned(),
            });
        }
        Ok(Self {
            groups: plans,
            specs,
        })
    }

    /// The views, in order.
    #[must_use]
    pub fn specs(&self) -> &[ViewSpec] {
        &self.specs
    }
}

impl GroupPlan {
    fn new(group: &ViewGroup, first: usize) -> Result<Self, String> {
        let (geometry, side, rest) = Geometry::first_of(&group.transforms)?;
        if side == 0 {
            return Err("expected a size of at least 1, found 0".to_owned());
        }
        if group.count == 0 {
            return Err("expected a count of at least 1, found 0".to_owned());
        }
        if let Some(p) = group.patches {
            if !(1..=8).contains(&p.grid) || group.count > p.grid * p.grid {
                return Err(format!(
                    "expected a grid of 1 to 8 cells a side and at most as many patches as cells, found {} and {}",
                    p.grid, group.count
                ));
            }
            if p.patch == 0 || p.patch + p.jitter > side {
                return Err(format!(
                    "expected a patch and jitter of at most {side} pixels together, found {} and {}",
                    p.patch, p.jitter
                ));
            }
        }
        let steps = rest
            .iter()
            .map(|t| step(t, side))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            first,
            count: group.count,
            geometry,
            side,
            steps,
            patches: group.patches,
        })
    }
}

fn step(transform: &Transform, side: usize) -> Result<Step, String> {
    if let Some(p) = transform.probability()
        && !(0.0..=1.0).contains(&p)
    {
        return Err(format!("expected a probability in [0, 1], found {p}"));
    }
    Ok(match *transform {
        Transform::HorizontalFlip { p } => Step::Flip { p },
        Transform::ColorJitter {
            p,
            brightness,
            contrast,
            saturation,
            hue,
            brightness_form,
        } => {
            for (name, value, most) in [
                ("brightness", brightness, f32::MAX),
                ("contrast", contrast, f32::MAX),
                ("saturation", saturation, f32::MAX),
                ("hue", hue, 0.5),
            ] {
                if !(0.0..=most).contains(&value) {
                    return Err(format!("expected a {name} in [0, {most}], found {value}"));
                }
            }
            Step::Jitter(Jitter {
                p,
                brightness,
                contrast,
                saturation,
                hue,
                form: brightness_form,
            })
        }
        Transform::Grayscale { p } => Step::Grayscale { p },
        Transform::GaussianBlur { p, sigma, kernel } => {
            ordered("sigma", sigma, 0.0, f32::MAX)?;
            if let BlurKernel::Taps { taps } = kernel
                && (taps % 2 == 0 || taps >= 2 * side)
            {
                return Err(format!(
                    "expected an odd number of blur taps below {}, found {taps}",
                    2 * side
                ));
            }
            Step::Blur { p, sigma, kernel }
        }
        Transform::Solarize { p, threshold } => Step::Solarize { p, threshold },
        Transform::Normalize { mean, std } => {
            if std.iter().any(|s| !s.is_finite() || *s <= 0.0) {
                return Err(format!(
                    "expected positive standard deviations, found {std:?}"
                ));
            }
            Step::Normalize { mean, std }
        }
        ref other => {
            return Err(format!(
                "expected steps that keep the size after the first, found {other:?}"
            ));
        }
    })
}
