//! Element types and devices, numbered as in DLPack.

use abi_stable::StableAbi;
use std::fmt;

/// Type of an element: DLPack's code and width, with one lane.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dtype {
    code: u8,
    bits: u8,
    lanes: u16,
}

impl Dtype {
    /// Signed 64-bit integer.
    pub const I64: Self = Self::new(0, 64);
    /// Unsigned byte.
    pub const U8: Self = Self::new(1, 8);
    /// IEEE half.
    pub const F16: Self = Self::new(2, 16);
    /// IEEE single.
    pub const F32: Self = Self::new(2, 32);
    /// IEEE double.
    pub const F64: Self = Self::new(2, 64);
    /// bfloat16.
    pub const BF16: Self = Self::new(4, 16);
    /// One byte, 0 or 1.
    pub const BOOL: Self = Self::new(6, 8);

    const fn new(code: u8, bits: u8) -> Self {
        Self {
            code,
            bits,
            lanes: 1,
        }
    }

    /// Whether this is one of the types that may cross.
    #[must_use]
    pub fn is_known(self) -> bool {
        [
            Self::I64,
            Self::U8,
            Self::F16,
            Self::F32,
            Self::F64,
            Self::BF16,
            Self::BOOL,
        ]
        .contains(&self)
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        (self.bits as usize).div_ceil(8)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::BF16 => "bf16",
            Self::BOOL => "bool",
            Self { code, bits, lanes } => {
                return write!(f, "dtype(code {code}, {bits} bits, {lanes} lanes)");
            }
        };
        f.write_str(name)
    }
}

/// Where the memory is, numbered as in DLPack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// Main memory.
    Cpu,
    /// Memory of a CUDA device.
    Cuda,
    /// Something this build does not know.
    Other(i32),
}

/// A device.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    kind: i32,
    index: i32,
}

impl Device {
    /// Main memory.
    pub const CPU: Self = Self { kind: 1, index: 0 };

    /// The CUDA device with this index.
    #[must_use]
    pub const fn cuda(index: i32) -> Self {
        Self { kind: 2, index }
    }

    /// Which kind of device.
    #[must_use]
    pub const fn kind(self) -> DeviceKind {
        match self.kind {
            1 => DeviceKind::Cpu,
            2 => DeviceKind::Cuda,
            other => DeviceKind::Other(other),
        }
    }

    /// Its index.
    #[must_use]
    pub const fn index(self) -> i32 {
        self.index
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            DeviceKind::Cpu => f.write_str("cpu"),
            DeviceKind::Cuda => write!(f, "cuda:{}", self.index),
            DeviceKind::Other(kind) => write!(f, "device({kind}:{})", self.index),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for u8 {}
}

/// Rust types with a [`Dtype`].
pub trait Element: Copy + Send + 'static + sealed::Sealed {
    /// The type's number.
    const DTYPE: Dtype;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
}
impl Element for f64 {
    const DTYPE: Dtype = Dtype::F64;
}
impl Element for i64 {
    const DTYPE: Dtype = Dtype::I64;
}
impl Element for u8 {
    const DTYPE: Dtype = Dtype::U8;
}
