package apiserver

import (
	"context"
	"fmt"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// Options of a Server.
type Options struct {
	Scheme *runtime.Scheme
	// WithStatus are the kinds with a status subresource, whose generation counts the changes of the spec.
	WithStatus []client.Object
	// Now is the server's own clock; default: the machine's.
	Now func() time.Time
}

// Server is the API server. Its methods are those of a client with every right.
type Server struct {
	client.WithWatch
	opts     Options
	statuses map[schema.GroupVersionKind]bool
	uids     int
}

// converters know which lists of the built-in kinds are merged, and guess for others. They are expensive and the same for each server.
var converters = func() []managedfields.TypeConverter {
	s := runtime.NewScheme()
	_ = clientgoscheme.AddToScheme(s) // its own types always fit
	return []managedfields.TypeConverter{applyconfigurations.NewTypeConverter(s), managedfields.NewDeducedTypeConverter()}
}()

// New makes an empty server.
func New(opts Options) (*Server, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Server{opts: opts, statuses: map[schema.GroupVersionKind]bool{}}
	for _, o := range opts.WithStatus {
		gvk, err := gvkOf(o, opts.Scheme)
		if err != nil {
			return nil, err
		}
		s.statuses[gvk] = true
	}
	stored := fake.NewClientBuilder().WithScheme(opts.Scheme).WithStatusSubresource(opts.WithStatus...).WithTypeConverters(converters...).
		WithReturnManagedFields().WithGlobalResourceVersionCounter().Build()
	s.WithWatch = interceptor.NewClient(stored, interceptor.Funcs{Create: s.create, Update: s.update, Patch: s.patch, Delete: s.delete})
	return s, nil
}

func gvkOf(o runtime.Object, scheme *runtime.Scheme) (schema.GroupVersionKind, error) {
	kinds, _, err := scheme.ObjectKinds(o)
	if err != nil {
		return schema.GroupVersionKind{}, fmt.Errorf("the kind of %T: %w", o, err)
	}
	return kinds[0], nil
}

// create fills in what the server decides: who the object is, since when, and that nothing is known about its state.
func (s *Server) create(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
	gvk, err := gvkOf(o, s.opts.Scheme)
	if err != nil {
		return err
	}
	s.uids++
	o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", s.uids)))
	o.SetCreationTimestamp(metav1.NewTime(s.opts.Now().Truncate(time.Second)))
	o.SetDeletionTimestamp(nil)
	o.SetGeneration(0)
	if s.statuses[gvk] {
		o.SetGeneration(1)
		if err := withStatusOf(o, nil); err != nil {
			return err
		}
	}
	if err := checkSecret(nil, o); err != nil {
		return err
	}
	return c.Create(ctx, o, opts...)
}

// update is refused for another object of the same name, and for what never changes.
func (s *Server) update(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
	stored, err := s.stored(ctx, c, o)
	if err != nil {
		return err
	}
	if o.GetUID() != "" && o.GetUID() != stored.GetUID() {
		return conflict(o, s.opts.Scheme)
	}
	if o.GetResourceVersion() != "" && o.GetResourceVersion() != stored.GetResourceVersion() {
		return conflict(o, s.opts.Scheme)
	}
	if err := checkSecret(stored, o); err != nil {
		return err
	}
	if err := s.count(stored, o); err != nil {
		return err
	}
	return c.Update(ctx, o, opts...)
}

// patch computes what the patch makes of the object, judges that, and then lets it be stored.
func (s *Server) patch(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	body, err := p.Data(o)
	if err != nil {
		return err
	}
	stored, err := s.stored(ctx, c, o)
	if apierrors.IsNotFound(err) && p.Type() == types.ApplyPatchType {
		return c.Patch(ctx, o, client.RawPatch(p.Type(), body), opts...)
	}
	if err != nil {
		return err
	}
	if p.Type() == types.MergePatchType {
		if body, err = s.judgeMerge(stored, body); err != nil {
			return err
		}
	}
	return c.Patch(ctx, o, client.RawPatch(p.Type(), body), opts...)
}

// delete honours the preconditions.
func (s *Server) delete(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
	wanted := (&client.DeleteOptions{}).ApplyOptions(opts).Preconditions
	stored, err := s.stored(ctx, c, o)
	if err != nil {
		return err
	}
	if wanted != nil && (wanted.UID != nil && *wanted.UID != stored.GetUID() || wanted.ResourceVersion != nil && *wanted.ResourceVersion != stored.GetResourceVersion()) {
		return conflict(o, s.opts.Scheme)
	}
	return c.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground))
}

// stored is the object as it is.
func (s *Server) stored(ctx context.Context, c client.Reader, o client.Object) (client.Object, error) {
	stored := o.DeepCopyObject().(client.Object)
	return stored, c.Get(ctx, client.ObjectKeyFromObject(o), stored)
}

// judgeMerge applies a merge patch to a copy, judges the result, and lets the patch count a change of the spec.
func (s *Server) judgeMerge(stored client.Object, body []byte) ([]byte, error) {
	after, said, err := merged(stored, body)
	if err != nil {
		return nil, err
	}
	if said.UID != nil && types.UID(*said.UID) != stored.GetUID() || said.ResourceVersion != nil && *said.ResourceVersion != stored.GetResourceVersion() {
		return nil, conflict(stored, s.opts.Scheme)
	}
	if err := checkSecret(stored, after); err != nil {
		return nil, err
	}
	if err := s.count(stored, after); err != nil || after.GetGeneration() == stored.GetGeneration() {
		return body, err
	}
	return jsonpatch.MergePatch(body, fmt.Appendf(nil, `{"metadata":{"generation":%d}}`, after.GetGeneration()))
}

func conflict(o client.Object, scheme *runtime.Scheme) error {
	gvk, err := gvkOf(o, scheme)
	if err != nil {
		return err
	}
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return apierrors.NewConflict(plural.GroupResource(), o.GetName(), fmt.Errorf("the object has been modified, or is another one"))
}

// checkSecret refuses what kube-apiserver's validation of Secrets does.
func checkSecret(before, after client.Object) error {
	now, ok := after.(*corev1.Secret)
	if !ok {
		return nil
	}
	return judgeSecret(before, now)
}
