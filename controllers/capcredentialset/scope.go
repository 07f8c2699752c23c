package capcredentialset

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// state is what the process remembers of a set between rounds.
type state struct {
	uid    types.UID
	since  time.Time
	memory *plan.Memory
	// jumps is the number of clock jumps that the memory has handled.
	jumps  int
	portal portalCache
	// held are the credentials of memory.Held. They are never printed, and written only to Secrets of their role.
	held map[string]awscreds.Credential
	// flights are the pending requests to CAP.
	flights *flights
	// endpoint is the key of the endpoint whose breaker the set shares.
	endpoint string
	// proof is CAP's latest good answer to this process.
	proof *v1alpha1.CAPProof
	// authorities is the digest of the CAs with which CAP is checked, empty if unknown; authoritiesAt is when they were read, and authoritiesFor
	// for which spec.
	authorities    string
	authoritiesAt  time.Time
	authoritiesFor string
	// parsed is the client certificate of the Secret's current content.
	parsed parsedCertificate
	// seen is the set as last written by the operator: the cache may lag behind it.
	seen *v1alpha1.CAPCredentialSet
	// patched is when that happened, and conflicts is how often it could not since, because the cache lags behind.
	patched   time.Time
	conflicts int
	// rows are those of the last report, whether the status lists them or not; nil before the first.
	rows []v1alpha1.CredentialTargetStatus
	// upgrade is the next release, as it was last looked at.
	upgrade upgrade
	// gaugedSecrets and gaugedReasons are what the metrics currently show.
	gaugedSecrets map[types.NamespacedName]bool
	gaugedReasons map[string]int

	// refs are the Secrets of the set. The watch's goroutine reads them.
	mu   sync.Mutex
	refs map[types.NamespacedName]bool
}

// scope is one round of one set. Its stations are Reconcile's: open, discover, look, check, copy, fetch, look again, restart, report.
type scope struct {
	// Set by open: what the process remembers, a copy of the set whose status report writes, and the start of the round.
	*state
	set     *v1alpha1.CAPCredentialSet
	started time.Time

	// Set by discover. requestsErr is why the requests are unknown; discovery has the targets of the requests and the spec.
	requests    []cluster.CredentialsRequest
	requestsErr error
	discovery   plan.Discovery
	// partial is why not all targets are known; nil if they are. The last known state of the others stays in the status and the metrics.
	// sets are all sets of the cluster.
	sets    []v1alpha1.CAPCredentialSet
	partial *plan.Hold

	// Set by each look, from the certificate's Secret. certificate may be set together with certificateErr, because expired ones are reported.
	certificate    *cap.ClientCertificate
	certificateErr *cap.CertificateError
	// certificateBasis changes with the content of its Secret.
	certificateBasis string
	// certificateUnread is true until its Secret has been looked up.
	certificateUnread bool

	// hold keeps the round from fetching and writing anything; nil if nothing does. discover sets it for the spec and the cluster; each look sets
	// or clears it for the certificate, which holdByCertificate marks.
	hold              *plan.Hold
	holdByCertificate bool

	// Set by each look: when it was, the key of the content hash, nil if there is none, and the plan.
	looked  time.Time
	hashKey []byte
	plan    plan.Plan

	// copy, fetch and restart add to effects, which report publishes. Roles are fetched concurrently, so remember guards them.
	effectsMu sync.Mutex
	effects   effects

	// postponed is how long the status waits to be written. Set by report.
	postponed time.Duration
}

// effects are the actions of a round, for events.
type effects struct {
	refreshed []refreshed
	healed    []healed
	restarted []v1alpha1.RestartTarget
}

// secrets is how many Secrets have been written.
func (e *effects) secrets() int {
	n := 0
	for _, d := range e.refreshed {
		n += len(d.refs)
	}
	return n
}

// refreshed is a credential that was written to Secrets.
type refreshed struct {
	role    string
	refs    []types.NamespacedName
	expires time.Time
	// from is the Secret that it was copied from, empty if it comes from CAP.
	from string
}

// healed is a corrected Secret, and who had edited it if known.
type healed struct {
	ref    types.NamespacedName
	writer string
}

// input is the input of the plan.
func (s *scope) input(secrets map[types.NamespacedName]plan.Observation, now time.Time) plan.Input {
	return plan.Input{
		Seed: string(s.set.UID), Spec: &s.set.Spec, Checking: s.checksSTS(), Unproven: s.unproven(), RequestedAt: plan.ParseTime(s.set.Annotations[v1alpha1.RefreshRequestedAnnotation]),
		Targets: s.discovery.Targets, Secrets: secrets, Memory: s.memory, Flying: s.flights.flying(), Hold: s.hold, Now: now,
	}
}

// remember changes the memory, which concurrent fetches share.
func (s *scope) remember(change func(*plan.Memory, *effects)) {
	s.effectsMu.Lock()
	defer s.effectsMu.Unlock()
	change(s.memory, &s.effects)
}

// checksSTS is true if credentials are checked with STS.
func (s *scope) checksSTS() bool {
	return s.set.Spec.Verification.STS != "" && s.set.Spec.Verification.STS != v1alpha1.STSOff
}
