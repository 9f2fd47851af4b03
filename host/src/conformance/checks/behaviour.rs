//! What a step gives back: shapes, types, finite numbers, gradients where they belong.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::step_result::StepResult;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, skipped};
use ssl_plugin_api::description::{Encoder, Scope};
use std::collections::BTreeSet;
use tch::{Kind, Tensor};

/// Steps over which a gradient may be zero by chance.
const STEPS: usize = 3;

inventory::submit! {
    Definition {
        id: "outputs-fit",
        group: Group::Mathematics,
        level: 2,
        says: "The loss and all gradients are finite, gradients are f32, of the shape of what they belong to, and on its device.",
        why: "A gradient of another type or shape is broadcast or refused in mid-run, and one that is no number spoils the backbone.",
        mend: "Convert gradients to f32 and keep the shape of the feature or parameter.",
        run: Run::Framework(outputs_fit),
    }
}

inventory::submit! {
    Definition {
        id: "targets-get-no-gradient",
        group: Group::Mathematics,
        level: 2,
        says: "Features of the target encoder have no gradient, or one of zeros.",
        why: "The target follows by momentum alone; a gradient for it says that the loss was built from the wrong branch.",
        mend: "Detach what comes from the target encoder.",
        run: Run::Framework(targets_get_no_gradient),
    }
}

inventory::submit! {
    Definition {
        id: "every-feature-learns",
        group: Group::Mathematics,
        level: 2,
        says: "Every feature of the online encoder gets a gradient that is not zero.",
        why: "Without it the backbone does not train, and its row in the report is that of an untrained one.",
        mend: "Do not detach the features before the heads, and ask for no views that the loss does not use.",
        run: Run::Framework(every_feature_learns),
    }
}

inventory::submit! {
    Definition {
        id: "every-parameter-learns",
        group: Group::Mathematics,
        level: 2,
        says: "Every parameter that no rule freezes gets a gradient that is not zero.",
        why: "A parameter without gradient stays as it was drawn.",
        mend: "List as parameters what the loss uses; what it does not train is state.",
        run: Run::Framework(every_parameter_learns),
    }
}

inventory::submit! {
    Definition {
        id: "parameters-are-the-weights",
        group: Group::Mathematics,
        level: 2,
        says: "What the host writes into a parameter is what the next step computes with.",
        why: "The host's optimiser updates parameters in place; a plugin that hands out copies never trains its heads.",
        mend: "Hand out views of the memory that the loss is computed with.",
        run: Run::Framework(parameters_are_the_weights),
    }
}

fn outputs_fit(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut count = 0;
    for epoch in [0, LATE] {
        let mut session = Session::at_epoch(subject, &plugin, epoch)?;
        for _ in 0..STEPS {
            session.passes()?;
            let batch = session.batch();
            let stepped = session.step(&batch)?;
            let loss = stepped.loss;
            expect(loss.is_finite(), || {
                format!("expected a finite loss, found {loss} (epoch {epoch})")
            })?;
            if stepped.moved {
                session.refresh()?;
            }
            let features = batch
                .features
                .iter()
                .map(|input| (input.name(), &input.tensor));
            let parameters = session
                .parameters
                .iter()
                .map(|(name, tensor)| (name.clone(), tensor));
            let grads = stepped.features.iter().chain(&stepped.parameters);
            for ((name, of), grad) in features.chain(parameters).zip(grads) {
                if let Some(grad) = grad {
                    fits(&name, of, grad)?;
                    count += 1;
                }
            }
            session.update(&stepped)?;
        }
    }
    holds(format!(
        "{count} gradients are f32, finite and of the right shape"
    ))
}

fn fits(name: &str, of: &Tensor, grad: &Tensor) -> Result<(), Broken> {
    expect(grad.kind() == Kind::Float, || {
        format!(
            "expected the gradient of {name} in f32, found {:?}",
            grad.kind()
        )
    })?;
    expect(grad.size() == of.size(), || {
        format!(
            "expected the gradient of {name} of shape {:?}, found {:?}",
            of.size(),
            grad.size()
        )
    })?;
    expect(grad.device() == of.device(), || {
        format!(
            "expected the gradient of {name} on {:?}, found {:?}",
            of.device(),
            grad.device()
        )
    })?;
    let bad = grad
        .isfinite()
        .logical_not()
        .sum(Kind::Int64)
        .int64_value(&[]);
    expect(bad == 0, || {
        format!(
            "expected a finite gradient of {name}, found {bad} numbers that are NaN or infinite"
        )
    })
}

/// The largest magnitude of a gradient; 0 where there is none.
fn largest(grad: Option<&Tensor>) -> f64 {
    grad.filter(|grad| grad.numel() > 0)
        .map_or(0.0, |grad| grad.abs().max().double_value(&[]))
}

