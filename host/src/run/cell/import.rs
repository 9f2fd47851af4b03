//! A backbone that was pretrained elsewhere.

use super::Work;
use super::error::CellError;
use super::extractor::{FeatureExtractor, stamp};
use crate::backbone::Backbone;
use crate::import::Imported;
use crate::run::event::Stage;
use crate::run::job::{CheckpointSubject, Job};
use serde_json::{Value, json};
use ssl_datasets::views::normalization;
use ssl_plugin_api::description::{Description, IMAGENET_MEAN, IMAGENET_STD, Published};
use ssl_plugin_api::foreign::Plugin;
use std::path::PathBuf;
use tch::Device;

/// A file that was missing when the run was planned ends the cell before any data is read.
pub(super) fn require_file(job: &Job, subject: &CheckpointSubject) -> Result<(), CellError> {
    if subject.sha256.is_some() {
        return Ok(());
    }
    Err(CellError::NoCheckpoint {
        file: job.setup.checkpoint.clone().unwrap_or_default(),
        source_of: subject.covariates.source.clone(),
    })
}

/// What the authors report of the backbone that the checkpoint stands for.
fn published(
    subject: &CheckpointSubject,
    description: Option<&Description>,
) -> Result<Vec<Published>, CellError> {
    let Some(wanted) = &subject.covariates.published else {
        return Ok(Vec::new());
    };
    let all = description.map_or(&[][..], |it| &it.published[..]);
    let (own, others): (Vec<&Published>, Vec<&Published>) =
        all.iter().partition(|it| it.checkpoint == *wanted);
    if own.is_empty() {
        let mut known: Vec<String> = others.iter().map(|it| it.checkpoint.clone()).collect();
        known.dedup();
        return Err(CellError::NotPublished {
            framework: subject.framework.clone(),
            wanted: wanted.clone(),
            known,
        });
    }
    Ok(own.into_iter().cloned().collect())
}

impl Work<'_> {
    /// The backbone of a checkpoint, read with its framework's key map.
    pub(super) fn import(
        &mut self,
        subject: &CheckpointSubject,
    ) -> Result<FeatureExtractor, CellError> {
        self.tell(Stage::Prepare, 0, 2, "checkpoint");
        let description = self.timed(Stage::Prepare, |work| work.description_of(subject))?;
        let published = published(subject, description.as_ref())?;
        let map = description
            .as_ref()
            .map(|d| d.checkpoint.clone())
            .unwrap_or_default();
        let file: PathBuf = self.job.setup.checkpoint.clone().unwrap_or_default();
        let device = self.device()?;
        let (backbone, imported) = self.timed(Stage::Prepare, |work| {
            let config = &work.job.config;
            // Read on the CPU, where its shapes are compared, then moved.
            let mut backbone = Backbone::new(&config.backbone, config.seed, Device::Cpu)?;
            let (selection, partial) = (&subject.selection, subject.allow_partial);
            let imported = Imported::read(&file, &map, selection, &backbone, partial)?;
            imported.fill(&mut backbone)?;
            Ok((backbone.to_device(device)?, imported))
        })?;
        let report = &imported.report;
        for warning in &report.warnings {
            self.warn(format!("{}: {warning}", file.display()));
        }
        let (linear, finetune) = description
            .as_ref()
            .map(|d| (d.linear.clone(), d.finetune.clone()))
            .unwrap_or_default();
        Ok(FeatureExtractor {
            normalize: match &description {
                Some(description) => normalization(&description.views),
                None => Some((IMAGENET_MEAN, IMAGENET_STD)),
            },
            summary: json!({
                "checkpoint": {
                    "file": file,
                    "sha256": subject.sha256,
                    "root": report.root,
                    "prefix": report.prefix,
                    "encoder": report.encoder,
                    "used": report.used.len(),
                    "unused": report.unused,
                    "missing": report.missing,
                    "wrong_shape": report.wrong_shape,
                    "objects": report.objects,
                    "warnings": report.warnings,
                },
            }),
            backbone: Some(backbone),
            linear,
            finetune,
            published,
        })
    }

    /// What the plugin says under the checkpoint's configuration, where there is a plugin.
    fn description_of(
        &mut self,
        subject: &CheckpointSubject,
    ) -> Result<Option<Description>, CellError> {
        let Some(path) = &self.job.setup.plugin else {
            return Ok(None);
        };
        let file = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let plugin = Plugin::open(&file)?;
        self.plugin = Some(stamp(path, &file, &plugin, &subject.framework)?);
        plugin
            .describe(&subject.framework, &Value::Object(subject.config.clone()))
            .map(Some)
            .map_err(|source| CellError::Plugin {
                call: "describe",
                source,
            })
    }
}
