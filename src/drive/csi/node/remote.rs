//! Files behind a command of the user's that executes a shell on the node.
//!
//! Each operation is one script. Where the command hands its words to another shell, as ssh does, the
//! script is quoted once more: that is tried out at the beginning.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::process::Command;

use super::{
    Compared, Kind, LONGEST, Look, MOST_ENTRIES, PREFIX, Pattern, Place, Written,
    mounts::{self, Mount},
};

/// So much is written by one command: a word of a command line is 128 KiB long at most.
const CHUNK: u64 = 64 * 1024;
/// So much is read by one.
const READ_CHUNK: u64 = 4 * 1024 * 1024;
/// ssh through a jump host quotes twice.
const MOST_QUOTED: usize = 2;
/// What a script that runs in the middle of another prints between two parts.
const MARK: &str = "\n--stdcheck--\n";

/// How a shell on the node is reached.
#[derive(Debug)]
pub struct Remote {
    words: Vec<String>,
    /// How often a script must be quoted to come through whole.
    quoted: usize,
}

/// What a script came to.
struct Done {
    ok: bool,
    stdout: Vec<u8>,
    stderr: String,
}

impl Remote {
    /// Finds out how often a script must be quoted.
    pub async fn try_out(words: Vec<String>) -> Result<Remote, String> {
        let command = words.join(" ");
        if words.is_empty() {
            return Err("the node command is empty".to_owned());
        }
        let mut saw = String::new();
        for quoted in 0..=MOST_QUOTED {
            let remote = Remote { words: words.clone(), quoted };
            let done = remote.run("x=\"a  b\"; printf '%s' \"$x;c\"").await?;
            if done.stdout == b"a  b;c" {
                return Ok(remote);
            }
            saw = done.stderr.trim().to_owned();
        }
        Err(format!("the node command `{command}` does not execute `sh -c`: {saw}"))
    }

