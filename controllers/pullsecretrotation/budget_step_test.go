package pullsecretrotation

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// The requests to OCM.
const (
	askAccount   = "GET current_account"
	askSiblings  = "GET subscriptions"
	askRotations = "GET pull_secret_rotation"
	askTransfers = "GET cluster_transfers"
	askToken     = "POST access_token"
	askRotation  = "POST pull_secret_rotation"
)

func (c *crowd) input(m *crowdCluster) decide.Input {
	return decide.Input{
		Name: "account", Generation: 1, Created: crowdStart.Add(-time.Hour), Edited: crowdStart, Spec: crowdSpec, Status: &m.status, Facts: &m.facts,
		Timing: crowdTiming, LastPoll: m.poll, LastToken: m.token, LastProgress: m.progress, ChangedSince: m.changed, Now: c.now,
		Unproven: m.facts.Targets != nil && m.proven != m.target, Unasked: m.facts.Targets != nil && m.looked != m.target,
	}
}

// reconcile returns the time until the next one.
func (c *crowd) reconcile(m *crowdCluster) time.Duration {
	m.facts, m.given = decide.Facts{}, none
	for range maxSteps {
		c.derive(m)
		d := decide.Decide(c.input(m))
		if d.Step == decide.Wait {
			c.progress(m)
			return d.After
		}
		if !c.look(m, d.Step) {
			c.perform(m, d)
		}
	}
	panic("the reconcile does not reach a wait")
}

// derive is what the reconciler's deriveFacts finds.
func (c *crowd) derive(m *crowdCluster) {
	f := &m.facts
	if f.Targets != nil {
		t := decide.TargetFact{Ref: crowdSpec.Targets[0], Owner: "account", Own: []string{"quay.io"}}
		if m.given >= 0 && m.given != m.target {
			t.Changes = []decide.Change{{Registry: "quay.io", Source: "quay.io", Fingerprint: fmt.Sprint(m.given)}}
		}
		f.Targets = []decide.TargetFact{t}
	}
	if f.Issued != nil {
		*f.Issued = decide.IssuedFact{}
		if m.given >= 0 {
			*f.Issued = decide.IssuedFact{Present: true, InUse: m.given == m.target}
			if r := m.status.Rotation; r != nil {
				f.Issued.SameAsBaseline = decide.Holds(r.Baseline, fmt.Sprint(m.given))
				f.Issued.SameAsIssued = decide.Holds(r.Issued, fmt.Sprint(m.given))
			}
		}
	}
}

// look gathers a fact; false for a step that has an effect.
func (c *crowd) look(m *crowdCluster, step decide.Step) bool {
	f, record := &m.facts, decide.Record{PullSecretRotationStatus: &m.status}
	switch step {
	case decide.LookAtCluster:
		f.Cluster = &decide.Cluster{ID: crowdID(m.id)}
	case decide.LookAtTargets:
		f.Targets = []decide.TargetFact{{}}
	case decide.LookAtRights:
		f.RightsKnown = true
	case decide.LookAtPools:
		f.Pools = &[]decide.Pool{}
	case decide.LookAtMachines:
		f.Machines = &[]decide.Machine{}
	case decide.LookAtBackup:
		f.BackupKnown = true
	case decide.LookAtAccount:
		c.ask(askAccount)
		f.Account = &decide.Account{ID: "account"}
	case decide.LookAtOwner:
		c.ask(askAccount)
		f.Owner = &decide.OwnerFact{AccountID: "account"}
	case decide.LookAtSiblings:
		c.ask(askSiblings)
		if len(c.clusters) > 100 {
			c.ask(askSiblings)
		}
		f.Siblings = &decide.Siblings{Others: len(c.clusters) - 1, Before: m.id}
		m.status.Siblings.CountedAt = *decide.TimePtr(c.now)
	case decide.LookAtRotations:
		c.ask(askRotations)
		if c.dead[m.id] && decide.IssuedFrom(c.input(m)) == decide.FromTransfer {
			c.ask(askRotations) // as the cluster, and then with the OCM credential
		}
		list := append([]decide.Rotation{}, c.rotations...)
		f.Rotations, m.poll, m.looked = &list, c.now, m.target
		record.Listed(list, c.now)
	case decide.LookAtIssued:
		f.Issued, m.given = &decide.IssuedFact{}, c.issued(m)
	case decide.LookAtOffer:
		c.ask(askTransfers)
		f.Offer = &decide.OfferFact{Open: true, EndsAt: c.expires(m)}
		record.Offered(*f.Offer)
	case decide.CheckInUse:
		f.Checks = c.check(m, m.target)
	case decide.CheckIssued:
		f.IssuedChecks = c.check(m, m.given)
	case decide.CheckOld:
		f.OldChecks = c.check(m, 0)
	default:
		return false
	}
	return true
}

