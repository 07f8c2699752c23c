package pullsecretrotation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/version"
)

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, opts Options) error {
	opts.SetDefaults()
	r := &Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Options: opts, MayPatch: mayPatch(mgr.GetClient()),
		Recorder: mgr.GetEventRecorder("pullsecretrotation"),
		Connect:  NewConnector(version.UserAgent(), nil),
	}
	b := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.PullSecretRotation{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.PullSecretRotation{}, handler.EnqueueRequestsFromMapFunc(r.Rivals(mgr.GetClient())), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Named("pullsecretrotation")
	if opts.Secrets != nil {
		b = b.WatchesRawSource(opts.Secrets.Source(func(ref types.NamespacedName) []reconcile.Request {
			return r.Interested(mgr.GetClient(), ref)
		}))
	}
	return b.Complete(r)
}

// Interested are the objects whose target or credential has changed.
func (r *Reconciler) Interested(c client.Reader, ref types.NamespacedName) []reconcile.Request {
	list := &v1alpha1.PullSecretRotationList{}
	if err := c.List(context.Background(), list); err != nil {
		return nil // from the cache: it fails only before its start, and the start reconciles all
	}
	var requests []reconcile.Request
	for i := range list.Items {
		o := &list.Items[i]
		if reads(o, r.Options.Namespace, ref) {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: o.Name}})
		}
	}
	return requests
}

func reads(o *v1alpha1.PullSecretRotation, namespace string, ref types.NamespacedName) bool {
	for _, t := range o.Spec.Targets {
		if t.Namespace == ref.Namespace && t.Name == ref.Name {
			return true
		}
	}
	c := o.Spec.OCM.CredentialsSecretRef
	return c != nil && ref.Namespace == namespace && c.Name == ref.Name
}

func tlsConfig(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// event reports something that happened, as an event and as a log line at the default level.
func (s *scope) event(kind, reason, action, note string, args ...any) {
	words := fmt.Sprintf(note, args...)
	s.log.Info(words, "reason", reason)
	if len(words) > maxNote {
		words = strings.ToValidUTF8(words[:maxNote-len("…")], "") + "…"
	}
	if s.r.Recorder != nil {
		s.r.Recorder.Eventf(s.obj, nil, kind, reason, action, "%s", words)
	}
}

// maxNote is the maximum length of an event's note in bytes; the API server refuses more.
const maxNote = 1024

// warnOnce reports a problem when it begins, not at every retry.
func (s *scope) warnOnce(d decide.Decision) {
	before := meta.FindStatusCondition(s.stored.Status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Reason == d.Reason {
		return
	}
	s.event(corev1.EventTypeWarning, d.Reason, "Wait", "%s", d.Message)
}
