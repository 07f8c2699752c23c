package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SiblingsStatus is what OCM says of all active clusters of the account, which share its pull secret and what OCM answers in an hour.
type SiblingsStatus struct {
	// CountedAt is when OCM was last asked how many there are.
	// +required
	CountedAt metav1.Time `json:"countedAt"`

	// Clusters is how many there are, this one included. Empty while OCM does not let the account list them.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Clusters *int32 `json:"clusters,omitempty"`

	// Position is how many of them have a smaller id than this cluster. It gives each cluster a moment of its own to ask OCM. Empty while OCM
	// does not tell; then a hash of the id is used.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Position *int32 `json:"position,omitempty"`
}
