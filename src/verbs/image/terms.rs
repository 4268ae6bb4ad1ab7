//! On what terms a step wants its image to be served: its `auth` and its `fault`.

use std::time::Duration;

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    drive::registry::{Access, Fault, Harm, Part},
    run::halt::Halt,
    suite::expr::{Value, value},
    verbs::Params,
};

/// Who is let in, and with what: messages of the type AuthConfig. Empty where everybody is let in.
pub(super) struct Lock {
    pub access: Access,
    pub right: Value,
    pub wrong: Value,
}

/// Reads `auth`. The secrets are made of `unique`.
pub(super) fn lock(params: &Params, unique: &str) -> Result<Lock, Halt> {
    let (user, secret, wrong) =
        (format!("user-{unique}"), format!("secret-{unique}"), format!("wrong-{unique}"));
    let message = |fields: &[(&'static str, &str)]| {
        value::map(fields.iter().map(|(name, text)| (*name, Value::from(*text))))
    };
    let both = |message: &dyn Fn(&str) -> Value, access| Lock {
        access,
        right: message(&secret),
        wrong: message(&wrong),
    };
    let password = Access::Password { user: user.clone(), password: secret.clone() };
    if params.get("auth").is_none() {
        let nothing = message(&[]);
        return Ok(Lock { access: Access::Anybody, right: nothing.clone(), wrong: nothing });
    }
    Ok(match params.text("auth")? {
        "basic" => both(&|secret| message(&[("username", &user), ("password", secret)]), password),
        "encoded" => {
            let encoded =
                |secret: &str| message(&[("auth", &STANDARD.encode(format!("{user}:{secret}")))]);
            both(&encoded, password)
        }
        "identity" => {
            let access = Access::Identity(secret.clone());
            both(&|secret| message(&[("identity_token", secret)]), access)
        }
        "registry" => {
            let access = Access::Bearer(secret.clone());
            both(&|secret| message(&[("registry_token", secret)]), access)
        }
        other => return Err(unknown("auth", other, "basic, encoded, identity or registry")),
    })
}

/// Reads `fault`.
pub(super) fn fault(params: &Params) -> Result<Option<Fault>, Halt> {
    const MEMBERS: &[&str] = &["on", "do", "status", "retry_after", "after", "seconds", "times"];
    let Some(given) = params.get("fault") else { return Ok(None) };
    let Value::Map(members) = given else {
        return Err(Halt::Error("the parameter `fault` is a table".to_owned()));
    };
    for name in members.map.keys().map(ToString::to_string) {
        if !MEMBERS.contains(&name.as_str()) {
            return Err(unknown("fault", &name, &MEMBERS.join(", ")));
        }
    }
    let fault = Params(given.clone());
    let number = |name: &str| -> Result<Option<u64>, Halt> {
        let Some(_) = fault.get(name) else { return Ok(None) };
        let number = fault.number(name)?;
        u64::try_from(number)
            .map(Some)
            .map_err(|_| Halt::Error(format!("`fault.{name}` is {number}, less than 0")))
    };
    let on = match fault.text("on")? {
        "manifest" => Part::Manifest,
        "config" => Part::Config,
        "layer" => Part::Layer,
        "token" => Part::Token,
        other => return Err(unknown("fault.on", other, "manifest, config, layer or token")),
    };
    let after = || number("after").map(|after| after.and_then(|after| after.try_into().ok()));
    let harm = match fault.text("do")? {
        "status" => Harm::Status {
            status: status(fault.number("status")?)?,
            retry_after: number("retry_after")?,
        },
        "cut" => Harm::Cut { after: after()? },
        "stall" => Harm::Stall { after: after()? },
        "short" => Harm::Short { length: after()? },
        "slow" => Harm::Slow { over: Duration::from_secs(number("seconds")?.unwrap_or(2)) },
        "corrupt" => Harm::Corrupt,
        other => {
            return Err(unknown("fault.do", other, "status, cut, stall, short, slow or corrupt"));
        }
    };
    Ok(Some(Fault { on, harm, times: number("times")? }))
}

/// Informational answers are none.
fn status(number: i64) -> Result<StatusCode, Halt> {
    u16::try_from(number)
        .ok()
        .and_then(|number| StatusCode::from_u16(number).ok())
        .filter(|status| status.as_u16() >= 200)
        .ok_or_else(|| Halt::Error(format!("`fault.status` is {number}, no status of an answer")))
}

fn unknown(name: &str, given: &str, known: &str) -> Halt {
    Halt::Error(format!("`{name}` has {given:?}; there is {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(json: serde_json::Value) -> Params {
        Params(value::from_json(&json))
    }

    fn fault_of(json: serde_json::Value) -> Option<Fault> {
        fault(&params(serde_json::json!({ "fault": json }))).ok().flatten()
    }

    #[test]
    fn the_four_forms_of_credentials() {
        let json = |form: &str| {
            let lock = lock(&params(serde_json::json!({ "auth": form })), "u").ok()?;
            Some((lock.access, value::to_json(&lock.right), value::to_json(&lock.wrong)))
        };
        let password = Access::Password { user: "user-u".into(), password: "secret-u".into() };
        let basic = |secret| serde_json::json!({ "username": "user-u", "password": secret });
        assert_eq!(json("basic"), Some((password.clone(), basic("secret-u"), basic("wrong-u"))));
        let encoded = |text| serde_json::json!({ "auth": STANDARD.encode(text) });
        let expected = (password, encoded("user-u:secret-u"), encoded("user-u:wrong-u"));
        assert_eq!(json("encoded"), Some(expected));
        let identity = |secret| serde_json::json!({ "identity_token": secret });
        let access = Access::Identity("secret-u".into());
        assert_eq!(json("identity"), Some((access, identity("secret-u"), identity("wrong-u"))));
        let registry = |secret| serde_json::json!({ "registry_token": secret });
        let access = Access::Bearer("secret-u".into());
        assert_eq!(json("registry"), Some((access, registry("secret-u"), registry("wrong-u"))));
        assert_eq!(json("other"), None);
    }

    #[test]
    fn faults_are_read_and_mistakes_are_not() {
        let given = serde_json::json!({ "on": "layer", "do": "cut", "after": 7, "times": 1 });
        let cut = Fault { on: Part::Layer, harm: Harm::Cut { after: Some(7) }, times: Some(1) };
        assert_eq!(fault_of(given), Some(cut));
        let given =
            serde_json::json!({ "on": "token", "do": "status", "status": 429, "retry_after": 1 });
        let harm = Harm::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(1) };
        assert_eq!(fault_of(given), Some(Fault { on: Part::Token, harm, times: None }));
        for wrong in [
            serde_json::json!({ "on": "layer" }),
            serde_json::json!({ "on": "all", "do": "cut" }),
            serde_json::json!({ "on": "layer", "do": "cut", "afetr": 7 }),
            serde_json::json!({ "on": "layer", "do": "cut", "after": -7 }),
            serde_json::json!({ "on": "layer", "do": "status", "status": 100 }),
            serde_json::json!("layer"),
        ] {
            assert_eq!(fault_of(wrong.clone()), None, "{wrong}");
        }
        assert!(matches!(fault(&params(serde_json::json!({}))), Ok(None)));
    }
}