fn targets_get_no_gradient(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    let batch = session.batch();
    let stepped = session.step(&batch)?;
    let mut targets = 0;
    for (input, grad) in batch.features.iter().zip(&stepped.features) {
        if input.encoder == Encoder::Target {
            targets += 1;
            let most = largest(grad.as_ref());
            expect(most == 0.0, || {
                format!(
                    "expected no gradient of {}, found one of up to {most:.3e}",
                    input.name()
                )
            })?;
        }
    }
    if targets == 0 {
        return skipped("it has no target encoder");
    }
    holds(format!("{targets} features of the target have no gradient"))
}

/// A few steps of training at a late epoch, with what `look` sees in each.
fn several(
    subject: &Subject,
    mut look: impl FnMut(&Session, &crate::conformance::inputs::Batch, &StepResult),
) -> Result<(), Broken> {
    let plugin = subject.open()?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    for _ in 0..STEPS {
        session.passes()?;
        let batch = session.batch();
        let stepped = session.step(&batch)?;
        look(&session, &batch, &stepped);
        session.update(&stepped)?;
    }
    Ok(())
}

fn every_feature_learns(subject: &Subject) -> Verdict {
    let (mut all, mut learning) = (BTreeSet::new(), BTreeSet::new());
    several(subject, |_, batch, stepped| {
        for (input, grad) in batch.features.iter().zip(&stepped.features) {
            if input.encoder == Encoder::Online {
                all.insert(input.name());
                if largest(grad.as_ref()) > 0.0 {
                    learning.insert(input.name());
                }
            }
        }
    })?;
    let idle: Vec<_> = all.difference(&learning).cloned().collect();
    expect(idle.is_empty(), || {
        format!(
            "expected a gradient of every online feature, found none or zeros for {}: the backbone does not train through it",
            idle.join(", ")
        )
    })?;
    holds(format!("{} features have gradients", all.len()))
}

fn every_parameter_learns(subject: &Subject) -> Verdict {
    let (mut all, mut learning) = (BTreeSet::new(), BTreeSet::new());
    several(subject, |session, _, stepped| {
        for ((name, tensor), grad) in session.parameters.iter().zip(&stepped.parameters) {
            if !frozen(session, name, tensor) {
                all.insert(name.clone());
                if largest(grad.as_ref()) > 0.0 {
                    learning.insert(name.clone());
                }
            }
        }
    })?;
    if all.is_empty() {
        return skipped("it has no parameters that train now");
    }
    let idle: Vec<_> = all.difference(&learning).cloned().collect();
    expect(idle.is_empty(), || {
        format!(
            "expected a gradient of every parameter, found none or zeros for {}",
            idle.join(", ")
        )
    })?;
    holds(format!("{} parameters have gradients", all.len()))
}

/// Whether a rule of the recipe freezes the parameter now.
fn frozen(session: &Session, name: &str, tensor: &Tensor) -> bool {
    session.description.recipe.groups.iter().any(|rule| {
        let named = rule.name.as_ref().is_none_or(|pattern| {
            regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(name))
        });
        let steps = rule
            .frozen_steps
            .is_some_and(|steps| session.at.step < steps);
        let epochs = rule
            .frozen_epochs
            .is_some_and(|epochs| session.at.epoch < epochs);
        named
            && rule.scope != Scope::Backbone
            && rule.max_ndim.is_none_or(|most| tensor.dim() <= most)
            && (steps || epochs)
    })
}

fn parameters_are_the_weights(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut count = 0;
    let names: Vec<String> = {
        let session = Session::at_epoch(subject, &plugin, LATE)?;
        session
            .parameters
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    for (place, name) in names.iter().enumerate() {
        let step = |change: bool| -> Result<Vec<u8>, Broken> {
            let mut session = Session::at_epoch(subject, &plugin, LATE)?;
            if change {
                let found = session.parameters.get_mut(place);
                let (_, tensor) =
                    found.ok_or_else(|| broken(format!("expected {name}, found no parameter")))?;
                // Not one factor for all rows, which a normalisation would take back.
                let rows = tensor.size().first().copied().unwrap_or(1);
                let wave = (Tensor::arange(tensor.numel() as i64, tch::kind::FLOAT_CPU) * 1.7
                    + rows as f64)
                    .sin();
                let wave = wave.reshape(tensor.size());
                let _ = tch::no_grad(|| tensor.f_add_(&(wave * 0.5)))?;
            }
            let batch = session.batch();
            Ok(session.step(&batch)?.bytes())
        };
        expect(step(true)? != step(false)?, || {
            format!(
                "expected another result after the host wrote into {name}, found the same bytes"
            )
        })?;
        count += 1;
    }
    if count == 0 {
        return skipped("it has no parameters");
    }
    holds(format!(
        "{count} parameters are what the loss is computed with"
    ))
}
