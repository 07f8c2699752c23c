package apiserver

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Dynamic is client-go's client of any kind, and Metadata that of its metadata, as far as the operator uses them: lists and watches. kinds says
// which kind a resource has.
func Dynamic(api client.WithWatch, kinds map[schema.GroupVersionResource]string) dynamic.Interface {
	return anyKind{api: api, kinds: kinds}
}

// Metadata is explained at Dynamic.
func Metadata(api client.WithWatch, kinds map[schema.GroupVersionResource]string) metadata.Interface {
	return anyMetadata{anyKind{api: api, kinds: kinds}}
}

type anyKind struct {
	api   client.WithWatch
	kinds map[schema.GroupVersionResource]string
}

// IsWatchListSemanticsUnSupported tells a Reflector that there are no streamed lists.
func (anyKind) IsWatchListSemanticsUnSupported() bool { return true }

// Resource implements dynamic.Interface.
func (k anyKind) Resource(of schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return resource{api: k.api, gvk: of.GroupVersion().WithKind(k.kinds[of])}
}

// resource is all of a kind, or those in a namespace. What the operator does not use is a nil pointer.
type resource struct {
	dynamic.NamespaceableResourceInterface
	api       client.WithWatch
	gvk       schema.GroupVersionKind
	namespace string
}

// Namespace implements dynamic.NamespaceableResourceInterface.
func (r resource) Namespace(name string) dynamic.ResourceInterface {
	r.namespace = name
	return r
}

// list is an empty list: of Go types where there are some, because that is how the server has them.
func (r resource) list() (client.ObjectList, error) {
	gvk := r.gvk
	gvk.Kind += "List"
	if r.api.Scheme().Recognizes(gvk) {
		o, err := r.api.Scheme().New(gvk)
		if err != nil {
			return nil, fmt.Errorf("making a list of %s: %w", r.gvk.Kind, err)
		}
		return o.(client.ObjectList), nil
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(gvk)
	return list, nil
}

// List implements dynamic.ResourceInterface.
func (r resource) List(ctx context.Context, opts metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	list, err := r.list()
	if err != nil {
		return nil, err
	}
	options, err := listOptions(r.namespace, opts)
	if err != nil {
		return nil, err
	}
	if err := r.api.List(ctx, list, options); err != nil {
		return nil, err
	}
	out := &unstructured.UnstructuredList{}
	out.SetResourceVersion(list.GetResourceVersion())
	err = meta.EachListItem(list, func(o runtime.Object) error {
		u, err := r.unstructured(o)
		if err == nil {
			out.Items = append(out.Items, *u)
		}
		return err
	})
	return out, err
}

// Watch implements dynamic.ResourceInterface.
func (r resource) Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	list, err := r.list()
	if err != nil {
		return nil, err
	}
	options, err := listOptions(r.namespace, opts)
	if err != nil {
		return nil, err
	}
	w, err := r.api.Watch(ctx, list, options)
	if err != nil {
		return nil, err
	}
	return watch.Filter(w, func(e watch.Event) (watch.Event, bool) {
		if u, err := r.unstructured(e.Object); err == nil {
			e.Object = u
		}
		return e, true
	}), nil
}

func (r resource) unstructured(o runtime.Object) (*unstructured.Unstructured, error) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u, nil
	}
	if _, ok := o.(*metav1.Status); ok {
		return nil, errUnsupported
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("converting %T: %w", o, err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(r.gvk)
	return u, nil
}

type anyMetadata struct{ anyKind }

// Resource implements metadata.Interface.
func (k anyMetadata) Resource(of schema.GroupVersionResource) metadata.Getter {
	return metadataOf{of: k.anyKind.Resource(of).(resource)}
}

// metadataOf is the metadata of all of a kind. What the operator does not use is a nil pointer.
type metadataOf struct {
	metadata.Getter
	of resource
}

// List implements metadata.ResourceInterface.
func (m metadataOf) List(ctx context.Context, opts metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	all, err := m.of.List(ctx, opts)
	if err != nil {
		return nil, err
	}
	out := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: all.GetResourceVersion()}}
	for i := range all.Items {
		out.Items = append(out.Items, *onlyMetadata(&all.Items[i]))
	}
	return out, nil
}

// Watch implements metadata.ResourceInterface.
func (m metadataOf) Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	w, err := m.of.Watch(ctx, opts)
	if err != nil {
		return nil, err
	}
	return watch.Filter(w, func(e watch.Event) (watch.Event, bool) {
		if u, ok := e.Object.(*unstructured.Unstructured); ok {
			e.Object = onlyMetadata(u)
		}
		return e, true
	}), nil
}

func onlyMetadata(u *unstructured.Unstructured) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: u.GetAPIVersion(), Kind: u.GetKind()},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(), Labels: u.GetLabels(),
			Annotations: u.GetAnnotations(), DeletionTimestamp: u.GetDeletionTimestamp(), CreationTimestamp: u.GetCreationTimestamp(),
		},
	}
}
