//! Reads suite files, from the binary or from a folder, into a [`Suite`]. Pure but for the reading.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use include_dir::{Dir, include_dir};
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile},
    format::{
        CapabilityDef, CheckDef, InvariantDef, RequirementDef, SituationDef, StepDef, SuiteFile,
        UndoDef,
    },
    tree::Tree,
    version::{RuntimesFile, Version},
};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/suites");

/// Something that was defined in a suite file, with the file.
#[derive(Debug)]
pub struct Sourced<T> {
    /// Where it stands; spans inside `def` are byte ranges of it.
    pub file: Arc<SourceFile>,
    /// What was read.
    pub def: Arc<T>,
}

// By hand: the definitions themselves need not be clonable.
impl<T> Clone for Sourced<T> {
    fn clone(&self) -> Self {
        Sourced { file: self.file.clone(), def: self.def.clone() }
    }
}

/// An rpc as the file names it, and its well-formed request.
pub type BaseRequest = (Spanned<String>, Spanned<Tree>);

/// All files of one standard, read and put together, not yet linted.
#[derive(Debug)]
pub struct Suite {
    /// The standard's short name: `cri`.
    pub standard: String,
    /// For headings.
    pub title: String,
    /// Oldest and newest version of the specification that it judges by.
    pub versions: (Version, Version),
    /// The protobuf package of the rpcs.
    pub package: String,
    /// Where targets usually listen.
    pub endpoints: Vec<String>,
    /// Rpcs that change nothing.
    pub read_only: Vec<Spanned<String>>,
    /// Titles of sections by the start of their codes.
    pub sections: BTreeMap<String, String>,
    /// `suite.toml` itself, for mistakes that concern the whole.
    pub file: Arc<SourceFile>,
    /// Removed codes and slugs.
    pub retired: Vec<Spanned<String>>,
    /// In the order of the file: later ones may be found more dearly.
    pub capabilities: Vec<Sourced<CapabilityDef>>,
    /// Base requests by rpc.
    pub requests: BTreeMap<String, Sourced<BaseRequest>>,
    /// Undo by rpc.
    pub undo: BTreeMap<String, Sourced<(Spanned<String>, UndoDef)>>,
    /// Situations by definition order.
    pub situations: Vec<Sourced<SituationDef>>,
    /// Requirements in the order of files and lines.
    pub requirements: Vec<Sourced<RequirementDef>>,
    /// Checks in the order of files and lines, cases not yet expanded.
    pub checks: Vec<Sourced<CheckDef>>,
    /// What takes away everything that a run made, by its id (or by our names, without one).
    pub sweep: Vec<Sourced<StepDef>>,
    /// Invariants.
    pub invariants: Vec<Sourced<InvariantDef>>,
    /// Which implementation knows which version.
    pub runtimes: Option<RuntimesFile>,
}

/// Why a suite could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No built-in suite of that name.
    #[error("there is no built-in suite `{0}`; built-in: {1}")]
    Unknown(String, String),
    /// The folder of `--suite` cannot be read.
    #[error("cannot read the suite folder {path}: {error}")]
    Folder {
        /// The folder or file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Mistakes in the files.
    #[error("{0}")]
    Mistakes(Diagnostics),
}

/// The names of the suites in the binary.
pub fn built_in_names() -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN
        .dirs()
        .filter(|dir| dir.get_file(dir.path().join("suite.toml")).is_some())
        .filter_map(|dir| dir.path().file_name()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The suite of that standard that is built into the binary.
///
/// # Errors
/// If there is none, or it has a mistake (which our own tests rule out).
pub fn built_in(standard: &str) -> Result<Suite, LoadError> {
    let dir = BUILT_IN
        .get_dir(standard)
        .ok_or_else(|| LoadError::Unknown(standard.to_owned(), built_in_names().join(", ")))?;
    let files = dir
        .files()
        .filter(|file| file.path().extension().is_some_and(|ext| ext == "toml"))
        .map(|file| {
            Arc::new(SourceFile {
                path: format!("suites/{}", file.path().display()),
                text: String::from_utf8_lossy(file.contents()).into_owned(),
            })
        })
        .collect();
    assemble(files)
}

/// The suite in a folder of the user's.
///
/// # Errors
/// If the folder cannot be read or its files have mistakes.
pub fn from_folder(folder: &Path) -> Result<Suite, LoadError> {
    let unreadable =
        |path: &Path, error| LoadError::Folder { path: path.display().to_string(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|ext| ext == "toml") {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.push(Arc::new(SourceFile { path: path.display().to_string(), text }));
        }
    }
    if !files.iter().any(|file| is_named(file, "suite.toml")) {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "it has no suite.toml");
        return Err(unreadable(folder, missing));
    }
    assemble(files)
}

