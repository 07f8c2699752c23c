package pullsecretrotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	"github.com/openshift/credential-rotation-operator/test/harness"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

const privateImage = "quay.io/openshift-release-dev/probe:v1"

// probed is a spec whose machines pull privateImage.
func probed(spec *v1alpha1.PullSecretRotationSpec) {
	spec.Rollout.Probe = &v1alpha1.RolloutProbe{Image: privateImage, Timeout: &metav1.Duration{Duration: time.Hour}}
	spec.SiblingClusters = v1alpha1.SiblingsAllow
}

// kubelets are the machines' of two pools, in the scene's time.
type kubelets struct {
	*harness.Kubelet
	files map[string][]byte
	// refuses is true for a credential that the registry refuses to machines, whatever it says to the operator.
	refuses func(user, password string) bool
	says    string // of the runtime, instead of asking the registry
	most    int    // Pods that were there at once
	created []*corev1.Pod
}

// kubelets starts machines that pull. Pods get an id as from an API server.
func (s *scene) kubelets() *kubelets {
	s.t.Helper()
	s.pools("master", "worker")
	s.machines("master", "worker")
	k := &kubelets{files: map[string][]byte{s.rendered(): s.document(global)}}
	k.Kubelet = &harness.Kubelet{
		Client: s.api, Now: s.sim.Now, Cache: 5 * time.Minute, Dead: map[string]bool{},
		Bind: func(ctx context.Context, pod *corev1.Pod, machine string) error {
			pod.Spec.NodeName = machine
			return s.api.Update(ctx, pod)
		},
		File: func(ctx context.Context, machine string) ([]byte, error) {
			n := &machineconfigurationv1.MachineConfigNode{}
			if err := s.api.Get(ctx, client.ObjectKey{Name: machine}, n); err != nil {
				return nil, err
			}
			return k.files[n.Status.ConfigVersion.Current], nil
		},
		Pull: func(ctx context.Context, image, user, password string) error {
			host, _, _ := strings.Cut(image, "/")
			if k.says != "" {
				return errors.New(k.says)
			}
			if k.refuses != nil && k.refuses(user, password) || s.registries.Check(ctx, registry.Check{Registry: host, Image: image, Username: user, Password: password}).Outcome != registry.Accepted {
				return fmt.Errorf("initializing source docker://%s: reading manifest in %s: unauthorized: access to the requested resource is not authorized", image, host)
			}
			return nil
		},
	}
	s.validate = func(o client.Object) error {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			return nil
		}
		there := &corev1.PodList{}
		if err := s.api.List(s.t.Context(), there); err != nil {
			return err
		}
		k.most = max(k.most, len(there.Items)+1)
		pod.UID = types.UID(fmt.Sprintf("pod-%d", len(k.created)))
		k.created = append(k.created, pod.DeepCopy())
		return nil
	}
	s.afterLook = append(s.afterLook, func() {
		k.files[s.rendered()] = s.document(global)
		for range 2 { // bound, and then seen by the kubelet
			if err := k.Step(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
		if len(k.Ran()) > 0 {
			s.t.Fatalf("the image was run: %v", k.Ran())
		}
	})
	if err := k.Use(s.t.Context(), "master-0", "worker-0"); err != nil {
		s.t.Fatal(err)
	}
	return k
}

func (s *scene) pods() []corev1.Pod {
	s.t.Helper()
	list := &corev1.PodList{}
	if err := s.api.List(s.t.Context(), list); err != nil {
		s.t.Fatal(err)
	}
	return list.Items
}

// noPods fails if a Pod is left.
func (s *scene) noPods() {
	s.t.Helper()
	for _, p := range s.pods() {
		s.t.Errorf("the Pod %s is left", p.Name)
	}
}

func (s *scene) probe(pool string) v1alpha1.ProbeStatus {
	s.t.Helper()
	if r := s.get().Status.Rotation; r != nil {
		for _, p := range r.Probes {
			if p.Pool == pool {
				return p
			}
		}
	}
	return v1alpha1.ProbeStatus{}
}

// canPull fails unless the condition is as wanted.
func (s *scene) canPull(status metav1.ConditionStatus, reason string) {
	s.t.Helper()
	if is, why, message := s.condition(v1alpha1.ConditionMachinesCanPull); is != status || why != reason {
		s.t.Errorf("MachinesCanPull is %s, %s: %s; want %s, %s", is, why, message, status, reason)
	}
}

// underWay is a scene whose rotation has been applied and waits for a sibling.
func underWay(t *testing.T, changes ...func(*v1alpha1.PullSecretRotationSpec)) (*scene, *kubelets) {
	t.Helper()
	s := newScene(t, simocm.Options{})
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
	s.silent()
	k := s.kubelets()
	s.create(dueNow(append([]func(*v1alpha1.PullSecretRotationSpec){probed}, changes...)...))
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	s.until("the new entries are applied", day, applied)
	return s, k
}

func TestProbe_AMachineOfEachPoolPullsOnceItsKubeletHasForgottenTheOldFile(t *testing.T) {
	s, k := underWay(t)
	since := s.sim.Now()
	s.until("the machines are asked", time.Hour, func(*v1alpha1.PullSecretRotation) bool { return len(k.created) > 0 })
	if waited := s.sim.Now().Sub(since); waited < 5*time.Minute || waited > 7*time.Minute {
		t.Errorf("a machine was asked after %s", waited)
	}
	if _, reason, message := s.ready(); reason != v1alpha1.ReasonProbing || !strings.Contains(message, "worker") {
		t.Errorf("Ready says %s: %s", reason, message)
	}
	s.run(2 * time.Minute)
	s.canPull(metav1.ConditionTrue, v1alpha1.ReasonProbesPulled)
	s.noPods()
	fresh := s.issuedNow()[simocm.Quay]
	for _, p := range k.Pulls() {
		if auth(p.Username, p.Password) != fresh || p.Err != nil {
			t.Errorf("%s pulled with the old credential, or was refused: %v", p.Machine, p.Err)
		}
	}
	for _, pool := range []string{"master", "worker"} {
		if p := s.probe(pool); p.Result != v1alpha1.ProbePulled || p.EndedAt == nil || p.Machine != pool+"-0" || p.Pod != "" {
			t.Errorf("the probe is %+v", p)
		}
	}
	if len(k.created) != 2 || k.most > 2 {
		t.Errorf("%d Pods were created, %d were there at once", len(k.created), k.most)
	}
	if _, reason, _ := s.ready(); reason != v1alpha1.ReasonAwaitingRevocation {
		t.Errorf("Ready says %s", reason)
	}
	if !s.events.has("worker-0 of pool worker has pulled " + privateImage) {
		t.Errorf("the events are %q", s.events.lines)
	}
	s.run(2 * day)
	if len(k.created) != 2 {
		t.Errorf("%d Pods were created in the end", len(k.created))
	}
}

func TestProbe_ThePodHasNoRightsAndNothingOfItRuns(t *testing.T) {
	s, k := underWay(t)
	s.run(10 * time.Minute)
	pod := k.created[0]
	c := pod.Spec.Containers[0]
	switch {
	case c.ImagePullPolicy != corev1.PullAlways, c.Image != privateImage, len(pod.Spec.ImagePullSecrets) > 0:
		t.Error("it does not pull the image with the machine's own credentials")
	case pod.Spec.ServiceAccountName != "credential-rotation-probe", *pod.Spec.AutomountServiceAccountToken, len(pod.Spec.Volumes) > 0:
		t.Error("it has an identity")
	case !*pod.Spec.SecurityContext.RunAsNonRoot, pod.Spec.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault,
		*c.SecurityContext.AllowPrivilegeEscalation, !*c.SecurityContext.ReadOnlyRootFilesystem, c.SecurityContext.Capabilities.Drop[0] != "ALL":
		t.Error("it is not restricted")
	case c.Resources.Requests.Memory().IsZero(), c.Resources.Limits.Cpu().IsZero():
		t.Error("its resources are not limited")
	case *pod.Spec.ActiveDeadlineSeconds != 300, pod.Spec.RestartPolicy != corev1.RestartPolicyNever, *pod.Spec.TerminationGracePeriodSeconds != 0:
		t.Error("it does not end by itself")
	case len(pod.OwnerReferences) != 1 || pod.OwnerReferences[0].UID != s.get().UID:
		t.Error("the garbage collector would not remove it")
	}
}

// A refusal has the consequences that a registry's own has, with the same patience, and only if the entry that was replaced pulls the image.
func TestProbe_ARefusedMachineIsEvidenceAsARegistrysRefusalIs(t *testing.T) {
	s, k := underWay(t)
	old := s.get().Status.Rotation.Baseline
	fresh := s.issuedNow()[simocm.Quay]
	k.refuses = func(user, password string) bool { return auth(user, password) == fresh }
	s.until("a machine is refused", time.Hour, func(*v1alpha1.PullSecretRotation) bool { return s.probe("worker").RefusedSince != nil })
	since := s.sim.Now()
	s.run(25 * time.Minute)
	s.notRolledBack()
	s.notReady("refuses to serve "+privateImage, "restore the old entries")
	s.canPull(metav1.ConditionFalse, v1alpha1.ReasonProbeRefused)
	s.until("the old entries are back", time.Hour, func(o *v1alpha1.PullSecretRotation) bool { return o.Status.Rotation.RolledBackAt != nil })
	if waited := s.sim.Now().Sub(since); waited > 40*time.Minute {
		t.Errorf("it took %s", waited)
	}
	s.look()
	if s.entries(global)[simocm.Quay] == fresh || len(old) == 0 {
		t.Error("the old entry was not restored")
	}
	s.noPods()
	if k.most > 2 || !s.events.has(v1alpha1.ReasonProbeRefused) {
		t.Errorf("%d Pods were there at once; events %q", k.most, s.events.lines)
	}
}

func TestProbe_WhatIsNoEvidenceAgainstTheNewEntryRollsNothingBack(t *testing.T) {
	const image = "initializing source docker://" + privateImage + ": "
	for name, c := range map[string]struct {
		happens func(*scene, *kubelets)
		change  func(*v1alpha1.PullSecretRotationSpec)
		status  metav1.ConditionStatus
		reason  string
	}{
		"the registry refuses the old entry too": {status: metav1.ConditionFalse, reason: v1alpha1.ReasonProbeRefused, happens: func(s *scene, k *kubelets) {
			k.refuses = func(string, string) bool { return true }
			fresh := s.issuedNow()[simocm.Quay]
			s.registries.refuseAllBut(simocm.Quay, fresh)
		}},
		"spec.rollback is Never": {status: metav1.ConditionFalse, reason: v1alpha1.ReasonProbeRefused, happens: func(_ *scene, k *kubelets) {
			k.refuses = func(string, string) bool { return true }
		}, change: func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollback = v1alpha1.RollbackNever }},
		"the image is of a registry whose entry was not replaced": {status: metav1.ConditionFalse, reason: v1alpha1.ReasonProbeRefused, happens: func(s *scene, k *kubelets) {
			k.refuses = func(string, string) bool { return true }
		}, change: func(spec *v1alpha1.PullSecretRotationSpec) {
			spec.Rollout.Probe.Image = "mirror.example.com/forbidden/probe:v1"
		}},
		"the registry has no such image": {status: metav1.ConditionUnknown, reason: v1alpha1.ReasonProbeImageMissing, happens: func(_ *scene, k *kubelets) {
			k.says = image + "reading manifest v1 in quay.io/openshift-release-dev/probe: manifest unknown"
		}},
		"the machines cannot reach the registry": {status: metav1.ConditionFalse, reason: v1alpha1.ReasonProbeFailed, happens: func(_ *scene, k *kubelets) {
			k.says = image + "pinging container registry quay.io: Get \"https://quay.io/v2/\": dial tcp: lookup quay.io: i/o timeout"
		}},
		"the machines are dead": {status: metav1.ConditionUnknown, reason: v1alpha1.ReasonProbeNotStarted, happens: func(_ *scene, k *kubelets) {
			for i := range 3 {
				k.Dead[fmt.Sprintf("master-%d", i)], k.Dead[fmt.Sprintf("worker-%d", i)] = true, true
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*v1alpha1.PullSecretRotationSpec) {}
			}
			s, k := underWay(t, change)
			c.happens(s, k)
			s.run(2 * time.Hour)
			s.notRolledBack()
			s.canPull(c.status, c.reason)
			if c.reason != v1alpha1.ReasonProbeRefused {
				s.noPods()
				if p := s.probe("worker"); p.EndedAt == nil {
					t.Errorf("the probe goes on: %+v", p)
				}
				if !s.events.has(c.reason) {
					t.Errorf("no event tells of it: %q", s.events.lines)
				}
			}
			s.sim.CompleteEverything()
			s.until("the rotation has ended", 4*time.Hour, revoked)
			s.noPods()
		})
	}
}

