//! Features from other programs: judged as the host's own, and refused by name where they are not of these samples.

use crate::bench::{Ended, Place, record};
use serde_json::Value;
use ssl_host::tensorfile;
use std::fs;
use std::path::Path;
use tch::{Kind, Tensor};

const BENCH: &str = r#"
frameworks = []
baselines = ["pixels"]
[data]
root = "images"
train = { name = "train", kind = "image-folder", path = "train" }
test = [
    { name = "val", kind = "image-folder", path = "val" },
    { name = "again", kind = "image-folder", path = "val" },
]
[views]
size = 8
[evaluate]
transform = "whole"
protocols = ["knn", "linear"]
knn = { k = [1], headline_k = 1 }
linear = { epochs = 2, batch_size = 4, base_lrs = [0.1, 1.0], seeds = [0] }
"#;

const SIDE: u32 = 8;
const SETS: [&str; 3] = ["train", "val", "again"];

/// The grey pixels of an image, from its set, class and number.
fn pixels(set: &str, class: usize, number: usize) -> Vec<u8> {
    let shift = if set == "train" { 0 } else { 7 };
    let value = |at: u32| (at * 3 + class as u32 * 100 + number as u32 * 11 + shift) as u8;
    (0..SIDE * SIDE).map(value).collect()
}

fn png(pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    drop(writer);
    bytes
}

/// A folder with images, and the ids and pixels of each set as the host orders them.
struct Given {
    place: Place,
    ids: Vec<String>,
}

impl Given {
    fn new() -> Self {
        let place = Place::of(BENCH);
        let mut ids = Vec::new();
        for set in ["train", "val"] {
            for (class, name) in ["cat", "dog"].into_iter().enumerate() {
                let folder = place.path().join("images").join(set).join(name);
                fs::create_dir_all(&folder).unwrap();
                for number in 0..6 {
                    let file = folder.join(format!("{number}.png"));
                    fs::write(file, png(&pixels(set, class, number))).unwrap();
                    if set == "train" {
                        ids.push(format!("{name}/{number}.png"));
                    }
                }
            }
        }
        let given = Self { place, ids };
        for set in SETS {
            given.write(
                set,
                "features",
                &npy("<f4", false, &[12, 192], &bytes(&given.features(set))),
            );
        }
        given
    }

    /// Rows as the row `pixels` has them: three equal channels in `0 ..= 1`.
    fn features(&self, set: &str) -> Vec<f32> {
        let set = if set == "train" { "train" } else { "val" };
        let rows = (0..12).map(|n| pixels(set, n / 6, n % 6));
        rows.flat_map(|row| [row.clone(), row.clone(), row].concat())
            .map(|value| f32::from(value) / 255.0)
            .collect()
    }

    fn write(&self, set: &str, folder: &str, npy: &[u8]) {
        let folder = self.place.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{set}.npy")), npy).unwrap();
        fs::write(folder.join(format!("{set}.ids.txt")), self.ids.join("\n")).unwrap();
    }

    fn evaluate(&self, more: &[&str]) -> Ended {
        let args = ["--features", "features", "--out", "alone"];
        self.place.evaluate(&[&args, more].concat())
    }

