package apiserver

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Options of a Server.
type Options struct {
	Scheme *runtime.Scheme
	// Now is the server's own clock; default: the machine's.
	Now func() time.Time
}

// Server is the API server. Its methods are those of a client with every right.
type Server struct {
	opts  Options
	rules map[schema.GroupVersionKind]*rules

	mu        sync.Mutex
	kinds     map[schema.GroupVersionKind]*kind
	version   uint64
	compacted uint64
	made      int // objects, for their UIDs and generated names
}

// kind is all that is stored of one kind.
type kind struct {
	gvk      schema.GroupVersionKind
	resource schema.GroupResource
	custom   bool   // a custom resource
	rules    *rules // nil: its objects may have any content, and have no status subresource
	objects  map[types.NamespacedName]client.Object
	history  []change
	watchers []*watcher
}

// change is an entry of a kind's history.
type change struct {
	version       uint64
	what          watch.EventType
	before, after client.Object
}

// New makes an empty server that has the shipped CRDs.
func New(opts Options) (*Server, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	rules, err := shipped()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, rules: rules, kinds: map[schema.GroupVersionKind]*kind{}, version: 1}
	return s, nil
}

// kindOf is the kind of an object or of a list. The caller holds the lock, or nobody else knows the server.
func (s *Server) kindOf(o runtime.Object) (*kind, error) {
	gvk, err := s.GroupVersionKindFor(o)
	if err != nil {
		return nil, err
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	k := s.kinds[gvk]
	if k == nil {
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		k = &kind{gvk: gvk, resource: plural.GroupResource(), custom: !builtin.Recognizes(gvk), rules: s.rules[gvk], objects: map[types.NamespacedName]client.Object{}}
		s.kinds[gvk] = k
	}
	return k, nil
}

// store makes an object, or nil, the state of a key, and tells the watchers. The caller holds the lock.
func (s *Server) store(k *kind, what watch.EventType, key types.NamespacedName, o client.Object) {
	s.version++
	c := change{version: s.version, what: what, before: k.objects[key], after: o}
	o.SetResourceVersion(strconv.FormatUint(s.version, 10))
	k.objects[key] = o
	if what == watch.Deleted {
		delete(k.objects, key)
	}
	k.history = append(k.history, c)
	k.watchers = slices.DeleteFunc(k.watchers, func(w *watcher) bool { return !w.tell(c) })
}

// Compact forgets the history: a watch from an older version is refused from now on.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compacted = s.version
	for _, k := range s.kinds {
		k.history = nil
	}
}

// Version is the newest resource version.
func (s *Server) Version() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.FormatUint(s.version, 10)
}

// find is the stored object. The caller holds the lock, and changes a copy.
func (s *Server) find(k *kind, key types.NamespacedName) (client.Object, error) {
	o := k.objects[key]
	if o == nil {
		return nil, apierrors.NewNotFound(k.resource, key.Name)
	}
	return o, nil
}

// Get implements client.Reader.
func (s *Server) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(o)
	if err != nil {
		return err
	}
	stored, err := s.find(k, key)
	if err != nil {
		return err
	}
	copyInto(o, stored)
	return nil
}

// Peek is what is stored of an object, and not a copy: the caller must not change it. It is nil if there is none.
func (s *Server) Peek(o client.Object) client.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(o)
	if err != nil {
		return nil
	}
	return k.objects[client.ObjectKeyFromObject(o)]
}

// List implements client.Reader.
func (s *Server) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(list)
	if err != nil {
		return err
	}
	wanted := selection((&client.ListOptions{}).ApplyOptions(opts))
	var items []runtime.Object
	for _, o := range k.sorted() {
		if wanted.has(o) {
			items = append(items, o.DeepCopyObject())
		}
	}
	list.SetResourceVersion(strconv.FormatUint(s.version, 10))
	if err := meta.SetList(list, items); err != nil {
		return fmt.Errorf("listing %s: %w", k.resource, err)
	}
	return nil
}

// sorted are the objects in the order of etcd's keys.
func (k *kind) sorted() []client.Object {
	all := make([]client.Object, 0, len(k.objects))
	for _, o := range k.objects {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b client.Object) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return all
}

// copyInto gives an object the content of a stored one.
func copyInto(o, stored client.Object) {
	reflect.ValueOf(o).Elem().Set(reflect.ValueOf(stored.DeepCopyObject()).Elem())
}

// checkNamespace refuses a new object where there is no namespace, or one that is being deleted. The caller holds the lock.
func (s *Server) checkNamespace(k *kind, o client.Object) error {
	if o.GetNamespace() == "" {
		return nil
	}
	if !s.opts.Scheme.Recognizes(corev1.SchemeGroupVersion.WithKind("Namespace")) {
		return nil
	}
	namespaces, err := s.kindOf(&corev1.Namespace{})
	if err != nil {
		return err
	}
	namespace, err := s.find(namespaces, types.NamespacedName{Name: o.GetNamespace()})
	if err != nil {
		return err
	}
	if namespace.GetDeletionTimestamp() == nil {
		return nil
	}
	refused := apierrors.NewForbidden(k.resource, o.GetName(), fmt.Errorf("unable to create new content in namespace %s because it is being terminated", o.GetNamespace()))
	refused.ErrStatus.Details.Causes = append(refused.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", o.GetNamespace()), Field: "metadata.namespace",
	})
	return refused
}

// conflict is the answer to who has seen another version.
func (k *kind) conflict(name string) error {
	return apierrors.NewConflict(k.resource, name, fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
}

// failed is the answer to a precondition of a deletion that does not hold.
func (k *kind) failed(name string) error {
	return apierrors.NewConflict(schema.GroupResource{Group: k.gvk.Group, Resource: k.gvk.Kind}, name, fmt.Errorf("a precondition of the deletion failed"))
}

// conflictOfUID is the answer to who means another object of the same name.
func (k *kind) conflictOfUID(name string, wanted, is types.UID) error {
	return apierrors.NewConflict(k.resource, name, fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", wanted, is))
}
