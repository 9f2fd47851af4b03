//! Descriptions: pure, consistent, bounded.

use super::configuration::with;
use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::inputs::generator;
use crate::conformance::schema::drawn;
use crate::conformance::session::Session;
use crate::conformance::subject::Subject;
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds};
use crate::plugins::check_description;
use serde_json::{Value, json};
use ssl_plugin_api::description::{Description, Encoder, Scope};
use ssl_plugin_api::foreign::Plugin;
use std::collections::BTreeSet;

inventory::submit! {
    Definition {
        id: "describe-is-pure",
        group: Group::Describe,
        level: 1,
        says: "A configuration is described the same way every time, whatever was described or trained before.",
        why: "The host describes a framework when it plans, when it trains and when it resumes, in different processes.",
        mend: "Compute the description from the configuration alone.",
        run: Run::Framework(describe_is_pure),
    }
}

inventory::submit! {
    Definition {
        id: "description-is-consistent",
        group: Group::Describe,
        level: 1,
        says: "Views, encoders, passes and recipe of a description fit each other, at the defaults and in configurations drawn from the ranges.",
        why: "The host knows nothing of a framework but its description.",
        mend: "Number views from 0 through all groups, give a target encoder its momentum, and use every view.",
        run: Run::Framework(description_is_consistent),
    }
}

inventory::submit! {
    Definition {
        id: "sizes-are-bounded",
        group: Group::Describe,
        level: 1,
        says: "A description has at most 1,024 views, images of at most 4,096 pixels a side and a text of at most 1 MB.",
        why: "The host makes what the description asks for, and a billion views would end the machine.",
        mend: "Bound the keys that views, sizes and groups are counted from.",
        run: Run::Framework(sizes_are_bounded),
    }
}

fn text(plugin: &Plugin, subject: &Subject, config: &Value) -> Result<String, Broken> {
    let description = plugin.describe(subject.id(), config)?;
    serde_json::to_string(&description).map_err(|error| broken(error.to_string()))
}

fn describe_is_pure(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let defaults = json!({});
    let first = text(&plugin, subject, &defaults)?;
    let small = text(&plugin, subject, &subject.config)?;
    let same = |after: &str| -> Result<(), Broken> {
        for (config, before) in [(&defaults, &first), (&subject.config, &small)] {
            let again = text(&plugin, subject, config)?;
            expect(again == *before, || {
                format!(
                    "expected the description of {config} to be the same {after}, found another"
                )
            })?;
        }
        Ok(())
    };
    same("when it is asked for again")?;
    for key in &subject.metadata.schema.keys {
        let mut random = generator(subject.seed(), &[4]);
        let config = with(subject, &key.key, drawn(&key.kind, &mut random));
        // Whether it is taken is another check's business.
        let _ = plugin.describe(subject.id(), &config);
    }
    same("after other configurations were described")?;
    let mut session = Session::start(subject, &plugin)?;
    session.train(2)?;
    same("while an instance trains")?;
    drop(session);
    same("after an instance has ended")?;
    holds("it is described the same way every time")
}

fn description_is_consistent(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let keys = &subject.metadata.schema.keys;
    let mut configs = vec![json!({}), subject.config.clone()];
    for (n, key) in keys.iter().enumerate() {
        let mut random = generator(subject.seed(), &[5, n as u64]);
        configs.push(with(subject, &key.key, drawn(&key.kind, &mut random)));
    }
    let mut count = 0;
    for config in &configs {
        match plugin.describe(subject.id(), config) {
            Ok(description) => {
                consistent(&description)
                    .map_err(|found| broken(format!("with {config}: {found}")))?;
                count += 1;
            }
            Err(fault) if fault.kind == ssl_plugin_api::FaultKind::Config => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    holds(format!("{count} descriptions are consistent"))
}

/// What `Description::validate` leaves open.
fn consistent(description: &Description) -> Result<(), String> {
    let asked: BTreeSet<usize> = description
        .encoders
        .iter()
        .flat_map(|r| r.views.clone())
        .collect();
    if let Some(unused) = (0..description.view_count()).find(|view| !asked.contains(view)) {
        return Err(format!(
            "expected every view to be asked for, found view {unused} unused"
        ));
    }
    if !description
        .encoders
        .iter()
        .any(|r| r.encoder == Encoder::Online)
    {
        return Err(
            "expected a request of the online encoder, which alone is trained, found none"
                .to_owned(),
        );
    }
    let mut ids = BTreeSet::new();
    for pass in &description.passes {
        if pass.id.is_empty() || !ids.insert(&pass.id) {
            return Err(format!(
                "expected passes with ids of their own, found {:?}",
                pass.id
            ));
        }
    }
    let recipe = &description.recipe;
    if recipe.batch_size == 0 || recipe.epochs == 0 {
        return Err(format!(
            "expected a recipe of at least one epoch and one image a batch, found {} and {}",
            recipe.epochs, recipe.batch_size
        ));
    }
    if !(recipe.lr.base.is_finite() && recipe.lr.base >= 0.0) {
        return Err(format!(
            "expected a learning rate of at least 0, found {}",
            recipe.lr.base
        ));
    }
    for rule in &recipe.groups {
        if let Some(name) = &rule.name
            && let Err(error) = regex::Regex::new(name)
        {
            let scope = match rule.scope {
                Scope::All => "all",
                Scope::Backbone => "backbone",
                Scope::Heads => "heads",
            };
            return Err(format!(
                "expected a regular expression in a rule for {scope}, found {name:?}: {error}"
            ));
        }
    }
    Ok(())
}

fn sizes_are_bounded(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    for config in [json!({}), subject.config.clone()] {
        let description = plugin.describe(subject.id(), &config)?;
        check_description(&description).map_err(broken)?;
    }
    holds("views, sizes and text are bounded")
}
