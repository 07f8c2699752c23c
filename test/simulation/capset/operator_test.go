package capset

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset"
	clusterfacts "github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// process is the operator in one life of a process.
type process struct {
	*stage.Life
	c      *cluster
	wishes map[string]wish
	heard  atomic.Int64 // changes after which CAP may be asked at once
	basis  int          // with everything of the kind, as the round under way began
}

// List implements stage.Kind.
func (*cluster) List() client.ObjectList { return &v1alpha1.CAPCredentialSetList{} }

// Born implements stage.Kind.
func (c *cluster) Born(l *stage.Life) stage.Operator {
	p := &process{Life: l, c: c, wishes: map[string]wish{}}
	secrets := secretwatch.NewForClient(apiserver.Secrets(l.API), objectwatch.Options{})
	facts := clusterfacts.NewCredentialsWatchForClients(apiserver.Dynamic(l.API, kinds), apiserver.Metadata(l.API, kinds), objectwatch.Options{})
	began := time.Now()
	o := capcredentialset.Options{Namespace: operatorNamespace, Clock: c.Clock(), Secrets: secrets, Monotonic: func() time.Duration { return time.Since(began) }, MaxSleep: c.w.maxSleep}
	controller := capcredentialset.New(o, capcredentialset.Parts{
		Client: l.Cache, Reader: l.API, Secrets: apiserver.Secrets(l.API), Facts: facts, Recorder: stage.Recorder{Life: l},
		Transport: func(config *tls.Config, proxy *url.URL) http.RoundTripper { return &carrier{p, config, proxy} }, Check: p.checkSTS,
	}, l.Wake)
	secrets.OnChange(func(ref types.NamespacedName) {
		if ref == certificateRef {
			p.heard.Add(1)
		}
		l.WakeAll(controller.SetsOf(ref))
	})
	facts.OnChange(func(namespace string) { l.WakeAll(controller.SetsIn(namespace)) })
	go func() { _ = secrets.Start(l.Context()) }()
	go func() { _ = facts.Start(l.Context()) }()
	return stage.Operator{
		Reconcile: func(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
			p.basis = c.basis + int(p.heard.Load())
			return controller.Reconcile(ctx, r)
		},
		Others: func(_, _ client.Object) []reconcile.Request {
			p.heard.Add(1)
			return controller.SetsIn("")
		},
	}
}
