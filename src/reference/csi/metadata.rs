//! The SnapshotMetadata service: where the data of snapshots lies, in blocks of one size.

use std::{collections::BTreeSet, fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    capacity::BLOCK,
    defect::Defect,
    driver::Driver,
    field, image,
    refusal::{Answer, invalid, out_of_range},
    secret,
};
use crate::proto::csi::v1::{
    BlockMetadata, BlockMetadataType, GetMetadataAllocatedRequest, GetMetadataAllocatedResponse,
    GetMetadataDeltaRequest, GetMetadataDeltaResponse,
};

/// How many ranges a message has if nobody says it.
const MOST: usize = 1024;

/// The blocks of a snapshot that hold data.
pub fn allocated(
    driver: &Driver,
    asked: GetMetadataAllocatedRequest,
) -> Answer<Vec<GetMetadataAllocatedResponse>> {
    field::required(&asked.snapshot_id, "snapshot_id")?;
    let most = field::not_negative(driver, asked.max_results, "max_results")?;
    secret::check(driver, &asked.secrets)?;
    let snapshot = driver.snapshot(&asked.snapshot_id)?;
    let offset = offset(driver, asked.starting_offset, snapshot.size)?;
    let blocks = blocks(&driver.store.snapshot_image(&asked.snapshot_id))?;
    let messages = messages(driver, blocks, offset, most, snapshot.size);
    let message = |(kind, capacity, block_metadata)| GetMetadataAllocatedResponse {
        block_metadata_type: kind,
        volume_capacity_bytes: capacity,
        block_metadata,
    };
    Ok(messages.into_iter().map(message).collect())
}

/// The blocks that differ between two snapshots of one volume.
pub fn delta(
    driver: &Driver,
    asked: GetMetadataDeltaRequest,
) -> Answer<Vec<GetMetadataDeltaResponse>> {
    field::required(&asked.base_snapshot_id, "base_snapshot_id")?;
    field::required(&asked.target_snapshot_id, "target_snapshot_id")?;
    let most = field::not_negative(driver, asked.max_results, "max_results")?;
    secret::check(driver, &asked.secrets)?;
    let base = driver.snapshot(&asked.base_snapshot_id)?;
    let target = driver.snapshot(&asked.target_snapshot_id)?;
    if base.source != target.source {
        return Err(invalid("the two snapshots are not of one volume"));
    }
    let offset = offset(driver, asked.starting_offset, target.size)?;
    let blocks = if driver.has(Defect::MetadataDeltaEmpty) {
        BTreeSet::new()
    } else {
        differing(
            &driver.store.snapshot_image(&asked.base_snapshot_id),
            &driver.store.snapshot_image(&asked.target_snapshot_id),
        )?
    };
    let messages = messages(driver, blocks, offset, most, target.size);
    let message = |(kind, capacity, block_metadata)| GetMetadataDeltaResponse {
        block_metadata_type: kind,
        volume_capacity_bytes: capacity,
        block_metadata,
    };
    Ok(messages.into_iter().map(message).collect())
}

fn offset(driver: &Driver, asked: i64, capacity: i64) -> Answer<i64> {
    driver.dies(Defect::DiesOfNegative, asked < 0);
    if !(0..=capacity).contains(&asked) && !driver.has(Defect::MetadataRange) {
        return Err(out_of_range(format!("starting_offset is not within {capacity} bytes")));
    }
    Ok(if driver.has(Defect::MetadataOffset) { 0 } else { asked })
}

/// The numbers of all blocks that hold data. An image that is not there holds none.
fn blocks(path: &Path) -> io::Result<BTreeSet<i64>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    let ranges = image::data(&file)?;
    let numbers = |range: std::ops::Range<i64>| range.start / BLOCK..=(range.end - 1) / BLOCK;
    Ok(ranges.into_iter().flat_map(numbers).collect())
}

fn differing(base: &Path, target: &Path) -> io::Result<BTreeSet<i64>> {
    let mut candidates = blocks(base)?;
    candidates.extend(blocks(target)?);
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let (base, target) = (File::open(base).ok(), File::open(target)?);
    let end = i64::try_from(target.metadata()?.len()).unwrap_or(i64::MAX);
    let (mut one, mut two) = (Block::new(), Block::new());
    let mut differ = BTreeSet::new();
    for number in candidates {
        if number * BLOCK >= end {
            break;
        }
        one.read(base.as_ref(), number)?;
        two.read(Some(&target), number)?;
        if one.0 != two.0 {
            differ.insert(number);
        }
    }
    Ok(differ)
}

struct Block(Vec<u8>);

impl Block {
    fn new() -> Self {
        Self(vec![0; BLOCK as usize])
    }

    /// Reads one; what is not there is zero.
    fn read(&mut self, file: Option<&File>, number: i64) -> io::Result<()> {
        self.0.fill(0);
        let mut at = 0;
        while let Some(file) = file
            && at < self.0.len()
        {
            match file.read_at(&mut self.0[at..], (number * BLOCK).unsigned_abs() + at as u64)? {
                0 => break,
                read => at += read,
            }
        }
        Ok(())
    }
}

/// Type, capacity and ranges of one message.
type Message = (i32, i64, Vec<BlockMetadata>);

/// Ranges in order, as many in a message as are asked for. There is always one message: it tells the
/// type and the capacity.
fn messages(
    driver: &Driver,
    blocks: BTreeSet<i64>,
    offset: i64,
    most: usize,
    capacity: i64,
) -> Vec<Message> {
    let skipped = i64::from(driver.has(Defect::MetadataOffsetSkips) && offset > 0);
    let first = offset / BLOCK + skipped;
    let blocks = blocks.into_iter().filter(|number| *number >= first);
    let range = |number| BlockMetadata { byte_offset: number * BLOCK, size_bytes: BLOCK };
    let mut ranges: Vec<BlockMetadata> = blocks.map(range).collect();
    wrong_ranges(driver, &mut ranges);
    let most = match most {
        0 => MOST,
        most if driver.has(Defect::MetadataMany) => most + 1,
        most => most,
    };
    let mut parts: Vec<Vec<BlockMetadata>> = ranges.chunks(most).map(<[_]>::to_vec).collect();
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    if driver.has(Defect::MetadataEarly) && parts.len() > 1 {
        parts.pop();
    }
    let kind = i32::from(BlockMetadataType::FixedLength);
    let mut messages: Vec<Message> =
        parts.into_iter().map(|ranges| (kind, capacity, ranges)).collect();
    for (number, message) in messages.iter_mut().enumerate().skip(1) {
        if driver.has(Defect::MetadataCapacity) {
            message.1 += number as i64;
        }
        if driver.has(Defect::MetadataType) {
            message.0 = BlockMetadataType::VariableLength.into();
        }
    }
    messages
}

/// What defects do to the ranges.
fn wrong_ranges(driver: &Driver, ranges: &mut Vec<BlockMetadata>) {
    if driver.has(Defect::MetadataMisses) {
        let mut number = 0;
        ranges.retain(|_| {
            number += 1;
            number % 3 != 0
        });
    }
    if driver.has(Defect::MetadataUnordered) {
        ranges.reverse();
    }
    if driver.has(Defect::MetadataOverlaps) {
        for range in ranges.iter_mut() {
            range.size_bytes += 1;
        }
    }
    if driver.has(Defect::MetadataSizes)
        && let Some(last) = ranges.last_mut()
    {
        last.size_bytes /= 2;
    }
    if driver.has(Defect::MetadataEmptyRange)
        && let Some(last) = ranges.last_mut()
    {
        last.size_bytes = 0;
    }
}
