package v1alpha1

// Condition types. Ready, Reconciling and Stalled are those of kstatus, so that Flux and kubectl wait
// understand them without configuration.
const (
	// ConditionReady is True when what the spec states is true.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the operator works or waits for something that will come.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when only a person can help.
	ConditionStalled = "Stalled"
	// ConditionPullSecretValid says whether the registries accept the pull secret in use.
	ConditionPullSecretValid = "PullSecretValid"
	// ConditionClientCertificateValid says whether the client certificate for CAP is good, and for long enough.
	ConditionClientCertificateValid = "ClientCertificateValid"
	// ConditionOldCredentialsRevoked is True when OCM says that it has deleted the credentials which the last rotation replaced,
	// Unknown while that is awaited or cannot be told.
	ConditionOldCredentialsRevoked = "OldCredentialsRevoked"
	// ConditionSuspended is True while spec.suspend is; it is present only then. Ready keeps what it said last.
	ConditionSuspended = "Suspended"
	// ConditionPoolsPaused is True while a paused MachineConfigPool keeps its machines from getting a new pull secret.
	ConditionPoolsPaused = "PoolsPaused"
	// ConditionSecondWriter is True while somebody else writes the same Secrets.
	ConditionSecondWriter = "SecondWriter"
	// ConditionSpecMatches is False while the spec names what this cluster does not have, or a CredentialsRequest cannot be served.
	ConditionSpecMatches = "SpecMatches"
	// ConditionClockSkewed is True while this cluster's clock and CAP's disagree; it is present only then.
	ConditionClockSkewed = "ClockSkewed"
	// ConditionExpiryDoubtful is True while CAP tells an expiry that cannot be relied on; it is present only then.
	ConditionExpiryDoubtful = "ExpiryDoubtful"
)

// Reasons of both kinds. A reason is used by the condition, the event, the metric label and the runbook alike.
const (
	// ReasonSuspended: spec.suspend is true; nothing is requested or written.
	ReasonSuspended = "Suspended"
	// ReasonInvalidSpec: the spec passed the schema and cannot be carried out all the same, such as an unknown time zone.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonHostNotAllowed: the spec names a server to which the operator's installation lets no credential go.
	ReasonHostNotAllowed = "HostNotAllowed"
	// ReasonForbidden: the operator lacks a right; the message has the command that grants it.
	ReasonForbidden = "Forbidden"
	// ReasonConflict: another object claims the same Secret; the older one keeps it.
	ReasonConflict = "Conflict"
	// ReasonInternalError: an unexpected error, retried with backoff.
	ReasonInternalError = "InternalError"
	// ReasonClockSkew: this cluster's clock and a service's disagree by minutes or more. The SSO refuses tokens then; the
	// expiries that CAP gives are counted by CAP's clock.
	ReasonClockSkew = "ClockSkew"
)

