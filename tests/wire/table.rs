//! The wire table of a standard, as it stands in tests/data.
//!
//! Unknown keys are refused: a new kind of fact in a table must not go unchecked.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub package: String,
    pub imports: Vec<String>,
    pub extensions: Vec<serde_json::Value>,
    pub services: Vec<Service>,
    pub messages: Vec<Message>,
    pub enums: Vec<Enum>,
    #[serde(rename = "note")]
    pub _note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    #[serde(default)]
    pub options_hex: String,
    pub methods: Vec<Method>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    pub name: String,
    pub input: String,
    pub output: String,
    #[serde(default)]
    pub client_streaming: bool,
    #[serde(default)]
    pub server_streaming: bool,
    pub since: Option<String>,
    /// 1060 `alpha_method`.
    #[serde(default)]
    pub options_hex: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub name: String,
    pub fields: Vec<Field>,
    #[serde(default)]
    pub messages: Vec<Message>,
    #[serde(default)]
    pub enums: Vec<Enum>,
    #[serde(default)]
    pub map_entry: bool,
    pub since: Option<String>,
    #[serde(default)]
    pub options_hex: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub name: String,
    pub number: i64,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub repeated: bool,
    pub oneof: Option<String>,
    #[serde(default)]
    pub deprecated: bool,
    /// All options of the field but ours, as encoded: 1801 is deprecated, 800101 debug_redact.
    #[serde(default)]
    pub options_hex: String,
    pub since: Option<String>,
    /// What the text beside the field says: REQUIRED, OPTIONAL, CONDITIONAL.
    pub presence: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enum {
    pub name: String,
    #[serde(default)]
    pub options_hex: String,
    pub values: Vec<EnumValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnumValue {
    pub name: String,
    pub number: i64,
    pub since: Option<String>,
    #[serde(default)]
    pub options_hex: String,
}

impl Table {
    /// The table of that text.
    pub fn read(text: &str) -> Table {
        serde_json::from_str(text).expect("the table can be read")
    }

    /// A message outside of all others.
    pub fn message(&mut self, name: &str) -> &mut Message {
        self.messages.iter_mut().find(|message| message.name == name).expect("message")
    }

    /// A field of such a message.
    pub fn field(&mut self, of: &str, name: &str) -> &mut Field {
        self.message(of).fields.iter_mut().find(|field| field.name == name).expect("field")
    }

    /// An rpc of any service.
    pub fn method(&mut self, name: &str) -> &mut Method {
        let methods = self.services.iter_mut().flat_map(|service| &mut service.methods);
        methods.into_iter().find(|method| method.name == name).expect("method")
    }
}
