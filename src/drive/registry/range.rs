//! The `Range` header.

use std::ops;

/// Which bytes are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// All of them.
    Whole,
    /// These; not empty.
    Part(ops::Range<usize>),
    /// None that there are.
    Outside,
}

/// Reads the header for content of `size` bytes. One that is malformed or asks for several parts counts as absent,
/// as RFC 9110 allows.
pub(super) fn parse(header: Option<&str>, size: usize) -> Range {
    header.and_then(|header| one_part(header, size)).unwrap_or(Range::Whole)
}

fn one_part(header: &str, size: usize) -> Option<Range> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let part = match (first.trim(), last.trim()) {
        ("", length) => size.saturating_sub(length.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            if first > last {
                return None;
            }
            first..size.min(last.saturating_add(1))
        }
    };
    Some(if part.is_empty() { Range::Outside } else { Range::Part(part) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_single_range() {
        assert_eq!(parse(Some("bytes=0-3"), 10), Range::Part(0..4));
        assert_eq!(parse(Some("bytes=4-"), 10), Range::Part(4..10));
        assert_eq!(parse(Some("bytes=-3"), 10), Range::Part(7..10));
        assert_eq!(parse(Some("bytes=-30"), 10), Range::Part(0..10));
        assert_eq!(parse(Some("bytes=8-100"), 10), Range::Part(8..10));
    }

    #[test]
    fn what_is_not_there() {
        assert_eq!(parse(Some("bytes=10-"), 10), Range::Outside);
        assert_eq!(parse(Some("bytes=10-20"), 10), Range::Outside);
        assert_eq!(parse(Some("bytes=-0"), 10), Range::Outside);
    }

    #[test]
    fn everything_else_is_ignored() {
        let headers = ["bytes=3-1", "bytes=0-1,4-5", "bytes=a-b", "bytes=1", "lines=1-2", ""];
        for header in headers.map(Some).into_iter().chain([None]) {
            assert_eq!(parse(header, 10), Range::Whole, "{header:?}");
        }
        let huge = format!("bytes=0-{}", usize::MAX);
        assert_eq!(parse(Some(&huge), 10), Range::Part(0..10));
    }
}
