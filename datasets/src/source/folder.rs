//! Images in one folder per class, on disk or in a `tar` archive.

use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::{Context, LabelSpace, Labels, Scratch, Source, SourceKind, nesting};
use crate::files::{FileSet, Tree};
use crate::{DataError, ImageRef};

inventory::submit! {
    SourceKind {
        kind: "image-folder",
        doc: "one folder of images per class under `path` (a folder, a tar, or a folder in a tar: `set.tar/train`), in it at any depth; classes sorted by name",
        keys: &["path", "numeric_classes", "allow_empty"],
        open,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    path: PathBuf,
    /// The folders are class indices: sort them as integers.
    #[serde(default)]
    numeric_classes: bool,
    /// Class folders without images keep their place among the classes.
    #[serde(default)]
    allow_empty: bool,
}

/// Image files with labels.
pub(crate) struct Files {
    pub name: String,
    pub files: FileSet,
    pub labels: Labels,
    pub space: LabelSpace,
    /// What was passed over.
    pub passed: Option<String>,
}

fn open(context: &Context<'_>) -> Result<Arc<dyn Source>, DataError> {
    let config: Config = context.parse()?;
    let mut tree = Tree::list(context, &context.resolve(&config.path)?)?;
    if tree.folders.is_empty() {
        return Err(context.empty(&tree.root, "class folders"));
    }
    nesting::check(&tree.folders, &config.path)
        .map_err(|message| context.malformed(&tree.root, message))?;
    for image in &tree.loose {
        tree.passed
            .add("images beside the class folders", &image.name);
    }
    let mut classes: Vec<String> = tree.folders.keys().cloned().collect();
    if config.numeric_classes {
        sort_by_number(context, &tree, &mut classes)?;
    } else if classes.len() > 1 && classes.iter().all(|c| c.parse::<u64>().is_ok()) {
        return Err(DataError::NumericFolders {
            set: context.name.to_owned(),
            path: tree.root,
            example: classes[0].clone(),
        });
    }
    let mut files = FileSet::new(context, &tree)?;
    let mut labels = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let entries = &tree.folders[class];
        if entries.is_empty() && !config.allow_empty {
            return Err(context.malformed(
                &tree.root.join(class),
                "expected images in the class folder, found none; remove it, or set `allow_empty = true` to keep the class without images",
            ));
        }
        files.folder(class);
        entries.iter().for_each(|entry| files.push(entry));
        labels.resize(files.len(), label as u32);
    }
    if labels.is_empty() {
        return Err(context.empty(&tree.root, "images in class folders"));
    }
    Ok(Arc::new(Files {
        name: context.name.to_owned(),
        files,
        labels: Labels::single(labels),
        space: LabelSpace::full(classes),
        passed: tree.passed.text(),
    }))
}

/// Sorts class folders named `0`, `1`, … by number; none may be missing.
pub(crate) fn sort_by_number(
    context: &Context<'_>,
    tree: &Tree,
    classes: &mut [String],
) -> Result<(), DataError> {
    if let Some(other) = classes.iter().find(|c| c.parse::<u32>().is_err()) {
        return Err(context.malformed(
            &tree.root,
            format!("expected class folders named by numbers, found `{other}`"),
        ));
    }
    let number = |class: &String| class.parse::<u32>().unwrap_or(u32::MAX);
    classes.sort_by_key(number);
    if let Some((index, class)) = classes
        .iter()
        .enumerate()
        .find(|(index, class)| number(class) as usize != *index)
    {
        return Err(context.malformed(
            &tree.root,
            format!(
                "expected class folders 0 to {}, found {class} in place of {index}",
                classes.len() - 1
            ),
        ));
    }
    Ok(())
}

impl Source for Files {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn space(&self) -> &LabelSpace {
        &self.space
    }

    fn id(&self, index: usize) -> String {
        self.files.id(index)
    }

    fn stored_len(&self, index: usize, scratch: &mut Scratch) -> Result<u64, DataError> {
        self.files.length(index, scratch)
    }

    fn stored<'a>(
        &'a self,
        index: usize,
        most: usize,
        scratch: &'a mut Scratch,
    ) -> Result<&'a [u8], DataError> {
        self.files.read(index, most, scratch)?;
        Ok(&scratch.bytes)
    }

    fn passed_over(&self) -> Option<&str> {
        self.passed.as_deref()
    }

    fn image<'a>(
        &'a self,
        index: usize,
        scratch: &'a mut Scratch,
    ) -> Result<ImageRef<'a>, DataError> {
        self.image_rows(index, scratch, &|_, height| height)
    }

    fn image_rows<'a>(
        &'a self,
        index: usize,
        scratch: &'a mut Scratch,
        needed: &dyn Fn(usize, usize) -> usize,
    ) -> Result<ImageRef<'a>, DataError> {
        self.files.decode(index, scratch, needed)?;
        Ok(scratch.image.as_ref())
    }

    fn metadata(&self, index: usize) -> Option<Metadata> {
        self.files.metadata(index)
    }
}