    fn alone(&self) -> Value {
        let mut cells = fs::read_dir(self.place.path().join("alone/cells")).unwrap();
        record(&cells.next().unwrap().unwrap().path())
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("features").join(name)
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// A file as `numpy.save` writes it.
fn npy(descr: &str, fortran: bool, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let sides: String = shape.iter().map(|side| format!("{side},")).collect();
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({sides}), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.bytes());
    file.extend(data);
    file
}

fn evaluations(record: &Value) -> &Value {
    &record["results"]["report"]["evaluations"]
}

#[test]
fn given_pixels_have_the_scores_of_the_row_pixels_in_every_format() {
    let given = Given::new();
    assert_eq!(given.place.run(&[]).code, Some(0));
    let pixels = given.place.record("pixels");
    assert!(evaluations(&pixels).as_array().unwrap().len() >= 4);
    let out = given.place.path().join("alone");
    let same = |what: &str| {
        let ended = given.evaluate(&["--name", "mine"]);
        assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
        let record = given.alone();
        assert_eq!(evaluations(&record), evaluations(&pixels), "{what}");
        assert_eq!(
            record["results"]["same_images"],
            pixels["results"]["same_images"]
        );
        assert_eq!(record["framework"], "mine");
        let subject = &record["config"]["subject"];
        assert_eq!(subject["kind"], "features");
        assert!(ended.out.contains("mine"), "{ended:?}");
        fs::remove_dir_all(&out).unwrap();
    };
    same("32 bits");

    // Rows in another order, with their ids; the other axis first, in 64 bits.
    let train = given.features("train");
    let order: Vec<usize> = (0..12).map(|n| (5 * n + 3) % 12).collect();
    let doubles: Vec<u8> = (0..192)
        .flat_map(|column| order.iter().map(move |row| row * 192 + column))
        .flat_map(|at| f64::from(train[at]).to_le_bytes())
        .collect();
    fs::write(
        given.file("train.npy"),
        npy("<f8", true, &[12, 192], &doubles),
    )
    .unwrap();
    let ids: Vec<&str> = order.iter().map(|&row| given.ids[row].as_str()).collect();
    fs::write(given.file("train.ids.txt"), ids.join("\r\n")).unwrap();
    same("64 bits in Fortran's order");

    let val = Tensor::from_slice(&given.features("val")).reshape([12, 192]);
    fs::remove_file(given.file("val.npy")).unwrap();
    tensorfile::write(&given.file("val.safetensors"), [("x".to_owned(), &val)]).unwrap();
    same("safetensors");
    let half = val.to_kind(Kind::Half);
    let tensors = [("features".to_owned(), &half), ("other".to_owned(), &val)];
    tensorfile::write(&given.file("val.safetensors"), tensors).unwrap();
    let ended = given.evaluate(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn given_features_are_a_row_of_a_run_and_computed_again_when_a_file_changes() {
    let given = Given::new();
    let set =
        r#"features=[{ folder = "features", name = "mine", epochs = 7, source = "a paper" }]"#;
    let ended = given.place.run(&[set]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mine = given.place.record("mine");
    assert_eq!(
        evaluations(&mine),
        evaluations(&given.place.record("pixels"))
    );
    assert_eq!(mine["config"]["subject"]["covariates"]["epochs"], 7);
    assert_eq!(mine["results"]["pretrain"]["features"]["dim"], 192);
    let table = fs::read_to_string(given.place.path().join("out/scores.csv")).unwrap();
    assert!(table.contains("mine"), "{table}");
    let again = given.place.run(&[set]);
    assert!(again.err.contains("2 of them done before"), "{again:?}");
    let mut other = given.features("val");
    other.reverse();
    given.write(
        "val",
        "features",
        &npy("<f4", false, &[12, 192], &bytes(&other)),
    );
    let again = given.place.run(&[set]);
    assert!(again.err.contains("1 of them done before"), "{again:?}");
}

/// Damages the files of a fresh folder; the program has to refuse them in one line with these words.
fn refused(damage: impl Fn(&Given), words: &[&str]) {
    let given = Given::new();
    damage(&given);
    let ended = given.evaluate(&[]);
    assert_eq!(ended.code, Some(65), "{words:?}: {ended:?}");
    let lines: Vec<&str> = ended
        .err
        .lines()
        .chain(ended.out.lines())
        .filter(|line| words.iter().all(|words| line.contains(words)))
        .collect();
    assert!(!lines.is_empty(), "{words:?}: {ended:#?}");
}

#[test]
fn files_that_are_no_features_are_refused() {
    let write = |name: &'static str, bytes: Vec<u8>| {
        move |given: &Given| fs::write(given.file(name), &bytes).unwrap()
    };
    let numbers = |count: usize| bytes(&vec![0.5; count]);
    let train = |descr: &str, shape: &[usize], data: Vec<u8>| {
        write("train.npy", npy(descr, false, shape, &data))
    };
    let file = "features/train.npy";
    refused(
        train("<f4", &[12, 192], numbers(100)),
        &["[12, 192] numbers of 4 bytes", "400 bytes", file],
    );
    refused(
        train("<f4", &[12, 1], numbers(13)),
        &["[12, 1] numbers", "52 bytes", file],
    );
    refused(
        train("<f4", &[12], numbers(12)),
        &["[samples, dim]", "[12]", "flatten", file],
    );
    refused(
        train("<f4", &[12, 3, 4], numbers(144)),
        &["[samples, dim]", "[12, 3, 4]", file],
    );
    refused(
        train("<f4", &[12, 0], Vec::new()),
        &["[samples, dim]", "[12, 0]", file],
    );
    refused(
        train("<f4", &[usize::MAX >> 1, 8], numbers(1)),
        &["numbers of 4 bytes", file],
    );
    refused(
        train("<i8", &[12, 1], vec![0; 96]),
        &["floating-point", "the type '<i8'", "astype", file],
    );
    refused(
        train(">f4", &[12, 1], numbers(12)),
        &["the type '>f4'", "astype", file],
    );
    refused(
        train("|O", &[12, 1], numbers(12)),
        &["Python objects", file],
    );
    refused(
        write("train.npy", b"PK\x03\x04 and more".to_vec()),
        &["numpy.savez", file],
    );
    refused(
        write("train.npy", Vec::new()),
        &["numpy.save", "something else", file],
    );
    refused(
        write("train.npy", b"\x93NUMPY\x01\x00\x76\x00{'descr'".to_vec()),
        &["ends within its header", file],
    );
    refused(
        write("train.npy", b"\x93NUMPY\x01\x00\x02\x00{}".to_vec()),
        &["numpy.save", "\"{}\"", file],
    );
    refused(
        |given| {
            fs::remove_file(given.file("train.npy")).unwrap();
            fs::write(given.file("train.safetensors"), b"nothing").unwrap();
        },
        &["a safetensors file", "train.safetensors"],
    );
    refused(
        |given| {
            fs::remove_file(given.file("train.npy")).unwrap();
            let whole = Tensor::zeros([12, 3], (Kind::Int64, tch::Device::Cpu));
            tensorfile::write(&given.file("train.safetensors"), [("x".to_owned(), &whole)])
                .unwrap();
        },
        &["floating-point", "Int64", "train.safetensors"],
    );
    refused(
        |given| {
            fs::remove_file(given.file("train.npy")).unwrap();
            let some = Tensor::zeros([12, 3], (Kind::Float, tch::Device::Cpu));
            let tensors = ["a", "b"].map(|name| (name.to_owned(), &some));
            tensorfile::write(&given.file("train.safetensors"), tensors).unwrap();
        },
        &["`features` or a single one", "2 of other names"],
    );
}

#[test]
fn numbers_that_cannot_be_judged_are_refused() {
    let with = |value: f32, at: usize| {
        move |given: &Given| {
            let mut values = given.features("val");
            values[at] = value;
            given.write(
                "val",
                "features",
                &npy("<f4", false, &[12, 192], &bytes(&values)),
            );
        }
    };
    refused(
        with(f32::NAN, 2 * 192),
        &["finite features, found 1 rows", "row 2", "features/val.npy"],
    );
    refused(
        with(f32::INFINITY, 191),
        &["finite features", "row 0", "features/val.npy"],
    );
    let large: Vec<u8> = (0..12).flat_map(|_| 1e300_f64.to_le_bytes()).collect();
    refused(
        |given| given.write("val", "features", &npy("<f8", false, &[12, 1], &large)),
        &["numbers that Float can hold", "scale", "features/val.npy"],
    );
    let narrow = npy("<f4", false, &[12, 3], &bytes(&[0.25; 36]));
    refused(
        |given| given.write("val", "features", &narrow),
        &["[samples, 192], found [12, 3]", "(val)"],
    );
    // Heads that diverge on the features are the features' fault, and no plugin's.
    let huge = npy("<f4", false, &[12, 1], &bytes(&[1e38; 12]));
    refused(
        |given| {
            SETS.iter()
                .for_each(|set| given.write(set, "features", &huge))
        },
        &["features of a sensible scale"],
    );
}

#[test]
fn features_of_other_samples_are_refused() {
    let list = "features/val.ids.txt";
    let ids = |change: fn(&mut Vec<String>)| {
        move |given: &Given| {
            let mut ids = given.ids.clone();
            change(&mut ids);
            fs::write(given.file("val.ids.txt"), ids.join("\n") + "\n").unwrap();
        }
    };
    refused(
        ids(|ids| ids.truncate(11)),
        &["each of the 12 rows", "11 lines", list],
    );
    refused(
        ids(|ids| ids.push("more".to_owned())),
        &["each of the 12 rows", "13 lines", list],
    );
    refused(
        ids(|ids| ids[3] = ids[1].clone()),
        &["each sample id once", "lines 2 and 4", list],
    );
    refused(
        ids(|ids| ids[3] = "dog/9.png".to_owned()),
        &[
            "data ids",
            "cat/3.png",
            "1 others",
            "\"dog/9.png\" in line 4",
            list,
        ],
    );
    refused(
        ids(|ids| ids.iter_mut().for_each(|id| id.insert_str(0, "/data/"))),
        &["data ids", "12 others", "\"/data/cat/0.png\"", list],
    );
    refused(
        |given| fs::write(given.file("val.ids.txt"), [0xff, 0xfe]).unwrap(),
        &["UTF-8", list],
    );
    refused(
        |given| fs::remove_file(given.file("val.ids.txt")).unwrap(),
        &["sample ids of `val`", "data ids"],
    );
    refused(
        |given| fs::remove_file(given.file("again.npy")).unwrap(),
        &["features of `again`", "neither"],
    );
    refused(
        |given| fs::write(given.file("val.safetensors"), "").unwrap(),
        &["either val.npy or", "remove one"],
    );
    refused(
        |given| fs::remove_dir_all(given.file("")).unwrap(),
        &["a folder of features", "none", "features"],
    );
    // A list and rows that leave a sample out.
    refused(
        |given| {
            let rows = bytes(&given.features("val")[192..]);
            given.write("val", "features", &npy("<f4", false, &[11, 192], &rows));
            fs::write(given.file("val.ids.txt"), given.ids[1..].join("\n")).unwrap();
        },
        &["all 12 samples of `val`", "none for \"cat/0.png\"", list],
    );
}

#[test]
fn rows_of_images_that_a_benchmark_leaves_out_may_be_there_or_not() {
    let given = Given::new();
    let images = given.place.path().join("images");
    for broken in ["train/cat/0.png", "val/dog/5.png"] {
        fs::write(images.join(broken), b"no image").unwrap();
    }
    let skip = [
        "data.on_broken=skip",
        r#"features=[{ folder = "features" }]"#,
    ];
    let ended = given.place.run(&skip);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mine = given.place.record("features");
    assert_eq!(
        evaluations(&mine),
        evaluations(&given.place.record("pixels"))
    );
    assert_eq!(evaluations(&mine)[0]["n"], 11);
}

#[test]
fn protocols_that_need_a_network_and_names_that_are_taken_are_refused() {
    let given = Given::new();
    let entry = r#"features=[{ folder = "features" }]"#;
    for (set, words) in [
        (
            r#"evaluate.protocols=["knn", "finetune"]"#,
            "leave out `finetune`",
        ),
        (
            r#"evaluate.protocols=["linear-paper"]"#,
            "`knn` or `linear`",
        ),
        (
            "evaluate.linear.augmented_passes=2",
            "images without augmentation",
        ),
        (
            r#"features=[{ folder = "features", name = "pixels" }]"#,
            "`pixels` again",
        ),
        (
            r#"features=[{ folder = "a" }, { folder = "b", name = "a" }]"#,
            "`a` again",
        ),
        (
            r#"features=[{ folder = "features", name = "a b" }]"#,
            "`a b`",
        ),
        (r#"features=[{ name = "a" }]"#, "features.0.folder"),
        (
            r#"features=[{ folder = "none" }]"#,
            "a folder of features, found none",
        ),
        (r#"features=[{ folders = "a" }]"#, "did you mean `folder`?"),
    ] {
        let ended = given.place.run(&[entry, set]);
        assert_eq!(ended.code, Some(65), "{set}: {ended:?}");
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
}

#[test]
fn data_ids_writes_the_lists_that_features_need() {
    let given = Given::new();
    let out = data_ids(given.place.path());
    assert!(out.contains("train.ids.txt: 12 samples"), "{out}");
    for set in SETS {
        let list = fs::read_to_string(given.place.path().join(format!("lists/{set}.ids.txt")));
        assert_eq!(list.unwrap(), given.ids.join("\n") + "\n");
    }
}

fn data_ids(folder: &Path) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(folder)
        .env_remove("SSL_LOTTERY_DATA")
        .args(["data", "ids", "bench.toml", "--out", "lists"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
