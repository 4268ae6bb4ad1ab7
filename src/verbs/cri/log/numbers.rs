//! `log.numbers`: which lines of `/guest count` arrived in the files of a rotated log.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read as _},
};

use super::{int, line::Line, open};
use crate::{
    run::halt::Halt,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verbs::{Done, Verb},
};

/// The most that is read of all files.
const LONGEST: u64 = 512 * 1024 * 1024;
/// The most that is kept of one line: ours are a few bytes long.
const LONGEST_LINE: u64 = 64 * 1024;
/// How many streams are told apart: there should be two.
const MOST_STREAMS: usize = 8;
/// How many places are told as examples.
const EXAMPLES: usize = 5;

/// Counts numbered lines.
pub const NUMBERS: Verb = Verb {
    signature: Signature {
        name: "log.numbers",
        title: "the numbered lines of `/guest count` in log files, and which are not as they should be",
        params: &[Param {
            name: "files",
            required: true,
            title: "absolute paths, the oldest first: lines that are cut in two are put together across them",
        }],
        reply: || Type::members([("stdout", numbers()), ("stderr", numbers())]),
        looks: true,
    },
    run: |_, params| -> Done<'_> {
        Box::pin(async move {
            let files = params.texts("files")?;
            tokio::task::spawn_blocking(move || read(&files))
                .await
                .map_err(|error| Halt::Error(format!("reading the logs failed: {error}")))?
        })
    },
};

fn numbers() -> Type {
    Type::members([
        ("first", Type::Int),
        ("last", Type::Int),
        ("count", Type::Int),
        ("missing", Type::Int),
        ("double", Type::Int),
        ("disordered", Type::Int),
        ("other", Type::Int),
        ("examples", Type::List(Box::new(Type::Text))),
    ])
}

fn read(files: &[String]) -> Result<Value, Halt> {
    let mut streams: BTreeMap<String, Numbers> = BTreeMap::new();
    let mut left = LONGEST;
    for path in files {
        let Some(file) = open(path)? else { continue };
        let told = |error| Halt::Error(format!("cannot read {path}: {error}"));
        let size = file.metadata().map_err(told)?.len();
        left = left
            .checked_sub(size)
            .ok_or_else(|| Halt::Error(format!("the logs have more than {LONGEST} bytes")))?;
        gather(&mut streams, BufReader::new(file.take(size))).map_err(told)?;
    }
    let mut told = |name: &str| streams.remove(name).unwrap_or_default().tell();
    Ok(value::map([("stdout", told("stdout")), ("stderr", told("stderr"))]))
}

fn gather(streams: &mut BTreeMap<String, Numbers>, mut file: impl BufRead) -> std::io::Result<()> {
    let mut raw = Vec::new();
    loop {
        raw.clear();
        let length = file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut raw)?;
        // What has no newline is just being written, or too long to be ours.
        let Some(whole) = raw.strip_suffix(b"\n") else {
            if length == 0 { return Ok(()) } else { continue }
        };
        let line = Line::parse(whole);
        if streams.contains_key(&line.stream) || streams.len() < MOST_STREAMS {
            streams.entry(line.stream.clone()).or_default().take(&line);
        }
    }
}

/// The numbers of one stream.
#[derive(Default)]
struct Numbers {
    /// The pieces of a line that is not at its end.
    begun: Vec<u8>,
    /// A bit for each number.
    seen: Vec<u64>,
    first: Option<usize>,
    previous: Option<usize>,
    count: usize,
    double: usize,
    disordered: usize,
    other: usize,
    examples: Vec<String>,
}

impl Numbers {
    fn take(&mut self, line: &Line) {
        if self.begun.len() < usize::try_from(LONGEST_LINE).unwrap_or(usize::MAX) {
            self.begun.extend_from_slice(&line.content);
        }
        if line.is_partial() {
            return;
        }
        let whole = std::mem::take(&mut self.begun);
        match number_of(&whole) {
            Some(number) => self.add(number),
            None => {
                self.other += 1;
                let start = &whole[..whole.len().min(40)];
                self.example(format!("the line {:?}", String::from_utf8_lossy(start)));
            }
        }
    }

