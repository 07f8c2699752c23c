package harness

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// openshiftCRDs are the manifests in the module github.com/openshift/api of the kinds that the operator reads, without
// tech preview.
var openshiftCRDs = []string{
	"config/v1/zz_generated.crd-manifests/0000_00_cluster-version-operator_01_clusterversions-Default.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_03_config-operator_01_proxies.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_authentications.crd.yaml",
	"config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_infrastructures-Default.crd.yaml",
	"machineconfiguration/v1/zz_generated.crd-manifests/0000_80_machine-config_01_machineconfignodes-SelfManagedHA-Default.crd.yaml",
	"machineconfiguration/v1/zz_generated.crd-manifests/0000_80_machine-config_01_machineconfigpools-Default.crd.yaml",
	"operator/v1/zz_generated.crd-manifests/0000_40_cloud-credential_00_cloudcredentials.crd.yaml",
	"operator/v1/zz_generated.crd-manifests/0000_80_machine-config_01_machineconfigurations-Default.crd.yaml",
}

//go:embed testdata/credentialsrequests.yaml
var credentialsRequestCRD embed.FS

// loadCRDs reads our own CRDs and those of OpenShift.
func loadCRDs(ctx context.Context) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(root, "config", "crd", "bases", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no CRD in %s: run `make manifests`", filepath.Join(root, "config", "crd", "bases"))
	}
	openshift, err := moduleDir(ctx, "github.com/openshift/api")
	if err != nil {
		return nil, err
	}
	for _, p := range openshiftCRDs {
		paths = append(paths, filepath.Join(openshift, filepath.FromSlash(p)))
	}

	documents := make([][]byte, 0, len(paths)+1)
	for _, p := range paths {
		document, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("reading a CRD: %w", err)
		}
		documents = append(documents, document)
	}
	own, err := credentialsRequestCRD.ReadFile("testdata/credentialsrequests.yaml")
	if err != nil {
		return nil, err
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(documents)+1)
	for _, document := range append(documents, own) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(document, crd); err != nil {
			return nil, fmt.Errorf("parsing a CRD: %w", err)
		}
		crds = append(crds, crd)
	}
	return crds, nil
}
