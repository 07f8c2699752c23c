package alerts

import (
	"strings"
	"time"
)

// moment is the expected summaries of an alert at a time of a story; none when the alert is silent.
type moment struct {
	at   time.Duration
	says []string
}

func quiet(at time.Duration) moment                 { return moment{at: at} }
func says(at time.Duration, texts ...string) moment { return moment{at, texts} }

// The labels that Prometheus adds to the operator's metrics.
const (
	up      = `up{namespace="openshift-credential-rotation-operator", job="credential-rotation-operator-metrics", pod="`
	secret  = `{namespace="openshift-credential-rotation-operator", exported_namespace="openshift-machine-api", name="aws-cloud-credentials", set="cap"} `
	second  = `{namespace="openshift-credential-rotation-operator", exported_namespace="openshift-image-registry", name="installer-cloud-credentials", set="cap"} `
	third   = `{namespace="openshift-credential-rotation-operator", exported_namespace="openshift-ingress-operator", name="cloud-credentials", set="cap"} `
	another = `{namespace="openshift-credential-rotation-operator", exported_namespace="backup", name="aws-credentials", set="other"} `
	day     = 24 * time.Hour
)

// stories have series in the notation of Prometheus' tests, one sample a minute from 1970 on: 0+1x5 is 0 1 2 3 4 5, _x5 nothing.
var stories = []struct {
	alert, name string
	series      string
	moments     []moment
}{
	{"CredentialRotationOperatorDown", "one replica is enough; none fires after a quarter of an hour",
		up + `a"} 0x100` + "\n" + up + `b"} 1x20 0x80`,
		[]moment{quiet(20 * minute), quiet(35 * minute), says(37*minute, "The credential-rotation-operator is not running or cannot be scraped.")}},
	{"CredentialRotationOperatorDown", "there is no series at all",
		`up{namespace="another", job="another-operator-metrics"} 1x60`,
		[]moment{quiet(10 * minute), says(20*minute, "The credential-rotation-operator is not running or cannot be scraped.")}},

	{"CredentialRotationOperatorDown", "it runs in another namespace",
		`up{namespace="another", job="credential-rotation-operator-metrics"} 1x20 0x40`,
		[]moment{quiet(20 * minute), says(37*minute, "The credential-rotation-operator is not running or cannot be scraped.")}},

	{"CredentialRotationReconcileErrors", "errors for an hour, and for half of one",
		`controller_runtime_reconcile_errors_total{controller="pullsecretrotation"} 0+1x200` + "\n" +
			`controller_runtime_reconcile_errors_total{controller="capcredentialset"} 0+1x30 30x170` + "\n" +
			`controller_runtime_reconcile_errors_total{controller="another"} 0+1x200`,
		[]moment{quiet(45 * minute), says(90*minute, "The controller pullsecretrotation has been failing for an hour.")}},

	{"OpenShiftClusterManagerRequestsFail", "no successful request for half a day",
		`credential_rotation_ocm_requests_total{status="200"} 0+1x10 10x900` + "\n" + `credential_rotation_ocm_requests_total{status="0"} 0x10 0+1x900`,
		[]moment{quiet(11 * time.Hour), says(13*time.Hour, "No request to OpenShift Cluster Manager has succeeded for 12 hours.")}},
	{"OpenShiftClusterManagerRequestsFail", "one success among many failures",
		`credential_rotation_ocm_requests_total{status="204"} 0x400 1x600` + "\n" + `credential_rotation_ocm_requests_total{status="503"} 0+1x1000`,
		[]moment{quiet(14 * time.Hour)}},
	{"OpenShiftClusterManagerRequestsFail", "there are no requests", `credential_rotation_ocm_requests_total{status="500"} 7x1000`, []moment{quiet(14 * time.Hour)}},

	{"PullSecretRefused", "accepted, not known, refused",
		`credential_rotation_pull_secret_valid{rotation="quarterly"} 1x10 _x10 0x20`,
		[]moment{quiet(10 * minute), quiet(20 * minute), quiet(27 * minute),
			says(29*minute, "A registry refuses the pull secret in use, says PullSecretRotation quarterly.")}},

	{"PullSecretOldCredentialsAccepted", "not known, accepted, refused at last",
		`credential_rotation_pull_secret_old_credentials_revoked{rotation="quarterly"} _x10 0x20 1x20`,
		[]moment{quiet(10 * minute), quiet(22 * minute),
			says(28*minute, "A registry still accepts credentials that PullSecretRotation quarterly has replaced."), quiet(35 * minute)}},

	{"PullSecretMachinesCannotPull", "one that is asked again pulls, the other still cannot",
		`credential_rotation_pull_secret_machines_can_pull{namespace="n", rotation="mended"} _x10 0x20 1x60` + "\n" +
			`credential_rotation_pull_secret_machines_can_pull{namespace="n", rotation="broken"} _x10 0x80`,
		[]moment{quiet(35 * minute), says(50*minute, "A machine could not pull with the new pull secret of PullSecretRotation broken.")}},
	{"PullSecretMachinesCannotPull", "a day later",
		`credential_rotation_pull_secret_machines_can_pull{namespace="n", rotation="broken"} _x10 0x1600`,
		[]moment{says(24*time.Hour, "A machine could not pull with the new pull secret of PullSecretRotation broken."), quiet(25 * time.Hour)}},

	{"PullSecretClustersLag", "a day before the first of them loses access, until all have switched",
		`credential_rotation_pull_secret_lagging_clusters{namespace="n", rotation="quarterly"} 13x200 2x100 0x100` + "\n" +
			`credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds{namespace="n", rotation="quarterly"} 93600x300 _x100` + "\n" + // 26 h
			`credential_rotation_pull_secret_lagging_clusters{namespace="n", rotation="new"} 499x400` + "\n" +
			`credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds{namespace="n", rotation="new"} 432000x400` + "\n" + // 5 d
			`credential_rotation_pull_secret_lagging_clusters{namespace="n", rotation="unlimited"} 3x400`,
		[]moment{quiet(130 * minute), says(140*minute, "13 clusters of the account have not switched to the new pull secret of PullSecretRotation quarterly."),
			says(250*minute, "2 clusters of the account have not switched to the new pull secret of PullSecretRotation quarterly."), quiet(320 * minute)}},
	{"PullSecretClustersLag", "OCM no longer waits for one, and another is unknown",
		`credential_rotation_pull_secret_lagging_clusters{namespace="n", rotation="late"} 1x60` + "\n" +
			`credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds{namespace="n", rotation="late"} 1200x60` + "\n" +
			`credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds{namespace="n", rotation="unknown"} 1200x60`,
		[]moment{quiet(10 * minute), says(50*minute, "1 clusters of the account have not switched to the new pull secret of PullSecretRotation late.")}},

	{"PullSecretRotationStalled", "half an hour to set it up, then it fires",
		`credential_rotation_pull_secret_status{rotation="quarterly", state="Stalled", reason="OCMCredentialMissing"} 1x50` + "\n" +
			`credential_rotation_pull_secret_status{rotation="refused", state="Stalled", reason="RegistriesRefuse"} 1x50` + "\n" +
			`credential_rotation_pull_secret_status{rotation="other", state="Failing", reason="OCMUnavailable"} 1x50`,
		[]moment{quiet(29 * minute), says(31*minute, "PullSecretRotation quarterly needs a person: OCMCredentialMissing.")}},

	{"PullSecretRotationOverdue", "a step in time and an overdue one",
		`credential_rotation_pull_secret_status{rotation="a", state="Progressing", reason="AwaitingIssue"} 1x50` + "\n" +
			`credential_rotation_pull_secret_status{rotation="b", state="Failing", reason="IssueOverdue"} 1x50` + "\n" +
			`credential_rotation_pull_secret_status{rotation="c", state="Failing", reason="CredentialsRefused"} 1x10`,
		[]moment{quiet(14 * minute), says(16*minute, "A step of PullSecretRotation b does not complete: IssueOverdue.")}},
	{"PullSecretRotationOverdue", "a roll-out that cannot be rolled back",
		`credential_rotation_pull_secret_status{rotation="a", state="Failing", reason="RollbackImpossible"} 1x50`,
		[]moment{quiet(14 * minute), says(16*minute, "A step of PullSecretRotation a does not complete: RollbackImpossible.")}},

	{"PullSecretRotationFailing", "a failure whose reason changes, and one that passes",
		`credential_rotation_pull_secret_status{rotation="a", state="Failing", reason="MalformedAnswer"} 1x100 _x400` + "\n" +
			`credential_rotation_pull_secret_status{rotation="a", state="Failing", reason="InternalError"} _x101 1x399` + "\n" +
			`credential_rotation_pull_secret_status{rotation="b", state="Failing", reason="OCMUnavailable"} 1x100 _x400` + "\n" +
			`credential_rotation_pull_secret_status{rotation="c", state="Progressing", reason="AwaitingIssue"} 1x500`,
		[]moment{quiet(230 * minute), says(250*minute, "PullSecretRotation a has been failing for four hours.")}},

	{"PullSecretWriterFight", "three heals in an hour, and five",
		`credential_rotation_pull_secret_heals_total{rotation="r", exported_namespace="openshift-config", name="pull-secret"} 0x10 5x60` + "\n" +
			`credential_rotation_pull_secret_heals_total{rotation="r", exported_namespace="hive", name="pull"} 0x10 3x60`,
		[]moment{quiet(12 * minute), says(60*minute, "Another writer repeatedly restores old credentials in openshift-config/pull-secret.")}},

	{"CredentialRotationNobodyLeads", "no leader for a while",
		`leader_election_master_status{namespace="openshift-credential-rotation-operator", name="credential-rotation-operator", pod="a"} 1x10 0x40` + "\n" +
			`leader_election_master_status{namespace="openshift-credential-rotation-operator", name="credential-rotation-operator", pod="b"} 0x40 1x10`,
		[]moment{quiet(10 * minute), quiet(24 * minute), says(28*minute, "No replica of the credential-rotation-operator is the leader."), quiet(43 * minute)}},
	{"CAPCredentialExpired", "it expires, and is replaced later",
		`credential_rotation_secret_expiry_timestamp_seconds` + secret + `3600x70 9000x30`,
		[]moment{quiet(60 * minute), quiet(64 * minute), says(67*minute, "1 AWS credentials of CAPCredentialSet cap have expired."), quiet(75 * minute)}},
	{"CAPCredentialExpired", "one cause takes three Secrets of a set and one of another: two alerts",
		`credential_rotation_secret_expiry_timestamp_seconds` + secret + `3600x100` + "\n" + `credential_rotation_secret_expiry_timestamp_seconds` + second + `3660x100` + "\n" +
			`credential_rotation_secret_expiry_timestamp_seconds` + third + `3600x100` + "\n" + `credential_rotation_secret_expiry_timestamp_seconds` + another + `3600x100` + "\n" +
			`credential_rotation_secrets{namespace="openshift-credential-rotation-operator", set="cap", reason="AuthenticationRefused"} 3x50 _x50`,
		[]moment{quiet(64 * minute), says(67*minute, "1 AWS credentials of CAPCredentialSet other have expired.", "3 AWS credentials of CAPCredentialSet cap have expired.")}},

	{"CAPCredentialNotRefreshed", "the last minutes before the expiry; after it another alert fires",
		`credential_rotation_secret_expiry_timestamp_seconds` + secret + `3600x70` + "\n" + `credential_rotation_secret_refreshed_timestamp_seconds` + secret + `0x70`,
		[]moment{quiet(55 * minute), says(58*minute, "1 AWS credentials of CAPCredentialSet cap are about to expire and have not been refreshed."), quiet(62 * minute)}},
	{"CAPCredentialNotRefreshed", "refreshed as late as a spec can set, at 90 %",
		`credential_rotation_secret_expiry_timestamp_seconds` + secret + `3600x54 6840x20` + "\n" + `credential_rotation_secret_refreshed_timestamp_seconds` + secret + `0x54 3240x20`,
		[]moment{quiet(54 * minute), quiet(60 * minute)}},

	{"CAPRefreshFailing", "some are not fresh for a quarter of an hour",
		`credential_rotation_secrets{set="cap", reason="Fresh"} 5x40` + "\n" + `credential_rotation_secrets{set="cap", reason="RoleRefused"} 2x40` + "\n" +
			`credential_rotation_secrets{set="soon", reason="AwaitingRefresh"} 7x5`,
		[]moment{quiet(14 * minute), says(16*minute, "2 Secrets of CAPCredentialSet cap are not fresh.")}},
	{"CAPRefreshFailing", "each failure has another reason",
		`credential_rotation_secrets{set="cap", reason="CAPUnavailable"} ` + strings.Repeat("2 stale ", 12) + "\n" +
			`credential_rotation_secrets{set="cap", reason="MalformedCredential"} ` + "_" + strings.Repeat(" 2 stale", 12),
		[]moment{quiet(14 * minute), says(16*minute, "2 Secrets of CAPCredentialSet cap are not fresh.")}},

	{"CAPCredentialSetNotReady", "a typo in the spec, beside reasons that have alerts of their own",
		`credential_rotation_set_ready{set="cap", reason="InvalidSpec"} 0x40` + "\n" + `credential_rotation_set_ready{set="edit", reason="EditNotProven"} 0x10 _x30` + "\n" +
			`credential_rotation_set_ready{set="edit", reason="Fresh"} _x11 1x30` + "\n" + `credential_rotation_set_ready{set="rows", reason="RefreshFailing"} 0x40` + "\n" +
			`credential_rotation_set_ready{set="idle", reason="Suspended"} 0x40`,
		[]moment{quiet(14 * minute), says(16*minute, "CAPCredentialSet cap is not ready: InvalidSpec.")}},

	{"CAPCredentialSetNotReady", "for ten minutes, and for the time of an API server's restart",
		`credential_rotation_set_ready{set="cap", reason="ClusterUnknown"} 0x40` + "\n" + `credential_rotation_set_ready{set="soon", reason="InternalError"} 0x5 _x35` + "\n" +
			`credential_rotation_set_ready{set="soon", reason="Fresh"} _x6 1x34`,
		[]moment{quiet(9 * minute), says(12*minute, "The operator cannot read what CAPCredentialSet cap depends on: ClusterUnknown.")}},

	{"CAPCredentialExpiryUnknown", "seeded at installation, and CAP refuses the certificate; the other set gets credentials within minutes",
		`credential_rotation_secrets_without_expiry{set="cap"} 7x100` + "\n" + `credential_rotation_secrets_without_expiry{set="new"} 7x3 0x97` + "\n" +
			`credential_rotation_secrets{set="cap", reason="AuthenticationRefused"} 7x100`,
		[]moment{quiet(44 * minute), says(46*minute, "7 Secrets of CAPCredentialSet cap hold no credential, or one that may have expired.")}},

	{"CAPClientCertificateExpiring", "within three weeks",
		`credential_rotation_client_certificate_expiry_timestamp_seconds{set="cap"} 1900800x100` + "\n" + // 22 days
			`credential_rotation_client_certificate_expiry_timestamp_seconds{set="soon"} 1728000x100` + "\n" + // 20 days
			`credential_rotation_client_certificate_expiry_timestamp_seconds{set="now"} 172800x100`, // 2 days: fires as critical, and not as a warning besides
		[]moment{says(30*minute, "The client certificate of CAPCredentialSet now expires in 1d 23h 30m 0s."),
			says(80*minute, "The client certificate of CAPCredentialSet now expires in 1d 22h 40m 0s.", "The client certificate of CAPCredentialSet soon expires in 19d 22h 40m 0s.")}},

	{"CAPClientCertificateExpiring", "within three days",
		`credential_rotation_client_certificate_expiry_timestamp_seconds{set="cap"} 345600x100` + "\n" + // 4 days
			`credential_rotation_client_certificate_expiry_timestamp_seconds{set="soon"} 172800x100`, // 2 days
		[]moment{quiet(2 * minute), says(6*minute, "The client certificate of CAPCredentialSet soon expires in 1d 23h 54m 0s.")}},
	{"CAPClientCertificateExpiring", "it has expired",
		`credential_rotation_client_certificate_expiry_timestamp_seconds{set="cap"} 60x100`,
		[]moment{quiet(2 * minute), says(8*minute, "The client certificate of CAPCredentialSet cap has expired.")}},
}
