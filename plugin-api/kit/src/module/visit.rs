//! Walking through a module's weights and buffers by name.

use super::slot::Slot;

/// Where a walk is: the dotted prefix so far.
#[derive(Clone, Debug, Default)]
pub struct Path {
    prefix: String,
}

impl Path {
    /// Goes one level down for the length of `inside`.
    pub fn enter(&mut self, name: impl std::fmt::Display, inside: impl FnOnce(&mut Self)) {
        let length = self.prefix.len();
        self.prefix = self.name(name);
        inside(self);
        self.prefix.truncate(length);
    }

    /// The full name of where the walk is.
    #[must_use]
    pub fn here(&self) -> &str {
        &self.prefix
    }

    /// The full name of something at this level; that of the level itself for the empty name.
    #[must_use]
    pub fn name(&self, name: impl std::fmt::Display) -> String {
        let name = name.to_string();
        match (self.prefix.is_empty(), name.is_empty()) {
            (true, _) => name,
            (_, true) => self.prefix.clone(),
            _ => format!("{}.{name}", self.prefix),
        }
    }
}

/// What a walk does with each weight or buffer.
pub trait Visitor {
    /// Sees one of them.
    fn slot(&mut self, name: &str, slot: &mut dyn Slot);
}

impl<F: FnMut(&str, &mut dyn Slot)> Visitor for F {
    fn slot(&mut self, name: &str, slot: &mut dyn Slot) {
        self(name, slot);
    }
}

/// Something with named weights and buffers, always walked in the same order.
pub trait Module {
    /// Shows every weight and buffer to the visitor.
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor);
}

/// Walks through a module from its top.
pub fn visit_slots(module: &mut dyn Module, mut each: impl FnMut(&str, &mut dyn Slot)) {
    module.visit(&mut Path::default(), &mut each);
}

impl<S: Slot> Module for S {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        visitor.slot(path.here(), self);
    }
}

impl Module for () {
    fn visit(&mut self, _path: &mut Path, _visitor: &mut dyn Visitor) {}
}

impl<M: Module> Module for Option<M> {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        if let Some(module) = self {
            module.visit(path, visitor);
        }
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        for (n, module) in self.iter_mut().enumerate() {
            path.enter(n, |path| module.visit(path, visitor));
        }
    }
}

/// Declares a struct of modules and walks through it field by field.
///
/// A field's name is the name of its tensors, or what stands after `as`; with `as ""` they stand at
/// the level of the struct itself. Fields after `..` are no modules: settings, ranks, random streams.
///
/// ```
/// use ssl_plugin_kit::blocks::Mlp;
/// use ssl_plugin_kit::module::{Buffer, IntBuffer, Momentum};
/// use ssl_plugin_kit::{module, ranks::Ranks};
///
/// module! {
///     /// Keys of earlier batches.
///     pub struct Queue {
///         /// Columns of unit length, `[dim, size]`.
///         pub queue: Buffer<2>,
///         /// Where the next keys go.
///         pub queue_ptr: IntBuffer<1>,
///     }
/// }
///
/// module! {
///     /// `projector.0.weight`, …, `target.projector.0.weight`, …, `queue`, `queue_ptr`.
///     pub struct Contrast {
///         projector: Mlp,
///         target as "target.projector": Momentum<Mlp>,
///         keys as "": Queue,
///         ..
///         temperature: f64,
///         ranks: Ranks,
///     }
/// }
/// ```
#[macro_export]
macro_rules! module {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident $(as $as:literal)? : $ty:ty,)*
        $(.. $($(#[$plain_meta:meta])* $plain_vis:vis $plain:ident : $plain_ty:ty),* $(,)?)?
    }) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $ty,)*
            $($($(#[$plain_meta])* $plain_vis $plain: $plain_ty,)*)?
        }

        impl $crate::module::Module for $name {
            fn visit(
                &mut self,
                path: &mut $crate::module::Path,
                visitor: &mut dyn $crate::module::Visitor,
            ) {
                let _ = (&path, &visitor);
                $(path.enter($crate::module!(@name $field $($as)?), |path| {
                    $crate::module::Module::visit(&mut self.$field, path, visitor);
                });)*
            }
        }
    };
}
