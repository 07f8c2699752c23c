// Package objectwatch keeps a local copy of a few objects in step with the API server: client-go's Reflector, which lists and
// watches in one streamed request, with what an informer has not. A missing right and a missing kind are states to report and
// to wait out rather than errors in a log, a list that tells of a rewound history counts, and a thousand of them (one per
// Secret) neither open nor retry all at once.
package objectwatch

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Source is where the objects come from.
type Source struct {
	// Name is the seed that spreads the retries, such as the namespace and name of a Secret.
	Name string
	// Client serves List and Watch. One that cannot stream a list, such as client-go's fake, says so itself.
	Client any
	List   func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error)
	Watch  func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
	// FieldSelector and LabelSelector narrow both.
	FieldSelector, LabelSelector string
}

// Sink receives the objects. Its methods are called from one goroutine.
type Sink interface {
	// Replace delivers the complete list of objects, in any order.
	Replace(objects []runtime.Object)
	// Put delivers a new or changed object.
	Put(object runtime.Object)
	// Delete reports that an object was deleted.
	Delete(object runtime.Object)
	// Failed reports that the objects cannot be read; the loop retries by itself.
	Failed(err error)
}

// Historian is a Sink that knows versions: a list that is older than what was known when it began tells of an API server whose
// history was rewound, as by the restore of a backup of etcd, and counts all the same.
type Historian interface {
	// Listing is called before a list is requested.
	Listing()
	// Listed is called with the version of the list before Replace.
	Listed(version string)
}

// Options can be shared by many loops.
type Options struct {
	// Clock is used for waits between retries, and by Reflector.
	Clock clock.Clock
	// Gate limits how many requests may open a list or a watch at once; nil means no limit.
	Gate chan struct{}
	// Retry bounds the wait after a failure that may pass by itself; Slow the wait after one that somebody must fix (a missing right, a missing
	// kind). Each doubles from the first to the second value.
	Retry, Slow [2]time.Duration
}

// SetDefaults fills in zero fields.
func (o *Options) SetDefaults() {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Retry[0] == 0 {
		// As in Reflector.
		o.Retry = [2]time.Duration{800 * time.Millisecond, 30 * time.Second}
	}
	if o.Slow[0] == 0 {
		// A right that is granted takes effect within a minute, and a thousand Secrets without a right cost the API server only 17 requests a
		// second.
		o.Slow = [2]time.Duration{5 * time.Second, time.Minute}
	}
}

// IsWaiting is true for a failure that lasts until somebody grants a right or installs a kind.
func IsWaiting(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
}

// minWatch is the shortest duration of a watch; it is at most twice that. HTTP/2's pings notice broken connections, so this only limits what they
// miss.
const minWatch = 20 * time.Minute

// quietFailures is how many lists in a row may fail before the sink is told: a restart of the API server should not make anything unknown.
const quietFailures = 3

// Run lists and watches until ctx ends.
func Run(ctx context.Context, source Source, sink Sink, o Options) {
	o.SetDefaults()
	// What Reflector would log is reported to the sink instead.
	discard := logr.Discard()
	ctx = logr.NewContext(ctx, discard)
	l := &loop{Source: source, Options: o, sink: sink}
	lw := &cache.ListWatch{ListWithContextFunc: l.list, WatchFuncWithContext: l.watch}
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lw, source.Client), nil, l, cache.ReflectorOptions{
		Logger: &discard, Name: source.Name, TypeDescription: "objects", Clock: o.Clock, MinWatchTimeout: minWatch,
	})
	for failures := 0; ctx.Err() == nil; failures++ {
		started := o.Clock.Now()
		bounds := o.Retry
		if err := reflector.ListAndWatchWithContext(ctx); IsWaiting(err) {
			bounds = o.Slow
		}
		if o.Clock.Since(started) > bounds[1] {
			failures = 0
		}
		select {
		case <-ctx.Done():
		case <-o.Clock.After(l.backoff(bounds, failures)):
		}
	}
}

// loop is the ListerWatcher and the store of a Reflector.
type loop struct {
	Source
	Options
	sink Sink
	// synced is true once a list has succeeded; failed counts the lists that have failed since.
	synced bool
	failed int
}

func (l *loop) list(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	if o.ResourceVersion == "0" {
		// The cache of an API server that lags behind would look like rewound history.
		o.ResourceVersion = ""
	}
	l.listing()
	var list runtime.Object
	err := l.opened(ctx, func() (err error) {
		list, err = l.List(ctx, l.narrowed(o))
		return err
	})
	if err != nil && ctx.Err() == nil && !isOutdated(err) {
		if l.failed++; IsWaiting(err) || !l.synced || l.failed > quietFailures {
			l.sink.Failed(err)
		}
	}
	return list, err
}

func (l *loop) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	streamed := ptr.Deref(o.SendInitialEvents, false)
	if streamed {
		l.listing()
	}
	var w watch.Interface
	err := l.opened(ctx, func() (err error) {
		w, err = l.Watch(ctx, l.narrowed(o))
		return err
	})
	// A list that cannot be streamed is requested again without streaming, and counts as failed only then.
	if IsWaiting(err) && !streamed && ctx.Err() == nil {
		l.sink.Failed(err)
	}
	return w, err
}

// isOutdated is true if the API server no longer has the requested version.
func isOutdated(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

// opened calls open inside the gate.
func (l *loop) opened(ctx context.Context, open func() error) error {
	if l.Gate != nil {
		select {
		case l.Gate <- struct{}{}:
			defer func() { <-l.Gate }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return open()
}

func (l *loop) narrowed(o metav1.ListOptions) metav1.ListOptions {
	o.FieldSelector, o.LabelSelector = l.FieldSelector, l.LabelSelector
	return o
}

func (l *loop) listing() {
	if historian, ok := l.sink.(Historian); ok {
		historian.Listing()
	}
}

// Replace implements cache.ReflectorStore, as the methods below do.
func (l *loop) Replace(items []any, version string) error {
	l.synced, l.failed = true, 0
	if historian, ok := l.sink.(Historian); ok {
		historian.Listed(version)
	}
	objects := make([]runtime.Object, 0, len(items))
	for _, item := range items {
		objects = append(objects, item.(runtime.Object))
	}
	l.sink.Replace(objects)
	return nil
}

// Add takes an object that is new.
func (l *loop) Add(object any) error { return l.Update(object) }

// Update takes an object that has changed.
func (l *loop) Update(object any) error {
	l.sink.Put(object.(runtime.Object))
	return nil
}

// Delete takes an object that is gone.
func (l *loop) Delete(object any) error {
	l.sink.Delete(object.(runtime.Object))
	return nil
}

// Resync does nothing: a sink forgets nothing.
func (l *loop) Resync() error { return nil }

// backoff doubles from bounds[0] to bounds[1], and subtracts up to a fifth depending on the name, so that not all retry at once.
func (l *loop) backoff(bounds [2]time.Duration, failures int) time.Duration {
	wait := schedule.Doubled(bounds[0], bounds[1], failures+1)
	return wait - schedule.Spread(l.Name, wait/5)
}
