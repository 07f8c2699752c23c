package capcredentialset

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// workloadBench is a bench with a Deployment in the namespace of the machines, which is in restartTargets, and a function
// that tells its note.
func workloadBench(t *testing.T) (*bench, func() string) {
	t.Helper()
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: machines.Namespace, Name: "d"}}
	set := propertySet()
	set.Spec.RestartTargets = []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: machines.Namespace, Name: "d"}}
	b := newBench(t, set, deployment)
	b.facts.requests = propertyRequests
	return b, func() string {
		t.Helper()
		d := &appsv1.Deployment{}
		if err := b.client.Get(t.Context(), client.ObjectKeyFromObject(deployment), d); err != nil {
			t.Fatal(err)
		}
		return d.Spec.Template.Annotations[v1alpha1.RestartedAtAnnotation]
	}
}

func TestAWorkload_IsRestartedForARefreshAlsoAfterTheClockWasSetBack(t *testing.T) {
	b, restartedAt := workloadBench(t)
	b.clock.SetTime(noon.Add(3 * time.Hour)) // before time synchronisation began
	b.start()
	b.round("cap")
	first := restartedAt()
	if first == "" {
		t.Fatal("the first refresh has not restarted it")
	}
	b.truth = b.truth.Add(time.Minute)
	b.clock.SetTime(b.truth)
	b.round("cap")
	if got, want := restartedAt(), b.truth.Format(time.RFC3339); got != want {
		t.Errorf("restarted at %s, want %s: it would use its old credential until the wrong time of before is reached", got, want)
	}
	b.pass(40 * time.Minute)
	b.round("cap")
	if got, want := restartedAt(), b.truth.Format(time.RFC3339); got != want {
		t.Errorf("after the next refresh restarted at %s, want %s", got, want)
	}
}

func TestAWorkload_IsRestartedAlsoWhileAnotherSecretOfItsNamespaceHasATimeFromTheFuture(t *testing.T) {
	b, restartedAt := workloadBench(t)
	other := ref(machines.Namespace, "other")
	b.facts.requests = append(b.facts.requests[:len(b.facts.requests):len(b.facts.requests)], request("other", other)) // of the default role
	b.clock.SetTime(noon.Add(3 * time.Hour))
	b.start()
	b.round("cap")
	b.portal.answers["r0"] = refuse(cap.RoleRefused)
	b.truth = b.truth.Add(time.Minute)
	b.clock.SetTime(b.truth)
	b.round("cap")
	if got, want := restartedAt(), b.truth.Format(time.RFC3339); got != want {
		t.Errorf("restarted at %s, want %s", got, want)
	}
}

func TestAWorkloadThatCouldNotBePatched_IsNotToldAsRestarted(t *testing.T) {
	b, restartedAt := workloadBench(t)
	recorder := events.NewFakeRecorder(100)
	b.r.recorder = recorder
	b.r.client = interceptor.NewClient(b.client.(client.WithWatch), interceptor.Funcs{
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return errors.New("no")
		},
	})
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonRestartFailed || restartedAt() != "" {
		t.Errorf("Ready is %s, restarted at %q", got, restartedAt())
	}
	for len(recorder.Events) > 0 {
		if e := <-recorder.Events; strings.Contains(e, v1alpha1.ReasonWorkloadRestarted) {
			t.Errorf("told as restarted: %s", e)
		}
	}
}

func TestAWorkload_IsRestartedForEachOfTwoRefreshesInOneSecond(t *testing.T) {
	b, restartedAt := workloadBench(t)
	b.start()
	b.round("cap")
	first := restartedAt()
	b.pass(100 * time.Millisecond)
	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) {
		for i := range spec.CredentialsRequests.Roles {
			spec.CredentialsRequests.Roles[i].Role = "r2"
		}
	})
	b.round("cap")
	if second := restartedAt(); first == "" || second == first {
		t.Errorf("restarted at %q and at %q: it still uses the credential of the first refresh", first, second)
	}
}

func TestAWorkload_IsNotRestartedForWhatAnotherLeaderHasRestartedItForMeanwhile(t *testing.T) {
	for _, test := range []struct {
		name string
		// newer is by how much the refresh that the other leader notes is.
		newer time.Duration
	}{{"the same refresh", 0}, {"a newer refresh", time.Minute}} {
		t.Run(test.name, func(t *testing.T) {
			b, restartedAt := workloadBench(t)
			b.start()
			patches, theirs := 0, b.truth.Add(test.newer).Format(time.RFC3339Nano)
			b.r.client = interceptor.NewClient(b.client.(client.WithWatch), interceptor.Funcs{
				Patch: func(ctx context.Context, api client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
					d := &appsv1.Deployment{}
					if err := api.Get(ctx, client.ObjectKeyFromObject(o), d); err != nil {
						return err
					}
					d.Spec.Template.Annotations = map[string]string{v1alpha1.RestartedAtAnnotation: theirs}
					if patches++; patches == 1 {
						if err := api.Update(ctx, d); err != nil {
							return err
						}
					}
					return api.Patch(ctx, o, patch, opts...)
				},
			})
			b.round("cap")
			if got := restartedAt(); got != theirs || patches != 1 {
				t.Errorf("after %d tries it has been restarted for the refresh at %s, want %s", patches, got, theirs)
			}
			if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got == v1alpha1.ReasonRestartFailed {
				t.Error("that counts as a failure")
			}
		})
	}
}
