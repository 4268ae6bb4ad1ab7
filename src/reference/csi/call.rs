//! One call from beginning to end: may it be made, what does it come to, what is logged of it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use tonic::{Request, Response, Status};

use super::{
    defect::Defect,
    driver::Driver,
    feature::Feature,
    refusal::{Answer, unimplemented},
};

/// An rpc: its name and what has to be on for it. The first is the service.
#[derive(Debug, Clone, Copy)]
pub struct Rpc {
    /// As the standard calls it.
    pub name: &'static str,
    /// All of these.
    pub needs: &'static [Feature],
}

/// Makes a call where it may block, and to its end also if the client does not wait for it: nothing
/// stays half done.
pub async fn call<Q, R>(
    driver: &Arc<Driver>,
    rpc: Rpc,
    request: Request<Q>,
    work: fn(&Driver, Q) -> Answer<R>,
) -> Result<Response<R>, Status>
where
    Q: Send + 'static,
    R: Send + 'static,
{
    let started = Instant::now();
    if driver.hangs.iter().any(|name| name == rpc.name) {
        std::future::pending::<()>().await;
    }
    driver.falls(rpc.name);
    let result = match allowed(driver, rpc) {
        Err(refusal) => Err(refusal),
        Ok(()) => {
            let mut watch = Watch { driver, over: false };
            let (shared, request) = (Arc::clone(driver), request.into_inner());
            let done = tokio::task::spawn_blocking(move || work(&shared, request)).await;
            watch.over = true;
            done.map_err(|_| Status::internal(format!("{} came to a sudden end", rpc.name)))?
        }
    };
    if driver.settings.verbose {
        let end = result.as_ref().map_or_else(|refusal| refusal.code, |_| tonic::Code::Ok);
        driver.log(&format!("{} {end:?} {} µs", rpc.name, started.elapsed().as_micros()));
    }
    Ok(Response::new(result?))
}

fn allowed(driver: &Driver, rpc: Rpc) -> Answer<()> {
    let service = rpc.needs.first().is_none_or(|service| driver.serves.contains(service));
    if service && rpc.needs.iter().all(|feature| driver.features.has(*feature)) {
        Ok(())
    } else {
        Err(unimplemented(format!("{} is not supported by this driver", rpc.name)))
    }
}

/// Notices that a call is given up: nobody asks for its result any more.
struct Watch<'a> {
    driver: &'a Driver,
    over: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.driver.cancelled.store(true, Ordering::Relaxed);
            self.driver.dies(Defect::DiesOfCancel, true);
        }
    }
}
