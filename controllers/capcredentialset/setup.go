package capcredentialset

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

const controllerName = "capcredentialset"

// maxConcurrentSets: a hanging CAP must not hold up other sets.
const maxConcurrentSets = 4

// Setup adds the controller of CAPCredentialSet to the manager.
func Setup(mgr ctrl.Manager, opts Options) error {
	opts.SetDefaults()
	if opts.Secrets == nil || opts.Namespace == "" {
		return errors.New("capcredentialset: Options.Secrets and Options.Namespace are needed")
	}
	watch, err := cluster.NewCredentialsWatch(mgr.GetConfig(), objectwatch.Options{})
	if err != nil {
		return err
	}
	if err := mgr.Add(watch); err != nil {
		return fmt.Errorf("adding the watch of CredentialsRequests: %w", err)
	}
	// A refresh of a thousand Secrets is a thousand patches, which the number of requests to CAP already spreads: a client-side rate limit would
	// stretch it to minutes.
	config := rest.CopyConfig(mgr.GetConfig())
	config.QPS, config.Burst, config.RateLimiter = -1, -1, nil
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	secrets, err := corev1client.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client for Secrets: %w", err)
	}
	r := newReconciler(opts, Parts{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Secrets: secrets, Facts: watch, Recorder: mgr.GetEventRecorder(managedfields.Operator)})
	r.tidy = debug.FreeOSMemory
	if err := r.addStandby(mgr, watch.OnChange); err != nil {
		return err
	}
	return r.build(mgr, watch.OnChange)
}

// build sets what wakes the controller: a set's spec or annotations, the creation or deletion of another set, a Secret of the set, and the facts
// of the cluster, but not its own status.
func (r *reconciler) build(mgr ctrl.Manager, onFacts func(func(namespace string))) error {
	changed := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	err := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.CAPCredentialSet{}, builder.WithPredicates(changed)).
		Watches(&v1alpha1.CAPCredentialSet{}, handler.EnqueueRequestsFromMapFunc(r.otherSets), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(r.Secrets.Source(r.setsOf)).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			r.wake = func(set string) { queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Name: set}}) }
			onFacts(func(namespace string) {
				for _, request := range r.setsIn(namespace) {
					queue.Add(request)
				}
			})
			return nil
		})).
		WithOptions(controller.Options{MaxConcurrentReconciles: maxConcurrentSets, RateLimiter: errorRhythm(r.Options)}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("building the controller of CAPCredentialSet: %w", err)
	}
	return nil
}

// errorRhythm is the backoff after a failed round, never longer than MaxSleep. The default goes up to a quarter of an hour, in which a status
// that cannot be written would delay refreshes.
func errorRhythm(o Options) workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, o.MaxSleep)
}

// otherSets are those that may gain or lose a Secret when a set changes.
func (r *reconciler) otherSets(_ context.Context, o client.Object) []reconcile.Request {
	all := r.allSets()
	others := make([]reconcile.Request, 0, len(all))
	for _, request := range all {
		if request.Name != o.GetName() {
			others = append(others, request)
		}
	}
	return others
}
