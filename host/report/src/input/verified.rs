//! Leaving out rows that are not what they are named after.

use super::Input;
use crate::ReportError;
use crate::prose::list;
use ssl_aggregate::not_verified;

impl Input {
    /// Without the rows that are more than `points` from what their authors report, which a note names. Only for a table
    /// without outcomes per image.
    ///
    /// # Errors
    /// [`ReportError::Table`] where no row remains.
    pub fn only_verified(self, points: f64) -> Result<Self, ReportError> {
        let failed = not_verified(&self.verification, points);
        let note = left_out(&failed, points);
        let kept = |name: &str| !failed.contains(&name);
        let origin = self.title.clone();
        let split = self.table.split(|name| !kept(name));
        let (table, _) = split.map_err(|source| ReportError::Table {
            origin,
            source: Box::new(source),
        })?;
        let verification = self.verification.iter().filter(|it| kept(&it.framework));
        Ok(Self {
            verification: verification.cloned().collect(),
            notes: note.into_iter().chain(self.notes).collect(),
            table,
            ..self
        })
    }
}

/// What a report says of rows that take no part because they are not verified.
#[must_use]
pub fn left_out(rows: &[&str], points: f64) -> Option<String> {
    (!rows.is_empty()).then(|| {
        format!(
            "Left out, because they are more than {} from what their authors report: {}.",
            crate::words::within(points),
            list(rows)
        )
    })
}