// Reasons of PullSecretRotation: the way of a rotation, in its order.
const (
	// ReasonNotDue: T is satisfied, or still to come.
	ReasonNotDue = "NotDue"
	// ReasonAwaitingApproval: spec.approval holds the request back.
	ReasonAwaitingApproval = "AwaitingApproval"
	// ReasonAwaitingWindow: no start window is open.
	ReasonAwaitingWindow = "AwaitingWindow"
	// ReasonSpreadingRequests: clusters of one account wait for different times, so that one of them requests for all.
	ReasonSpreadingRequests = "SpreadingRequests"
	// ReasonRotationStarted: the baseline is taken.
	ReasonRotationStarted = "RotationStarted"
	// ReasonRotationRequested: OCM accepted the request.
	ReasonRotationRequested = "RotationRequested"
	// ReasonRotationAdopted: a rotation that this cluster did not request, or whose answer was lost, is seen through.
	ReasonRotationAdopted = "RotationAdopted"
	// ReasonAwaitingIssue: OCM has not issued new credentials yet.
	ReasonAwaitingIssue = "AwaitingIssue"
	// ReasonIssueOverdue: OCM has not issued new credentials for longer than its four daily batches explain.
	ReasonIssueOverdue = "IssueOverdue"
	// ReasonCredentialsIssued: OCM gives out new credentials.
	ReasonCredentialsIssued = "CredentialsIssued"
	// ReasonVerifying: the registries are asked about the new credentials.
	ReasonVerifying = "Verifying"
	// ReasonCredentialsVerified: the registries accept the new credentials.
	ReasonCredentialsVerified = "CredentialsVerified"
	// ReasonCredentialsRefused: a registry refuses the new credentials; its entries were not written.
	ReasonCredentialsRefused = "CredentialsRefused"
	// ReasonVerificationIncomplete: a Required registry could not be asked; its entries were not written.
	ReasonVerificationIncomplete = "VerificationIncomplete"
	// ReasonPullSecretUpdated: a target has the new credentials.
	ReasonPullSecretUpdated = "PullSecretUpdated"
	// ReasonAlreadyCurrent: a target had the new credentials before the operator wrote, by insights-operator or a person.
	ReasonAlreadyCurrent = "AlreadyCurrent"
	// ReasonRollingOut: the MachineConfigPools are taking the new file to the machines.
	ReasonRollingOut = "RollingOut"
	// ReasonRolloutOverdue: they have not within spec.rollout.timeout.
	ReasonRolloutOverdue = "RolloutOverdue"
	// ReasonRolloutDegraded: a pool is degraded.
	ReasonRolloutDegraded = "RolloutDegraded"
	// ReasonPoolPaused: a pool is paused: its machines keep the old file until somebody unpauses it.
	ReasonPoolPaused = "PoolPaused"
	// ReasonRolledOut: the machines have the new file.
	ReasonRolledOut = "RolledOut"
	// ReasonAwaitingRevocation: OCM keeps the old credentials until every cluster of the account has switched.
	ReasonAwaitingRevocation = "AwaitingRevocation"
	// ReasonRevocationOverdue: it has kept them for longer than its transfers live.
	ReasonRevocationOverdue = "RevocationOverdue"
	// ReasonRotationCompleted: OCM has deleted the old credentials; the rotation has ended.
	ReasonRotationCompleted = "RotationCompleted"
	// ReasonRolledBack: a registry refused the new entries and accepted the old ones, which were put back.
	ReasonRolledBack = "RolledBack"
	// ReasonRollbackImpossible: the old credentials are dead, so putting them back would break the cluster, or their backup is gone.
	ReasonRollbackImpossible = "RollbackImpossible"
	// ReasonRevocationUnknown: OCM no longer lists the rotation, so nobody says whether the old credentials are deleted.
	ReasonRevocationUnknown = "RevocationUnknown"
	// ReasonRotationVanished: OCM no longer lists the rotation under way.
	ReasonRotationVanished = "RotationVanished"
	// ReasonAudited: mode Audit has reported.
	ReasonAudited = "Audited"
	// ReasonAuditedStale: mode Audit has found a rotation that this cluster will not survive, or has not followed.
	ReasonAuditedStale = "AuditedStale"
	// ReasonFollowing: mode Follow waits for a rotation that somebody else requests.
	ReasonFollowing = "Following"
	// ReasonEntryHealed: an entry had gone back to a value known to be old and was set again.
	ReasonEntryHealed = "EntryHealed"
	// ReasonWriterFight: the same writer puts old values back again and again.
	ReasonWriterFight = "WriterFight"
)

// Reasons of PullSecretRotation: what keeps a rotation from starting.
const (
	// ReasonOCMCredentialMissing: the Secret with the OCM credential is missing or has none of the known keys.
	ReasonOCMCredentialMissing = "OCMCredentialMissing"
	// ReasonOCMTokenExpired: the SSO no longer knows the offline token.
	ReasonOCMTokenExpired = "OCMTokenExpired"
	// ReasonOCMClientRefused: the SSO refuses the client id or secret.
	ReasonOCMClientRefused = "OCMClientRefused"
	// ReasonOCMOfflineTokensForbidden: the organisation forbids offline tokens.
	ReasonOCMOfflineTokensForbidden = "OCMOfflineTokensForbidden"
	// ReasonOCMUnauthorized: OCM refuses the access token although the SSO gave it.
	ReasonOCMUnauthorized = "OCMUnauthorized"
	// ReasonOCMForbidden: the account may not do this.
	ReasonOCMForbidden = "OCMForbidden"
	// ReasonOCMUnavailable: OCM or the SSO cannot be reached or answers with an error of its own.
	ReasonOCMUnavailable = "OCMUnavailable"
	// ReasonOCMRateLimited: OCM is rate limiting requests.
	ReasonOCMRateLimited = "OCMRateLimited"
	// ReasonAccountMismatch: the OCM credential belongs to another account than the cluster's pull secret.
	ReasonAccountMismatch = "AccountMismatch"
	// ReasonOwnerUnknown: nothing proves that the cluster's pull secret is of the account that the OCM credential belongs to.
	ReasonOwnerUnknown = "OwnerUnknown"
	// ReasonVerificationImpossible: a Required registry cannot be asked, so new credentials could not be verified.
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
	// ReasonRegistriesUnknown: a Required registry could not be asked.
	ReasonRegistriesUnknown = "RegistriesUnknown"
)

