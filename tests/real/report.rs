//! A JSON report of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

pub struct Report {
    pub json: Value,
}

impl Report {
    pub fn read(path: &Path) -> Report {
        let text = std::fs::read_to_string(path).unwrap();
        Report { json: serde_json::from_str(&text).unwrap() }
    }

    fn checks(&self) -> &Vec<Value> {
        self.json["checks"].as_array().unwrap()
    }

    fn text<'a>(check: &'a Value, field: &str) -> &'a str {
        check[field].as_str().unwrap_or_default()
    }

    /// No verdict `error`, nothing left behind, nobody died unexplained.
    pub fn assert_sound(&self) {
        let errors: Vec<&Value> =
            self.checks().iter().filter(|check| check["verdict"] == "error").collect();
        assert!(errors.is_empty(), "{errors:#?}");
        for list in ["cleanup_failures", "unattributed_deaths"] {
            assert_eq!(self.json[list].as_array().map(Vec::len), Some(0), "{:#?}", self.json[list]);
        }
    }

    /// `fail SLUG` and `warn SLUG`.
    pub fn findings(&self) -> BTreeSet<String> {
        self.checks()
            .iter()
            .filter(|check| check["verdict"] == "fail" || check["verdict"] == "warn")
            .map(|check| format!("{} {}", Self::text(check, "verdict"), Self::text(check, "id")))
            .collect()
    }

    /// Of one check; `none` where it was not selected.
    pub fn verdict(&self, id: &str) -> &str {
        let check = self.checks().iter().find(|check| check["id"] == id);
        check.map_or("none", |check| Self::text(check, "verdict"))
    }

    pub fn verdicts(&self) -> BTreeMap<String, String> {
        self.checks()
            .iter()
            .map(|c| (Self::text(c, "id").to_owned(), Self::text(c, "verdict").to_owned()))
            .collect()
    }

    pub fn count(&self, verdict: &str) -> u64 {
        self.json["counts"][verdict].as_u64().unwrap()
    }

    /// How many checks were skipped for the want of a capability.
    pub fn skipped_for(&self, capability: &str) -> usize {
        self.checks().iter().filter(|c| Self::text(c, "reason").starts_with(capability)).count()
    }
}