func TestProbe_AMachineThatNeverBeginsIsReplacedByTheNext(t *testing.T) {
	s, k := underWay(t)
	k.Dead["worker-0"], k.Dead["worker-1"] = true, true
	s.run(40 * time.Minute)
	if p := s.probe("worker"); p.Result != v1alpha1.ProbePulled || p.Machine != "worker-2" {
		t.Errorf("the probe is %+v", p)
	}
	s.canPull(metav1.ConditionTrue, v1alpha1.ReasonProbesPulled)
	s.noPods()
}

func TestProbe_AnOldKubeletSaysWhyOnlyUntilItBacksOff(t *testing.T) {
	s, k := underWay(t)
	k.Old, k.refuses = true, func(string, string) bool { return true }
	s.run(30 * time.Minute)
	if p := s.probe("worker"); p.RefusedSince == nil {
		t.Errorf("the probe is %+v", p)
	}
}

func TestProbe_ThePoolsAreAskedWhereThereAreNoMachineConfigNodes(t *testing.T) {
	s, k := underWay(t, func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe.Pools = []string{"worker"} })
	for _, name := range []string{"master", "worker"} {
		s.pool(name, func(p *machineconfigurationv1.MachineConfigPool) {
			p.Spec.NodeSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"node-role.kubernetes.io/" + name: ""}}
		})
	}
	if err := s.api.DeleteAllOf(t.Context(), &machineconfigurationv1.MachineConfigNode{}); err != nil {
		t.Fatal(err)
	}
	s.until("a machine is asked", time.Hour, func(*v1alpha1.PullSecretRotation) bool { return len(k.created) > 0 })
	terms := k.created[0].Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	want := "[{[{node-role.kubernetes.io/worker In []} {node-role.kubernetes.io/master NotIn []}] []}]"
	if got := fmt.Sprint(terms); got != want {
		t.Errorf("the Pod is for %s, want %s", got, want)
	}
	if len(k.created) != 1 || s.probe("master").Pool != "" {
		t.Error("a pool is asked that the spec does not name")
	}
}

