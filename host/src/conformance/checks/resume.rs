//! A run that goes on from a checkpoint.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::tensors::Named;
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds};
use crate::process::{Limits, fork_one, may_fork};
use crate::tensorfile;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

inventory::submit! {
    Definition {
        id: "resume-is-exact",
        group: Group::State,
        level: 2,
        says: "After an epoch, parameters and state that are loaded in a fresh process give the next steps byte by byte.",
        why: "A run that was interrupted has to end like one that was not.",
        mend: "Keep in the state whatever the next step depends on: queues, centres, running statistics, momentum heads, counters.",
        run: Run::Framework(resume_is_exact),
    }
}

/// Does `work` in a fresh process, or here where this one has threads already.
fn fresh<T: Serialize + DeserializeOwned>(
    work: impl Fn() -> Result<T, Broken>,
) -> Result<T, Broken> {
    if !may_fork() {
        return work();
    }
    let told = || work().map_err(|broken| (broken.status, broken.message));
    match fork_one(Limits::default(), told) {
        Ok(result) => result.map_err(|(status, message)| Broken { status, message }),
        Err(error) => Err(Broken {
            status: crate::conformance::Status::Crashed,
            message: error.to_string(),
        }),
    }
}

/// Three steps of the epoch that follows, each as a digest.
fn next(session: &mut Session, epoch: u64) -> Result<Vec<String>, Broken> {
    session.begin(epoch)?;
    (0..3)
        .map(|_| {
            Ok(blake3::hash(&session.train_step()?.bytes())
                .to_hex()
                .to_string())
        })
        .collect()
}

fn save(session: &mut Session, file: &Path) -> Result<(), Broken> {
    let [parameters, state] = session.saved()?;
    let named = |prefix: &'static str, list: Named| {
        let renamed = list
            .into_iter()
            .map(move |(name, tensor)| (format!("{prefix}{name}"), tensor));
        renamed.collect::<Named>()
    };
    let mut all = named("p.", parameters);
    all.extend(named("s.", state));
    tensorfile::write(
        file,
        all.iter().map(|(name, tensor)| (name.clone(), tensor)),
    )
    .map_err(|error| broken(error.to_string()))?;
    Ok(())
}

fn resume_is_exact(subject: &Subject) -> Verdict {
    let folder = tempfile::tempdir()?;
    for epoch in [0, LATE] {
        let file = folder.path().join(format!("{epoch}.safetensors"));
        let expected = fresh(|| {
            let plugin = subject.open()?;
            let mut session = Session::at_epoch(subject, &plugin, epoch)?;
            for _ in 0..session.at.steps_per_epoch {
                session.train_step()?;
            }
            save(&mut session, &file)?;
            next(&mut session, epoch + 1)
        })?;
        let found = fresh(|| {
            let plugin = subject.open()?;
            let mut session = Session::start(subject, &plugin)?;
            let saved = read(&file)?;
            session.load(&saved)?;
            session.refresh()?;
            next(&mut session, epoch + 1)
        })?;
        let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
        expect(differs.is_none(), || {
            format!(
                "expected the steps after epoch {epoch} from its checkpoint as without a break, found other bytes in step {}",
                differs.unwrap_or_default()
            )
        })?;
    }
    holds("what follows a checkpoint is what follows without a break")
}

fn read(file: &Path) -> Result<[Named; 2], Broken> {
    let tensors = tensorfile::read(file).map_err(|error| broken(error.to_string()))?;
    let part = |prefix: &str| -> Named {
        tensors
            .iter()
            .filter_map(|(name, tensor)| {
                Some((
                    name.strip_prefix(prefix)?.to_owned(),
                    tensor.shallow_clone(),
                ))
            })
            .collect()
    };
    Ok([part("p."), part("s.")])
}
