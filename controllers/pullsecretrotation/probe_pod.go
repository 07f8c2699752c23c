package pullsecretrotation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

const (
	// probeLabel marks a Pod with the name of its PullSecretRotation.
	probeLabel = "rotation.openshift.io/probe-of"
	// probeAccount is the service account of the Pods. It has no right, and its token is not mounted.
	probeAccount   = "credential-rotation-probe"
	probeContainer = "probe"
)

// probeName is the same for every attempt at a pool in a rotation, so that there are never two.
func (s *scope) probeName(pool string) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s/%s/%s", s.obj.UID, s.rotation().ID, pool)))
	return fmt.Sprintf("%s-probe-%s", strings.ReplaceAll(shortName(s.obj.Name), ".", "-"), hex.EncodeToString(sum[:8]))
}

// probePod pulls the image with the machine's own credentials, and stops there: its container needs a ConfigMap that does not exist, which kubelet
// looks for after the pull. So nothing of the image is ever run.
func (s *scope) probePod(row *v1alpha1.ProbeStatus, pool decide.Pool) *corev1.Pod {
	small := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.r.Options.Namespace, Name: row.Pod,
			Labels: map[string]string{probeLabel: shortName(s.obj.Name), "app.kubernetes.io/name": probeAccount},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "PullSecretRotation", Name: s.obj.Name, UID: s.obj.UID,
			}},
		},
		Spec: corev1.PodSpec{
			ServiceAccountName:            probeAccount,
			AutomountServiceAccountToken:  ptr.To(false),
			EnableServiceLinks:            ptr.To(false),
			RestartPolicy:                 corev1.RestartPolicyNever,
			ActiveDeadlineSeconds:         ptr.To(int64(math.Ceil(s.r.Options.ProbeAttempt.Seconds()))),
			TerminationGracePeriodSeconds: ptr.To(int64(0)),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Affinity:    &corev1.Affinity{NodeAffinity: s.affinity(row.Machine, pool)},
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: probeContainer, Image: row.Image, ImagePullPolicy: corev1.PullAlways,
				Resources: corev1.ResourceRequirements{Requests: small, Limits: small},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				Env: []corev1.EnvVar{{Name: "NEVER_RUN", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
					LocalObjectReference: corev1.LocalObjectReference{Name: row.Pod + "-is-never-run"}, Key: "none", Optional: ptr.To(false),
				}}}},
			}},
		},
	}
	return pod
}

// affinity binds the Pod to a machine or, where none is known by name, to those of the pool.
func (s *scope) affinity(machine string, pool decide.Pool) *corev1.NodeAffinity {
	var term corev1.NodeSelectorTerm
	switch {
	case machine != "":
		term.MatchFields = []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{machine}}}
	case pool.Nodes != nil:
		term.MatchExpressions = slices.Concat(selecting(pool.Nodes, corev1.NodeSelectorOpIn), s.notOfOthers(pool))
	default:
		term.MatchExpressions = []corev1.NodeSelectorRequirement{{Key: "node-role.kubernetes.io/" + pool.Name, Operator: corev1.NodeSelectorOpExists}}
	}
	return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}}}
}

// selecting are the requirements of a pool's selector.
func selecting(s *metav1.LabelSelector, is corev1.NodeSelectorOperator) []corev1.NodeSelectorRequirement {
	var list []corev1.NodeSelectorRequirement
	for key, value := range s.MatchLabels {
		list = append(list, corev1.NodeSelectorRequirement{Key: key, Operator: is, Values: []string{value}})
	}
	slices.SortFunc(list, func(a, b corev1.NodeSelectorRequirement) int { return strings.Compare(a.Key, b.Key) })
	for _, e := range s.MatchExpressions {
		list = append(list, corev1.NodeSelectorRequirement{Key: e.Key, Operator: corev1.NodeSelectorOperator(e.Operator), Values: e.Values})
	}
	return list
}

