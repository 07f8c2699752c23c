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

	// RotationID is the rotation that the following fields are about: the current one or the last one.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	RotationID string `json:"rotationID,omitempty"`

	// AskedAt is when OCM last said which clusters have switched to the new credentials of that rotation. At most two clusters of an account ask, a
	// few times a day.
	// +optional
	AskedAt *metav1.Time `json:"askedAt,omitempty"`

	// Answer says whether the answer can be relied on; unless it is Complete, it is unknown which clusters have switched.
	// +optional
	Answer SiblingsAnswer `json:"answer,omitempty"`

	// Switched is how many clusters have reported to OCM with the new credentials. Empty while that is unknown.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Switched *int32 `json:"switched,omitempty"`

	// NotSwitched is how many have not. Empty while that is unknown.
	// +kubebuilder:validation:Minimum=0
	// +optional
	NotSwitched *int32 `json:"notSwitched,omitempty"`

	// FirstOfferEndsAt is when OCM's offer to the first of those that have not switched ends. From then on OCM may delete the old credentials, with
	// which that cluster works. Empty if all have switched, and while that is unknown.
	// +optional
	FirstOfferEndsAt *metav1.Time `json:"firstOfferEndsAt,omitempty"`

	// Lagging are the clusters that have not switched; at most 20, the soonest to lose access first. After the end of the rotation only those remain
	// whose offer had ended.
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Lagging []LaggingCluster `json:"lagging,omitempty"`
}

// SiblingsAnswer says how OCM has answered the question which clusters have switched.
// +kubebuilder:validation:Enum=Complete;Incomplete;Refused
type SiblingsAnswer string

const (
	// SiblingsComplete: OCM has said something about each active cluster.
	SiblingsComplete SiblingsAnswer = "Complete"
	// SiblingsIncomplete: OCM lists no transfers, too few of them, or others.
	SiblingsIncomplete SiblingsAnswer = "Incomplete"
	// SiblingsRefused: OCM does not let the account see the transfers of its clusters.
	SiblingsRefused SiblingsAnswer = "Refused"
)

// LaggingCluster is a cluster of the account that has not switched.
type LaggingCluster struct {
	// ID of the cluster in OCM, as in its own status.clusterID.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	ID string `json:"id"`

	// Name is the display name in OCM, which its owner chooses: printable characters only, at most 128. Empty if there is none.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Name string `json:"name,omitempty"`

	// OfferEndsAt is until when OCM waits for the cluster. Empty if OCM does not say.
	// +optional
	OfferEndsAt *metav1.Time `json:"offerEndsAt,omitempty"`
}
