//! The numbers of a recipe must be such that a run with them means something.

use ssl_plugin_api::description::{
    Clipping, Decay, Description, LearningRate, MomentumSchedule, Optimizer, Ramp, Recipe,
};

/// The most epochs.
const MOST_EPOCHS: u64 = 1_000_000;
/// The largest batch.
const LARGEST_BATCH: usize = 1 << 24;
/// The largest of all other numbers.
const LARGEST: f64 = 1e9;

/// Looks at the recipe and at the momentum schedule; `view`s and encoders are looked at elsewhere.
///
/// # Errors
/// One sentence: what was expected and what was found.
pub(super) fn check_recipe(description: &Description) -> Result<(), String> {
    let recipe: &Recipe = &description.recipe;
    let of_recipe = |rest: String| format!("recipe: {rest}");
    let faults = whole("epochs", recipe.epochs, MOST_EPOCHS)
        .and_then(|()| whole("a batch", recipe.batch_size as u64, LARGEST_BATCH as u64))
        .and_then(|()| optimizer(&recipe.optimizer))
        .and_then(|()| learning_rate(&recipe.lr))
        .and_then(|()| ramp("weight decay", &recipe.weight_decay))
        .and_then(|()| match recipe.clipping {
            Some(Clipping::PerTensor { max_norm } | Clipping::Global { max_norm }) => {
                positive("a norm to clip at", max_norm)
            }
            None => Ok(()),
        });
    faults.map_err(of_recipe)?;
    for (n, rule) in recipe.groups.iter().enumerate() {
        let faults = rule.optimizer.as_ref().map_or(Ok(()), optimizer);
        let faults = faults
            .and_then(|()| {
                rule.lr_scale
                    .map_or(Ok(()), |it| number("a rate's scale", it))
            })
            .and_then(|()| rule.own_lr.map_or(Ok(()), |it| number("a rate", it)))
            .and_then(|()| {
                let decay = rule.own_weight_decay;
                decay.map_or(Ok(()), |it| number("weight decay", it))
            });
        faults.map_err(|rest| of_recipe(format!("group {n}: {rest}")))?;
    }
    match description.momentum {
        Some(MomentumSchedule::Constant { value }) => share("momentum of the target", value),
        Some(MomentumSchedule::Cosine { base, .. }) => share("momentum of the target", base),
        _ => Ok(()),
    }
}

fn optimizer(optimizer: &Optimizer) -> Result<(), String> {
    match optimizer {
        Optimizer::Sgd { momentum, .. } => fraction("the optimiser's momentum", *momentum),
        Optimizer::Lars {
            momentum, trust, ..
        } => fraction("the optimiser's momentum", *momentum)
            .and_then(|()| positive("the optimiser's trust", *trust)),
        Optimizer::Adamw { betas, eps } => betas
            .iter()
            .try_for_each(|beta| fraction("the optimiser's betas", *beta))
            .and_then(|()| number("the optimiser's eps", *eps)),
        // The host names those that it does not have.
        _ => Ok(()),
    }
}

fn learning_rate(rate: &LearningRate) -> Result<(), String> {
    positive("a learning rate", rate.base)?;
    if let Some(warmup) = rate.warmup {
        number("a warm-up's epochs", warmup.epochs)?;
        number("a warm-up's start", warmup.start)?;
    }
    match &rate.decay {
        Decay::Cosine {
            end_fraction, end, ..
        } => {
            number("a decay's end", *end_fraction)?;
            end.map_or(Ok(()), |end| number("a decay's end", end))
        }
        Decay::Steps { milestones, factor } => {
            number("a decay's factor", *factor)?;
            let mut milestones = milestones.iter();
            milestones.try_for_each(|milestone| number("a decay's milestone", *milestone))
        }
        _ => Ok(()),
    }
}

fn ramp(what: &str, ramp: &Ramp) -> Result<(), String> {
    number(what, ramp.start).and_then(|()| number(what, ramp.end))
}

fn whole(what: &str, found: u64, most: u64) -> Result<(), String> {
    if (1..=most).contains(&found) {
        return Ok(());
    }
    Err(format!("expected {what} of 1 to {most}, found {found}"))
}

fn positive(what: &str, found: f64) -> Result<(), String> {
    if found > 0.0 && found <= LARGEST {
        return Ok(());
    }
    Err(format!(
        "expected {what} in (0, {LARGEST:e}], found {found}"
    ))
}

fn number(what: &str, found: f64) -> Result<(), String> {
    if (0.0..=LARGEST).contains(&found) {
        return Ok(());
    }
    Err(format!(
        "expected {what} in [0, {LARGEST:e}], found {found}"
    ))
}

fn fraction(what: &str, found: f64) -> Result<(), String> {
    if (0.0..1.0).contains(&found) {
        return Ok(());
    }
    Err(format!("expected {what} in [0, 1), found {found}"))
}

fn share(what: &str, found: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&found) {
        return Ok(());
    }
    Err(format!("expected {what} in [0, 1], found {found}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use serde_json::{Value, json};

    fn description() -> Value {
        json!({
            "views": [], "encoders": [],
            "momentum": {"kind": "constant", "value": 0.9},
            "recipe": {
                "batch_size": 256, "epochs": 100,
                "optimizer": {"kind": "sgd", "momentum": 0.9},
                "lr": {"base": 0.1, "decay": {"kind": "steps", "milestones": [0.5], "factor": 0.1},
                       "warmup": {"epochs": 10.0, "start": 0.0}},
                "weight_decay": {"start": 1e-6, "end": 1e-6},
                "groups": [{"own_lr": 0.1}],
                "clipping": {"kind": "global", "max_norm": 3.0},
            },
        })
    }

    #[test]
    fn absurd_numbers_of_a_recipe_are_named() {
        let check = |value: Value| check_recipe(&serde_json::from_value(value).unwrap());
        assert_eq!(check(description()), Ok(()));
        let absurd = [
            ("/recipe/epochs", json!(0)),
            ("/recipe/epochs", json!(u64::MAX)),
            ("/recipe/batch_size", json!(0)),
            ("/recipe/batch_size", json!(u64::MAX)),
            ("/recipe/optimizer/momentum", json!(-3.0)),
            ("/recipe/optimizer/momentum", json!(1.0)),
            ("/recipe/lr/base", json!(0.0)),
            ("/recipe/lr/base", json!(-0.1)),
            ("/recipe/lr/base", json!(1e300)),
            ("/recipe/lr/warmup/epochs", json!(-1.0)),
            ("/recipe/lr/warmup/start", json!(-1.0)),
            ("/recipe/lr/decay/milestones/0", json!(-0.5)),
            ("/recipe/lr/decay/factor", json!(-0.1)),
            ("/recipe/weight_decay/start", json!(-1e-6)),
            ("/recipe/weight_decay/end", json!(1e300)),
            ("/recipe/groups/0/own_lr", json!(-0.1)),
            ("/recipe/clipping/max_norm", json!(0.0)),
            ("/momentum/value", json!(1.5)),
        ];
        for (place, value) in absurd {
            let mut changed = description();
            *changed.pointer_mut(place).unwrap() = value.clone();
            let fault = check(changed).expect_err(place);
            assert!(
                fault.contains("expected") && fault.contains("found"),
                "{fault}"
            );
        }
    }
}
