//! Ranges of bytes.

/// A range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub offset: i64,
    pub size: i64,
}

impl Span {
    pub fn end(self) -> i64 {
        self.offset.saturating_add(self.size)
    }
}

/// The same bytes in as few ranges as can be, in order. Ranges without bytes are nothing.
pub fn merged(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.iter().copied().filter(|span| span.size > 0).collect();
    sorted.sort();
    let mut merged: Vec<Span> = Vec::new();
    for span in sorted {
        match merged.last_mut() {
            Some(last) if span.offset <= last.end() => {
                last.size = last.size.max(span.end().saturating_sub(last.offset));
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// What of ranges lies at an offset or after it.
pub fn from(spans: &[Span], offset: i64) -> Vec<Span> {
    let cut = |span: &Span| {
        let begin = span.offset.max(offset);
        Span { offset: begin, size: span.end().saturating_sub(begin) }
    };
    merged(&spans.iter().map(cut).collect::<Vec<_>>())
}

/// Whether a range lies within the others.
pub fn covers(spans: &[Span], wanted: Span) -> bool {
    wanted.size <= 0
        || merged(spans)
            .iter()
            .any(|span| span.offset <= wanted.offset && wanted.end() <= span.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(offset: i64, size: i64) -> Span {
        Span { offset, size }
    }

    #[test]
    fn ranges_are_compared_by_their_bytes() {
        let spans = [span(8, 4), span(0, 4), span(4, 4), span(20, 5), span(22, 1), span(30, 0)];
        assert_eq!(merged(&spans), [span(0, 12), span(20, 5)]);
        assert!(covers(&spans, span(1, 11)) && covers(&spans, span(99, 0)));
        assert!(!covers(&spans, span(11, 2)));
        assert_eq!(from(&spans, 10), [span(10, 2), span(20, 5)]);
        assert_eq!(from(&spans, 25), []);
    }
}
