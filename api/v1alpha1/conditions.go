package v1alpha1

// Condition types. Ready, Reconciling and Stalled are those of kstatus, so that Flux and kubectl wait
// understand them without configuration.
const (
	// ConditionReady is True if the cluster is in the state that the spec asks for.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the operator works or waits, and nobody needs to act.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True while somebody must act.
	ConditionStalled = "Stalled"
	// ConditionPullSecretValid says whether the registries accept the pull secret in use.
	ConditionPullSecretValid = "PullSecretValid"
	// ConditionClientCertificateValid says whether the client certificate for CAP is valid, and for long enough.
	ConditionClientCertificateValid = "ClientCertificateValid"
	// ConditionOldCredentialsRevoked is True once every registry refuses the credentials that the last rotation replaced, False while one still
	// accepts them although OCM reports them as deleted, and Unknown while that is awaited or cannot be known.
	ConditionOldCredentialsRevoked = "OldCredentialsRevoked"
	// ConditionMachinesCanPull is True once a machine of each pool has pulled spec.rollout.probe.image with the new pull secret, False while one
	// cannot, and Unknown until each has answered; it is present only with spec.rollout.probe.
	ConditionMachinesCanPull = "MachinesCanPull"
	// ConditionSuspended is present and True only while spec.suspend is true. Ready keeps its last message.
	ConditionSuspended = "Suspended"
	// ConditionPoolsPaused is True while a paused MachineConfigPool keeps its machines from getting a new pull secret.
	ConditionPoolsPaused = "PoolsPaused"
	// ConditionSecondWriter is True while somebody else writes the same Secrets.
	ConditionSecondWriter = "SecondWriter"
	// ConditionSpecMatches is False while the spec names something that this cluster lacks, or a CredentialsRequest cannot be served.
	ConditionSpecMatches = "SpecMatches"
	// ConditionClockSkewed is present and True only while this cluster's clock and CAP's disagree.
	ConditionClockSkewed = "ClockSkewed"
	// ConditionExpiryDoubtful is present and True only while CAP gives an expiry that cannot be relied on.
	ConditionExpiryDoubtful = "ExpiryDoubtful"
	// ConditionUpgradeReady is True if each CredentialsRequest of the next release has a role that CAP gives; it is present only with
	// spec.upgrade.prepare.
	ConditionUpgradeReady = "UpgradeReady"
)

// Reasons of both kinds. Conditions, events, metric labels and runbooks use the same reasons.
const (
	// ReasonSuspended: spec.suspend is true; nothing is requested or written.
	ReasonSuspended = "Suspended"
	// ReasonInvalidSpec: the spec passed the schema but cannot be carried out, for example because of an unknown time zone.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonHostNotAllowed: the operator's installation does not allow sending credentials to a server in the spec.
	ReasonHostNotAllowed = "HostNotAllowed"
	// ReasonForbidden: the operator lacks a right; the message contains the command that grants it.
	ReasonForbidden = "Forbidden"
	// ReasonConflict: another object claims the same Secret; the older one keeps it.
	ReasonConflict = "Conflict"
	// ReasonInternalError: an unexpected error, retried with backoff.
	ReasonInternalError = "InternalError"
	// ReasonClockSkew: this cluster's clock and a service's disagree by minutes or more. The SSO then refuses tokens; CAP's expiries are
	// converted from CAP's clock.
	ReasonClockSkew = "ClockSkew"
)

