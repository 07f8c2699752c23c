package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

// OneWatch reports relevant changes of the object named cluster of one of OpenShift's configuration kinds. It is a manager.Runnable and also runs
// on standby, so that a new leader knows the object at once. A cluster without the kind has the zero value.
type OneWatch[T any] struct {
	dynamic  dynamic.Interface
	resource schema.GroupVersionResource
	opts     objectwatch.Options
	read     func(map[string]any) (T, error)
	same     func(a, b T) bool
	changed  func(T)
	known    bool
	last     T
}

func newOneWatch[T any](config *rest.Config, resource string, opts objectwatch.Options, w *OneWatch[T]) (*OneWatch[T], error) {
	d, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", resource, err)
	}
	w.dynamic, w.opts = d, opts
	w.resource = schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: resource}
	return w, nil
}

// NeedLeaderElection is false.
func (*OneWatch[T]) NeedLeaderElection() bool { return false }

// Start watches until ctx ends.
func (w *OneWatch[T]) Start(ctx context.Context) error {
	resource := w.dynamic.Resource(w.resource)
	objectwatch.Run(ctx, objectwatch.Source{
		Client: w.dynamic,
		Name:   w.resource.Resource,
		List:   func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return resource.List(ctx, o) },
		Watch:  resource.Watch, FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, "cluster").String(),
	}, w, w.opts)
	return nil
}

// Replace implements objectwatch.Sink.
func (w *OneWatch[T]) Replace(objects []runtime.Object) {
	if len(objects) == 0 {
		w.Delete(nil)
	}
	for _, o := range objects {
		w.Put(o)
	}
}

// Put implements objectwatch.Sink.
func (w *OneWatch[T]) Put(object runtime.Object) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	if value, err := w.read(u.Object); err == nil {
		w.tell(value)
	}
}

// Delete implements objectwatch.Sink.
func (w *OneWatch[T]) Delete(runtime.Object) {
	var none T
	w.tell(none)
}

// Failed implements objectwatch.Sink: the last known value stays in effect.
func (w *OneWatch[T]) Failed(error) {}

func (w *OneWatch[T]) tell(value T) {
	if w.known && w.same(value, w.last) {
		return
	}
	w.known, w.last = true, value
	w.changed(value)
}
