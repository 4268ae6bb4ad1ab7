//! `--select EXPR`: which checks are run.
//!
//! Words are separated by space (all must fit) and may begin with `!` (must not fit). `slug:`,
//! `code:`, `level:`, `basis:`, `section:` name what is looked at; a bare word looks at the slug.
//! `*` and `?` stand for any text and any character. Several expressions: one of them must fit.

use wildmatch::WildMatch;

use crate::{events::Cited, suite::load::Suite};

/// One parsed expression.
#[derive(Debug)]
pub struct Selector(Vec<Word>);

#[derive(Debug)]
struct Word {
    not: bool,
    field: Field,
    pattern: WildMatch,
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Slug,
    Code,
    Level,
    Basis,
    Section,
}

impl std::str::FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let (not, rest) = match word.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, word),
            };
            let (field, pattern) = match rest.split_once(':') {
                None => (Field::Slug, rest),
                Some(("slug", pattern)) => (Field::Slug, pattern),
                Some(("code", pattern)) => (Field::Code, pattern),
                Some(("level", pattern)) => (Field::Level, pattern),
                Some(("basis", pattern)) => (Field::Basis, pattern),
                Some(("section", pattern)) => (Field::Section, pattern),
                Some((other, _)) => {
                    return Err(format!(
                        "`{other}:` is nothing to select by; there is slug, code, level, basis, section"
                    ));
                }
            };
            if pattern.is_empty() {
                return Err(format!("`{word}` selects by nothing"));
            }
            let known: &[&str] = match field {
                Field::Level => &["MUST", "SHOULD", "MAY"],
                Field::Basis => &["stated", "read", "derived"],
                Field::Slug | Field::Code | Field::Section => &[],
            };
            let wanted = WildMatch::new_case_insensitive(pattern);
            if !known.is_empty() && !known.iter().any(|word| wanted.matches(word)) {
                return Err(format!("`{word}` selects by nothing; there is {}", known.join(", ")));
            }
            words.push(Word { not, field, pattern: wanted });
        }
        if words.is_empty() { Err("an empty selection".into()) } else { Ok(Selector(words)) }
    }
}

impl Selector {
    /// Whether a check with that slug and those requirements is wanted.
    pub fn selects(&self, suite: &Suite, id: &str, requires: &[Cited]) -> bool {
        self.0.iter().all(|word| word.not != word.fits(suite, id, requires))
    }
}

impl Word {
    fn fits(&self, suite: &Suite, id: &str, requires: &[Cited]) -> bool {
        let fits = |text: &str| self.pattern.matches(text);
        match self.field {
            // Without its case a slug names all cases.
            Field::Slug => fits(id) || id.split_once('[').is_some_and(|(slug, _)| fits(slug)),
            Field::Code => requires.iter().any(|cited| fits(&cited.code)),
            Field::Level => requires.iter().any(|cited| fits(&cited.level.to_string())),
            Field::Basis => requires.iter().any(|cited| fits(&cited.basis.to_string())),
            Field::Section => requires.iter().any(|cited| {
                let section = Suite::section_of(&cited.code);
                fits(section)
                    || fits(&cited.section)
                    || suite.sections.get(section).is_some_and(|title| fits(title))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_and_and_an_exclamation_mark_is_not() {
        let suite = crate::suite::load::built_in("cri").unwrap();
        let selects =
            |text: &str, id: &str| text.parse::<Selector>().unwrap().selects(&suite, id, &[]);
        assert!(selects("cri.stop*", "cri.stop-sandbox.twice"));
        assert!(selects("slug:cri.a.b", "cri.a.b[case]"));
        assert!(selects("cri.a.b[case]", "cri.a.b[case]"));
        assert!(!selects("cri.a.b[case]", "cri.a.b[other]"));
        assert!(!selects("cri.* !*twice", "cri.stop-sandbox.twice"));
        assert!(!selects("code:CRI-*", "cri.x"));
        assert!("color:red".parse::<Selector>().is_err());
        assert!(" ".parse::<Selector>().is_err());
        assert!("slug:".parse::<Selector>().is_err());
    }
}
