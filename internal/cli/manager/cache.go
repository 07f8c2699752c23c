package manager

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// ErrNeverCached is the cache's error for a Secret or a ConfigMap. Caching them would hold every Secret of the cluster in memory, and need the
// right to list them all.
var ErrNeverCached = errors.New("Secrets and ConfigMaps are never cached: read them directly, or watch them by name with internal/secretwatch")

// uncached are the kinds that the manager's client always reads from the API server: those that must never be cached, and those of which it reads
// only a few by name, while a cache would list and watch all.
func uncached() []client.Object {
	return []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}, &corev1.Namespace{}}
}

// newGuardedCache is the manager's cache, which refuses Secrets and ConfigMaps with an error.
func newGuardedCache(config *rest.Config, opts cache.Options) (cache.Cache, error) {
	inner, err := cache.New(config, opts)
	if err != nil {
		return nil, err
	}
	return &guardedCache{Cache: inner, scheme: opts.Scheme}, nil
}

type guardedCache struct {
	cache.Cache
	scheme *runtime.Scheme
}

func (g *guardedCache) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if err := g.refuse(obj); err != nil {
		return err
	}
	return g.Cache.Get(ctx, key, obj, opts...)
}

func (g *guardedCache) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := g.refuse(list); err != nil {
		return err
	}
	return g.Cache.List(ctx, list, opts...)
}

func (g *guardedCache) GetInformer(ctx context.Context, obj client.Object, opts ...cache.InformerGetOption) (cache.Informer, error) {
	if err := g.refuse(obj); err != nil {
		return nil, err
	}
	return g.Cache.GetInformer(ctx, obj, opts...)
}

func (g *guardedCache) GetInformerForKind(ctx context.Context, gvk schema.GroupVersionKind, opts ...cache.InformerGetOption) (cache.Informer, error) {
	if neverCached(gvk) {
		return nil, ErrNeverCached
	}
	return g.Cache.GetInformerForKind(ctx, gvk, opts...)
}

func (g *guardedCache) IndexField(ctx context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	if err := g.refuse(obj); err != nil {
		return err
	}
	return g.Cache.IndexField(ctx, obj, field, extract)
}

// refuse returns an error for a Secret or a ConfigMap in any form: typed, unstructured or metadata only.
func (g *guardedCache) refuse(obj runtime.Object) error {
	gvk, err := apiutil.GVKForObject(obj, g.scheme)
	if err != nil {
		return fmt.Errorf("finding the kind to cache: %w", err)
	}
	if neverCached(gvk) {
		return ErrNeverCached
	}
	return nil
}

func neverCached(gvk schema.GroupVersionKind) bool {
	if gvk.Group != corev1.GroupName {
		return false
	}
	switch gvk.Kind {
	case "Secret", "SecretList", "ConfigMap", "ConfigMapList":
		return true
	}
	return false
}
