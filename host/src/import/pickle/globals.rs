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
    /// `torch._utils._rebuild_parameter`, or `_with_state`.
    Parameter,
    /// `torch._tensor._rebuild_from_type_v2`, by which subclasses of tensors are written.
    Subclass,
    /// `torch.Size`.
    Size,
    /// `_codecs.encode`, by which Python 3 writes bytes in protocol 2.
    Encode,
    /// A typed storage class.
    Storage(Element),
}

/// Modules whose functions start programs, run code or touch files. No checkpoint needs one, so a file
/// that names one was made to harm a user who loads it with Python, and is refused.
const HARMFUL: [&str; 14] = [
    "_posixsubprocess",
    "commands",
    "ctypes",
    "importlib",
    "nt",
    "os",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "webbrowser",
];

/// Whether a class or function of this name is a sign of an attack. What is not listed is harmless
/// here as well, for nothing is executed: the list is for the user's sake.
pub(super) fn is_harmful(module: &str, name: &str) -> bool {
    let package = module.split('.').next().unwrap_or_default();
    match package {
        "builtins" | "__builtin__" => matches!(
            name,
            "eval" | "exec" | "execfile" | "compile" | "__import__" | "open" | "breakpoint"
        ),
        package => HARMFUL.contains(&package),
    }
}

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
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::Parameter)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => Some(Self::Subclass),
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
            _ => None,
        }
    }
}
