//! Going on from the newest checkpoint that is whole.

use super::checkpoint::{CHECKPOINT_FILE, Checkpoints, Header, PREVIOUS_FILE, READ, identity};
use super::error::PretrainError;
use super::heads::offer;
use super::job::PretrainJob;
use super::own_state::{of_checkpoint, unfit};
use super::position::{Loss, Position};
use super::trainer::Trainer;
use crate::progress::Progress;
use crate::terminal::with_causes;
use crate::{checksum, tensorfile};
use serde_json::Value;
use ssl_plugin_api::NamedTensor;
use std::io::ErrorKind;
use std::path::Path;
use tch::{Kind, Tensor};

type Tensors = Vec<(String, Tensor)>;

/// Takes over the checkpoint in the run's folder, if there is one: the newest, or the one before where
/// the newest is damaged.
pub(super) fn resume(
    trainer: &mut Trainer<'_>,
    job: &PretrainJob<'_>,
    progress: &mut dyn Progress,
) -> Result<(Checkpoints, Position), PretrainError> {
    let newest = read(job, CHECKPOINT_FILE);
    let found = match newest {
        Ok(Some(found)) => Some((found, CHECKPOINT_FILE)),
        Ok(None) => read(job, PREVIOUS_FILE)
            .map_err(|flaw| *flaw.error)?
            .map(|found| (found, PREVIOUS_FILE)),
        Err(Flaw { error, damage }) if damage => match read(job, PREVIOUS_FILE) {
            Ok(Some(found)) => {
                progress.warning(&format!(
                    "{error}; the run goes on from the checkpoint before, after {} steps",
                    found.0.steps
                ));
                Some((found, PREVIOUS_FILE))
            }
            _ => return Err(*error),
        },
        Err(flaw) => return Err(*flaw.error),
    };
    // Every rank reads the folder; what they find has to be the same.
    let place = found.as_ref().map(|((header, _), _)| header);
    let digest = place.map_or(0, |header| {
        let bytes = header.tensors_blake3.bytes();
        bytes.fold(0, |hash: i64, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        })
    });
    let steps = place.map_or(-1, |header| header.steps as i64);
    trainer.peers.expect_same(&[steps, digest])?;
    let Some(((header, tensors), file)) = found else {
        let builds = job.plugin.map(str::to_owned).into_iter().collect();
        return Ok((Checkpoints::new(job, builds, None), Position::default()));
    };
    let builds = go_on(header.builds.clone(), job, &job.dir.join(file), progress)?;
    let ranks = trainer.peers.world_size();
    if header.ranks != ranks
        && let Some(name) = unfit(&tensors, trainer.instance.as_mut(), header.steps)?
    {
        return Err(PretrainError::OtherRanks {
            path: job.dir.join(file),
            name,
            written: header.ranks,
            found: ranks,
        });
    }
    let position = take_over(trainer, &header, &tensors)?;
    Ok((Checkpoints::new(job, builds, Some(header)), position))
}

/// Why a checkpoint is not taken.
struct Flaw {
    error: Box<PretrainError>,
    /// Whether it is damaged, so that another one may serve.
    damage: bool,
}

/// A checkpoint of this run; `None` where there is none.
fn read(job: &PretrainJob<'_>, name: &str) -> Result<Option<(Header, Tensors)>, Flaw> {
    let path = job.dir.join(name);
    let bytes = match crate::regular::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Flaw {
                error: Box::new(PretrainError::Io {
                    doing: "read",
                    path,
                    source,
                }),
                damage: true,
            });
        }
    };
    let refuse = |found: String, damage| Flaw {
        error: Box::new(PretrainError::Checkpoint {
            path: path.clone(),
            found,
        }),
        damage,
    };
    let unreadable = |error| refuse(format!("a file that cannot be read ({error})"), true);
    let (value, damage) = checksum::from_json(&bytes).map_err(unreadable)?;
    if let Some(damage) = damage {
        return Err(refuse(damage.to_string(), true));
    }
    if !value["format"]
        .as_u64()
        .is_some_and(|format| READ.contains(&format))
    {
        return Err(refuse(format!("format {}", value["format"]), false));
    }
    let header: Header = serde_json::from_value(value).map_err(unreadable)?;
    // Through text as theirs went, so that both sides' numbers were read by the same parser.
    let ours = serde_json::from_str(&identity(job).to_string()).unwrap_or(Value::Null);
    if let Some(key) = first_difference(&ours, &header.run) {
        return Err(refuse(format!("one of a run with another {key}"), false));
    }
    let file = job.dir.join(&header.tensors);
    let tensors = tensorfile::read_exactly(&file, &header.tensors_blake3)
        .map_err(|error| refuse(with_causes(&error), true))?;
    Ok(Some((header, tensors)))
}

