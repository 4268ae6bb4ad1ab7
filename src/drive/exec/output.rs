//! What an execution printed, as a runtime reads it.

use serde_json::Value as Json;

/// Standard output taken for JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The first JSON document, if standard output begins with one.
    pub first: Option<Json>,
    /// How many documents there are; -1 if something stands there that is no JSON.
    pub documents: i64,
}

impl Output {
    /// Reads all of it: white space around documents is nothing.
    pub fn read(stdout: &[u8]) -> Output {
        let mut output = Output::default();
        for document in serde_json::Deserializer::from_slice(stdout).into_iter::<Json>() {
            match document {
                Ok(document) => {
                    output.documents += 1;
                    output.first.get_or_insert(document);
                }
                Err(_) => {
                    output.documents = -1;
                    break;
                }
            }
        }
        output
    }

    /// The error object: an object with a `code` or a `msg`, as section 5 of the specification shapes
    /// it.
    pub fn error(&self) -> Option<&Json> {
        self.first.as_ref().filter(|first| {
            first.get("code").is_some_and(Json::is_number) || first.get("msg").is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_counted_and_other_things_seen() {
        let count = |text: &str| Output::read(text.as_bytes()).documents;
        assert_eq!(count(""), 0);
        assert_eq!(count(" \n"), 0);
        assert_eq!(count("{\"a\": 1}\n"), 1);
        assert_eq!(count("{}{}"), 2);
        assert_eq!(count("{} oops"), -1);
        assert_eq!(count("panic: oops"), -1);
        assert_eq!(count("{\"a\": "), -1);
        assert_eq!(Output::read(b"{\"a\": 1}{").first, Some(serde_json::json!({"a": 1})));
    }

    #[test]
    fn an_error_object_is_told_from_a_result() {
        let error = |text: &str| Output::read(text.as_bytes()).error().is_some();
        assert!(error(r#"{"code": 7, "msg": "no"}"#));
        assert!(error(r#"{"msg": "no"}"#));
        assert!(!error(r#"{"cniVersion": "1.0.0", "ips": []}"#));
        assert!(!error("[]"));
    }
}
