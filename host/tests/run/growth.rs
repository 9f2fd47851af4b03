//! A process that computes cell after cell does not grow.

use crate::bench::Place;
use std::fs;
use std::process::Child;
use std::time::Duration;

/// What a process has.
#[derive(Clone, Copy, Debug, Default)]
struct Holdings {
    files: usize,
    threads: usize,
    memory_kib: usize,
}

impl Holdings {
    /// Those of a process that lives.
    fn of(pid: u32) -> Option<Self> {
        let count =
            |folder: &str| Some(fs::read_dir(format!("/proc/{pid}/{folder}")).ok()?.count());
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(Self {
            files: count("fd")?,
            threads: count("task")?,
            memory_kib: memory.split_whitespace().next()?.parse().ok()?,
        })
    }

    fn most(self, other: Self) -> Self {
        Self {
            files: self.files.max(other.files),
            threads: self.threads.max(other.threads),
            memory_kib: self.memory_kib.max(other.memory_kib),
        }
    }
}

fn done(place: &Place) -> usize {
    let records = place.cells("echo");
    let status = |cell: &std::path::PathBuf| crate::bench::record(cell)["status"] == "done";
    records.iter().filter(|cell| status(cell)).count()
}

/// The most that a run holds while it computes each of its quarters, and the run's end.
fn watch(place: &Place, mut run: Child, cells: usize) -> [Holdings; 4] {
    let mut quarters = [Holdings::default(); 4];
    loop {
        if let Some(status) = run.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0));
            return quarters;
        }
        let quarter = (4 * done(place) / cells).min(3);
        if let Some(now) = Holdings::of(run.id()) {
            quarters[quarter] = quarters[quarter].most(now);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Pretrains and judges one cell after the other in one process.
fn cells_in_a_row(seeds: usize) {
    let place = Place::new();
    let list: Vec<String> = (0..seeds).map(|seed| seed.to_string()).collect();
    let set = format!("seeds=[{}]", list.join(","));
    let run = place.start_quietly(&["--in-process"], &[&set, "baselines=[]"]);
    let quarters = watch(&place, run, seeds);
    println!("{quarters:#?}");
    let [_, early, .., late] = quarters;
    assert!(late.files <= early.files + 2, "{quarters:?}");
    assert!(late.threads <= early.threads + 2, "{quarters:?}");
    let allowed = early.memory_kib + early.memory_kib / 10 + (32 << 10);
    assert!(late.memory_kib <= allowed, "{quarters:?}");
    // Nothing lies around but what is kept.
    let out = place.path().join("out");
    let features = fs::read_dir(out.join("features")).unwrap();
    let names = features.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| name.ends_with(".safetensors")));
    for cell in place.cells("echo") {
        let kept = fs::read_dir(cell.join("pretrain")).unwrap().count();
        assert!(kept <= 7, "{kept} files in {}", cell.display());
    }
}

#[test]
fn a_dozen_cells_in_one_process_leave_nothing_behind() {
    cells_in_a_row(12);
}

#[test]
#[ignore = "an hour of cells in one process"]
fn measure_an_hour_of_cells() {
    cells_in_a_row(3000);
}
