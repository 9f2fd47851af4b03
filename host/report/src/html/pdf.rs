//! The charts in PDF, as papers ask for them: fonts inside, as TrueType, and text that can be searched.

use std::cell::OnceCell;
use std::sync::Arc;

use svg2pdf::usvg::fontdb::{Database, Source};
use svg2pdf::usvg::{Options, Tree};
use svg2pdf::{ConversionError, ConversionOptions, PageOptions};

use super::figures::TYPE;

/// The typeface in the file, about as wide as those that the charts are laid out for.
const FACE: &str = "semi-condensed 12px 'DejaVu Sans'";

/// Writes charts of [`figures`](super::figures()) in PDF.
#[derive(Debug, Default)]
pub struct PdfWriter {
    own: OnceCell<Options<'static>>,
    /// Read only for letters that the own typeface lacks, since reading takes as long as there are fonts.
    with_system: OnceCell<Options<'static>>,
}

/// A chart that cannot be written in PDF.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// No font has a letter of a name.
    #[error(
        "expected a font with every letter of the names, found letters that neither DejaVu Sans nor a font of the system has"
    )]
    Letters,
    /// The chart is no picture to the converter, which is a fault of this program.
    #[error("cannot convert the chart: {0}")]
    Convert(String),
}

impl PdfWriter {
    /// One chart, a page of its size. The text is in DejaVu Sans Condensed, embedded with the letters that the chart has;
    /// letters that it lacks come from a font of the system.
    ///
    /// # Errors
    /// [`PdfError::Letters`] if no font has some letter.
    pub fn write(&self, chart: &str) -> Result<Vec<u8>, PdfError> {
        let chart = chart.replace(TYPE, FACE);
        match convert(&chart, self.own.get_or_init(|| options(false))) {
            Err(PdfError::Letters) => {
                convert(&chart, self.with_system.get_or_init(|| options(true)))
            }
            other => other,
        }
    }
}

fn options(with_system: bool) -> Options<'static> {
    let mut fonts = Database::new();
    for face in [
        dejavu::sans_condensed::regular(),
        dejavu::sans_condensed::bold(),
    ] {
        fonts.load_font_source(Source::Binary(Arc::new(face)));
    }
    if with_system {
        fonts.load_system_fonts();
    }
    Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    }
}

fn convert(chart: &str, options: &Options) -> Result<Vec<u8>, PdfError> {
    let tree =
        Tree::from_str(chart, options).map_err(|error| PdfError::Convert(error.to_string()))?;
    let conversion = ConversionOptions {
        // Letters that no font has are a fault, not boxes.
        pdfa: true,
        ..ConversionOptions::default()
    };
    svg2pdf::to_pdf(&tree, conversion, PageOptions::default()).map_err(|error| match error {
        ConversionError::MissingGlyphs => PdfError::Letters,
        other => PdfError::Convert(other.to_string()),
    })
}