/// Brings backbone, framework and optimiser to where the checkpoint was written.
fn take_over(
    trainer: &mut Trainer<'_>,
    header: &Header,
    tensors: &Tensors,
) -> Result<Position, PretrainError> {
    let part = |prefix: &'static str| {
        let named = tensors.iter();
        named.filter_map(move |(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
    };
    trainer.backbone.import(part("backbone."))?;
    if let Some(target) = &mut trainer.target {
        target.import(part("target.backbone."))?;
    }
    let (parameters, state) = (
        on_device(part("param."), trainer)?,
        on_device(of_checkpoint(tensors, trainer.peers.rank()), trainer)?,
    );
    trainer
        .instance
        .load(parameters, state)
        .map_err(PretrainError::plugin("load", header.steps))?;
    trainer.refresh(header.steps)?;
    let optimizer: Vec<(&str, Tensor)> = part("optimizer.")
        .map(|(name, t)| (name, t.to_device(trainer.device)))
        .collect();
    trainer
        .optimizer
        .load_state(optimizer.iter().map(|(n, t)| (*n, t)))?;
    trainer.learning.go_on(header.learning);
    let of_epoch = |wanted: &str| part("epoch.").find(|(name, _)| *name == wanted);
    let order = of_epoch("order").map(|(_, order)| order);
    Ok(Position {
        epoch: header.epochs,
        batch: header.batch,
        monitor_due: header.monitor_due,
        order: order
            .filter(|order| order.kind() == Kind::Int64)
            .and_then(|order| Vec::<i64>::try_from(order).ok())
            .map(|order| order.into_iter().map(|sample| sample as u64).collect()),
        loss: of_epoch("loss").map_or_else(Loss::default, |(_, loss)| Loss::of(loss)),
        work: header.work,
    })
}

/// The builds that take part when this one goes on; refuses another one than wrote the checkpoint
/// unless the user has allowed it.
fn go_on(
    mut builds: Vec<String>,
    job: &PretrainJob<'_>,
    path: &Path,
    progress: &mut dyn Progress,
) -> Result<Vec<String>, PretrainError> {
    let Some(found) = job.plugin else {
        return Ok(builds);
    };
    match builds.last() {
        Some(last) if last == found => return Ok(builds),
        Some(last) if !job.allow_other_build => {
            return Err(PretrainError::OtherBuild {
                path: path.to_owned(),
                expected: last.clone(),
                found: found.to_owned(),
            });
        }
        Some(last) => progress.warning(&format!(
            "the checkpoint {} was written with another build of the plugin (sha256 {last}); this one (sha256 {found}) goes on",
            path.display()
        )),
        None => {}
    }
    builds.push(found.to_owned());
    Ok(builds)
}

fn on_device<'t>(
    tensors: impl Iterator<Item = (&'t str, &'t Tensor)>,
    trainer: &Trainer<'_>,
) -> Result<Vec<NamedTensor>, PretrainError> {
    let moved: Vec<(&str, Tensor)> = tensors
        .map(|(name, t)| (name, t.to_device(trainer.device)))
        .collect();
    offer(moved.iter().map(|(n, t)| (*n, t)), 0)
}

fn first_difference(ours: &Value, theirs: &Value) -> Option<String> {
    let ours = ours.as_object()?;
    let differs = |(key, value): &(&String, &Value)| theirs.get(key.as_str()) != Some(*value);
    ours.iter().find(differs).map(|(key, _)| key.clone())
}
