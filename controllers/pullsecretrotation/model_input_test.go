package pullsecretrotation

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// tick is the model's unit of time. All deadlines of modelOptions are between whole ticks, so that the order of two times is
// always defined.
const tick = 10 * time.Minute

// epochs are so far apart that only a rotation, which takes days, lasts from one into the next.
const epochLength = 100 * time.Hour

var firstT = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

var modelOptions = decide.Timing{
	PollMin: tick / 2, PollMax: tick / 2, RevokePollMin: tick / 2, RevokePollMax: tick / 2,
	PoolPoll: tick / 2, OCMTimeout: tick / 2, RequestSpread: tick, LookPace: time.Nanosecond, VerifyRetry: tick / 2, VerifyDeadline: tick + tick/2,
	ProbeDelay: tick / 2, ProbeAttempt: tick / 2,
	ProofRetry: tick / 2, ProofPatience: tick + tick/2, ProofInterval: tick / 2,
	Window: 10 * tick, WindowMargin: tick, IssueDeadline: 3 * tick / 2, RevokeDeadline: 3 * tick / 2,
}

// scenario is the part of the world that is constant on a walk.
type scenario struct {
	name      string
	fine      bool // each fact is gathered in a separate move
	follow    bool
	token     bool // OCM credentials from the start
	approval  bool
	windows   bool
	replicas  int
	siblings  int
	waiting   bool // T is in the future
	late      bool // the cluster missed a rotation: it is completed and its credentials are dead
	pausedToo bool
	machines  bool // the cluster has MachineConfigNodes
	probe     bool // spec.rollout.probe
	ocmBehind bool // OCM's clock is behind: what is created right after T has a time before it
	budget    budget
}

func timeOf(epoch int8) time.Time { return firstT.Add(time.Duration(epoch) * epochLength) }

// input is the reconciler's input for Decide.
func (c *scenario) input(w *world, r *replica) decide.Input {
	t := timeOf(r.spec.epoch)
	now := t.Add(time.Duration(w.now) * tick)
	if r.spec.epoch != w.spec.epoch { // an old copy of the object, at a later time
		now = timeOf(w.spec.epoch).Add(time.Duration(w.now) * tick)
	}
	spec := &v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeRotate, SiblingClusters: v1alpha1.SiblingsAllow, Suspend: r.spec.suspended,
		HealthCheckInterval: &metav1.Duration{Duration: tick + tick/2},
		Targets:             []v1alpha1.SecretReference{{Namespace: "openshift-config", Name: "pull-secret"}},
	}
	spec.Rollout.Timeout = &metav1.Duration{Duration: tick + tick/2}
	if c.probe {
		spec.Rollout.Probe = &v1alpha1.RolloutProbe{Image: modelImage, Timeout: &metav1.Duration{Duration: tick}}
	}
	if c.follow {
		spec.Mode = v1alpha1.ModeFollow
	} else {
		spec.RotateAfter = decide.TimePtr(t)
	}
	if w.rollbackNever {
		spec.Rollback = v1alpha1.RollbackNever
	}
	if w.hasToken {
		spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
	}
	if c.approval {
		spec.Approval = v1alpha1.ApprovalBeforeRequest
	}
	if c.windows {
		window := v1alpha1.StartWindow{Cron: "0 * * * *", Duration: metav1.Duration{Duration: time.Hour}}
		if !w.window {
			window = v1alpha1.StartWindow{Cron: "0 0 29 2 *", Duration: metav1.Duration{Duration: time.Minute}}
		}
		spec.StartWindows = []v1alpha1.StartWindow{window}
	}
	in := decide.Input{
		Name: "model", Created: firstT.Add(-epochLength), Spec: spec, Status: c.status(w, r, now), Facts: c.facts(r),
		Timing: &modelOptions, Now: now,
	}
	if r.spec.approved {
		in.Approved = t.Format(time.RFC3339)
	}
	if r.polled {
		in.LastPoll = now
	}
	return in
}

// at converts an age to a time.
func at(now time.Time, age int8) *metav1.Time {
	if age < 0 {
		return nil
	}
	return decide.TimePtr(now.Add(-time.Duration(age) * tick))
}

func prints(g generation) []v1alpha1.EntryFingerprint {
	if g < 0 {
		return nil
	}
	return []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: fmt.Sprint(g)}}
}

