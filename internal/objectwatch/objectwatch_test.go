package objectwatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	testingclock "k8s.io/utils/clock/testing"
)

// server fakes the API server: each list and each watch returns what the test has queued for it.
type server struct {
	lists           chan func() (runtime.Object, error)
	watches         chan func() (watch.Interface, error)
	mu              sync.Mutex
	listed, watched []metav1.ListOptions // what was asked for
	streams         bool                 // whether lists can be streamed
}

func (s *server) source() Source {
	return Source{
		Name: "test", Client: s, FieldSelector: "metadata.name=a", LabelSelector: "app=b",
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			s.mu.Lock()
			s.listed = append(s.listed, o)
			s.mu.Unlock()
			select {
			case answer := <-s.lists:
				return answer()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			s.mu.Lock()
			s.watched = append(s.watched, o)
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

// versions are what lists or watches were asked to begin with.
func versions(asked []metav1.ListOptions) (all []string) {
	for _, o := range asked {
		all = append(all, o.ResourceVersion)
	}
	return all
}

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

// told also records what a Historian is told.
type told struct{ seen }

func (t told) Listing()              { t.seen <- "listing" }
func (t told) Listed(version string) { t.seen <- "listed " + version }

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
	sink, clock := make(seen), testingclock.NewFakeClock(time.Now())
	run(t.Context(), t, s, sink, Options{Clock: clock, Gate: make(chan struct{}, 1)})
	return s, sink, clock
}

func run(ctx context.Context, t *testing.T, s *server, sink Sink, o Options) {
	t.Helper()
	s.lists, s.watches = make(chan func() (runtime.Object, error), 10), make(chan func() (watch.Interface, error), 10)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, s.source(), sink, o)
	}()
	t.Cleanup(func() { cancel(); <-done })
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

// waited measures how long the loop waits after a failure.
func waited(clock *testingclock.FakeClock) (d time.Duration) {
	for !clock.HasWaiters() {
		time.Sleep(time.Millisecond)
	}
	for ; clock.HasWaiters(); d += 100 * time.Millisecond {
		clock.Step(100 * time.Millisecond)
	}
	return d
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
	if got, want := versions(s.watched), []string{"5", "9"}; !slices.Equal(got, want) {
		t.Errorf("it watched from %v, want %v: no event may be missed and no list is needed", got, want)
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
		waits = append(waits, waited(clock))
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, want := versions(s.listed), []string{"", "5"}; !slices.Equal(got, want) {
		t.Errorf("it listed from %q, want %q: never what a lagging cache has, nor what is older than what is known", got, want)
	}
}

func TestRun_AVersionThatTheServerDoesNotHaveIsNoFailure(t *testing.T) {
	tooLarge := apierrors.NewTimeoutError("Too large resource version", 1)
	tooLarge.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}
	gone := &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonGone}}
	for _, err := range []error{apierrors.NewResourceExpired("too old"), gone, tooLarge} {
		s, sink, _ := start(t)
		s.lists <- failed(err)
		s.lists <- list("5")
		sink.expect(t, "all:")
	}
}

func TestRun_AHistorianIsToldWhenAListBeginsAndWhichVersionItHas(t *testing.T) {
	s, sink := &server{}, make(seen)
	run(t.Context(), t, s, told{sink}, Options{})
	s.lists <- list("5")
	s.watches <- ok(watch.NewFake())
	for _, want := range []string{"listing", "listed 5", "all:"} {
		sink.expect(t, want)
	}

	s, sink = &server{streams: true}, make(seen)
	run(t.Context(), t, s, told{sink}, Options{})
	end := secret("", "7")
	end.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	w := watch.NewFakeWithChanSize(1, false)
	w.Action(watch.Bookmark, end)
	s.watches <- ok(w)
	for _, want := range []string{"listing", "listed 7", "all:"} {
		sink.expect(t, want)
	}
}

