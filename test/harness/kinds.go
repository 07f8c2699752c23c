package harness

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// InstallMonitoringKinds installs the kinds of the Prometheus operator, without a schema.
func (cp *ControlPlane) InstallMonitoringKinds() error {
	return cp.InstallSchemalessKinds("monitoring.coreos.com", "v1", map[string]string{"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule"})
}

// InstallConsoleKinds installs the kinds of OpenShift's console, without a schema.
func (cp *ControlPlane) InstallConsoleKinds() error {
	kinds := map[string]string{"consolequickstarts": "ConsoleQuickStart", "consoleyamlsamples": "ConsoleYAMLSample"}
	return cp.installKinds(apiextensionsv1.ClusterScoped, "console.openshift.io", "v1", kinds)
}

// InstallSchemalessKinds installs other namespaced kinds by plural, without a schema and without their controllers.
func (cp *ControlPlane) InstallSchemalessKinds(group, version string, kinds map[string]string) error {
	return cp.installKinds(apiextensionsv1.NamespaceScoped, group, version, kinds)
}

func (cp *ControlPlane) installKinds(scope apiextensionsv1.ResourceScope, group, version string, kinds map[string]string) error {
	var crds []*apiextensionsv1.CustomResourceDefinition
	for plural, kind := range kinds {
		keep := true
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group}}
		crd.Spec.Group, crd.Spec.Scope = group, scope
		crd.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind}
		crd.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: version, Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &keep}},
		}}
		crds = append(crds, crd)
	}
	_, err := envtest.InstallCRDs(cp.Admin, envtest.CRDInstallOptions{CRDs: crds})
	return err
}
