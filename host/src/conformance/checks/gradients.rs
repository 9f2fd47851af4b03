//! Gradients against the slopes of the loss.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::slope::{Compared, Point, What};
use crate::conformance::subject::Subject;
use crate::conformance::verdict::{Finding, Verdict, broken, expect, holds, skipped, warning};
use ssl_plugin_api::foreign::Plugin;
use tch::{Kind, Tensor};

/// Batches that are tried before a gradient is called wrong.
const BATCHES: u64 = 3;

inventory::submit! {
    Definition {
        id: "feature-gradients-are-slopes",
        group: Group::Mathematics,
        level: 3,
        says: "The gradient of every online feature is the slope of the loss along it, by finite differences.",
        why: "A wrong sign, scale or a missing term trains something else than the paper's loss, and looks like a bad idea in the report.",
        mend: "Compare with the loss by hand on two samples; a mean that became a sum is a factor of the batch. A loss that stops gradients on purpose says so in its description: \"stops_gradient\": true.",
        run: Run::Framework(feature_gradients_are_slopes),
    }
}

inventory::submit! {
    Definition {
        id: "parameter-gradients-are-slopes",
        group: Group::Mathematics,
        level: 3,
        says: "The gradient of every parameter is the slope of the loss along it, by finite differences.",
        why: "As for features: heads that are trained along another direction than the loss's.",
        mend: "As for features. A parameter that the step itself rewrites is not looked at.",
        run: Run::Framework(parameter_gradients_are_slopes),
    }
}

inventory::submit! {
    Definition {
        id: "loss-falls-along-the-gradient",
        group: Group::Mathematics,
        level: 2,
        says: "The loss falls when the features go a little against their gradients.",
        why: "This is what training does; a loss that is reported with the wrong sign, or a gradient that points uphill, ends in a backbone worse than an untrained one.",
        mend: "Check the sign of the loss and of the gradient: the host descends.",
        run: Run::Framework(loss_falls_along_the_gradient),
    }
}

fn judge(point: &Point<'_>) -> Verdict {
    let list = point.compare_all()?;
    if list.is_empty() {
        return skipped("there is no gradient to compare");
    }
    let wrong: Vec<&Compared> = list.iter().filter(|it| !it.agrees).collect();
    let Some(worst) = wrong.first() else {
        return holds(format!("{} slopes agree with the gradients", list.len()));
    };
    let back = list
        .iter()
        .step_by(2)
        .find(|it| it.found < 0.0 && !it.agrees);
    if let Some(back) = back {
        return Err(broken(format!(
            "{}: expected the loss to rise along the gradient with slope {:.4e}, found {:.4e}: the sign is wrong",
            point.names[back.place], back.expected, back.found
        )));
    }
    if point.stops_gradient == Some(true) {
        return holds(
            "the loss stops gradients, as its description says; it rises along every gradient",
        );
    }
    for it in list.iter().step_by(2).filter(|it| !it.agrees) {
        if let Some(factor) = point.factor(it.place)? {
            return Err(broken(format!(
                "{}: expected the slope of the loss, {:.4e}, found a gradient of {:.4e}, {factor:.3} times as \
                 much in all its parts: the scale is wrong",
                point.names[it.place], it.found, it.expected
            )));
        }
    }
    let message = format!(
        "{}: expected a slope of {:.4e} along a direction, found {:.4e}: a term is missing, or the gradient is \
         stopped somewhere",
        point.names[worst.place], worst.expected, worst.found
    );
    if point.stops_gradient == Some(false) {
        return Err(broken(format!("{message}, which the description denies")));
    }
    warning(format!(
        "{message}, which the description does not say (\"stops_gradient\")"
    ))
}

/// The verdict of the first batch whose gradients agree, or that of the last.
fn judged(subject: &Subject, plugin: &Plugin, what: What) -> Verdict {
    let mut verdict = skipped("there is no batch");
    for nth in 0..BATCHES {
        verdict = judge(&Point::new(subject, plugin, what, nth)?);
        if matches!(verdict, Ok(Finding::Holds(_) | Finding::Skipped(_))) {
            break;
        }
    }
    verdict
}

fn feature_gradients_are_slopes(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    judged(subject, &plugin, What::Features)
}

fn parameter_gradients_are_slopes(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    judged(subject, &plugin, What::Parameters)
}

fn loss_falls_along_the_gradient(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let point = Point::new(subject, &plugin, What::Features, 0)?;
    let square: f64 = point
        .grads
        .iter()
        .flatten()
        .map(|g| g.square().sum(Kind::Double).double_value(&[]))
        .sum();
    if square == 0.0 {
        return Err(broken(
            "expected a gradient of some feature, found none or zeros: the backbone does not train",
        ));
    }
    // So far that the loss should fall by two hundredths, or a part of the features' size.
    let size: f64 = point
        .values
        .iter()
        .map(|v| v.square().sum(Kind::Double).double_value(&[]))
        .sum();
    let wanted = 0.02 * point.loss.abs().max(1e-2) / square;
    let rate = wanted.min(0.05 * (size / square).sqrt());
    let moves: Vec<(usize, &Tensor, f64)> = point
        .grads
        .iter()
        .enumerate()
        .filter_map(|(n, grad)| Some((n, grad.as_ref()?, -rate)))
        .collect();
    let after = point.loss_at(&moves)?;
    expect(after < point.loss, || {
        format!(
            "expected a loss below {:.6} after a step against the gradient, found {after:.6}",
            point.loss
        )
    })?;
    holds(format!("from {:.6} to {after:.6}", point.loss))
}
