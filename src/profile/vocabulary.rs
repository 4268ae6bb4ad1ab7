//! What a suite may ask of a profile: each answer is a word.

use std::collections::BTreeSet;

use super::format::Profile;

impl Profile {
    /// Everything that holds of the plugin: `kind:KIND`, the words of `has`, `cap:NAME` for each
    /// capability that its configuration declares, and `cap:any` if there is one.
    pub fn words(&self) -> BTreeSet<String> {
        let mut words = BTreeSet::from([format!("kind:{}", self.kind)]);
        words.extend(self.has.iter().map(ToString::to_string));
        words.extend(self.capabilities.keys().map(|name| format!("cap:{name}")));
        if !self.capabilities.is_empty() {
            words.insert("cap:any".to_owned());
        }
        words
    }
}
