//! The rules themselves: what a file may hold, and what each change does to JSON.

use libtest_mimic::Failed;
use serde_json::{Value as Json, json};
use stdcheck::suite::expr::Scope;

use crate::shim::{
    edit::{edit, reversed},
    rule::{Edit, read_folder},
};

pub fn what_is_mistaken_is_refused() -> Result<(), Failed> {
    for (bend, told) in [
        ("hung = true", "unknown field `hung`"),
        ("end = 'slowly'", "unknown variant `slowly`"),
        ("reply = { set = { '/a' = 1 }, clear = [] }", "unknown field `clear`"),
    ] {
        let folder = tempfile::tempdir()?;
        let text = format!("[[defect]]\nname = 'x'\nsays = 'X.'\n[[defect.bends]]\n{bend}");
        std::fs::write(folder.path().join("a.toml"), text)?;
        let why = read_folder(folder.path()).err().unwrap_or_else(|| panic!("{bend} is taken"));
        assert!(why.contains(told), "{bend}: {why}");
    }
    Ok(())
}

pub fn each_change_does_what_it_says() -> Result<(), Failed> {
    let document = json!({ "a": { "b": 1 }, "l": [{ "x": "one" }, { "x": "two" }] });
    for (change, expected) in [
        (json!({ "set": { "/a/b": 2 } }), json!({ "b": 2 })),
        (json!({ "set": { "/a/b": "${old + 1}" } }), json!({ "b": 2 })),
        (json!({ "set": { "/a/c/d": true } }), json!({ "b": 1, "c": { "d": true } })),
        (json!({ "remove": ["/a/b", "/z/y"] }), json!({})),
        (json!({ "set": { "/a": "$n" } }), json!(7)),
        (json!({ "set": { "/a": "is ${n}" } }), json!("is 7")),
    ] {
        assert_eq!(changed(&document, &change)?["a"], expected, "{change}");
    }
    for (change, expected) in [
        (json!({ "set": { "/l/*/x": "${old}!" } }), json!([{ "x": "one!" }, { "x": "two!" }])),
        (json!({ "remove": ["/l/0"] }), json!([{ "x": "two" }])),
        (json!({ "remove": ["/l/*/x"] }), json!([{}, {}])),
        (json!({ "add": { "/l": [3] } }), json!([{ "x": "one" }, { "x": "two" }, 3])),
    ] {
        assert_eq!(changed(&document, &change)?["l"], expected, "{change}");
    }
    let text = reversed(&document);
    assert!(text.starts_with(r#"{"l":"#), "{text}");
    assert_eq!(serde_json::from_str::<Json>(&text)?, document);
    Ok(())
}

fn changed(document: &Json, change: &Json) -> Result<Json, Failed> {
    let change: Edit = serde_json::from_value(change.clone())?;
    let mut document = document.clone();
    let scope = Scope::from([("n".to_owned(), 7.into())]);
    edit(&mut document, &change, &scope)?;
    Ok(document)
}
