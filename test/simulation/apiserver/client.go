package apiserver

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ client.WithWatch = &Server{}

// Scheme implements client.Client.
func (s *Server) Scheme() *runtime.Scheme { return s.opts.Scheme }

// RESTMapper implements client.Client.
func (s *Server) RESTMapper() meta.RESTMapper { return meta.NewDefaultRESTMapper(nil) }

// GroupVersionKindFor implements client.Client.
func (s *Server) GroupVersionKindFor(o runtime.Object) (schema.GroupVersionKind, error) {
	if _, ok := o.(runtime.Unstructured); ok {
		return o.GetObjectKind().GroupVersionKind(), nil
	}
	kinds, _, err := s.opts.Scheme.ObjectKinds(o)
	if err != nil {
		return schema.GroupVersionKind{}, fmt.Errorf("the kind of %T: %w", o, err)
	}
	return kinds[0], nil
}

// IsObjectNamespaced implements client.Client.
func (s *Server) IsObjectNamespaced(o runtime.Object) (bool, error) {
	accessor, err := meta.Accessor(o)
	return err == nil && accessor.GetNamespace() != "", err
}

var errUnsupported = errors.New("the API server in memory does not do this")

// Apply implements client.Writer; a client.Apply patch is what there is.
func (s *Server) Apply(context.Context, runtime.ApplyConfiguration, ...client.ApplyOption) error {
	return errUnsupported
}

// DeleteAllOf implements client.Writer.
func (s *Server) DeleteAllOf(context.Context, client.Object, ...client.DeleteAllOfOption) error {
	return errUnsupported
}

// Status implements client.StatusClient.
func (s *Server) Status() client.SubResourceWriter { return s.SubResource("status") }

// SubResource implements client.SubResourceClientConstructor.
func (s *Server) SubResource(name string) client.SubResourceClient {
	return &subresource{server: s, name: name}
}

// subresource is the status of a kind that has one.
type subresource struct {
	server *Server
	name   string
}

// Get implements client.SubResourceReader.
func (*subresource) Get(context.Context, client.Object, client.Object, ...client.SubResourceGetOption) error {
	return errUnsupported
}

// Create implements client.SubResourceWriter.
func (*subresource) Create(context.Context, client.Object, client.Object, ...client.SubResourceCreateOption) error {
	return errUnsupported
}

// Apply implements client.SubResourceWriter.
func (*subresource) Apply(context.Context, runtime.ApplyConfiguration, ...client.SubResourceApplyOption) error {
	return errUnsupported
}

// Update implements client.SubResourceWriter.
func (r *subresource) Update(_ context.Context, o client.Object, opts ...client.SubResourceUpdateOption) error {
	options := (&client.SubResourceUpdateOptions{}).ApplyOptions(opts)
	return r.server.update(o, r.name, options.FieldManager)
}

// Patch implements client.SubResourceWriter.
func (r *subresource) Patch(_ context.Context, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
	options := (&client.SubResourcePatchOptions{}).ApplyOptions(opts)
	return r.server.patch(o, p, r.name, &options.PatchOptions)
}
