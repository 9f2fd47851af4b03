//! The ImageNet family: layouts, labels, counts, archives.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{error, png, tar, try_open, write};
use ssl_datasets::imagenet::{adversarial, rendition, wnid};
use ssl_datasets::source::{Scratch, Source};

/// The first grey value of a sample.
fn value(source: &dyn Source, index: usize) -> u8 {
    source.image(index, &mut Scratch::default()).unwrap().data[0]
}

fn config(split: &str, path: &str) -> String {
    format!("name = '{split}'\nkind = 'imagenet'\nsplit = '{split}'\npath = '{path}'\n")
}

#[test]
fn folders_are_labelled_by_wordnet_id() {
    let dir = tempfile::tempdir().unwrap();
    for label in [999, 151, 0] {
        let name = format!("val/{}/ILSVRC2012_val_{label:08}.png", wnid(label).unwrap());
        write(dir.path(), &name, &png((label % 256) as u8));
    }
    let message = error(&config("val", "val"), dir.path());
    assert!(
        message.contains("expected 50000 images of 1000 classes, found 3 of 3")
            && message.contains("allow_partial"),
        "{message}"
    );
    let partial = config("val", "val") + "allow_partial = true\n";
    let source = try_open(&partial, dir.path()).unwrap();
    assert_eq!(source.labels().as_single(), Some([0, 151, 999].as_slice()));
    assert_eq!(value(source.as_ref(), 1), 151);
    assert_eq!(source.space().classes[151], "Chihuahua");

    // ReaL by the number in the file name, not by the order of listing.
    let lists: Vec<Vec<u32>> = (1..=999)
        .map(|n| if n == 151 { vec![] } else { vec![n % 1000] })
        .collect();
    write(
        dir.path(),
        "real.json",
        serde_json::to_string(&lists).unwrap().as_bytes(),
    );
    std::fs::remove_dir_all(dir.path().join("val/n01440764")).unwrap();
    let real = partial + "labels = { file = 'real.json', key = 'file-number' }\n";
    let source = try_open(&real, dir.path()).unwrap();
    let found: Vec<_> = source.labels().iter().map(<[u32]>::to_vec).collect();
    assert_eq!(found, [vec![], vec![999]]);
}

#[test]
fn version_2_folders_are_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for label in 0..1000 {
        write(
            dir.path(),
            &format!("v2/{label}/x.png"),
            &png((label % 256) as u8),
        );
    }
    let source = try_open(&(config("v2", "v2") + "allow_partial = true"), dir.path()).unwrap();
    assert_eq!(source.len(), 1000);
    assert!(
        source
            .labels()
            .as_single()
            .unwrap()
            .iter()
            .copied()
            .eq(0..1000)
    );
    assert_eq!(value(source.as_ref(), 100), 100);
    assert_eq!(source.id(10), "10/x.png");
    // The same tree is refused as any other set: its numbers could be the devkit's.
    let message = error(&config("val", "v2"), dir.path());
    assert!(message.contains("devkit"), "{message}");
}

#[test]
fn subsets_have_their_two_hundred_classes_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    for label in rendition() {
        write(
            dir.path(),
            &format!("r/{}/art_0.png", wnid(label).unwrap()),
            &png(1),
        );
    }
    let source = try_open(
        &(config("rendition", "r") + "allow_partial = true"),
        dir.path(),
    )
    .unwrap();
    assert_eq!(source.labels().as_single().unwrap(), rendition());
    assert_eq!(source.space().subset, Some(rendition()));
    assert_eq!(source.space().classes.len(), 1000);
    let message = error(
        &(config("adversarial", "r") + "allow_partial = true"),
        dir.path(),
    );
    let foreign = rendition()
        .into_iter()
        .find(|l| !adversarial().contains(l))
        .unwrap();
    assert!(message.contains(wnid(foreign).unwrap()), "{message}");
}

#[test]
fn a_flat_folder_needs_the_ground_truth() {
    let dir = tempfile::tempdir().unwrap();
    for number in [3, 1] {
        write(
            dir.path(),
            &format!("val/ILSVRC2012_val_{number:08}.png"),
            &png(number),
        );
    }
    let partial = config("val", "val") + "allow_partial = true\n";
    let message = error(&partial, dir.path());
    assert!(message.contains("`ground_truth`"), "{message}");
    let with = partial + "ground_truth = 'truth.txt'\n";
    write(
        dir.path(),
        "truth.txt",
        b"n01751748\nn09193705\nn02105855\n",
    );
    let source = try_open(&with, dir.path()).unwrap();
    assert_eq!(source.labels().as_single(), Some([65, 230].as_slice()));
    assert_eq!(value(source.as_ref(), 1), 3);
    write(dir.path(), "truth.txt", b"490\n361\n171\n");
    let message = error(&with, dir.path());
    assert!(
        message.contains("line 1: expected a WordNet id"),
        "{message}"
    );
}

#[test]
fn class_folders_are_compared_with_the_ground_truth() {
    let dir = tempfile::tempdir().unwrap();
    for (number, label) in [(1, 65), (2, 970), (3, 230)] {
        let class = wnid(label).unwrap();
        let name = format!("val/{class}/ILSVRC2012_val_{number:08}.png");
        write(dir.path(), &name, &png(number));
    }
    write(
        dir.path(),
        "truth.txt",
        b"n01751748\nn09193705\nn02105855\n",
    );
    let with = config("val", "val") + "allow_partial = true\nground_truth = 'truth.txt'\n";
    assert_eq!(try_open(&with, dir.path()).unwrap().len(), 3);
    let moved = |class: &str| dir.path().join(class).join("ILSVRC2012_val_00000002.png");
    std::fs::rename(moved("val/n09193705"), moved("val/n01751748")).unwrap();
    std::fs::remove_dir(dir.path().join("val/n09193705")).unwrap();
    let message = error(&with, dir.path());
    assert!(
        message.contains("found ILSVRC2012_val_00000002.png (n09193705)"),
        "{message}"
    );
}

