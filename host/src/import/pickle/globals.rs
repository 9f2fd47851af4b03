//! The classes and functions a checkpoint may name.

use tch::Kind;

/// Element type of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element(pub Kind);

impl Element {
    /// Bytes per element.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0.elt_size_in_bytes() as u64
    }
}

/// A known class or function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A dictionary type.
    Dict,
    /// A list or set type.
    List,
    /// `torch._utils._rebuild_tensor`, or `_v2`.
    Tensor,
    /// `torch._utils._rebuild_parameter`.
    Parameter,
    /// `torch.Size`.
    Size,
    /// `_codecs.encode`, by which Python 3 writes bytes in protocol 2.
    Encode,
    /// A typed storage class.
    Storage(Element),
    /// Something harmless that is built as an empty object of this name.
    Inert(&'static str),
}

/// Types of objects that training checkpoints carry beside their state dicts.
const INERT: [(&str, &str, &str); 13] = [
    ("argparse", "Namespace", "argparse.Namespace"),
    ("numpy", "dtype", "numpy.dtype"),
    ("numpy", "ndarray", "numpy.ndarray"),
    ("numpy.core.multiarray", "scalar", "a numpy scalar"),
    ("numpy._core.multiarray", "scalar", "a numpy scalar"),
    ("numpy.core.multiarray", "_reconstruct", "a numpy array"),
    ("numpy._core.multiarray", "_reconstruct", "a numpy array"),
    ("torch", "device", "torch.device"),
    ("torch", "float32", "torch.float32"),
    ("torch", "float16", "torch.float16"),
    ("torch", "bfloat16", "torch.bfloat16"),
    ("torch", "float64", "torch.float64"),
    ("torch", "int64", "torch.int64"),
];

impl Known {
    /// The class or function of this name, if it is known.
    #[must_use]
    pub fn find(module: &str, name: &str) -> Option<Self> {
        let storage = |kind| Some(Self::Storage(Element(kind)));
        match (module, name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter")
            | ("builtins" | "__builtin__", "dict") => Some(Self::Dict),
            ("builtins" | "__builtin__", "set" | "frozenset" | "list") => Some(Self::List),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::Tensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::Parameter),
            ("torch", "Size") => Some(Self::Size),
            ("_codecs", "encode") => Some(Self::Encode),
            ("torch" | "torch.cuda", "FloatStorage") => storage(Kind::Float),
            ("torch" | "torch.cuda", "DoubleStorage") => storage(Kind::Double),
            ("torch" | "torch.cuda", "HalfStorage") => storage(Kind::Half),
            ("torch" | "torch.cuda", "BFloat16Storage") => storage(Kind::BFloat16),
            ("torch" | "torch.cuda", "LongStorage") => storage(Kind::Int64),
            ("torch" | "torch.cuda", "IntStorage") => storage(Kind::Int),
            ("torch" | "torch.cuda", "ShortStorage") => storage(Kind::Int16),
            ("torch" | "torch.cuda", "CharStorage") => storage(Kind::Int8),
            ("torch" | "torch.cuda", "ByteStorage") => storage(Kind::Uint8),
            ("torch" | "torch.cuda", "BoolStorage") => storage(Kind::Bool),
            _ => INERT
                .iter()
                .find(|known| (known.0, known.1) == (module, name))
                .map(|known| Self::Inert(known.2)),
        }
    }
}
