use std::{os::unix::fs::symlink, path::Path, process::Command};

use super::*;

fn is_root() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        eprintln!("NOT TESTED: it takes root");
    }
    root
}

/// Both ways to the same files: as they are, and through commands that do and do not quote again.
async fn ways() -> Vec<NodeFiles> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        NodeFiles::root("/".into()),
        NodeFiles::command(words(&["env"])).await.unwrap(),
        // As ssh does.
        NodeFiles::command(words(&["sh", "-c", "eval \"$*\"", "ssh"])).await.unwrap(),
    ]
}

fn place(path: &Path, offset: u64, size: u64) -> Place {
    Place { path: path.display().to_string(), file: "data".to_owned(), offset, size }
}

fn ours() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("stdcheck-it's a test").tempdir().unwrap()
}

#[tokio::test]
async fn a_command_that_is_no_shell_is_told() {
    let told = NodeFiles::command(vec!["false".to_owned()]).await.unwrap_err();
    assert!(told.contains("`false`"), "{told}");
    assert!(NodeFiles::command(vec!["/no/such".to_owned()]).await.is_err());
}

#[tokio::test]
async fn what_was_written_is_read_back() {
    for files in ways().await {
        let folder = ours();
        let (one, other) = (Pattern::of("one"), Pattern::of("other"));
        let at = place(folder.path(), 0, 200_000);
        let written = files.write(&at, one).await.unwrap();
        assert_eq!(written, Written { error: String::new(), bytes: 200_000 });
        assert!(files.compare(&at, one).await.unwrap().same);
        assert!(!files.compare(&at, other).await.unwrap().same);
        assert!(!files.compare(&place(folder.path(), 0, 200_001), one).await.unwrap().same);
        let later = place(folder.path(), 12_288, 4096);
        files.write(&later, other).await.unwrap();
        assert!(files.compare(&later, other).await.unwrap().same);
        assert!(files.compare(&place(folder.path(), 16_384, 100_000), one).await.unwrap().same);
        assert!(!files.compare(&at, one).await.unwrap().same);
        let few = Place { file: "few".to_owned(), ..place(folder.path(), 8, 5) };
        assert_eq!(files.get(&few).await.unwrap(), None);
        assert_eq!(files.put(&few, b"bytes").await.unwrap().bytes, 5);
        assert_eq!(files.get(&few).await.unwrap().as_deref(), Some(&b"bytes"[..]));
        assert_eq!(files.get(&Place { size: 6, ..few }).await.unwrap(), None);
        let few = folder.path().join("few").display().to_string();
        files.discard(&few).await.unwrap();
        files.discard(&few).await.unwrap();
        assert_eq!(files.content(&few).await.unwrap(), None);
        let nowhere = folder.path().join("no/such");
        let nothing = files.compare(&place(&nowhere, 0, 1), one).await.unwrap();
        assert_eq!(nothing, Compared { error: "ENOENT".to_owned(), same: false });
        assert_eq!(files.write(&place(&nowhere, 0, 1), one).await.unwrap().error, "ENOENT");
    }
}

#[tokio::test]
async fn folders_and_files_are_made_seen_and_removed() {
    for files in ways().await {
        let folder = ours();
        let deep = folder.path().join("a/b  c/d'e").display().to_string();
        let made = files.make_folder(&deep).await.unwrap();
        assert_eq!(made.len(), 3, "{made:?}");
        assert!(made[0].ends_with("/a") && made[2] == deep);
        assert!(files.make_folder(&deep).await.unwrap().is_empty());
        let file = format!("{deep}/file");
        files.touch(&file, "content\n").await.unwrap();
        assert_eq!(files.content(&file).await.unwrap().as_deref(), Some("content\n"));
        assert_eq!(files.content(&format!("{file}x")).await.unwrap(), None);
        symlink("/", format!("{deep}/link")).unwrap();
        let look = files.look(&deep).await.unwrap();
        assert_eq!(look.kind, Kind::Directory);
        assert_eq!(look.entries, ["file", "link"]);
        assert!(!look.mounted && look.total_bytes > 0 && !look.fs_type.is_empty());
        assert_eq!(look.mode, 0o755);
        assert_eq!(files.look(&file).await.unwrap().kind, Kind::File);
        assert_eq!(files.look(&format!("{deep}/link")).await.unwrap().kind, Kind::Symlink);
        assert_eq!(files.look(&format!("{file}/x")).await.unwrap(), Look::default());
        assert_eq!(files.look("relative").await.unwrap(), Look::default());
        assert!(files.look("/").await.unwrap().mounted);
        assert!(files.look("/proc").await.unwrap().mounted);
        // Neither what is behind a link nor what is not ours.
        let behind = format!("{deep}/link/tmp");
        assert!(files.remove(&behind).await.is_err());
        assert!(Path::new("/tmp").exists());
        assert!(files.remove("/tmp").await.unwrap_err().contains("not ours"));
        let up = folder.path().join("../x").display().to_string();
        assert!(files.remove(&up).await.is_err());
        let whole = folder.path().display().to_string();
        files.remove(&whole).await.unwrap();
        assert!(!folder.path().exists());
        files.remove(&whole).await.unwrap();
    }
}