// Reasons of PullSecretRotation: the course of a rotation, in order.
const (
	// ReasonNotDue: T is satisfied, or in the future.
	ReasonNotDue = "NotDue"
	// ReasonAwaitingApproval: spec.approval holds the request back.
	ReasonAwaitingApproval = "AwaitingApproval"
	// ReasonAwaitingWindow: no start window is open.
	ReasonAwaitingWindow = "AwaitingWindow"
	// ReasonSpreadingRequests: clusters of one account wait for different times, so that one of them requests the rotation for all.
	ReasonSpreadingRequests = "SpreadingRequests"
	// ReasonRotationStarted: the baseline is taken.
	ReasonRotationStarted = "RotationStarted"
	// ReasonRotationRequested: OCM accepted the request.
	ReasonRotationRequested = "RotationRequested"
	// ReasonRotationAdopted: this cluster takes part in a rotation that it did not request, or whose answer was lost.
	ReasonRotationAdopted = "RotationAdopted"
	// ReasonAwaitingIssue: OCM has not issued new credentials yet.
	ReasonAwaitingIssue = "AwaitingIssue"
	// ReasonIssueOverdue: OCM has not issued new credentials for longer than its four batches a day explain.
	ReasonIssueOverdue = "IssueOverdue"
	// ReasonCredentialsIssued: OCM has issued new credentials.
	ReasonCredentialsIssued = "CredentialsIssued"
	// ReasonVerifying: the operator checks the new credentials with the registries.
	ReasonVerifying = "Verifying"
	// ReasonCredentialsVerified: the registries accept the new credentials.
	ReasonCredentialsVerified = "CredentialsVerified"
	// ReasonCredentialsRefused: a registry refuses the new credentials; its entries were not written.
	ReasonCredentialsRefused = "CredentialsRefused"
	// ReasonVerificationIncomplete: a Required registry could not be reached; its entries were not written.
	ReasonVerificationIncomplete = "VerificationIncomplete"
	// ReasonPullSecretUpdated: a target has the new credentials.
	ReasonPullSecretUpdated = "PullSecretUpdated"
	// ReasonAlreadyCurrent: insights-operator or a person had already written the new credentials to a target.
	ReasonAlreadyCurrent = "AlreadyCurrent"
	// ReasonRollingOut: the MachineConfigPools are rolling out the new file.
	ReasonRollingOut = "RollingOut"
	// ReasonRolloutOverdue: the roll-out has taken longer than spec.rollout.timeout.
	ReasonRolloutOverdue = "RolloutOverdue"
	// ReasonRolloutDegraded: a pool is degraded.
	ReasonRolloutDegraded = "RolloutDegraded"
	// ReasonPoolPaused: a pool is paused: its machines keep the old file until somebody unpauses it.
	ReasonPoolPaused = "PoolPaused"
	// ReasonRolledOut: the machines have the new file.
	ReasonRolledOut = "RolledOut"
	// ReasonProbing: a machine of each pool is about to pull an image with the new file.
	ReasonProbing = "Probing"
	// ReasonProbesPulled: a machine of each pool has pulled the image with the new file.
	ReasonProbesPulled = "ProbesPulled"
	// ReasonProbeRefused: the registry refuses a machine that pulls with the new file.
	ReasonProbeRefused = "ProbeRefused"
	// ReasonProbeImageMissing: the registry does not have the image that the machines are to pull, or its name is invalid.
	ReasonProbeImageMissing = "ProbeImageMissing"
	// ReasonProbeFailed: a machine cannot pull the image, and the cause is not the credential.
	ReasonProbeFailed = "ProbeFailed"
	// ReasonProbeNotStarted: no machine of a pool has begun to pull in time.
	ReasonProbeNotStarted = "ProbeNotStarted"
	// ReasonProbeNotCreated: the API server refuses the Pod with which a machine is to pull.
	ReasonProbeNotCreated = "ProbeNotCreated"
	// ReasonAwaitingRevocation: OCM keeps the old credentials until every cluster of the account has switched.
	ReasonAwaitingRevocation = "AwaitingRevocation"
	// ReasonRevocationOverdue: OCM has kept the old credentials for longer than its transfers last.
	ReasonRevocationOverdue = "RevocationOverdue"
	// ReasonRotationCompleted: OCM has deleted the old credentials; the rotation has ended.
	ReasonRotationCompleted = "RotationCompleted"
	// ReasonRolledBack: a registry refused the new entries and accepted the old ones, which were restored.
	ReasonRolledBack = "RolledBack"
	// ReasonRollbackImpossible: the old credentials no longer work, so restoring them would break the cluster, or their backup is missing.
	ReasonRollbackImpossible = "RollbackImpossible"
	// ReasonRevocationUnknown: OCM no longer lists the rotation, so it is unknown whether the old credentials are deleted.
	ReasonRevocationUnknown = "RevocationUnknown"
	// ReasonRevocationProven: every registry refuses the credentials that the rotation replaced.
	ReasonRevocationProven = "RevocationProven"
	// ReasonRevocationSpreading: a registry still accepts a replaced credential, which OCM deleted less than a day ago.
	ReasonRevocationSpreading = "RevocationSpreading"
	// ReasonOldCredentialsAccepted: a registry still accepts a replaced credential, which OCM deleted more than a day ago.
	ReasonOldCredentialsAccepted = "OldCredentialsAccepted"
	// ReasonRevocationUnproven: a registry could not be asked about a replaced credential, or nothing is left to ask with.
	ReasonRevocationUnproven = "RevocationUnproven"
	// ReasonRotationVanished: OCM no longer lists the rotation under way.
	ReasonRotationVanished = "RotationVanished"
	// ReasonAudited: mode Audit has reported.
	ReasonAudited = "Audited"
	// ReasonAuditedStale: mode Audit has found a rotation whose new credentials this cluster lacks.
	ReasonAuditedStale = "AuditedStale"
	// ReasonFollowing: mode Follow waits for a rotation that somebody else requests.
	ReasonFollowing = "Following"
	// ReasonEntryHealed: an entry had been set back to an old value, and the operator has replaced it again.
	ReasonEntryHealed = "EntryHealed"
	// ReasonWriterFight: another writer repeatedly restores old values.
	ReasonWriterFight = "WriterFight"
)

