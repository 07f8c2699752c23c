package capcredentialset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// facts of the cluster from a watch. *cluster.CredentialsWatch implements it.
type facts interface {
	Requests() (requests []cluster.CredentialsRequest, known bool, err error)
	Mode() (cluster.CredentialsMode, error)
	CronJobs() []cluster.CronJob
	HasNamespace(name string) (exists, known bool)
}

// secretStore returns watched Secrets. *secretwatch.Watcher implements it.
type secretStore interface {
	Watch(owner string, refs ...types.NamespacedName)
	Forget(owner string)
	Get(namespace, name string) (secret *corev1.Secret, found, synced bool)
	Err(namespace, name string) error
	Observe(secret *corev1.Secret)
	Note(secret *corev1.Secret, note any)
	Noted(namespace, name string) any
}

// reconciler keeps the Secrets of CAPCredentialSets fresh.
type reconciler struct {
	Options
	client   client.Client              // sets, from the cache, and their status
	reader   client.Reader              // a few objects of the cluster, without a cache
	secrets  corev1client.SecretsGetter // writing Secrets
	store    secretStore
	facts    facts
	recorder events.EventRecorder
	dial     dialer

	mu     sync.Mutex
	states map[string]*state
	// endpoints are shared by sets with the same inputs of requests.
	endpoints map[string]*endpoint
	jumps     jumpDetector
	// wake starts another round of a set; it must not block.
	wake func(set string)
	// tidy returns memory to the system after a round that has written many Secrets.
	tidy func()
	// hashKey keys the content hash; nil until it has been read.
	hashKey []byte
	// keylessSince is since when it can be neither read nor created.
	keylessSince time.Time
}

// Reconcile is one round: look, decide, act, report, in this order.
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	set := &v1alpha1.CAPCredentialSet{}
	err := r.client.Get(ctx, req.NamespacedName, set)
	if apierrors.IsNotFound(err) || err == nil && set.DeletionTimestamp != nil {
		r.forget(req.Name) // the Secrets stay, because their consumers still run
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading the CAPCredentialSet: %w", err)
	}
	s := r.open(set)

	known, err := r.discover(ctx, s)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !known {
		return reconcile.Result{RequeueAfter: r.Settle}, nil // an event wakes the set; this is in case it is missed
	}
	if err := r.look(ctx, s); err != nil {
		return reconcile.Result{}, errors.Join(err, r.reportBlind(ctx, s, err))
	}
	if wait := r.settling(s); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}

	r.check(ctx, s)
	r.copy(ctx, s)
	r.fetch(ctx, s)
	if ctx.Err() != nil {
		return reconcile.Result{}, ctx.Err() // shutting down: the next leader reports
	}
	if err := r.look(ctx, s); err != nil {
		return reconcile.Result{}, err
	}
	r.restart(ctx, s)

	if err := r.report(ctx, s); apierrors.IsConflict(err) {
		s.seen = nil // somebody has written the set meanwhile, or etcd was restored from a backup and the version in memory is of the future
		s.conflicts++
		return reconcile.Result{RequeueAfter: min(r.Settle<<min(s.conflicts-1, 10), r.MaxSleep)}, nil
	} else if err != nil {
		return reconcile.Result{}, err
	}
	s.conflicts = 0
	if s.effects.secrets() >= manySecrets {
		r.tidy()
	}
	return reconcile.Result{RequeueAfter: r.sleep(s)}, nil
}

// manySecrets is how many Secrets a round must have written before it returns memory to the system: the garbage of a thousand is tens of MiB,
// which nothing needs until the next refresh, half an hour later. Less is not worth a garbage collection.
const manySecrets = 100

// open starts a round.
func (r *reconciler) open(set *v1alpha1.CAPCredentialSet) *scope {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	st := r.states[set.Name]
	if st == nil || st.uid != set.UID {
		if st != nil { // a set of the same name existed before
			r.leave(set.Name, st)
			st.portal.close()
			forgetMetrics(set.Name)
		}
		st = &state{uid: set.UID, since: now, memory: plan.NewMemory(), held: map[string]awscreds.Credential{}, flights: newFlights(), jumps: r.jumps.count}
		r.states[set.Name] = st
	}
	if since := now.Sub(st.patched); st.seen != nil && 0 <= since && since < seenFor {
		if n, err := resourceversion.CompareResourceVersion(set.ResourceVersion, st.seen.ResourceVersion); err == nil && n < 0 {
			set = st.seen.DeepCopy()
		}
	}
	return &scope{state: st, set: set.DeepCopy(), started: now}
}

// seenFor is how long what this process has written counts for more than what the cache has. A cache does not lag for longer; after that, an older
// version is that of an etcd that was restored from a backup.
const seenFor = time.Minute

// forget drops all state of a set.
func (r *reconciler) forget(name string) {
	r.store.Forget(owner(name))
	forgetMetrics(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if st := r.states[name]; st != nil {
		r.leave(name, st)
		st.portal.close()
		delete(r.states, name)
	}
}

// owner is the set's name for the Secret watcher.
func owner(set string) string { return "capcredentialset/" + set }

// settling is how long to wait for Secrets that have not been read yet, so that a start acts once, and not on each Secret as it arrives.
func (r *reconciler) settling(s *scope) time.Duration {
	left := r.Settle - r.now().Sub(s.since)
	if s.plan.Complete && !s.certificateUnread || left <= 0 || left > r.Settle {
		return 0
	}
	return left
}

// sleep is how long nothing is due, at most MaxSleep.
func (r *reconciler) sleep(s *scope) time.Duration {
	now := r.now()
	wake := plan.Earlier(s.plan.Wake, s.memory.RestartWake(now))
	if s.postponed > 0 {
		wake = plan.Earlier(wake, now.Add(s.postponed))
	}
	if wake.IsZero() {
		return r.MaxSleep
	}
	// Work that is due at once was left over by a round that ran out of time.
	return min(max(wake.Sub(now), 10*time.Millisecond), r.MaxSleep)
}

// setsOf returns the sets that a Secret concerns.
func (r *reconciler) setsOf(ref types.NamespacedName) []reconcile.Request {
	return r.requests(func(st *state) bool {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.refs[ref]
	})
}

// setsIn returns the sets with a Secret in a namespace; all if it is empty.
func (r *reconciler) setsIn(namespace string) []reconcile.Request {
	return r.requests(func(st *state) bool {
		st.mu.Lock()
		defer st.mu.Unlock()
		for ref := range st.refs {
			if ref.Namespace == namespace {
				return true
			}
		}
		return namespace == ""
	})
}

// allSets returns all sets.
func (r *reconciler) allSets() []reconcile.Request {
	return r.requests(func(*state) bool { return true })
}

func (r *reconciler) requests(concerned func(*state) bool) []reconcile.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []reconcile.Request
	for name, st := range r.states {
		if concerned(st) {
			all = append(all, ctrl.Request{NamespacedName: types.NamespacedName{Name: name}})
		}
	}
	slices.SortFunc(all, func(a, b reconcile.Request) int { return slices.Compare([]string{a.Name}, []string{b.Name}) })
	return all
}
