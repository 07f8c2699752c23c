package decide

// need is a fact that a rule may need: the step that gathers it, what that asks, and whether it is already known.
type need struct {
	step  Step
	asks  string
	known func(Input) bool
}

// The facts.
var (
	needCluster = &need{LookAtCluster, "the API server: ClusterVersion, Infrastructure, MachineConfiguration",
		func(in Input) bool { return in.Facts.Cluster != nil }}
	needTargets = &need{LookAtTargets, "the API server: each target Secret, the OCM credential, the CA bundle",
		func(in Input) bool { return in.Facts.Targets != nil }}
	needRights = &need{LookAtRights, "the API server: one review for each target",
		func(in Input) bool { return in.Facts.RightsKnown }}
	needPools = &need{LookAtPools, "the API server: the MachineConfigPools",
		func(in Input) bool { return in.Facts.Pools != nil }}
	needMachines = &need{LookAtMachines, "the API server: the MachineConfigNodes, in pages",
		func(in Input) bool { return in.Facts.Machines != nil }}
	needAccount = &need{LookAtAccount, "OCM: `GET current_account`",
		func(in Input) bool { return in.Facts.Account != nil }}
	needOwner = &need{LookAtOwner, "OCM: `GET current_account`, with the token of each target whose owner is unknown",
		func(in Input) bool { return in.Facts.Owner != nil && !asks(in) }}
	needSiblings = &need{LookAtSiblings, "OCM: `GET subscriptions`, one request, or two for more than a page of clusters",
		func(in Input) bool { return in.Facts.Siblings != nil }}
	needRotations = &need{LookAtRotations, "OCM: `GET pull_secret_rotation`, with the cluster's token in a rotation that another cluster has requested",
		func(in Input) bool { return in.Facts.Rotations != nil }}
	needIssued = &need{LookAtIssued, "OCM: `POST access_token`, or `GET cluster_transfers` with the cluster's token where that is all there is, or in a rotation that another cluster has requested",
		func(in Input) bool { return in.Facts.Issued != nil }}
	needOffer = &need{LookAtOffer, "OCM: `GET cluster_transfers`",
		func(in Input) bool { return in.Facts.Offer != nil }}
	needBackup = &need{LookAtBackup, "the API server: the backup Secret",
		func(in Input) bool { return in.Facts.BackupKnown }}
	needChecks = &need{CheckInUse, "the registries; for `cloud.openshift.com` OCM: `GET current_account`",
		func(in Input) bool { return in.Facts.Checks != nil }}
	needIssuedChecks = &need{CheckIssued, "the same, about issued credentials that no evidence allows yet",
		func(in Input) bool { return in.Facts.IssuedChecks != nil }}
	needBackupChecks = &need{CheckBackup, "the registries that refuse an applied entry, about the entry that it replaced",
		func(in Input) bool { return in.Facts.BackupChecks != nil }}
	needProbes = &need{LookAtProbes, "the API server: the Pods of the probes, by their label",
		func(in Input) bool { return in.Facts.Probes != nil }}
	needProbeChecks = &need{CheckProbe, "the registry of the probes' image, about the image and the entry that was replaced",
		func(in Input) bool { return in.Facts.ProbeChecks != nil }}
	needOldChecks = &need{CheckOld, "the registries, about what the rotation has replaced; for `cloud.openshift.com` OCM: `GET current_account`",
		func(in Input) bool { return in.Facts.OldChecks != nil }}
)
