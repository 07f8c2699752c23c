package apiserver

import (
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// builtin has the kinds that kube-apiserver brings along.
var builtin = func() *runtime.Scheme {
	s := runtime.NewScheme()
	_ = clientgoscheme.AddToScheme(s) // its own types always fit
	return s
}()

// typed knows the fields of the built-in kinds. It is expensive and the same for each server.
var typed = sync.OnceValue(func() managedfields.TypeConverter { return applyconfigurations.NewTypeConverter(builtin) })

// owners notes who wrote what of the objects of a built-in kind.
type owners struct{ manager *managedfields.FieldManager }

// ownersOf are those of each kind: they remember nothing of a server, and are expensive to make.
var ownersOf sync.Map

func (k *kind) owners() (*owners, error) {
	if known, ok := ownersOf.Load(k.gvk); ok {
		return known.(*owners), nil
	}
	m, err := managedfields.NewDefaultFieldManager(typed(), asIs{}, builtin, maker{}, k.gvk, k.gvk.GroupVersion(), "", nil)
	if err != nil {
		return nil, fmt.Errorf("who owns fields of %s: %w", k.resource, err)
	}
	known, _ := ownersOf.LoadOrStore(k.gvk, &owners{m})
	return known.(*owners), nil
}

// asIs converts no versions, because there is one of each kind.
type asIs struct{}

func (asIs) Convert(in, out, _ any) error { return fmt.Errorf("converting %T to %T", in, out) }

// ConvertToVersion gives what was merged its Go type.
func (asIs) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	u, ok := in.(*unstructured.Unstructured)
	if !ok {
		return in, nil
	}
	out, err := builtin.New(u.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	return out, runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out)
}

func (asIs) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// maker makes empty objects that know their kind.
type maker struct{}

func (maker) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	o, err := builtin.New(gvk)
	if err != nil {
		return nil, err
	}
	named(o, gvk)
	return o, nil
}

// wrote notes the writer of an object that is about to be stored. before is nil for a new one.
func (s *Server) wrote(k *kind, before, after client.Object, manager, subresource string) (client.Object, error) {
	if manager == "" {
		manager = "unknown"
	}
	complete(after)
	if k.custom {
		after.SetManagedFields(s.signed(k, before, manager, subresource))
		return after, nil
	}
	owners, err := k.owners()
	if err != nil {
		return nil, err
	}
	live := before
	if live == nil {
		live = k.empty(after)
	}
	named(live, k.gvk)
	named(after, k.gvk)
	out, err := owners.manager.Update(live, after, manager)
	if err != nil {
		return nil, err
	}
	named(live, schema.GroupVersionKind{})
	named(out, schema.GroupVersionKind{})
	return out.(client.Object), nil
}

// named sets the kind in an object: what the clients see has none.
func named(o runtime.Object, gvk schema.GroupVersionKind) { o.GetObjectKind().SetGroupVersionKind(gvk) }

// signed are the writers of a custom resource and one more, or one again.
func (s *Server) signed(k *kind, before client.Object, manager, subresource string) []metav1.ManagedFieldsEntry {
	var entries []metav1.ManagedFieldsEntry
	if before != nil {
		entries = slices.Clone(before.GetManagedFields())
	}
	entries = slices.DeleteFunc(entries, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager && e.Subresource == subresource })
	now := metav1.NewTime(s.now())
	return append(entries, metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: k.gvk.GroupVersion().String(), Time: &now, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1("{}"), Subresource: subresource,
	})
}

// applied is what an applied configuration makes of an object, of an empty one if before is nil.
func (k *kind) applied(before client.Object, like client.Object, body map[string]any, manager string, force bool) (client.Object, error) {
	owners, err := k.owners()
	if err != nil {
		return nil, err
	}
	live := k.empty(like)
	if before != nil {
		live = before.DeepCopyObject().(client.Object)
	}
	named(live, k.gvk)
	out, err := owners.manager.Apply(live, &unstructured.Unstructured{Object: body}, manager, force)
	if err != nil {
		return nil, err
	}
	named(out, schema.GroupVersionKind{})
	return out.(client.Object), nil
}
