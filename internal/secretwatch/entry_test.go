package secretwatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

// alone is the entry of a Secret a that a test plays the API server for, and what it tells of.
func alone() (*Watcher, *entry, *int) {
	w := NewForClient(nil, optionsOfATest)
	told := new(int)
	w.OnChange(func(types.NamespacedName) { *told++ })
	w.Watch("me", ref("a"))
	return w, w.entries[ref("a")], told
}

// holds is the content that is known, "-" if there is none, and "?" while that is not known.
func holds(w *Watcher) string {
	s, found, synced := w.Get("ns", "a")
	switch {
	case !synced:
		if s != nil || found {
			return "known before it is"
		}
		return "?"
	case !found:
		return "-"
	}
	return string(s.Data["k"])
}

// The news of the API server, of a Secret's own writes and of its deletion, in the orders in which they can arrive.
func TestEntry_TellsWhatIsNewsAndTakesNothingOlder(t *testing.T) {
	list := func(version string, s ...*corev1.Secret) func(*Watcher, *entry) {
		return func(_ *Watcher, e *entry) {
			var objects []runtime.Object
			for _, one := range s {
				objects = append(objects, one)
			}
			e.Listing()
			e.Listed(version)
			e.Replace(objects)
		}
	}
	put := func(version, value string) func(*Watcher, *entry) {
		return func(_ *Watcher, e *entry) { e.Put(secret("a", version, value)) }
	}
	gone := func(version string) func(*Watcher, *entry) {
		return func(_ *Watcher, e *entry) { e.Delete(secret("a", version, "x")) }
	}
	fail := func(words string) func(*Watcher, *entry) {
		return func(_ *Watcher, e *entry) { e.Failed(errors.New(words)) }
	}
	wrote := func(version, value string) func(*Watcher, *entry) {
		return func(w *Watcher, _ *entry) { w.Observe(secret("a", version, value)) }
	}
	do := func(f func(e *entry)) func(*Watcher, *entry) { return func(_ *Watcher, e *entry) { f(e) } }
	for name, row := range map[string]struct {
		steps []func(*Watcher, *entry)
		holds string
		told  int // of the last step
	}{
		"nothing yet":                         {[]func(*Watcher, *entry){do(func(*entry) {})}, "?", 0},
		"there is none":                       {[]func(*Watcher, *entry){list("5")}, "-", 1},
		"there is none still":                 {[]func(*Watcher, *entry){list("5"), list("6")}, "-", 0},
		"there is one":                        {[]func(*Watcher, *entry){list("5", secret("a", "5", "v"))}, "v", 1},
		"the same one":                        {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), list("6", secret("a", "5", "v"))}, "v", 0},
		"it is gone by a list":                {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), list("6")}, "-", 1},
		"another one, in a list":              {[]func(*Watcher, *entry){list("5", secret("b", "5", "v"))}, "-", 1},
		"another one":                         {[]func(*Watcher, *entry){list("5"), do(func(e *entry) { e.Put(secret("b", "6", "v")) })}, "-", 0},
		"no Secret":                           {[]func(*Watcher, *entry){list("5"), do(func(e *entry) { e.Put(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}) })}, "-", 0},
		"a newer one":                         {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), put("6", "w")}, "w", 1},
		"an older one":                        {[]func(*Watcher, *entry){list("6", secret("a", "6", "w")), put("5", "v")}, "w", 0},
		"the echo of a write":                 {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), wrote("6", "w"), put("6", "echo")}, "w", 0},
		"a deletion":                          {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), gone("6")}, "-", 1},
		"a deletion of this very version":     {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), gone("5")}, "-", 1},
		"a deletion before it was made again": {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), wrote("8", "w"), gone("7")}, "w", 0},
		"a deletion of another":               {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), do(func(e *entry) { e.Delete(secret("b", "6", "v")) })}, "v", 0},
		"a deletion of no Secret": {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), do(func(e *entry) {
			e.Delete(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: "6"}})
		})}, "v", 0},
		"a deletion of what was never there": {[]func(*Watcher, *entry){list("5"), gone("6")}, "-", 0},
		"a deletion that is told twice":      {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), gone("6"), gone("6")}, "-", 0},
		"what was there before its deletion": {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), gone("7"), put("6", "late")}, "-", 0},
		"the deletion's own version":         {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), gone("7"), put("7", "late")}, "-", 0},
		"what was made after its deletion":   {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), gone("7"), put("8", "new")}, "new", 1},
		"a failure":                          {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), fail("x")}, "?", 1},
		"the same failure":                   {[]func(*Watcher, *entry){fail("x"), fail("x")}, "?", 0},
		"another failure":                    {[]func(*Watcher, *entry){fail("x"), fail("y")}, "?", 1},
		"the end of a failure":               {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), fail("x"), list("6", secret("a", "5", "v"))}, "v", 1},
		"the end of a failure, with none":    {[]func(*Watcher, *entry){list("5"), fail("x"), list("6")}, "-", 1},
		"a restore":                          {[]func(*Watcher, *entry){list("500", secret("a", "500", "v")), list("301", secret("a", "250", "old"))}, "old", 1},
		"a restore of what was deleted":      {[]func(*Watcher, *entry){list("500", secret("a", "400", "v")), gone("500"), list("301", secret("a", "250", "old"))}, "old", 1},
		"a list of the same version":         {[]func(*Watcher, *entry){list("500", secret("a", "500", "v")), list("500", secret("a", "250", "old"))}, "v", 0},
		"a list without a version":           {[]func(*Watcher, *entry){list("500", secret("a", "500", "v")), list("", secret("a", "250", "old"))}, "v", 0},
		"a write during the first list": {[]func(*Watcher, *entry){do(func(e *entry) { e.Listing() }), wrote("302", "mine"), do(func(e *entry) {
			e.Listed("301")
			e.Replace([]runtime.Object{secret("a", "250", "old")})
		})}, "mine", 1},
		"an answer that is older, before the start": {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), wrote("4", "w")}, "v", 0},
		"versions that cannot be compared":          {[]func(*Watcher, *entry){list("5", secret("a", "5", "v")), put("x", "w")}, "w", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, e, told := alone()
			for i, step := range row.steps {
				if i == len(row.steps)-1 {
					*told = 0
				}
				step(w, e)
			}
			if got := holds(w); got != row.holds || *told != row.told {
				t.Errorf("it holds %q and told %d times, want %q and %d", got, *told, row.holds, row.told)
			}
		})
	}
}