#[test]
fn archives_are_read_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("n01443537/{}n01443537_7.png", "deep/".repeat(30));
    let inner = tar(&[("n02085620_1.png", png(11)), ("n02085620_2.png", png(12))]);
    let archive = tar(&[
        ("./n01440764/n01440764_5.png", png(5)),
        ("n01440764/notes.txt", b"not an image".to_vec()),
        (&long, png(7)),
        ("n02085620.tar", inner),
    ]);
    write(dir.path(), "train.tar", &archive);
    let partial = config("train", "train.tar") + "allow_partial = true";
    let source = try_open(&partial, dir.path()).unwrap();
    assert_eq!(
        source.labels().as_single(),
        Some([0, 1, 151, 151].as_slice())
    );
    let values: Vec<u8> = (0..4).map(|i| value(source.as_ref(), i)).collect();
    assert_eq!(values, [5, 7, 11, 12]);
    assert_eq!(source.id(2), "n02085620/n02085620_1.png");

    write(dir.path(), "train.tar", &archive[..1500]);
    let message = error(&partial, dir.path());
    assert!(
        message.contains("train.tar") && message.contains("cut short"),
        "{message}"
    );
    write(dir.path(), "train.tar", &[31; 2048]);
    let message = error(&partial, dir.path());
    assert!(
        message.contains("expected a tar header at byte 0"),
        "{message}"
    );
}

#[test]
fn lists_of_file_names_keep_a_part_and_their_hash_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..4 {
        write(
            dir.path(),
            &format!("train/n01440764/n01440764_{n}.png"),
            &png(n),
        );
    }
    write(
        dir.path(),
        "part.txt",
        b"n01440764_2.png\nn01440764_0.png\n",
    );
    let base = config("train", "train") + "allow_partial = true\n";
    let kept = base.clone() + "keep = { file = 'part.txt' }";
    let source = try_open(&kept, dir.path()).unwrap();
    assert_eq!((source.len(), value(source.as_ref(), 1)), (2, 2));
    let message = error(
        &(base + "keep = { file = 'part.txt', sha256 = '00' }"),
        dir.path(),
    );
    assert!(message.contains("expected sha256 00"), "{message}");
    write(
        dir.path(),
        "part.txt",
        b"n01440764_2.png\nn01440764_9.png\n",
    );
    let message = error(&kept, dir.path());
    assert!(
        message.contains("1 missing, such as `n01440764_9.png`"),
        "{message}"
    );
}

#[test]
fn manifests_list_any_images() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/1.png", &png(1));
    write(dir.path(), "b/2.png", &png(2));
    write(
        dir.path(),
        "list.csv",
        b"label,path\ncat,a/1.png\nant,b/2.png\n",
    );
    let csv = "name = 'm'\nkind = 'manifest'\nfile = 'list.csv'\n";
    let source = try_open(csv, dir.path()).unwrap();
    assert_eq!(source.space().classes, ["ant", "cat"]);
    assert_eq!(source.labels().as_single(), Some([1, 0].as_slice()));
    assert_eq!(value(source.as_ref(), 1), 2);
    write(
        dir.path(),
        "list.jsonl",
        b"{\"path\": \"1.png\", \"label\": 2}\n",
    );
    let json = "name = 'm'\nkind = 'manifest'\nfile = 'list.jsonl'\npath = 'a'\n";
    let source = try_open(json, dir.path()).unwrap();
    assert_eq!(source.space().classes, ["0", "1", "2"]);
    assert_eq!(source.labels().as_single(), Some([2].as_slice()));
    assert_eq!(value(source.as_ref(), 0), 1);
    let message = error(&(json.to_owned() + "classes = ['x', 'y']"), dir.path());
    assert!(
        message.contains("line 1: expected a number below 2, found `2`"),
        "{message}"
    );
    write(dir.path(), "list.jsonl", b"{\"path\": \"1.png\"}\n");
    let message = error(json, dir.path());
    assert!(
        message.contains("line 1") && message.contains("label"),
        "{message}"
    );
}

#[test]
fn a_training_set_of_full_size_is_indexed_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut list = String::from("path,label\n");
    for n in 0..1_281_167_u32 {
        let class = wnid(n % 1000).unwrap();
        list.push_str(&format!("{class}/{class}_{n}.JPEG,{}\n", n % 1000));
    }
    write(dir.path(), "train.csv", list.as_bytes());
    drop(list);
    let before = peak_kib();
    let start = cpu_seconds();
    let source = try_open(
        "name = 'm'\nkind = 'manifest'\nfile = 'train.csv'\n",
        dir.path(),
    )
    .unwrap();
    assert_eq!(source.len(), 1_281_167);
    assert_eq!(source.id(1_281_166), "n02089867/n02089867_1281166.JPEG");
    let (seconds, grown) = (cpu_seconds() - start, peak_kib() - before);
    assert!(grown < 300 * 1024, "{grown} KiB");
    assert!(seconds < 5.0, "{seconds} s");
}

/// Time this thread has spent on a processor: other tests run beside this one.
fn cpu_seconds() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = spent.split_whitespace().next().unwrap();
    nanoseconds.parse::<f64>().unwrap() * 1e-9
}

/// Largest resident memory of this process so far.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
