package apiserver_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
)

// TestConformance_TheServerInMemoryAnswersLikeTheRealOne runs each script on both and compares what they answer, line by line.
func TestConformance_TheServerInMemoryAnswersLikeTheRealOne(t *testing.T) {
	cp, err := harness.StartControlPlane(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Stop() })
	api, err := client.NewWithWatch(cp.Admin, client.Options{Scheme: cp.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			namespace := fmt.Sprintf("script-%d", i)
			actual := newRun(t, api, namespace, func() {})
			s.play(actual)
			memory := newMemory(t, cp.Scheme)
			simulated := newRun(t, memory, namespace, memory.Compact)
			s.play(simulated)
			compare(t, actual.lines, simulated.lines)
		})
	}
}

func newMemory(t *testing.T, scheme *runtime.Scheme) *apiserver.Server {
	t.Helper()
	s, err := apiserver.New(apiserver.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newRun prepares a namespace of the script's own.
func newRun(t *testing.T, api client.WithWatch, namespace string, compact func()) *run {
	t.Helper()
	if err := api.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	return &run{t: t, api: api, namespace: namespace, compact: compact, versions: map[string][]string{}, uids: map[string][]string{}}
}

func compare(t *testing.T, actual, memory []string) {
	t.Helper()
	if len(actual) == 0 {
		t.Fatal("the script says nothing")
	}
	for i := range max(len(actual), len(memory)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(actual) {
			a = actual[i]
		}
		if i < len(memory) {
			b = memory[i]
		}
		if a != b {
			t.Errorf("line %d:\nkube-apiserver: %s\nin memory:      %s", i+1, a, b)
		}
	}
	if t.Failed() {
		t.Log("kube-apiserver:\n" + strings.Join(actual, "\n"))
	}
}