// begun is a watch that has told of one object, and so is a good one.
func begun(t *testing.T, s *server, sink seen) *watch.FakeWatcher {
	t.Helper()
	w := watch.NewFake()
	s.lists <- list("5")
	s.watches <- ok(w)
	sink.expect(t, "all:")
	w.Add(secret("a", "7"))
	sink.expect(t, "put a")
	return w
}

func TestRun_AsksForTheSelectedObjectsAndForLongWatches(t *testing.T) {
	s, sink, _ := start(t)
	begun(t, s, sink)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range append(s.listed, s.watched...) {
		if o.FieldSelector != "metadata.name=a" || o.LabelSelector != "app=b" {
			t.Errorf("it asked for %+v", o)
		}
	}
	if d := time.Duration(*s.watched[0].TimeoutSeconds) * time.Second; d < minWatch || d > 2*minWatch {
		t.Errorf("a watch lasts %s", d)
	}
}

func TestRun_AsksForNothingBeforeItsGateLetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink, gate := &server{}, make(seen), make(chan struct{}, 1)
		gate <- struct{}{}
		run(t.Context(), t, s, sink, Options{Gate: gate})
		s.lists <- list("5")
		if synctest.Wait(); len(s.lists) == 0 {
			t.Error("it listed while another request was under way")
		}
		<-gate
		sink.expect(t, "all:")
	})
}

func TestRun_LogsNothing(t *testing.T) {
	log := funcr.New(func(_, args string) { t.Error("logged:", args) }, funcr.Options{Verbosity: 9})
	s, sink := &server{}, make(seen)
	run(logr.NewContext(t.Context(), log), t, s, sink, Options{})
	s.lists <- failed(forbidden)
	sink.expect(t, "failed Forbidden")
}

func TestRun_TellsOfAMissingRightAndWaitsWithPatience(t *testing.T) {
	s, sink, clock := start(t)
	var waits []time.Duration
	for range 6 {
		s.lists <- failed(forbidden)
		sink.expect(t, "failed Forbidden")
		waits = append(waits, waited(clock))
	}
	s.lists <- list("5")
	sink.expect(t, "all:")
	if waits[0] < 4*time.Second || waits[0] > 5*time.Second || waits[5] < 48*time.Second || waits[5] > time.Minute {
		t.Errorf("between questions that are refused it waits %v", waits)
	}
}

func TestIsWaiting_IsForWhatSomebodyMustGrantOrInstall(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	for _, err := range []error{
		forbidden, apierrors.NewUnauthorized("who?"), apierrors.NewNotFound(secrets, "a"), &meta.NoResourceMatchError{PartialResource: secrets.WithVersion("v1")},
	} {
		if !IsWaiting(err) {
			t.Errorf("%v is not waited out", err)
		}
	}
	for _, err := range []error{nil, syscall.ECONNREFUSED, apierrors.NewInternalError(errors.New("no leader"))} {
		if IsWaiting(err) {
			t.Errorf("%v is waited out", err)
		}
	}
}

func TestRun_TellsAtOnceThatTheFirstListFails(t *testing.T) {
	s, sink, _ := start(t)
	s.lists <- failed(apierrors.NewInternalError(errors.New("no leader")))
	sink.expect(t, "failed InternalError")
}

func TestRun_AGoodWatchMakesTheNextWaitShort(t *testing.T) {
	for _, c := range []struct {
		lasted time.Duration
		short  bool
	}{{30 * time.Second, false}, {30*time.Second + 1, true}} {
		s, sink, clock := start(t)
		for range 4 {
			s.lists <- failed(apierrors.NewInternalError(errors.New("no leader")))
			sink.expect(t, "failed InternalError")
			waited(clock)
		}
		w := begun(t, s, sink)
		clock.Step(c.lasted)
		w.Error(&apierrors.NewResourceExpired("too old").ErrStatus)
		if d := waited(clock); (d <= time.Second) != c.short {
			t.Errorf("after a watch of %s it waits %s", c.lasted, d)
		}
	}
}

func TestRun_ARightThatIsTakenAwayIsNoticedByTheNextWatch(t *testing.T) {
	s, sink, clock := start(t)
	w := begun(t, s, sink)
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