func TestProbe_NoPodOutlivesTheWishForItsAnswer(t *testing.T) {
	for name, end := range map[string]func(*scene){
		"suspend": func(s *scene) { s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Suspend = true }) },
		"no probe": func(s *scene) {
			s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe = nil })
		},
		"another pool": func(s *scene) {
			s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe.Pools = []string{"infra"} })
		},
		"mode Audit": func(s *scene) {
			s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Mode = v1alpha1.ModeAudit })
		},
		"an invalid name": func(s *scene) {
			s.edit(func(spec *v1alpha1.PullSecretRotationSpec) {
				spec.Suspend = true
				spec.Rollout.Probe.Image = "; rm -rf /"
			})
		},
		"deletion": func(s *scene) {
			if err := s.api.Delete(s.t.Context(), s.get()); err != nil {
				s.t.Fatal(err)
			}
		},
		"deletion while the operator was down": func(s *scene) {
			if err := s.api.Delete(s.t.Context(), s.get()); err != nil {
				s.t.Fatal(err)
			}
			s.restart()
		},
		"suspend while the operator was down": func(s *scene) {
			s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Suspend = true })
			s.restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, k := underWay(t)
			for _, pool := range []string{"master", "worker"} {
				k.Dead[pool+"-0"] = true // it never answers
			}
			s.until("the machines are asked", time.Hour, func(*v1alpha1.PullSecretRotation) bool { return len(s.pods()) == 2 })
			end(s)
			s.look()
			s.noPods()
		})
	}
}