func TestTheCopyThatKubectlKeeps_IsTakenFromACopy(t *testing.T) {
	w, e, _ := alone()
	s := secret("a", "5", "v")
	s.Annotations = map[string]string{lastApplied: "{}"}
	e.Replace([]runtime.Object{s})
	if got, _, _ := w.Get("ns", "a"); s.Annotations[lastApplied] == "" || len(got.Annotations) != 0 {
		t.Errorf("what was given holds %v, what is kept %v", s.Annotations, got.Annotations)
	}
	plain := secret("a", "6", "v")
	e.Put(plain)
	if got, _, _ := w.Get("ns", "a"); got != plain {
		t.Error("a Secret without that copy is copied")
	}
}

func TestWhatNobodyWatches_IsNotKnown(t *testing.T) {
	w, e, _ := alone()
	e.Replace([]runtime.Object{secret("a", "5", "v")})
	if w.Err("ns", "b") != nil || w.Noted("ns", "b") != nil || w.Err("ns", "a") != nil || w.Noted("ns", "a") != nil {
		t.Error("it knows what it cannot")
	}
	w.Note(secret("b", "5", "v"), "note")
	w.Forget("me")
	w.Forget("nobody")
	if len(w.owners)+len(w.entries)+len(w.groups) != 0 {
		t.Errorf("it keeps %v, %v, %v", w.owners, w.entries, w.groups)
	}
	if w.NeedLeaderElection() {
		t.Error("a replica that waits to lead would know nothing when it does")
	}
}

func TestSource_EnqueuesWhatASecretConcerns(t *testing.T) {
	w, e, _ := alone()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	if err := w.Source(func(r types.NamespacedName) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: r}, {NamespacedName: ref("other")}}
	}).Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	e.Replace(nil)
	first, _ := queue.Get()
	second, _ := queue.Get()
	if got := []string{first.Name, second.Name}; !slices.Equal(got, []string{"a", "other"}) {
		t.Errorf("it enqueues %v", got)
	}
}

