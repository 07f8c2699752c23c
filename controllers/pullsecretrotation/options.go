package pullsecretrotation

import (
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/hosts"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
)

// Options are what the manager gives to the controller.
type Options struct {
	decide.Timing
	// Namespace of the operator: every Secret and ConfigMap that a spec reads lies there.
	Namespace string
	// OCMHosts are where a spec may have the OCM credential and the cluster's own token sent.
	OCMHosts hosts.List
	// Clock tells the time.
	Clock clock.PassiveClock
	// Secrets watches single Secrets by name.
	Secrets *secretwatch.Watcher
}

// SetDefaults fills what is zero.
func (o *Options) SetDefaults() {
	if o.OCMHosts.Empty() {
		o.OCMHosts = ocm.PublicHosts
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	o.Timing.SetDefaults()
}
