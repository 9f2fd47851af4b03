//! Parameters and state, saved and loaded.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::tensors::{Named, first_difference};
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, skipped};
use ssl_plugin_api::FaultKind;
use tch::{Kind, Tensor};

inventory::submit! {
    Definition {
        id: "load-takes-everything",
        group: Group::State,
        level: 2,
        says: "What `load` was given is what `parameters` and `state` give afterwards, byte by byte.",
        why: "A `load` that ignores a part of it resumes another run.",
        mend: "Copy every tensor by its name, state that appears later too.",
        run: Run::Framework(load_takes_everything),
    }
}

inventory::submit! {
    Definition {
        id: "foreign-state-is-refused",
        group: Group::State,
        level: 2,
        says: "Tensors of unknown names, of a cut or another shape and of another type are refused as state.",
        why: "A checkpoint of another framework, version or configuration trains on as if nothing had happened.",
        mend: "Look at all names, shapes and types before anything is copied, and answer with SSL_FAULT_STATE.",
        run: Run::Framework(foreign_state_is_refused),
    }
}

inventory::submit! {
    Definition {
        id: "load-is-all-or-nothing",
        group: Group::State,
        level: 2,
        says: "A `load` that is refused changes no parameter and no state.",
        why: "Half of a checkpoint on half of another is neither.",
        mend: "Look at everything first, then copy.",
        run: Run::Framework(load_is_all_or_nothing),
    }
}

/// An instance that has trained for a while, and what it saves; nothing where there is nothing to save.
fn trained(
    subject: &Subject,
    plugin: &ssl_plugin_api::foreign::Plugin,
) -> Result<Option<[Named; 2]>, Broken> {
    let mut session = Session::at_epoch(subject, plugin, LATE)?;
    session.train(3)?;
    let saved = session.saved()?;
    Ok(saved.iter().any(|list| !list.is_empty()).then_some(saved))
}

fn load_takes_everything(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let Some(saved) = trained(subject, &plugin)? else {
        return skipped("it has neither parameters nor state");
    };
    let mut session = Session::start(subject, &plugin)?;
    session.load(&saved)?;
    let loaded = session.saved()?;
    for (what, given, found) in [
        ("parameters", &saved[0], &loaded[0]),
        ("state", &saved[1], &loaded[1]),
    ] {
        let differs = first_difference(&sorted(given), &sorted(found));
        expect(differs.is_none(), || {
            format!(
                "{what}: expected {} as it was loaded, found other bytes",
                differs.clone().unwrap_or_default()
            )
        })?;
    }
    holds("everything that was loaded is there")
}

fn sorted(list: &Named) -> Named {
    let mut list: Named = list
        .iter()
        .map(|(n, t)| (n.clone(), t.shallow_clone()))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// A copy of what was saved with one tensor changed, which is the last so that all others look right.
fn spoilt(
    saved: &[Named; 2],
    list: usize,
    change: impl Fn(&Tensor) -> Tensor,
) -> Option<[Named; 2]> {
    let mut copy = [copied(&saved[0]), copied(&saved[1])];
    let last = copy[list].last_mut()?;
    last.1 = change(&last.1);
    Some(copy)
}

fn copied(list: &Named) -> Named {
    list.iter().map(|(n, t)| (n.clone(), t.copy())).collect()
}

/// What no framework of these tensors may take, with words for each.
fn foreign(saved: &[Named; 2]) -> Vec<(String, [Named; 2])> {
    let mut variants = Vec::new();
    for (list, what) in [(0, "parameter"), (1, "state")] {
        let mut unknown = [copied(&saved[0]), copied(&saved[1])];
        unknown[list].push((
            "no.such.tensor".to_owned(),
            Tensor::zeros([1], tch::kind::FLOAT_CPU),
        ));
        variants.push((format!("a {what} of an unknown name"), unknown));
        let longer = |tensor: &Tensor| {
            let mut size = tensor.size();
            match size.first_mut() {
                Some(rows) => *rows += 1,
                None => size.push(2),
            }
            Tensor::zeros(size, (tensor.kind(), tch::Device::Cpu))
        };
        variants.extend(spoilt(saved, list, longer).map(|it| (format!("a longer {what}"), it)));
        let cut = |tensor: &Tensor| match tensor.size().first() {
            Some(&rows) if rows > 1 => tensor.narrow(0, 0, rows - 1).contiguous(),
            _ => Tensor::zeros([3, 5, 7], (tensor.kind(), tch::Device::Cpu)),
        };
        variants.extend(spoilt(saved, list, cut).map(|it| (format!("a {what} that is cut"), it)));
        let retyped = |tensor: &Tensor| match tensor.kind() {
            Kind::Int64 => tensor.to_kind(Kind::Float),
            _ => tensor.to_kind(Kind::Int64),
        };
        variants.extend(
            spoilt(saved, list, retyped).map(|it| (format!("a {what} of another type"), it)),
        );
    }
    variants
}

/// State whose shape follows the run, like a queue that appears: a plugin may take another length.
fn may_be_resized(kind: &str) -> bool {
    kind == "a longer state" || kind == "a state that is cut"
}

fn foreign_state_is_refused(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let Some(saved) = trained(subject, &plugin)? else {
        return skipped("it has neither parameters nor state");
    };
    let mut count = 0;
    for (what, variant) in foreign(&saved) {
        let mut session = Session::start(subject, &plugin)?;
        match session.load(&variant) {
            Err(fault) if fault.kind == FaultKind::Panic => return Err(fault.into()),
            Err(_) => count += 1,
            Ok(()) if may_be_resized(&what) => {}
            Ok(()) => {
                let list = usize::from(what.contains("state"));
                let name = variant[list]
                    .last()
                    .map(|(name, _)| name.clone())
                    .unwrap_or_default();
                return Err(broken(format!(
                    "load: expected {what} (`{name}`) to be refused, found it taken"
                )));
            }
        }
    }
    holds(format!("{count} kinds of foreign tensors are refused"))
}

fn load_is_all_or_nothing(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let Some(saved) = trained(subject, &plugin)? else {
        return skipped("it has neither parameters nor state");
    };
    let mut count = 0;
    for (what, variant) in foreign(&saved) {
        let mut session = Session::start(subject, &plugin)?;
        let before = session.saved()?;
        if session.load(&variant).is_ok() {
            continue;
        }
        let after = session.saved()?;
        let differs = first_difference(&before[0], &after[0])
            .or_else(|| first_difference(&before[1], &after[1]));
        expect(differs.is_none(), || {
            format!(
                "expected nothing to change when {what} is refused, found {} changed",
                differs.clone().unwrap_or_default()
            )
        })?;
        count += 1;
    }
    holds(format!("{count} refused loads changed nothing"))
}
