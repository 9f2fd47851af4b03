//! A framework's id, and the names that are derived from it.

/// What is wrong with an id.
#[derive(Debug, thiserror::Error)]
#[error(
    "framework id `{id}`: expected lower-case letters, digits and hyphens, a letter or digit first ([a-z0-9][a-z0-9-]*), found {found}"
)]
pub struct NameError {
    id: String,
    found: String,
}

/// The names of a new framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The id: `my-idea`.
    pub id: String,
    /// The id as part of a library's name: `my_idea`.
    pub snake: String,
    /// The name of a type, and the framework's name until its author gives it another: `MyIdea`.
    pub pascal: String,
}

impl Names {
    /// The names of the framework `id`; `taken` says which type names a template uses already.
    ///
    /// # Errors
    /// When the id is none.
    pub fn new(id: &str, taken: impl Fn(&str) -> bool) -> Result<Self, NameError> {
        let fault = |found: String| NameError {
            id: id.chars().filter(|c| !c.is_control()).take(80).collect(),
            found,
        };
        match id.chars().next() {
            None => return Err(fault("nothing".to_owned())),
            Some('-') => return Err(fault("a hyphen first".to_owned())),
            Some(_) => {}
        }
        let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
        if let Some(other) = id.chars().find(|c| !allowed(c)) {
            return Err(fault(format!("{other:?}")));
        }
        let mut pascal: String = id
            .split('-')
            .filter_map(|word| {
                let first = word.chars().next()?.to_ascii_uppercase();
                Some(format!("{first}{}", &word[1..]))
            })
            .collect();
        if pascal == "Self" || pascal.starts_with(|c: char| c.is_ascii_digit()) || taken(&pascal) {
            pascal.insert_str(0, "Framework");
        }
        Ok(Self {
            id: id.to_owned(),
            snake: id.replace('-', "_"),
            pascal,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    #[test]
    fn type_and_library_names_follow_from_the_id() {
        let names = Names::new("my-idea2", |_| false).unwrap();
        assert_eq!((&*names.snake, &*names.pascal), ("my_idea2", "MyIdea2"));
        for (id, pascal) in [
            ("self", "FrameworkSelf"),
            ("3d", "Framework3d"),
            ("loss", "FrameworkLoss"),
        ] {
            let names = Names::new(id, |name| name == "Loss").unwrap();
            assert_eq!(names.pascal, pascal);
        }
    }

    #[test]
    fn ids_of_other_characters_are_refused() {
        for id in ["", "-a", "A", "a_b", "../x", "a b", "ä", "a\u{1b}"] {
            let error = Names::new(id, |_| false).unwrap_err().to_string();
            assert!(
                error.contains("expected lower-case") && !error.contains('\u{1b}'),
                "{error}"
            );
        }
    }
}
