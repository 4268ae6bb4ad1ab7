//! The first call to an endpoint: whether anybody is there, and whether they speak the standard.

use std::time::Duration;

use prost_reflect::DynamicMessage;
use tonic::Code;

use super::common::Stop;
use crate::{
    drive::grpc::{Grpc, Outcome},
    suite::{load::Suite, rpc},
};

/// A call that every implementation of a standard answers.
pub struct Hello {
    /// The rpc; its request is empty.
    pub rpc: &'static str,
    /// The standard as messages name it.
    pub standard: &'static str,
    /// What to look at where somebody speaks gRPC and not this standard.
    pub advice: &'static str,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Hello {
    /// Calls; gives the reply.
    ///
    /// # Errors
    /// Why there is none, and what to do about it.
    pub async fn say(&self, grpc: &Grpc, suite: &Suite) -> Result<DynamicMessage, Stop> {
        grpc.probe().await.map_err(Stop::unreachable)?;
        self.say_only(grpc, suite).await
    }

    /// The same, and no connection is made but the one that stays.
    ///
    /// # Errors
    /// Likewise.
    pub async fn say_only(&self, grpc: &Grpc, suite: &Suite) -> Result<DynamicMessage, Stop> {
        let method = rpc::find(&suite.package, self.rpc).map_err(Stop::usage)?;
        let request = DynamicMessage::new(method.input());
        let answer = grpc.call(&method, &request, self.patience).await;
        let (endpoint, message) = (grpc.endpoint(), &answer.message);
        let (name, standard, advice) = (method.name(), self.standard, self.advice);
        let why = match (&answer.outcome, answer.code) {
            (Outcome::Answered, Code::Ok) => match answer.reply() {
                Some(reply) => return Ok(reply.clone()),
                None => format!("{endpoint} gives no {name}"),
            },
            (Outcome::Answered, Code::Unimplemented) => {
                format!("{endpoint} speaks gRPC, but not {standard} ({message}): {advice}")
            }
            (Outcome::Answered, code) => {
                format!("{endpoint} refuses {name}: {} {message}", rpc::code_name(code))
            }
            (Outcome::Cut, _) => {
                format!("{endpoint} takes the connection and answers nothing: is it a gRPC socket?")
            }
            (_, _) => format!("{endpoint} does not speak gRPC: {message}"),
        };
        Err(Stop::unreachable(why))
    }
}
