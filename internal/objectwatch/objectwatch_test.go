package objectwatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	testingclock "k8s.io/utils/clock/testing"
)

// server fakes the API server: each list and each watch returns what the test has queued for it.
type server struct {
	lists   chan func() (runtime.Object, error)
	watches chan func() (watch.Interface, error)
	mu      sync.Mutex
	from    []string // resource versions that were watched from
	streams bool     // whether lists can be streamed
}

func (s *server) source() Source {
	return Source{
		Name: "test", Client: s,
		List: func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
			select {
			case answer := <-s.lists:
				return answer()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			s.mu.Lock()
			s.from = append(s.from, o.ResourceVersion)
			s.mu.Unlock()
			select {
			case answer := <-s.watches:
				return answer()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
}

// IsWatchListSemanticsUnSupported is what client-go asks of a client before it streams a list.
func (s *server) IsWatchListSemanticsUnSupported() bool { return !s.streams }

// seen records the calls of the sink.
type seen chan string

func (s seen) Replace(objects []runtime.Object) {
	text := "all:"
	for _, o := range objects {
		text += " " + o.(*corev1.Secret).Name
	}
	s <- text
}
func (s seen) Put(o runtime.Object)    { s <- "put " + o.(*corev1.Secret).Name }
func (s seen) Delete(o runtime.Object) { s <- "delete " + o.(*corev1.Secret).Name }
func (s seen) Failed(err error)        { s <- "failed " + string(apierrors.ReasonForError(err)) }

func (s seen) expect(t *testing.T, want string) {
	t.Helper()
	if got := <-s; got != want {
		t.Fatalf("the sink was told %q, want %q", got, want)
	}
}

func secret(name, version string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version}}
}

func list(version string, items ...corev1.Secret) func() (runtime.Object, error) {
	return func() (runtime.Object, error) {
		return &corev1.SecretList{ListMeta: metav1.ListMeta{ResourceVersion: version}, Items: items}, nil
	}
}

func failed(err error) func() (runtime.Object, error) {
	return func() (runtime.Object, error) { return nil, err }
}

func ok(w watch.Interface) func() (watch.Interface, error) {
	return func() (watch.Interface, error) { return w, nil }
}

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s", errors.New("no right"))

func start(t *testing.T) (*server, seen, *testingclock.FakeClock) {
	t.Helper()
	return startOn(t, &server{})
}

func startOn(t *testing.T, s *server) (*server, seen, *testingclock.FakeClock) {
	t.Helper()
	s.lists, s.watches = make(chan func() (runtime.Object, error), 10), make(chan func() (watch.Interface, error), 10)
	sink, clock := make(seen), testingclock.NewFakeClock(time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, s.source(), sink, Options{Clock: clock, Gate: make(chan struct{}, 1)})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s, sink, clock
}

// waiting blocks until the loop waits after a failure, and measures the wait by advancing the clock.
func waiting(t *testing.T, clock *testingclock.FakeClock, atMost time.Duration) {
	t.Helper()
	for !clock.HasWaiters() {
		time.Sleep(time.Millisecond)
	}
	clock.Step(atMost)
	if clock.HasWaiters() {
		t.Fatalf("it waits for longer than %s", atMost)
	}
}

func TestRun_ListsOnceAndFollowsTheWatch(t *testing.T) {
	s, sink, _ := start(t)
	w := watch.NewFake()
	s.lists <- list("5", *secret("a", "3"))
	s.watches <- ok(w)
	sink.expect(t, "all: a")
	w.Modify(secret("a", "6"))
	sink.expect(t, "put a")
	w.Action(watch.Bookmark, secret("", "8"))
	w.Delete(secret("a", "9"))
	sink.expect(t, "delete a")
}

func TestRun_StreamsTheListWithTheWatchWhereTheServerCan(t *testing.T) {
	s, sink, _ := startOn(t, &server{streams: true})
	w := watch.NewFake()
	s.watches <- ok(w) // and no list: asking for one would wait forever
	w.Add(secret("a", "3"))
	end := secret("", "5")
	end.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	w.Action(watch.Bookmark, end)
	sink.expect(t, "all: a")
	w.Modify(secret("a", "6"))
	sink.expect(t, "put a")
}

func TestRun_AServerThatRefusesToListIsToldOnceATry(t *testing.T) {
	s, sink, clock := startOn(t, &server{streams: true})
	s.watches <- func() (watch.Interface, error) { return nil, forbidden }
	s.lists <- failed(forbidden)
	sink.expect(t, "failed Forbidden")
	s.watches <- func() (watch.Interface, error) { return nil, forbidden }
	s.lists <- list("5")
	waiting(t, clock, 5*time.Second)
	sink.expect(t, "all:")
}

func TestRun_ListsThatFailForLongAreNoLongerKnown(t *testing.T) {
	s, sink, clock := start(t)
	s.lists <- list("5", *secret("a", "3"))
	s.watches <- func() (watch.Interface, error) { return nil, errors.New("unexpected EOF") }
	sink.expect(t, "all: a")
	for range quietFailures + 1 {
		s.lists <- failed(apierrors.NewInternalError(errors.New("no leader")))
		waiting(t, clock, time.Minute)
	}
	sink.expect(t, "failed InternalError")
}

func TestRun_GoesOnFromWhereAWatchEnded(t *testing.T) {
	s, sink, clock := start(t)
	first, second := watch.NewFake(), watch.NewFake()
	s.lists <- list("5")
	s.watches <- ok(first)
	sink.expect(t, "all:")
	first.Add(secret("a", "7"))
	sink.expect(t, "put a")
	first.Action(watch.Bookmark, secret("", "9"))
	clock.Step(time.Minute) // it was a good watch, and no refusal
	first.Stop()
	s.watches <- ok(second)
	second.Modify(secret("a", "10"))
	sink.expect(t, "put a")
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []string{"5", "9"}; !slices.Equal(s.from, want) {
		t.Errorf("it watched from %v, want %v: no event may be missed and no list is needed", s.from, want)
	}
}

// Otherwise a proxy that cuts off every watch would cause a hot loop.
func TestRun_AWatchThatEndsAtOnceIsOpenedLessAndLess(t *testing.T) {
	s, sink, clock := start(t)
	var waits []time.Duration
	for range 5 {
		w := watch.NewFake()
		w.Stop()
		s.watches <- ok(w)
		s.lists <- list("5", *secret("a", "3"))
		sink.expect(t, "all: a")
		for !clock.HasWaiters() {
			time.Sleep(time.Millisecond)
		}
		var d time.Duration
		for ; clock.HasWaiters(); d += 100 * time.Millisecond {
			clock.Step(100 * time.Millisecond)
		}
		waits = append(waits, d)
	}
	if waits[0] < 500*time.Millisecond || waits[4] < 4*waits[0] {
		t.Errorf("between watches that end at once it waits %v", waits)
	}
}

func TestRun_ListsAnewWhenItsVersionIsTooOld(t *testing.T) {
	s, sink, clock := start(t)
	w := watch.NewFake()
	s.lists <- list("5", *secret("a", "3"))
	s.watches <- ok(w)
	sink.expect(t, "all: a")
	gone := apierrors.NewResourceExpired("too old").Status()
	s.lists <- list("20", *secret("b", "19"))
	w.Error(&gone)
	waiting(t, clock, time.Second)
	sink.expect(t, "all: b")
}

func TestRun_TellsOfAMissingRightAndWaitsWithPatience(t *testing.T) {
	s, sink, clock := start(t)
	s.lists <- failed(forbidden)
	sink.expect(t, "failed Forbidden")
	s.lists <- failed(forbidden)
	waiting(t, clock, 5*time.Second)
	sink.expect(t, "failed Forbidden")
	s.lists <- list("5")
	waiting(t, clock, 10*time.Second)
	sink.expect(t, "all:")
}

func TestRun_ARightThatIsTakenAwayIsNoticedByTheNextWatch(t *testing.T) {
	s, sink, clock := start(t)
	w := watch.NewFake()
	s.lists <- list("5")
	s.watches <- ok(w)
	sink.expect(t, "all:")
	w.Add(secret("a", "7"))
	sink.expect(t, "put a") // so the watch has begun, and it is a good one that ends
	clock.Step(time.Minute)
	w.Stop()
	s.watches <- func() (watch.Interface, error) { return nil, forbidden }
	sink.expect(t, "failed Forbidden")
	s.lists <- list("6", *secret("a", "6"))
	waiting(t, clock, 5*time.Second)
	sink.expect(t, "all: a")
}

func TestRun_AnAPIServerThatIsAwayForAMomentChangesNothingThatIsKnown(t *testing.T) {
	s, sink, clock := start(t)
	s.lists <- list("5", *secret("a", "3"))
	s.watches <- func() (watch.Interface, error) { return nil, syscall.ECONNREFUSED }
	sink.expect(t, "all: a")
	w := watch.NewFake()
	s.watches <- ok(w)
	waiting(t, clock, 2*time.Second)
	w.Modify(secret("a", "6"))
	sink.expect(t, "put a") // and neither "failed" nor a second list before
}

func TestBackoff_GrowsToItsBoundAndIsSpreadByName(t *testing.T) {
	bounds := [2]time.Duration{time.Second, 30 * time.Second}
	wait := func(name string, failures int) time.Duration {
		l := loop{Source: Source{Name: name}}
		return l.backoff(bounds, failures)
	}
	if a, b := wait("a", 0), wait("a", 3); b < 4*a {
		t.Errorf("the first wait is %s, the fourth %s", a, b)
	}
	if d := wait("a", 1000); d > bounds[1] || d < bounds[1]*4/5 {
		t.Errorf("after a thousand failures it waits %s", d)
	}
	different := map[time.Duration]bool{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		different[wait(name, 10)] = true
	}
	if len(different) < 3 {
		t.Error("all come back at once")
	}
}