// notOfOthers leaves out of the pool worker the machines that carry another pool's label too: they belong to that one.
func (s *scope) notOfOthers(pool decide.Pool) []corev1.NodeSelectorRequirement {
	var list []corev1.NodeSelectorRequirement
	for _, other := range ptr.Deref(s.facts.Pools, nil) {
		if pool.Name == "worker" && other.Name != pool.Name && other.Nodes != nil && len(other.Nodes.MatchLabels) == 1 && len(other.Nodes.MatchExpressions) == 0 {
			list = append(list, selecting(other.Nodes, corev1.NodeSelectorOpNotIn)...)
		}
	}
	return list
}

// afterPull are the reasons with which kubelet waits once it has pulled the image.
var afterPull = []string{"CreateContainerConfigError", "CreateContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError", "RunContainerError", "CrashLoopBackOff"}

// pulled reads from a Pod's status whether its machine has pulled the image. Late is what it comes to if that does not change in time.
func pulled(p *corev1.Pod) (result, late v1alpha1.ProbeResult) {
	for _, c := range p.Status.ContainerStatuses {
		if c.Name != probeContainer {
			continue
		}
		if w := c.State.Waiting; w != nil && c.ImageID == "" {
			return waitingFor(w, p.Spec.Containers[0].Image)
		}
		unknown := c.State.Terminated != nil && c.State.Terminated.Reason == "ContainerStatusUnknown" // kubelet has killed what it never created
		if c.ImageID != "" || c.State.Running != nil || c.State.Terminated != nil && !unknown {
			return v1alpha1.ProbePulled, ""
		}
	}
	if p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded {
		return v1alpha1.ProbeNotStarted, "" // evicted, not admitted, or too late
	}
	return "", v1alpha1.ProbeNotStarted
}

func waitingFor(w *corev1.ContainerStateWaiting, image string) (result, late v1alpha1.ProbeResult) {
	switch {
	case slices.Contains(afterPull, w.Reason):
		return v1alpha1.ProbePulled, ""
	case w.Reason == "InvalidImageName":
		return v1alpha1.ProbeNotFound, ""
	case w.Reason == "ErrImagePull":
		return whyNot(w.Message, image), ""
	case w.Reason == "ImagePullBackOff":
		if result := whyNot(w.Message, image); result != v1alpha1.ProbeFailed {
			return result, ""
		}
		return "", v1alpha1.ProbeFailed // before Kubernetes 1.32 only ErrImagePull has the cause, and kubelet tries again
	case slices.Contains([]string{"RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed", "ErrImageNeverPull"}, w.Reason):
		return v1alpha1.ProbeFailed, ""
	}
	return "", v1alpha1.ProbeNotStarted
}

// What the container runtimes say of a pull that their registry refuses, or of an image that it does not have. Registries hide what a credential
// may not see, so a refusal is looked for first.
var (
	saysRefused = regexp.MustCompile(`unauthori[sz]ed|unauthenticated|authentication required|invalid username|access[a-z ]* denied|denied: |forbidden|authori[sz]ation failed|no basic auth|\b40[13]\b`)
	saysMissing = regexp.MustCompile(`manifest unknown|name unknown|not found|no such image|repository name not known|\b404\b`)
)

// whyNot judges kubelet's message about a failed pull. Nothing of the message is shown or kept.
func whyNot(message, image string) v1alpha1.ProbeResult {
	message = strings.ToLower(message)
	for _, name := range namesOf(strings.ToLower(image)) { // they may contain any of these words
		message = strings.ReplaceAll(message, name, "")
	}
	switch {
	case saysRefused.MatchString(message):
		return v1alpha1.ProbeRefused
	case saysMissing.MatchString(message):
		return v1alpha1.ProbeNotFound
	}
	return v1alpha1.ProbeFailed
}

// namesOf an image are itself, and its repository with and without the host.
func namesOf(image string) []string {
	repository, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		repository = repository[:i]
	}
	_, path, _ := strings.Cut(repository, "/")
	return []string{image, repository, path}
}
