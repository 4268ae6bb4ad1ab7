//! Lint of requirements: codes, levels, versions, and that each ends as one thing.

use std::{collections::BTreeSet, sync::Arc};

use super::Lint;
use crate::{
    suite::{
        diagnostic::SourceFile, expand::Check, format::RequirementDef, load::Suite,
        version::Version,
    },
    verdict::{Basis, Level},
};

impl Lint<'_> {
    pub(super) fn requirements(&mut self, checks: &[Check]) {
        let suite = self.suite;
        let mut cited: BTreeSet<&str> = BTreeSet::new();
        for check in checks {
            cited.extend(check.requires.iter().map(|code| code.as_ref().as_str()));
        }
        for invariant in &suite.invariants {
            cited.extend(invariant.def.requires.iter().map(|code| code.as_ref().as_str()));
        }
        let mut seen = BTreeSet::new();
        for requirement in &suite.requirements {
            let (file, def) = (&requirement.file, &requirement.def);
            let code = def.code.as_ref().as_str();
            let at = def.code.span();
            if !seen.insert(code) {
                self.say(file, at.clone(), "a second requirement with this code");
            }
            if !suite.sections.contains_key(Suite::section_of(code)) {
                let message = format!("suite.toml has no section `{}`", Suite::section_of(code));
                self.say(file, at.clone(), message);
            }
            self.levels(file, def);
            let ways = [
                def.planned,
                def.untestable.is_some(),
                def.permits.is_some(),
                cited.contains(code),
            ];
            match ways.iter().filter(|way| **way).count() {
                1 => {}
                0 => self.say(
                    file,
                    at,
                    format!(
                        "no check requires {code}, and it is not planned, untestable or permits"
                    ),
                ),
                _ if cited.contains(code) => self.say(
                    file,
                    at,
                    format!("a check requires {code}: take away planned, untestable or permits"),
                ),
                _ => {
                    self.say(file, at, "it is one of planned, untestable and permits, not several")
                }
            }
        }
    }

    pub(super) fn levels(&mut self, file: &Arc<SourceFile>, def: &RequirementDef) {
        let at = def.code.span();
        match (&def.level, &def.levels) {
            (Some(_), None) => {}
            (None, Some(levels)) => {
                for version in levels.as_ref().keys() {
                    if version.parse::<Version>().is_err() {
                        let message = format!("`{version}` is no version like `1.30`");
                        self.say(file, levels.span(), message);
                    }
                }
            }
            _ => self.say(file, at.clone(), "a requirement has either `level` or `levels`"),
        }
        let may = def.level.as_ref().is_some_and(|level| *level.as_ref() == Level::May);
        if may && def.permits.is_none() && def.untestable.is_none() {
            self.say(file, at.clone(), "a MAY is never a failure: it `permits`");
        }
        if *def.basis.as_ref() == Basis::Derived
            && def.level.as_ref().is_some_and(|level| *level.as_ref() == Level::Must)
        {
            self.say(file, def.basis.span(), "what is derived is SHOULD at most");
        }
        for version in [&def.since, &def.until].into_iter().flatten() {
            if let Err(message) = version.as_ref().parse::<Version>() {
                self.say(file, version.span(), message);
            }
        }
        match (&def.cap, &def.because) {
            (None, None) => {}
            (Some(cap), Some(_)) if cap.as_ref() == "warn" => {}
            (Some(cap), Some(_)) => self.say(file, cap.span(), "a cap is \"warn\""),
            _ => self.say(file, at, "a `cap` needs its `because`, and the other way round"),
        }
    }
}
