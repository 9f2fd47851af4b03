//! The report as one HTML file: no network, light and dark, phone and print, useful without script.

mod charts;
mod figures;
mod lottery;
mod measures;
mod page;
mod pdf;
mod scale;
mod svg;
mod table;

pub use figures::figures;
pub use page::render;
pub use pdf::{PdfError, PdfWriter};
