//! Which wheels make up each libtorch, pinned by hash.
//!
//! The names, versions and hashes are those of the public package index; `torch`'s own metadata
//! names the `nvidia-*` versions. A new libtorch means new rows here and nothing else.

use clap::ValueEnum;

/// The libtorch that the pinned `torch-sys` is written for.
pub const VERSION: &str = "2.9.0";

/// Which libtorch to install.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flavour {
    /// Without CUDA code: 0.5 GB on disk, 0.9 GB to download.
    Cpu,
    /// With CUDA, cuDNN, NCCL: 6.3 GB on disk, 3.9 GB to download.
    Cuda,
}

/// What is taken out of a wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The headers and the libraries of torch itself, without its Python parts.
    Torch,
    /// The libraries named.
    Libraries(&'static [&'static str]),
    /// Every library.
    AllLibraries,
}

/// One wheel that libtorch is made of.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// What pip is asked for.
    pub requirement: &'static str,
    /// The file that must come.
    pub file: &'static str,
    /// Its hash, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Its length.
    pub bytes: u64,
    /// What is taken out of it.
    pub keep: Keep,
}

/// Everything that makes up one libtorch.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which libtorch.
    pub flavour: Flavour,
    /// The wheels, in order.
    pub wheels: Vec<Wheel>,
    /// Room that the unpacked files take, in bytes.
    pub unpacked_bytes: u64,
    /// Files without which it is none.
    pub required: &'static [&'static str],
}

impl Flavour {
    /// The name used in paths and options.
    pub fn name(self) -> &'static str {
        match self {
            Flavour::Cpu => "cpu",
            Flavour::Cuda => "cuda",
        }
    }

    /// `cuda` where an NVIDIA driver is loaded, `cpu` elsewhere.
    pub fn of_this_machine() -> Self {
        match std::path::Path::new("/proc/driver/nvidia/version").exists() {
            true => Flavour::Cuda,
            false => Flavour::Cpu,
        }
    }

    /// What it is made of.
    pub fn plan(self) -> Plan {
        match self {
            Flavour::Cpu => Plan {
                flavour: self,
                wheels: COMMON.to_vec(),
                unpacked_bytes: 550_000_000,
                required: REQUIRED_CPU,
            },
            Flavour::Cuda => Plan {
                flavour: self,
                wheels: [COMMON, CUDA].concat(),
                unpacked_bytes: 6_300_000_000,
                required: REQUIRED_CUDA,
            },
        }
    }
}

const REQUIRED_CPU: &[&str] = &[
    "include/torch/csrc/api/include/torch/version.h",
    "lib/libc10.so",
    "lib/libcudart.so.12",
    "lib/libcupti.so.12",
    "lib/libgomp.so.1",
    "lib/libtorch.so",
    "lib/libtorch_cpu.so",
];

const REQUIRED_CUDA: &[&str] = &[
    "include/torch/csrc/api/include/torch/version.h",
    "lib/libc10.so",
    "lib/libc10_cuda.so",
    "lib/libcublas.so.12",
    "lib/libcudart.so.12",
    "lib/libcudnn.so.9",
    "lib/libcupti.so.12",
    "lib/libgomp.so.1",
    "lib/libnccl.so.2",
    "lib/libtorch.so",
    "lib/libtorch_cpu.so",
    "lib/libtorch_cuda.so",
];

/// Wheels of both flavours. `libtorch_cpu.so` of this build refers to the CUDA runtime and to
/// CUPTI, so even without CUDA these two small libraries must lie beside it.
const COMMON: &[Wheel] = &[
    Wheel {
        requirement: "torch==2.9.0",
        file: "torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "51de31219c97c51cf4bf2be94d622e3deb5dcc526c6dc00e97c17eaec0fc1d67",
        bytes: 899_815_990,
        keep: Keep::Torch,
    },
    Wheel {
        requirement: "nvidia-cuda-runtime-cu12==12.8.90",
        file: "nvidia_cuda_runtime_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90",
        bytes: 954_765,
        keep: Keep::Libraries(&["libcudart.so.12"]),
    },
    Wheel {
        requirement: "nvidia-cuda-cupti-cu12==12.8.90",
        file: "nvidia_cuda_cupti_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
        bytes: 10_248_621,
        keep: Keep::Libraries(&["libcupti.so.12"]),
    },
];

