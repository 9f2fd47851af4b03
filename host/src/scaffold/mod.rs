//! New plugin projects. The projects in `examples/` are the templates: a new one is an example under
//! another name.

mod name;
mod template;

pub use name::NameError;
pub use template::{Language, files};
