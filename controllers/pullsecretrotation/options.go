package pullsecretrotation

import (
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/hosts"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
)

// Options of the controller.
type Options struct {
	decide.Timing
	// Namespace of the operator, which holds every Secret and ConfigMap that a spec refers to.
	Namespace string
	// OCMHosts are the hosts to which a spec may send the OCM credential and the cluster's own token.
	OCMHosts hosts.List
	// Clock tells the time.
	Clock clock.PassiveClock
	// Secrets watches single Secrets by name.
	Secrets *secretwatch.Watcher
}

// SetDefaults fills in zero fields.
func (o *Options) SetDefaults() {
	if o.OCMHosts.Empty() {
		o.OCMHosts = ocm.PublicHosts
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	o.Timing.SetDefaults()
}
