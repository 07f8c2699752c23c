package harness

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestTap_CountsTheBytesOfAnswersAlsoOfForgottenRequests(t *testing.T) {
	w := newWorld(t)
	ref := client.ObjectKey{Namespace: w.installation.Namespace, Name: "counted"}
	s := secret(ref.Namespace, ref.Name)
	s.StringData = map[string]string{"key": strings.Repeat("x", 100<<10)}
	if err := cp.Client.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cp.Client.Delete(t.Context(), s) }()
	w.api.Forget()
	before := w.api.BytesOut()
	if err := w.operator.Get(t.Context(), ref, &corev1.Secret{}); err != nil {
		t.Fatal(err)
	}
	gets := w.api.Requests(func(r Recorded) bool { return r.Verb == "get" && r.Name == "counted" })
	if len(gets) != 1 || gets[0].BytesOut < 100 {
		t.Errorf("recorded %+v, want the bytes of one answer", gets)
	}
	if passed := w.api.BytesOut() - before; len(gets) == 1 && passed < gets[0].BytesOut {
		t.Errorf("%d bytes passed in all, %d of them for one answer", passed, gets[0].BytesOut)
	}
	w.api.Forget()
	if after := w.api.BytesOut(); after < before {
		t.Errorf("the total fell from %d to %d by forgetting", before, after)
	}
}