func (c *scenario) status(w *world, r *replica, now time.Time) *v1alpha1.PullSecretRotationStatus {
	m := &r.status
	s := &v1alpha1.PullSecretRotationStatus{LastHealthCheck: at(now, m.health)}
	s.Siblings = &v1alpha1.SiblingsStatus{CountedAt: *at(now, 0), Clusters: ptr.To(int32(c.siblings) + 1)}
	if m.account {
		s.Account = &v1alpha1.AccountStatus{ID: "account"}
	}
	if m.satisfied >= 0 {
		s.History = []v1alpha1.RotationStatus{{ID: "history", After: decide.TimePtr(timeOf(m.satisfied))}}
	}
	target := v1alpha1.TargetStatus{Namespace: "openshift-config", Name: "pull-secret", Healed: int32(m.healed), AppliedAt: at(now, m.wroteA)}
	switch {
	case m.wrote:
		target.Result = v1alpha1.ReasonPullSecretUpdated
	case m.undone:
		target.Result = v1alpha1.ReasonRolledBack
	case m.applied >= 0:
		target.Result = v1alpha1.ReasonAlreadyCurrent
	}
	s.Targets = []v1alpha1.TargetStatus{target}
	for g := generation(0); g <= w.newest; g++ {
		c := v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: fmt.Sprint(g), AccountID: "account"}
		if m.accepts&bit(g) != 0 {
			c.VerifiedAt = at(now, 0)
		}
		if m.refuses&bit(g) != 0 {
			c.RefusedSince = at(now, 0)
		}
		s.Credentials = append(s.Credentials, c)
	}
	if !m.under {
		return s
	}
	rot := &v1alpha1.RotationStatus{
		AccountID: "account", Adopted: m.adopted, Reason: v1alpha1.TriggerRotateAfter, Baseline: prints(m.baseline), Issued: prints(m.issued),
		RevocationTriedAt: at(now, m.tried), IntendedAt: at(now, m.intended), IssuedAt: at(now, m.issuedAge), AppliedAt: at(now, m.applied), StartedAt: at(now, 0),
	}
	if m.catchUp {
		rot.Reason = v1alpha1.TriggerCatchUp
	}
	rot.OCMStatus = decide.RotationPending
	if m.seenCompleted {
		rot.OCMStatus = decide.RotationCompleted
	}
	if m.id >= 0 {
		rot.ID = rotationID(m.id)
		rot.RequestedAt = decide.TimePtr(created(&w.ocm[m.id], m.id))
	}
	if m.listed >= 0 {
		rot.ListedBefore = rotationID(m.listed)
	}
	if m.after >= 0 {
		rot.After = decide.TimePtr(timeOf(m.after))
	}
	if m.backup >= 0 {
		rot.BackupSecret = "backup"
	}
	if m.before >= 0 {
		rot.Pools = []v1alpha1.PoolStatus{{Name: "worker", ConfigurationBefore: rendered(m.before), DegradedBefore: m.sick}}
	}
	set := func(field **metav1.Time, is bool) {
		if is {
			*field = at(now, 0)
		}
	}
	set(&rot.VerifiedAt, m.verified)
	set(&rot.RolledOutAt, m.rolledOut)
	set(&rot.RolledBackAt, m.rolledBack)
	set(&rot.RevokedAt, m.revoked)
	set(&rot.RevocationProvenAt, m.proven)
	rot.Probes = m.probe.rows(now)
	s.Rotation = rot
	return s
}

func rotationID(i int8) string { return fmt.Sprintf("rotation-%d", i) }

func rendered(g generation) string { return fmt.Sprintf("rendered-%d", g) }

// created is created_at of a rotation; later ones are later.
func created(r *rotation, i int8) time.Time {
	order := time.Duration(i) * time.Second
	switch {
	case r.behind:
		return timeOf(r.since + 1).Add(order - 3*time.Minute)
	case r.since < 0:
		return firstT.Add(order - epochLength/2)
	}
	return timeOf(r.since).Add(order)
}

