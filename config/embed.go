// Package config holds the manifests of the operator: what `oc apply -f config/install.yaml` installs, for the command
// that writes the files for openshift-install and for the tests, so that both use exactly what is shipped.
package config

import "embed"

//go:embed install.yaml
var install []byte

//go:embed crd/bases/*.yaml
var crds embed.FS

// Install is the whole operator as one YAML stream: namespace, kinds, rights, Deployment.
func Install() []byte { return append([]byte(nil), install...) }

// CRDs are the definitions of the two kinds, one YAML document each, by file name.
func CRDs() map[string][]byte {
	const dir = "crd/bases"
	entries, err := crds.ReadDir(dir)
	if err != nil {
		// The directory is compiled in.
		return nil
	}
	all := make(map[string][]byte, len(entries))
	for _, entry := range entries {
		if raw, err := crds.ReadFile(dir + "/" + entry.Name()); err == nil {
			all[entry.Name()] = raw
		}
	}
	return all
}
