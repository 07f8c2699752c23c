package stage

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Cache is the manager's client: the objects of the kind come from a copy, which lags behind, and everything else goes to the API server.
type Cache struct {
	client.WithWatch
	list    func() client.ObjectList
	listed  reflect.Type
	mu      sync.Mutex
	synced  bool
	objects map[string]client.Object
}

func newCache(api client.WithWatch, list func() client.ObjectList) *Cache {
	return &Cache{WithWatch: api, list: list, listed: reflect.TypeOf(list()), objects: map[string]client.Object{}}
}

// Get implements client.Reader.
func (c *Cache) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if !c.holds(o) {
		return c.WithWatch.Get(ctx, key, o, opts...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.objects[key.Name]
	if known == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.Name)
	}
	reflect.ValueOf(o).Elem().Set(reflect.ValueOf(known.DeepCopyObject()).Elem())
	return nil
}

// holds is true for an object of the kind.
func (c *Cache) holds(o client.Object) bool {
	items, _ := c.listed.Elem().FieldByName("Items")
	return reflect.TypeOf(o).Elem() == items.Type.Elem()
}

// List implements client.Reader.
func (c *Cache) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if reflect.TypeOf(list) != c.listed {
		return c.WithWatch.List(ctx, list, opts...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	items := make([]runtime.Object, 0, len(c.objects))
	for _, name := range slices.Sorted(maps.Keys(c.objects)) {
		items = append(items, c.objects[name].DeepCopyObject())
	}
	return meta.SetList(list, items)
}

func (c *Cache) isSynced() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.synced
}

// change is what the controllers' predicates let through: a changed spec or annotation, and all for whom others may be concerned.
type change func(before, after client.Object, all bool)

// run keeps the copy until ctx ends.
func (c *Cache) run(ctx context.Context, in *Cluster, name string, changed change) {
	for ctx.Err() == nil {
		list := c.list()
		if err := c.WithWatch.List(ctx, list); err == nil {
			c.replace(list, changed)
			if w, err := c.Watch(ctx, list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}); err == nil {
				c.follow(w, changed)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(in.World.Delay(name+" lists again", time.Second)):
		}
	}
}

func (c *Cache) replace(list client.ObjectList, changed change) {
	now := map[string]bool{}
	Must(meta.EachListItem(list, func(o runtime.Object) error {
		now[o.(client.Object).GetName()] = true
		c.take(o.(client.Object), changed)
		return nil
	}))
	c.mu.Lock()
	var gone []client.Object
	for name, o := range c.objects {
		if !now[name] {
			gone = append(gone, o)
		}
	}
	c.synced = true
	c.mu.Unlock()
	slices.SortFunc(gone, func(a, b client.Object) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, o := range gone {
		c.drop(o, changed)
	}
}

func (c *Cache) take(o client.Object, changed change) {
	c.mu.Lock()
	before := c.objects[o.GetName()]
	c.objects[o.GetName()] = o.DeepCopyObject().(client.Object)
	c.mu.Unlock()
	switch {
	case before == nil:
		changed(nil, o, true)
	case before.GetGeneration() != o.GetGeneration():
		changed(before, o, true)
	case !maps.Equal(before.GetAnnotations(), o.GetAnnotations()):
		changed(before, o, false)
	}
}

func (c *Cache) drop(o client.Object, changed change) {
	c.mu.Lock()
	delete(c.objects, o.GetName())
	c.mu.Unlock()
	changed(o, nil, true)
}

func (c *Cache) follow(w watch.Interface, changed change) {
	defer w.Stop()
	for event := range w.ResultChan() {
		o, ok := event.Object.(client.Object)
		if !ok {
			return
		}
		if event.Type == watch.Deleted {
			c.drop(o, changed)
			continue
		}
		c.take(o, changed)
	}
}
