package manifests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/config"
	"github.com/openshift/credential-rotation-operator/internal/cli/manager"
)

// waitABit is the interval of retries while the API server catches up.
func waitABit() { time.Sleep(50 * time.Millisecond) }

func kustomize(t *testing.T, dir string) []byte {
	t.Helper()
	cmd := exec.Command("go", "tool", "-modfile=hack/tools/go.mod", "kustomize", "build", dir)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kustomize build %s: %v: %s", dir, err, stderr.String())
	}
	return out
}

func TestInstall_IsWhatKustomizeBuilds(t *testing.T) {
	if got := kustomize(t, "config/default"); !bytes.Equal(got, config.Install()) {
		t.Error("config/install.yaml is outdated: run make manifests")
	}
	if got := kustomize(t, "config/prometheus"); !bytes.Equal(got, config.Monitoring()) {
		t.Error("config/monitoring.yaml is outdated: run make manifests")
	}
}

// TestMakeDeploy_InstallsTheGivenImage runs the target with a kubectl that prints its input.
func TestMakeDeploy_InstallsTheGivenImage(t *testing.T) {
	const image = "registry.example.com:5000/team/credential-rotation-operator@sha256:1111"
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte("#!/bin/sh\necho \"$@\" >&2; cat\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("make", "--silent", "deploy", "IMG="+image)
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	var called bytes.Buffer
	cmd.Stderr = &called
	got, err := cmd.Output()
	if err != nil || called.String() != "apply --server-side -f -\n" {
		t.Fatalf("%v: kubectl %s", err, called.String())
	}
	name := deployment(t).Spec.Template.Spec.Containers[0].Image
	if want := bytes.Replace(config.Install(), []byte(name), []byte(image), 1); !bytes.Equal(got, want) {
		t.Error("the applied manifests are not config/install.yaml with the image replaced")
	}
}

func TestInstall_AppliesAgainWithoutAChange(t *testing.T) {
	objects, err := decode(config.Install())
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		read := object.DeepCopy()
		key := client.ObjectKeyFromObject(object)
		if err := server.admin.Get(t.Context(), key, read); err != nil {
			t.Fatal(err)
		}
		before := read.GetGeneration()
		if err := apply(t.Context(), server.admin, object); err != nil {
			t.Error(err)
		}
		if err := server.admin.Get(t.Context(), key, read); err != nil {
			t.Fatal(err)
		}
		if read.GetGeneration() != before {
			t.Errorf("%s %s changed when it was applied again: a GitOps tool would never settle", read.GetKind(), read.GetName())
		}
	}
}

func deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := server.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "credential-rotation-operator"}, d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDeployment_StartsTheManagerWithValidFlags(t *testing.T) {
	args := deployment(t).Spec.Template.Spec.Containers[0].Args
	cmd := manager.NewCommand()
	if args[0] != cmd.Name() {
		t.Errorf("the first argument is %q, want the subcommand %q", args[0], cmd.Name())
	}
	if err := cmd.ParseFlags(args[1:]); err != nil {
		t.Errorf("the manager refuses its arguments %q: %v", args[1:], err)
	}
	if elect, err := cmd.Flags().GetBool("leader-elect"); err != nil || !elect {
		t.Error("two replicas run without leader election")
	}
}

func TestDeployment_PodsPassTheRestrictedSecurityStandard(t *testing.T) {
	d := deployment(t)
	pod := &corev1.Pod{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}
	pod.Namespace, pod.GenerateName = namespace, "operator-"
	// The namespace enforces the standard; the API server refuses what does not meet it.
	if err := server.admin.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("the operator's own namespace refuses its pods: %v", err)
	}
	// Not required by the standard: nothing is written into the image.
	if readOnly := pod.Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem; readOnly == nil || !*readOnly {
		t.Error("the root file system can be written to")
	}
	pod.Spec.Containers[0].SecurityContext = nil
	if err := server.admin.Create(t.Context(), pod, client.DryRunAll); err == nil {
		t.Error("a pod without a security context was admitted: the namespace does not enforce the standard")
	}
}

func TestDeployment_StartsBeforeThereAreWorkers(t *testing.T) {
	spec := deployment(t).Spec.Template.Spec
	if spec.PriorityClassName != "system-cluster-critical" {
		t.Errorf("priority class is %q: workloads could prevent the operator from running", spec.PriorityClassName)
	}
	for _, key := range []string{"node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"} {
		taint := corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule}
		tolerated := false
		for _, toleration := range spec.Tolerations {
			tolerated = tolerated || toleration.Key == taint.Key && toleration.Operator == corev1.TolerationOpExists && toleration.Effect == taint.Effect
		}
		if !tolerated {
			t.Errorf("the taint %s is not tolerated: workers need the credentials before there are workers", key)
		}
	}
}

func TestDeployment_KnowsItsOwnNamespace(t *testing.T) {
	for _, env := range deployment(t).Spec.Template.Spec.Containers[0].Env {
		if env.Name == "POD_NAMESPACE" && env.ValueFrom != nil && env.ValueFrom.FieldRef.FieldPath == "metadata.namespace" {
			return
		}
	}
	t.Error("POD_NAMESPACE is not set from the pod's own namespace")
}

func TestSamples_AreValid(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "samples", "rotation_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	built, err := decode(kustomize(t, "config/samples"))
	if err != nil {
		t.Fatal(err)
	}
	if len(built) != len(files) {
		t.Errorf("config/samples/kustomization.yaml has %d samples, the directory %d", len(built), len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			objects, err := decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range objects {
				// Strict: an unknown field is a mistake of the sample.
				err := client.WithFieldValidation(server.admin, metav1.FieldValidationStrict).Create(t.Context(), object)
				if err != nil {
					t.Errorf("%s: %v", object.GetName(), err)
				}
			}
		})
	}
}