// Otherwise a thousand watches would wait for minutes.
func TestNew_HasNoLimitOfItsOwn(t *testing.T) {
	given := &rest.Config{Host: "https://localhost:1", QPS: 5, RateLimiter: flowcontrol.NewFakeNeverRateLimiter()}
	w, err := New(given, objectwatch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if limiter := w.client.(*corev1client.CoreV1Client).RESTClient().GetRateLimiter(); limiter != nil && !limiter.TryAccept() {
		t.Errorf("it is limited by %T", limiter)
	}
	if given.QPS != 5 || cap(w.opts.Gate) != maxOpening {
		t.Errorf("the given limit is %v, and %d are opened at once", given.QPS, cap(w.opts.Gate))
	}
	if _, err := New(&rest.Config{Host: "https://a b"}, objectwatch.Options{}); err == nil || !strings.HasPrefix(err.Error(), "making a client for single Secrets: ") {
		t.Errorf("got %v", err)
	}
}

// still is a running Watcher in a bubble.
func still(t *testing.T, client *fake.Clientset, check func(w *Watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := NewForClient(lister{client.CoreV1()}, objectwatch.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Start(ctx) }()
		synctest.Wait()
		check(w)
		select {
		case err := <-ended:
			t.Errorf("it ended before its context: %v", err)
		default:
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
	})
}

func TestWatch_EndsWithTheLastOwner(t *testing.T) {
	still(t, fake.NewClientset(), func(w *Watcher) {
		w.Watch("me", ref("a"), ref("b"))
		synctest.Wait()
		kept, ended := 0, 0
		for _, e := range w.entries {
			cancel := e.cancel
			e.cancel = func() { ended++; cancel() }
			kept++
		}
		w.Watch("me", ref("a"))
		w.Watch("you", ref("a"))
		w.Watch("me")
		if ended != kept-1 {
			t.Errorf("%d watches of %d ended, want all but one", ended, kept)
		}
		if w.Forget("you"); ended != kept {
			t.Errorf("%d watches of %d ended", ended, kept)
		}
	})
}

// A write that the watch knows nothing newer of needs no list; one that is older than what is known does.
func TestObserve_ListsAnewOnlyWhenTheAnswerIsOlderThanWhatIsKnown(t *testing.T) {
	for version, want := range map[string]int{"5": 1, "6": 1, "4": 2} {
		client := fake.NewClientset(secret("a", "5", "v"))
		still(t, client, func(w *Watcher) {
			w.Watch("me", ref("a"))
			synctest.Wait()
			e, ended := w.entries[ref("a")], 0
			cancel := e.cancel
			e.cancel = func() { ended++; cancel() }
			w.Observe(secret("a", version, "w"))
			synctest.Wait()
			if got := lists(client)["ns"]; got != want || ended != want-1 {
				t.Errorf("after an answer of version %s: %d lists, want %d; %d watches ended", version, got, want, ended)
			}
			e.Delete(secret("a", "7", "w"))
			w.Observe(secret("a", "6", "late"))
			synctest.Wait()
			if got := lists(client)["ns"]; got != want {
				t.Errorf("after an answer that is older than its deletion: %d lists, want %d", got, want)
			}
		})
	}
}

func TestSharedWatch_IsListedAnewByAnAnswerThatIsOlder(t *testing.T) {
	refs := spread(sharedFrom)
	client := fake.NewClientset(of(refs[0], "5", "v"))
	still(t, client, func(w *Watcher) {
		w.Watch("me", refs...)
		synctest.Wait()
		w.Observe(of(refs[0], "4", "restored"))
		w.Observe(of(refs[0], "4", "restored")) // while a list is about to tell
		synctest.Wait()
		if got := lists(client); got[""] != 2 || len(got) != 1 {
			t.Errorf("lists by namespace: %v, want two of all", got)
		}
		if g := w.groups["shared"]; g.shared == nil || len(g.shared.members) != sharedFrom || g.members[refs[0].Namespace].cancel != nil {
			t.Error("it is no longer shared")
		}
	})
}

// Those that were watched alone before sharing was tried are watched alone again.
func TestSharedWatch_ThatIsRefusedGivesEachSecretItsOwnWatchBack(t *testing.T) {
	refs := spread(sharedFrom)
	client := fake.NewClientset()
	client.PrependReactor("list", "secrets", func(a k8stesting.Action) (bool, runtime.Object, error) {
		return a.GetNamespace() == "", nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "shared", nil)
	})
	still(t, client, func(w *Watcher) {
		w.Watch("me", refs[1:]...)
		synctest.Wait()
		w.Watch("me", refs...)
		synctest.Wait()
		for _, r := range refs {
			if _, err := client.CoreV1().Secrets(r.Namespace).Create(t.Context(), of(r, "6", "v"), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for _, r := range refs {
			if _, found, synced := w.Get(r.Namespace, r.Name); !found || !synced {
				t.Errorf("%s: found %t, synced %t", r, found, synced)
			}
		}
	})
}

// Whatever begins to share, and each further Secret, ends the watches that were there before.
func TestSharedWatch_LeavesNoFormerOneBehind(t *testing.T) {
	refs := spread(sharedFrom + 1)
	still(t, fake.NewClientset(), func(w *Watcher) {
		ended := map[string]int{}
		counted := func(what string, cancel context.CancelFunc) context.CancelFunc {
			return func() { ended[what]++; cancel() }
		}
		w.Watch("me", refs[2:]...)
		for _, e := range w.entries {
			e.cancel = counted("alone", e.cancel)
		}
		w.Watch("me", refs[1:]...)
		first := w.groups["shared"].shared
		first.cancel = counted("first", first.cancel)
		w.Watch("me", refs...)
		second := w.groups["shared"].shared
		second.cancel = counted("second", second.cancel)
		if !first.ended || second.ended || len(second.members) != sharedFrom+1 || !maps.Equal(ended, map[string]int{"alone": sharedFrom - 1, "first": 1}) {
			t.Errorf("ended: %v", ended)
		}
		first.refuse() // it has no say any more
		if g := w.groups["shared"]; g.shared != second || g.refused {
			t.Error("a watch that has ended gives up its successor")
		}
		w.Forget("me")
		if ended["second"] != 1 || !second.ended {
			t.Errorf("when nobody wants them: %v", ended)
		}
		second.refuse()
	})
}

func TestSharedWatch_CountsTheSecretsOfOthersSinceItWasOpened(t *testing.T) {
	refs := spread(2)
	foreign := []runtime.Object{of(types.NamespacedName{Namespace: "x", Name: "shared"}, "5", "v"), of(types.NamespacedName{Namespace: "y", Name: "shared"}, "5", "v")}
	ours := []runtime.Object{of(refs[0], "5", "v"), of(refs[1], "5", "v")}
	for name, row := range map[string]struct {
		has     []runtime.Object
		before  int
		options metav1.ListOptions
		asks    string
		crowded bool
	}{
		"ours":                     {ours, 0, metav1.ListOptions{}, "50  ", false},
		"as many of others":        {append(foreign, ours...), 0, metav1.ListOptions{ResourceVersion: "7", ResourceVersionMatch: "Exact"}, "50  ", false},
		"as many, a second time":   {foreign, 2, metav1.ListOptions{}, "50  ", false},
		"more, with the next page": {foreign, 1, metav1.ListOptions{ResourceVersion: "7", Continue: "x"}, "50 7 x", true},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(row.has...)
			w, s, _ := shares(refs)
			w.client = client.CoreV1()
			s.foreign = row.before
			list, err := s.list(t.Context(), row.options)
			if errors.Is(err, errCrowded) != row.crowded || (list == nil) != row.crowded || w.groups["shared"].refused != row.crowded {
				t.Errorf("got %v, refused %t", err, w.groups["shared"].refused)
			}
			o := client.Actions()[0].(k8stesting.ListActionImpl).ListOptions
			if got := fmt.Sprintf("%d %s %s", o.Limit, o.ResourceVersion, o.Continue); got != row.asks || o.ResourceVersionMatch != "" {
				t.Errorf("it asks for %q, %q", got, o.ResourceVersionMatch)
			}
			if list != nil && len(list.(*corev1.SecretList).Items) != len(row.has)-s.foreign {
				t.Errorf("it keeps %d, and %d are foreign", len(list.(*corev1.SecretList).Items), s.foreign)
			}
		})
	}
	w, s, _ := shares(refs)
	w.client = fake.NewClientset().CoreV1()
	s.foreign = 2
	if _, err := s.watch(t.Context(), metav1.ListOptions{}); err != nil || s.foreign != 0 {
		t.Errorf("opened anew it begins with %d, %v", s.foreign, err)
	}
}

func TestNewForClient_TakesTheGateThatIsGiven(t *testing.T) {
	gate := make(chan struct{}, 1)
	if w := NewForClient(nil, objectwatch.Options{Gate: gate}); w.opts.Gate != gate {
		t.Error("it has another gate than the one that it shares")
	}
}
