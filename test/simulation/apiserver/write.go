package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func (s *Server) now() time.Time { return s.opts.Now().Truncate(time.Second) }

// empty is an object of the kind without content.
func (*kind) empty(like client.Object) client.Object {
	return reflect.New(reflect.TypeOf(like).Elem()).Interface().(client.Object)
}

// Create implements client.Writer.
func (s *Server) Create(_ context.Context, o client.Object, opts ...client.CreateOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(o)
	if err != nil {
		return err
	}
	if err := s.checkNamespace(k, o); err != nil {
		return err
	}
	made := o.DeepCopyObject().(client.Object)
	if made.GetResourceVersion() != "" {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: "resourceVersion should not be set on objects to be created"}}
	}
	s.identify(k, made)
	if made, err = s.wrote(k, nil, made, (&client.CreateOptions{}).ApplyOptions(opts).FieldManager, ""); err != nil {
		return err
	}
	if made, err = s.insert(k, made); err != nil {
		return err
	}
	copyInto(o, made)
	return nil
}

// identify sets what the server decides of a new object: who it is, since when, and that nothing is known about its state.
func (s *Server) identify(k *kind, o client.Object) {
	o.SetManagedFields(nil)
	s.made++
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(fmt.Sprintf("%s%05d", o.GetGenerateName(), s.made))
	}
	o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", s.made)))
	o.SetCreationTimestamp(metav1.NewTime(s.now()))
	o.SetDeletionTimestamp(nil)
	o.SetResourceVersion("")
	o.SetGeneration(0)
	if k.custom {
		o.SetGeneration(1)
	}
	if k.rules.hasStatus() {
		withStatusOf(o, k.empty(o))
	}
}

// insert stores a new object.
func (s *Server) insert(k *kind, o client.Object) (client.Object, error) {
	if err := checkSecret(nil, o); err != nil {
		return nil, err
	}
	if err := k.admit(nil, o); err != nil {
		return nil, err
	}
	key := client.ObjectKeyFromObject(o)
	if k.objects[key] != nil {
		return nil, apierrors.NewAlreadyExists(k.resource, key.Name)
	}
	s.store(k, watch.Added, key, o)
	return o, nil
}

// Update implements client.Writer.
func (s *Server) Update(_ context.Context, o client.Object, opts ...client.UpdateOption) error {
	return s.update(o, "", (&client.UpdateOptions{}).ApplyOptions(opts).FieldManager)
}

func (s *Server) update(o client.Object, subresource, manager string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(o)
	if err != nil {
		return err
	}
	stored, err := s.find(k, client.ObjectKeyFromObject(o))
	if err != nil {
		return err
	}
	if o.GetUID() != "" && o.GetUID() != stored.GetUID() {
		return k.conflictOfUID(o.GetName(), o.GetUID(), stored.GetUID())
	}
	if o.GetResourceVersion() == "" && k.custom {
		missing := field.Invalid(field.NewPath("metadata", "resourceVersion"), 0, "must be specified for an update")
		return apierrors.NewInvalid(schema.GroupKind{Group: k.gvk.Group, Kind: k.resource.Resource}, o.GetName(), field.ErrorList{missing})
	}
	after, err := s.replace(k, stored, o.DeepCopyObject().(client.Object), subresource, manager)
	if err != nil {
		return err
	}
	copyInto(o, after)
	return nil
}

func (k *kind) invalid(name string, errs ...*field.Error) error {
	return apierrors.NewInvalid(k.gvk.GroupKind(), name, errs)
}

// replace stores what shall come after an object, unless it is the same.
func (s *Server) replace(k *kind, before, after client.Object, subresource, manager string) (client.Object, error) {
	if v := after.GetResourceVersion(); v != "" && v != before.GetResourceVersion() {
		return nil, k.conflict(before.GetName())
	}
	if subresource != "" {
		after = onlyStatus(before, after)
	} else if k.rules.hasStatus() {
		withStatusOf(after, before)
	}
	keepIdentity(before, after)
	after, err := s.wrote(k, before, after, manager, subresource)
	if err != nil {
		return nil, err
	}
	return s.settle(k, before, after)
}

