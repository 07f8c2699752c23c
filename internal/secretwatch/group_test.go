package secretwatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

// spread are Secrets of one name, the first n of them.
func spread(n int) []types.NamespacedName {
	refs := make([]types.NamespacedName, n)
	for i := range refs {
		refs[i] = types.NamespacedName{Namespace: fmt.Sprintf("ns-%d", i), Name: "shared"}
	}
	return refs
}

func of(r types.NamespacedName, version, value string) *corev1.Secret {
	s := secret(r.Name, version, value)
	s.Namespace = r.Namespace
	return s
}

// await takes changes until each of the Secrets has been told of.
func await(changes chan types.NamespacedName, refs ...types.NamespacedName) {
	left := map[types.NamespacedName]bool{}
	for _, r := range refs {
		left[r] = true
	}
	for len(left) > 0 {
		delete(left, <-changes)
	}
}

// lists counts the lists by namespace.
func lists(client *fake.Clientset) map[string]int {
	all := map[string]int{}
	for _, a := range client.Actions() {
		if a.GetVerb() == "list" {
			all[a.GetNamespace()]++
		}
	}
	return all
}

func TestManySecretsOfOneName_ShareAWatchOfThatName(t *testing.T) {
	refs := spread(sharedFrom)
	foreign := types.NamespacedName{Namespace: "foreign", Name: "shared"}
	client := fake.NewClientset(of(refs[0], "5", "v"), of(foreign, "5", "none of ours"), secret("another", "5", "v"))
	w, changes := started(t, client)
	w.Watch("me", refs...)
	await(changes, refs...)
	if got := lists(client); !maps.Equal(got, map[string]int{"": 1}) {
		t.Errorf("lists by namespace: %v", got)
	}
	for _, a := range client.Actions() {
		if l, ok := a.(k8stesting.ListAction); ok && l.GetListRestrictions().Fields.String() != "metadata.name=shared" {
			t.Errorf("a list of %q", l.GetListRestrictions().Fields)
		}
	}
	for i, r := range refs {
		if s, found, synced := w.Get(r.Namespace, r.Name); !synced || found != (i == 0) || found && string(s.Data["k"]) != "v" {
			t.Errorf("%s: found %v, synced %v", r, found, synced)
		}
	}
	if _, _, synced := w.Get(foreign.Namespace, foreign.Name); synced || len(w.entries) != sharedFrom {
		t.Error("a Secret that nobody wants is kept")
	}

	watched(client)
	for _, r := range []types.NamespacedName{foreign, refs[1]} {
		if _, err := client.CoreV1().Secrets(r.Namespace).Create(t.Context(), of(r, "6", "new"), metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	if r := <-changes; r != refs[1] {
		t.Errorf("told of %s", r)
	}
	if err := client.CoreV1().Secrets(refs[0].Namespace).Delete(t.Context(), refs[0].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(changes, refs[0])
	_, first, _ := w.Get(refs[0].Namespace, refs[0].Name)
	_, second, _ := w.Get(refs[1].Namespace, refs[1].Name)
	if first || !second {
		t.Errorf("the deleted one is there: %v, the created one: %v", first, second)
	}
}

func TestSecretsOfOneName_BeginToShareOnceThereAreMany(t *testing.T) {
	refs := spread(sharedFrom + 1)
	client := fake.NewClientset(of(refs[0], "5", "v"))
	w, changes := started(t, client)
	w.Watch("me", refs[:sharedFrom-1]...)
	await(changes, refs[:sharedFrom-1]...)
	if got := lists(client); got[""] != 0 || len(got) != sharedFrom-1 {
		t.Errorf("few of a name are listed %v", got)
	}
	w.Watch("me", refs[:sharedFrom]...)
	if _, found, synced := w.Get(refs[0].Namespace, refs[0].Name); !found || !synced {
		t.Error("what was known is forgotten when the watch is shared")
	}
	await(changes, refs[sharedFrom-1])
	w.Watch("another", refs[1:]...)
	await(changes, refs[sharedFrom])
	if got := lists(client)[""]; got != 2 {
		t.Errorf("%d lists of all namespaces, want one as the sharing begins and one for a further Secret", got)
	}
	w.Watch("me")
	w.Watch("another", refs[1:3]...)
	if g := w.groups["shared"]; len(w.entries) != 2 || len(g.members) != 2 {
		t.Errorf("%d entries and %d members are kept, want 2", len(w.entries), len(g.members))
	}
	w.Forget("another")
	if len(w.entries)+len(w.groups) != 0 {
		t.Error("something is watched that nobody wants")
	}
}

// A name that is granted in single namespaces may not be watched in all.
func TestANameThatIsNotGrantedInAllNamespaces_IsWatchedInEach(t *testing.T) {
	refs := spread(sharedFrom + 1)
	client := fake.NewClientset(of(refs[0], "5", "v"))
	client.PrependReactor("list", "secrets", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if a.GetNamespace() == "" || a.GetNamespace() == refs[1].Namespace {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "shared", errors.New("no right"))
		}
		return false, nil, nil
	})
	w, changes := started(t, client)
	w.Watch("me", refs[:sharedFrom]...)
	await(changes, refs[:sharedFrom]...)
	if _, found, _ := w.Get(refs[0].Namespace, refs[0].Name); !found {
		t.Error("a Secret that may be read is not known")
	}
	if err := w.Err(refs[1].Namespace, refs[1].Name); !apierrors.IsForbidden(err) {
		t.Errorf("the error of a Secret that may not be read is %v", err)
	}
	if err := w.Err(refs[2].Namespace, refs[2].Name); err != nil {
		t.Errorf("the error of a Secret that may be read is %v", err)
	}
	w.Watch("me", refs...)
	await(changes, refs[sharedFrom])
	if got := lists(client)[""]; got != 1 {
		t.Errorf("%d lists of all namespaces, want 1", got)
	}
}

// Whoever has namespaces can fill them with Secrets of a name that the operator watches in many.
func TestASharedWatch_IsGivenUpWhenOthersHaveMoreOfThatName(t *testing.T) {
	refs := spread(sharedFrom)
	foreign := spread(3 * sharedFrom)[sharedFrom:]
	create := func(client *fake.Clientset, refs []types.NamespacedName) {
		for _, r := range refs {
			if _, err := client.CoreV1().Secrets(r.Namespace).Create(t.Context(), of(r, "6", "large"), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("in a list", func(t *testing.T) {
		client := fake.NewClientset(of(refs[0], "5", "v"))
		create(client, foreign)
		w, changes := started(t, client)
		w.Watch("me", refs...)
		await(changes, refs...)
		got := lists(client)
		if _, found, _ := w.Get(refs[0].Namespace, refs[0].Name); !found || got[""] != 1 || len(got) != 1+sharedFrom {
			t.Errorf("found %v, lists %v", found, got)
		}
		for _, a := range client.Actions() {
			if l, ok := a.(k8stesting.ListActionImpl); ok && a.GetNamespace() == "" && l.ListOptions.Limit != pageSize {
				t.Errorf("a list of up to %d", l.ListOptions.Limit)
			}
		}
	})
	t.Run("while it is watched", func(t *testing.T) {
		client := fake.NewClientset(of(refs[0], "5", "v"))
		w, changes := started(t, client)
		w.Watch("me", refs...)
		await(changes, refs...)
		watched(client)
		create(client, foreign[:sharedFrom])
		if got := lists(client); len(got) != 1 {
			t.Errorf("as many of others' as of ours are too many: lists %v", got)
		}
		create(client, foreign[sharedFrom:sharedFrom+1])
		create(client, refs[1:])
		await(changes, refs[1:]...)
		w.mu.Lock()
		still := w.groups["shared"].shared != nil
		w.mu.Unlock()
		if _, found, _ := w.Get(refs[0].Namespace, refs[0].Name); !found || still {
			t.Errorf("found %v, still shared %v", found, still)
		}
	})
}

// shares is a Watcher with a shared watch that a test plays the API server for.
func shares(refs []types.NamespacedName) (*Watcher, *shared, *[]types.NamespacedName) {
	w := NewForClient(nil, optionsOfATest)
	told := &[]types.NamespacedName{}
	w.OnChange(func(r types.NamespacedName) { *told = append(*told, r) })
	w.Watch("me", refs...)
	s := &shared{watcher: w, name: "shared", cancel: func() {}, members: maps.Clone(w.groups["shared"].members)}
	w.groups["shared"].shared = s
	return w, s, told
}

func TestASharedWatch_DropsWhatNobodyWantsBeforeItIsKept(t *testing.T) {
	refs := spread(2)
	_, s, _ := shares(refs)
	foreign := of(types.NamespacedName{Namespace: "foreign", Name: "shared"}, "5", "v")
	for _, test := range []struct {
		event apiwatch.Event
		kept  bool
	}{
		{apiwatch.Event{Type: apiwatch.Added, Object: foreign}, false},
		{apiwatch.Event{Type: apiwatch.Deleted, Object: foreign}, false},
		{apiwatch.Event{Type: apiwatch.Added, Object: of(refs[0], "5", "v")}, true},
		{apiwatch.Event{Type: apiwatch.Bookmark, Object: &corev1.Secret{}}, true},
		{apiwatch.Event{Type: apiwatch.Error, Object: &metav1.Status{}}, true},
	} {
		if _, kept := s.kept(test.event); kept != test.kept {
			t.Errorf("%s of %T is kept: %v", test.event.Type, test.event.Object, kept)
		}
	}
}

func TestASharedWatch_TellsEachOfItsSecretsWhatConcernsIt(t *testing.T) {
	refs := spread(3)
	w, s, told := shares(refs)
	has := func(i int) string {
		if s, found, synced := w.Get(refs[i].Namespace, refs[i].Name); found && synced {
			return string(s.Data["k"])
		}
		return ""
	}
	s.Listing()
	s.Listed("500")
	s.Replace([]runtime.Object{of(refs[0], "400", "a"), of(refs[1], "500", "b")})
	if len(*told) != 3 || has(0) != "a" || has(1) != "b" || has(2) != "" {
		t.Errorf("told of %v, they hold %q, %q and %q", *told, has(0), has(1), has(2))
	}
	w.Observe(of(refs[0], "600", "written"))
	*told = nil
	s.Put(of(refs[0], "600", "written"))
	s.Put(of(refs[1], "601", "b2"))
	s.Put(secret("another", "602", "of another name"))
	s.Delete(of(refs[2], "603", "never seen"))
	if !slices.Equal(*told, refs[1:2]) || has(1) != "b2" {
		t.Errorf("told of %v, the second holds %q", *told, has(1))
	}
	*told = nil
	if s.Failed(errors.New("the API server is away")); len(*told) != 3 || w.Err(refs[0].Namespace, "shared") == nil {
		t.Errorf("of a failure it tells %v", *told)
	}
	// A restore of etcd has rewound the history.
	s.Listing()
	s.Listed("301")
	s.Replace([]runtime.Object{of(refs[0], "250", "restored")})
	if has(0) != "restored" || has(1) != "" || w.Err(refs[1].Namespace, "shared") != nil {
		t.Errorf("after the restore they hold %q and %q", has(0), has(1))
	}
	w.Forget("me")
	*told = nil
	if s.Replace([]runtime.Object{of(refs[0], "700", "late")}); !s.ended || len(*told) != 0 {
		t.Error("a watch that was ended still tells")
	}
}
