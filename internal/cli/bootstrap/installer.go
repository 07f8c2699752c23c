package bootstrap

// Checks of the installer's own manifests, if the output directory already holds them: openshift-install create manifests comes before
// install-manifests.

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// readInstallerFile returns the object in a file of the installer, or nil if there is none.
func readInstallerFile(dir, name string) (*yaml.Node, error) {
	content, err := payload.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, mapping, err := payload.Parse(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return mapping, nil
}

// credentialsModeWarning warns if the installation is not prepared for Secrets from elsewhere. The installer keeps its install-config in
// ConfigMap kube-system/cluster-config-v1. Source: openshift/installer, pkg/asset/manifests/clusterconfig.go.
func credentialsModeWarning(dir string) (string, error) {
	config, err := readInstallerFile(dir, "cluster-config.yaml")
	if err != nil || config == nil {
		return "", err
	}
	_, installConfig, err := payload.Parse(payload.Text(config, "data", "install-config"))
	if err != nil {
		return "", fmt.Errorf("install-config in cluster-config.yaml: %w", err)
	}
	if mode := payload.Text(installConfig, "credentialsMode"); mode != "Manual" {
		return "install-config.yaml lacks credentialsMode: Manual, so the cloud-credential-operator will write the same Secrets; set it and create the manifests again", nil
	}
	return "", nil
}
