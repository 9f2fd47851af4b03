//! Checks of a benchmark's data before the first cell begins. Faults that would end a cell after its
//! pretraining, or spoil its scores, are reported at once and for all sets together.

use super::error::RunError;
use crate::config::{Benchmark, BenchmarkFault, Document, OnBroken, OnTrainImages, ProtocolName};
use crate::evaluate::Labels;
use crate::evaluate::finetune::subset;
use crate::ledger::{DataFacts, LeftOut, TrainImages};
use ssl_datasets::check::{Broken, Pair, absent, overlaps, undecodable};
use ssl_datasets::source::{Relabelled, Sets, Source, open_sets};
use std::collections::HashSet;
use std::sync::Arc;

/// Images that a message or a record names.
const EXAMPLES: usize = 5;

/// Opens every set, compares classes, looks for images that cannot be read and for test images that are
/// training images, and tries what the protocols need. `pretrains` says whether a cell is going to be pretrained, so that test
/// images are decoded before that.
///
/// # Errors
/// [`RunError::Data`] with every fault found.
pub fn prepare(
    bench: &Benchmark,
    document: &Document,
    pretrains: bool,
) -> Result<DataFacts, RunError> {
    let root = bench.data.root.as_deref();
    let sets = open_sets(&bench.data.train, &bench.data.test, root).map_err(|faults| {
        let faults = faults.into_iter();
        RunError::Data {
            faults: faults
                .map(|fault| at_set(document, fault.test, fault.error.to_string(), None))
                .collect(),
        }
    })?;
    for set in std::iter::once(&sets.train).chain(&sets.test) {
        if let Some(passed) = set.passed_over() {
            tracing::warn!("{}: skipped {passed}", set.name());
        }
    }
    let mut look = DataCheck {
        bench,
        document,
        workers: bench.pretrain.workers.unwrap_or(0),
        facts: DataFacts::default(),
        faults: Vec::new(),
    };
    let sets = look.readable(sets, pretrains);
    look.labels(&sets);
    look.shares(&sets);
    if look.faults.is_empty() {
        look.overlaps(&sets);
    }
    match look.faults {
        faults if faults.is_empty() => Ok(look.facts),
        faults => Err(RunError::Data { faults }),
    }
}

/// A set without some of its images, by id.
pub(super) fn without(source: Arc<dyn Source>, left_out: &[LeftOut]) -> Arc<dyn Source> {
    if left_out.is_empty() {
        return source;
    }
    let ids: HashSet<&str> = left_out.iter().map(|image| image.id.as_str()).collect();
    let kept = (0..source.len()).filter(|&sample| !ids.contains(source.id(sample).as_str()));
    let kept = kept.map(|sample| sample as u32).collect();
    Arc::new(Relabelled::keep(source, kept))
}

fn at_set(
    document: &Document,
    test: Option<usize>,
    message: String,
    help: Option<&str>,
) -> BenchmarkFault {
    let place = test.map(|place| place.to_string());
    let path: &[&str] = match &place {
        Some(place) => &["data", "test", place],
        None => &["data", "train"],
    };
    document.fault(path, message, help.map(str::to_owned))
}

struct DataCheck<'a> {
    bench: &'a Benchmark,
    document: &'a Document,
    /// Threads that read, 0 for one per processor.
    workers: usize,
    facts: DataFacts,
    faults: Vec<BenchmarkFault>,
}

