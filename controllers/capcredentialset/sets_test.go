package capcredentialset

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// fakeSets is the API server as far as CAPCredentialSets go: the fake client passes each of them through JSON several times, and most of
// what a random history took was that. All other kinds are the fake client's.
type fakeSets struct {
	client.WithWatch
	mu      sync.Mutex
	objects map[string]*v1alpha1.CAPCredentialSet
	version int
}

var setsResource = schema.GroupResource{Group: "rotation.openshift.io", Resource: "capcredentialsets"}

func newFakeSets(others client.WithWatch, set *v1alpha1.CAPCredentialSet) *fakeSets {
	f := &fakeSets{WithWatch: others, objects: map[string]*v1alpha1.CAPCredentialSet{}}
	f.store(set)
	return f
}

func (f *fakeSets) store(set *v1alpha1.CAPCredentialSet) {
	f.version++
	set.ResourceVersion = strconv.Itoa(f.version)
	f.objects[set.Name] = set.DeepCopy()
}

func (f *fakeSets) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	into, ok := o.(*v1alpha1.CAPCredentialSet)
	if !ok {
		return f.WithWatch.Get(ctx, key, o, opts...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	set := f.objects[key.Name]
	if set == nil {
		return apierrors.NewNotFound(setsResource, key.Name)
	}
	set.DeepCopyInto(into)
	return nil
}

func (f *fakeSets) List(ctx context.Context, l client.ObjectList, opts ...client.ListOption) error {
	into, ok := l.(*v1alpha1.CAPCredentialSetList)
	if !ok {
		return f.WithWatch.List(ctx, l, opts...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	into.Items = nil
	for _, set := range f.objects {
		into.Items = append(into.Items, *set.DeepCopy())
	}
	return nil
}

func (f *fakeSets) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	set, ok := o.(*v1alpha1.CAPCredentialSet)
	if !ok {
		return f.WithWatch.Create(ctx, o, opts...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(set)
	return nil
}

// Update does not change the status, which is a subresource.
func (f *fakeSets) Update(ctx context.Context, o client.Object, opts ...client.UpdateOption) error {
	set, ok := o.(*v1alpha1.CAPCredentialSet)
	if !ok {
		return f.WithWatch.Update(ctx, o, opts...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	there := f.objects[set.Name]
	switch {
	case there == nil:
		return apierrors.NewNotFound(setsResource, set.Name)
	case set.ResourceVersion != there.ResourceVersion:
		return apierrors.NewConflict(setsResource, set.Name, errors.New("it has changed"))
	}
	there.Status.DeepCopyInto(&set.Status)
	f.store(set)
	return nil
}

func (f *fakeSets) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	if _, ok := o.(*v1alpha1.CAPCredentialSet); !ok {
		return f.WithWatch.Delete(ctx, o, opts...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, o.GetName())
	return nil
}

func (f *fakeSets) Status() client.SubResourceWriter { return f.SubResource("status") }

func (f *fakeSets) SubResource(name string) client.SubResourceClient {
	return &fakeStatus{f.WithWatch.SubResource(name), f}
}

// fakeStatus writes only the status of a set.
type fakeStatus struct {
	client.SubResourceClient
	sets *fakeSets
}

func (s *fakeStatus) Patch(ctx context.Context, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	set, ok := o.(*v1alpha1.CAPCredentialSet)
	if !ok {
		return s.SubResourceClient.Patch(ctx, o, patch, opts...)
	}
	f := s.sets
	f.mu.Lock()
	defer f.mu.Unlock()
	there := f.objects[set.Name]
	if there == nil {
		return apierrors.NewNotFound(setsResource, set.Name)
	}
	if set.ResourceVersion != there.ResourceVersion { // Otherwise the lock makes no difference, and encoding the patch would take time.
		if data, err := patch.Data(o); err != nil || strings.Contains(string(data), `"resourceVersion"`) {
			return apierrors.NewConflict(setsResource, set.Name, errors.Join(errors.New("it has changed"), err))
		}
	}
	if equality.Semantic.DeepEqual(there.Status, set.Status) {
		return nil
	}
	set.Status.DeepCopyInto(&there.Status)
	f.store(there)
	set.ResourceVersion = there.ResourceVersion
	return nil
}
