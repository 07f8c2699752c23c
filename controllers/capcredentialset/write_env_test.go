package capcredentialset_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

const keptNamespace, keptName = "openshift-machine-api", "aws-cloud-credentials"

// owners are the field managers that own a data key, as the real API server counts them.
func owners(s *corev1.Secret, key string) []string {
	var all []string
	for _, e := range s.ManagedFields {
		if managedfields.WrittenBy([]metav1.ManagedFieldsEntry{e}, e.Manager, func(f managedfields.Fields) bool { return f.HasData(key) }) {
			all = append(all, e.Manager)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// kinds counts the writes of the Secret by the content type of the patch, and forgets them.
func (w *world) kinds() map[string]int {
	count := map[string]int{}
	for _, r := range w.api.Requests(func(r harness.Recorded) bool {
		return r.Resource == "secrets" && r.IsWrite() && r.Namespace == keptNamespace && r.Name == keptName
	}) {
		count[r.ContentType]++
	}
	w.api.Forget()
	return count
}

// edited is a write to the Secret by another writer.
func (w *world) edited(manager string, change func(*corev1.Secret)) {
	w.t.Helper()
	s := w.secret(keptNamespace, keptName)
	change(s)
	w.must(cp.Client.Update(w.t.Context(), s, client.FieldOwner(manager)))
}

// A refresh of what is the operator's already is one patch, and it stays the operator's: also after many of them, and after
// another writer has removed a key in between.
func TestARefresh_IsOnePatchAndChangesNoOwner(t *testing.T) {
	const applied, merged = "application/apply-patch+yaml", "application/strategic-merge-patch+json"
	w := newWorld(t)
	w.set("cap", twoRoles)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	w.edited("a-person", func(s *corev1.Secret) {
		s.Labels, s.Annotations["note"], s.Data["theirs"] = map[string]string{"theirs": "yes"}, "theirs", []byte{0, 255}
	})
	want := func(what string, kinds map[string]int) {
		t.Helper()
		w.ready("cap", v1alpha1.ReasonFresh, "7/7")
		if got := w.kinds(); !maps.Equal(got, kinds) {
			t.Errorf("%s: it was written by %v, want %v", what, got, kinds)
		}
		s := w.secret(keptNamespace, keptName)
		for _, key := range awscreds.Keys() {
			if got := owners(s, key); !slices.Equal(got, []string{managedfields.Operator}) {
				t.Errorf("%s: %s is of %q", what, key, got)
			}
		}
		ours := slices.DeleteFunc(slices.Clone(s.ManagedFields), func(e metav1.ManagedFieldsEntry) bool { return e.Manager != managedfields.Operator })
		if len(ours) > 2 {
			t.Errorf("%s: managedFields grow: %d entries of the operator", what, len(ours))
		}
		if s.Labels["theirs"] != "yes" || s.Annotations["note"] != "theirs" || string(s.Data["theirs"]) != "\x00\xff" || !slices.Equal(owners(s, "theirs"), []string{"a-person"}) {
			t.Errorf("%s: foreign fields have changed: %v, %v, of %q", what, s.Labels, slices.Collect(maps.Keys(s.Data)), owners(s, "theirs"))
		}
	}
	want("it is made", map[string]int{applied: 1})
	for refresh := range 3 {
		before := w.secret(keptNamespace, keptName).Annotations[v1alpha1.RefreshedAtAnnotation]
		w.clock.Advance(31 * time.Minute)
		w.eventually("the next refresh", func() error {
			if now := w.secret(keptNamespace, keptName).Annotations[v1alpha1.RefreshedAtAnnotation]; now == before {
				return fmt.Errorf("it is that of %s", now)
			}
			return nil
		})
		want(fmt.Sprint("refresh ", refresh+1), map[string]int{merged: 1})
	}
	w.edited("another-program", func(s *corev1.Secret) { s.Data["credentials"] = []byte("[default]\n") })
	w.eventually("it is set right", func() error {
		if s := w.secret(keptNamespace, keptName); !strings.Contains(string(s.Data["credentials"]), "aws_session_token") {
			return fmt.Errorf("credentials has %d bytes", len(s.Data["credentials"]))
		}
		return nil
	})
	want("it is set right", map[string]int{applied: 1})
}
