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

// state is what the process knows of a set between two rounds.
type state struct {
	uid    types.UID
	since  time.Time
	memory *plan.Memory
	// jumps is how many of the clock's jumps the memory knows of.
	jumps  int
	portal portalCache
	// held are the credentials that go with memory.Held. They are never shown, and never written but into Secrets of their role.
	held map[string]awscreds.Credential
	// flights are the questions to the portal that are on their way.
	flights *flights
	// endpoint is the key of the portal whose breaker the set shares.
	endpoint string
	// proof is CAP's latest good answer to this process.
	proof *v1alpha1.CAPProof
	// authorities is the digest of the CAs by which CAP is checked, empty while it is not known; authoritiesAt is when they were
	// looked at, and authoritiesFor what by.
	authorities    string
	authoritiesAt  time.Time
	authoritiesFor string
	// seen is the set as the operator itself wrote it last: a cache may lag behind that.
	seen *v1alpha1.CAPCredentialSet
	// patched is when that was.
	patched time.Time
	// gaugedSecrets and gaugedReasons are what the metrics show at present.
	gaugedSecrets map[types.NamespacedName]bool
	gaugedReasons map[string]int

	// refs are the Secrets that concern the set. They are read by the watch's goroutine.
	mu   sync.Mutex
	refs map[types.NamespacedName]bool
}

// scope is one round of one set. Its stations are Reconcile's: open, discover, look, check, copy, fetch, look again, restart, report.
type scope struct {
	// From the start, by open: what the process remembers, a copy of the set whose status report writes, and when the round began.
	*state
	set     *v1alpha1.CAPCredentialSet
	started time.Time

	// By discover. requestsErr is why the requests are not known; discovery has the targets that they and the spec mean.
	requests    []cluster.CredentialsRequest
	requestsErr error
	discovery   plan.Discovery
	// partial is why not all targets are known; nil when they are. What was known of the others stays in the status and the metrics.
	partial *plan.Hold

	// By each look, from the certificate's Secret. certificate may be there together with certificateErr: expired ones are shown.
	certificate    *cap.ClientCertificate
	certificateErr *cap.CertificateError
	// certificateBasis changes with the content of its Secret.
	certificateBasis string
	// certificateUnread is true until its Secret has been looked for.
	certificateUnread bool

	// hold keeps the round from fetching and writing anything; nil when nothing does. By discover, for the spec and the cluster; each look
	// sets it for the certificate, which holdByCertificate tells, and takes that back.
	hold              *plan.Hold
	holdByCertificate bool

	// By each look: the key of the content hash, nil while there is none, and what is due by all that was found.
	hashKey []byte
	plan    plan.Plan

	// effects grow by copy, fetch and restart; report tells them. Roles are fetched side by side, so that remember guards them.
	effectsMu sync.Mutex
	effects   effects

	// postponed is how long the status waits to be written. By report.
	postponed time.Duration
}

// effects are what a round has done, for events.
type effects struct {
	refreshed []refreshed
	healed    []healed
	restarted []v1alpha1.RestartTarget
}

// refreshed is a credential that was written to some Secrets.
type refreshed struct {
	role    string
	refs    []types.NamespacedName
	expires time.Time
	// from is the Secret that it was copied from, empty when the portal gave it.
	from string
}

// healed is a Secret that was set right, and who had edited it as far as is known.
type healed struct {
	ref    types.NamespacedName
	writer string
}

// input is what the plan is made from.
func (s *scope) input(secrets map[types.NamespacedName]plan.Observation, now time.Time) plan.Input {
	return plan.Input{
		Seed: string(s.set.UID), Spec: &s.set.Spec, Checking: s.checksSTS(), Unproven: s.unproven(), RequestedAt: plan.ParseTime(s.set.Annotations[v1alpha1.RefreshRequestedAnnotation]),
		Targets: s.discovery.Targets, Secrets: secrets, Memory: s.memory, Flying: s.flights.flying(), Hold: s.hold, Now: now,
	}
}

// remember changes the memory while roles are fetched side by side.
func (s *scope) remember(change func(*plan.Memory, *effects)) {
	s.effectsMu.Lock()
	defer s.effectsMu.Unlock()
	change(s.memory, &s.effects)
}

// checksSTS says whether STS is asked about credentials.
func (s *scope) checksSTS() bool {
	return s.set.Spec.Verification.STS != "" && s.set.Spec.Verification.STS != v1alpha1.STSOff
}