#[tokio::test]
async fn links_do_not_lead_out_of_the_root() {
    let folder = ours();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/here"), "theirs").unwrap();
    symlink("/etc", root.join("absolute")).unwrap();
    symlink("../../../../../etc", root.join("up")).unwrap();
    let files = NodeFiles::root(root);
    for path in ["/absolute/here", "/up/here", "/../../../etc/here"] {
        assert_eq!(files.content(path).await.unwrap().as_deref(), Some("theirs"), "{path}");
    }
    assert_eq!(files.content("/absolute/passwd").await.unwrap(), None);
}

#[tokio::test]
async fn mounts_and_devices_are_seen_and_left_alone() {
    if !is_root() {
        return;
    }
    let folder = ours();
    let image = folder.path().join("image");
    std::fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
    let losetup = Command::new("losetup").args(["-f", "--show"]).arg(&image).output();
    let device = match losetup {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => {
            eprintln!("NOT TESTED: there are no loop devices");
            return;
        }
    };
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).status().unwrap();
        assert!(done.success(), "{program} {args:?}");
    };
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(at("m")).unwrap();
    std::fs::write(at("b"), "").unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=1m,nosuid", "t", &at("m")]);
    run("mount", &["--bind", &device, &at("b")]);
    std::fs::write(at("m/inside"), "kept").unwrap();
    for files in ways().await {
        let look = files.look(&at("m")).await.unwrap();
        assert!(look.mounted && look.fs_type == "tmpfs" && !look.read_only);
        assert!(look.options.iter().any(|option| option == "nosuid"));
        assert_eq!(look.total_bytes, 1 << 20);
        let look = files.look(&at("b")).await.unwrap();
        assert_eq!((look.kind, look.mounted, look.device_bytes), (Kind::Block, true, 8 << 20));
        let whole = place(Path::new(&at("b")), 0, 1 << 20);
        let pattern = Pattern::of(&format!("{files:?}"));
        assert_eq!(files.write(&whole, pattern).await.unwrap().error, "");
        assert!(files.compare(&whole, pattern).await.unwrap().same);
        let beyond = place(Path::new(&at("b")), 8 << 20, 4096);
        assert_eq!(files.write(&beyond, pattern).await.unwrap().error, "ENOSPC");
        assert_eq!(files.mounts_below(&at("")).await.unwrap(), [at("b"), at("m")]);
        for path in ["m", "m/inside", "b", ""] {
            let told = files.remove(&at(path)).await.unwrap_err();
            assert!(told.contains("mounted"), "{path}: {told}");
        }
        run("mount", &["-o", "remount,ro", &at("m")]);
        let look = files.look(&at("m")).await.unwrap();
        assert!(look.read_only);
        let refused = files.write(&place(Path::new(&at("m")), 0, 10), pattern).await.unwrap();
        assert_eq!(refused.error, "EROFS");
        run("mount", &["-o", "remount,rw", &at("m")]);
        assert_eq!(std::fs::read_to_string(at("m/inside")).unwrap(), "kept");
    }
    run("umount", &[&at("m")]);
    run("umount", &[&at("b")]);
    run("losetup", &["-d", &device]);
}
