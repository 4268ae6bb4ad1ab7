//! Fits text and JSON into lines.

use serde_json::Value;

use super::clean::escape_json;

/// Breaks text at spaces so that no line is longer than `width` characters, as far as its words allow.
/// Its own line breaks stay.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
        lines.push(line);
    }
    lines
}

/// The first `most` lines; what is left out is counted in one more.
pub fn bound(mut lines: Vec<String>, most: usize) -> Vec<String> {
    let rest = lines.len().saturating_sub(most);
    // A single line left out would need as much room as the line that counts it.
    if rest > 1 {
        lines.truncate(most);
        lines.push(format!("… {rest} more lines"));
    }
    lines
}

/// The line, cut to `width` characters.
pub fn shorten(line: &str, width: usize) -> String {
    match line.char_indices().nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// JSON as a reader likes it: what fits into `width` stays on one line, the rest is spread out. No line can harm
/// a terminal. A single long string is not cut here.
pub fn json_lines(value: &Value, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    spread(value, width, 0, &mut lines);
    lines.iter().map(|line| escape_json(line)).collect()
}

/// Appends to the last line, and adds more where the value does not fit behind it.
fn spread(value: &Value, width: usize, depth: usize, lines: &mut Vec<String>) {
    let used = lines.last().map_or(0, |line| line.chars().count());
    if let Some(flat) = flat(value, width.saturating_sub(used)) {
        append(lines, &flat);
        return;
    }
    let inner = "  ".repeat(depth + 1);
    let outer = "  ".repeat(depth);
    match value {
        Value::Array(items) => {
            append(lines, "[");
            for (at, item) in items.iter().enumerate() {
                lines.push(inner.clone());
                spread(item, width, depth + 1, lines);
                append(lines, if at + 1 < items.len() { "," } else { "" });
            }
            lines.push(outer + "]");
        }
        Value::Object(fields) => {
            append(lines, "{");
            for (at, (name, item)) in fields.iter().enumerate() {
                lines.push(format!("{inner}{}: ", Value::from(name.as_str())));
                spread(item, width, depth + 1, lines);
                append(lines, if at + 1 < fields.len() { "," } else { "" });
            }
            lines.push(outer + "}");
        }
        scalar => append(lines, &scalar.to_string()),
    }
}

fn append(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

/// The value on one line, if that takes at most `room` characters.
fn flat(value: &Value, room: usize) -> Option<String> {
    let (open, parts, close) = match value {
        Value::Array(items) => ('[', flat_parts(items.iter().map(|item| (None, item)), room)?, ']'),
        Value::Object(fields) => (
            '{',
            flat_parts(fields.iter().map(|(name, item)| (Some(name.as_str()), item)), room)?,
            '}',
        ),
        scalar => {
            let text = scalar.to_string();
            return (text.chars().count() <= room).then_some(text);
        }
    };
    let text = format!("{open}{parts}{close}");
    (text.chars().count() <= room).then_some(text)
}

fn flat_parts<'a>(
    parts: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    room: usize,
) -> Option<String> {
    let mut text = String::new();
    for (name, item) in parts {
        if !text.is_empty() {
            text.push_str(", ");
        }
        if let Some(name) = name {
            text.push_str(&format!("{}: ", Value::from(name)));
        }
        // Asked with the room that is left: a huge reply is given up on early.
        text.push_str(&flat(item, room.checked_sub(text.len())?)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wraps_at_spaces_and_keeps_lines() {
        assert_eq!(wrap("one two three\n\nfour", 8), ["one two", "three", "", "four"]);
        assert_eq!(wrap("averylongword x", 5), ["averylongword", "x"]);
    }

    #[test]
    fn counts_what_is_left_out() {
        let lines = || wrap("a\nb\nc", 9);
        assert_eq!(bound(lines(), 3), ["a", "b", "c"]);
        assert_eq!(bound(lines(), 2), ["a", "b", "c"]);
        assert_eq!(bound(lines(), 1), ["a", "… 2 more lines"]);
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
    }

    #[test]
    fn json_stays_flat_where_it_fits() {
        let value = json!({ "id": "x", "labels": { "a": "1", "b": "2" }, "list": [1, 2, 3] });
        assert_eq!(
            json_lines(&value, 80),
            [r#"{"id": "x", "labels": {"a": "1", "b": "2"}, "list": [1, 2, 3]}"#]
        );
        assert_eq!(
            json_lines(&value, 40),
            [
                "{",
                r#"  "id": "x","#,
                r#"  "labels": {"a": "1", "b": "2"},"#,
                r#"  "list": [1, 2, 3]"#,
                "}"
            ]
        );
    }

    #[test]
    fn json_lines_are_still_json() {
        let value =
            json!({ "a\u{202e}\u{1b}": [{ "b": ["x".repeat(60), null, {}] }, []], "c": "\n" });
        let text = json_lines(&value, 30).join("\n");
        assert!(text.chars().all(|c| !c.is_control() || c == '\n'), "{text}");
        assert!(!text.contains('\u{202e}'));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
