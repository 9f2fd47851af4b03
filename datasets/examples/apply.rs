//! Applies single operations to images, for comparison with another implementation.
//!
//! Reads lines of a file name, a tab, and an operation with its numbers:
//!
//! ```text
//! crop INTERPOLATION X Y WIDTH HEIGHT SIZE      center INTERPOLATION RESIZE CROP
//! brightness|contrast|saturation|hue|solarize NUMBER      grayscale
//! pil-blur SIGMA      taps-blur TAPS SIGMA      flip
//! ```
//!
//! and answers each with the three planes as `f32` in `[0, 1]`, little-endian. The operations of the
//! last two lines want a square image.

use std::error::Error;
use std::io::{BufRead, Write};

use ssl_datasets::Image;
use ssl_datasets::decode::decode;
use ssl_datasets::views::blur::BlurScratch;
use ssl_datasets::views::resample::{Rect, ResampleScratch, resample};
use ssl_datasets::views::{Drawn, RenderScratch, ViewKey, ViewPlan};
use ssl_plugin_api::description::{BlurKernel, Interpolation, Transform, ViewGroup, ViewRole};

fn main() -> Result<(), Box<dyn Error>> {
    let mut image = Image::default();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (file, operation) = line
            .split_once('\t')
            .ok_or("expected FILE, tab, operation")?;
        decode(&std::fs::read(file)?, &mut image)?;
        let words: Vec<&str> = operation.split(' ').collect();
        let planes = match words[..] {
            ["crop", by, ref numbers @ ..] => crop(&image, by, &parse(numbers)?)?,
            ["center", by, ref numbers @ ..] => center(&image, by, &parse(numbers)?)?,
            [operation, ref numbers @ ..] => change(&image, operation, &parse(numbers)?)?,
            [] => return Err("expected an operation".into()),
        };
        let bytes: Vec<u8> = planes.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::io::stdout().write_all(&bytes)?;
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn parse(words: &[&str]) -> Result<Vec<f32>, std::num::ParseFloatError> {
    words.iter().map(|word| word.parse()).collect()
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "bilinear" => Interpolation::Bilinear,
        _ => Interpolation::Bicubic,
    }
}

fn crop(image: &Image, by: &str, numbers: &[f32]) -> Result<Vec<f32>, Box<dyn Error>> {
    let &[x, y, width, height, size] = numbers else {
        return Err("expected X Y WIDTH HEIGHT SIZE".into());
    };
    let rect = |x, y, width, height| Rect {
        x: x as usize,
        y: y as usize,
        width: width as usize,
        height: height as usize,
    };
    let side = size as usize;
    let mut out = vec![0.0; 3 * side * side];
    resample(
        image.as_ref(),
        rect(x, y, width, height),
        (side, side),
        rect(0.0, 0.0, size, size),
        interpolation(by),
        &mut ResampleScratch::default(),
        &mut out,
    );
    Ok(out)
}

fn center(image: &Image, by: &str, numbers: &[f32]) -> Result<Vec<f32>, Box<dyn Error>> {
    let &[resize, crop] = numbers else {
        return Err("expected RESIZE CROP".into());
    };
    let size = crop as usize;
    let plan = ViewPlan::new(&[ViewGroup {
        name: "center".to_owned(),
        count: 1,
        role: ViewRole::Whole,
        transforms: vec![
            Transform::Resize {
                size: resize as usize,
                interpolation: interpolation(by),
            },
            Transform::CenterCrop { size },
        ],
        patches: None,
    }])?;
    let key = ViewKey {
        seed: 0,
        epoch: 0,
        sample: 0,
        occurrence: 0,
    };
    let mut out = vec![0.0; 3 * size * size];
    plan.render(
        image.as_ref(),
        key,
        &mut RenderScratch::default(),
        &mut [&mut out],
    );
    Ok(out)
}

fn change(image: &Image, operation: &str, numbers: &[f32]) -> Result<Vec<f32>, Box<dyn Error>> {
    let drawn = match (operation, numbers) {
        ("brightness", &[x]) => Drawn::Brightness(x),
        ("contrast", &[x]) => Drawn::Contrast(x),
        ("saturation", &[x]) => Drawn::Saturation(x),
        ("hue", &[x]) => Drawn::Hue(x),
        ("solarize", &[threshold]) => Drawn::Solarize { threshold },
        ("grayscale", []) => Drawn::Grayscale,
        ("flip", []) => Drawn::Flip,
        ("pil-blur", &[sigma]) => Drawn::Blur {
            sigma,
            kernel: BlurKernel::Pil,
        },
        ("taps-blur", &[taps, sigma]) => Drawn::Blur {
            sigma,
            kernel: BlurKernel::Taps {
                taps: taps as usize,
            },
        },
        _ => return Err(format!("unknown operation `{operation}`").into()),
    };
    let plane = image.width * image.height;
    let mut planes = vec![0.0; 3 * plane];
    for (at, pixel) in image.data.chunks_exact(3).enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            planes[channel * plane + at] = f32::from(value) / 255.0;
        }
    }
    drawn.apply(&mut planes, image.width, &mut BlurScratch::default());
    Ok(planes)
}
