//! Decimal numbers kept as written, so that 59.8 equals 59.8 and nothing else.

use super::AggregateError;

/// A non-negative decimal: `mantissa / 10^scale`, trailing zeros removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    mantissa: u64,
    scale: u32,
}

/// Largest number of decimals, so that `100 * 10^scale` still fits a `u64`.
const MAX_SCALE: u32 = 17;

impl Decimal {
    /// Reads `digits[.digits][e±digits]`.
    ///
    /// # Errors
    /// [`AggregateError::NotANumber`] for anything else (signs, `inf`, thousands separators), and
    /// [`AggregateError::TooManyDigits`] beyond 17 decimals or the range of a `u64`.
    pub fn parse(text: &str) -> Result<Self, AggregateError> {
        let not_a_number = || AggregateError::NotANumber {
            text: text.to_owned(),
        };
        let too_long = || AggregateError::TooManyDigits {
            text: text.to_owned(),
        };
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => {
                (digits, exponent.parse::<i32>().map_err(|_| not_a_number())?)
            }
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(not_a_number());
        }
        let mut mantissa: u128 = 0;
        for byte in all.bytes() {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add(u128::from(byte - b'0')))
                .ok_or_else(too_long)?;
        }
        let mut scale =
            i64::try_from(fraction.len()).map_err(|_| too_long())? - i64::from(exponent);
        if mantissa == 0 {
            return Ok(Self {
                mantissa: 0,
                scale: 0,
            });
        }
        while scale > 0 && mantissa.is_multiple_of(10) {
            mantissa /= 10;
            scale -= 1;
        }
        while scale < 0 {
            mantissa = mantissa.checked_mul(10).ok_or_else(too_long)?;
            scale += 1;
        }
        let scale = u32::try_from(scale).map_err(|_| too_long())?;
        if scale > MAX_SCALE {
            return Err(too_long());
        }
        Ok(Self {
            mantissa: u64::try_from(mantissa).map_err(|_| too_long())?,
            scale,
        })
    }

    /// The digits without the point.
    #[must_use]
    pub fn mantissa(self) -> u64 {
        self.mantissa
    }

    /// How many of the digits stand after the point.
    #[must_use]
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// The nearest `f64`.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Parsing is correctly rounded, which a division of two floats is not for large mantissas.
        format!("{}e-{}", self.mantissa, self.scale)
            .parse()
            .unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn decimal_reads_common_spellings() {
        let read = |text| {
            let decimal = Decimal::parse(text).unwrap();
            (decimal.mantissa(), decimal.scale())
        };
        assert_eq!(read("59.8"), (598, 1));
        assert_eq!(read("59.80"), (598, 1));
        assert_eq!(read("100"), (100, 0));
        assert_eq!(read("0.0"), (0, 0));
        assert_eq!(read(".5"), (5, 1));
        assert_eq!(read("2.5e1"), (25, 0));
        assert_eq!(read("7e-2"), (7, 2));
        assert_eq!(
            Decimal::parse("33.333333333333336").unwrap().to_f64(),
            33.333333333333336
        );
    }

    #[test]
    fn decimal_refuses_text_that_is_no_plain_number() {
        for text in [
            "", "-1", "+1", "nan", "inf", "1,5", "1.2.3", "12 3", "0x10", "e3", ".",
        ] {
            assert!(
                matches!(Decimal::parse(text), Err(AggregateError::NotANumber { .. })),
                "{text:?}"
            );
        }
        assert!(matches!(
            Decimal::parse("0.123456789012345678"),
            Err(AggregateError::TooManyDigits { .. })
        ));
        assert!(matches!(
            Decimal::parse("1e99"),
            Err(AggregateError::TooManyDigits { .. })
        ));
    }
}
