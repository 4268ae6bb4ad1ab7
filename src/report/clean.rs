//! Makes the words of a target harmless before anybody prints or stores them.
//!
//! A target is hostile input: its names and messages may hold terminal escapes, characters that no XML
//! parser takes, or marks that turn a line's direction. Here each of them becomes visible; nothing is dropped
//! silently, so that a reader sees what the target really sent.

use std::fmt::Write as _;

/// The text with every control, invisible or direction-changing character written out (`\x1b`, `\u{202e}`),
/// cut after `cap` bytes with a note of how much is missing. Newlines and tabs stay.
///
/// The result is valid in XML 1.0 and harmless on a terminal.
pub fn clean(text: &str, cap: usize) -> String {
    let mut out = String::with_capacity(text.len().min(cap));
    for (at, c) in text.char_indices() {
        if out.len() + c.len_utf8() > cap {
            let _ = write!(out, " … ({} more bytes)", text.len() - at);
            break;
        }
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if is_deceptive(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// [`clean`], and fit for a CDATA section: the three characters that would end it are broken up.
pub fn clean_xml(text: &str, cap: usize) -> String {
    clean(text, cap).replace("]]>", "]] >")
}

/// The first line that says something, on one line, for messages and lists; `…` where more follows.
pub fn first_line(text: &str, cap: usize) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = clean(lines.next().unwrap_or_default(), cap).replace('\t', " ");
    if lines.next().is_some() { first + " …" } else { first }
}

/// JSON text in which no string can harm a terminal: what [`clean`] would write out becomes a `\u` escape, so
/// that a parser still reads the very same value.
pub fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c == '\u{7f}' || is_deceptive(c) {
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters beyond ASCII that show nothing or change how their neighbours are shown, and those that XML 1.0
/// forbids.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'                 // C1 controls: one of them opens a terminal escape
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}'           // zero width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}'           // line separators, bidi embeddings and overrides
        | '\u{2060}'..='\u{206f}'           // word joiner, bidi isolates
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}' | '\u{ffff}'           // forbidden in XML 1.0
        | '\u{e0000}'..='\u{e007f}'         // tags
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_out_what_cannot_be_seen() {
        assert_eq!(
            clean("\u{1b}[31mred\r\n\u{202e}x\u{9b}\0", 100),
            "\\x1b[31mred\\x0d\n\\u{202e}x\\u{9b}\\x00"
        );
    }

    #[test]
    fn says_how_much_was_cut() {
        assert_eq!(clean("abcdefgh", 5), "abcde … (3 more bytes)");
        assert_eq!(clean("ääää", 4), "ää … (4 more bytes)");
        assert_eq!(clean("abc", 3), "abc");
    }

    #[test]
    fn breaks_up_the_end_of_cdata() {
        assert_eq!(clean_xml("a]]>b]]>", 100), "a]] >b]] >");
    }

    #[test]
    fn first_line_skips_blank_ones() {
        assert_eq!(first_line("\n  one\ttwo \nthree", 100), "one two …");
        assert_eq!(first_line("", 100), "");
    }

    /// Characters that a plain random string rarely holds.
    fn hostile() -> impl Strategy<Value = String> {
        let nasty = prop::sample::select(vec![
            "\u{1b}[2J",
            "\u{9b}31m",
            "]]>",
            "]]",
            ">",
            "\0",
            "\u{fffe}",
            "\u{202e}",
            "\r\n",
            "<a/>",
            "&amp;",
            "\u{e0041}",
            "\t",
            "\u{7f}",
            "\u{10ffff}",
        ]);
        prop::collection::vec(prop_oneof![nasty.prop_map(String::from), any::<String>()], 0..12)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn is_harmless_and_bounded(text in hostile(), cap in 0_usize..200) {
            let out = clean(&text, cap);
            prop_assert!(!out.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
            prop_assert!(out.len() <= cap + 40);
        }

        #[test]
        fn is_valid_xml_and_comes_back_whole(text in hostile()) {
            let cleaned = clean_xml(&text, usize::MAX);
            let xml = format!("<testsuites name=\"t\"><testsuite name=\"s\" tests=\"1\" failures=\"0\" \
                errors=\"0\"><testcase name=\"c\" time=\"0\"><system-out><![CDATA[{cleaned}]]></system-out>\
                </testcase></testsuite></testsuites>");
            let report = quick_junit::Report::deserialize_from_str(&xml);
            prop_assert!(report.is_ok(), "{report:?}");
            // The parser of quick-junit forgives characters that XML 1.0 forbids; the definition does not.
            let valid = cleaned.chars().all(|c| matches!(c,
                '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..));
            prop_assert!(valid);
        }

        #[test]
        fn a_line_is_one_line(text in hostile()) {
            let line = first_line(&text, 300);
            let broken = line.contains(['\n', '\t', '\r', '\u{1b}']);
            prop_assert!(!broken);
        }

        #[test]
        fn escaped_json_is_the_same_json(text in hostile()) {
            let value = serde_json::json!({ "text": text });
            let json = escape_json(&value.to_string());
            prop_assert!(!json.contains(|c: char| c.is_control()));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        }
    }
}
