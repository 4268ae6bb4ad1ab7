//! Mistakes in suite files, told with file, line, column and the offending line.

use std::{ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

/// One suite file as it was read, shared by everything that was defined in it.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as the user would write it: `suites/cri/version.toml`.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A mistake and where it stands.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    file: Arc<SourceFile>,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

/// The same, as `lint --format json` prints it.
#[derive(Debug, Serialize)]
pub struct DiagnosticJson<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: Option<&'a str>,
}

impl Diagnostic {
    /// A mistake at the byte range `span` of `file`.
    pub fn new(file: &Arc<SourceFile>, span: Range<usize>, message: impl Into<String>) -> Self {
        let end = file.text.len();
        let span = span.start.min(end)..span.end.min(end);
        Self { file: file.clone(), span, message: message.into(), help: None }
    }

    /// Adds one line that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// 1-based line and column (in characters) of the start.
    pub fn position(&self) -> (usize, usize) {
        let before = &self.file.text[..self.span.start];
        let line = before.matches('\n').count() + 1;
        let start_of_line = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start_of_line..].chars().count() + 1)
    }

    /// Sort key: file, then place.
    pub fn order(&self) -> (String, usize) {
        (self.file.path.clone(), self.span.start)
    }

    /// The form for machines.
    pub fn json(&self) -> DiagnosticJson<'_> {
        let (line, column) = self.position();
        DiagnosticJson {
            file: &self.file.path,
            line,
            column,
            message: &self.message,
            help: self.help.as_deref(),
        }
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let snippet = Snippet::source(&self.file.text)
            .path(&self.file.path)
            .annotation(AnnotationKind::Primary.span(self.span.clone()));
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

impl std::error::Error for Diagnostic {}

/// Several mistakes at once: a reader fixes them all before he runs us again.
#[derive(Debug)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for diagnostic in &self.0 {
            writeln!(f, "{diagnostic}\n")?;
        }
        let n = self.0.len();
        write!(f, "{n} mistake{} in suite files", if n == 1 { "" } else { "s" })
    }
}

impl std::error::Error for Diagnostics {}