/// What `libtorch_cuda.so` needs besides.
const CUDA: &[Wheel] = &[
    Wheel {
        requirement: "nvidia-cublas-cu12==12.8.4.1",
        file: "nvidia_cublas_cu12-12.8.4.1-py3-none-manylinux_2_27_x86_64.whl",
        sha256: "8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142",
        bytes: 594_346_921,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cuda-nvrtc-cu12==12.8.93",
        file: "nvidia_cuda_nvrtc_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        sha256: "a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994",
        bytes: 88_040_029,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cudnn-cu12==9.10.2.21",
        file: "nvidia_cudnn_cu12-9.10.2.21-py3-none-manylinux_2_27_x86_64.whl",
        sha256: "949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8",
        bytes: 706_758_467,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cufft-cu12==11.3.3.83",
        file: "nvidia_cufft_cu12-11.3.3.83-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74",
        bytes: 193_118_695,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cufile-cu12==1.13.1.3",
        file: "nvidia_cufile_cu12-1.13.1.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "1d069003be650e131b21c932ec3d8969c1715379251f8d23a1860554b1cb24fc",
        bytes: 1_197_834,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-curand-cu12==10.3.9.90",
        file: "nvidia_curand_cu12-10.3.9.90-py3-none-manylinux_2_27_x86_64.whl",
        sha256: "b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9",
        bytes: 63_619_976,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cusolver-cu12==11.7.3.90",
        file: "nvidia_cusolver_cu12-11.7.3.90-py3-none-manylinux_2_27_x86_64.whl",
        sha256: "4376c11ad263152bd50ea295c05370360776f8c3427b30991df774f9fb26c450",
        bytes: 267_506_905,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cusparse-cu12==12.5.8.93",
        file: "nvidia_cusparse_cu12-12.5.8.93-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "1ec05d76bbbd8b61b06a80e1eaf8cf4959c3d4ce8e711b65ebd0443bb0ebb13b",
        bytes: 288_216_466,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-cusparselt-cu12==0.7.1",
        file: "nvidia_cusparselt_cu12-0.7.1-py3-none-manylinux2014_x86_64.whl",
        sha256: "f1bb701d6b930d5a7cea44c19ceb973311500847f81b634d802b7b539dc55623",
        bytes: 287_193_691,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-nccl-cu12==2.27.5",
        file: "nvidia_nccl_cu12-2.27.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "ad730cf15cb5d25fe849c6e6ca9eb5b76db16a80f13f425ac68d8e2e55624457",
        bytes: 322_348_229,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-nvjitlink-cu12==12.8.93",
        file: "nvidia_nvjitlink_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        sha256: "81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88",
        bytes: 39_254_836,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-nvshmem-cu12==3.3.20",
        file: "nvidia_nvshmem_cu12-3.3.20-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "d00f26d3f9b2e3c3065be895e3059d6479ea5c638a3f38c9fec49b1b9dd7c1e5",
        bytes: 124_657_145,
        keep: Keep::AllLibraries,
    },
    Wheel {
        requirement: "nvidia-nvtx-cu12==12.8.90",
        file: "nvidia_nvtx_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "5b17e2001cc0d751a5bc2c6ec6d26ad95913324a4adb86788c944f8ce9ba441f",
        bytes: 89_954,
        keep: Keep::AllLibraries,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_well_formed_and_unique() {
        let plan = Flavour::Cuda.plan();
        for (index, wheel) in plan.wheels.iter().enumerate() {
            let lower_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            assert!(
                wheel.sha256.len() == 64 && wheel.sha256.chars().all(lower_hex),
                "{wheel:?}"
            );
            let (name, version) = wheel.requirement.split_once("==").unwrap_or_default();
            let stem = format!("{}-{version}-", name.replace('-', "_"));
            assert!(
                wheel.file.starts_with(&stem) && wheel.file.ends_with(".whl"),
                "{wheel:?}"
            );
            let same = |other: &Wheel| other.sha256 == wheel.sha256 || other.file == wheel.file;
            assert!(!plan.wheels[..index].iter().any(same), "{wheel:?}");
        }
        assert_eq!(plan.wheels[0].requirement, format!("torch=={VERSION}"));
    }

    #[test]
    fn cpu_plan_is_the_start_of_the_cuda_plan() {
        let files = |flavour: Flavour| {
            flavour
                .plan()
                .wheels
                .iter()
                .map(|w| w.file)
                .collect::<Vec<_>>()
        };
        let (cpu, cuda) = (files(Flavour::Cpu), files(Flavour::Cuda));
        assert_eq!(cpu.len(), 3);
        assert_eq!(cuda.len(), 16);
        assert_eq!(cuda[..3], cpu[..]);
    }
}
