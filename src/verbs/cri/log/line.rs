//! One line of a container's log: `TIME STREAM TAG[:TAG…] CONTENT`.

use std::{str::FromStr, sync::LazyLock};

use regex::Regex;

const STREAMS: [&str; 2] = ["stdout", "stderr"];
const PARTIAL: &str = "P";
const FULL: &str = "F";

/// The lines of a log. What has no newline yet is just being written, and is none.
pub fn whole(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    log.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

/// What was found in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its parts stand in the order and form that the kubelet reads.
    pub well_formed: bool,
    /// The time as it is written there.
    pub time: String,
    /// The time in nanoseconds since 1970.
    pub time_ns: Option<i64>,
    /// Empty if none was found.
    pub stream: String,
    /// Empty if none were found.
    pub tags: Vec<String>,
    /// What is behind the parts that were found.
    pub content: Vec<u8>,
}

impl Line {
    /// Reads a line, without its newline.
    ///
    /// A line that begins with a time has its parts at their places. Of any other one it is looked for a stream and a
    /// tag that the definition knows, in either order: where they stand is not its business.
    pub fn parse(raw: &[u8]) -> Line {
        let mut words = raw.splitn(4, |byte| *byte == b' ');
        let mut word = || words.next().map(|word| String::from_utf8_lossy(word).into_owned());
        let (first, second, third) = (word(), word(), word());
        let content = words.next();
        let time = first.clone().unwrap_or_default();
        let time_ns = nanos(&time);
        let head: Vec<String> = [first, second, third].into_iter().flatten().collect();
        if let (Some(_), [_, stream, tags]) = (time_ns, head.as_slice()) {
            let tags: Vec<String> = tags.split(':').map(str::to_owned).collect();
            return Line {
                well_formed: content.is_some()
                    && !stream.is_empty()
                    && tags.iter().all(|tag| !tag.is_empty()),
                time,
                time_ns,
                stream: stream.clone(),
                tags,
                content: content.unwrap_or_default().to_vec(),
            };
        }
        let stream = head.iter().find(|word| STREAMS.contains(&word.as_str()));
        let tags = head.iter().find(|word| {
            let first = word.split(':').next().unwrap_or_default();
            first == PARTIAL || first == FULL
        });
        let last = [stream, tags]
            .into_iter()
            .flatten()
            .filter_map(|found| head.iter().position(|word| word == found))
            .max();
        let parts = last.map_or(1, |at| at + 2);
        let content = raw.splitn(parts, |byte| *byte == b' ').nth(parts - 1);
        Line {
            well_formed: false,
            time,
            time_ns,
            stream: stream.cloned().unwrap_or_default(),
            tags: tags.map_or(Vec::new(), |tags| tags.split(':').map(str::to_owned).collect()),
            content: content.unwrap_or_default().to_vec(),
        }
    }

    /// Whether more of the same line of output follows.
    pub fn is_partial(&self) -> bool {
        self.tags.first().is_some_and(|tag| tag == PARTIAL)
    }
}

/// A time of RFC 3339, with any number of digits after the second.
fn nanos(text: &str) -> Option<i64> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        let form = r"^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$";
        Regex::new(form).expect("the expression is ours")
    });
    let parts = FORM.captures(text)?;
    // Finer than a nanosecond is cut off.
    let fraction = parts.get(2).map_or("0", |digits| digits.as_str());
    let fraction = &fraction[..fraction.len().min(9)];
    let whole = format!("{}.{fraction}{}", &parts[1], &parts[3]);
    let time = jiff::Timestamp::from_str(&whole).ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_of_a_line_are_told_apart() {
        let line = Line::parse(b"2026-01-02T03:04:05.000000006Z stderr F:x two  words ");
        let wanted = Line {
            well_formed: true,
            time: "2026-01-02T03:04:05.000000006Z".into(),
            time_ns: Some(1_767_323_045_000_000_006),
            stream: "stderr".into(),
            tags: vec!["F".into(), "x".into()],
            content: b"two  words ".to_vec(),
        };
        assert_eq!(line, wanted);
        let blank = Line::parse(b"2026-01-02T03:04:05Z stdout P ");
        assert!(blank.well_formed && blank.is_partial() && blank.content.is_empty());
    }

    #[test]
    fn every_form_of_time_gives_the_same_one() {
        let wanted = nanos("2026-01-02T03:04:05.5Z");
        assert!(wanted.is_some());
        for same in [
            "2026-01-02T03:04:05.500000000000Z",
            "2026-01-02T04:34:05.5+01:30",
            "2026-01-01T22:04:05.50-05:00",
        ] {
            assert_eq!(nanos(same), wanted, "{same}");
        }
        for wrong in [
            "",
            "2026-01-02",
            "2026-01-02 03:04:05Z",
            "2026-13-02T03:04:05Z",
            "1767323045",
            "2026-01-02T03:04:05",
        ] {
            assert_eq!(nanos(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_line_without_a_time_still_has_its_stream_and_tags() {
        for (raw, stream, tags, content) in [
            ("stdout F text of it", "stdout", "F", "text of it"),
            ("F stdout text", "stdout", "F", "text"),
            ("12:00 stderr P:more half", "stderr", "P:more", "half"),
            ("stdout", "stdout", "", ""),
            ("nothing of that here", "", "", "nothing of that here"),
            (
                r#"{"log":"text\n","stream":"stdout"}"#,
                "",
                "",
                r#"{"log":"text\n","stream":"stdout"}"#,
            ),
        ] {
            let line = Line::parse(raw.as_bytes());
            assert!(!line.well_formed, "{raw}");
            assert_eq!(
                (line.stream.as_str(), line.tags.join(":").as_str()),
                (stream, tags),
                "{raw}"
            );
            assert_eq!(String::from_utf8(line.content).unwrap(), content, "{raw}");
        }
    }

    #[test]
    fn parts_that_are_missing_are_not_well_formed() {
        for raw in [
            "2026-01-02T03:04:05Z stdout F",
            "2026-01-02T03:04:05Z stdout  text",
            "2026-01-02T03:04:05Z  F text",
            "2026-01-02T03:04:05Z stdout F: text",
            "2026-01-02T03:04:05Z",
        ] {
            assert!(!Line::parse(raw.as_bytes()).well_formed, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(raw in prop::collection::vec(any::<u8>(), 0..80), mut at in 0usize..30) {
            Line::parse(&raw);
            let good = b"2026-01-02T03:04:05.000000006Z stdout F text";
            at = at.min(good.len());
            Line::parse(&[&good[..at], &raw[..], &good[at..]].concat());
        }
    }
}