// Reasons of CAPCredentialSet: of the set and of each of its targets.
const (
	// ReasonFresh: the credential is good until its next refresh.
	ReasonFresh = "Fresh"
	// ReasonRefreshed: a new credential was written.
	ReasonRefreshed = "Refreshed"
	// ReasonAwaitingRefresh: a credential is due and its turn has not come yet.
	ReasonAwaitingRefresh = "AwaitingRefresh"
	// ReasonEditNotProven: CAP has not answered well since the spec, the client certificate or a CA was changed.
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
	// ReasonSecretNotOurs: the Secret holds what the operator has not written, and the spec does not say that it may be taken over.
	ReasonSecretNotOurs = "SecretNotOurs"
	// ReasonSecretNotOpaque: the Secret is of another type than Opaque.
	ReasonSecretNotOpaque = "SecretNotOpaque"
	// ReasonSpecMatched: every name in the spec is that of something.
	ReasonSpecMatched = "SpecMatched"
	// ReasonSpecUnmatched: a name in the spec matches nothing, or a CredentialsRequest cannot be served; the message has them.
	ReasonSpecUnmatched = "SpecUnmatched"
	// ReasonCredentialsModeNotManual: the cloud-credential-operator writes these Secrets itself.
	ReasonCredentialsModeNotManual = "CredentialsModeNotManual"
	// ReasonLegacyCronJob: a cap-token-refresh CronJob writes the same Secrets.
	ReasonLegacyCronJob = "LegacyCronJob"
	// ReasonRegularWriter: the same Secret has been set right several times within a day.
	ReasonRegularWriter = "RegularWriter"
	// ReasonNoSecondWriter: nobody else writes the Secrets.
	ReasonNoSecondWriter = "NoSecondWriter"
	// ReasonExpiryUnreadable: CAP tells when a credential expires in a form that says nothing, or without a zone.
	ReasonExpiryUnreadable = "ExpiryUnreadable"
	// ReasonClusterUnknown: the CredentialsRequests or the cloud-credential-operator's mode have not been read for a minute.
	ReasonClusterUnknown = "ClusterUnknown"
	// ReasonSecretEdited: somebody changed a key that the operator keeps; it was fetched anew.
	ReasonSecretEdited = "SecretEdited"
	// ReasonWriteRefused: the API server refuses the write of a Secret, such as one that is immutable.
	ReasonWriteRefused = "WriteRefused"
	// ReasonWorkloadRestarted: a workload that cannot reload was restarted.
	ReasonWorkloadRestarted = "WorkloadRestarted"
	// ReasonRestartFailed: a workload of restartTargets could not be restarted, so it may still use old credentials.
	ReasonRestartFailed = "RestartFailed"

	// Classes of a bad answer of CAP. None carries a byte of the body.

	// ReasonAuthenticationRefused: CAP refused the client certificate, which it says with 200 and an HTML page.
	ReasonAuthenticationRefused = "AuthenticationRefused"
	// ReasonRequestRejected: CAP answered 400: agency, mission or a parameter is wrong.
	ReasonRequestRejected = "RequestRejected"
	// ReasonRoleRefused: CAP answered 403: the role is unknown or not allowed.
	ReasonRoleRefused = "RoleRefused"
	// ReasonAPIDisabled: CAP answered 404: the API is off, or the URL's path is wrong.
	ReasonAPIDisabled = "APIDisabled"
	// ReasonCAPUnavailable: CAP cannot be reached, is too slow, or answers 429 or 5xx.
	ReasonCAPUnavailable = "CAPUnavailable"
	// ReasonProxyUnavailable: the proxy before CAP cannot be reached, is not trusted, or does not let the operator through.
	ReasonProxyUnavailable = "ProxyUnavailable"
	// ReasonHandshakeFailed: CAP and the operator have no version or cipher of TLS in common, or CAP's address speaks no TLS.
	ReasonHandshakeFailed = "HandshakeFailed"
	// ReasonCAPUntrusted: CAP's server certificate is not trusted.
	ReasonCAPUntrusted = "CAPUntrusted"
	// ReasonMalformedCredential: the answer is no credential: truncated, too large, not JSON, a key missing.
	ReasonMalformedCredential = "MalformedCredential"
	// ReasonCredentialExpired: the answer holds a credential that has expired already.
	ReasonCredentialExpired = "CredentialExpired"
	// ReasonUnsafeCredential: the answer holds control characters, which could inject into the credentials file.
	ReasonUnsafeCredential = "UnsafeCredential"
	// ReasonCredentialRefused: STS refuses the new credential.
	ReasonCredentialRefused = "CredentialRefused"
	// ReasonSTSUnavailable: STS could not be asked and verification.sts is Required.
	ReasonSTSUnavailable = "STSUnavailable"

	// Reasons of the client certificate.

	// ReasonCertificateValid: it is good for longer than the warning time.
	ReasonCertificateValid = "CertificateValid"
	// ReasonCertificateMissing: the Secret is missing or has neither naming of the keys.
	ReasonCertificateMissing = "CertificateMissing"
	// ReasonCertificateInvalid: it does not parse.
	ReasonCertificateInvalid = "CertificateInvalid"
	// ReasonCertificateKeyEncrypted: the private key is encrypted.
	ReasonCertificateKeyEncrypted = "CertificateKeyEncrypted"
	// ReasonCertificateKeyMismatch: the private key belongs to another certificate.
	ReasonCertificateKeyMismatch = "CertificateKeyMismatch"
	// ReasonCertificateNotYetValid: its validity begins later.
	ReasonCertificateNotYetValid = "CertificateNotYetValid"
	// ReasonCertificateExpired: its validity has ended.
	ReasonCertificateExpired = "CertificateExpired"
	// ReasonCertificateExpiring: its validity ends soon.
	ReasonCertificateExpiring = "CertificateExpiring"
)
