package capcredentialset

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"

	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// Parts are what the controller works with, apart from its Options. Setup takes them from a manager.
type Parts struct {
	// Client reads sets, from a cache, and writes their status. Reader reads a few objects of the cluster, without a cache.
	Client client.Client
	Reader client.Reader
	// Secrets writes Secrets.
	Secrets  corev1client.SecretsGetter
	Facts    *cluster.CredentialsWatch
	Recorder events.EventRecorder
	// Transport carries the requests to CAP, through a proxy unless that is nil, and Check answers for STS; nil: the network.
	Transport func(*tls.Config, *url.URL) http.RoundTripper
	Check     func(context.Context, awscreds.Credential) (awscreds.STSResult, error)
}

// newReconciler makes one that nothing wakes yet.
func newReconciler(o Options, p Parts) *reconciler {
	return &reconciler{
		Options: o, client: p.Client, reader: p.Reader, secrets: p.Secrets, store: o.Secrets, facts: p.Facts, recorder: p.Recorder,
		dial: p.dialer(), states: map[string]*state{}, wake: func(string) {}, tidy: func() {},
	}
}

// dialer makes the real clients, on the transport of the parts if they have one.
func (p Parts) dialer() dialer {
	d := realDialer()
	if p.Transport != nil {
		overNetwork := d.portal
		d.portal = func(c cap.Config) (portal, error) {
			c.Transport = p.Transport
			return overNetwork(c)
		}
	}
	if p.Check != nil {
		d.checker = func(awscreds.STSChecker) checker { return checkFunc(p.Check) }
	}
	return d
}

// checkFunc is a function as a checker.
type checkFunc func(context.Context, awscreds.Credential) (awscreds.STSResult, error)

// Check implements checker.
func (f checkFunc) Check(ctx context.Context, c awscreds.Credential) (awscreds.STSResult, error) {
	return f(ctx, c)
}

// Controller is the controller without a manager, for who has a queue of their own.
type Controller struct{ r *reconciler }

// New makes a Controller; wake starts another round of a set, and must not block.
func New(o Options, p Parts, wake func(set string)) *Controller {
	o.SetDefaults()
	r := newReconciler(o, p)
	r.wake = wake
	return &Controller{r}
}

// Reconcile is one round of a set.
func (c *Controller) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	return c.r.Reconcile(ctx, request)
}

// SetsOf are the sets that a Secret concerns.
func (c *Controller) SetsOf(ref types.NamespacedName) []reconcile.Request { return c.r.setsOf(ref) }

// SetsIn are the sets with a Secret in a namespace; all if it is empty.
func (c *Controller) SetsIn(namespace string) []reconcile.Request { return c.r.setsIn(namespace) }