    async fn run(&self, script: &str) -> Result<Done, String> {
        let (program, words) = self.words.split_first().ok_or("the node command is empty")?;
        let mut script = format!("LC_ALL=C; export LC_ALL; {script}");
        for _ in 0..self.quoted {
            script = quote(&script);
        }
        let output = Command::new(program)
            .args(words)
            .args(["sh", "-c", &script])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| format!("cannot execute {program}: {error}"))?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Done { ok: output.status.success(), stdout: output.stdout, stderr })
    }

    /// What a script prints; it must end well.
    async fn must(&self, what: &str, script: &str) -> Result<String, String> {
        let done = self.run(script).await?;
        if !done.ok {
            return Err(format!("{what} on the driver's node: {}", done.stderr.trim()));
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    pub async fn look(&self, path: &str) -> Result<Look, String> {
        if !path.starts_with('/') || path.contains('\0') {
            return Ok(Look::default());
        }
        let script = format!(
            "p={}; m=$(printf '{MARK}.'); m=${{m%.}}
[ -e \"$p\" ] || [ -L \"$p\" ] || exit 44
stat -c '%f %u %g %t %T' -- \"$p\" || exit 1
printf %s \"$m\"; stat -f -c '%S %b %a' -- \"$p\"
printf %s \"$m\"; n=$(basename -- \"$p\"); d=$(cd -- \"$(dirname -- \"$p\")\" && pwd -P)
case $n in /) echo /;; *) echo \"${{d%/}}/$n\";; esac
printf %s \"$m\"; cat /proc/self/mountinfo
printf %s \"$m\"
if [ -b \"$p\" ]; then
  b=/sys/dev/block/$((0x$(stat -L -c %t -- \"$p\"))):$((0x$(stat -L -c %T -- \"$p\")))
  cat $b/size $b/ro
elif [ -d \"$p\" ] && ! [ -L \"$p\" ]; then ls -A -- \"$p\" | head -n {MOST_ENTRIES}; fi",
            quote(path)
        );
        let done = self.run(&script).await?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        if !done.ok {
            // 44 is ours, so that a command that fails by itself is not taken for an absent path.
            if text.is_empty() && done.stderr.trim().is_empty() {
                return Ok(Look::default());
            }
            return Err(format!("cannot look at {path}: {}", done.stderr.trim()));
        }
        let parts: Vec<&str> = text.split(MARK.trim_end_matches('\n')).collect();
        let [stated, of_fs, real, mountinfo, rest] = parts.as_slice() else {
            return Err(format!("cannot look at {path}: the node answers something else"));
        };
        Ok(seen(stated, of_fs, real.trim(), &mounts::parse(mountinfo), rest))
    }

    /// The path of a block device, or of a file in a folder.
    async fn data(&self, place: &Place) -> Result<String, String> {
        let script = format!("[ -b {0} ] && echo block; [ -e {0} ]", quote(&place.path));
        let done = self.run(&script).await?;
        let is_device = done.stdout.starts_with(b"block");
        let name = format!("{}/{}", place.path.trim_end_matches('/'), place.file);
        Ok(if is_device { place.path.clone() } else { name })
    }

    pub async fn write(&self, place: &Place, pattern: Pattern) -> Result<Written, String> {
        self.write_from(place, |offset, length| pattern.bytes(offset, length)).await
    }

    pub async fn put(&self, place: &Place, bytes: &[u8]) -> Result<Written, String> {
        let part = |offset: u64, length: usize| {
            let from = usize::try_from(offset - place.offset).unwrap_or(usize::MAX);
            bytes.get(from..from.saturating_add(length)).unwrap_or_default().to_owned()
        };
        self.write_from(place, part).await
    }

    /// Asks for the bytes from an offset on, so many at a time.
    async fn write_from(
        &self,
        place: &Place,
        bytes: impl Fn(u64, usize) -> Vec<u8>,
    ) -> Result<Written, String> {
        let path = self.data(place).await?;
        let mut written = Written::default();
        loop {
            let left = place.size - written.bytes;
            let offset = place.offset + written.bytes;
            let length = usize::try_from(left.min(CHUNK)).unwrap_or(0);
            let (unit, seek) = unit(offset);
            let script = format!(
                "echo {} | base64 -d | dd of={} bs={unit} seek={seek} conv=notrunc,fsync",
                STANDARD.encode(bytes(offset, length)),
                quote(&path)
            );
            let done = self.run(&script).await?;
            if !done.ok {
                written.error = errno(&done.stderr)?;
                return Ok(written);
            }
            written.bytes += length as u64;
            if written.bytes >= place.size {
                return Ok(written);
            }
        }
    }

    pub async fn get(&self, place: &Place) -> Result<Option<Vec<u8>>, String> {
        let path = self.data(place).await?;
        let (unit, skip) = unit(place.offset);
        let count = place.size.div_ceil(unit);
        let script = format!("dd if={} bs={unit} skip={skip} count={count}", quote(&path));
        let mut done = self.run(&script).await?;
        if !done.ok {
            return match errno(&done.stderr)?.as_str() {
                "ENOENT" => Ok(None),
                error => Err(format!("cannot read {path} on the driver's node: {error}")),
            };
        }
        let wanted = usize::try_from(place.size).unwrap_or(usize::MAX);
        if done.stdout.len() < wanted {
            return Ok(None);
        }
        done.stdout.truncate(wanted);
        Ok(Some(done.stdout))
    }

    pub async fn compare(&self, place: &Place, pattern: Pattern) -> Result<Compared, String> {
        let path = self.data(place).await?;
        let mut seen = 0;
        while seen < place.size {
            let wanted = (place.size - seen).min(READ_CHUNK);
            let offset = place.offset + seen;
            let (unit, skip) = unit(offset);
            let count = wanted.div_ceil(unit);
            let script = format!("dd if={} bs={unit} skip={skip} count={count}", quote(&path));
            let done = self.run(&script).await?;
            if !done.ok {
                return Ok(Compared { error: errno(&done.stderr)?, same: false });
            }
            let wanted_bytes = usize::try_from(wanted).unwrap_or(0);
            if done.stdout.get(..wanted_bytes) != Some(&pattern.bytes(offset, wanted_bytes)[..]) {
                return Ok(Compared::default());
            }
            seen += wanted;
        }
        Ok(Compared { error: String::new(), same: true })
    }

    pub async fn content(&self, path: &str) -> Result<Option<String>, String> {
        let there = format!("[ -e {0} ] && echo yes; true", quote(path));
        if self.must("looking for a file", &there).await?.is_empty() {
            return Ok(None);
        }
        let script = format!("[ -f {0} ] && head -c {LONGEST} -- {0}", quote(path));
        self.must("reading a file", &script).await.map(Some)
    }

    pub async fn touch(&self, path: &str, content: &[u8]) -> Result<(), String> {
        let script =
            format!("umask 0; echo {} | base64 -d > {}", STANDARD.encode(content), quote(path));
        self.must("writing a file", &script).await.map(drop)
    }

    pub async fn make_folder(&self, path: &str) -> Result<Vec<String>, String> {
        if !path.starts_with('/') {
            return Err(format!("{path} is no absolute path"));
        }
        // Each part of the path, the outermost first.
        let parts: Vec<String> = Path::new(path)
            .ancestors()
            .filter(|part| part.file_name().is_some())
            .map(|part| quote(&part.display().to_string()))
            .collect();
        let parts: Vec<String> = parts.into_iter().rev().collect();
        // Another check may make its own beside us.
        let script = format!(
            "for d in {}; do [ -d \"$d\" ] && continue
if mkdir -m 755 -- \"$d\"; then printf '%s\\n' \"$d\"; else [ -d \"$d\" ] || exit 1; fi; done",
            parts.join(" ")
        );
        let told = self.must("making a folder", &script).await?;
        Ok(told.lines().map(str::to_owned).collect())
    }

    pub async fn remove(&self, path: &str) -> Result<(), String> {
        let Some((folder, below)) = mounts::ours(Path::new(path), PREFIX) else {
            return Err(format!("{path} is not ours to remove"));
        };
        let (real, mounts) = self.mounts(&folder.display().to_string()).await?;
        let whole = real.join(&below);
        let in_the_way = |point: &Path| point.starts_with(&whole) || whole.starts_with(point);
        if mounts::below(&mounts, &real).iter().any(|point| in_the_way(Path::new(point))) {
            return Err(format!("{path} is not removed: something is still mounted there"));
        }
        // Below our folder no link may lead away.
        let above = folder.join(&below);
        let above = if below.as_os_str().is_empty() { None } else { above.parent() };
        let guard = above.map_or(String::new(), |above| {
            let (own, above) = (folder.display().to_string(), above.display().to_string());
            let rest = quote(above.strip_prefix(&own).unwrap_or_default());
            format!(
                "[ -d {a} ] || exit 0; r=$(cd -P -- {f} && pwd -P) && q=$(cd -P -- {a} && pwd -P) \
                 && [ \"$q\" = \"$r\"{rest} ] || {{ echo 'a link leads there' >&2; exit 1; }}; ",
                a = quote(&above),
                f = quote(&own)
            )
        });
        let script = format!("{guard}rm -rf --one-file-system -- {}", quote(path));
        self.must("removing a folder", &script).await.map(drop)
    }

    pub async fn discard(&self, path: &str) -> Result<(), String> {
        let script = format!("[ -L {0} ] || ! [ -f {0} ] || rm -f -- {0}", quote(path));
        let done = self.run(&script).await?;
        if done.ok || errno(&done.stderr)? == "EROFS" {
            return Ok(());
        }
        Err(format!("cannot remove {path} on the driver's node: {}", done.stderr.trim()))
    }

    pub async fn mounts_below(&self, path: &str) -> Result<Vec<String>, String> {
        let (real, mounts) = self.mounts(path).await?;
        let mut points = mounts::below(&mounts, Path::new(path));
        points.extend(mounts::below(&mounts, &real));
        points.sort();
        points.dedup();
        Ok(points)
    }

    /// All mounts, and what a path is called without the links that may lead there.
    async fn mounts(&self, path: &str) -> Result<(PathBuf, Vec<Mount>), String> {
        let script = format!("readlink -f -- {} || echo; cat /proc/self/mountinfo", quote(path));
        let text = self.must("reading the mounts", &script).await?;
        let (real, mountinfo) = text.split_once('\n').unwrap_or_default();
        let real = if real.starts_with('/') { real } else { path };
        Ok((PathBuf::from(real), mounts::parse(mountinfo)))
    }
}

/// Reads what the script of `look` prints.
fn seen(stated: &str, of_fs: &str, real: &str, mounts: &[Mount], rest: &str) -> Look {
    let mut stated = stated.split_ascii_whitespace();
    let mode = stated.next().and_then(|mode| u32::from_str_radix(mode, 16).ok()).unwrap_or(0);
    let mut number = || stated.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let (uid, gid) = (number(), number());
    let mut of_fs = of_fs.split_ascii_whitespace().map(|number| number.parse().unwrap_or(0_u64));
    let mut of_fs = || of_fs.next().unwrap_or(0);
    let (unit, blocks, available) = (of_fs(), of_fs(), of_fs());
    let mut look = Look {
        kind: match mode & 0o170_000 {
            0o040_000 => Kind::Directory,
            0o100_000 => Kind::File,
            0o060_000 => Kind::Block,
            0o120_000 => Kind::Symlink,
            _ => Kind::Other,
        },
        uid,
        gid,
        mode: mode & 0o7777,
        total_bytes: blocks.saturating_mul(unit),
        available_bytes: available.saturating_mul(unit),
        ..Look::default()
    };
    if let Some(mount) = mounts::holding(mounts, Path::new(real)) {
        look.mounted = mount.point == Path::new(real);
        look.fs_type.clone_from(&mount.fs_type);
        look.options.clone_from(&mount.options);
        look.read_only = mount.is_read_only();
    }
    match look.kind {
        Kind::Block | Kind::Symlink => {
            let mut told = rest.split_ascii_whitespace();
            let sectors: u64 = told.next().and_then(|told| told.parse().ok()).unwrap_or(0);
            look.device_bytes = sectors * 512;
            look.read_only = told.next().map_or(look.read_only, |told| told == "1");
        }
        Kind::Directory => {
            look.entries =
                rest.lines().filter(|name| !name.is_empty()).map(str::to_owned).collect();
            look.entries.sort();
        }
        Kind::Nothing | Kind::File | Kind::Other => {}
    }
    look
}

/// The largest block that an offset is a multiple of, and how many of them.
fn unit(offset: u64) -> (u64, u64) {
    let unit = if offset == 0 { CHUNK } else { (1 << offset.trailing_zeros()).min(CHUNK) };
    (unit, offset / unit)
}

/// One word for a shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The name of the error that a program told in English.
fn errno(stderr: &str) -> Result<String, String> {
    const KNOWN: &[(&str, &str)] = &[
        ("Read-only file system", "EROFS"),
        ("Permission denied", "EACCES"),
        ("Operation not permitted", "EPERM"),
        ("No space left on device", "ENOSPC"),
        ("No such file or directory", "ENOENT"),
        ("Not a directory", "ENOTDIR"),
        ("Is a directory", "EISDIR"),
        ("Input/output error", "EIO"),
        ("Invalid argument", "EINVAL"),
        ("Device or resource busy", "EBUSY"),
        ("Disk quota exceeded", "EDQUOT"),
        ("File too large", "EFBIG"),
        ("Stale file handle", "ESTALE"),
        ("Transport endpoint is not connected", "ENOTCONN"),
        ("No such device or address", "ENXIO"),
    ];
    KNOWN
        .iter()
        .find(|(told, _)| stderr.contains(told))
        .map(|(_, name)| (*name).to_owned())
        .ok_or_else(|| format!("the node command fails: {}", stderr.trim()))
}
