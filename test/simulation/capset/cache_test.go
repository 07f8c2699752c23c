package capset

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"maps"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// cache is the manager's client: CAPCredentialSets come from a copy, which lags behind, and everything else goes to the API server.
type cache struct {
	client.WithWatch
	mu     sync.Mutex
	synced bool
	sets   map[string]*v1alpha1.CAPCredentialSet
}

func newCache(api client.WithWatch) *cache {
	return &cache{WithWatch: api, sets: map[string]*v1alpha1.CAPCredentialSet{}}
}

// Get implements client.Reader.
func (c *cache) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	set, ok := o.(*v1alpha1.CAPCredentialSet)
	if !ok {
		return c.WithWatch.Get(ctx, key, o, opts...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.sets[key.Name]
	if known == nil {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "capcredentialsets"}, key.Name)
	}
	known.DeepCopyInto(set)
	return nil
}

// List implements client.Reader.
func (c *cache) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	sets, ok := list.(*v1alpha1.CAPCredentialSetList)
	if !ok {
		return c.WithWatch.List(ctx, list, opts...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.sets)) {
		sets.Items = append(sets.Items, *c.sets[name].DeepCopy())
	}
	return nil
}

func (c *cache) isSynced() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.synced
}

// run keeps the copy until ctx ends. changed is called as the controller's predicates say: for the set, and for all if others may be concerned.
func (c *cache) run(ctx context.Context, in *cluster, name string, changed func(set string, all bool)) {
	for ctx.Err() == nil {
		list := &v1alpha1.CAPCredentialSetList{}
		if err := c.WithWatch.List(ctx, list); err == nil {
			c.replace(list, changed)
			if w, err := c.WithWatch.Watch(ctx, list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}}); err == nil {
				c.follow(w, changed)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(in.w.delay(name+" lists again", time.Second)):
		}
	}
}

func (c *cache) replace(list *v1alpha1.CAPCredentialSetList, changed func(string, bool)) {
	now := map[string]bool{}
	for i := range list.Items {
		now[list.Items[i].Name] = true
		c.take(&list.Items[i], changed)
	}
	c.mu.Lock()
	var gone []string
	for name := range c.sets {
		if !now[name] {
			gone = append(gone, name)
		}
	}
	c.synced = true
	c.mu.Unlock()
	slices.SortFunc(gone, strings.Compare)
	for _, name := range gone {
		c.drop(name, changed)
	}
}

func (c *cache) take(set *v1alpha1.CAPCredentialSet, changed func(string, bool)) {
	c.mu.Lock()
	before := c.sets[set.Name]
	c.sets[set.Name] = set.DeepCopy()
	c.mu.Unlock()
	switch {
	case before == nil, before.Generation != set.Generation:
		changed(set.Name, true)
	case !maps.Equal(before.Annotations, set.Annotations):
		changed(set.Name, false)
	}
}

func (c *cache) drop(name string, changed func(string, bool)) {
	c.mu.Lock()
	delete(c.sets, name)
	c.mu.Unlock()
	changed(name, true)
}

func (c *cache) follow(w watch.Interface, changed func(string, bool)) {
	defer w.Stop()
	for event := range w.ResultChan() {
		set, ok := event.Object.(*v1alpha1.CAPCredentialSet)
		if !ok {
			return
		}
		if event.Type == watch.Deleted {
			c.drop(set.Name, changed)
			continue
		}
		c.take(set, changed)
	}
}
