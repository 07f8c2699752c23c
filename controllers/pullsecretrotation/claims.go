package pullsecretrotation

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A target belongs to one object, because two would undo each other's work. If several name it, the oldest keeps it; mode Audit writes nothing,
// so it neither makes nor respects claims.

// claims maps the targets of this object that belong to an older one to the older one's name.
func (s *scope) claims(ctx context.Context) (map[v1alpha1.SecretReference]string, error) {
	if s.obj.Spec.Mode == v1alpha1.ModeAudit {
		return nil, nil
	}
	list := &v1alpha1.PullSecretRotationList{}
	if err := s.r.Reader.List(ctx, list); err != nil {
		return nil, fmt.Errorf("listing the PullSecretRotations: %w", err)
	}
	claimed := map[v1alpha1.SecretReference]string{}
	for i := range list.Items {
		o := &list.Items[i]
		if o.Name == s.obj.Name || o.Spec.Mode == v1alpha1.ModeAudit || !o.DeletionTimestamp.IsZero() || !precedes(o, s.obj) {
			continue
		}
		for _, ref := range o.Spec.Targets {
			if first, ok := claimed[ref]; !ok || o.Name < first {
				claimed[ref] = o.Name
			}
		}
	}
	return claimed, nil
}

func precedes(a, b client.Object) bool {
	x, y := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	return x.Before(&y) || x.Equal(&y) && a.GetName() < b.GetName()
}

// conflict is the problem of a target that belongs to an older object.
func conflict(ref v1alpha1.SecretReference, owner string) problem {
	return problem{v1alpha1.ReasonConflict, fmt.Sprintf("The target Secret %s belongs to the PullSecretRotation %s, which is older. This object "+
		"leaves it alone. Remove it from spec.targets of one of them.", ref, owner)}
}

// Rivals are the other objects that share a target with one that was created, changed or deleted.
func (r *Reconciler) Rivals(c client.Reader) func(context.Context, client.Object) []reconcile.Request {
	return func(ctx context.Context, changed client.Object) []reconcile.Request {
		of, ok := changed.(*v1alpha1.PullSecretRotation)
		list := &v1alpha1.PullSecretRotationList{}
		if !ok || c.List(ctx, list) != nil {
			return nil // from the cache: it fails only before the start, which reconciles all objects
		}
		var requests []reconcile.Request
		for i := range list.Items {
			o := &list.Items[i]
			shares := slices.ContainsFunc(o.Spec.Targets, func(ref v1alpha1.SecretReference) bool { return slices.Contains(of.Spec.Targets, ref) })
			if o.Name != of.Name && shares {
				requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: o.Name}})
			}
		}
		return requests
	}
}
