package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ProbeResult is how the last attempt of a machine to pull the image ended.
// +kubebuilder:validation:Enum=Pulled;Refused;NotFound;Failed;NotStarted;NotCreated
type ProbeResult string

const (
	// ProbePulled: the machine has pulled the image.
	ProbePulled ProbeResult = "Pulled"
	// ProbeRefused: the registry refuses the machine.
	ProbeRefused ProbeResult = "Refused"
	// ProbeNotFound: the registry has no such image, or its name is invalid.
	ProbeNotFound ProbeResult = "NotFound"
	// ProbeFailed: the pull fails for another cause, such as a registry that the machine cannot reach.
	ProbeFailed ProbeResult = "Failed"
	// ProbeNotStarted: no machine has begun to pull, or none has ended in time.
	ProbeNotStarted ProbeResult = "NotStarted"
	// ProbeNotCreated: the API server refuses the Pod.
	ProbeNotCreated ProbeResult = "NotCreated"
)

// ProbeStatus is what a machine of a pool has pulled with the new file.
type ProbeStatus struct {
	// Pool of the machine.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Pool string `json:"pool"`
	// Image that is pulled.
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Image string `json:"image"`
	// FileSince is when the machines of the pool were first seen with the new file. The kubelet uses the old one for up to five minutes more.
	// +required
	FileSince metav1.Time `json:"fileSince"`
	// Machine that pulls, or was the last to do so. Empty until it is known, where the scheduler chooses it.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Machine string `json:"machine,omitempty"`
	// Pod in the operator's namespace that may exist for it; empty when there is none.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pod string `json:"pod,omitempty"`
	// PodUID of that Pod. The operator believes no other, and removes it.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	PodUID string `json:"podUID,omitempty"`
	// StartedAt is when the last attempt began.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// TriedAt is when the last attempt ended; empty while one is under way.
	// +optional
	TriedAt *metav1.Time `json:"triedAt,omitempty"`
	// Result of the last attempt that has ended.
	// +optional
	Result ProbeResult `json:"result,omitempty"`
	// RefusedSince is since when the machine has been refused; empty while it is not.
	// +optional
	RefusedSince *metav1.Time `json:"refusedSince,omitempty"`
	// EndedAt is when the machine had pulled the image, or when nobody was asked any more.
	// +optional
	EndedAt *metav1.Time `json:"endedAt,omitempty"`
}