// A process that dies between two effects leaves at most one Pod, which nobody believes and the next process removes.
func TestProbe_ACrashNeitherDoublesNorLeavesAPod(t *testing.T) {
	for _, lost := range []string{"before the Pod", "after the Pod", "before its UID is on record"} {
		t.Run(lost, func(t *testing.T) {
			s, k := underWay(t, func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe.Pools = []string{"worker"} })
			validate, crashed := s.validate, false
			s.validate = func(o client.Object) error {
				if _, ok := o.(*corev1.Pod); ok && !crashed && lost == "before the Pod" {
					crashed = true
					return errors.New("the process is gone")
				}
				return validate(o)
			}
			s.hooks.SubResourcePatch = func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if len(k.created) > 0 && !crashed && lost != "before the Pod" {
					crashed = true
					return errors.New("the process is gone")
				}
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			}
			s.until("the process dies", time.Hour, func(*v1alpha1.PullSecretRotation) bool { return crashed })
			s.restart()
			s.run(30 * time.Minute)
			s.noPods()
			if k.most > 1 || s.probe("worker").Result != v1alpha1.ProbePulled {
				t.Errorf("%d Pods at once, the probe is %+v", k.most, s.probe("worker"))
			}
		})
	}
}

// Whoever replaces the Pod by one of the same name is not believed.
func TestProbe_APodWhoseUIDIsNotOnRecordIsNotBelievedAndRemoved(t *testing.T) {
	s, k := underWay(t, func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe.Pools = []string{"worker"} })
	k.refuses = func(string, string) bool { return true }
	for i := range 3 {
		k.Dead[fmt.Sprintf("worker-%d", i)] = true
	}
	s.until("a machine is asked", time.Hour, func(*v1alpha1.PullSecretRotation) bool { return len(s.pods()) == 1 })
	forged := s.pods()[0].DeepCopy()
	if err := s.api.Delete(t.Context(), forged.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	forged.UID, forged.ResourceVersion = "forged", ""
	forged.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "probe", ImageID: "quay.io/x@sha256:0", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	status := forged.Status
	if err := s.api.Create(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	forged.Status = status
	if err := s.api.Status().Update(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	s.look()
	if p := s.probe("worker"); p.Result == v1alpha1.ProbePulled {
		t.Errorf("the forged Pod was believed: %+v", p)
	}
	if slices.ContainsFunc(s.pods(), func(p corev1.Pod) bool { return p.UID == "forged" }) {
		t.Error("the forged Pod is left")
	}
}

func TestProbe_AnAPIServerThatRefusesThePodIsReportedAndHoldsUpNothing(t *testing.T) {
	s, _ := underWay(t)
	s.validate = func(o client.Object) error {
		if _, ok := o.(*corev1.Pod); ok {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, o.GetName(), errors.New(`exceeded quota, and "SECRET-CANARY" is quoted`))
		}
		return nil
	}
	s.run(2 * time.Hour)
	s.canPull(metav1.ConditionUnknown, v1alpha1.ReasonProbeNotCreated)
	if _, reason, message := s.ready(); reason != v1alpha1.ReasonAwaitingRevocation || strings.Contains(message, "CANARY") {
		t.Errorf("Ready says %s: %s", reason, message)
	}
	s.noPods()
}

// A probe that has been switched on, or given another image, after the roll-out is carried out.
func TestProbe_ACorrectedImageIsPulledInTheSameRotation(t *testing.T) {
	s, k := underWay(t, func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe.Image = "quay.io/typo/probe:v1" })
	k.says = "reading manifest v1 in quay.io/typo/probe: name unknown: repository not found"
	s.run(2 * time.Hour)
	s.canPull(metav1.ConditionUnknown, v1alpha1.ReasonProbeImageMissing)
	k.says = ""
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Rollout.Probe.Image = privateImage })
	s.run(20 * time.Minute)
	s.canPull(metav1.ConditionTrue, v1alpha1.ReasonProbesPulled)
	s.noPods()
}
