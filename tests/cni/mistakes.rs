//! What a user can do wrong: one message, and the right exit code.

use crate::{
    harness::Bench,
    plugins::{answering, config, script},
};

#[test]
fn a_plugin_that_is_none() {
    let bench = Bench::new();
    let config = config(&bench).display().to_string();
    let text = bench.write("text", "no program").display().to_string();
    let garbage = script(&bench, "garbage", "echo oops").display().to_string();
    let old =
        script(&bench, "old", r#"echo '{"cniVersion":"9.0.0","supportedVersions":["9.0.0"]}'"#);
    let old = old.display().to_string();
    for (plugin, message) in [
        ("/no/such/plugin", "/no/such/plugin is no program that can be executed"),
        ("no-such-plugin", "there is no plugin no-such-plugin in /opt/cni/bin"),
        (text.as_str(), "is no program that can be executed"),
        (garbage.as_str(), "is it a CNI plugin? It said: oops"),
        (old.as_str(), "claims none of the released versions"),
    ] {
        let told = bench.stdcheck(["cni", plugin, "--config", &config]);
        assert_eq!(told.code, 3, "{plugin}: {told:?}");
        assert!(told.message().contains(message), "{plugin}: {}", told.stderr);
    }
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn flags_and_files_that_make_no_sense() {
    let bench = Bench::new();
    let plugin = answering(&bench, "mine", "exit 1").display().to_string();
    let file = |name: &str, text: &str| bench.write(name, text).display().to_string();
    let cut = file("cut.conf", "{\"cniVersion\": ");
    let list = file("list.conf", "[]");
    let other = file("other.conflist", r#"{"plugins":[{"type":"other"}]}"#);
    let profile = file("x.toml", "plugin = 'mine'\ncolour = 'red'\n");
    let sound = config(&bench).display().to_string();
    for (arguments, message) in [
        (&["cni"][..], "required arguments were not provided"),
        (&["cni", &plugin], "there is no built-in profile for `mine`"),
        (&["cni", &plugin, "--config", "/no/such"], "--config /no/such: No such file"),
        (&["cni", &plugin, "--config", &cut], "it is no JSON: EOF while parsing"),
        (&["cni", &plugin, "--config", &list], "a configuration is an object"),
        (&["cni", &plugin, "--config", &other], "no plugin of type `mine`; it has: other"),
        (&["cni", &plugin, "--profile", &profile], "unknown field `colour`"),
        (&["cni", &plugin, "--profile", &profile, "--config", &sound], "cannot be used with"),
        (&["cni", &plugin, "--kind", "chained"], "required arguments were not provided"),
        (&["cni", &plugin, "--config", &sound, "--kind", "odd"], "`odd` is none of: interface"),
        (&["cni", &plugin, "--config", &sound, "--spec", "new"], "`new` is no version"),
        (&["cni", &plugin, "--all"], "cannot be used with"),
        (
            &["cni", &plugin, "--config", &sound, "--kind", "ipam", "--spec", "1.1.0"],
            "mine claims 0.4.0, 1.0.0, --spec leaves none of them",
        ),
        // Neither alone nor behind another plugin: the kind cannot be found out.
        (&["cni", &plugin, "--config", &sound], "say what the plugin is with --kind"),
    ] {
        let told = bench.stdcheck(arguments);
        assert_eq!(told.code, 2, "{arguments:?}: {told:?}");
        assert!(told.stderr.contains(message), "{arguments:?}: {}", told.stderr);
    }
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_selection_or_a_folder_of_nothing() {
    let bench = Bench::new();
    let plugin = answering(&bench, "mine", "exit 1").display().to_string();
    let config = config(&bench).display().to_string();
    let none = ["cni", &plugin, "--config", &config, "--kind", "ipam", "--select", "no-such"];
    assert_eq!(bench.stdcheck(none).code, 4);
    let folder = bench.path().display().to_string();
    let told = bench.stdcheck(["cni", "--all", &folder]);
    assert_eq!(told.code, 4, "{told:?}");
    assert!(told.message().contains("that has a built-in profile"), "{}", told.stderr);
    let told = bench.stdcheck(["cni", "--all", "/no/such"]);
    assert_eq!(told.code, 3, "{told:?}");
}
