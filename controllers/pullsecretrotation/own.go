package pullsecretrotation

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// own is an object in the operator's namespace that the spec names. A reconcile reads it once, so that the version by which it notices a change is
// the one that it uses.
type own[T client.Object] struct {
	object T
	err    error
	read   bool
}

// get reads the object into an empty one, or returns what was read before.
func (o *own[T]) get(ctx context.Context, s *scope, name string, empty T) (T, error) {
	if !o.read {
		o.object, o.read = empty, true
		o.err = s.r.Reader.Get(ctx, s.ownKey(name), empty)
	}
	return o.object, o.err
}

func (s *scope) ownKey(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.r.Options.Namespace, Name: name}
}
