package capcredentialset

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// standby has the Secrets of all sets watched while another replica leads, so that this one knows them when it takes over: its first
// look costs no request. It decides nothing and writes nothing. From the election on the rounds say what is watched.
type standby struct {
	r *reconciler
	// changed tells that a set or the cluster is not as it was.
	changed chan struct{}
	elected <-chan struct{}
	// warm are the sets whose Secrets are watched.
	warm map[string]bool
	// synced waits until the sets are known.
	synced func(context.Context) bool
}

// addStandby adds it to the manager.
func (r *reconciler) addStandby(mgr ctrl.Manager, onFacts func(func(namespace string))) error {
	s := &standby{r: r, changed: make(chan struct{}, 1), elected: mgr.Elected(), warm: map[string]bool{}, synced: mgr.GetCache().WaitForCacheSync}
	informer, err := mgr.GetCache().GetInformer(context.Background(), &v1alpha1.CAPCredentialSet{})
	if err != nil {
		return fmt.Errorf("watching the CAPCredentialSets: %w", err)
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { s.wake() }, UpdateFunc: func(any, any) { s.wake() }, DeleteFunc: func(any) { s.wake() },
	}); err != nil {
		return fmt.Errorf("watching the CAPCredentialSets: %w", err)
	}
	onFacts(func(string) { s.wake() })
	return mgr.Add(s)
}

func (s *standby) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// NeedLeaderElection is false: it is for who does not lead.
func (s *standby) NeedLeaderElection() bool { return false }

// Start keeps the watches until this replica leads.
func (s *standby) Start(ctx context.Context) error {
	if !s.synced(ctx) {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.elected:
			return nil
		case <-s.changed:
		}
		if err := s.look(ctx); err != nil {
			log.FromContext(ctx).V(1).Info("The Secrets are not known before this replica leads", "problem", err.Error())
		}
	}
}

// look has the Secrets watched that the sets have to do with now.
func (s *standby) look(ctx context.Context) error {
	all := &v1alpha1.CAPCredentialSetList{}
	if err := s.r.client.List(ctx, all); err != nil {
		return fmt.Errorf("reading the CAPCredentialSets: %w", err)
	}
	requests, _, _ := s.r.facts.Requests() // what is not known of them yet comes as a change
	there := map[string]bool{}
	for i := range all.Items {
		set := &all.Items[i]
		discovery, _ := plan.Discover(set, asked(requests), all.Items) // what is wrong with the spec is for the leader to say
		refs := []types.NamespacedName{s.r.certificateRef(set)}
		for _, t := range discovery.Targets {
			if t.Holder == "" {
				refs = append(refs, t.Ref)
			}
		}
		if s.leads() {
			return nil
		}
		s.r.store.Watch(owner(set.Name), refs...)
		there[set.Name] = true
	}
	for name := range s.warm {
		if !there[name] && !s.leads() {
			s.r.store.Forget(owner(name))
		}
	}
	s.warm = there
	return nil
}

// leads is true once this replica does: then the rounds say what is watched.
func (s *standby) leads() bool {
	select {
	case <-s.elected:
		return true
	default:
		return false
	}
}
