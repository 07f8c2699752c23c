package decide

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// TestSuperseded_ANewerSetCountsUnlessItIsDead: a server that lags behind must not bring back old credentials, but what is newest must work.
func TestSuperseded_ANewerSetCountsUnlessItIsDead(t *testing.T) {
	answered := func(s Record, registry, fingerprint string, o Outcome) {
		s.Answered([]Check{{Registry: registry, Fingerprint: fingerprint, Result: Answer{Outcome: o}}}, noon)
	}
	for _, row := range []struct {
		name   string
		change func(Record)
		want   bool
	}{
		{"nobody was asked about the newer one", func(Record) {}, true},
		{"a registry accepts it", func(s Record) { answered(s, "quay.io", "newer", Accepted) }, true},
		{"each registry that was asked refuses it", func(s Record) { answered(s, "quay.io", "newer", Unauthorized) }, false},
		{"one refuses it, and another accepts it", func(s Record) {
			answered(s, "quay.io", "newer", Unauthorized)
			answered(s, "registry.redhat.io", "newer-redhat", Accepted)
		}, true},
		{"it has been accepted, and is refused now", func(s Record) {
			answered(s, "quay.io", "newer", Accepted)
			answered(s, "quay.io", "newer", Unauthorized)
		}, false},
		{"what works belongs to another account", func(s Record) {
			answered(s, "quay.io", "newer", Unauthorized)
			s.Given("you", set("yours"), hours(1).Time)
			answered(s, "quay.io", "yours", Accepted)
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := record()
			s.Owns("me", "quay.io", "never issued")
			s.Given("me", set("older"), noon)
			s.Given("me", set("newer"), hours(1).Time)
			row.change(s)
			if got := s.Superseded("me", set("older")); got != row.want {
				t.Errorf("the older set is superseded: %v", got)
			}
			if s.Superseded("me", set("newer")) {
				t.Error("the newer set is superseded")
			}
		})
	}
	s := record()
	s.Given("me", set("mine"), noon)
	s.Given("you", set("yours"), hours(1).Time)
	if s.Superseded("me", set("mine")) {
		t.Error("another account's newer credentials supersede this one's")
	}
}

// TestSuperseded_KnowsWhatTheRecordedRotationsReplaced also where OCM was never seen to issue it.
func TestSuperseded_KnowsWhatTheRecordedRotationsReplaced(t *testing.T) {
	rotated := func(from, to string, change func(*v1alpha1.RotationStatus)) v1alpha1.RotationStatus {
		r := v1alpha1.RotationStatus{AccountID: "me", Baseline: set(from), Issued: set(to), IssuedAt: hours(-2), Reason: v1alpha1.TriggerSchedule}
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, row := range []struct {
		name    string
		current *v1alpha1.RotationStatus
		history []v1alpha1.RotationStatus
		dead    string
		set     []v1alpha1.EntryFingerprint
		want    bool
	}{
		{name: "nothing is on record", set: set("b")},
		{name: "a rotation has replaced it", history: []v1alpha1.RotationStatus{rotated("a", "b", nil)}, set: set("a"), want: true},
		{name: "a part of it", history: []v1alpha1.RotationStatus{rotated("a", "b", nil)}, set: set("a")[:1], want: true},
		{name: "what it has issued is current", history: []v1alpha1.RotationStatus{rotated("a", "b", nil)}, set: set("b")},
		{name: "what it has issued is dead", history: []v1alpha1.RotationStatus{rotated("a", "b", nil)}, dead: "b", set: set("a")},
		{name: "something else is in it too", history: []v1alpha1.RotationStatus{rotated("a", "b", nil)}, set: append(set("a"), set("c")...)},
		{name: "nothing is in it", history: []v1alpha1.RotationStatus{rotated("a", "b", nil), rotated("c", "a", nil)}},
		{name: "another account's rotation", history: []v1alpha1.RotationStatus{rotated("a", "b", func(r *v1alpha1.RotationStatus) { r.AccountID = "you" })}, set: set("a")},
		{name: "the rotation has not issued yet", history: []v1alpha1.RotationStatus{rotated("a", "", func(r *v1alpha1.RotationStatus) { r.Issued, r.IssuedAt = nil, nil })}, set: set("a")},
		{name: "a cluster that catches up has only found it", history: []v1alpha1.RotationStatus{rotated("a", "b", func(r *v1alpha1.RotationStatus) { r.Reason = v1alpha1.TriggerCatchUp })}, set: set("a")},
		{name: "a cluster that has caught up has replaced it", history: []v1alpha1.RotationStatus{rotated("a", "b", func(r *v1alpha1.RotationStatus) {
			r.Reason, r.AppliedAt = v1alpha1.TriggerCatchUp, hours(-1)
		})}, set: set("a"), want: true},
		{name: "a later rotation has replaced what an earlier one issued", history: []v1alpha1.RotationStatus{rotated("x", "c", nil), rotated("a", "b", nil)}, set: set("b"), want: true},
		{name: "a later one that has not issued yet has not", current: &v1alpha1.RotationStatus{AccountID: "me"}, history: []v1alpha1.RotationStatus{rotated("a", "b", nil)}, set: set("b")},
		{name: "the latest of several counts, and is dead", current: &v1alpha1.RotationStatus{AccountID: "me", Issued: set("d")},
			history: []v1alpha1.RotationStatus{rotated("x", "c", nil), rotated("a", "b", nil)}, dead: "d", set: set("b")},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := record(v1alpha1.PullSecretRotationStatus{Rotation: row.current, History: row.history})
			if row.dead != "" {
				s.row("quay.io", row.dead).RefusedSince = hours(-1)
			}
			if got := s.Superseded("me", row.set); got != row.want {
				t.Errorf("superseded: %v", got)
			}
		})
	}
}