fn is_named(file: &SourceFile, name: &str) -> bool {
    Path::new(&file.path).file_name().is_some_and(|file_name| file_name == name)
}

/// One file's text into its shape; the mistake with its place otherwise.
fn parse<T: DeserializeOwned>(file: &Arc<SourceFile>) -> Result<T, Diagnostic> {
    toml::from_str(&file.text).map_err(|error| {
        Diagnostic::new(file, error.span().unwrap_or(0..0), error.message().to_owned())
    })
}

/// What is in a file.
enum Parsed {
    Runtimes(RuntimesFile),
    Suite(Box<SuiteFile>),
}

/// All files, two at a time: a run cannot begin before.
fn parse_all(files: &[Arc<SourceFile>]) -> Vec<Result<Parsed, Diagnostic>> {
    let one = |file: &Arc<SourceFile>| match is_named(file, "runtimes.toml") {
        true => parse(file).map(Parsed::Runtimes),
        false => parse(file).map(|parsed| Parsed::Suite(Box::new(parsed))),
    };
    let (even, odd): (Vec<_>, Vec<_>) = files.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    let each = |files: Vec<(usize, &Arc<SourceFile>)>| -> Vec<_> {
        files.into_iter().map(|(at, file)| (at, one(file))).collect()
    };
    let mut parsed = std::thread::scope(|scope| {
        let others = scope.spawn(|| each(odd));
        let mut parsed = each(even);
        parsed.extend(others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        parsed
    });
    parsed.sort_by_key(|(at, _)| *at);
    parsed.into_iter().map(|(_, parsed)| parsed).collect()
}

/// Puts files together; pure.
pub(super) fn assemble(mut files: Vec<Arc<SourceFile>>) -> Result<Suite, LoadError> {
    // suite.toml first, then by name: the order of everything that follows is that of the files.
    files.sort_by_key(|file| (!is_named(file, "suite.toml"), file.path.clone()));
    let mut mistakes = Vec::new();
    let mut suite = Suite {
        standard: String::new(),
        title: String::new(),
        versions: (Version::default(), Version::default()),
        package: String::new(),
        endpoints: Vec::new(),
        read_only: Vec::new(),
        sections: BTreeMap::new(),
        file: files.first().cloned().unwrap_or_else(|| {
            Arc::new(SourceFile { path: "suite.toml".into(), text: String::new() })
        }),
        retired: Vec::new(),
        capabilities: Vec::new(),
        requests: BTreeMap::new(),
        undo: BTreeMap::new(),
        situations: Vec::new(),
        requirements: Vec::new(),
        checks: Vec::new(),
        sweep: Vec::new(),
        invariants: Vec::new(),
        runtimes: None,
    };
    for (file, parsed) in files.iter().zip(parse_all(&files)) {
        match parsed {
            Ok(Parsed::Runtimes(runtimes)) => suite.runtimes = Some(runtimes),
            Ok(Parsed::Suite(parsed)) => suite.add(file, *parsed, &mut mistakes),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if suite.standard.is_empty() && mistakes.is_empty() {
        mistakes.push(
            Diagnostic::new(&suite.file, 0..0, "suite.toml says no `standard`")
                .help("begin it with: standard = \"cri\""),
        );
    }
    if mistakes.is_empty() {
        Ok(suite)
    } else {
        mistakes.sort_by_key(Diagnostic::order);
        Err(LoadError::Mistakes(Diagnostics(mistakes)))
    }
}

impl Suite {
    fn add(&mut self, file: &Arc<SourceFile>, parsed: SuiteFile, mistakes: &mut Vec<Diagnostic>) {
        fn sourced<T>(file: &Arc<SourceFile>, defs: Vec<T>) -> impl Iterator<Item = Sourced<T>> {
            defs.into_iter().map(|def| Sourced { file: file.clone(), def: Arc::new(def) })
        }
        if is_named(file, "suite.toml") {
            self.title = parsed.title.unwrap_or_default();
            self.standard = parsed.standard.map(Spanned::into_inner).unwrap_or_default();
            self.package = parsed.package.map(Spanned::into_inner).unwrap_or_default();
            self.endpoints = parsed.endpoints;
            self.read_only = parsed.read_only;
            self.sections = parsed.sections;
            self.retired = parsed.retired;
            match parsed.versions.as_ref().map(|v| (v.span(), v.as_ref().as_slice())) {
                Some((span, [oldest, newest])) => match (oldest.parse(), newest.parse()) {
                    (Ok(oldest), Ok(newest)) => self.versions = (oldest, newest),
                    _ => mistakes.push(Diagnostic::new(file, span, "a version is `1.25`")),
                },
                Some((span, _)) => mistakes.push(Diagnostic::new(
                    file,
                    span,
                    "`versions` is the oldest and the newest version",
                )),
                None => mistakes.push(Diagnostic::new(file, 0..0, "suite.toml says no `versions`")),
            }
        } else {
            let misplaced = [
                ("standard", parsed.standard.as_ref().map(Spanned::span)),
                ("versions", parsed.versions.as_ref().map(Spanned::span)),
                ("package", parsed.package.as_ref().map(Spanned::span)),
                ("title", parsed.title.as_ref().map(|_| 0..0)),
                ("read_only", parsed.read_only.first().map(Spanned::span)),
                ("retired", parsed.retired.first().map(Spanned::span)),
                ("endpoints", (!parsed.endpoints.is_empty()).then_some(0..0)),
                ("sections", (!parsed.sections.is_empty()).then_some(0..0)),
            ];
            for (key, place) in misplaced {
                if let Some(place) = place {
                    let message = format!("`{key}` belongs into suite.toml");
                    mistakes.push(Diagnostic::new(file, place, message));
                }
            }
        }
        self.capabilities.extend(sourced(file, parsed.capability));
        self.sweep.extend(sourced(file, parsed.sweep));
        self.situations.extend(sourced(file, parsed.situation));
        self.requirements.extend(sourced(file, parsed.requirement));
        self.checks.extend(sourced(file, parsed.check));
        self.invariants.extend(sourced(file, parsed.invariant));
        for (rpc, request) in parsed.request {
            let name = rpc.as_ref().clone();
            let place = rpc.span();
            let entry = Sourced { file: file.clone(), def: Arc::new((rpc, request)) };
            if self.requests.insert(name, entry).is_some() {
                mistakes.push(Diagnostic::new(file, place, "a second base request for this rpc"));
            }
        }
        for (rpc, undo) in parsed.undo {
            let name = rpc.as_ref().clone();
            let place = rpc.span();
            let entry = Sourced { file: file.clone(), def: Arc::new((rpc, undo)) };
            if self.undo.insert(name, entry).is_some() {
                mistakes.push(Diagnostic::new(file, place, "a second undo for this rpc"));
            }
        }
    }

    /// Whether its targets are programs that are executed, and no services behind an endpoint.
    pub fn executes(&self) -> bool {
        self.package.is_empty()
    }

    /// The situation of that name.
    pub fn situation(&self, name: &str) -> Option<&Sourced<SituationDef>> {
        self.situations.iter().find(|situation| situation.def.name.as_ref() == name)
    }

    /// The capability of that name.
    pub fn capability(&self, name: &str) -> Option<&Sourced<CapabilityDef>> {
        self.capabilities.iter().find(|capability| capability.def.name.as_ref() == name)
    }

    /// The requirement with that code.
    pub fn requirement(&self, code: &str) -> Option<&Sourced<RequirementDef>> {
        self.requirements.iter().find(|requirement| requirement.def.code.as_ref() == code)
    }

    /// A situation and all that it stands on, in the order in which they are built, each once.
    /// Unknown names are left out (lint tells them).
    pub fn chain(&self, name: &str) -> Vec<&Sourced<SituationDef>> {
        let mut chain = Vec::new();
        self.extend_chain(name, &mut chain, 0);
        chain
    }

    fn extend_chain<'a>(
        &'a self,
        name: &str,
        chain: &mut Vec<&'a Sourced<SituationDef>>,
        depth: u8,
    ) {
        // A circle is lint's to tell; here it must only end.
        if depth > 16 || chain.iter().any(|known| known.def.name.as_ref() == name) {
            return;
        }
        if let Some(situation) = self.situation(name) {
            for below in &situation.def.on {
                self.extend_chain(below.as_ref(), chain, depth + 1);
            }
            chain.push(situation);
        }
    }

    /// The section of a code: `CRI-SB-012` → `CRI-SB`.
    pub fn section_of(code: &str) -> &str {
        code.rsplit_once('-').map_or(code, |(section, _)| section)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {} to {})", self.title, self.standard, self.versions.0, self.versions.1)
    }
}
