package decide

import (
	"reflect"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// TestAdd_KeepsEachFactUntilALookRenewsIt: what the executor notes itself is not part of a look.
func TestAdd_KeepsEachFactUntilALookRenewsIt(t *testing.T) {
	one, other := everyFact("one"), everyFact("other")
	var f Facts
	f.Add(one)
	if !reflect.DeepEqual(f, one) {
		t.Errorf("of %+v are known only %+v", one, f)
	}
	f.Add(Facts{})
	if !reflect.DeepEqual(f, one) {
		t.Errorf("a look at nothing leaves %+v", f)
	}
	f.Add(other)
	if !reflect.DeepEqual(f, other) {
		t.Errorf("a new look leaves %+v, want %+v", f, other)
	}
	notLooks := map[string]bool{"Targets": true, "Switched": true, "ProbeIsOurs": true, "Proven": true, "IntentIsOurs": true}
	for v, i := reflect.ValueOf(one), 0; i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != notLooks[name] {
			t.Errorf("the test leaves out %s, or has too much", name)
		}
	}
}

func everyFact(name string) Facts {
	checks := func(kind string) []Check { return []Check{{Registry: name + kind}} }
	return Facts{
		Cluster: &Cluster{ID: name}, RightsKnown: true, Account: &Account{ID: name}, Owner: &OwnerFact{AccountID: name}, Siblings: &Siblings{Others: len(name)},
		Rotations: &[]Rotation{{ID: name}}, Requested: map[string]v1alpha1.RotationTrigger{name: v1alpha1.TriggerSchedule}, Issued: &IssuedFact{Present: true},
		Pools: &[]Pool{{Name: name}}, Machines: &[]Machine{{Name: name}}, Probes: &[]ProbeFact{{Pod: name}}, Offer: &OfferFact{Open: true}, BackupKnown: true,
		Checks: checks("in use"), IssuedChecks: checks("issued"), BackupChecks: checks("backup"), OldChecks: checks("old"), ProbeChecks: checks("probe"),
	}
}

func TestSettled_IsAPoolWhoseMachinesAllHaveWhatItWants(t *testing.T) {
	settled := Pool{Wanted: "new", Current: "new", Machines: 3, Updated: 3}
	if !settled.Settled() {
		t.Errorf("%+v is not settled", settled)
	}
	for name, change := range map[string]func(*Pool){
		"another configuration": func(p *Pool) { p.Current = "old" },
		"a machine is missing":  func(p *Pool) { p.Updated = 2 },
		"it is degraded":        func(p *Pool) { p.Degraded = true },
	} {
		p := settled
		if change(&p); p.Settled() {
			t.Errorf("%s: %+v is settled", name, p)
		}
	}
}
