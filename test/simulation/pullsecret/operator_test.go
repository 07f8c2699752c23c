package pullsecret

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// List implements stage.Kind.
func (*cluster) List() client.ObjectList { return &v1alpha1.PullSecretRotationList{} }

// Born implements stage.Kind.
func (c *cluster) Born(l *stage.Life) stage.Operator {
	secrets := secretwatch.NewForClient(apiserver.Secrets(l.API), objectwatch.Options{})
	o := pullsecretrotation.Options{Namespace: operatorNamespace, Clock: c.Clock(), Secrets: secrets}
	o.SetDefaults()
	r := &pullsecretrotation.Reconciler{
		Client: l.Cache, Reader: l.API, Options: o, Recorder: stage.Recorder{Life: l},
		Connect: pullsecretrotation.NewConnector("simulation", &carrier{c, l}),
		MayPatch: func(_ context.Context, ref v1alpha1.SecretReference) (bool, error) {
			return !c.Forbids("patch *v1.Secret " + ref.String()), l.Unreachable()
		},
	}
	secrets.OnChange(func(ref types.NamespacedName) { l.WakeAll(r.Interested(l.Cache, ref)) })
	go func() { _ = secrets.Start(l.Context()) }()
	return stage.Operator{Reconcile: r.Reconcile, Others: func(before, after client.Object) []reconcile.Request {
		rivals := r.Rivals(l.Cache)
		var all []reconcile.Request
		for _, o := range []client.Object{before, after} {
			if o != nil {
				all = append(all, rivals(context.Background(), o)...)
			}
		}
		return all
	}}
}

// specs are versions of a spec that a reconcile may act on.
type specs []spec

func (s specs) all(f func(spec) bool) bool {
	return !slices.ContainsFunc(s, func(one spec) bool { return !f(one) })
}
