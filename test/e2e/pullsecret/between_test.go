package pullsecret

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

func (w *world) backups() []corev1.Secret {
	w.t.Helper()
	list := &corev1.SecretList{}
	w.must(cp.Client.List(context.Background(), list, client.InNamespace(w.namespace), client.HasLabels{"rotation.openshift.io/backup-of"}))
	return list.Items
}

// put writes the cluster's pull secret as another writer.
func (w *world) put(manager string, document []byte) {
	w.t.Helper()
	s := &corev1.Secret{}
	w.must(cp.Client.Get(context.Background(), client.ObjectKey{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}, s))
	s.Data[corev1.DockerConfigJsonKey] = document
	w.must(cp.Client.Update(context.Background(), s, client.FieldOwner(manager)))
}

// secretWrites counts successful writes, without conflicts.
func (w *world) secretWrites() int {
	n := 0
	for _, r := range w.api.Writes() {
		if r.Resource == "secrets" && r.Name == harness.PullSecretName && r.Status != http.StatusConflict {
			n++
		}
	}
	return n
}

func TestARestoredOldEntryIsHealedAndItsWriterNamed(t *testing.T) {
	w := newWorld(t, living())
	w.create(rotation())
	w.start()
	w.waitFor("the rotation has ended", ended)

	w.put("argocd-controller", w.before)
	r := w.waitFor("the old entries are healed", func(r *v1alpha1.PullSecretRotation) bool {
		return len(r.Status.Targets) == 1 && r.Status.Targets[0].Healed == 1 && ended(r)
	})
	w.current()
	w.expectEvent(v1alpha1.ReasonEntryHealed, "argocd-controller")
	if meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionSecondWriter) != nil {
		t.Error("one heal is reported as a fight")
	}

	// Repeated writes are a fight: the operator backs off, and a condition names the writer.
	for range 2 {
		n := w.get().Status.Targets[0].Healed
		w.put("argocd-controller", w.before)
		w.waitFor("healed again", func(r *v1alpha1.PullSecretRotation) bool { return r.Status.Targets[0].Healed == n+1 })
	}
	w.put("argocd-controller", w.before)
	r = w.waitForReason(v1alpha1.ReasonWriterFight)
	c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionSecondWriter)
	if c == nil || c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, "argocd-controller") {
		t.Errorf("SecondWriter = %+v, want True and the writer's name", c)
	}
	if string(w.document()) != string(w.before) {
		t.Error("the fight continues without a pause")
	}
}

func TestAnEditOfOtherEntriesIsNotReverted(t *testing.T) {
	w := newWorld(t, living())
	w.create(rotation())
	w.start()
	w.waitFor("the rotation has ended", ended)
	w.api.Forget()
	edited := []byte(strings.Replace(string(w.document()), `"auths":{`, `"auths":{"mirror.example.com:5000":{"auth":"bWlycm9yOnNlY3JldC1taXJyb3I="},`, 1))
	if string(edited) == string(w.document()) {
		t.Fatal("the edit changed nothing")
	}
	w.put("oc", edited)
	w.lookedAgain()
	if string(w.document()) != string(edited) || w.secretWrites() != 0 {
		t.Error("another owner's entry was changed")
	}
}

// wrongPassword is an auth with a user name like OCM's.
const wrongPassword = "dWhjLXBvb2wtMTpub25zZW5zZS1ub25zZW5zZQ=="

