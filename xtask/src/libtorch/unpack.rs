//! Takes libraries and headers out of wheels.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;

use super::wheels::{Flavour, Keep, Wheel};
use crate::error::Error;
use crate::progress::Progress;

/// Parts of torch's wheel that no flavour needs: Python's side of it.
const PYTHON_PARTS: &[&str] = &["libtorch_python.so", "libshm.so", "libtorch_global_deps.so"];

/// Parts that only the CUDA flavour needs. `torch-sys` links CUDA as soon as it sees
/// `libtorch_cuda.so`, so the CPU flavour must not carry it; `libtorch.so` is an empty library that
/// refers to it.
const CUDA_PARTS: &[&str] = &[
    "libtorch.so",
    "libtorch_cuda.so",
    "libtorch_cuda_linalg.so",
    "libtorch_nvshmem.so",
    "libc10_cuda.so",
    "libcaffe2_nvrtc.so",
];

/// Where an entry of a wheel goes below the libtorch directory; `None` leaves it out.
fn destination(keep: Keep, flavour: Flavour, entry: &str) -> Option<PathBuf> {
    let path = Path::new(entry);
    if entry.ends_with('/')
        || !path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let file = path.file_name()?.to_str()?;
    let is_library = file.ends_with(".so") || file.contains(".so.");
    if let Some(licence) = licence(path, file) {
        return Some(licence);
    }
    match keep {
        Keep::Torch => {
            if let Ok(header) = path.strip_prefix("torch/include") {
                return Some(Path::new("include").join(header));
            }
            let wanted = path.parent() == Some(Path::new("torch/lib"))
                && is_library
                && !PYTHON_PARTS.contains(&file)
                && (flavour == Flavour::Cuda || !CUDA_PARTS.contains(&file));
            wanted.then(|| Path::new("lib").join(file))
        }
        Keep::Libraries(names) => names.contains(&file).then(|| Path::new("lib").join(file)),
        Keep::AllLibraries => {
            let in_lib = path
                .parent()
                .and_then(Path::file_name)
                .is_some_and(|dir| dir == "lib");
            (is_library && in_lib).then(|| Path::new("lib").join(file))
        }
    }
}

/// Where the text of a wheel's licence goes: whoever hands the libraries on needs it.
fn licence(path: &Path, file: &str) -> Option<PathBuf> {
    let info = path.components().next()?.as_os_str().to_str()?;
    let package = info.strip_suffix(".dist-info")?;
    let name = file.to_uppercase();
    let is_text = ["LICENSE", "LICENCE", "NOTICE"]
        .iter()
        .any(|word| name.starts_with(word));
    is_text.then(|| Path::new("licenses").join(format!("{package}-{file}")))
}

