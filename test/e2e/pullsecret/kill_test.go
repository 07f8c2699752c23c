package pullsecret

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// An undisturbed rotation shows the effects: the request to OCM and each write to the API server. Then, for each of them, in a
// fresh world, the operator is killed before the effect, or after it and before the response, and started again. Every such run
// must end like the undisturbed one, with exactly one rotation of the account.
func TestARotationThatIsKilledAtAnyPointEndsTheSame(t *testing.T) {
	w := newWorld(t, threeClusters)
	want, _ := w.live(nil)
	effects := w.effects()
	w.leave()
	t.Logf("a rotation has these effects: %s, and the request to OCM", strings.Join(effects, "; "))
	if len(effects) < inEveryLife || !slices.Contains(effects, "patch secrets openshift-config/pull-secret") {
		t.Fatalf("the undisturbed rotation has too few effects to kill it at: %v", effects)
	}
	check := func(t *testing.T, hold func(w *world) (reached <-chan struct{}), must bool) {
		w := newWorld(t, threeClusters)
		got, killed := w.live(hold(w))
		if !killed {
			t.Logf("this run had no such effect: %s", strings.Join(w.effects(), "; "))
			if must {
				t.Error("the operator was never killed")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the result differs (-undisturbed +killed):\n%s", diff)
		}
		if t.Failed() {
			t.Log(w.explain(t.Context()))
		}
	}
	for _, moment := range []harness.Moment{harness.Before, harness.After} {
		t.Run(fmt.Sprintf("%s the request to OCM", moment), func(t *testing.T) {
			check(t, func(w *world) <-chan struct{} { return w.holdPost(moment) }, true)
		})
		for i, effect := range effects {
			t.Run(fmt.Sprintf("%s effect %d, %s", moment, i+1, effect), func(t *testing.T) {
				check(t, func(w *world) <-chan struct{} { return w.holdEffect(moment, i+1) }, i < inEveryLife)
			})
		}
	}
}

// inEveryLife is how many writes to the API server every rotation has: the backup, the intent, the request's id in the ledger and in the
// status, the wait for OCM, the new document, and the applied state. The number of later writes depends on how often the operator saw the
// machines' progress.
const inEveryLife = 7

// threeClusters is a cluster with two others of its account, which switch soon.
var threeClusters = settings{siblings: 2, siblingMode: ocm.SwitchesSoon}

// live runs the operator through a whole rotation, while OCM does its part as soon as the operator waits for it. When a
// request is held (reached is closed), the operator is killed and started again; nil holds nothing. It returns the result of the
// rotation, and whether the operator was killed.
func (w *world) live(reached <-chan struct{}) (e end, killed bool) {
	w.t.Helper()
	w.create(rotation())
	operator := w.start()
	days := 0
	kill := func() {
		operator.Kill()
		operator = w.start()
		reached, killed = nil, true
	}
	harness.Eventually(w.t, "the rotation has ended", func(ctx context.Context) error {
		select {
		case <-reached:
			kill()
		default:
		}
		r := &v1alpha1.PullSecretRotation{}
		if err := cp.Client.Get(ctx, client.ObjectKey{Name: name}, r); err != nil {
			return err
		}
		switch {
		case ended(r) && reached == nil:
			return nil
		case ended(r):
			// Either the last write is the one to hold and is about to be held, or there were fewer writes.
			select {
			case <-reached:
				kill()
			case <-time.After(5 * time.Second):
				return nil
			}
		case reason(r) == v1alpha1.ReasonAwaitingIssue && !w.issued():
			w.ocm.RunBatch()
		case reason(r) == v1alpha1.ReasonAwaitingRevocation && days < 12:
			// OCM needs a day or two; an unused offline token is dead after 30, so time must not pass much faster than a restart.
			w.days(2)
			days += 2
		}
		return fmt.Errorf("phase %q, %s", r.Status.Phase, conditionsOf(r))
	}, w.explain)
	e = w.end()
	operator.Kill()
	return e, killed
}

// leave stops everything that would change the cluster of the next run.
func (w *world) leave() { w.must(w.mco.Stop()) }

func (w *world) issued() bool {
	rotations := w.ocm.Rotations(w.account.ID)
	return len(rotations) > 0 && rotations[len(rotations)-1].Issued
}

// effects are the operator's writes to the API server, as text.
func (w *world) effects() []string {
	var list []string
	for _, r := range w.api.Writes() {
		list = append(list, r.String())
	}
	return list
}

// holdEffect holds the n-th write to the API server.
func (w *world) holdEffect(moment harness.Moment, n int) (reached <-chan struct{}) {
	seen := 0
	return w.api.Hold(moment, func(r harness.APIRequest) bool {
		if r.IsWrite() && !r.IsBookkeeping() {
			seen++
			return seen == n
		}
		return false
	}).Reached()
}

// holdPost holds the request to OCM.
func (w *world) holdPost(moment harness.Moment) (reached <-chan struct{}) {
	at := map[harness.Moment]ocm.Moment{harness.Before: ocm.BeforeEffect, harness.After: ocm.AfterEffect}
	return w.ocm.Hold(ocm.OpPostRotation, at[moment]).Arrived()
}

// end is the result, which must not depend on kills.
type end struct {
	// Rotations of the account by any requester.
	Rotations int
	// Current is whether the cluster uses OCM's current credentials.
	Current bool
	// Renders of the machine-config-operator: each touches every machine.
	Renders int
	// Backups in the operator's namespace.
	Backups int
	// Status of the object, without values that differ between rotations (times, ids, fingerprints) and without what a new
	// process cannot know: whether a rotation in OCM's list was its own request, and whether the entries in place are its
	// own work.
	Status string
}

func (w *world) end() end {
	w.t.Helper()
	secrets := &corev1.SecretList{}
	w.must(cp.Client.List(w.t.Context(), secrets, client.InNamespace(w.namespace)))
	backups := 0
	for _, s := range secrets.Items {
		if s.Name != "ocm" && s.Name != "requested-rotations" {
			backups++
		}
	}
	r := w.get()
	for i := range r.Status.History {
		r.Status.History[i].Adopted = false
	}
	r.Status.Rotation.Adopted = false
	for i := range r.Status.Targets {
		r.Status.Targets[i].Entries = nil
	}
	// They are in the order in which they became known, which differs where something had to be asked again.
	slices.SortStableFunc(r.Status.Credentials, func(a, b v1alpha1.CredentialStatus) int { return strings.Compare(a.Registry, b.Registry) })
	var status any
	raw, err := json.Marshal(r.Status)
	w.must(err)
	w.must(json.Unmarshal(raw, &status))
	text, err := json.MarshalIndent(w.withoutIdentity(status), "", "  ")
	w.must(err)
	current := w.ocm.PullSecret(w.account.ID)
	return end{
		Rotations: len(w.ocm.Rotations(w.account.ID)),
		Current:   auth(w.document(), "quay.io") == auth(current, "quay.io") && auth(w.document(), "cloud.openshift.com") == auth(current, "cloud.openshift.com"),
		Renders:   w.mco.Renders(),
		Backups:   backups,
		Status:    string(text),
	}
}

// identity are the values in a status that differ between rotations.
var identity = map[string]bool{"id": true, "salt": true, "fingerprint": true, "backupSecret": true}

// changing matches times and digests in a status or its messages.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\d(T[0-9:]+Z| \d\d:\d\d UTC)|sha256:[0-9a-f]+`)

func (w *world) withoutIdentity(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if identity[key] {
				v[key] = "..."
			} else {
				v[key] = w.withoutIdentity(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = w.withoutIdentity(v[i])
		}
	case string:
		for _, r := range w.ocm.Rotations(w.account.ID) {
			v = strings.ReplaceAll(v, r.ID, "<rotation>")
		}
		return changing.ReplaceAllString(strings.ReplaceAll(v, w.account.ID, "<account>"), "...")
	}
	return v
}