// settle judges and stores an object whose writer is known.
func (s *Server) settle(k *kind, before, after client.Object) (client.Object, error) {
	if err := checkSecret(before, after); err != nil {
		return nil, err
	}
	if err := k.admit(before, after); err != nil {
		return nil, err
	}
	if before.GetDeletionTimestamp() != nil {
		for _, f := range after.GetFinalizers() {
			if !slices.Contains(before.GetFinalizers(), f) {
				return nil, k.invalid(after.GetName(), field.Forbidden(field.NewPath("metadata", "finalizers"), "no new finalizers can be added if the object is being deleted"))
			}
		}
	}
	if k.custom {
		after.SetGeneration(before.GetGeneration())
		if !sameSpec(before, after) {
			after.SetGeneration(before.GetGeneration() + 1)
		}
	}
	if same(before, after) {
		return before, nil
	}
	key := client.ObjectKeyFromObject(after)
	if after.GetDeletionTimestamp() != nil && len(after.GetFinalizers()) == 0 {
		gone := after.DeepCopyObject().(client.Object)
		s.store(k, watch.Deleted, key, gone)
		after.SetResourceVersion(before.GetResourceVersion()) // as if it had not been written
		return after, nil
	}
	s.store(k, watch.Modified, key, after)
	return after, nil
}

// keepIdentity gives an object what no client can change.
func keepIdentity(before, after client.Object) {
	after.SetUID(before.GetUID())
	after.SetResourceVersion(before.GetResourceVersion())
	after.SetGeneration(before.GetGeneration())
	after.SetCreationTimestamp(before.GetCreationTimestamp())
	after.SetDeletionTimestamp(before.GetDeletionTimestamp())
	after.SetDeletionGracePeriodSeconds(before.GetDeletionGracePeriodSeconds())
}

// onlyStatus is an object with the status of another, and nothing else of it.
func onlyStatus(before, after client.Object) client.Object {
	out := shallow(before)
	withStatusOf(out, after)
	return out
}

// Delete implements client.Writer.
func (s *Server) Delete(_ context.Context, o client.Object, opts ...client.DeleteOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.kindOf(o)
	if err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(o)
	stored, err := s.find(k, key)
	if err != nil {
		return err
	}
	if p := (&client.DeleteOptions{}).ApplyOptions(opts).Preconditions; p != nil {
		if p.UID != nil && *p.UID != stored.GetUID() {
			return k.failed(key.Name)
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != stored.GetResourceVersion() {
			return k.failed(key.Name)
		}
	}
	after := stored.DeepCopyObject().(client.Object)
	if len(stored.GetFinalizers()) == 0 {
		s.store(k, watch.Deleted, key, after)
		return nil
	}
	if stored.GetDeletionTimestamp() != nil {
		return nil
	}
	after.SetDeletionTimestamp(ptr.To(metav1.NewTime(s.now())))
	after.SetDeletionGracePeriodSeconds(ptr.To(int64(0)))
	if k.custom {
		after.SetGeneration(stored.GetGeneration() + 1)
	}
	s.store(k, watch.Modified, key, after)
	return nil
}

// same is true if a write would change nothing but times.
func same(a, b client.Object) bool {
	return equality.Semantic.DeepEqual(timeless(a), timeless(b)) && equality.Semantic.DeepEqual(unsigned(a), unsigned(b))
}

// timeless are the writers of an object without the times at which they wrote.
func timeless(o client.Object) []metav1.ManagedFieldsEntry {
	entries := slices.Clone(o.GetManagedFields())
	for i := range entries {
		entries[i].Time = nil
	}
	return entries
}

// unsigned is an object without its writers.
func unsigned(o client.Object) client.Object {
	out := shallow(o)
	out.SetManagedFields(nil)
	return out
}

// shallow is a copy of an object that shares its content. What is stored never changes, so that only what is replaced needs to be copied.
func shallow(o client.Object) client.Object {
	if _, ok := o.(runtime.Unstructured); ok {
		return o.DeepCopyObject().(client.Object) // its fields are in a map
	}
	out := reflect.New(reflect.TypeOf(o).Elem())
	out.Elem().Set(reflect.ValueOf(o).Elem())
	return out.Interface().(client.Object)
}