/// Unpacks the wanted part of a verified wheel into `dir`.
///
/// # Errors
/// [`Error::Archive`] when the wheel cannot be read to its end, [`Error::DiskFull`] or
/// [`Error::Io`] when a file cannot be written.
pub fn unpack(wheel: &Wheel, flavour: Flavour, archive: &Path, dir: &Path) -> Result<(), Error> {
    let failed = |source| Error::Archive {
        file: wheel.file.to_owned(),
        source,
    };
    let file = File::open(archive).map_err(Error::io("open", archive))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(failed)?;

    let mut wanted = Vec::new();
    let mut total = 0;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(failed)?;
        if let Some(to) = destination(wheel.keep, flavour, entry.name()) {
            total += entry.size();
            wanted.push((index, dir.join(to)));
        }
    }
    let mut progress = Progress::start(format!("unpacking {}", wheel.requirement), total);
    let mut done = 0;
    let mut chunk = vec![0; 1 << 20];
    for (index, to) in wanted {
        let mut entry = zip.by_index(index).map_err(failed)?;
        let parent = to.parent().unwrap_or(dir);
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let mut output = File::create(&to).map_err(Error::io("create", &to))?;
        loop {
            // The archive reader checks each entry's CRC at its end.
            let count = match entry.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error.into())),
            };
            output
                .write_all(&chunk[..count])
                .map_err(Error::io("write", &to))?;
            done += count as u64;
            progress.set(done);
        }
    }
    progress.finish();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes(keep: Keep, flavour: Flavour, entry: &str) -> Option<String> {
        destination(keep, flavour, entry).map(|path| path.display().to_string())
    }

    #[test]
    fn texts_of_licences_are_kept() {
        for (entry, to) in [
            (
                "torch-2.9.0.dist-info/licenses/LICENSE",
                Some("licenses/torch-2.9.0-LICENSE"),
            ),
            (
                "nvidia_x-12.8.dist-info/License.txt",
                Some("licenses/nvidia_x-12.8-License.txt"),
            ),
            ("torch-2.9.0.dist-info/METADATA", None),
            ("torch/LICENSE", None),
        ] {
            for keep in [Keep::Torch, Keep::AllLibraries] {
                assert_eq!(goes(keep, Flavour::Cpu, entry).as_deref(), to, "{entry}");
            }
        }
    }

    #[test]
    fn torch_keeps_headers_and_its_own_libraries() {
        let cpu = |entry| goes(Keep::Torch, Flavour::Cpu, entry);
        assert_eq!(
            cpu("torch/include/ATen/ATen.h").as_deref(),
            Some("include/ATen/ATen.h")
        );
        assert_eq!(
            cpu("torch/lib/libtorch_cpu.so").as_deref(),
            Some("lib/libtorch_cpu.so")
        );
        assert_eq!(
            cpu("torch/lib/libgomp.so.1").as_deref(),
            Some("lib/libgomp.so.1")
        );
        assert_eq!(cpu("torch/lib/libtorch_cuda.so"), None);
        assert_eq!(cpu("torch/lib/libtorch.so"), None);
        assert_eq!(cpu("torch/lib/libtorch_python.so"), None);
        assert_eq!(cpu("torch/_C.cpython-311-x86_64-linux-gnu.so"), None);
        assert_eq!(cpu("torch/lib/sub/libx.so"), None);
        assert_eq!(cpu("torch/include/"), None);
    }

    #[test]
    fn cuda_keeps_the_cuda_libraries_too() {
        let cuda = |entry| goes(Keep::Torch, Flavour::Cuda, entry);
        assert_eq!(
            cuda("torch/lib/libtorch_cuda.so").as_deref(),
            Some("lib/libtorch_cuda.so")
        );
        assert_eq!(
            cuda("torch/lib/libtorch.so").as_deref(),
            Some("lib/libtorch.so")
        );
        assert_eq!(cuda("torch/lib/libshm.so"), None);
        let all = |entry| goes(Keep::AllLibraries, Flavour::Cuda, entry);
        assert_eq!(
            all("nvidia/cudnn/lib/libcudnn.so.9").as_deref(),
            Some("lib/libcudnn.so.9")
        );
        assert_eq!(all("nvidia/cudnn/include/cudnn.h"), None);
        assert_eq!(all("nvidia/nccl/lib/__init__.py"), None);
    }

    #[test]
    fn named_libraries_only() {
        let keep = Keep::Libraries(&["libcupti.so.12"]);
        let cpu = |entry| goes(keep, Flavour::Cpu, entry);
        assert_eq!(
            cpu("nvidia/cuda_cupti/lib/libcupti.so.12").as_deref(),
            Some("lib/libcupti.so.12")
        );
        assert_eq!(cpu("nvidia/cuda_cupti/lib/libnvperf_host.so"), None);
    }

    #[test]
    fn entries_never_leave_the_directory() {
        assert_eq!(
            goes(Keep::Torch, Flavour::Cpu, "torch/include/../../../etc/x.h"),
            None
        );
        assert_eq!(
            goes(Keep::AllLibraries, Flavour::Cpu, "/nvidia/x/lib/liba.so"),
            None
        );
    }
}