// issued is what LookAtIssued reads.
func (c *crowd) issued(m *crowdCluster) int {
	in := c.input(m)
	switch decide.IssuedFrom(in) {
	case decide.FromNowhere:
		return none
	case decide.FromTransfer:
		c.ask(askTransfers)
		switch {
		case c.dead[m.id]:
		case c.waitsFor(m) && !c.issuedAt.IsZero():
			offer := decide.OfferFact{Open: true, EndsAt: c.expires(m)}
			if m.facts.Offer = &offer; m.status.Rotation != nil {
				decide.Record{PullSecretRotationStatus: &m.status}.Offered(offer)
			}
			return 1
		}
		if !decide.FallsBack(in, c.dead[m.id]) {
			return none
		}
	}
	c.ask(askToken)
	m.token = c.now
	return c.newest()
}

// check asks the registries, among them OCM itself.
func (c *crowd) check(m *crowdCluster, generation int) []decide.Check {
	c.ask(askAccount)
	answer := decide.Answer{Outcome: decide.Accepted}
	if generation == 0 && !c.endedAt.IsZero() {
		answer.Outcome = decide.Unauthorized
	}
	checks := []decide.Check{{Registry: "quay.io", Policy: v1alpha1.VerificationRequired, Fingerprint: fmt.Sprint(generation), Result: answer}}
	decide.Record{PullSecretRotationStatus: &m.status}.Answered(checks, c.now)
	return checks
}

// perform does what has an effect on the record, the target or OCM.
func (c *crowd) perform(m *crowdCluster, d decide.Decision) {
	f, record := &m.facts, decide.Record{PullSecretRotationStatus: &m.status}
	switch d.Step {
	case decide.Begin:
		r := d.Rotation
		r.AccountID, r.StartedAt, r.Baseline, r.BackupSecret = "account", decide.TimePtr(c.now), prints(generation(m.target)), "backup"
		record.Begin(r)
	case decide.RecordIntent:
		record.Intend(*f.Rotations, c.now)
		f.IntentIsOurs, f.Rotations = true, nil
	case decide.Request:
		c.ask(askRotation)
		c.requested++
		made := decide.Rotation{ID: fmt.Sprint("rotation-", c.requested), AccountID: "account", Status: decide.RotationPending, CreatedAt: c.now}
		c.rotations = append([]decide.Rotation{made}, c.rotations...)
		record.Requested(made)
		f.IntentIsOurs, f.Rotations, m.poll = false, nil, c.now
	case decide.RecordID:
		record.Adopt(d.Rotation, prints(generation(m.target)))
	case decide.MarkIssued:
		record.MarkIssued(prints(generation(m.given)), c.now)
		f.IssuedChecks = nil
	case decide.MarkVerified:
		record.MarkVerified(c.now)
	case decide.Apply:
		m.target, m.switched = m.given, c.now
		record.Applied(c.now)
		record.Unproven()
	case decide.MarkRolledOut:
		record.MarkRolledOut(c.now)
	case decide.Finish:
		record.Finish(d.Rotation.OCMStatus, c.now)
		f.Checks = nil
	case decide.RecordHealth:
		record.Proven(true, c.now)
		f.Checks, f.Proven, m.proven = nil, true, m.target
	case decide.RecordRevocation:
		record.Tried(decide.Proving(c.input(m)).BackupSecret, f.OldChecks, c.now)
		f.OldChecks = nil
	case decide.DropBackup:
		record.BackupDropped("backup")
		f.OldChecks = nil
	default:
		panic("a healthy rotation does not need the step " + string(d.Step))
	}
}
