package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// watch records which Secrets have been written, by any program, with one watch of all changes.
type watch struct {
	events apiwatch.Interface

	mu sync.Mutex
	// keys are the access keys in the Secrets; a missing Secret has none.
	keys map[types.NamespacedName]string
	// left are the Secrets that have not changed since the mark; done is closed when none is left.
	left map[types.NamespacedName]bool
	done chan struct{}
	last time.Time
}

func newWatch(ctx context.Context, config *rest.Config, refs []types.NamespacedName) (*watch, error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	secrets := client.Secrets(metav1.NamespaceAll)
	list, err := secrets.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, err
	}
	w := &watch{keys: map[types.NamespacedName]string{}}
	for _, ref := range refs {
		w.keys[ref] = ""
	}
	// The API server ends a watch whose client is slow, as on a busy machine: it goes on where it ended.
	everySecret := &cache.ListWatch{WatchFuncWithContext: secrets.Watch}
	if w.events, err = watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, everySecret); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

func (w *watch) stop() { w.events.Stop() }

func (w *watch) run() {
	for e := range w.events.ResultChan() {
		if s, ok := e.Object.(*corev1.Secret); ok {
			w.take(s, e.Type == apiwatch.Deleted)
		}
	}
}

func (w *watch) take(s *corev1.Secret, deleted bool) {
	ref := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
	w.mu.Lock()
	defer w.mu.Unlock()
	before, ours := w.keys[ref]
	if !ours {
		return
	}
	key := string(s.Data[awscreds.KeyAccessKeyID])
	if deleted {
		key = ""
	}
	w.keys[ref] = key
	if key == "" || key == before || !w.left[ref] {
		return
	}
	if delete(w.left, ref); len(w.left) == 0 {
		w.last = time.Now()
		close(w.done)
	}
}

// mark starts to wait until each Secret has another access key.
func (w *watch) mark() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.done = map[types.NamespacedName]bool{}, make(chan struct{})
	for ref := range w.keys {
		w.left[ref] = true
	}
}

// wait waits for that, and returns the time. It fails if the program ends.
func (w *watch) wait(ctx context.Context, exited <-chan struct{}) (time.Time, error) {
	select {
	case <-w.done:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.last, nil
	case <-exited:
		return time.Time{}, errors.New("the program has ended early")
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		return time.Time{}, fmt.Errorf("%d Secrets were not written: %w", len(w.left), ctx.Err())
	}
}

// there are the existing Secrets.
func (w *watch) there() []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []types.NamespacedName
	for ref, key := range w.keys {
		if key != "" {
			all = append(all, ref)
		}
	}
	return all
}
