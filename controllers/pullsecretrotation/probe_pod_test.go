package pullsecretrotation

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// What kubelets and their runtimes say.
func TestPulled_ReadsFromThePodsStatusAlone(t *testing.T) {
	waiting := func(reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	}
	const image = "quay.io/unauthorized/not-found:v1"
	for name, c := range map[string]struct {
		phase        corev1.PodPhase
		status       corev1.ContainerStatus
		result, late v1alpha1.ProbeResult
	}{
		"it is not bound yet":              {late: v1alpha1.ProbeNotStarted},
		"it is created":                    {status: waiting("ContainerCreating", ""), late: v1alpha1.ProbeNotStarted},
		"a reason that nobody knows":       {status: waiting("Pondering", "unauthorized"), late: v1alpha1.ProbeNotStarted},
		"pulled, and the ConfigMap is not": {status: waiting("CreateContainerConfigError", `configmap "x" not found`), result: v1alpha1.ProbePulled},
		"pulled, and it would run as root": {status: waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"), result: v1alpha1.ProbePulled},
		"it runs":                          {status: corev1.ContainerStatus{ImageID: "x", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, result: v1alpha1.ProbePulled},
		"it has run":                       {phase: corev1.PodFailed, status: corev1.ContainerStatus{ImageID: "x", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error"}}}, result: v1alpha1.ProbePulled},
		"it was killed before": {phase: corev1.PodFailed, status: corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "ContainerStatusUnknown"}}},
			result: v1alpha1.ProbeNotStarted},
		"the machine does not take it": {phase: corev1.PodFailed, result: v1alpha1.ProbeNotStarted},
		"CRI-O, quay.io":               {status: waiting("ErrImagePull", "initializing source docker://"+image+": reading manifest v1 in quay.io/unauthorized/not-found: unauthorized: access to the requested resource is not authorized"), result: v1alpha1.ProbeRefused},
		"CRI-O, registry.redhat.io":    {status: waiting("ErrImagePull", "initializing source docker://"+image+": unable to retrieve auth token: invalid username/password: unauthorized: Please login to the Red Hat Registry"), result: v1alpha1.ProbeRefused},
		"CRI-O, denied":                {status: waiting("ErrImagePull", "reading manifest v1: requested access to the resource is denied"), result: v1alpha1.ProbeRefused},
		"containerd":                   {status: waiting("ErrImagePull", `failed to pull and unpack image "`+image+`": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized`), result: v1alpha1.ProbeRefused},
		"backing off, with the cause":  {status: waiting("ImagePullBackOff", `Back-off pulling image "`+image+`": ErrImagePull: reading manifest: unauthorized: access`), result: v1alpha1.ProbeRefused},
		"backing off, without":         {status: waiting("ImagePullBackOff", `Back-off pulling image "`+image+`"`), late: v1alpha1.ProbeFailed},
		"no such tag":                  {status: waiting("ErrImagePull", "reading manifest v1 in "+strings.TrimSuffix(image, ":v1")+": manifest unknown"), result: v1alpha1.ProbeNotFound},
		"no such name":                 {status: waiting("InvalidImageName", "couldn't parse image name"), result: v1alpha1.ProbeNotFound},
		"no network":                   {status: waiting("ErrImagePull", `pinging container registry quay.io: Get "https://quay.io/v2/": dial tcp: lookup quay.io: i/o timeout`), result: v1alpha1.ProbeFailed},
		"only the image's name says so": {status: waiting("ErrImagePull", "initializing source docker://"+image+": connection refused"),
			result: v1alpha1.ProbeFailed},
		"too many requests": {status: waiting("ErrImagePull", "toomanyrequests: rate limit exceeded"), result: v1alpha1.ProbeFailed},
		"a signature":       {status: waiting("SignatureValidationFailed", "forbidden by policy"), result: v1alpha1.ProbeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: probeContainer, Image: image}}}}
			c.status.Name = probeContainer
			pod.Status.Phase, pod.Status.ContainerStatuses = c.phase, []corev1.ContainerStatus{c.status}
			if result, late := pulled(pod); result != c.result || late != c.late {
				t.Errorf("it is %q, else %q; want %q, else %q", result, late, c.result, c.late)
			}
		})
	}
}

func TestEntryFor_IsTheOneThatKubeletTriesFirst(t *testing.T) {
	doc, err := pullsecret.Parse([]byte(`{"auths":{"quay.io":{"auth":"YTpi"},"quay.io/org":{"auth":"YTpi"},"https://quay.io/org/deep":{"auth":"YTpi"},"registry.redhat.io":{"auth":"YTpi"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{
		"quay.io/other/x:1": "quay.io", "quay.io/org/x:1": "quay.io/org", "quay.io/org/deep/x:1": "https://quay.io/org/deep",
		"registry.redhat.io/ubi8@sha256:0": "registry.redhat.io", "docker.io/library/x:1": "",
	} {
		if got, _ := entryFor(doc, image); got != want {
			t.Errorf("for %s it is %q, want %q", image, got, want)
		}
	}
}
