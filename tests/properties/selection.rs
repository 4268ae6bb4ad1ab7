//! Selectors, versions and plans.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use stdcheck::{
    plan::{self, Wanted, select::Selector},
    suite::{
        load::{Suite, built_in},
        version::Version,
    },
};

static SUITE: LazyLock<Arc<Suite>> =
    LazyLock::new(|| Arc::new(built_in("cri").expect("it has no mistake")));

/// Words as users write them, and as they should not.
fn word() -> impl Strategy<Value = String> {
    let field = prop_oneof!["slug:", "code:", "level:", "basis:", "section:", "colour:", ""];
    let pattern = prop_oneof![
        "[a-zA-Z*?.\\[\\]-]{0,12}",
        Just("cri.stop*".to_owned()),
        Just("CRI-SB-*".to_owned()),
        Just("must".to_owned()),
        any::<String>(),
    ];
    (prop_oneof!["", "!", "!!"], field, pattern)
        .prop_map(|(not, field, pattern)| format!("{not}{field}{pattern}"))
}

fn version() -> impl Strategy<Value = Version> {
    (0_u32..3, 0_u32..60).prop_map(|(major, minor)| {
        format!("{major}.{minor}").parse().expect("two numbers and a dot")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_makes_a_selector_panic(text in any::<String>(), id in any::<String>()) {
        if let Ok(selector) = text.parse::<Selector>() {
            selector.selects(&SUITE, &id, &[]);
        }
    }

    #[test]
    fn no_text_makes_a_version_panic(text in any::<String>()) {
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }
    }

    #[test]
    fn a_plan_holds_what_is_selected_and_says_why_it_skips(
        words in prop::collection::vec(word(), 1..4),
        api in version(),
        crash_allowed: bool,
    ) {
        let Ok(selector) = words.join(" ").parse::<Selector>() else { return Ok(()) };
        let wanted = Wanted { select: vec![selector], api: Some(api.clone()), crash_allowed, ..Wanted::default() };
        let plan = plan::plan(&SUITE, &wanted).expect("the suite is sound");
        prop_assert_eq!(&plan.api, &api);
        for planned in &plan.checks {
            let id = &planned.check.id;
            prop_assert!(wanted.select[0].selects(&SUITE, id, &planned.requires), "{}", id);
            prop_assert!(plan.slugs.contains(id), "{}", id);
            prop_assert!(!planned.requires.is_empty(), "{}", id);
            if let Some((_, why)) = &planned.skip {
                prop_assert!(!why.is_empty(), "{}", id);
            }
            let alone = planned.may_crash() && !crash_allowed;
            prop_assert!(!alone || planned.skip.is_some(), "{} may kill, and is run", id);
        }
    }

    #[test]
    fn a_word_and_its_negation_share_every_check_out(word in word(), api in version()) {
        let plan = |text: &str| {
            let select = vec![text.parse::<Selector>().ok()?];
            let wanted = Wanted { select, api: Some(api.clone()), crash_allowed: true, ..Wanted::default() };
            let plan = plan::plan(&SUITE, &wanted).expect("the suite is sound");
            Some(plan.checks.len() + plan.invariants.len())
        };
        // A word with a blank in it is several, and their negation is not that of each.
        prop_assume!(word.split_whitespace().count() == 1 && !word.starts_with('!'));
        if let Some(with) = plan(&word) {
            let without = plan(&format!("!{}", word.trim_start())).expect("as good as the word itself");
            prop_assert_eq!(with + without, plan("*").expect("everything"));
        }
    }
}
