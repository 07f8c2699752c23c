package capcredentialset

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// manySets are sets of one Secret each, which ask one portal with one client certificate.
func manySets(t *testing.T, sets int) (*bench, []string) {
	t.Helper()
	b := manyRoles(t, 1)
	var names []string
	for n := range sets {
		name := fmt.Sprint("set-", n)
		set := b.set("cap").DeepCopy()
		set.Name, set.UID, set.ResourceVersion = name, types.UID(name), ""
		set.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: name, Name: "s"}, Role: fmt.Sprint("r", n)}}
		if err := b.client.Create(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return b, names
}

// driveAll lets time go by for some sets: each sleeps as long as its round says, or until it is woken.
func (b *bench) driveAll(names []string, d time.Duration) {
	b.t.Helper()
	due := map[string]time.Time{}
	var woken wakings
	b.settle()
	b.r.wake = woken.add
	for end := b.truth.Add(d); b.truth.Before(end); {
		next := slices.MinFunc(names, func(x, y string) int { return due[x].Compare(due[y]) })
		if wait := due[next].Sub(b.truth); wait > 0 {
			b.pass(wait)
		}
		wait := max(b.round(next), time.Millisecond)
		due[next] = b.truth.Add(wait)
		b.settle()
		for _, set := range woken.take() {
			due[set] = b.truth
		}
	}
}

// wakings are the sets that requests to CAP have woken from other goroutines.
type wakings struct {
	mu   sync.Mutex
	sets []string
}

func (w *wakings) add(set string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sets = append(w.sets, set)
}

func (w *wakings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sets := w.sets
	w.sets = nil
	return sets
}

func TestAPortalThatDoesNotWork_IsAskedByOneSetForAll(t *testing.T) {
	for class, atMost := range map[cap.Class]int{cap.AuthenticationRefused: 24, cap.Unavailable: 100} {
		b, names := manySets(t, 8)
		b.answers(8, refuse(class))
		b.driveAll(names, time.Hour)
		if n := total(b.portal.calls); n > atMost || n < 10 {
			t.Errorf("%s: eight sets sent %d requests in an hour, want 10 to %d", class, n, atMost)
		}
		for _, name := range names {
			if row := b.set(name).Status.Targets[0]; row.Result != string(class) || row.Message == "" {
				t.Errorf("%s: the row of %s says %s: %s", class, name, row.Result, row.Message)
			}
		}
		b.answers(8, nil)
		b.driveAll(names, 6*time.Minute)
		for _, name := range names {
			if got := b.set(name).Status.Credentials; got != "1/1" {
				t.Errorf("%s: %s of %s are fresh six minutes after the portal works", class, got, name)
			}
		}
	}
}

// A person who has fixed something in one set need not wait.
func TestAnEditOfOneSet_IsTriedAtOnceAndTheOthersFollow(t *testing.T) {
	b, names := manySets(t, 3)
	elsewhere := b.set(names[2])
	elsewhere.Spec.Endpoint.URL += "/elsewhere"
	if err := b.client.Update(t.Context(), elsewhere); err != nil {
		t.Fatal(err)
	}
	b.portal.answers["r0"], b.portal.answers["r1"] = refuse(cap.AuthenticationRefused), refuse(cap.AuthenticationRefused)
	b.driveAll(names, 30*time.Minute)
	if got := b.set(names[2]).Status.Credentials; got != "1/1" {
		t.Errorf("a set that asks another portal waits for this one: %s", got)
	}
	clear(b.portal.answers)
	set := b.set(names[0])
	set.Spec.Endpoint.Mission, set.Generation = "mended", 2
	if err := b.client.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.driveAll(names, 10*time.Second)
	if got := b.set(names[0]).Status.Credentials; got != "1/1" {
		t.Errorf("%s are fresh ten seconds after the edit", got)
	}
	b.driveAll(names, 6*time.Minute)
	if got := b.set(names[1]).Status.Credentials; got != "1/1" {
		t.Errorf("%s of another set are fresh six minutes later", got)
	}
	for _, name := range names {
		if err := b.client.Delete(t.Context(), b.set(name)); err != nil {
			t.Fatal(err)
		}
		b.round(name)
	}
	if n := len(b.r.endpoints); n != 0 {
		t.Errorf("%d unused portals are remembered", n)
	}
}

func TestANamespace_WakesTheSetsThatHaveASecretThereAndNoOther(t *testing.T) {
	b, names := manySets(t, 3)
	for _, name := range names {
		b.round(name)
	}
	for namespace, want := range map[string]int{names[1]: 1, "somebody-elses": 0, "": 3} {
		if got := b.r.setsIn(namespace); len(got) != want || want == 1 && got[0].Name != names[1] {
			t.Errorf("namespace %q wakes %v", namespace, got)
		}
	}
}

func TestALateRefresh_IsSaid(t *testing.T) {
	for percent, said := range map[int32]bool{50: false, 51: true, 90: true} {
		b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) { set.Spec.Refresh.AtLifetimePercent = percent })
		b.round("cap")
		ready := meta.FindStatusCondition(b.set("cap").Status.Conditions, v1alpha1.ConditionReady)
		if got := strings.Contains(ready.Message, "atLifetimePercent"); got != said || ready.Status != metav1.ConditionTrue {
			t.Errorf("%d %%: %s", percent, ready.Message)
		}
	}
}

// The old CronJob under another name removes the session token twice an hour.
func TestAWriterThatComesByTheClock_IsToldOf(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	for n := range 4 {
		b.drive(30 * time.Minute)
		s, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
		delete(s.Data, awscreds.KeySessionToken)
		b.secrets.put(machines, s)
		b.drive(10 * time.Second)
		if got, told := conditionOf(b.set("cap"), v1alpha1.ConditionSecondWriter), n >= 2; (got == v1alpha1.ReasonRegularWriter) != told {
			t.Errorf("after %d edits SecondWriter says %s", n+1, got)
		}
	}
	b.drive(25 * time.Hour)
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionSecondWriter); got != v1alpha1.ReasonNoSecondWriter {
		t.Errorf("a day later SecondWriter says %s", got)
	}
}

func TestGauges_CountTheSecretsOfWhichNobodyKnowsWhenTheyExpire(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: "missing", Name: "s"}, Role: "r0"}}
	})
	b.facts.missing["missing"] = true // not needed yet
	b.portal.answers["r0"], b.portal.answers["r1"] = refuse(cap.AuthenticationRefused), refuse(cap.AuthenticationRefused)
	b.round("cap")
	if err := gauged(4); err != nil {
		t.Error(err)
	}
	clear(b.portal.answers)
	b.drive(time.Minute)
	if err := gauged(0); err != nil {
		t.Error(err)
	}
	forgetMetrics("cap")
	if err := gauged(-1); err != nil {
		t.Error(err)
	}
}

// gauged compares the series of the set with what it should be; negative: there is none.
func gauged(want float64) error {
	got := -1.0
	families, err := metrics.Registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if family.GetName() != "credential_rotation_secrets_without_expiry" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == "cap" {
				got = m.GetGauge().GetValue()
			}
		}
	}
	if got != want {
		return fmt.Errorf("the series says %v, want %v", got, want)
	}
	return nil
}