func TestTheHealthCheckNoticesARevokedPullSecret(t *testing.T) {
	w := newWorld(t, still())
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		future := metav1.NewTime(time.Now().Add(24 * time.Hour))
		s.RotateAfter, s.HealthCheckInterval = &future, &metav1.Duration{Duration: 30 * time.Second}
	}))
	w.start()
	r := w.waitForReason(v1alpha1.ReasonNotDue)
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionPullSecretValid); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("PullSecretValid = %+v, want True", c)
	}
	if r.Status.OCMCredential == nil || r.Status.OCMCredential.IssuedAt == nil || r.Status.OCMCredential.LastUsedAt == nil {
		t.Errorf("the offline token's age and use are not shown: %+v", r.Status.OCMCredential)
	}
	if r.Status.NextRotationAfter == nil {
		t.Error("the next T is not shown")
	}
	d := string(w.document())
	w.put("somebody", []byte(strings.Replace(d, auth([]byte(d), "registry.connect.redhat.com"), wrongPassword, 1)))
	r = w.waitForReason(v1alpha1.ReasonRegistriesRefuse)
	if !meta.IsStatusConditionFalse(r.Status.Conditions, v1alpha1.ConditionPullSecretValid) || !strings.Contains(r.Status.WaitingFor, "registry.connect.redhat.com") {
		t.Errorf("PullSecretValid is not False, or does not name the registry: %q", r.Status.WaitingFor)
	}
	w.put("somebody", []byte(d))
	r = w.waitForReason(v1alpha1.ReasonNotDue)
	if !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionPullSecretValid) {
		t.Error("PullSecretValid is not True although the entry was fixed")
	}
}

func TestARotationFixesARefusedPullSecret(t *testing.T) {
	s := living()
	s.document = func(issued []byte) []byte {
		return []byte(strings.ReplaceAll(string(issued), auth(issued, "registry.redhat.io"), wrongPassword))
	}
	w := newWorld(t, s)
	later := metav1.NewTime(time.Now().Add(24 * time.Hour))
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.RotateAfter = &later }))
	w.start()
	w.waitForReason(v1alpha1.ReasonRegistriesRefuse)
	r := w.get()
	patch := client.MergeFrom(r.DeepCopy())
	r.Spec.RotateAfter = &metav1.Time{Time: time.Now().Add(-time.Minute)}
	w.must(cp.Client.Patch(t.Context(), r, patch))
	r = w.waitFor("the rotation has ended, and nothing is refused", ended)
	if !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionPullSecretValid) {
		t.Error("PullSecretValid is not True although the registries accept the new credentials")
	}
}

// insights-operator or an administrator may apply the same credentials first: nothing is written twice.
func TestNewCredentialsThatAnotherWriterAppliedFirstAreNotWrittenAgain(t *testing.T) {
	w := newWorld(t, still())
	w.create(rotation())
	p := w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	p.Kill()
	w.ocm.RunBatch()
	w.put("insights-operator", w.ocm.PullSecret(w.account.ID))
	w.api.Forget()
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	if got := result(r, own); got != v1alpha1.ReasonAlreadyCurrent {
		t.Errorf("the result is %s, want %s", got, v1alpha1.ReasonAlreadyCurrent)
	}
	if n := w.secretWrites(); n != 0 {
		t.Errorf("the pull secret was written %d times, want never", n)
	}
	w.oneRotation()
}

// In the other order insights-operator's merge changes nothing; and a write between the operator's read and its own
// is not lost.
func TestAConcurrentWriteIsNotLost(t *testing.T) {
	w := newWorld(t, still())
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	hold := w.api.Hold(harness.Before, func(r harness.APIRequest) bool {
		return r.Resource == "secrets" && r.Name == harness.PullSecretName && r.IsWrite()
	})
	w.ocm.RunBatch()
	<-hold.Reached()
	edited := []byte(strings.Replace(string(w.before), `"auths":{`, `"auths":{"mirror.example.com:5000":{"auth":"bWlycm9yOnNlY3JldC1taXJyb3I="},`, 1))
	w.put("oc", edited)
	hold.Release()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.current()
	if auth(w.document(), "mirror.example.com:5000") == "" {
		t.Error("the entry of the concurrent write is lost")
	}
}

func (w *world) expectEvent(reason, part string) {
	w.t.Helper()
	harness.Eventually(w.t, "an event "+reason+" that names "+part, func(ctx context.Context) error {
		list := &eventsv1.EventList{}
		if err := cp.Client.List(ctx, list); err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.Reason == reason && e.Regarding.Name == name && strings.Contains(e.Note, part) {
				return nil
			}
		}
		return fmt.Errorf("none among %d events", len(list.Items))
	})
}
