package secretwatch

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	k8stesting "k8s.io/client-go/testing"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

func ref(name string) types.NamespacedName { return types.NamespacedName{Namespace: "ns", Name: name} }

func secret(name, version, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, ResourceVersion: version},
		Data:       map[string][]byte{"k": []byte(value)},
	}
}

// lister is a fake client, which answers lists but cannot stream them.
type lister struct{ corev1client.SecretsGetter }

// IsWatchListSemanticsUnSupported is what client-go asks for.
func (lister) IsWatchListSemanticsUnSupported() bool { return true }

// optionsOfATest retry at once.
var optionsOfATest = objectwatch.Options{Slow: [2]time.Duration{time.Millisecond, time.Millisecond}}

// started is a running Watcher with the changes that it reports.
func started(t *testing.T, client *fake.Clientset) (*Watcher, chan types.NamespacedName) {
	t.Helper()
	w := NewForClient(lister{client.CoreV1()}, optionsOfATest)
	changes := make(chan types.NamespacedName, 100)
	w.OnChange(func(r types.NamespacedName) { changes <- r })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w, changes
}

func TestWatch_KnowsWhatIsThereAndWhatIsNot(t *testing.T) {
	w, changes := started(t, fake.NewClientset(secret("there", "1", "v")))
	if _, _, synced := w.Get("ns", "there"); synced {
		t.Error("a Secret that nobody watches is known")
	}
	w.Watch("me", ref("there"), ref("missing"))
	<-changes
	<-changes
	if s, found, synced := w.Get("ns", "there"); !found || !synced || string(s.Data["k"]) != "v" {
		t.Errorf("found %v, synced %v", found, synced)
	}
	if s, found, synced := w.Get("ns", "missing"); found || !synced || s != nil {
		t.Errorf("a missing Secret: found %v, synced %v", found, synced)
	}
}

// watched waits until the client is watched. What happens between its list and its watch, it forgets; an API server does not.
func watched(client *fake.Clientset) {
	for !slices.ContainsFunc(client.Actions(), func(a k8stesting.Action) bool { return a.GetVerb() == "watch" }) {
		time.Sleep(time.Millisecond)
	}
}

