//! A shim: a program that stands in the place of a plugin, executes the good one, and bends what goes
//! in, what comes out, and what is done, by a rule that lies beside it.
//!
//! It is the test program itself under the plugin's name: `cni_defects` makes a folder for each
//! difference with such a link.

mod act;
mod call;
pub mod edit;
mod history;
mod newest;
pub mod rule;
mod stand_in;

use std::{
    fs,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio, exit},
    time::Duration,
};

use nix::sched::{CloneFlags, unshare};
use serde_json::Value as Json;
use stdcheck::suite::expr::{Expr, Judgement, Scope};

use call::{Call, Outcome};
use edit::{edit, reversed, text};
use rule::{Bend, End, Rule};

/// The rule's file, in the folder of the shim.
pub const RULE: &str = "rule.json";

/// The rule beside this program, where it is a shim.
pub fn found() -> Option<Rule> {
    let own = PathBuf::from(std::env::args_os().next()?);
    let beside = own.parent()?.join(RULE);
    serde_json::from_slice(&fs::read(beside).ok()?).ok()
}

/// Plays the plugin.
pub fn main(rule: &Rule) -> ! {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if !args.is_empty() {
        // A daemon, or `--version`.
        let error = Command::new(rule.good.join(&rule.difference.plugin)).args(args).exec();
        complain(rule, &error.to_string());
        exit(70)
    }
    let call = Call::own(rule.difference.one_read);
    match play(&call, rule) {
        Ok(outcome) => {
            let _ = std::io::stdout().write_all(&outcome.stdout);
            let _ = std::io::stderr().write_all(&outcome.stderr);
            exit(outcome.exit)
        }
        Err(why) => {
            complain(rule, &why);
            eprintln!("{why}");
            exit(70)
        }
    }
}

/// Tells what is wrong with the rule itself.
fn complain(rule: &Rule, why: &str) {
    let opened = fs::OpenOptions::new().append(true).create(true).open(&rule.complaints);
    if let Ok(mut file) = opened {
        let _ = writeln!(file, "{}", why.replace('\n', " "));
    }
}

fn play(call: &Call, rule: &Rule) -> Result<Outcome, String> {
    let earlier = history::read();
    history::add(&call.entry());
    let mut scope = call.scope(&earlier);
    scope.insert("good".to_owned(), rule.good.display().to_string().as_str().into());
    let command = call.var("CNI_COMMAND");
    let mut bends = Vec::new();
    for bend in &rule.difference.bends {
        let meant = bend.on.is_empty() || bend.on.iter().any(|on| on == command);
        if meant && holds(bend.when.as_deref(), &scope)? {
            bends.push(bend);
        }
    }
    let mut bent = call.clone();
    for bend in &bends {
        before(bend, &mut bent, rule, &scope)?;
    }
    let skip = bends.iter().any(|bend| bend.skip);
    let mut outcome =
        if skip { Outcome::default() } else { good(&rule.difference.plugin, &bent, rule)? };
    outcome.add_to(&mut scope);
    for bend in bends {
        if holds(bend.then.as_deref(), &scope)? {
            after(bend, call, &mut outcome, rule, &scope)?;
        }
    }
    outcome.note(call);
    Ok(outcome)
}

/// What is done before the good one is executed.
fn before(bend: &Bend, call: &mut Call, rule: &Rule, scope: &Scope) -> Result<(), String> {
    std::thread::sleep(Duration::from_millis(bend.delay_ms));
    for act in &bend.before {
        act::act(act, call, rule, scope)?;
    }
    for (name, given) in &bend.env {
        call.env.insert(name.clone(), text(given, scope)?);
    }
    for name in &bend.unset {
        call.env.remove(name);
    }
    if let Some(first) = bend.stdin_first {
        call.stdin.truncate(first);
    }
    if bend.elsewhere {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string())?;
    }
    let mut config = call.config();
    if !bend.config.is_empty() && !config.is_null() {
        edit(&mut config, &bend.config, scope)?;
        call.set_config(&config);
    }
    Ok(())
}

/// What is done when it has ended.
fn after(
    bend: &Bend,
    call: &Call,
    outcome: &mut Outcome,
    rule: &Rule,
    scope: &Scope,
) -> Result<(), String> {
    for act in &bend.after {
        act::act(act, call, rule, scope)?;
    }
    let mut reply = outcome.reply();
    if !bend.reply.is_empty() && !reply.is_null() {
        edit(&mut reply, &bend.reply, scope)?;
        outcome.stdout = reply.to_string().into_bytes();
    }
    if let Some(error) = &bend.error {
        outcome.stdout = error_object(error, call, scope)?.into_bytes();
        outcome.exit = if outcome.exit == 0 { 1 } else { outcome.exit };
    }
    if let Some(stdout) = &bend.stdout {
        outcome.stdout = text(stdout, scope)?.into_bytes();
    }
    if bend.reversed && !outcome.reply().is_null() {
        outcome.stdout = reversed(&outcome.reply()).into_bytes();
    }
    outcome.stdout.splice(0..0, text(&bend.prepend, scope)?.into_bytes());
    outcome.stdout.extend(text(&bend.append, scope)?.into_bytes());
    if bend.stderr_lost {
        outcome.stderr.clear();
    }
    outcome.stderr.extend(text(&bend.stderr, scope)?.into_bytes());
    if let Some(exit) = bend.exit {
        outcome.exit = exit;
    }
    if bend.hold_open {
        let mut sleep = Command::new("sleep");
        sleep.arg("600").stdin(Stdio::null()).stderr(Stdio::null());
        // Not to be killed with its parent's group.
        sleep.process_group(0).spawn().map_err(|error| error.to_string())?;
    }
    match bend.end {
        None => Ok(()),
        Some(End::Hang) => loop {
            std::thread::sleep(Duration::from_secs(600));
        },
        Some(End::Abort) => std::process::abort(),
        Some(End::Kill) => {
            let _ = nix::sys::signal::raise(nix::sys::signal::SIGKILL);
            exit(70)
        }
    }
}

/// An error as the specification wants it, but for what the rule says of it.
fn error_object(error: &Json, call: &Call, scope: &Scope) -> Result<String, String> {
    let mut error = edit::evaluate(error, scope)?;
    if let (Some(members), Some(version)) =
        (error.as_object_mut(), call.config().get("cniVersion").cloned())
    {
        members.entry("cniVersion").or_insert(version);
    }
    Ok(error.to_string())
}

fn holds(condition: Option<&str>, scope: &Scope) -> Result<bool, String> {
    let Some(condition) = condition else { return Ok(true) };
    let told = |why: String| format!("`{condition}`: {why}");
    match Expr::compile(condition).map_err(told)?.judge(scope) {
        Judgement::Holds => Ok(true),
        Judgement::Broken(_) | Judgement::Undecided(_) => Ok(false),
        Judgement::Mistake(why) => Err(told(why)),
    }
}

/// Executes a good plugin, as the difference's version wants it.
fn good(plugin: &str, call: &Call, rule: &Rule) -> Result<Outcome, String> {
    if rule.difference.spec.contains("1.1.0") {
        newest::execute(plugin, call, rule)
    } else {
        theirs(plugin, call, rule)
    }
}

/// Executes a good plugin as it is.
fn theirs(plugin: &str, call: &Call, rule: &Rule) -> Result<Outcome, String> {
    let program: &Path = &rule.good.join(plugin);
    call.execute(program).map_err(|error| format!("{}: {error}", program.display()))
}
