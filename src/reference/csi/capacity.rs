//! Sizes: what was asked for, and what it comes to.

use super::{
    defect::Defect,
    driver::Driver,
    refusal::{Answer, invalid, out_of_range},
};
use crate::proto::csi::v1::CapacityRange;

const MIB: i64 = 1024 * 1024;
/// The size of a volume if nobody says one.
pub const DEFAULT: i64 = 32 * MIB;
/// No volume is smaller.
pub const MINIMUM: i64 = 4 * MIB;
/// Every size is a multiple of a page: file systems and metadata are in units of it.
pub const BLOCK: i64 = 4096;

/// A range that makes sense; 0 is unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub required: i64,
    /// At most.
    pub limit: i64,
}

impl Range {
    /// No wish.
    pub const ANY: Self = Self { required: 0, limit: 0 };

    /// Whether a size lies in it.
    pub fn holds(self, size: i64) -> bool {
        size >= self.required && (self.limit == 0 || size <= self.limit)
    }
}

/// Refuses ranges that make no sense.
pub fn range(driver: &Driver, asked: CapacityRange) -> Answer<Range> {
    let CapacityRange { required_bytes: required, limit_bytes: limit } = asked;
    driver.dies(Defect::DiesOfNegative, required < 0 || limit < 0);
    if required < 0 || limit < 0 {
        return Err(invalid("a size in capacity_range is negative"));
    }
    if required == 0 && limit == 0 {
        return Err(invalid("capacity_range has neither required_bytes nor limit_bytes"));
    }
    if limit != 0 && limit < required {
        return Err(invalid("limit_bytes is below required_bytes"));
    }
    Ok(Range { required, limit })
}

/// The size that a volume gets: whole MiB where the range allows it. With content it is at least as
/// large as that is.
pub fn choose(driver: &Driver, range: Range, content: Option<i64>) -> Answer<i64> {
    if driver.has(Defect::RequiredIgnored) {
        return Ok(content.unwrap_or(DEFAULT));
    }
    let maximum = if driver.has(Defect::CapacityMaximum) {
        i64::MAX / 2
    } else {
        driver.settings.max_volume_size
    };
    let least = range.required.max(content.unwrap_or(MINIMUM));
    if least > maximum {
        return Err(out_of_range(format!("no volume may have more than {maximum} bytes")));
    }
    if range.limit != 0 && range.limit < least {
        return Err(out_of_range(format!("no less than {least} bytes are possible")));
    }
    let wish = match content {
        _ if range.required != 0 => least,
        Some(content) => content,
        None => DEFAULT,
    };
    let ceiling = match range.limit {
        0 => maximum,
        _ if driver.has(Defect::LimitIgnored) => maximum,
        limit => limit.min(maximum),
    };
    let candidates = [up(wish, MIB), up(wish, BLOCK), ceiling - ceiling % BLOCK];
    let fits = |size: &i64| (least..=ceiling).contains(size);
    candidates.into_iter().find(fits).ok_or_else(|| {
        out_of_range(format!("sizes are multiples of {BLOCK} bytes: none is in this range"))
    })
}

fn up(size: i64, unit: i64) -> i64 {
    size.div_euclid(unit).saturating_add(i64::from(size % unit != 0)).saturating_mul(unit)
}