// Reasons of PullSecretRotation: what prevents a rotation from starting.
const (
	// ReasonOCMCredentialMissing: the Secret with the OCM credential is missing or has none of the known keys.
	ReasonOCMCredentialMissing = "OCMCredentialMissing"
	// ReasonOCMTokenExpired: the SSO no longer knows the offline token.
	ReasonOCMTokenExpired = "OCMTokenExpired"
	// ReasonOCMClientRefused: the SSO refuses the client id or secret.
	ReasonOCMClientRefused = "OCMClientRefused"
	// ReasonOCMOfflineTokensForbidden: the organisation forbids offline tokens.
	ReasonOCMOfflineTokensForbidden = "OCMOfflineTokensForbidden"
	// ReasonOCMUnauthorized: OCM refuses the access token although the SSO issued it.
	ReasonOCMUnauthorized = "OCMUnauthorized"
	// ReasonOCMForbidden: the account may not do this.
	ReasonOCMForbidden = "OCMForbidden"
	// ReasonOCMUnavailable: OCM or the SSO cannot be reached or answers with an error of its own.
	ReasonOCMUnavailable = "OCMUnavailable"
	// ReasonOCMRateLimited: OCM is rate limiting requests.
	ReasonOCMRateLimited = "OCMRateLimited"
	// ReasonAccountMismatch: the OCM credential and the cluster's pull secret belong to different accounts.
	ReasonAccountMismatch = "AccountMismatch"
	// ReasonOwnerUnknown: nothing proves that the cluster's pull secret belongs to the account of the OCM credential.
	ReasonOwnerUnknown = "OwnerUnknown"
	// ReasonVerificationImpossible: a Required registry cannot be reached, so new credentials could not be verified.
	ReasonVerificationImpossible = "VerificationImpossible"
	// ReasonPoolsNotReady: a MachineConfigPool is degraded or in the middle of another change.
	ReasonPoolsNotReady = "PoolsNotReady"
	// ReasonAccountPinMismatch: the OCM credential belongs to another account than spec.ocm.accountID.
	ReasonAccountPinMismatch = "AccountPinMismatch"
	// ReasonClusterTokenDead: OCM refuses the cluster's own token.
	ReasonClusterTokenDead = "ClusterTokenDead"
	// ReasonHostedControlPlane: the pull secret of a hosted cluster is overwritten from its HostedCluster.
	ReasonHostedControlPlane = "HostedControlPlane"
	// ReasonSiblingClusters: other active clusters share the account and spec.siblingClusters is Refuse.
	ReasonSiblingClusters = "SiblingClusters"
	// ReasonNodeDisruption: a node disruption policy would drain or reboot nodes for the new file.
	ReasonNodeDisruption = "NodeDisruption"
	// ReasonTargetMissing: a target does not exist.
	ReasonTargetMissing = "TargetMissing"
	// ReasonTargetInvalid: a target is immutable, has the wrong type, lacks .dockerconfigjson, or does not parse.
	ReasonTargetInvalid = "TargetInvalid"
	// ReasonMalformedAnswer: OCM answered with something that is not a pull secret.
	ReasonMalformedAnswer = "MalformedAnswer"
)

