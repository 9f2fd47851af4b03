//! The report as one HTML file: no network, light and dark, phone and print, useful without script.

mod charts;
mod lottery;
mod page;
mod svg;

pub use page::render;
