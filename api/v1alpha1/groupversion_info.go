// Package v1alpha1 holds the two kinds of rotation.openshift.io: PullSecretRotation and CAPCredentialSet.
//
// Both are cluster-scoped: creating one is a cluster-level right, so that no tenant can use the operator as a confused deputy. Specs can refer
// only to Secrets and ConfigMaps in the operator's own namespace.
//
// +kubebuilder:object:generate=true
// +groupName=rotation.openshift.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the group and version of both kinds.
	GroupVersion = schema.GroupVersion{Group: "rotation.openshift.io", Version: "v1alpha1"}

	// SchemeBuilder collects the functions that add the kinds to a scheme.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds the kinds to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&PullSecretRotation{}, &PullSecretRotationList{},
		&CAPCredentialSet{}, &CAPCredentialSetList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
