//! The adapter of the ImageNet family.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::{ImageNetSplit, classes, layout};
use crate::DataError;
use crate::files::{FileSet, Tree};
use crate::source::{Context, Files, LabelSpace, Labels, Source, SourceKind};

inventory::submit! {
    SourceKind {
        kind: "imagenet",
        doc: "ImageNet and its variants under `path` (a folder or a tar); `split` is train, val, v2, rendition, sketch or adversarial; `ground_truth` names the classes of a flat val folder, or is compared with class folders",
        keys: &["split", "path", "ground_truth", "allow_partial"],
        open,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    split: ImageNetSplit,
    path: PathBuf,
    /// WordNet id of each image, one per line, by the number in the file name: the labels of a flat
    /// folder, a check of class folders.
    ground_truth: Option<PathBuf>,
    /// Accepts fewer images and classes than the complete set has.
    #[serde(default)]
    allow_partial: bool,
}

fn open(context: &Context<'_>) -> Result<Arc<dyn Source>, DataError> {
    let config: Config = context.parse()?;
    let root = context.resolve(&config.path)?;
    let tree = Tree::list(context, &root)?;
    let mut files = FileSet::new(context, &tree)?;
    let truth = config.ground_truth.as_deref();
    let passed = layout::passed(&tree);
    let labels = layout::assign(context, tree, config.split, truth, &mut files)?;
    let space = LabelSpace {
        classes: classes::names(),
        subset: config.split.subset(),
    };
    if !config.allow_partial {
        let mut occurring = labels.clone();
        occurring.sort_unstable();
        occurring.dedup();
        let expected = space.subset.as_ref().map_or(space.classes.len(), Vec::len);
        if (labels.len(), occurring.len()) != (config.split.samples(), expected) {
            return Err(context.malformed(
                &root,
                format!(
                    "expected {} images of {expected} classes, found {} of {}; set `allow_partial = true` to go on with a part",
                    config.split.samples(),
                    labels.len(),
                    occurring.len()
                ),
            ));
        }
    }
    Ok(Arc::new(Files {
        name: context.name.to_owned(),
        files,
        labels: Labels::single(labels),
        space,
        passed,
    }))
}
