package capcredentialset

import (
	ctrl "sigs.k8s.io/controller-runtime"
)

// Setup adds the controller of CAPCredentialSet to the manager.
func Setup(_ ctrl.Manager, opts Options) error {
	opts.SetDefaults()
	return nil
}
