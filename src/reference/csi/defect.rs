//! Mistakes that only the inside of a driver can make, each behind a switch of its own.

use std::collections::BTreeSet;

macro_rules! defects {
    ($($variant:ident $name:literal $says:literal;)*) => {
        /// One deliberate mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Defect { $(#[doc = $says] $variant,)* }

        impl Defect {
            /// All of them with their names and what they do.
            pub const ALL: &[(Self, &str, &str)] = &[$((Self::$variant, $name, $says),)*];
        }
    };
}

defects! {
    // Creating volumes.
    CreateTwice "create-twice" "A retry of CreateVolume makes a second volume.";
    CreateRaces "create-races" "Simultaneous CreateVolume calls with one name make several volumes.";
    CreateSameId "create-same-id" "Every second volume gets the id of the one before it.";
    CreateForgets "create-forgets" "CreateVolume answers with a volume that is then not there.";
    NamesFoldCase "names-fold-case" "Volume names that differ in case only are one volume.";
    NamesTruncated "names-truncated" "Volume names are compared by their first 64 bytes.";
    NamesFoldSigns "names-fold-signs" "Signs and blanks in volume names are all the same.";
    NamesAscii "names-ascii" "Names that are not ASCII are refused.";
    NamesShort "names-short" "Names of more than 63 bytes are refused.";
    NamesPath "names-path" "Names with a slash or two dots are refused.";
    RequiredIgnored "required-ignored" "required_bytes is not honoured.";
    LimitIgnored "limit-ignored" "limit_bytes is not honoured.";
    ImageSmall "image-small" "The volume has half of the capacity that is reported.";
    ContextChanges "context-changes" "volume_context is another one in each reply.";
    ContextSecret "context-secret" "volume_context holds the secrets.";
    ParametersUnchecked "parameters-unchecked" "Parameters are not looked at.";
    MutableUnchecked "mutable-unchecked" "Mutable parameters are not looked at.";
    CapabilitiesFirst "capabilities-first" "Only the first of several capabilities is looked at.";
    RetryParameters "retry-parameters" "A volume of the name with other parameters is taken for the same.";
    RetryCapacity "retry-capacity" "A volume of the name with another capacity is taken for the same.";
    RetryCapabilities "retry-capabilities" "A volume of the name with other capabilities is taken for the same.";
    RetrySource "retry-source" "A volume of the name with another source is taken for the same.";
    RetryTopology "retry-topology" "A volume of the name in another place is taken for the same.";
    TopologyIgnored "topology-ignored" "The volume is put into another place than the requirement says.";
    TopologyImpossible "topology-impossible" "A place that does not exist is accepted.";
    PreferredLast "preferred-last" "The last preferred place is chosen, not the first.";
    CloneEmpty "clone-empty" "A clone holds nothing.";
    CloneShares "clone-shares" "A clone sees what is later written to its source.";
    CloneOtherSize "clone-other-size" "A clone without a capacity range has the default size.";
    RestoreEmpty "restore-empty" "A volume from a snapshot holds nothing.";
    RestoreLive "restore-live" "A volume from a snapshot gets what its source holds now.";
    RestoreShares "restore-shares" "What is written to a restored volume lands in the snapshot.";
    RestoreNoGrow "restore-no-grow" "The file system of a larger restored volume stays small.";
    RestoreShrinks "restore-shrinks" "A volume smaller than its snapshot is made.";
    SourceUnknown "source-unknown" "A source that does not exist gives an empty volume.";
    SourceUnset "source-unset" "content_source does not come back.";
    // Deleting volumes.
    DeleteKeeps "delete-keeps" "DeleteVolume answers OK and keeps the volume.";
    DeleteKillsSnapshots "delete-kills-snapshots" "Deleting a volume deletes its snapshots.";
    DeleteInUse "delete-in-use" "A volume that is in use is deleted.";
    DeleteAltersRefused "delete-alters-refused" "A refused DeleteVolume has emptied the volume.";
    DeleteEmptiesSource "delete-empties-source" "A volume with snapshots is not deleted, and has been emptied.";
    DeletePath "delete-path" "The volume id is used as a path: DeleteVolume unlinks what it leads to.";
    DeleteShell "delete-shell" "The volume id is part of a shell command.";
    DeletePrefix "delete-prefix" "DeleteVolume deletes every volume whose id begins so.";
    DeleteUnknownFails "delete-unknown-fails" "Deleting what is gone fails.";
    // Publishing by the controller.
    AttachAnyNode "attach-any-node" "A volume is published on a node that does not exist.";
    AttachEverywhere "attach-everywhere" "A single-node volume is published on a second node.";
    AttachNameless "attach-nameless" "The refusal does not say where the volume is published.";
    AttachNoLimit "attach-no-limit" "The limit of volumes for a node is not kept.";
    AttachContextChanges "attach-context-changes" "publish_context is another one on retry.";
    AttachContextSecret "attach-context-secret" "publish_context holds the secrets.";
    AttachToggle "attach-toggle" "Published with another readonly or capability answers OK.";
    AttachWritable "attach-writable" "readonly of ControllerPublishVolume has no effect on the node.";
    DetachAllNothing "detach-all-nothing" "Without a node id nothing is unpublished.";
    DetachKeeps "detach-keeps" "ControllerUnpublishVolume answers OK and does nothing.";
    DetachUnknownFails "detach-unknown-fails" "Unpublishing twice fails.";
    // Questions and lists.
    ValidateAnything "validate-anything" "Every capability is confirmed.";
    ValidateForgets "validate-forgets" "The confirmation holds the first capability only.";
    ValidateContext "validate-context" "A foreign volume_context is confirmed.";
    PageSkips "page-skips" "The first entry of each further page is left out.";
    PageRepeats "page-repeats" "The last entry of a page is the first of the next, too.";
    PageLarge "page-large" "A page has one entry more than asked for.";
    PageEnds "page-ends" "A page never leads to the next one.";
    TokenRestarts "token-restarts" "A token that is not understood starts the list again.";
    TokenKills "token-kills" "A token that is not understood ends the process.";
    ListKeepsDeleted "list-keeps-deleted" "Deleted volumes and snapshots are still listed.";
    ListHides "list-hides" "Volumes made since the start are not listed.";
    ListForgetsNodes "list-forgets-nodes" "published_node_ids is empty.";
    ListEmptyNode "list-empty-node" "published_node_ids holds an empty text.";
    ListIgnoresSource "list-ignores-source" "The filter by source volume is not looked at.";
    ListIgnoresId "list-ignores-id" "The filter by snapshot id is not looked at.";
    ListUnknownFails "list-unknown-fails" "Filtering by what is unknown fails.";
    GetStale "get-stale" "ControllerGetVolume tells the capacity from before the expansion.";
    GetDeleted "get-deleted" "What was deleted is still found by its id.";
    CapacityNegative "capacity-negative" "GetCapacity answers a negative number.";
    CapacityEverywhere "capacity-everywhere" "GetCapacity finds room in places that do not exist.";
    CapacityMaximum "capacity-maximum" "More than maximum_volume_size is accepted.";
    // Modifying and expanding.
    ModifyHalf "modify-half" "What precedes a refused key is applied.";
    ModifyReplaces "modify-replaces" "Keys that are absent are removed.";
    ModifyOnce "modify-once" "Modifying to what is there already fails.";
    ModifyNothing "modify-nothing" "ControllerModifyVolume answers OK and does nothing.";
    ExpandLoses "expand-loses" "Expanding empties the volume.";
    ExpandNoFileSystem "expand-no-file-system" "The file system does not grow.";
    ExpandNothing "expand-nothing" "The volume does not grow, the answer says so.";
    ExpandShrinks "expand-shrinks" "A smaller size shrinks the volume.";
    ExpandOnce "expand-once" "Expanding to what is there already fails.";
    ExpandInUse "expand-in-use" "A driver that expands offline expands a volume in use.";
    // Snapshots.
    SnapshotLate "snapshot-late" "A snapshot is cut when it is first used.";
    SnapshotShares "snapshot-shares" "A snapshot sees what is later written to its source.";
    SnapshotUnsynced "snapshot-unsynced" "What the file system has not written yet is not in the snapshot.";
    SnapshotTwice "snapshot-twice" "A retry of CreateSnapshot makes a second snapshot.";
    SnapshotRecut "snapshot-recut" "A retry of CreateSnapshot cuts again.";
    SnapshotRetime "snapshot-retime" "A retry of CreateSnapshot tells another time: a minute earlier.";
    SnapshotAnySource "snapshot-any-source" "A snapshot of the name from another source is taken for the same.";
    SnapshotNeverReady "snapshot-never-ready" "ready_to_use stays false.";
    SnapshotOldTime "snapshot-old-time" "creation_time is 1970.";
    SnapshotDeleteKeeps "snapshot-delete-keeps" "DeleteSnapshot answers OK and keeps the snapshot.";
    SnapshotDeletePath "snapshot-delete-path" "The snapshot id is used as a path: DeleteSnapshot unlinks what it leads to.";
    SnapshotDeleteUnknownFails "snapshot-delete-unknown-fails" "Deleting a snapshot that is gone fails.";
    // Groups.
    GroupTwice "group-twice" "A retry makes a second group.";
    GroupLeaks "group-leaks" "A group that fails leaves the members that were cut.";
    GroupDeleteKeeps "group-delete-keeps" "Deleting a group leaves its members.";
    GroupMemberLost "group-member-lost" "The last source volume gets no snapshot.";
    GroupAnySources "group-any-sources" "A group of the name from other sources is taken for the same.";
    GroupMismatch "group-mismatch" "snapshot_ids that do not match are accepted.";
    GroupIdHidden "group-id-hidden" "GetSnapshot and ListSnapshots do not tell the group of a member.";
    GroupMemberCode "group-member-code" "Deleting a member is refused as FAILED_PRECONDITION.";
    GroupUnready "group-unready" "The group is not ready although its members are.";
    // Metadata of snapshots.
    MetadataMisses "metadata-misses" "Every third block is left out.";
    MetadataOverlaps "metadata-overlaps" "Ranges overlap.";
    MetadataUnordered "metadata-unordered" "Ranges come in the wrong order.";
    MetadataSizes "metadata-sizes" "Ranges of several sizes are called fixed.";
    MetadataEmptyRange "metadata-empty-range" "A range has no bytes.";
    MetadataEarly "metadata-early" "The stream ends before its end.";
    MetadataOffset "metadata-offset" "starting_offset is not looked at.";
    MetadataOffsetSkips "metadata-offset-skips" "The range that starting_offset lies in is left out.";
    MetadataMany "metadata-many" "max_results is not kept.";
    MetadataCapacity "metadata-capacity" "The capacity differs between messages.";
    MetadataType "metadata-type" "The type differs between messages.";
    MetadataDeltaEmpty "metadata-delta-empty" "The delta is always empty.";
    MetadataRange "metadata-range" "An offset past the end is accepted.";
    // The node.
    StageNothing "stage-nothing" "NodeStageVolume answers OK and does nothing.";
    StageFormats "stage-formats" "Each NodeStageVolume formats again.";
    StageOnce "stage-once" "A second NodeStageVolume fails.";
    StageAnyCapability "stage-any-capability" "Staged with another capability answers OK.";
    UnstageLeavesMount "unstage-leaves-mount" "NodeUnstageVolume leaves the mount.";
    UnstageLeavesFile "unstage-leaves-file" "NodeUnstageVolume leaves a file in the staging folder.";
    UnstageOnce "unstage-once" "A second NodeUnstageVolume fails.";
    PublishUnstaged "publish-unstaged" "A volume that is not staged is published as an empty folder.";
    PublishNeedsTarget "publish-needs-target" "The target path has to exist.";
    PublishLink "publish-link" "The target path is a symbolic link to the staging folder.";
    PublishEmpty "publish-empty" "The target path is a folder of its own, not the volume.";
    PublishReadonlyIgnored "publish-readonly-ignored" "A read-only publish can be written to.";
    PublishToggle "publish-toggle" "Published there with another readonly answers OK.";
    PublishSecond "publish-second" "A single-node volume is published at a second target.";
    PublishSecondRefused "publish-second-refused" "A second target is refused for modes that allow it.";
    PublishOnce "publish-once" "A second NodePublishVolume fails.";
    PublishLeaves "publish-leaves" "A refused NodePublishVolume leaves the target path.";
    BlockAsFile "block-as-file" "A block volume is a plain file at the target path.";
    BlockAsFolder "block-as-folder" "A block volume is a folder at the target path.";
    BlockReadonlyIgnored "block-readonly-ignored" "A read-only block volume can be written to.";
    FlagsIgnored "flags-ignored" "mount_flags have no effect.";
    FsTypeIgnored "fs-type-ignored" "fs_type has no effect.";
    MountGroupIgnored "mount-group-ignored" "volume_mount_group has no effect.";
    UnpublishLeavesMount "unpublish-leaves-mount" "NodeUnpublishVolume leaves the mount.";
    UnpublishLeavesTarget "unpublish-leaves-target" "NodeUnpublishVolume leaves the target path.";
    UnpublishTakesOthers "unpublish-takes-others" "NodeUnpublishVolume unmounts the other targets of the volume.";
    UnpublishEmpties "unpublish-empties" "NodeUnpublishVolume deletes what the volume holds.";
    UnpublishOnce "unpublish-once" "A second NodeUnpublishVolume fails.";
    PathsShort "paths-short" "Paths of more than 100 bytes are refused.";
    PathsMiddling "paths-middling" "Paths of more than 200 bytes are refused.";
    StatsElsewhere "stats-elsewhere" "The numbers are those of the root file system.";
    StatsAnywhere "stats-anywhere" "Any path is a path of the volume.";
    StatsNegative "stats-negative" "A negative number is reported.";
    StatsNotStaging "stats-not-staging" "The staging path is not a path of the volume.";
    NodeExpandAnywhere "node-expand-anywhere" "NodeExpandVolume does not look at the path.";
    NodeIdChanges "node-id-changes" "The node id is another one in each reply.";
    NodeInfoOnce "node-info-once" "A second NodeGetInfo fails.";
    // The process.
    StateLost "state-lost" "Nothing is known any more after a restart.";
    StagingLost "staging-lost" "What is staged and published is not known any more after a restart.";
    SecretsLogged "secrets-logged" "Secrets are written to the log.";
    SecretsEchoed "secrets-echoed" "Secrets are part of refusals.";
    SecretsExtra "secrets-extra" "Secrets that are not needed are refused.";
    FlagsLogged "flags-logged" "mount_flags are written to the log.";
    FlagsEchoed "flags-echoed" "mount_flags are part of refusals.";
    LogFile "log-file" "A log file beside the state is kept open and written to.";
    CapabilitiesChange "capabilities-change" "A restarted driver has other capabilities.";
    FilesBesideSocket "files-beside-socket" "A file is written beside the socket.";
    Daemonizes "daemonizes" "The process that was started ends, and another one goes on serving.";
    WaitsForOther "waits-for-other" "A second instance waits for the end of the first before it listens.";
    ExitOnDisconnect "exit-on-disconnect" "The process ends when a client goes.";
    EndpointBrokenStays "endpoint-broken-stays" "The process stays although its endpoint is unusable.";
    EndpointBrokenSilent "endpoint-broken-silent" "An unusable endpoint ends the process as if all were well.";
    EndpointEnvIgnored "endpoint-env-ignored" "CSI_ENDPOINT is not looked at.";
    DiesOfNegative "dies-of-negative" "A negative number ends the process.";
    DiesOfEnum "dies-of-enum" "An unknown access mode ends the process.";
    DiesOfLongName "dies-of-long-name" "A name of more than 128 bytes ends the process.";
    DiesOfUnset "dies-of-unset" "A missing capability ends the process.";
    DiesOfUnicode "dies-of-unicode" "A name that is not ASCII ends the process.";
    DiesOfCancel "dies-of-cancel" "A call that its client gave up ends the process.";
    CancelLeaves "cancel-leaves" "A call that its client gave up is retried as ALREADY_EXISTS.";
    ProbeUnready "probe-unready" "Probe never says ready.";
    ProbeOnce "probe-once" "Probe fails after ten calls.";
}

/// The mistakes that were asked for.
#[derive(Debug, Default)]
pub struct Defects(BTreeSet<Defect>);

impl Defects {
    /// Reads their names.
    pub fn parse(names: &[String]) -> Result<Self, String> {
        let find = |name: &String| {
            let found = Defect::ALL.iter().find(|(_, known, _)| known == name);
            found.map(|(defect, ..)| *defect).ok_or_else(|| {
                format!("no defect is called {name:?}: --defect list shows all of them")
            })
        };
        names.iter().map(find).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this one was asked for.
    pub fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }
}

/// A line for each of them.
pub fn list() -> String {
    let width = Defect::ALL.iter().map(|(_, name, _)| name.len()).max().unwrap_or(0);
    let line = |(_, name, says): &(Defect, &str, &str)| format!("{name:width$}  {says}\n");
    Defect::ALL.iter().map(line).collect()
}
