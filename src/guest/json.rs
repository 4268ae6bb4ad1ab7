//! JSON by hand: the guest has no crates.

/// One JSON object in the making; values are JSON already.
#[derive(Default)]
pub struct Object(Vec<(String, String)>);

impl Object {
    /// Adds a member; `value` must be JSON.
    pub fn set(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    /// The object on one line.
    pub fn text(&self) -> String {
        let members: Vec<String> =
            self.0.iter().map(|(key, value)| format!("{}:{value}", string(key))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A JSON array of values that are JSON already.
pub fn array(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

/// A JSON string; bytes that are no UTF-8 become U+FFFD.
pub fn string(text: impl AsRef<[u8]>) -> String {
    let mut out = String::from("\"");
    for c in String::from_utf8_lossy(text.as_ref()).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A JSON string, or null.
pub fn optional(text: Option<impl AsRef<[u8]>>) -> String {
    text.map_or_else(|| "null".into(), string)
}

/// A JSON string with the bytes in base64 (the standard alphabet, padded), which keeps every byte.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("\"");
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain(&[0, 0])
            .take(3)
            .fold(0u32, |group, byte| group << 8 | u32::from(*byte));
        for place in 0..4 {
            if place <= chunk.len() {
                let sextet = (group >> (18 - 6 * place)) & 63;
                out.push(char::from(ALPHABET[sextet as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out.push('"');
    out
}
