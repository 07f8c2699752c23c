// Package objectwatch keeps a local copy of a few objects in step with the API server by one list and one watch. It is
// what an informer does, except that a missing right and a missing kind are states to report and to wait out rather than
// errors in a log, and that a thousand of them (one per Secret) do not retry all at once.
package objectwatch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
)

// Source is where the objects come from.
type Source struct {
	// Name seeds the spread of retries, such as the namespace and name of a Secret.
	Name  string
	List  func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error)
	Watch func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
	// FieldSelector and LabelSelector narrow both.
	FieldSelector, LabelSelector string
}

// Sink takes what comes. Its methods are called from one goroutine.
type Sink interface {
	// Replace says that these are all objects there are.
	Replace(objects []runtime.Object)
	// Put says that an object is new or has changed.
	Put(object runtime.Object)
	// Delete says that an object is gone.
	Delete(object runtime.Object)
	// Failed says that the objects cannot be read at present; the loop goes on by itself.
	Failed(err error)
}

// Historian is a Sink that knows versions: a list that is older than what was known when it began tells of an API server whose
// history was rewound, as by the restore of a backup of etcd, and counts all the same.
type Historian interface {
	// Listing is called before a list is asked for.
	Listing()
	// Listed is called with the list's own version before Replace.
	Listed(version string)
}

// Options are shared by many loops.
type Options struct {
	// Clock waits between tries.
	Clock clock.Clock
	// Gate bounds how many requests that open a list or a watch are under way at once; nil: no bound.
	Gate chan struct{}
	// Retry bounds the wait after a failure that may pass by itself; Slow the wait after one that a person or an
	// installation must mend (a missing right, a missing kind). Each doubles from the first to the second value.
	Retry, Slow [2]time.Duration
}

// SetDefaults fills what is zero.
func (o *Options) SetDefaults() {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Retry[0] == 0 {
		// As client-go's reflector does it.
		o.Retry = [2]time.Duration{800 * time.Millisecond, 30 * time.Second}
	}
	if o.Slow[0] == 0 {
		// A right that was granted just now should work within a minute, and a thousand Secrets without a right should not
		// be noticeable to the API server: 17 requests a second.
		o.Slow = [2]time.Duration{5 * time.Second, time.Minute}
	}
}

// IsWaiting is true of a failure that lasts until somebody grants a right or installs a kind.
func IsWaiting(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
}

// Run lists and watches until ctx ends.
func Run(ctx context.Context, source Source, sink Sink, o Options) {
	o.SetDefaults()
	l := loop{Source: source, Options: o, sink: sink}
	for ctx.Err() == nil {
		err := l.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			l.failures = 0
			continue
		}
		wait := o.Retry
		if IsWaiting(err) {
			wait = o.Slow
		}
		select {
		case <-ctx.Done():
			return
		case <-o.Clock.After(l.backoff(wait)):
		}
		l.failures++
	}
}

type loop struct {
	Source
	Options
	sink Sink
	// version is the resource version to watch from; empty: list first.
	version  string
	failures int
}

// step lists if need be, and then watches for as long as that goes well. nil means that something came of it.
func (l *loop) step(ctx context.Context) error {
	if l.version == "" {
		historian, _ := l.sink.(Historian)
		if historian != nil {
			historian.Listing()
		}
		list, err := l.list(ctx)
		if err != nil {
			if ctx.Err() == nil {
				l.sink.Failed(err)
			}
			return err
		}
		accessor, err := meta.ListAccessor(list)
		if err != nil {
			return fmt.Errorf("the answer to a list is no list: %w", err)
		}
		objects, err := meta.ExtractList(list)
		if err != nil {
			return fmt.Errorf("the answer to a list is no list: %w", err)
		}
		l.version = accessor.GetResourceVersion()
		if historian != nil {
			historian.Listed(l.version)
		}
		l.sink.Replace(objects)
	}
	err := l.watch(ctx)
	switch {
	case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		l.version = ""
		return nil
	case err != nil && IsWaiting(err):
		l.version = ""
		l.sink.Failed(err)
	}
	return err
}

func (l *loop) list(ctx context.Context) (runtime.Object, error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	defer l.leave()
	return l.List(ctx, metav1.ListOptions{FieldSelector: l.FieldSelector, LabelSelector: l.LabelSelector})
}

// errQuiet is a watch that ended without having said anything.
var errQuiet = errors.New("the watch ended at once")

// watch takes events until the watch ends. nil means that it said something and ended in order.
func (l *loop) watch(ctx context.Context) error {
	// Half an hour, spread: a broken connection is noticed by HTTP/2's pings, so this only bounds what those miss.
	seconds := int64(1500 + l.seed()%600)
	if err := l.enter(ctx); err != nil {
		return err
	}
	started := l.Clock.Now()
	w, err := l.Watch(ctx, metav1.ListOptions{
		FieldSelector: l.FieldSelector, LabelSelector: l.LabelSelector,
		ResourceVersion: l.version, AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
	})
	l.leave()
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, open := <-w.ResultChan():
			if !open {
				if l.Clock.Since(started) < time.Second {
					return errQuiet
				}
				return nil
			}
			if err := l.take(event); err != nil {
				return err
			}
			l.failures = 0
		}
	}
}

func (l *loop) take(event watch.Event) error {
	if event.Type == watch.Error {
		return apierrors.FromObject(event.Object)
	}
	accessor, err := meta.Accessor(event.Object)
	if err != nil {
		return fmt.Errorf("an event without an object: %w", err)
	}
	l.version = accessor.GetResourceVersion()
	switch event.Type {
	case watch.Added, watch.Modified:
		l.sink.Put(event.Object)
	case watch.Deleted:
		l.sink.Delete(event.Object)
	}
	return nil
}

func (l *loop) enter(ctx context.Context) error {
	if l.Gate == nil {
		return nil
	}
	select {
	case l.Gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *loop) leave() {
	if l.Gate != nil {
		<-l.Gate
	}
}

// backoff doubles from bounds[0] to bounds[1], and takes up to a fifth off by the name, so that not all come at once.
func (l *loop) backoff(bounds [2]time.Duration) time.Duration {
	d := bounds[0]
	for range l.failures {
		if d *= 2; d >= bounds[1] {
			d = bounds[1]
			break
		}
	}
	return d - time.Duration(int64(d)/5*int64(l.seed()%100)/100)
}

func (l *loop) seed() uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(l.Name))
	return h.Sum32()
}
