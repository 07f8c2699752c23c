package capcredentialset

import (
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// namedStore notes who has which Secrets watched.
type namedStore struct {
	*fakeSecrets
	watched map[string][]types.NamespacedName
}

func (s namedStore) Watch(owner string, refs ...types.NamespacedName) { s.watched[owner] = refs }
func (s namedStore) Forget(owner string)                              { delete(s.watched, owner) }

func TestAStandby_HasTheSecretsWatchedAndDoesNothingElse(t *testing.T) {
	b := oneBench(t, nil)
	store := namedStore{b.secrets, map[string][]types.NamespacedName{}}
	b.r.store = store
	elected := make(chan struct{})
	s := &standby{r: b.r, elected: elected, warm: map[string]bool{}}
	look := func() {
		t.Helper()
		if err := s.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look()
	want := []types.NamespacedName{ref(operatorNamespace, "cert"), machines, registry, ingress, storage}
	got := slices.Clone(store.watched[owner("cap")])
	byName := func(a, b types.NamespacedName) int { return slices.Compare([]string{a.String()}, []string{b.String()}) }
	slices.SortFunc(want, byName)
	if slices.SortFunc(got, byName); !slices.Equal(got, want) {
		t.Errorf("it watches %v, want %v", got, want)
	}
	if len(b.secrets.writes) != 0 || total(b.portal.calls) != 0 || b.secrets.reads != 0 || len(b.r.states) != 0 {
		t.Errorf("it has written %d Secrets, sent %d requests to CAP, and read %d Secrets", len(b.secrets.writes), total(b.portal.calls), b.secrets.reads)
	}

	// The leader's first round wants the same.
	before := maps.Clone(store.watched)
	b.round("cap")
	after := slices.Clone(store.watched[owner("cap")])
	if slices.SortFunc(after, byName); len(store.watched) != len(before) || !slices.Equal(after, want) {
		t.Errorf("the leader watches %v, the standby did %v", store.watched, before)
	}

	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.CredentialsRequests = nil })
	if look(); len(store.watched[owner("cap")]) != 1 {
		t.Errorf("after the spec has changed it watches %v", store.watched)
	}
	close(elected)
	store.watched[owner("cap")] = want
	if look(); !slices.Equal(store.watched[owner("cap")], want) {
		t.Error("it has changed what the leader watches")
	}
}

func TestAStandby_ForgetsASetThatIsGone(t *testing.T) {
	b := oneBench(t, nil)
	store := namedStore{b.secrets, map[string][]types.NamespacedName{}}
	b.r.store = store
	s := &standby{r: b.r, elected: make(chan struct{}), warm: map[string]bool{}}
	look := func() {
		t.Helper()
		if err := s.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look()
	if len(store.watched) != 1 {
		t.Fatalf("it watches %v", store.watched)
	}
	if err := b.client.Delete(t.Context(), b.set("cap")); err != nil {
		t.Fatal(err)
	}
	if look(); len(store.watched) != 0 {
		t.Errorf("a set that is gone has %v watched", store.watched)
	}
}