// Reasons of PullSecretValid.
const (
	// ReasonRegistriesAccept: every Required registry accepts the pull secret in use.
	ReasonRegistriesAccept = "RegistriesAccept"
	// ReasonRegistriesRefuse: a Required registry refuses it.
	ReasonRegistriesRefuse = "RegistriesRefuse"
	// ReasonRegistriesUnknown: a Required registry could not be reached.
	ReasonRegistriesUnknown = "RegistriesUnknown"
)

// Reasons of CAPCredentialSet: of the set and of each of its targets.
const (
	// ReasonFresh: the credential is valid until its next refresh.
	ReasonFresh = "Fresh"
	// ReasonRefreshed: a new credential was written.
	ReasonRefreshed = "Refreshed"
	// ReasonAwaitingRefresh: a credential is due for a refresh, which has not happened yet.
	ReasonAwaitingRefresh = "AwaitingRefresh"
	// ReasonEditNotProven: CAP has given no good answer since the spec, the client certificate or a CA was changed.
	ReasonEditNotProven = "EditNotProven"
	// ReasonRefreshFailing: some targets have no fresh credential; their rows say why.
	ReasonRefreshFailing = "RefreshFailing"
	// ReasonNoTargets: no AWS CredentialsRequest matches and no Secret is named.
	ReasonNoTargets = "NoTargets"
	// ReasonNoRole: nothing gives the target a role.
	ReasonNoRole = "NoRole"
	// ReasonNamespaceMissing: the namespace of the Secret does not exist yet.
	ReasonNamespaceMissing = "NamespaceMissing"
	// ReasonSecretMissing: the Secret does not exist and createMissingSecrets is false.
	ReasonSecretMissing = "SecretMissing"
	// ReasonSecretNotOurs: the Secret has content that the operator did not write, and the spec does not allow taking it over.
	ReasonSecretNotOurs = "SecretNotOurs"
	// ReasonSecretNotOpaque: the type of the Secret is not Opaque.
	ReasonSecretNotOpaque = "SecretNotOpaque"
	// ReasonSpecMatched: every name in the spec matches something.
	ReasonSpecMatched = "SpecMatched"
	// ReasonSpecUnmatched: a name in the spec matches nothing, or a CredentialsRequest cannot be served; the message lists them.
	ReasonSpecUnmatched = "SpecUnmatched"
	// ReasonCredentialsModeNotManual: the cloud-credential-operator writes these Secrets itself.
	ReasonCredentialsModeNotManual = "CredentialsModeNotManual"
	// ReasonLegacyCronJob: a cap-token-refresh CronJob writes the same Secrets.
	ReasonLegacyCronJob = "LegacyCronJob"
	// ReasonRegularWriter: the operator has corrected the same Secret several times within a day.
	ReasonRegularWriter = "RegularWriter"
	// ReasonNoSecondWriter: nobody else writes the Secrets.
	ReasonNoSecondWriter = "NoSecondWriter"
	// ReasonExpiryUnreadable: CAP gives the expiry of a credential in an unknown form, or without a time zone.
	ReasonExpiryUnreadable = "ExpiryUnreadable"
	// ReasonClusterUnknown: the CredentialsRequests or the cloud-credential-operator's mode have not been read for a minute.
	ReasonClusterUnknown = "ClusterUnknown"
	// ReasonSecretEdited: somebody changed a key that the operator writes; the credential was refreshed.
	ReasonSecretEdited = "SecretEdited"
	// ReasonWriteRefused: the API server refuses to write a Secret, for example an immutable one.
	ReasonWriteRefused = "WriteRefused"
	// ReasonWorkloadRestarted: a workload that cannot reload was restarted.
	ReasonWorkloadRestarted = "WorkloadRestarted"
	// ReasonRestartFailed: a workload of restartTargets could not be restarted, so it may still use old credentials.
	ReasonRestartFailed = "RestartFailed"

	// Classes of a bad answer of CAP. None holds any of the body.

	// ReasonAuthenticationRefused: CAP refused the client certificate, which it shows by a 200 with an HTML page.
	ReasonAuthenticationRefused = "AuthenticationRefused"
	// ReasonRequestRejected: CAP answered 400: agency, mission or a parameter is wrong.
	ReasonRequestRejected = "RequestRejected"
	// ReasonRoleRefused: CAP answered 403: the role is unknown or not allowed.
	ReasonRoleRefused = "RoleRefused"
	// ReasonAPIDisabled: CAP answered 404: the API is off, or the URL's path is wrong.
	ReasonAPIDisabled = "APIDisabled"
	// ReasonCAPUnavailable: CAP cannot be reached, is too slow, or answers 429 or 5xx.
	ReasonCAPUnavailable = "CAPUnavailable"
	// ReasonProxyUnavailable: the proxy in front of CAP cannot be reached, is not trusted, or refuses the operator.
	ReasonProxyUnavailable = "ProxyUnavailable"
	// ReasonHandshakeFailed: CAP and the operator have no TLS version or cipher in common, or CAP's address does not speak TLS.
	ReasonHandshakeFailed = "HandshakeFailed"
	// ReasonCAPUntrusted: CAP's server certificate is not trusted.
	ReasonCAPUntrusted = "CAPUntrusted"
	// ReasonMalformedCredential: the answer is not a credential: it is truncated, too large, not JSON, or lacks a key.
	ReasonMalformedCredential = "MalformedCredential"
	// ReasonCredentialExpired: the answer holds a credential that has already expired.
	ReasonCredentialExpired = "CredentialExpired"
	// ReasonUnsafeCredential: the answer holds characters that could inject lines into the credentials file.
	ReasonUnsafeCredential = "UnsafeCredential"
	// ReasonCredentialRefused: STS refuses the new credential.
	ReasonCredentialRefused = "CredentialRefused"
	// ReasonSTSUnavailable: STS could not check the credential, and verification.sts is Required.
	ReasonSTSUnavailable = "STSUnavailable"

	// Reasons of UpgradeReady.

	// ReasonUpgradePrepared: each CredentialsRequest of the next release has a role that CAP gives.
	ReasonUpgradePrepared = "UpgradePrepared"
	// ReasonUpgradeRoleMissing: a CredentialsRequest of the next release has no role.
	ReasonUpgradeRoleMissing = "UpgradeRoleMissing"
	// ReasonUpgradeRoleRefused: CAP does not give a role that the next release needs.
	ReasonUpgradeRoleRefused = "UpgradeRoleRefused"
	// ReasonUpgradeRolesUntried: CAP has not been asked for all roles of the next release yet.
	ReasonUpgradeRolesUntried = "UpgradeRolesUntried"
	// ReasonUpgradeRequestsUnreadable: the ConfigMap with the CredentialsRequests of the next release is missing or cannot be read.
	ReasonUpgradeRequestsUnreadable = "UpgradeRequestsUnreadable"

	// Reasons of the client certificate.

	// ReasonCertificateValid: it is valid for longer than the warning time.
	ReasonCertificateValid = "CertificateValid"
	// ReasonCertificateMissing: the Secret is missing, or has neither pair of keys.
	ReasonCertificateMissing = "CertificateMissing"
	// ReasonCertificateInvalid: it does not parse.
	ReasonCertificateInvalid = "CertificateInvalid"
	// ReasonCertificateKeyEncrypted: the private key is encrypted.
	ReasonCertificateKeyEncrypted = "CertificateKeyEncrypted"
	// ReasonCertificateKeyMismatch: the private key belongs to another certificate.
	ReasonCertificateKeyMismatch = "CertificateKeyMismatch"
	// ReasonCertificateNotYetValid: it becomes valid later.
	ReasonCertificateNotYetValid = "CertificateNotYetValid"
	// ReasonCertificateExpired: it has expired.
	ReasonCertificateExpired = "CertificateExpired"
	// ReasonCertificateExpiring: it expires soon.
	ReasonCertificateExpiring = "CertificateExpiring"
)
