//! What a bent plugin does beside its work: to links, files and rules, and to other plugins.

use std::{fs, path::Path, process::Command};

use stdcheck::{
    stage::{agent, wire::LinkOp},
    suite::expr::Scope,
};

use super::{
    call::Call,
    edit::{edit, evaluate, text},
    rule::{Act, Execute, Rule},
};

/// Does it.
///
/// # Errors
/// What could not be done.
pub fn act(act: &Act, call: &Call, rule: &Rule, scope: &Scope) -> Result<(), String> {
    let work = || perform(act, call, rule, scope);
    let done = if act.inside { call.inside(work).flatten() } else { work() };
    if act.may_fail { Ok(()) } else { done }
}

fn perform(act: &Act, call: &Call, rule: &Rule, scope: &Scope) -> Result<(), String> {
    if let Some(more) = &act.execute {
        execute(more, call, rule, scope)?;
    }
    if let Some(link) = &act.link {
        let op: LinkOp =
            serde_json::from_value(evaluate(link, scope)?).map_err(|error| error.to_string())?;
        agent::change_here(op)?;
    }
    if let Some(path) = &act.write {
        let path = text(path, scope)?;
        let told = |error: std::io::Error| format!("{path}: {error}");
        if let Some(folder) = Path::new(&path).parent() {
            fs::create_dir_all(folder).map_err(told)?;
        }
        fs::write(&path, text(&act.text, scope)?).map_err(told)?;
    }
    if let Some(path) = &act.remove {
        let path = text(path, scope)?;
        let removed = if Path::new(&path).is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(|error| format!("{path}: {error}"))?;
    }
    if let Some((program, args)) = act.run.split_first() {
        let args: Result<Vec<String>, String> = args.iter().map(|arg| text(arg, scope)).collect();
        let output = Command::new(program)
            .args(args?)
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(())
}

fn execute(more: &Execute, call: &Call, rule: &Rule, scope: &Scope) -> Result<(), String> {
    let mut call = call.clone();
    for (name, given) in &more.env {
        call.env.insert(name.clone(), text(given, scope)?);
    }
    for name in &more.unset {
        call.env.remove(name);
    }
    let mut config = call.config();
    edit(&mut config, &more.config, scope)?;
    call.set_config(&config);
    let plugin = match &more.plugin {
        Some(plugin) => found(&text(plugin, scope)?, &call, rule),
        None => rule.difference.plugin.clone(),
    };
    let outcome = super::good(&plugin, &call, rule)?;
    if outcome.exit != 0 {
        return Err(format!("{plugin}: {}", String::from_utf8_lossy(&outcome.stdout)));
    }
    Ok(())
}

/// A good plugin's name, or the path of another in a folder of CNI_PATH.
fn found(name: &str, call: &Call, rule: &Rule) -> String {
    if rule.good.join(name).exists() {
        return name.to_owned();
    }
    let mut folders = call.var("CNI_PATH").split(':').map(|folder| Path::new(folder).join(name));
    folders.find(|path| path.exists()).map_or(name.to_owned(), |path| path.display().to_string())
}