impl DataCheck<'_> {
    fn fault(&mut self, test: Option<usize>, message: String, help: Option<&str>) {
        self.faults.push(at_set(self.document, test, message, help));
    }

    /// The sets without the images that cannot be read, where the benchmark leaves them out.
    fn readable(&mut self, sets: Sets, pretrains: bool) -> Sets {
        let train = self.readable_set(None, sets.train, false);
        let test = sets.test.into_iter().enumerate();
        let test = test
            .map(|(place, set)| self.readable_set(Some(place), set, pretrains))
            .collect();
        Sets { train, test }
    }

    fn readable_set(
        &mut self,
        test: Option<usize>,
        source: Arc<dyn Source>,
        decode: bool,
    ) -> Arc<dyn Source> {
        let name = source.name().to_owned();
        let skip = self.bench.data.on_broken == OnBroken::Skip;
        let broken = if skip || decode {
            undecodable(source.as_ref(), self.workers)
        } else {
            absent(source.as_ref(), self.workers)
        };
        let Some(first) = broken.first() else {
            return source;
        };
        let (count, all) = (broken.len(), source.len());
        let found = format!(
            "{count} of {all} that cannot be read, such as {}",
            first.reason
        );
        if !skip {
            let help =
                "mend the images, or leave them out of every row with `data.on_broken = \"skip\"`";
            self.fault(
                test,
                format!("{name}: expected images, found {found}"),
                Some(help),
            );
            return source;
        }
        if count == all {
            self.fault(
                test,
                format!("{name}: expected images, found {found}"),
                None,
            );
            return source;
        }
        tracing::warn!("{name}: {found}; no row uses them");
        let list: Vec<LeftOut> = broken.into_iter().map(left_out).collect();
        let kept = without(source, &list);
        match test {
            None => self.facts.left_out_of_train = list,
            Some(_) => {
                self.facts.left_out.insert(name, list);
            }
        }
        kept
    }

    /// Checks the labels that evaluations need.
    fn labels(&mut self, sets: &Sets) {
        let train = sets.train.name();
        let labels = match Labels::of_source(sets.train.as_ref()).and_then(|l| l.to_single()) {
            Ok(labels) => labels,
            Err(error) => return self.fault(None, format!("{train}: {error}"), None),
        };
        if labels.iter().all(|&label| label == labels[0]) {
            let message = format!("{train}: expected images of at least two classes, found one");
            self.fault(None, message, None);
        }
        for (place, set) in sets.test.iter().enumerate() {
            let name = set.name();
            if let Err(error) = Labels::of_source(set.as_ref()) {
                self.fault(Some(place), format!("{name}: {error}"), None);
            } else if set.labels().scored() == 0 {
                let message = format!("{name}: expected an image with a label, found none");
                self.fault(Some(place), message, None);
            }
        }
    }

    /// Checks the lists of labelled images for fine-tuning.
    fn shares(&mut self, sets: &Sets) {
        let protocols = &self.bench.evaluate;
        let Some(labels) = sets.train.labels().as_single() else {
            return;
        };
        if !protocols.protocols.contains(&ProtocolName::Finetune) {
            return;
        }
        let ids: Vec<String> = (0..sets.train.len()).map(|i| sets.train.id(i)).collect();
        let root = self.bench.data.root.as_deref();
        for (place, share) in protocols.finetune.shares.iter().enumerate() {
            let seed = protocols.finetune.split_seed;
            if let Err(error) = subset(share, &ids, labels, root, seed) {
                let path = ["evaluate", "finetune", "shares", &place.to_string()];
                self.faults
                    .push(self.document.fault(&path, error.to_string(), None));
            }
        }
    }

    fn overlaps(&mut self, sets: &Sets) {
        match overlaps(sets.train.as_ref(), &sets.test, self.workers) {
            Err(error) => self.fault(None, error.to_string(), None),
            Ok(found) => {
                for (place, pairs) in found.iter().enumerate() {
                    self.overlap(sets, place, pairs);
                }
            }
        }
    }

    fn overlap(&mut self, sets: &Sets, place: usize, pairs: &[Pair]) {
        let (train, test) = (&sets.train, &sets.test[place]);
        let Some(first) = pairs.first() else { return };
        let (count, of) = (pairs.len(), test.len());
        let message = format!(
            "{}: expected other images than those of {}, found {count} of {of} in both, such as {}",
            test.name(),
            train.name(),
            test.id(first.test)
        );
        if count == of && self.bench.data.on_train_images == OnTrainImages::Refuse {
            let help = "a score on training images says nothing about new ones; if it is meant, set `data.on_train_images = \"warn\"`";
            return self.fault(Some(place), message, Some(help));
        }
        tracing::warn!("{message}");
        let examples = pairs.iter().take(EXAMPLES);
        let facts = TrainImages {
            count,
            of,
            examples: examples
                .map(|pair| [train.id(pair.train), test.id(pair.test)])
                .collect(),
        };
        self.facts
            .train_images
            .insert(test.name().to_owned(), facts);
    }
}

fn left_out(broken: Broken) -> LeftOut {
    LeftOut {
        id: broken.id,
        reason: broken.reason,
    }
}