func (c *scenario) facts(r *replica) *decide.Facts {
	m := &r.facts
	f := &decide.Facts{IntentIsOurs: m.intentIsOurs, RightsKnown: m.rights, BackupKnown: m.backup}
	if m.cluster {
		f.Cluster = &decide.Cluster{ID: "this"}
	}
	if m.targets {
		t := decide.TargetFact{Ref: v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"}}
		if m.target < 0 {
			t.Problem, t.Message = v1alpha1.ReasonTargetInvalid, "The target is broken."
		} else {
			t.Own, t.Owner = []string{"quay.io"}, "account"
			if m.issued && m.given >= 0 && m.given != m.target {
				t.Changes = []decide.Change{{Registry: "quay.io", Source: "quay.io", Fingerprint: fmt.Sprint(m.given)}}
			}
			if r.status.isOld(m.target) {
				t.Old = t.Own
			}
		}
		f.Targets = []decide.TargetFact{t}
		f.Switched = r.status.switched(m.target)
	}
	if m.account {
		f.Account = &decide.Account{ID: "account", Email: "owner@example.com"}
	}
	switch m.owner {
	case aliveOwner:
		f.Owner = &decide.OwnerFact{AccountID: "account"}
	case deadOwner:
		f.Owner = &decide.OwnerFact{Dead: true, Email: "owner@example.com"}
	}
	if m.siblings {
		f.Siblings = &decide.Siblings{Others: c.siblings}
	}
	if m.rotations {
		f.Rotations = &[]decide.Rotation{}
		for i := int8(maxRotations - 1); i >= 0; i-- { // newest first
			rot := &m.list[i]
			if !rot.exists || rot.deleted {
				continue
			}
			o := decide.Rotation{ID: rotationID(i), Status: decide.RotationPending, CreatedAt: created(rot, i)}
			if rot.completed {
				o.Status = decide.RotationCompleted
			}
			*f.Rotations = append(*f.Rotations, o)
		}
	}
	if m.issued {
		f.Issued = r.issuedFact()
	}
	if m.pools {
		f.Pools = &[]decide.Pool{m.pool.fact()}
	}
	if m.machines {
		f.Machines = m.pool.machines()
	}
	f.Checks, f.IssuedChecks, f.BackupChecks, f.Proven = m.checks.fact(m.target), m.issuedChecks.fact(m.given), m.oldChecks.fact(r.status.backup), m.proven
	if m.oldKnown {
		f.OldChecks = append([]decide.Check{}, m.oldAnswers.fact(r.status.backup)...)
	}
	m.probeFacts(f, r.status.backup)
	if m.offerKnown {
		f.Offer = &decide.OfferFact{Open: m.offer}
	}
	return f
}

func (p pool) fact() decide.Pool {
	out := decide.Pool{Name: "worker", Wanted: rendered(p.wanted), Current: rendered(p.current), Machines: 1, Paused: p.paused, Degraded: p.degraded}
	if p.wanted == p.current {
		out.Updated = 1
	}
	return out
}

// machines are those with a MachineConfigNode. The only one is in the middle of an update until it says what the pool counts.
func (p pool) machines() *[]decide.Machine {
	if p.said < 0 {
		return &[]decide.Machine{}
	}
	return &[]decide.Machine{{Name: "worker-0", Pool: "worker", Current: rendered(p.said), Updated: p.said == p.current, Degraded: p.degraded}}
}

func (v verdict) fact(g generation) []decide.Check {
	outcome := map[verdict]decide.Outcome{accepted: decide.Accepted, refused: decide.Unauthorized, unanswered: decide.Unreachable}[v]
	if v == notAsked {
		return nil
	}
	return []decide.Check{{Registry: "quay.io", Policy: v1alpha1.VerificationRequired, Fingerprint: fmt.Sprint(g), Result: decide.Answer{Outcome: outcome}}}
}

// isOld mirrors scope.old.
func (m *record) isOld(g generation) bool {
	if !m.under || m.applied < 0 || g == m.issued {
		return false
	}
	return (m.known|bit(m.baseline)|bit(m.issued))&bit(g) != 0
}

// switched mirrors scope.switched.
func (m *record) switched(g generation) bool {
	return m.under && !m.revoked && m.adopted && m.issuedAge < 0 && g >= 0 && m.lastKnown != 0 && m.lastKnown&bit(g) == 0
}

// issuedFact mirrors scope.issuedFact.
func (r *replica) issuedFact() *decide.IssuedFact {
	given := r.facts.given
	if given < 0 {
		return &decide.IssuedFact{}
	}
	f := &decide.IssuedFact{Present: true, InUse: r.facts.target < 0 || r.facts.target == given}
	if r.status.under {
		f.SameAsBaseline = r.status.baseline == given
		f.SameAsIssued = r.status.issued == given
	}
	return f
}
