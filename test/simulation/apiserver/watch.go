package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// wanted is what a list or a watch asks for.
type wanted struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func selection(o *client.ListOptions) wanted {
	return wanted{o.Namespace, o.LabelSelector, o.FieldSelector}
}

func (w wanted) has(o client.Object) bool {
	return o != nil && (w.namespace == "" || w.namespace == o.GetNamespace()) &&
		(w.labels == nil || w.labels.Matches(labels.Set(o.GetLabels()))) &&
		(w.fields == nil || w.fields.Matches(fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}))
}

// backlog is how many events a watcher may lag behind before the server gives it up.
const backlog = 1000

// watcher is one watch.
type watcher struct {
	wanted wanted
	events chan watch.Event
	mu     sync.Mutex
	ended  bool
}

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.events }

// Stop implements watch.Interface.
func (w *watcher) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.ended = true
		close(w.events)
	}
}

// tell sends a change as the watcher sees it; false ends the watch.
func (w *watcher) tell(c change) bool {
	had, has := c.before != nil && w.wanted.has(c.before), c.what != watch.Deleted && w.wanted.has(c.after)
	switch {
	case !had && !has:
		return !w.isOver()
	case !has:
		return w.send(watch.Event{Type: watch.Deleted, Object: c.lastState()})
	case !had:
		return w.send(watch.Event{Type: watch.Added, Object: c.after.DeepCopyObject()})
	}
	return w.send(watch.Event{Type: watch.Modified, Object: c.after.DeepCopyObject()})
}

// lastState is the last state that somebody saw to whom an object is gone, with the version at which that happened.
func (c change) lastState() client.Object {
	last := c.before
	if c.what == watch.Deleted {
		last = c.after
	}
	last = last.DeepCopyObject().(client.Object)
	last.SetResourceVersion(c.after.GetResourceVersion())
	return last
}

func (w *watcher) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

func (w *watcher) send(event watch.Event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false
	}
	select {
	case w.events <- event:
		return true
	default:
		w.ended = true
		close(w.events)
		return false
	}
}

// Watch implements client.WithWatch. Without a version, and with version 0, it begins with the objects that there are.
func (s *Server) Watch(_ context.Context, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(list)
	if err != nil {
		return nil, err
	}
	options := (&client.ListOptions{}).ApplyOptions(opts)
	w := &watcher{wanted: selection(options), events: make(chan watch.Event, backlog)}
	from := ""
	if options.Raw != nil {
		from = options.Raw.ResourceVersion
	}
	if from == "" || from == "0" {
		for _, o := range k.sorted() {
			w.tell(change{what: watch.Added, after: o})
		}
	} else if err := s.replay(k, w, from); err != nil {
		return nil, err
	}
	k.watchers = append(k.watchers, w)
	return w, nil
}

// EndWatches ends all watches, as a restart does.
func (s *Server) EndWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		for _, w := range k.watchers {
			w.Stop()
		}
		k.watchers = nil
	}
}

// replay tells what has happened since a version.
func (s *Server) replay(k *kind, w *watcher, from string) error {
	since, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: "Invalid resource version: " + from}}
	}
	if since < s.compacted {
		return apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", since, s.compacted))
	}
	for _, c := range k.history {
		if c.version > since {
			w.tell(c)
		}
	}
	return nil
}
