// Package config holds the manifests of the operator: what `oc apply -f config/install.yaml` installs, for the command
// that writes the files for openshift-install and for the tests, so that both use the shipped files.
package config

import (
	_ "embed"
	"slices"
)

var (
	//go:embed install.yaml
	install []byte
	//go:embed monitoring.yaml
	monitoring []byte

	//go:embed crd/bases/rotation.openshift.io_pullsecretrotations.yaml
	pullSecretRotations []byte
	//go:embed crd/bases/rotation.openshift.io_capcredentialsets.yaml
	capCredentialSets []byte
)

// Install is the whole operator as one YAML stream: namespace, kinds, rights, Deployment.
func Install() []byte { return slices.Clone(install) }

// Monitoring is the ServiceMonitor, the alerts and what Prometheus needs to find the operator, as one YAML stream: what `oc apply -k
// config/prometheus` applies. It is separate because a cluster that is being installed does not have these kinds yet.
func Monitoring() []byte { return slices.Clone(monitoring) }

// CRDs are the definitions of the two kinds, one YAML document each.
func CRDs() [][]byte {
	return [][]byte{slices.Clone(pullSecretRotations), slices.Clone(capCredentialSets)}
}
