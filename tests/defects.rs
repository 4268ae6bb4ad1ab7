//! Every check can fail (design, rule 7): the whole suite on an honest double, then once for each
//! seeded defect, which some check must report, and once for each legal oddity, which none may.
//!
//! `tests/defects/README.md` says how to write and try one. `STDCHECK_DEFECT=GLOB` runs only some and
//! tells what was reported; `STDCHECK_BLESS=1` writes the matrix anew; `STDCHECK_MATRIX=full` runs
//! every check under every defect.

mod double;
mod harness;

#[path = "defects/clean.rs"]
mod clean;
#[path = "defects/exempt.rs"]
mod exempt;
#[path = "defects/matrix.rs"]
mod matrix;
#[path = "defects/oddities.rs"]
mod oddities;
#[path = "defects/rules.rs"]
mod rules;
#[path = "defects/stand.rs"]
mod stand;
#[path = "defects/trial.rs"]
mod trial;
#[path = "defects/usage.rs"]
mod usage;