    fn add(&mut self, number: usize) {
        let (word, bit) = (number / 64, 1 << (number % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        self.count += 1;
        if self.seen[word] & bit != 0 {
            self.double += 1;
            self.example(format!("{number} again"));
        } else if self.previous.is_some_and(|previous| number < previous) {
            self.disordered += 1;
            self.example(format!("{number} after {}", self.previous.unwrap_or_default()));
        } else if self.previous.is_some_and(|previous| number > previous + 1) {
            self.example(format!("{number} after {}", self.previous.unwrap_or_default()));
        }
        self.seen[word] |= bit;
        self.first.get_or_insert(number);
        self.previous = Some(number);
    }

    fn example(&mut self, text: String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(text);
        }
    }

    /// `last` is the highest number; `missing` counts those below it that did not come, from 1 on.
    fn tell(self) -> Value {
        let distinct = self.seen.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let last = self
            .seen
            .iter()
            .rposition(|word| *word != 0)
            .map_or(0, |word| 64 * word + 63 - self.seen[word].leading_zeros() as usize);
        value::map([
            ("first", int(self.first.unwrap_or(0))),
            ("last", int(last)),
            ("count", int(self.count)),
            ("missing", int(last - distinct.min(last))),
            ("double", int(self.double)),
            ("disordered", int(self.disordered)),
            ("other", int(self.other)),
            ("examples", Value::from(self.examples)),
        ])
    }
}

/// `line` and seven digits, from 1 on; nothing else is a line of ours, so that half of one is not taken for another.
fn number_of(line: &[u8]) -> Option<usize> {
    let digits = line.strip_prefix(b"line ")?;
    let plain = digits.len() == 7 && digits.iter().all(u8::is_ascii_digit);
    let number: usize = std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()?;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(files: &[&str]) -> serde_json::Value {
        let mut streams = BTreeMap::new();
        for file in files {
            gather(&mut streams, file.as_bytes()).unwrap();
        }
        value::to_json(&streams.remove("stdout").unwrap_or_default().tell())
    }

    fn log(numbers: &[usize]) -> String {
        numbers.iter().map(|number| piece('F', &format!("line {number:07}"))).collect()
    }

    fn piece(tag: char, content: &str) -> String {
        format!("2026-01-02T03:04:05Z stdout {tag} {content}\n")
    }

    #[test]
    fn lines_that_all_came_in_order_are_told_so() {
        let told = told(&[&log(&[1, 2, 3]), &log(&[4, 5])]);
        for (name, wanted) in [
            ("first", 1),
            ("last", 5),
            ("count", 5),
            ("missing", 0),
            ("double", 0),
            ("disordered", 0),
            ("other", 0),
        ] {
            assert_eq!(told[name], wanted, "{name}");
        }
        assert_eq!(told["examples"], serde_json::json!([]));
    }

    #[test]
    fn a_line_that_is_cut_by_a_rotation_is_whole() {
        let (first, second) = (piece('P', "line 00"), piece('F', "00002"));
        let told = told(&[&(log(&[1]) + &first), &(second + &log(&[3]))]);
        assert_eq!(
            (&told["count"], &told["missing"], &told["other"]),
            (&3.into(), &0.into(), &0.into())
        );
    }

    #[test]
    fn missing_double_and_disordered_lines_are_counted() {
        let told = told(&[&log(&[2, 3, 3, 8, 7]), &piece('F', "line 9")]);
        assert_eq!(
            (&told["first"], &told["last"], &told["count"]),
            (&2.into(), &8.into(), &5.into())
        );
        // 1, 4, 5, 6
        assert_eq!(told["missing"], 4);
        assert_eq!(
            (&told["double"], &told["disordered"], &told["other"]),
            (&1.into(), &1.into(), &1.into())
        );
        let examples = ["3 again", "8 after 3", "7 after 8", "the line \"line 9\""];
        assert_eq!(told["examples"], serde_json::json!(examples));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(told(&[])["missing"], 0);
        assert_eq!(
            told(&["2026-01-02T03:04:05Z stdout F line 0000001"])["count"],
            0,
            "no newline yet"
        );
        assert_eq!(number_of(b"line 0000000"), None);
        assert_eq!(number_of(b"line 00000012"), None);
        assert_eq!(number_of(b"line +000001"), None);
    }

    proptest! {
        #[test]
        fn no_log_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut streams = BTreeMap::new();
            gather(&mut streams, &bytes[..]).unwrap();
            for numbers in streams.into_values() {
                numbers.tell();
            }
        }
    }
}