func TestWatch_FollowsChanges(t *testing.T) {
	client := fake.NewClientset()
	w, changes := started(t, client)
	w.Watch("me", ref("s"))
	<-changes
	watched(client)
	if _, err := client.CoreV1().Secrets("ns").Create(t.Context(), secret("s", "5", "v"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := <-changes; r != ref("s") {
		t.Errorf("told of %s", r)
	}
	if _, found, _ := w.Get("ns", "s"); !found {
		t.Error("the new Secret is not known")
	}
	if err := client.CoreV1().Secrets("ns").Delete(t.Context(), "s", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	<-changes
	if _, found, synced := w.Get("ns", "s"); found || !synced {
		t.Errorf("after it was deleted: found %v, synced %v", found, synced)
	}
}

func TestWatch_AsksForSingleNamesOnly(t *testing.T) {
	client := fake.NewClientset()
	w, changes := started(t, client)
	w.Watch("me", ref("s"))
	<-changes
	for _, a := range client.Actions() {
		if l, ok := a.(k8stesting.ListAction); ok && (l.GetListRestrictions().Fields.String() != "metadata.name=s" || l.GetNamespace() != "ns") {
			t.Errorf("a list of %q in %q", l.GetListRestrictions().Fields, l.GetNamespace())
		}
	}
}

func TestNew_AsksForProtobufAndNoCompression(t *testing.T) {
	headers := make(chan http.Header, 10)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	w, err := New(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}, optionsOfATest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.Secrets("ns").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Fatal(err)
	}
	if got := <-headers; strings.Contains(got.Get("Accept-Encoding"), "gzip") || got.Get("Accept") != "application/vnd.kubernetes.protobuf,application/json" {
		t.Errorf("it takes %q, compressed by %q", got.Get("Accept"), got.Get("Accept-Encoding"))
	}
}

func TestForbidden_IsAStateThatEndsByItself(t *testing.T) {
	client := fake.NewClientset(secret("s", "1", "v"))
	allowed := make(chan struct{})
	client.PrependReactor("list", "secrets", func(k8stesting.Action) (bool, runtime.Object, error) {
		select {
		case <-allowed:
			return false, nil, nil
		default:
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s", errors.New("no right"))
		}
	})
	w, changes := started(t, client)
	w.Watch("me", ref("s"))
	<-changes
	if !apierrors.IsForbidden(w.Err("ns", "s")) {
		t.Errorf("the error is %v", w.Err("ns", "s"))
	}
	if _, _, synced := w.Get("ns", "s"); synced {
		t.Error("a Secret that may not be read is known")
	}
	close(allowed)
	<-changes
	if _, found, _ := w.Get("ns", "s"); !found || w.Err("ns", "s") != nil {
		t.Errorf("after the grant: found %v, error %v", found, w.Err("ns", "s"))
	}
}

func TestWatch_KeepsWhatSomebodyStillWants(t *testing.T) {
	w, changes := started(t, fake.NewClientset(secret("s", "1", "v")))
	w.Watch("one", ref("s"))
	<-changes
	w.Watch("two", ref("s"))
	w.Forget("one")
	if _, found, _ := w.Get("ns", "s"); !found {
		t.Error("the other's Secret was forgotten")
	}
	w.Watch("two", ref("another"))
	if _, _, synced := w.Get("ns", "s"); synced {
		t.Error("a Secret that nobody wants any more is kept")
	}
	if n := len(w.entries); n != 1 {
		t.Errorf("%d entries are kept, want 1", n)
	}
}

func TestObserve_IsNotUndoneByOlderNews(t *testing.T) {
	w, changes := started(t, fake.NewClientset(secret("s", "5", "old")))
	w.Watch("me", ref("s"))
	<-changes
	w.Observe(secret("s", "7", "new"))
	e := w.entries[ref("s")]
	e.Put(secret("s", "6", "between"))
	e.Put(secret("s", "7", "echo"))
	e.Delete(secret("s", "6", "between"))
	if s, _, _ := w.Get("ns", "s"); s == nil || string(s.Data["k"]) != "new" {
		t.Error("older news has replaced what was written")
	}
	if n := len(changes); n != 0 {
		t.Errorf("%d changes were told of that are none", n)
	}
	e.Delete(secret("s", "8", "new"))
	w.Observe(secret("s", "7", "new"))
	if _, found, _ := w.Get("ns", "s"); found {
		t.Error("a late answer has brought a deleted Secret back")
	}
	e.Put(secret("s", "9", "again"))
	if _, found, _ := w.Get("ns", "s"); !found {
		t.Error("a Secret that was created again is not known")
	}
	w.Observe(secret("nobody-watches", "1", "v"))
	if len(w.entries) != 1 {
		t.Error("a Secret that nobody watches is kept")
	}
}

func TestTheCopyThatKubectlKeeps_IsNotStored(t *testing.T) {
	s := secret("s", "5", "v")
	s.Annotations = map[string]string{lastApplied: `{"data":{}}`, "mine": "yes"}
	w, changes := started(t, fake.NewClientset(s))
	w.Watch("me", ref("s"))
	<-changes
	got, _, _ := w.Get("ns", "s")
	if _, ok := got.Annotations[lastApplied]; ok || got.Annotations["mine"] != "yes" {
		t.Errorf("annotations: %v", got.Annotations)
	}
}

// A restore of etcd rewinds the versions: the watch is silent while they are lower than the known one.
func TestAHistoryThatWasRewound_IsNoticedByAListAndByAWriteOfOnesOwn(t *testing.T) {
	e := &entry{watcher: &Watcher{}, ref: ref("a")}
	list := func(version string, s *corev1.Secret) {
		e.Listing()
		e.Listed(version)
		e.Replace([]runtime.Object{s})
	}
	list("500", secret("a", "500", "before"))
	list("301", secret("a", "250", "restored"))
	if got := string(e.secret.Data["k"]); got != "restored" {
		t.Errorf("after the restore it holds what was there %s it", got)
	}
	// A list that began before a write of one's own is no such sign.
	e.Listing()
	e.Put(secret("a", "302", "written"))
	e.Listed("301")
	e.Replace([]runtime.Object{secret("a", "250", "restored")})
	if got := string(e.secret.Data["k"]); got != "written" {
		t.Errorf("a list that was slow takes it back to what was %s", got)
	}
}

func TestNote_StandsForTheSecretUntilItChanges(t *testing.T) {
	w, changes := started(t, fake.NewClientset(secret("s", "5", "old")))
	w.Watch("me", ref("s"))
	<-changes
	there, _, _ := w.Get("ns", "s")
	w.Observe(secret("s", "6", "newer"))
	if w.Note(there, "of five"); w.Noted("ns", "s") != nil {
		t.Error("a note of what has changed meanwhile was kept")
	}
	there, _, _ = w.Get("ns", "s")
	w.Note(there, "of six")
	if s, found, synced := w.Get("ns", "s"); s != nil || !found || !synced || w.Noted("ns", "s") != "of six" {
		t.Errorf("with a note: content %v, found %v, synced %v, note %v", s != nil, found, synced, w.Noted("ns", "s"))
	}
	e := w.entries[ref("s")]
	e.Put(secret("s", "6", "newer"))
	e.Put(secret("s", "5", "old"))
	if w.Noted("ns", "s") != "of six" {
		t.Error("older news has taken the note away")
	}
	e.Failed(errors.New("it may not be read"))
	if w.Noted("ns", "s") != nil {
		t.Error("what cannot be read now is known by its note")
	}
	e.Replace([]runtime.Object{secret("s", "7", "newest")})
	if s, _, _ := w.Get("ns", "s"); s == nil || w.Noted("ns", "s") != nil {
		t.Error("the note stands for a Secret that has changed")
	}
	e.Delete(secret("s", "8", "newest"))
	if _, found, synced := w.Get("ns", "s"); found || !synced || w.Noted("ns", "s") != nil {
		t.Error("a Secret that is gone is known")
	}
}
